// A shopper's history digested once for all sources: the distinct items of it, newest first.
#pragma once

#include <span>
#include <vector>

#include "recommend/recommender.h"

namespace freshet {

// One distinct item of a history.
struct Recent {
  ItemSlot item = kNoItem;
  uint32_t rank = 0;        // 0: the newest item, or an item of the newest order; then 1, 2, ...
  uint32_t distance = 0;    // Steps between its last step and now: 0 = it was the last step.
  uint32_t count = 0;       // Steps on it in the whole history.
  uint32_t in_session = 0;  // Steps on it in this session.
  uint32_t occasions =
      0;  // Different orders or sessions it appeared in (by gaps of more than kOccasionGapMs).
  uint32_t purchases = 0;
  TimeMs first_ms = 0;
  TimeMs last_ms = 0;
};

struct Context {
  static constexpr size_t kRecentsMax = 256;
  static constexpr TimeMs kOccasionGapMs = 12 * kHourMs;

  Surface surface = Surface::kForYou;
  EventType action = EventType::kView;
  uint64_t shopper = 0;
  uint64_t order = 0;
  TimeMs now_ms = 0;
  std::span<const Step> steps;    // Without the order being filled.
  std::span<const Step> session;  // The part of them in this session.
  std::vector<Recent> recents;    // At most kRecentsMax, newest first.
  uint64_t serial = 0;            // Of the assign(): another one each time on this thread.
  uint32_t occasions = 0;         // Different orders or visits in `steps`.
  bool learning = false;          // Asked by the fold: the answer may depend on nothing but what was learned.
  bool brief = false;             // Proposals of the others will do: no scan of everything.
  bool basket = false;            // The step to foretell belongs to an order of several lines.

  const Recent* find(ItemSlot item) const;

  // Digests the last `steps_max` steps. Keeps its memory from call to call.
  void assign(const Sequence& sequence, uint64_t order_now, EventType action_now, TimeMs now,
              size_t steps_max);

 private:
  std::vector<uint32_t> groups_;  // of each recent: the last order or visit counted
  std::vector<uint32_t> table_;   // open addressing: item -> 1 + index into recents
  void clear_table();
};

}  // namespace freshet
