// The shop's synonyms in the form queries look them up: by the words of the query, longest first. Never in
// the index: a change holds from the next query on.
//
// A `#` in `from` or `words` stands for any number, the same in both: "# inch tv" -> "#in television".
//
// Immutable once built; of the size of the synonyms themselves (a set of n texts is kept once, not n times).
// Threads: any. Cost: one hash look-up for each word and length of the query, and kTargetsMax for what is
// found.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "settings/search_settings.h"
#include "text/analyzer.h"

namespace freshet {

class SynonymTable {
 public:
  struct Target {
    const std::vector<std::string>* words;  // folded; "#": the number found
    float weight = 0.9f;
    bool correction = false;
  };
  static constexpr size_t kWordsMax = 10;    // of one side
  static constexpr size_t kTargetsMax = 64;  // of one source
  static constexpr double kSameWeight = 0.9, kCorrectionWeight = 0.6;

  SynonymTable() = default;
  SynonymTable(std::span<const Synonym> synonyms, const Analyzer& analyzer);

  // What the words joined by single spaces may also be called, in the order of the synonyms; empty: nothing
  // is known.
  std::vector<Target> find(const std::string& words) const;
  size_t longest() const { return longest_; }  // words of the longest source; 0: the table is empty
  bool empty() const { return places_.empty(); }

 private:
  using Phrase = std::vector<std::string>;
  struct Set {
    std::vector<Phrase> phrases;
    float weight = 0.9f;
    bool correction = false;
  };
  struct Place {
    uint32_t set, phrase;
  };
  void add_place(uint32_t set, uint32_t phrase);

  std::vector<Set> sets_;
  std::unordered_map<std::string, std::vector<Place>> places_;
  size_t longest_ = 0;
};

// The words of a text as synonyms are keyed: folded, separators gone, "#" kept.
std::vector<std::string> synonym_words(const Analyzer& analyzer, std::string_view text);

}  // namespace freshet
