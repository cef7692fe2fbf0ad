// What a table does most, for a block of rows at a time: reading weights, and the step of row-wise Adagrad
// (model/optimizer.h has the formula) with the weights where they lie. Bit for bit optimizer_step() for f32;
// for bf16 the same with rounding by chance, drawn from key, state and gradient.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/optimizer.h"

namespace freshet {

enum class WeightType : uint8_t { kF32, kBf16 };

// Chance of number i of a row: one round of a multiplicative hash of i * kRoundSpread + what the row drew is
// enough, since that is mixed well.
constexpr uint32_t kRoundSpread = 0x9e3779b9u;
constexpr uint32_t kRoundMix = 0x85ebca6bu;

struct RowRecord {  // Weights follow the state.
  uint64_t key;
  uint32_t last;
  float value;  // As of `last`; negative: a free record, `key` is the next free one.
  float state[1];
};

// What the rounding of a step is drawn from.
uint32_t chance_of(const RowRecord& record, const float* gradient);

void widen_bf16(const uint16_t* from, float* to, size_t n);
// Rounds up with the probability that keeps the mean: 16 bits of chance are added below those that stay.
void narrow_bf16_by_chance(const float* from, uint16_t* to, uint32_t chance, size_t n);
void narrow_bf16(const float* from, uint16_t* to, size_t n);  // To the nearest, ties to even.

// out[i] = the weights of records[i], n numbers; zeros where that is null.
void read_rows(WeightType type, const char* const* records, size_t count, size_t weights_at, float* out,
               size_t n);
// One step each, in order; gradients: [count][n], null records are passed over. n: a multiple of 16.
void rowwise_steps(const OptimizerConfig& config, WeightType type, char* const* records, size_t count,
                   size_t weights_at, const float* gradients, size_t n);
// What it is made of: for any CPU, the twin, and for those of x86-64-v4.
void rowwise_steps_plain(const OptimizerConfig& config, WeightType type, char* const* records, size_t count,
                         size_t weights_at, const float* gradients, size_t n);
void rowwise_steps_avx512(const OptimizerConfig& config, WeightType type, char* const* records, size_t count,
                          size_t weights_at, const float* gradients, size_t n);

}  // namespace freshet
