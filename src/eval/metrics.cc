#include "eval/metrics.h"

#include <algorithm>
#include <cmath>

namespace freshet {
namespace {

double discount(size_t rank) {
  return 1 / std::log2(static_cast<double>(rank) + 1);
}

}  // namespace

Scores score_rank(size_t rank, size_t k) {
  if (rank == 0 || rank > k) return {};
  return {1, static_cast<float>(1 / static_cast<double>(rank)), static_cast<float>(discount(rank)), 1};
}

Scores score_ranks(std::span<const size_t> ranks, size_t relevant, size_t k) {
  double gain = 0, ideal = 0;
  size_t hits = 0;
  size_t first = 0;
  for (const size_t rank : ranks) {
    if (rank == 0 || rank > k) continue;
    if (hits++ == 0) first = rank;
    gain += discount(rank);
  }
  if (hits == 0) return {};
  for (size_t rank = 1; rank <= std::min(relevant, k); rank++) ideal += discount(rank);
  return {static_cast<float>(static_cast<double>(hits) / static_cast<double>(relevant)),
          static_cast<float>(1 / static_cast<double>(first)), static_cast<float>(gain / ideal), 1};
}

}  // namespace freshet
