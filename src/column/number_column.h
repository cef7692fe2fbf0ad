// One number for every slot that has one, with a coarse copy for fast ranges.
//
//   values  double[slots]   NaN: absent; changed in place
//   bins    uint8[slots]    0: absent, else 1 + the number of cut points at or below the value (1..126)
//
// A range is answered from the bins, sixteen slots at a time; only slots in the two bins at its ends are
// compared exactly. Cut points are quantiles of what the column held when it was last
// re-binned, which happens whenever it has doubled since; they decide speed, never the answer.
//
// Threads: set() on the fold thread; the rest on any thread under an EpochGuard.
// Cost: 9 bytes a slot; a range over 1 M slots 0.3 to 1.3 ms, a re-binning 20 ns a slot.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/epoch.h"
#include "base/slot_set.h"
#include "base/stable_array.h"
#include "event/event.h"

namespace freshet {

class NumberColumn {
 public:
  NumberColumn();
  ~NumberColumn();
  NumberColumn(const NumberColumn&) = delete;
  NumberColumn& operator=(const NumberColumn&) = delete;

  void set(uint32_t slot, double value);  // kNoNumber: absent

  double value(uint32_t slot) const {
    return slot < values_.size() ? from_bits(values_[slot].load(std::memory_order_relaxed)) : kNoNumber;
  }
  // Sets the bits of the slots of chunk `number` whose value is in [low, high]; others are left alone.
  // `within`: only these slots are looked at (nullptr: all). False: there are none.
  bool range_into(uint32_t number, double low, double high, uint64_t* words,
                  const uint64_t* within = nullptr) const;
  bool range_into_slowly(uint32_t number, double low, double high, uint64_t* words) const;  // the slow twin

  uint32_t size() const { return size_.load(std::memory_order_relaxed); }  // slots that have one
  size_t bytes() const;

 private:
  static constexpr uint32_t kBins = 126;
  // Kept so that memory of zeros means "absent": a block is right from the moment it is there.
  static constexpr uint64_t kAbsent = 0x7ff8000000000000ull;
  static uint64_t to_bits(double value) {
    return has_number(value) ? std::bit_cast<uint64_t>(value) ^ kAbsent : 0;
  }
  static double from_bits(uint64_t bits) { return std::bit_cast<double>(bits ^ kAbsent); }
  struct Bins {
    std::vector<double> cuts;                                                  // ascending; constant
    StableArray<std::atomic<uint64_t>, SlotSet::kChunkSlots / 8, 1024> words;  // eight bins a word
    // Smallest and largest value that was ever put into a bin: a bin wholly inside a range needs no exact
    // look.
    std::atomic<double> least[kBins + 2], most[kBins + 2];
    Bins();
    uint8_t bin_of(double value) const;
    void put(uint32_t slot, double value);
  };
  void rebin();
  uint64_t scan(const Bins& bins, uint32_t number, double low, double high, bool low_sure, bool high_sure,
                const uint64_t* within, uint64_t* words) const;

  StableArray<std::atomic<uint64_t>, 4096, 16384> values_;
  std::atomic<Bins*> bins_;  // Published.
  std::atomic<uint32_t> size_{0};
  uint32_t binned_size_ = 0;  // Fold thread: how many there were at the last re-binning.
  RetireList retired_;
};

}  // namespace freshet
