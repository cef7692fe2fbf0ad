// An array over item slots that grows without moving what it holds: chunks behind atomic pointers.
//
// One writer makes chunks; readers on any thread see a chunk whole or not at all. T is zero-initialised and
// made of atomic words. Cost: 128 KiB plus 4096 * sizeof(T) for each chunk in use.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"

namespace freshet {

template <class T>
class SlotArray {
 public:
  SlotArray() : chunks_(std::make_unique<std::atomic<T*>[]>(kChunks)) {}
  ~SlotArray() {
    for (size_t c = 0; c < kChunks; ++c) delete[] chunks_[c].load(std::memory_order_relaxed);
  }
  SlotArray(const SlotArray&) = delete;
  SlotArray& operator=(const SlotArray&) = delete;

  const T* find(uint32_t slot) const {  // nullptr: never written
    const T* chunk =
        slot < kChunks * kChunk ? chunks_[slot / kChunk].load(std::memory_order_acquire) : nullptr;
    return chunk == nullptr ? nullptr : chunk + slot % kChunk;
  }
  void fetch(uint32_t slot) const {  // Asks for it ahead of its use.
    if (const T* at = find(slot)) __builtin_prefetch(at);
  }
  T* find(uint32_t slot) { return const_cast<T*>(static_cast<const SlotArray*>(this)->find(slot)); }
  T& at(uint32_t slot) {  // Writer: makes the chunk.
    CHECK(slot < kChunks * kChunk);
    std::atomic<T*>& chunk = chunks_[slot / kChunk];
    T* items = chunk.load(std::memory_order_relaxed);
    if (items == nullptr) {
      items = new T[kChunk]();
      chunk.store(items, std::memory_order_release);
      bytes_.store(bytes_.load(std::memory_order_relaxed) + kChunk * sizeof(T), std::memory_order_relaxed);
      end_.store(
          std::max(end_.load(std::memory_order_relaxed), static_cast<uint32_t>((slot / kChunk + 1) * kChunk)),
          std::memory_order_relaxed);
    }
    return items[slot % kChunk];
  }
  uint32_t end() const { return end_.load(std::memory_order_relaxed); }  // Every slot ever written is below.
  static constexpr size_t bytes_for(uint32_t slots) {
    return kChunks * sizeof(void*) + (slots + kChunk - 1) / kChunk * kChunk * sizeof(T);
  }
  size_t bytes() const { return kChunks * sizeof(void*) + bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kChunk = 4096;
  static constexpr size_t kChunks = 16384;  // 67 million slots
  std::unique_ptr<std::atomic<T*>[]> chunks_;
  std::atomic<size_t> bytes_{0};
  std::atomic<uint32_t> end_{0};
};

// The words of shared state: relaxed, because each stands for itself.
template <class T>
inline T get(const std::atomic<T>& word) {
  return word.load(std::memory_order_relaxed);
}
template <class T>
inline void put(std::atomic<T>& word, T value) {
  word.store(value, std::memory_order_relaxed);
}

}  // namespace freshet
