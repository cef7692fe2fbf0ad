// Words and vectors to candidates.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

// So many of the best by words are looked at again with everything else that is known of them.
constexpr uint32_t kPoolMin = 200;

uint32_t pool_size(const Context& c) {
  const uint32_t page_end = c.request.from + c.request.count;
  return std::clamp(page_end * 2, kPoolMin, 2 * SettingsLimits::kPaginationMax);
}

SlotSet everything(const Context& c) {
  SlotSet all = c.generation.index.slots();
  if (c.allowed) all &= *c.allowed;
  return all;
}

// Without words every item is as good as any other; rank() puts them in order.
void browse_all(Context& c) {
  c.matched = everything(c);
}

// The item whose id was typed stands first, whatever its text says.
void add_by_id(Context& c) {
  const ItemSlot slot = c.catalog.find(c.request.query);
  if (slot == kNoItem || !c.generation.index.contains(slot)) return;
  if (c.allowed && !c.allowed->contains(slot)) return;
  c.by_id = slot;
  if (c.matched.contains(slot)) return;
  c.matched.add(slot);
  c.pool.push_back({.slot = slot});
}

}  // namespace

Status retrieve(Context& c) {
  c.pool.clear();
  if (!c.words) {
    if (c.request.query.find_first_not_of(" \t\r\n") == std::string::npos) browse_all(c);
    if (!c.request.query.empty()) add_by_id(c);
    return {};
  }
  const SlotSet* filter = c.allowed ? &*c.allowed : nullptr;
  thread_local std::vector<Hit> hits;
  if (c.request.count > 0) {
    c.generation.index.top(c.query.plan, filter, pool_size(c), hits);
    for (const Hit& hit : hits) c.pool.push_back({.slot = hit.slot, .lexical = hit.score});
  }
  c.matched = c.generation.index.matches(c.query.plan);
  if (filter != nullptr) c.matched &= *filter;
  add_by_id(c);
  return {};
}

}  // namespace freshet::search_internal
