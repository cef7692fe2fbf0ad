// The events of a generated shop, in order of time, without end: the catalogue first, then what its shoppers
// do of their own accord and through its search page, with deliveries, price and stock changes, weather and
// holidays between.
//
// A visit: perhaps a search (query, impression of ten results, clicks by the choice model), then views found
// by wandering, carts, a purchase; days later perhaps a rating or a refund. Some visits begin unknown and are
// linked to the shopper by an identity-link.
//
// Deterministic: the n-th event is a function of the options. Cost: about 1 us an event. Threads: one.
#pragma once

#include <deque>
#include <memory>
#include <queue>
#include <vector>

#include "base/hash.h"
#include "eval/simulate.h"

namespace freshet::simulate {

struct StreamOptions {
  double visits_per_day = 350;  // Of the whole shop, on average.
  bool catalogue = true;        // Begin with an item-upsert for each item there from the first.
  bool impressions = true;      // Of search results.
};

// About how many events a visit makes on average; to go from events and days to visits a day.
constexpr double kEventsPerVisit = 8.0;

// Who bought what, and when the next visit begins. Shared by the stream and by the judge.
class Population {
 public:
  static constexpr size_t kOwnedMax = 6;

  Population(const Shop& shop, double visits_per_day);
  std::span<const Owned> owned(uint32_t shopper) const {
    return {owned_.data() + shopper * kOwnedMax, owned_count_[shopper]};
  }
  void bought(uint32_t shopper, uint32_t item, TimeMs now);  // The oldest purchase is forgotten.

  // The next visit: its time and its shopper, nobody who is in a visit already.
  TimeMs next_time() const { return next_ms_; }
  uint32_t next_shopper();
  void end_visit(uint32_t shopper) { visiting_[shopper] = 0; }

 private:
  const Shop& shop_;
  double gap_ms_;
  TimeMs next_ms_;
  uint64_t visits_ = 0;
  std::vector<Owned> owned_;
  std::vector<uint8_t> owned_count_, owned_next_, visiting_;
};

// Weather, holidays and promotions that begin on the day that begins at `day`; `first`: that hold on it.
std::vector<Event> context_events(const Shop& shop, TimeMs day, bool first);

class Stream {
 public:
  Stream(const Shop& shop, const StreamOptions& options);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void next(Event& out);

 private:
  // Something of a visit that is decided but has not happened yet.
  struct Planned {
    EventType type;
    uint32_t item;
    uint32_t place;
  };
  struct ActiveVisit;
  struct Due {
    TimeMs time_ms;
    uint64_t order;  // Among equal times.
    uint32_t visit;  // Index into visits_; kLater: the front of later_.
    bool operator>(const Due& b) const {
      return time_ms != b.time_ms ? time_ms > b.time_ms : order > b.order;
    }
  };
  struct Later {
    EventType type;
    uint32_t shopper, item;
    uint64_t visit;
  };

  void open_visit();
  void plan(ActiveVisit& visit);
  void plan_search(ActiveVisit& visit);
  void plan_view(ActiveVisit& visit);
  void plan_checkout(ActiveVisit& visit);
  void happen(ActiveVisit& visit, const Planned& planned, Event& out);
  void close_visit(uint32_t index);
  void prepare_day();
  void change_item(uint32_t item, TimeMs at, bool price, bool stock);
  void stamp(Event& out, TimeMs time_ms);

  const Shop& shop_;
  const StreamOptions options_;
  Population population_;
  std::vector<std::unique_ptr<ActiveVisit>> visits_;
  std::vector<uint32_t> free_visits_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<Later> later_;
  std::vector<uint32_t> free_later_;
  std::deque<Event> shop_events_;   // Of the day, in order of time.
  std::vector<uint32_t> arrivals_;  // Items by born_ms, those that are not there from the first.
  size_t arrived_ = 0;
  uint32_t catalogue_next_ = 0;
  TimeMs day_ms_;  // The next day to prepare.
  uint64_t orders_ = 0, visit_count_ = 0, event_count_ = 0;
};

}  // namespace freshet::simulate
