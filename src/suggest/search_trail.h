// Which search an action follows: the last search of each shopper, remembered for a while.
//
// An action belongs to the query it names (event.query), else to the search of its query_id, else to the last
// search of its shopper when that is at most `window_ms` old. The last `searches_max` searches are kept
// (about 150 bytes each); older ones are forgotten in log order.
//
// Threads: fold thread only. It must stand before the folds that ask it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

struct SearchTrailConfig {
  uint32_t searches_max = 65'536;
  TimeMs window_ms = 10 * 60 * 1000;
  size_t query_bytes_max = 200;  // Longer queries are cut between words.
};

class SearchTrail final : public Fold {
 public:
  explicit SearchTrail(const Moment& moment, SearchTrailConfig config = {});

  std::string_view name() const override { return "trail"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Of the event being folded. Queries are folded (text/words.h). Empty: none.
  std::string_view query() const { return query_; }    // A search's own, or that an action follows.
  std::string_view before() const { return before_; }  // Search only: the shopper's search before it.
  bool before_acted() const { return before_acted_; }  // Something was clicked or bought after `before`.
  double before_results() const { return before_results_; }  // NaN: not known
  uint64_t shopper() const { return shopper_; }              // Hash of the shopper's id; 0: nobody named

 private:
  struct Search {
    uint64_t shopper = 0;
    uint64_t query_id = 0;  // Hash; 0: none
    TimeMs time_ms = 0;
    double results = 0;
    bool acted = false;
    std::string query;
  };

  void put(Search search);
  Search* find(const std::unordered_map<uint64_t, uint32_t>& map, uint64_t key);

  const Moment& moment_;
  const SearchTrailConfig config_;
  std::vector<Search> ring_;
  uint32_t at_ = 0;                                                  // Next to overwrite.
  std::unordered_map<uint64_t, uint32_t> by_shopper_, by_query_id_;  // -> place in ring_; never walked
  std::string query_, before_;
  bool before_acted_ = false;
  double before_results_ = kNoNumber;
  uint64_t shopper_ = 0;
};

}  // namespace freshet
