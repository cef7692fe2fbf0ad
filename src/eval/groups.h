// The groups of a stream (sessions or shoppers): their order of first appearance and what each had so far.
#pragma once

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "eval/protocol.h"
#include "event/event.h"
#include "feature/sequence.h"

namespace freshet {

// True for what replay counts, predicts and learns from: an action on an item that says "I am interested in
// it".
inline bool is_target(const Event& event) {
  return is_positive_action(event.type) && !event.item.empty();
}

// Which group an event belongs to; 0: none. By session: the session it names, else the shopper's visit (a
// pause longer than the gap begins a new one). Stateful in that last case: call it once for each target, in
// order.
class GroupKeys {
 public:
  GroupKeys(Grouping grouping, TimeMs session_gap_ms) : grouping_(grouping), gap_ms_(session_gap_ms) {}

  uint64_t operator()(const Event& event) {
    if (grouping_ == Grouping::kUser) return event.user.empty() ? 0 : hash_bytes(event.user, 1);
    if (!event.session.empty()) return mix64(hash_bytes(event.session, 2), hash_bytes(event.user));
    if (event.user.empty()) return 0;
    const uint64_t user = hash_bytes(event.user, 3);
    Visit& visit = visits_[user];
    if (visit.count == 0 || event.time_ms - visit.last_ms > gap_ms_) visit.count++;
    visit.last_ms = event.time_ms;
    return mix64(user, visit.count);
  }

 private:
  struct Visit {
    TimeMs last_ms = 0;
    uint64_t count = 0;
  };
  const Grouping grouping_;
  const TimeMs gap_ms_;
  std::unordered_map<uint64_t, Visit> visits_;  // Only looked up, never walked.
};

struct EventGroup {
  uint64_t index = 0;           // Order of first appearance, from 0.
  uint64_t targets = 0;         // Actions so far.
  std::vector<ItemSlot> items;  // Distinct, ascending.

  bool has(ItemSlot item) const { return std::binary_search(items.begin(), items.end(), item); }
  void add(ItemSlot item) {
    const auto at = std::lower_bound(items.begin(), items.end(), item);
    if (at == items.end() || *at != item) items.insert(at, item);
  }
};

class Groups {
 public:
  // The group, new when it was not known. Stays where it is.
  EventGroup& at(uint64_t key) {
    const auto [found, added] = groups_.try_emplace(key);
    if (added) found->second.index = groups_.size() - 1;
    return found->second;
  }
  const EventGroup* find(uint64_t key) const {
    const auto found = groups_.find(key);
    return found == groups_.end() ? nullptr : &found->second;
  }
  size_t size() const { return groups_.size(); }

 private:
  std::unordered_map<uint64_t, EventGroup> groups_;  // Only looked up, never walked.
};

}  // namespace freshet
