// One bit for every slot, set and cleared in place by the fold thread, read a chunk at a time by anyone.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

#include "base/slot_set.h"
#include "base/stable_array.h"

namespace freshet {

class SlotBits {
 public:
  // Fold thread.
  void set(uint32_t slot, bool on) {
    if (slot / 64 >= words_.size()) {
      if (!on) return;
      words_.grow((slot / SlotSet::kChunkSlots + 1) * SlotSet::kChunkWords);
    }
    auto& word = words_[slot / 64];
    const uint64_t bit = uint64_t{1} << (slot % 64), old = word.load(std::memory_order_relaxed);
    if (((old & bit) != 0) == on) return;
    word.store(on ? old | bit : old & ~bit, std::memory_order_relaxed);
    size_.store(on ? size() + 1 : size() - 1, std::memory_order_relaxed);
  }

  // Any thread.
  bool test(uint32_t slot) const {
    return slot / 64 < words_.size() &&
           (words_[slot / 64].load(std::memory_order_relaxed) >> (slot % 64) & 1) != 0;
  }
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  size_t bytes() const { return 8 * words_.size(); }
  uint32_t chunks() const { return static_cast<uint32_t>(words_.size() / SlotSet::kChunkWords); }
  // Sets the bits of chunk `number` in `words`, the others are left alone. False: the chunk was never
  // written.
  bool or_into(uint32_t number, uint64_t* words) const {
    if (number >= chunks()) return false;
    const std::atomic<uint64_t>* from = &words_[size_t{number} * SlotSet::kChunkWords];
    for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w) words[w] |= from[w].load(std::memory_order_relaxed);
    return true;
  }
  // Clears the bits of `words` that are not set in chunk `number`. False: none is left.
  bool and_into(uint32_t number, uint64_t* words) const {
    if (number >= chunks()) {
      std::fill(words, words + SlotSet::kChunkWords, 0);
      return false;
    }
    const std::atomic<uint64_t>* from = &words_[size_t{number} * SlotSet::kChunkWords];
    uint64_t seen = 0;
    for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w)
      seen |= words[w] &= from[w].load(std::memory_order_relaxed);
    return seen != 0;
  }
  uint32_t and_size(const SlotSet::Chunk& chunk) const {
    uint32_t n = 0;
    if (chunk.number >= chunks()) return 0;
    const std::atomic<uint64_t>* from = &words_[size_t{chunk.number} * SlotSet::kChunkWords];
    if (chunk.words != nullptr) {
      for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w)
        n += static_cast<uint32_t>(std::popcount(chunk.words[w] & from[w].load(std::memory_order_relaxed)));
    } else {
      for (uint32_t i = 0; i < chunk.size; ++i)
        n += from[chunk.values[i] / 64].load(std::memory_order_relaxed) >> (chunk.values[i] % 64) & 1;
    }
    return n;
  }

 private:
  StableArray<std::atomic<uint64_t>, SlotSet::kChunkWords, 4096> words_;
  std::atomic<uint32_t> size_{0};
};

}  // namespace freshet
