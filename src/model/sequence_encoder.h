// The part of the sequence model between vectors of steps and the query vector: forward and backward.
//
// A batch has B sequences. Row (b, l) of `x` is the input vector of the l-th newest step of sequence b; only
// l < steps[b] count. All dense parameters lie in one array (DenseLayout), so that the optimizer is one call.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/sequence_model.h"

namespace freshet {

// Offsets of the dense parameters in their one array; d = dim. Matrices take their input along rows.
struct DenseLayout {
  static constexpr uint32_t kLags = 8;       // Steps with a weight vector of their own (a_l).
  static constexpr uint32_t kRecurrent = 2;  // Steps the recurrence runs over, forward and backward.
  static constexpr uint32_t kOwnAges = 32;
  static constexpr uint32_t kOwnCounts = 16;
  static constexpr uint32_t kTypes = 32;

  explicit DenseLayout(uint32_t dim);
  uint32_t d;
  uint32_t gate;       // float32[d, 2d]: W_f | W_c
  uint32_t gate_bias;  // float32[2d]
  uint32_t out;        // float32[d, d]: W_o
  uint32_t lag;        // float32[kLags, d]: a_l
  uint32_t mean;       // float32[d]: a_m
  uint32_t session;    // float32[d]: s
  uint32_t
      own_age;  // float32[kOwnAges]: r by age of the newest occurrence, apart for this and earlier sessions
  uint32_t own_count;  // float32[kOwnCounts]: r by number of occurrences, apart in the same way
  uint32_t type;       // float32[kTypes, d]: e_type
  uint32_t gap;        // float32[kGapBuckets, d]: e_gap
  uint32_t size;

  std::vector<float> initial(uint64_t seed) const;
};

// An item the sequence contains, and what r_j depends on.
struct OwnItem {
  uint32_t item;
  uint8_t age;    // < kOwnAges
  uint8_t count;  // < kOwnCounts
};

// Distinct items of a context, newest first. Appends to `out` after clearing it. Cost: O(steps).
void own_items(const SequenceContext& context, std::vector<OwnItem>& out);

// Buffers of one forward pass, kept by the caller between calls.
struct EncodeBatch {
  EncodeBatch(uint32_t dim, uint32_t sequences_max, uint32_t steps_max);
  float* x_of(uint32_t b, uint32_t l) { return &x[(static_cast<size_t>(b) * steps_max + l) * d]; }
  float* dx_of(uint32_t b, uint32_t l) { return &dx[(static_cast<size_t>(b) * steps_max + l) * d]; }

  uint32_t d, steps_max;
  std::vector<uint32_t> steps;       // [B], at least 1, at most steps_max
  std::vector<uint8_t> new_session;  // [B]
  std::vector<float> x, dx;  // [B, steps_max, d]; dx is written for the first mean_steps or kLags steps
  std::vector<float> q, dq;  // [B, d]
  std::vector<float> m;      // [B, d]
  std::vector<float> recent, gates;  // [B * kRecurrent, d], [B * kRecurrent, 2d]
  std::vector<float> forget, h, u, norm, dgates, drecent, du;
  std::vector<float> gate_t, out_t;  // transposed matrices, for the way back
};

// The mean's gradient stops after this many newest steps: the rest has weight below .95^8 and costs a row
// each.
constexpr uint32_t kMeanGradientSteps = 8;

// q of the first `count` sequences from x.
void encode_forward(const DenseLayout& layout, const float* dense, EncodeBatch& batch, uint32_t count);
// From dq: dx, and adds to `gradient` (same layout as dense).
void encode_backward(const DenseLayout& layout, const float* dense, EncodeBatch& batch, uint32_t count,
                     float* gradient);

}  // namespace freshet
