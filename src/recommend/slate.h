// The candidates of one query, and what each source says of them: a small hash table from item to a row of
// columns.
//
//   columns  float32[rows, kColumnsMax]  row-major; which column is whose: Source::columns()
//
// Lives on one thread and is reused from query to query. At most kRowsMax rows; what comes after is dropped,
// so sources put in their best first.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/hash.h"
#include "recommend/sequence.h"

namespace freshet {

constexpr size_t kColumnsMax = 48;

class Slate {
 public:
  static constexpr size_t kRowsMax = 4096;
  static constexpr uint32_t kNoRow = 0xffffffffu;
  using Row = std::array<float, kColumnsMax>;

  Slate() : table_(kTable, kNoRow) { rows_.reserve(kRowsMax); }

  void clear() {
    for (const uint32_t at : places_) table_[at] = kNoRow;
    places_.clear();
    items_.clear();
    rows_.clear();
  }
  uint32_t find(ItemSlot item) const {
    for (uint32_t at = place(item); table_[at] != kNoRow; at = (at + 1) % kTable)
      if (items_[table_[at]] == item) return table_[at];
    return kNoRow;
  }
  // The item's columns, zero when new; nullptr when the slate is full.
  float* row(ItemSlot item) {
    uint32_t at = place(item);
    for (; table_[at] != kNoRow; at = (at + 1) % kTable)
      if (items_[table_[at]] == item) return rows_[table_[at]].data();
    if (items_.size() == kRowsMax) return nullptr;
    table_[at] = static_cast<uint32_t>(items_.size());
    items_.push_back(item);
    places_.push_back(at);
    rows_.emplace_back();
    return rows_.back().data();
  }
  size_t size() const { return items_.size(); }
  ItemSlot item(size_t index) const { return items_[index]; }
  float* columns(size_t index) { return rows_[index].data(); }
  const float* columns(size_t index) const { return rows_[index].data(); }
  // The items of some rows. Valid until the next call on this slate.
  std::span<const ItemSlot> items_of(std::span<const uint32_t> rows) const {
    asked_.clear();
    for (const uint32_t row : rows) asked_.push_back(items_[row]);
    return asked_;
  }

 private:
  static constexpr uint32_t kTable = 4 * kRowsMax;
  static uint32_t place(ItemSlot item) { return static_cast<uint32_t>(mix64(item) % kTable); }

  std::vector<uint32_t> table_;
  std::vector<ItemSlot> items_;
  std::vector<uint32_t> places_;  // in table_, of each item
  std::vector<Row> rows_;
  mutable std::vector<ItemSlot> asked_;
};

}  // namespace freshet
