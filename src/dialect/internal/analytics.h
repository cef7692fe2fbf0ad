// What was searched for, day by day, and what came of it: counted from the log's own events by a reader of
// its own, so that no fold carries it and nothing waits for it. In memory only; read again from the log when
// the program starts and when a person was erased.
//
// Counted: searches with how many found something, clicks, carts and purchases that bear a search's query id.
// A search is not counted for itself when the same shopper's next one, within kTypingMs, goes on with the
// same text (letters typed), nor a further page of a search.
//
// Bounds: kDaysMax days of kQueriesPerDay different queries each (about 130 bytes a row: 50 MB when all are
// full; a day's further queries count in its totals only), kTrailMax searches that clicks are joined to,
// kTypistsMax shoppers. Of a longer log the last kEventsMax events are read.
//
// Threads: SearchCounts one; SearchAnalytics any.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace freshet::dialect_internal {

// Days since 1970-01-01, UTC.
using Day = int32_t;

struct SearchTotals {
  uint64_t searches = 0, without_results = 0;
  uint64_t clicked = 0;  // Searches with at least one click.
  uint64_t converted = 0, carted = 0,
           bought = 0;                     // Searches with at least one of them; converted: of either.
  uint64_t clicks = 0, placed_clicks = 0;  // placed: with a known position
  uint64_t position_sum = 0;               // Of the placed ones, counted from 1.
  void add(const SearchTotals& other);
};

struct QueryRow {
  std::string query;  // As typed, without spaces around; the first spelling of its words.
  SearchTotals totals;
  double last_found = 0;
};

struct AnalyticsSpan {
  Day first = 0, last = 0;  // Both included.
};

class SearchCounts {
 public:
  static constexpr size_t kDaysMax = 92, kQueriesPerDay = 4096, kTrailMax = 65'536, kTypistsMax = 16'384;
  static constexpr size_t kPlacesMax = 32, kQueryBytesMax = 200;
  static constexpr TimeMs kTypingMs = 20'000;

  void apply(const Event& event);

  std::vector<QueryRow> queries(AnalyticsSpan span) const;  // Every one kept, most searched first.
  SearchTotals totals(AnalyticsSpan span) const;
  std::vector<std::pair<Day, SearchTotals>> by_day(AnalyticsSpan span) const;  // Days with searches.
  std::array<uint64_t, 21> positions(AnalyticsSpan span) const;                // [1..20]; [0]: beyond
  std::map<std::string, double> revenue(AnalyticsSpan span) const;             // By currency.
  uint64_t users(AnalyticsSpan span) const;  // Estimated by linear counting; at most some 40,000 a day.
  AnalyticsSpan all() const;
  bool empty() const { return days_.empty(); }
  TimeMs last_ms() const { return last_ms_; }

 private:
  static constexpr size_t kUserBits = 16'384;
  struct DayCounts {
    SearchTotals totals;
    std::vector<QueryRow> rows;
    std::unordered_map<uint64_t, uint32_t> by_hash;  // Of the folded query -> row; never walked
    std::array<uint64_t, 21> positions{};
    std::map<std::string, double> revenue;
    std::vector<uint64_t> users;  // Bits by hash.
  };
  struct Search {  // What later events are joined to.
    uint64_t id = 0;
    Day day = 0;
    uint32_t row = 0, from = 0;
    bool counted = false, nothing = false, clicked = false, carted = false, bought = false;
    std::array<uint32_t, kPlacesMax> places{};  // Hashes of the items shown.
  };
  struct Typist {
    uint64_t user = 0;
    TimeMs time_ms = 0;
    uint32_t trail = 0;
    uint64_t trail_id = 0;
    std::string query;
  };

  void search(const Event& event);
  void shown(const Event& event);
  void acted(const Event& event);
  DayCounts* day(Day day);
  QueryRow* row(DayCounts& day, uint32_t number);
  Search* joined(const Event& event);
  void forget_letters(const Event& event, const std::string& query);

  std::map<Day, DayCounts> days_;
  std::vector<Search> trail_;
  size_t next_ = 0;
  std::unordered_map<uint64_t, uint32_t> by_id_;  // Hash of a query id -> place in trail_; never walked
  std::vector<Typist> typists_ = std::vector<Typist>(kTypistsMax);  // By hash; a newer one takes the place.
  TimeMs last_ms_ = kNoTime;
};

class SearchAnalytics {
 public:
  static constexpr Offset kEventsMax = 20'000'000;

  explicit SearchAnalytics(Engine& engine) : engine_(engine) {}
  ~SearchAnalytics() { stop(); }
  void start();
  void stop();  // Idempotent.

  // Calls `use` with the counts, which stand still meanwhile.
  template <class Use>
  auto read(const Use& use) const {
    const std::lock_guard lock(mutex_);
    return use(static_cast<const SearchCounts&>(*counts_));
  }

 private:
  void loop();
  bool follow(Cursor& cursor);  // False: begin anew.

  Engine& engine_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // Guards counts_.
  std::unique_ptr<SearchCounts> counts_ = std::make_unique<SearchCounts>();
  Offset erased_before_ = 0;  // Erasures below are in what is read. Of the thread.
  std::thread thread_;
};

}  // namespace freshet::dialect_internal
