// A shop in memory that holds judged items and answers searches the way the server does: the same folds, the
// same service, the same settings.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "clicks/click_model.h"
#include "eval/search_eval.h"
#include "feature/entry.h"
#include "feature/profiles.h"
#include "rank/ranker.h"
#include "sample/joiner.h"
#include "search/search_service.h"

namespace freshet {

class SearchShop {
 public:
  // `settings`: as JSON (docs/search.md); empty: the defaults.
  static Result<std::unique_ptr<SearchShop>> open(const SearchData& data, const std::string& settings_json);
  ~SearchShop();

  // Rows of the data that were not taken: without an id; whose id a later row has.
  uint64_t items_unnamed() const { return items_unnamed_; }
  uint64_t items_replaced() const { return items_replaced_; }

  Result<std::vector<RankedItem>> search(const std::string& query, size_t k) const;

  // A page of ten as a shopper gets it: with what it tries out, and put on record. `time_ms` since the start.
  // shopper: empty: nobody known.
  Result<std::vector<RankedItem>> serve(const std::string& query, const std::string& shopper, TimeMs time_ms);
  // What the shopper clicks on the page that was served last.
  void click(uint32_t item, TimeMs time_ms);
  const ClickModel& clicks() const { return clicks_; }
  const Ranker& ranker() const { return ranker_; }

 private:
  SearchShop();
  void apply(Event event);
  Result<SearchAnswer> answer(const std::string& query, const std::string& shopper, size_t k,
                              uint64_t explore) const;
  std::vector<RankedItem> ranked(const SearchAnswer& answer) const;
  void fill(const SearchData& data);

  SearchConfig config_;
  Moment moment_;
  Entry entry_;
  Settings settings_;
  Catalog catalog_;
  Joiner joiner_;
  ClickModel clicks_;
  Profiles profiles_;
  Contexts contexts_;
  Ranker ranker_;
  SearchState state_;
  SearchService service_;
  uint64_t events_ = 0, items_unnamed_ = 0, items_replaced_ = 0;
  uint64_t pages_ = 0;
  std::string shopper_;           // Of the page that was served last.
  std::vector<std::string> ids_;  // By row of the data.
  std::unordered_map<std::string, uint32_t>
      numbers_;  // id -> index of its first row in the data, as labels have it
};

}  // namespace freshet
