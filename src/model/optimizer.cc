#include "model/optimizer.h"

#include <cmath>
#include <string>

#include "model/math.h"

namespace freshet {
namespace {

constexpr float kFloor = 1e-6f;
constexpr std::string_view kNames[] = {"sgd", "momentum", "adagrad", "rowwise", "adam", "ftrl"};

void adam(const OptimizerConfig& c, float* w, const float* g, float* state, size_t n) {
  constexpr float kBeta1 = 0.9f;
  constexpr float kBeta2 = 0.999f;
  const float steps = state[2 * n] += 1;
  const float unbias1 = 1 - exp_f32(steps * -0.105360516f);    // 1 - 0.9^t
  const float unbias2 = 1 - exp_f32(steps * -0.00100050033f);  // 1 - 0.999^t
  for (size_t i = 0; i < n; ++i) {
    const float slope = g[i] + c.l2 * w[i];
    float& m = state[i];
    float& v = state[n + i];
    m = kBeta1 * m + (1 - kBeta1) * slope;
    v = kBeta2 * v + (1 - kBeta2) * slope * slope;
    w[i] -= c.rate * (m / unbias1) / (std::sqrt(v / unbias2) + 1e-8f);
  }
}

// w is kept as the solution of z and n; a row that starts elsewhere than zero starts with z = -w (1/rate).
void ftrl(const OptimizerConfig& c, float* w, const float* g, float* state, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    float& z = state[i];
    float& squares = state[n + i];
    const float scale = (1 + std::sqrt(squares)) / c.rate + c.l2;
    if (squares == 0) z = -w[i] * scale;
    const float more = squares + g[i] * g[i];
    z += g[i] - (std::sqrt(more) - std::sqrt(squares)) / c.rate * w[i];
    squares = more;
    w[i] = -z / ((1 + std::sqrt(more)) / c.rate + c.l2);
  }
}

// The sum in 16 lanes (math.h): the same bits whatever the width of a register.
__attribute__((target_clones("default", "avx2", "avx512f"))) void rowwise(const OptimizerConfig& c, float* w,
                                                                          const float* g, float* state,
                                                                          size_t n) {
  float lane[16] = {};
  const size_t whole = n / 16 * 16;
  for (size_t i = 0; i < whole; i += 16)
    for (size_t l = 0; l < 16; ++l) lane[l] += g[i + l] * g[i + l];
  for (size_t l = 0; l < n - whole; ++l) lane[l] += g[whole + l] * g[whole + l];
  for (size_t half = 8; half >= 1; half /= 2)
    for (size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  state[0] = state[0] * c.fade + lane[0] / static_cast<float>(n);
  const float step = c.rate / std::sqrt(state[0] + kFloor);
  for (size_t i = 0; i < n; ++i) w[i] -= step * (g[i] + c.l2 * w[i]);
}

}  // namespace

std::string_view optimizer_name(Optimizer kind) {
  return kNames[static_cast<size_t>(kind)];
}

Result<Optimizer> parse_optimizer(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<Optimizer>(i);
  return invalid("optimizer '" + std::string(name) +
                 "': expected sgd, momentum, adagrad, rowwise, adam or ftrl");
}

size_t optimizer_state(Optimizer kind, size_t n) {
  switch (kind) {
    case Optimizer::kSgd:
      return 0;
    case Optimizer::kMomentum:
    case Optimizer::kAdagrad:
      return n;
    case Optimizer::kRowwiseAdagrad:
      return 1;
    case Optimizer::kAdam:
      return 2 * n + 1;
    case Optimizer::kFtrl:
      return 2 * n;
  }
  return 0;
}

void optimizer_step(const OptimizerConfig& c, float* w, const float* g, float* state, size_t n) {
  switch (c.kind) {
    case Optimizer::kSgd:
      for (size_t i = 0; i < n; ++i) w[i] -= c.rate * (g[i] + c.l2 * w[i]);
      return;
    case Optimizer::kMomentum:
      for (size_t i = 0; i < n; ++i) {
        state[i] = 0.9f * state[i] + g[i] + c.l2 * w[i];
        w[i] -= c.rate * state[i];
      }
      return;
    case Optimizer::kAdagrad:
      for (size_t i = 0; i < n; ++i) {
        const float slope = g[i] + c.l2 * w[i];
        state[i] = state[i] * c.fade + slope * slope;
        w[i] -= c.rate * slope / std::sqrt(state[i] + kFloor);
      }
      return;
    case Optimizer::kRowwiseAdagrad:
      return rowwise(c, w, g, state, n);
    case Optimizer::kAdam:
      return adam(c, w, g, state, n);
    case Optimizer::kFtrl:
      return ftrl(c, w, g, state, n);
  }
}

}  // namespace freshet
