// What a shopper did, as profiles keep it and recommenders see it.
#pragma once

#include <cstdint>
#include <span>

#include "base/time.h"
#include "event/event.h"

namespace freshet {

// Dense number of an item, given by the catalogue at the item's first sight in the log (feature/catalog.h). A
// slot is reused after its item was evicted, and only after every fold has dropped what it knew of it.
using ItemSlot = uint32_t;
constexpr ItemSlot kNoItem = 0xffffffffu;

struct Step {
  ItemSlot item = kNoItem;
  EventType type = EventType::kView;
  uint8_t origin = 0;  // 0: the shopper's own; n: came with the n-th identity linked to this profile
  TimeMs time_ms = 0;
  uint64_t order = 0;  // hash of the order id; 0: no order
  bool operator==(const Step&) const = default;
};

// A view on one shopper's bounded history, oldest first; [session_begin, size) is the current session.
struct Sequence {
  uint64_t shopper = 0;  // hash of the shopper's id
  std::span<const Step> steps;
  size_t session_begin = 0;
  std::span<const Step> session() const { return steps.subspan(session_begin); }
};

}  // namespace freshet
