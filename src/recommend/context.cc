#include "recommend/context.h"

#include <algorithm>

#include "base/hash.h"

namespace freshet {

namespace {
constexpr uint32_t kTable = 1024;
uint32_t place(ItemSlot item) {
  return static_cast<uint32_t>(mix64(item) % kTable);
}
}  // namespace

const Recent* Context::find(ItemSlot item) const {
  if (table_.empty()) return nullptr;
  for (uint32_t at = place(item); table_[at] != 0; at = (at + 1) % kTable)
    if (recents[table_[at] - 1].item == item) return &recents[table_[at] - 1];
  return nullptr;
}

void Context::clear_table() {
  if (table_.empty()) table_.assign(kTable, 0);
  for (const Recent& recent : recents) {
    uint32_t at = place(recent.item);
    for (; table_[at] != 0; at = (at + 1) % kTable) table_[at] = 0;
  }
}

void Context::assign(const Sequence& sequence, uint64_t order_now, EventType action_now, TimeMs now,
                     size_t steps_max) {
  static thread_local uint64_t assigned = 0;
  serial = ++assigned;
  clear_table();
  recents.clear();
  shopper = sequence.shopper;
  order = order_now;
  action = action_now;
  now_ms = now;
  occasions = 0;
  steps = sequence.steps;
  // The lines of one order are one choice: none of them foretells another.
  if (order_now != 0)
    while (!steps.empty() && steps.back().order == order_now) steps = steps.first(steps.size() - 1);
  // A request for the next purchase of a shopper who buys by orders asks for a basket too, as yet without a
  // number.
  basket =
      order_now != 0 || (action_now == EventType::kPurchase &&
                         std::any_of(steps.begin(), steps.end(), [](const Step& s) { return s.order != 0; }));
  const size_t session_begin = std::min(sequence.session_begin, steps.size());
  session = steps.subspan(session_begin);

  uint32_t rank = 0;
  uint32_t group = 0;  // Orders and visits, counted backwards.
  const size_t oldest = steps.size() - std::min(steps.size(), steps_max);
  std::vector<uint32_t>& last_group = groups_;
  last_group.clear();
  for (size_t i = steps.size(); i-- > oldest;) {
    const Step& step = steps[i];
    if (i + 1 < steps.size()) {
      const Step& later = steps[i + 1];
      if (step.order != 0 || later.order != 0) {
        if (step.order != later.order) {
          ++group;
          ++rank;
        }
      } else if (later.time_ms - step.time_ms > kOccasionGapMs || i + 1 == session_begin) {
        ++group;
      }
    }
    uint32_t at = place(step.item);
    while (table_[at] != 0 && recents[table_[at] - 1].item != step.item) at = (at + 1) % kTable;
    if (table_[at] == 0) {
      if (recents.size() == kRecentsMax) break;
      if (step.order == 0 && i + 1 < steps.size() && steps[i + 1].order == 0) ++rank;
      table_[at] = static_cast<uint32_t>(recents.size()) + 1;
      recents.push_back({.item = step.item,
                         .rank = rank,
                         .distance = static_cast<uint32_t>(steps.size() - 1 - i),
                         .occasions = 1,
                         .last_ms = step.time_ms});
      last_group.push_back(group);
    }
    const uint32_t index = table_[at] - 1;
    Recent& recent = recents[index];
    ++recent.count;
    if (i >= session_begin) ++recent.in_session;
    if (step.type == EventType::kPurchase) ++recent.purchases;
    recent.first_ms = step.time_ms;
    if (last_group[index] != group) {
      ++recent.occasions;
      last_group[index] = group;
    }
  }
  occasions = steps.empty() ? 0 : group + 1;
}

}  // namespace freshet
