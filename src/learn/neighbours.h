// Who agrees with whom: for two columns (who, what), each value of `who` remembers its last few values of
// `what` with how its label differed from what was expected, and pairs of `what` how often their differences
// agreed. The evidence for a new pair is the sum over what is remembered of agreement times difference:
// neighbourhoods over residuals, Sarwar et al. 2001, "Item-based collaborative filtering", with the shrunk
// similarities of Koren 2008, "Factorization meets the neighborhood", counted as the labels come.
//
//   similarity(b, c) = sum r_b r_c / (n_bc + kShrink);  evidence = sum over c of similarity(b, c) r_c
//
// Pairs are kept in sets of eight cells of a cache line (2^bits cells of 8 bytes, 16 bits of tag); in a full
// set the least counted cell fades and in the end gives way. Threads: one. Cost: one line for each of the at
// most kRemembered values remembered, fetched ahead. Twin: in the test, a map.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "model/embedding_table.h"

namespace freshet {

class Neighbours {
 public:
  static constexpr size_t kRemembered = 256;

  Neighbours(uint32_t bits, size_t bytes_max);

  struct Evidence {
    float sum = 0;     // Of similarity times difference.
    float weight = 0;  // Of |similarity|: how much there was to go by.
  };
  Evidence evidence(uint64_t who, uint64_t what) const;
  void learn(uint64_t who, uint64_t what, float difference);

  size_t bytes() const { return cells_.size() * sizeof(Cell) + history_.bytes(); }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  struct Cell {
    uint16_t tag = 0, n = 0;
    float sum = 0;
  };
  static constexpr size_t kSet = 8;
  const Cell* find(uint64_t pair) const;
  void add(uint64_t pair, float product);
  size_t set_of(uint64_t pair) const { return (pair & (cells_.size() / kSet - 1)) * kSet; }

  std::vector<Cell> cells_;
  EmbeddingTable history_;  // Of `who`: [0] how many ever; then kRemembered times (what, difference).
};

}  // namespace freshet
