// Every slot's current record, for all threads.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/stable_array.h"
#include "index/internal/record.h"

namespace freshet::index {

class ItemTable {
 public:
  struct Entry {
    std::atomic<const Record*> record{nullptr};
    std::atomic<uint32_t> version{0};  // The record's, apart so that a check of life costs one line; 0: none.
  };

  uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }
  const Record* record(uint32_t slot) const {
    return slot < entries_.size() ? entries_[slot].record.load(std::memory_order_acquire) : nullptr;
  }
  // Asks for what record() and alive() read of it, ahead of use.
  void fetch(uint32_t slot) const {
    if (slot < entries_.size()) __builtin_prefetch(&entries_[slot]);
  }
  bool alive(uint32_t slot, uint32_t version) const {
    return entries_[slot].version.load(std::memory_order_acquire) == version;
  }
  // Fold thread: returns the record before.
  const Record* set(uint32_t slot, const Record* record) {
    entries_.grow(size_t{slot} + 1);
    Entry& entry = entries_[slot];
    const Record* before = entry.record.load(std::memory_order_relaxed);
    entry.record.store(record, std::memory_order_release);
    entry.version.store(record == nullptr ? 0 : record->version, std::memory_order_release);
    return before;
  }
  size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  StableArray<Entry> entries_;
};

}  // namespace freshet::index
