// An array that grows without moving: elements keep their address, so that readers need no lock while it
// grows.
//
// One writer calls grow(); any thread reads elements below a size it learned from the writer (through an
// acquire load of something the writer stored afterwards, or of size()). Elements are value-initialised.
// Never shrinks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "base/result.h"

namespace freshet {

template <class T, size_t kChunk = 4096, size_t kChunks = 65536>
class StableArray {
 public:
  StableArray() = default;
  ~StableArray() {
    for (auto& chunk : *chunks_) delete[] chunk.load(std::memory_order_relaxed);
  }
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;

  size_t size() const { return size_.load(std::memory_order_acquire); }

  void grow(size_t size) {
    CHECK(size <= kChunk * kChunks);
    for (size_t chunk = this->size() / kChunk; chunk * kChunk < size; ++chunk)
      if ((*chunks_)[chunk].load(std::memory_order_relaxed) == nullptr)
        (*chunks_)[chunk].store(new T[kChunk](), std::memory_order_release);
    if (size > this->size()) size_.store(size, std::memory_order_release);
  }

  T& operator[](size_t i) { return (*chunks_)[i / kChunk].load(std::memory_order_acquire)[i % kChunk]; }
  const T& operator[](size_t i) const {
    return (*chunks_)[i / kChunk].load(std::memory_order_acquire)[i % kChunk];
  }

 private:
  std::unique_ptr<std::array<std::atomic<T*>, kChunks>> chunks_ =
      std::make_unique<std::array<std::atomic<T*>, kChunks>>();
  std::atomic<size_t> size_{0};
};

}  // namespace freshet
