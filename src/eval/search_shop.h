// A shop in memory that holds judged items and answers searches the way the server does: the same folds, the
// same service, the same settings.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "eval/search_eval.h"
#include "feature/entry.h"
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

 private:
  SearchShop();
  void apply(Event event);
  void fill(const SearchData& data);

  SearchConfig config_;
  Moment moment_;
  Entry entry_;
  Settings settings_;
  Catalog catalog_;
  SearchState state_;
  SearchService service_;
  uint64_t events_ = 0, items_unnamed_ = 0, items_replaced_ = 0;
  std::unordered_map<std::string, uint32_t>
      numbers_;  // id -> index of its first row in the data, as labels have it
};

}  // namespace freshet
