// One block of rows of a VectorSet: a head (which rows live, their scales) and the rows. Immutable once
// published.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "env/memory.h"
#include "vector/vector_set.h"

namespace freshet {

constexpr uint32_t kBlockRowsMax = 256;

struct alignas(64) VectorSet::Block {
  uint64_t live[kBlockRowsMax / 64] = {};
  char* rows_ = nullptr;
  Pool* owner = nullptr;
  uint32_t index = 0;
  bool used = false;  // Fold thread.
  alignas(64) float scale[kBlockRowsMax] = {};

  char* rows() { return rows_; }
  const char* rows() const { return rows_; }
  bool has(uint32_t row) const { return (live[row / 64] >> (row % 64) & 1) != 0; }
  size_t count() const {
    size_t sum = 0;
    for (const uint64_t word : live) sum += static_cast<size_t>(std::popcount(word));
    return sum;
  }
};

// Blocks of one size. Each has a home: the rows of block b lie where those of block b - 1 end, in large
// pages, so that a scan reads one stream. A block that is changed while readers may see it is copied to a
// spare place and goes home when they have left (VectorSet::go_home). Measured: blocks allocated all over the
// heap are scanned at a third of the speed of memory, blocks in large pages but out of order at two thirds.
// Fold thread only; memory is given back with the pool.
class VectorSet::Pool {
 public:
  explicit Pool(size_t row_bytes)
      : row_bytes_(row_bytes), homes_a_slab_(std::max<size_t>(1, kLargePage / row_bytes)) {}
  ~Pool() {
    for (void* slab : slabs_) free_large(slab);
    for (Block* heads : heads_) delete[] heads;
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // At home when that is free, else anywhere; a copy of `from`, or empty.
  Block* make(size_t index, const Block* from) {
    Block* block = home(index);
    if (block->used) block = spare();
    char* rows = block->rows_;
    if (from != nullptr) {
      *block = *from;
      std::memcpy(rows, from->rows_, row_bytes_);
    } else {
      *block = Block();
      std::memset(rows, 0, row_bytes_);
    }
    block->owner = this;
    block->rows_ = rows;
    block->index = static_cast<uint32_t>(index);
    block->used = true;
    return block;
  }
  static void free(void* block) {
    Block* one = static_cast<Block*>(block);
    one->used = false;
    Pool& pool = *one->owner;
    if (one == pool.homes_[one->index]) {
      pool.vacated_.push_back(one->index);
    } else {
      pool.spares_.push_back(one);
    }
  }
  // A block whose home became free, or nothing.
  std::optional<uint32_t> vacated() {
    while (!vacated_.empty()) {
      const uint32_t index = vacated_.back();
      vacated_.pop_back();
      if (!homes_[index]->used) return index;
    }
    return {};
  }
  size_t bytes() const { return blocks_ * (row_bytes_ + sizeof(Block)); }

 private:
  static constexpr size_t kSpares = 8;  // made at once

  Block* home(size_t index) {
    if (index >= homes_.size()) homes_.resize(index + 1);
    if (homes_[index] == nullptr) {
      const size_t first = index / homes_a_slab_ * homes_a_slab_;
      homes_.resize(std::max(homes_.size(), first + homes_a_slab_));
      Block* heads = add_slab(homes_a_slab_);
      for (size_t i = 0; i < homes_a_slab_; ++i) homes_[first + i] = heads + i;
    }
    return homes_[index];
  }
  Block* spare() {
    if (spares_.empty()) {
      Block* heads = add_slab(kSpares);
      for (size_t i = 0; i < kSpares; ++i) spares_.push_back(heads + i);
    }
    Block* block = spares_.back();
    spares_.pop_back();
    return block;
  }
  Block* add_slab(size_t count) {
    slabs_.push_back(allocate_large(count * row_bytes_));
    heads_.push_back(new Block[count]);
    for (size_t i = 0; i < count; ++i)
      heads_.back()[i].rows_ = static_cast<char*>(slabs_.back()) + i * row_bytes_;
    blocks_ += count;
    return heads_.back();
  }

  const size_t row_bytes_, homes_a_slab_;
  size_t blocks_ = 0;
  std::vector<void*> slabs_;
  std::vector<Block*> heads_;
  std::vector<Block*> homes_;   // [block index]; nullptr: not made yet
  std::vector<Block*> spares_;  // free
  std::vector<uint32_t> vacated_;
};

}  // namespace freshet
