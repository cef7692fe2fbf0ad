// Fixed-size cells in pieces that never move: growing allocates one more piece (large pages, env/memory.h)
// and copies nothing. Cells are not cleared. Cost: one shift, one load of a pointer that stays in cache, one
// add.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "env/memory.h"

namespace freshet {

class Segments {
 public:
  // Pieces of 2^shift cells of `cell` bytes.
  Segments(size_t cell, uint32_t shift) : cell_(cell), shift_(shift), mask_((size_t{1} << shift) - 1) {}

  char* at(size_t i) const { return pieces_[i >> shift_].get() + (i & mask_) * cell_; }
  void grow_to(size_t cells) {
    while (pieces_.size() << shift_ < cells)
      pieces_.emplace_back(static_cast<char*>(allocate_large(cell_ << shift_)));
  }
  void clear() { pieces_.clear(); }
  size_t bytes() const { return bytes_for(pieces_.size() << shift_); }
  // Of so many cells, as grow_to() would allocate them.
  size_t bytes_for(size_t cells) const {
    const size_t piece = cell_ << shift_;
    const size_t whole = piece < kLargePage / 2 ? piece : (piece + kLargePage - 1) / kLargePage * kLargePage;
    return (cells + mask_) / (mask_ + 1) * whole;
  }

 private:
  struct Free {
    void operator()(char* memory) const { free_large(memory); }
  };
  size_t cell_;
  uint32_t shift_;
  size_t mask_;
  std::vector<std::unique_ptr<char, Free>> pieces_;
};

}  // namespace freshet
