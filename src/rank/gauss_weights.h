// Logistic regression over indicators whose weights are Gaussians, one weight a cell and head: a mean and a
// variance, learned one example at a time by the decoupled extended Kalman filter with diagonal blocks
// (Gomez-Uribe and Karrer 2021, "The Decoupled Extended Kalman Filter for Dynamic Exponential-Family
// Factorization Models", JMLR 22; Graepel et al. 2010, adPredictor, is the same with a probit).
//
//   logit = offset + sum of means m_i          V = sum of variances s_i          p = sigmoid(logit)
//   f = w (y - p) / (1 + h V)                  h = caution w p (1 - p)
//   m_i += s_i f
//   s_i  = min(prior_i, s_i - s_i^2 h / (1 + h V) + drift prior_i)
//
// A cell never seen has mean 0 and the variance of its group: what is new is learned fast, what is known
// slowly, and nothing has a learning rate. `caution` above 1 makes up for taking the weights of one example
// to be independent. A row that names a cell twice counts it twice.
//
// Threads: learn(), save(), load() by one; sums by any (a weight is one atomic word; a reader may see an
// example half learned). Memory: 32 bytes a cell, 2^bits cells, made when first learned. Cost: one cache line
// a cell. Twin: in the test, in doubles.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "rank/features.h"

namespace freshet {

class GaussWeights {
 public:
  static constexpr size_t kHeads = 3;
  struct Config {
    uint32_t bits = 20;  // At most RankRow::kIndexBits.
    float caution = 1.3f;
    float drift = 1e-4f;
    std::array<float, kRankGroups> prior{};  // Variance of a weight, by group.
  };
  struct Weight {
    float mean = 0;
    float known = 0;  // Taken from the prior's variance.
  };

  explicit GaussWeights(const Config& config) : config_(config) {}
  ~GaussWeights() { delete[] cells_.load(); }
  GaussWeights(const GaussWeights&) = delete;
  GaussWeights& operator=(const GaussWeights&) = delete;

  uint32_t mask() const { return (1u << config_.bits) - 1; }
  void fetch(std::span<const uint32_t> row) const;
  // Sum of the means by group, and of the variances of the groups in `counted` (bit of each).
  struct Sums {
    std::array<float, kRankGroups> mean{};
    float variance = 0;
  };
  void sum(std::span<const uint32_t> row, size_t head, uint32_t counted, Sums& out) const;
  // One example; returns the logit before. weight: at least 0.
  float learn(std::span<const uint32_t> row, size_t head, float offset, float label, float weight);

  size_t bytes() const {
    return cells_.load(std::memory_order_relaxed) == nullptr ? 0 : sizeof(Cell) << config_.bits;
  }
  void clear() { delete[] cells_.exchange(nullptr); }  // While nobody reads.
  void save(Writer& out) const;
  Status load(Reader& in);

 private:
  struct alignas(32) Cell {
    std::atomic<uint64_t> head[kHeads] = {};
    uint64_t unused = 0;
  };
  static Weight weight_of(const Cell& cell, size_t head);

  const Config config_;
  std::atomic<Cell*> cells_{nullptr};
};

}  // namespace freshet
