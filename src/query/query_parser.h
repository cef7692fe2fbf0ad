// From the text of a query to the plan the index is asked (docs/search-language.md says what a text means).
//
//   red "sofa bed" -leather   ->  clause {red}, clause {"sofa bed" required}, clause {leather excluded}
//
// Each word becomes a clause of alternatives: the word, its stems, misspellings it may be of (by its length,
// the catalogue's own words and their frequency), completions of the last word, two words written as one and
// one as two, synonyms, other scripts' spellings. A plan is bounded whatever the text: words beyond
// QueryLimits::kWords are ignored and counted, alternatives of a word are at most QueryLimits::kAlternatives.
//
// Threads: const and without state of its own; any thread, under an EpochGuard (the vocabulary needs it).
// Cost: a few microseconds a word that the catalogue has; the time of a fuzzy look-up for one it has not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "index/query_plan.h"
#include "query/synonyms.h"
#include "query/vocabulary.h"
#include "settings/search_settings.h"
#include "text/analyzer.h"

namespace freshet {

struct QueryLimits {
  static constexpr size_t kBytes = 4096;       // A longer text is an error.
  static constexpr size_t kWords = 24;         // Later words are ignored.
  static constexpr size_t kAlternatives = 48;  // of one word
  static constexpr size_t kCompletions = 12;   // of the last word
  static constexpr size_t kTypos = 6;          // of one word
};

struct QueryOptions {
  Language language = Language::kAuto;
  bool prefix = true;  // The last word may be the beginning of one (never when a space follows it).
  TypoPolicy typo;     // words_excluded is not looked at: see never_corrected.
  Relaxation relaxation = Relaxation::kWords;
  bool language_stop_words = true;
  // Folded and sorted: function words besides those of the language; words that are right as they are typed.
  std::span<const std::string> stop_words, never_corrected;
  Scoring scoring;
  uint32_t typo_fields = ~0u;  // Bit f: a misspelling may match in field f. 0: as if typo.enabled were false.
};

// One word (or quoted phrase) as understood.
struct QueryWord {
  std::string text;             // folded
  uint32_t begin = 0, end = 0;  // Bytes in the query.
  uint32_t clause = 0;          // Its clause in the plan.
  bool stop_word = false;       // Has no clause when other words have.
  bool phrase = false, excluded = false;
  bool known = true;       // Some item has it (or its stem, parts, joint form or a synonym).
  std::string correction;  // The likeliest word meant when it is not known; empty: none.
};

struct ParsedQuery {
  QueryPlan plan;  // No clauses: the text has no words.
  std::vector<QueryWord> words;
  Language language = Language::kNone;  // the words were analysed in
  std::string did_you_mean;  // The query with unknown words corrected; empty: nothing better known.
  uint32_t words_ignored = 0;
};

class QueryParser {
 public:
  // Both must outlive the parser. `synonyms` may be null.
  QueryParser(const Analyzer& analyzer, const SynonymTable* synonyms)
      : analyzer_(analyzer), synonyms_(synonyms) {}

  // kInvalid: the text is longer than QueryLimits::kBytes, or not UTF-8.
  Result<ParsedQuery> parse(std::string_view text, const QueryOptions& options,
                            const Vocabulary& vocabulary) const;

 private:
  const Analyzer& analyzer_;
  const SynonymTable* const synonyms_;
};

// What to ask next when a plan has found nothing (or too little), by the declared strategy; `step` counts
// from 1. False: nothing is left to try. `dropped`: the words the plan does without, as typed, separated by
// spaces.
bool relax(const ParsedQuery& query, Relaxation relaxation, uint32_t step, QueryPlan& plan,
           std::string& dropped);

}  // namespace freshet
