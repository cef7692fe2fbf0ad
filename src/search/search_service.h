// Answers searches from what the fold has published. The way of one search is in search_service.cc, a line a
// step.
//
// Threads: any; every method reads under one EpochGuard and waits for nothing. Cost: docs/benchmarks.md.
#pragma once

#include "clicks/click_model.h"
#include "rank/ranker.h"
#include "search/search.h"
#include "search/search_state.h"
#include "suggest/intent.h"
#include "suggest/suggestions.h"
#include "vector/item_vectors.h"

namespace freshet {

class SearchService {
 public:
  // Each of the last four may be null: then there is only the search by words; no kind of item is lifted; a
  // better query is known from its spelling only; clicks teach nothing.
  SearchService(const Catalog& catalog, const Settings& settings, const SearchState& state,
                const SearchConfig& config, const ItemVectors* vectors = nullptr,
                const Intent* intent = nullptr, const Suggestions* suggestions = nullptr,
                const ClickModel* clicks = nullptr)
      : catalog_(catalog),
        settings_(settings),
        state_(state),
        vectors_(vectors),
        intent_(intent),
        suggestions_(suggestions),
        clicks_(clicks),
        config_(config) {}

  // From now on the order of searches is the ranker's too. Before the first request.
  void rank_with(const Ranker& ranker, const Profiles& profiles) {
    ranker_ = &ranker;
    profiles_ = &profiles;
  }

  // `now_ms`: the fold's clock. kInvalid: names the field and what was expected.
  Result<SearchAnswer> search(const SearchRequest& request, TimeMs now_ms) const;
  Result<BrowseAnswer> browse(const BrowseRequest& request) const;

 private:
  const Catalog& catalog_;
  const Settings& settings_;
  const SearchState& state_;
  const ItemVectors* const vectors_;
  const Intent* const intent_;
  const Suggestions* const suggestions_;
  const ClickModel* const clicks_;
  const Ranker* ranker_ = nullptr;
  const Profiles* profiles_ = nullptr;
  const SearchConfig config_;
};

}  // namespace freshet
