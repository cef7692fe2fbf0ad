// Grouping by an attribute: the variants of one product stand as one hit.
//
// Items with the same value(s) of the attribute are one group; an item without it is a group of its own.
// Threads: any, under an EpochGuard.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "column/column_set.h"

namespace freshet {

class GroupKey {
 public:
  GroupKey(const ColumnSet& columns, std::string_view name) : column_(columns.find(name)) {}
  // Equal for items of one group. Numbers are their own bits; the rest lies in the space of NaNs.
  uint64_t operator()(ItemSlot slot) const {
    if (column_ != nullptr) {
      if (const uint32_t word = column_->texts.word(slot); word != 0) return kText | word;
      if (const double number = column_->numbers.value(slot); has_number(number))
        return std::bit_cast<uint64_t>(number + 0.0);  // -0 and 0 are one
    }
    return kAlone | slot;
  }
  // How many of `found` are in the group of `slot`.
  uint64_t group_size(ItemSlot slot, const SlotSet& found) const;
  uint64_t count_groups(const SlotSet& found) const;

 private:
  static constexpr uint64_t kText = 0x7ffc000000000000ull, kAlone = 0x7ffd000000000000ull;
  const Column* column_;
};

// Numbers the groups 0, 1, 2, ... in the order in which they come.
class GroupNumbers {
 public:
  uint32_t of(uint64_t key);
  size_t size() const { return used_; }

 private:
  struct Place {
    uint64_t key = 0;
    uint32_t number = 0xffffffffu;  // free
  };
  void grow();
  std::vector<Place> table_;  // open addressing
  uint32_t used_ = 0;
};

struct Group {
  uint64_t key = 0;
  std::vector<ItemSlot> items;  // best first, at most per_group
};

// Groups in the order in which their best item stands in `ordered` (best first): those at places
// [from, from + count). Looks at no more of `ordered` than it must, except to fill the groups shown.
std::vector<Group> group_page(std::span<const ItemSlot> ordered, const GroupKey& key, uint32_t per_group,
                              uint32_t from, uint32_t count);

}  // namespace freshet
