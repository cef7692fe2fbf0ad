// Counts by a key of 64 bits, in a table of a fixed size, decayed by event time: what was shown in vain, and
// clicks against expected clicks. Two numbers a key.
//
//   cells  {tag u32, hour u32} and {a f32, b f32}, two words each, 2^bits of them, made when first added to
//   place  two neighbouring cells a key; when both are taken, the one that was added to longest ago gives way
//   decay  both numbers halve every `half_life_hours`, at the time they are next added to or read; what is
//   added with an
//          earlier time counts as much less; less than nothing was never seen
//
// Threads: add(), save(), load() by one; read() by any. A reader may see the two words of a cell from
// different moments: a count that is one event old. Cost: one cache line.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace freshet {

class RankMemory {
 public:
  struct Counts {
    float a = 0, b = 0;
  };
  RankMemory(uint32_t bits, uint32_t half_life_hours) : bits_(bits), half_life_(half_life_hours) {}
  ~RankMemory() { delete[] cells_.load(); }
  RankMemory(const RankMemory&) = delete;
  RankMemory& operator=(const RankMemory&) = delete;

  Counts read(uint64_t key, TimeMs now_ms) const;
  void add(uint64_t key, float a, float b, TimeMs now_ms);
  size_t bytes() const {
    return cells_.load(std::memory_order_relaxed) == nullptr ? 0 : sizeof(Cell) << bits_;
  }
  void save(Writer& out) const;
  Status load(Reader& in);

 private:
  struct Cell {
    std::atomic<uint64_t> head{0}, counts{0};
  };
  struct Head {
    uint32_t tag = 0, hour = 0;  // tag 0: empty
  };
  float left_after(uint32_t hours) const;
  Counts decayed_to(const Cell& cell, uint32_t hour) const;
  size_t home(uint64_t key) const { return static_cast<size_t>(key >> (64 - bits_)) & ~size_t{1}; }

  const uint32_t bits_, half_life_;
  std::atomic<Cell*> cells_{nullptr};
};

}  // namespace freshet
