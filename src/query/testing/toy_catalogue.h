// A catalogue of titles in a real index, for tests of queries.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "index/search_index.h"
#include "query/query_parser.h"
#include "text/analyzer.h"

namespace freshet {

class ToyCatalogue {
 public:
  explicit ToyCatalogue(std::vector<std::string> titles, AnalyzerConfig config = {},
                        Language language = Language::kAuto)
      : analyzer(std::move(config)),
        index(SearchIndexConfig{.background = false}),
        titles_(std::move(titles)) {
    std::vector<Token> tokens;
    std::vector<IndexToken> text;
    for (uint32_t slot = 0; slot < titles_.size(); slot++) {
      analyzer.analyze(titles_[slot], language, false, tokens);
      text.clear();
      for (const Token& token : tokens) text.push_back({token.term, token.position});
      const FieldText field{0, text};
      CHECK(index.update(slot, {&field, 1}).ok());
    }
  }

  Result<ParsedQuery> parse(std::string_view query, const QueryOptions& options = {},
                            const SynonymTable* synonyms = nullptr) const {
    const EpochGuard guard;
    return QueryParser(analyzer, synonyms).parse(query, options, IndexVocabulary(index));
  }

  // Titles found, best first.
  std::vector<std::string> search(std::string_view query, const QueryOptions& options = {},
                                  const SynonymTable* synonyms = nullptr) const {
    const EpochGuard guard;
    const auto parsed = QueryParser(analyzer, synonyms).parse(query, options, IndexVocabulary(index));
    CHECK(parsed.ok());
    std::vector<Hit> hits;
    if (!parsed->plan.clauses.empty()) index.top(parsed->plan, nullptr, 100, hits);
    std::vector<std::string> found;
    for (const Hit& hit : hits) found.push_back(titles_[hit.slot]);
    return found;
  }

  Analyzer analyzer;
  SearchIndex index;

 private:
  const std::vector<std::string> titles_;
};

}  // namespace freshet
