// FTRL-Proximal for sparse linear models: McMahan et al. 2013, "Ad Click Prediction: a View from the
// Trenches", algorithm 1, with one difference: all features of an example are read before any is written, so
// that an index named twice in one example adds both changes and the order of features does not matter to
// them.
//
//   slots  {z, n} x 2^bits, 8 bytes each; the caller owns the memory (huge pages, env/huge_memory.h)
//   w_i  = 0 when |z_i| <= l1, else -(z_i - sign(z_i) l1) / ((beta + sqrt(n_i)) / alpha + l2)
//   g_i  = slope * x_i;  sigma = (sqrt(n_i + g_i^2) - sqrt(n_i)) / alpha;  z_i += g_i - sigma w_i;  n_i +=
//   g_i^2
//
// A step is not taken where n would be above 1e36 or is no number: nothing that was read spoils a weight for
// good. The slope is the caller's derivative of the loss by the score: p - y for logistic and for squared
// loss. Indices are masked by the size of the table. Threads: one. Cost: two passes over the features, one
// cache line a feature, fetched ahead if told of. ftrl_twin() is the paper line by line.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace freshet {

struct Feature {
  uint32_t index;
  float value;
};

struct FtrlSlot {
  float z = 0;
  float n = 0;
};

struct FtrlConfig {
  float alpha = 0.1f;  // Learning rate.
  float beta = 1.0f;
  float l1 = 0;
  float l2 = 0;
};

class Ftrl {
 public:
  // The size of `slots` is a power of two.
  Ftrl(FtrlConfig config, std::span<FtrlSlot> slots);

  // `ahead`, here and below: features of an example that comes two later, whose slots are fetched meanwhile,
  // a few at a time: a processor waits when it has more than some sixteen lines to fetch.
  float score(std::span<const Feature> features, std::span<const Feature> ahead = {});
  // Moves the weights against `slope` at the features of the last score(): nothing is read twice.
  void update(float slope, std::span<const Feature> ahead = {});
  float weight(uint32_t slot) const;  // As score() has it.
  // Another learning rate from now on: the weights stay what they are. Cost: a pass over the slots.
  void set_alpha(float alpha);
  // What `slot` would be for the same weight under another rate.
  static FtrlSlot at_alpha(const FtrlConfig& config, FtrlSlot slot, float alpha);
  // One example of logistic regression, label 0 or 1: the score before the update.
  float learn_logistic(std::span<const Feature> features, float label, std::span<const Feature> ahead = {});

 private:
  // Inlined by force: the compiler takes a call that only prefetches for one without effect.
  [[gnu::always_inline]] void prefetch(std::span<const Feature> features) const {
    for (const Feature& feature : features) __builtin_prefetch(&slots_[feature.index & mask_], 1, 3);
  }

  FtrlConfig config_;
  const std::span<FtrlSlot> slots_;
  const uint32_t mask_;
  std::vector<uint32_t> at_;                 // Of the last score(): indices, masked; then, padded to 16 ...
  std::vector<float> x_, z_, n_, root_, w_;  // ... values, z, n, sqrt(n), weights.
  size_t count_ = 0;
};

// The slow twin: one example at the features named, in doubles of its own.
float ftrl_twin(const FtrlConfig& config, std::span<FtrlSlot> slots, std::span<const Feature> features,
                float label);

}  // namespace freshet
