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

  static Block* make(size_t row_bytes, const Block* from) {
    void* memory = ::operator new(sizeof(Block) + row_bytes, std::align_val_t(64));
    if (from != nullptr) {
      std::memcpy(memory, static_cast<const void*>(from), sizeof(Block) + row_bytes);
      return static_cast<Block*>(memory);
    }
    auto* block = new (memory) Block();
    std::memset(block->rows(), 0, row_bytes);
    return block;
  }
  static void free(void* block) { ::operator delete(block, std::align_val_t(64)); }
};

}  // namespace freshet
