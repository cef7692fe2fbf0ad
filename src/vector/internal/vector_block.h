// One block of rows of a VectorSet, in one piece of memory: header, scales, rows. Immutable once published.
#pragma once

#include <bit>
#include <cstring>
#include <new>

#include "vector/vector_set.h"

namespace freshet {

constexpr uint32_t kBlockRowsMax = 256;

struct alignas(64) VectorSet::Block {
  uint64_t live[kBlockRowsMax / 64] = {};
  alignas(64) float scale[kBlockRowsMax] = {};

  int8_t* rows() { return reinterpret_cast<int8_t*>(this + 1); }
  const int8_t* rows() const { return reinterpret_cast<const int8_t*>(this + 1); }
  bool has(uint32_t row) const { return (live[row / 64] >> (row % 64) & 1) != 0; }
  size_t count() const {
    size_t sum = 0;
    for (const uint64_t word : live) sum += static_cast<size_t>(std::popcount(word));
    return sum;
  }

  Pool* owner = nullptr;
};

// Blocks of one size, side by side in pieces of memory that large pages can back: a scan of small allocations
// all over the heap runs at a third of the speed. Fold thread only; memory is given back with the pool.
class VectorSet::Pool {
 public:
  explicit Pool(size_t row_bytes)
      : row_bytes_(row_bytes), bytes_((sizeof(Block) + row_bytes + 63) / 64 * 64) {}
  ~Pool() {
    for (void* slab : slabs_) ::operator delete(slab, std::align_val_t(kAlign));
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Block* make(const Block* from) {
    void* memory = take();
    if (from != nullptr) {
      std::memcpy(memory, static_cast<const void*>(from), sizeof(Block) + row_bytes_);
      return static_cast<Block*>(memory);
    }
    auto* block = new (memory) Block();
    block->owner = this;
    std::memset(block->rows(), 0, row_bytes_);
    return block;
  }
  static void free(void* block) {
    Pool* owner = static_cast<Block*>(block)->owner;
    owner->free_.push_back(block);
  }
  size_t bytes() const { return slabs_.size() * slab_bytes_; }

 private:
  static constexpr size_t kAlign = size_t{2} << 20;

  void* take() {
    if (free_.empty()) {
      slabs_.push_back(::operator new(slab_bytes_, std::align_val_t(kAlign)));
      for (size_t at = slab_bytes_ / bytes_; at-- > 0;)  // The lowest is taken first: scans run upwards.
        free_.push_back(static_cast<char*>(slabs_.back()) + at * bytes_);
    }
    void* memory = free_.back();
    free_.pop_back();
    return memory;
  }

  const size_t row_bytes_, bytes_;
  const size_t slab_bytes_ = (bytes_ + kAlign - 1) / kAlign * kAlign;
  std::vector<void*> slabs_, free_;
};

}  // namespace freshet
