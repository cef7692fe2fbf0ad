// The optimizers of dense blocks and embedding rows behind one kernel: a row of n weights, its gradient, and
// the state it keeps (floats, saved with the row).
//
//   kSgd             w -= rate g                                                            state 0
//   kMomentum        m = 0.9 m + g; w -= rate m                                             state n
//   kAdagrad         a += g^2; w -= rate g / sqrt(a + 1e-6)     Duchi et al. 2011           state n
//   kRowwiseAdagrad  a += mean(g^2); w -= rate g / sqrt(a + 1e-6)                           state 1
//   kAdam            Kingma and Ba 2015, bias corrected by the row's own count of steps     state 2 n + 1
//   kFtrl            McMahan et al. 2013, beta 1, no l1; z starts where w is                state 2 n
//
// `fade` multiplies Adagrad's sums before each step: below 1 the rate cannot freeze, which a drifting stream
// needs. optimizer_step() is the one kernel; every formula is element-wise, so bits do not depend on the
// machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace freshet {

enum class Optimizer : uint8_t { kSgd, kMomentum, kAdagrad, kRowwiseAdagrad, kAdam, kFtrl };

struct OptimizerConfig {
  Optimizer kind = Optimizer::kRowwiseAdagrad;
  float rate = 0.05f;
  float fade = 1;
  float l2 = 0;  // Added to the gradient as l2 * w; not for kFtrl, which has its own place for it.
};

std::string_view optimizer_name(Optimizer kind);
Result<Optimizer> parse_optimizer(std::string_view name);  // sgd, momentum, adagrad, rowwise, adam, ftrl
size_t optimizer_state(Optimizer kind, size_t n);          // Floats a row of n weights keeps; zero at first.

// One step of a row. `state` holds optimizer_state(kind, n) floats.
void optimizer_step(const OptimizerConfig& config, float* w, const float* g, float* state, size_t n);

}  // namespace freshet
