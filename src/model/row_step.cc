#include "model/row_step.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/hash.h"

namespace freshet {
namespace {

#define CLONED __attribute__((target_clones("default", "avx2", "avx512f")))
#define INLINED inline __attribute__((always_inline))

typedef float F16 __attribute__((vector_size(64)));
typedef float F8 __attribute__((vector_size(32)));
typedef float F4 __attribute__((vector_size(16)));
typedef uint32_t U16 __attribute__((vector_size(64)));
typedef uint16_t H16 __attribute__((vector_size(32)));

constexpr float kFloor = 1e-6f;
constexpr size_t kStepsTogether = 32;

template <class V>
INLINED V load(const void* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class V>
INLINED void store(void* to, V v) {
  std::memcpy(to, &v, sizeof v);
}

// The order of math.h: (l, l + 8), (l, l + 4), (l, l + 2), (0, 1).
INLINED float fold(F16 v) {
  const F8 a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
               __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const F4 b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  const F4 c = b + __builtin_shufflevector(b, b, 2, 3, 2, 3);
  return c[0] + c[1];
}

INLINED F16 root(F16 v) {
  for (int i = 0; i < 16; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}

INLINED float sum_of_squares(const float* g, size_t n) {
  F16 squares = {};
  for (size_t i = 0; i < n; i += 16) {
    const auto v = load<F16>(g + i);
    squares += v * v;
  }
  return fold(squares);
}

INLINED F16 wide(const uint16_t* from) {
  return std::bit_cast<F16>(__builtin_convertvector(load<H16>(from), U16) << 16);
}

INLINED H16 rounded(F16 v, uint32_t chance) {
  constexpr U16 kLanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  constexpr U16 kPlaces = kLanes * kRoundSpread;
  U16 x = kPlaces + chance;
  x = (x ^ (x >> 15)) * kRoundMix;
  return __builtin_convertvector((std::bit_cast<U16>(v) + (x >> 16)) >> 16, H16);
}

INLINED void step_f32(const OptimizerConfig& c, float* w, const float* g, float step, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const auto old = load<F16>(w + i);
    store(w + i, old - step * (load<F16>(g + i) + c.l2 * old));
  }
}

INLINED uint32_t chance_drawn(const RowRecord& r, const float* g) {
  const auto state = std::bit_cast<uint32_t>(r.state[0]);
  return static_cast<uint32_t>(mix64(r.key ^ (uint64_t{state} << 32 | std::bit_cast<uint32_t>(g[0]))));
}

INLINED void step_bf16(const OptimizerConfig& c, uint16_t* w, const float* g, float step, uint32_t chance,
                       size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const F16 old = wide(w + i);
    const F16 now = old - step * (load<F16>(g + i) + c.l2 * old);
    store(w + i, rounded(now, chance + static_cast<uint32_t>(i) * kRoundSpread));
  }
}

}  // namespace

uint32_t chance_of(const RowRecord& record, const float* gradient) {
  return chance_drawn(record, gradient);
}

CLONED void widen_bf16(const uint16_t* from, float* to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = std::bit_cast<float>(uint32_t{from[i]} << 16);
}

CLONED void narrow_bf16_by_chance(const float* from, uint16_t* to, uint32_t chance, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    uint32_t x = static_cast<uint32_t>(i) * kRoundSpread + chance;
    x = (x ^ (x >> 15)) * kRoundMix;
    to[i] = static_cast<uint16_t>((std::bit_cast<uint32_t>(from[i]) + (x >> 16)) >> 16);
  }
}

void narrow_bf16(const float* from, uint16_t* to, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<uint32_t>(from[i]);
    to[i] = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  }
}

CLONED void read_rows(WeightType type, const char* const* records, size_t count, size_t weights_at,
                      float* out, size_t n) {
  for (size_t row = 0; row < count; ++row, out += n) {
    const char* const from = records[row] == nullptr ? nullptr : records[row] + weights_at;
    if (from == nullptr) {
      std::memset(out, 0, n * sizeof(float));
    } else if (type == WeightType::kF32) {
      std::memcpy(out, from, n * sizeof(float));
    } else {
      const auto* weights = reinterpret_cast<const uint16_t*>(from);
      size_t i = 0;
      for (; i + 16 <= n; i += 16) store(out + i, wide(weights + i));
      for (; i < n; ++i) out[i] = std::bit_cast<float>(uint32_t{weights[i]} << 16);
    }
  }
}

// Rows are stepped in order, so that one named twice takes two; but what has no order among them, dividing
// and roots, is done for many at once: it would take half of the time.
CLONED void rowwise_steps_plain(const OptimizerConfig& c, WeightType type, char* const* records, size_t count,
                                size_t weights_at, const float* gradients, size_t n) {
  const OptimizerConfig config = c;
  alignas(64) float steps[kStepsTogether];
  uint32_t chances[kStepsTogether];
  for (size_t begin = 0; begin < count; begin += kStepsTogether) {
    const size_t rows = std::min(kStepsTogether, count - begin);
    char* const* at = records + begin;
    const float* const g = gradients + begin * n;
    for (size_t row = 0; row < rows; ++row) steps[row] = sum_of_squares(g + row * n, n);
    for (size_t row = rows; row < kStepsTogether; ++row) steps[row] = 0;
    for (size_t row = 0; row < kStepsTogether; ++row) steps[row] /= static_cast<float>(n);
    for (size_t row = 0; row < rows; ++row) {
      if (at[row] == nullptr) continue;
      auto* r = reinterpret_cast<RowRecord*>(at[row]);
      chances[row] = type == WeightType::kBf16 ? chance_drawn(*r, g + row * n) : 0;
      steps[row] = r->state[0] = r->state[0] * config.fade + steps[row];
    }
    for (size_t row = 0; row < kStepsTogether; row += 16)
      store(steps + row, config.rate / root(load<F16>(steps + row) + kFloor));
    for (size_t row = 0; row < rows; ++row) {
      if (at[row] == nullptr) continue;
      char* w = at[row] + weights_at;
      if (type == WeightType::kF32)
        step_f32(config, reinterpret_cast<float*>(w), g + row * n, steps[row], n);
      else
        step_bf16(config, reinterpret_cast<uint16_t*>(w), g + row * n, steps[row], chances[row], n);
    }
  }
}

void rowwise_steps(const OptimizerConfig& config, WeightType type, char* const* records, size_t count,
                   size_t weights_at, const float* gradients, size_t n) {
  static const bool wide = __builtin_cpu_supports("x86-64-v4");
  (wide ? rowwise_steps_avx512 : rowwise_steps_plain)(config, type, records, count, weights_at, gradients, n);
}

}  // namespace freshet
