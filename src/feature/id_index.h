// Hash of an id -> slot, one writer (the fold thread), any number of readers under an EpochGuard.
//
// Open addressing over 64-bit words: upper half of the hash | slot + 2 (0: never used, 1: removed). Two ids
// may share a hash, so the caller says which slot really bears the id: find(hash, [&](uint32_t slot) { return
// id of slot == id; }). Cost: 16 bytes an id at most; a lookup touches one cache line mostly. Growth builds a
// new table and publishes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/epoch.h"

namespace freshet {

class IdIndex {
 public:
  static constexpr uint32_t kNone = 0xffffffffu;

  IdIndex() : table_(new Table(1024)) {}
  ~IdIndex() { delete table_.load(); }
  IdIndex(const IdIndex&) = delete;
  IdIndex& operator=(const IdIndex&) = delete;

  template <class Equals>
  uint32_t find(uint64_t hash, Equals&& equals) const {
    const Table& table = *table_.load(std::memory_order_acquire);
    for (size_t at = table.home(hash);; at = (at + 1) & table.mask) {
      const uint64_t word = table.words[at].load(std::memory_order_acquire);
      if (word == 0) return kNone;
      if ((word >> 32) == (hash >> 32) && (word & kLow) != kRemoved) {
        const auto slot = static_cast<uint32_t>((word & kLow) - 2);
        if (equals(slot)) return slot;
      }
    }
  }

  void insert(uint64_t hash, uint32_t slot) {
    Table* table = table_.load(std::memory_order_relaxed);
    if ((table->used + 1) * 10 > (table->mask + 1) * 6) table = rebuild();
    table->put((hash & kHigh) | (uint64_t{slot} + 2));
    ++live_;
  }

  void erase(uint64_t hash, uint32_t slot) {
    Table& table = *table_.load(std::memory_order_relaxed);
    const uint64_t wanted = (hash & kHigh) | (uint64_t{slot} + 2);
    for (size_t at = table.home(hash);; at = (at + 1) & table.mask) {
      const uint64_t word = table.words[at].load(std::memory_order_relaxed);
      if (word == 0) return;
      if (word == wanted) {
        table.words[at].store((hash & kHigh) | kRemoved, std::memory_order_release);
        --live_;
        return;
      }
    }
  }

  void clear() {
    retired_.retire(table_.exchange(new Table(1024), std::memory_order_acq_rel));
    live_ = 0;
  }
  size_t size() const { return live_; }
  size_t bytes() const { return (table_.load(std::memory_order_relaxed)->mask + 1) * sizeof(uint64_t); }

 private:
  static constexpr uint64_t kLow = 0xffffffffull, kHigh = ~kLow, kRemoved = 1;

  struct Table {
    explicit Table(size_t size) : mask(size - 1), words(new std::atomic<uint64_t>[size]()) {}
    size_t home(uint64_t hash) const { return ((hash >> 32) * 0x9e3779b97f4a7c15ull >> 24) & mask; }
    void put(uint64_t word) {
      size_t at = home(word);
      while (words[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & mask;
      words[at].store(word, std::memory_order_release);
      ++used;
    }
    size_t mask;
    size_t used = 0;  // Words that are not 0, removed ones included.
    std::unique_ptr<std::atomic<uint64_t>[]> words;
  };

  Table* rebuild() {
    Table* old = table_.load(std::memory_order_relaxed);
    size_t size = 1024;
    while (size < (live_ + 1) * 3) size *= 2;
    auto* table = new Table(size);
    for (size_t at = 0; at <= old->mask; ++at) {
      const uint64_t word = old->words[at].load(std::memory_order_relaxed);
      if ((word & kLow) > kRemoved) table->put(word);
    }
    table_.store(table, std::memory_order_release);
    retired_.retire(old);
    return table;
  }

  std::atomic<Table*> table_;
  size_t live_ = 0;
  RetireList retired_;
};

}  // namespace freshet
