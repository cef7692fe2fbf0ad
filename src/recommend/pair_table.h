// For each item, the items that go with it: bounded rows of decayed weights. The memory of the co-visitation
// sources.
//
//   row      item j -> entries (item i, slow, fast, back), about sorted by weight, at most row_max of them
//   slow     forward weight (i came after j), halves every half_life_slow lessons
//   fast     the same, halves every half_life_fast
//   back     backward or symmetric weight, halves every half_life_slow
//   totals   sums of all that was ever added to the row, decayed alike: what an entry is a share of
//
// Decay costs nothing: what is added grows by 2^(1/half_life) a lesson instead (forward decay: Cormode et al.
// 2009), relative to the row's own base, and the row is rescaled when the exponent gets large. A full row
// gives the place of its least entry to a new item. Rows grow by doubling. Cost: 16 bytes an entry, 40 a row;
// add() about 50 to 150 ns.
//
// Threads: one writer; readers under an EpochGuard. Entries change in place as atomic words; a reader may see
// an entry of a moment ago. Growth and rescaling publish a copy.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/epoch.h"
#include "base/result.h"
#include "recommend/sequence.h"
#include "recommend/slots.h"
#include "recommend/source.h"

namespace freshet {

struct PairOptions {
  uint32_t row_max = 256;
  float half_life_slow = 400'000;  // lessons
  float half_life_fast = 20'000;
  size_t bytes_max = size_t{1} << 30;  // Of rows; beyond it the rows with the least evidence go.
};

struct Pair {
  ItemSlot item = kNoItem;
  float slow = 0, fast = 0, back = 0;
};

class PairTable {
 public:
  struct Row {
    const uint32_t capacity;
    uint64_t base;  // Lessons at which the scale was 1. Constant once published.
    std::atomic<uint32_t> size{0};
    std::atomic<float> slow{0}, fast{0}, back{0};  // totals, at the row's scale
    struct Entry {
      std::atomic<uint64_t> item_slow{0};  // item | bits of slow << 32
      std::atomic<uint64_t> fast_back{0};
    };
    Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
    const Entry* entries() const { return reinterpret_cast<const Entry*>(this + 1); }
    Pair read(uint32_t at) const;
  };

  explicit PairTable(const PairOptions& options) : options_(options) {}
  ~PairTable();

  // `now`: lessons so far, never less than before.
  void add(ItemSlot of, ItemSlot item, uint64_t now, float forward, float back);
  const Row* find(ItemSlot of) const {  // nullptr: nothing known. Under an EpochGuard.
    const std::atomic<Row*>* row = rows_.find(of);
    return row == nullptr ? nullptr : row->load(std::memory_order_acquire);
  }
  void fetch(ItemSlot of) const {  // Asks for a row ahead of its use.
    if (const Row* row = find(of)) __builtin_prefetch(row);
  }
  // find() of each: out[i] of items[i]. The rows' heads are asked for ahead of their use.
  void find_all(std::span<const ItemSlot> items, std::vector<const Row*>& out) const;
  // What a stored slow or back weight of 1 in this row is worth at `now`, in events.
  float worth(const Row& row, uint64_t now) const;
  float evidence(const Row& row, uint64_t now) const {
    return worth(row, now) * (get(row.slow) + get(row.back));
  }

  void evict(const ForgottenItems& items);
  void save(Writer& out) const;
  Status load(Reader& in);
  size_t bytes() const { return rows_.bytes() + get(bytes_); }
  static size_t overhead_bytes(
      uint32_t slots) {  // What the index of so many slots takes, whatever the rows hold.
    return SlotArray<std::atomic<Row*>>::bytes_for(slots);
  }

 private:
  void make_room(ItemSlot keep);
  Row* make(uint32_t capacity, uint64_t base);
  void publish(std::atomic<Row*>& place, Row* row);
  static void release(void* row);

  PairOptions options_;
  ItemSlot hand_ = 0;  // make_room() goes round from here.
  uint64_t now_ = 0;
  SlotArray<std::atomic<Row*>> rows_;
  std::atomic<size_t> bytes_{0};
  RetireList retired_;
};

}  // namespace freshet
