// rowwise_steps() for AVX-512: sixteen rows at a time, their sums of squares folded together, the chances of
// eight drawn together. Bit for bit rowwise_steps_plain().
#include <cstring>

// GCC 12 believes its own AVX-512 headers read an undefined register.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "model/row_step.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl")

namespace freshet {
namespace {

#define INLINED inline __attribute__((always_inline))

constexpr size_t kTogether = 16;
constexpr float kFloor = 1e-6f;

// The sixteen lanes of each of sixteen rows added up, (l, l + 8), (l, l + 4), (l, l + 2), (0, 1) as in
// math.h: every round halves the lanes of a row and puts two registers into one. Result: row by row.
INLINED __m512 fold_16(const __m512* rows) {
  __m512 eight[8], four[4], two[2];
  for (int i = 0; i < 8; ++i)
    eight[i] = _mm512_shuffle_f32x4(rows[2 * i], rows[2 * i + 1], 0x44) +
               _mm512_shuffle_f32x4(rows[2 * i], rows[2 * i + 1], 0xee);
  for (int i = 0; i < 4; ++i)
    four[i] = _mm512_shuffle_f32x4(eight[2 * i], eight[2 * i + 1], 0x88) +
              _mm512_shuffle_f32x4(eight[2 * i], eight[2 * i + 1], 0xdd);
  for (int i = 0; i < 2; ++i) {
    const __m512d a = _mm512_castps_pd(four[2 * i]);
    const __m512d b = _mm512_castps_pd(four[2 * i + 1]);
    two[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b)) + _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
  }
  const __m512 one = _mm512_shuffle_ps(two[0], two[1], 0x88) + _mm512_shuffle_ps(two[0], two[1], 0xdd);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_ps(order, one);
}

// mix64() of base/hash.h, the lower halves.
INLINED __m256i mixed(__m512i x) {
  x = _mm512_add_epi64(x, _mm512_set1_epi64(static_cast<long long>(0x9e3779b97f4a7c15ull)));
  x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 30));
  x = _mm512_mullo_epi64(x, _mm512_set1_epi64(static_cast<long long>(0xbf58476d1ce4e5b9ull)));
  x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 27));
  x = _mm512_mullo_epi64(x, _mm512_set1_epi64(static_cast<long long>(0x94d049bb133111ebull)));
  return _mm512_cvtepi64_epi32(_mm512_xor_si512(x, _mm512_srli_epi64(x, 31)));
}

INLINED __m512 stepped(__m512 old, const float* g, __m512 step, __m512 l2) {
  return old - step * (_mm512_loadu_ps(g) + l2 * old);
}

// `places`: lane * kSpread + what the row drew.
INLINED __m256i rounded(__m512 v, __m512i places) {
  const __m512i x = _mm512_xor_si512(places, _mm512_srli_epi32(places, 15));
  const __m512i chance = _mm512_srli_epi32(_mm512_mullo_epi32(x, _mm512_set1_epi32(int(kRoundMix))), 16);
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(v), chance), 16));
}

struct Sixteen {
  alignas(64) float steps[kTogether];
  alignas(64) uint64_t drawn[kTogether];
  alignas(64) uint32_t chances[kTogether];
};

// Sums of squares into states, in order, since a row may be named twice; then steps and chances of all.
INLINED void prepare(const OptimizerConfig& config, char* const* at, size_t rows, const float* g, size_t n,
                     Sixteen& out) {
  __m512 squares[kTogether];
  if (rows < kTogether)
    for (__m512& each : squares) each = _mm512_setzero_ps();
#pragma GCC unroll 16
  for (size_t row = 0; row < rows; ++row) {
    const __m512 first = _mm512_loadu_ps(g + row * n);
    __m512 sum = first * first;
    for (size_t i = 16; i < n; i += 16) {
      const __m512 v = _mm512_loadu_ps(g + row * n + i);
      sum += v * v;
    }
    squares[row] = sum;
  }
  _mm512_store_ps(out.steps, fold_16(squares) / _mm512_set1_ps(static_cast<float>(n)));
#pragma GCC unroll 1
  for (size_t row = 0; row < rows; ++row) {
    if (at[row] == nullptr) continue;
    auto* r = reinterpret_cast<RowRecord*>(at[row]);
    const float state = r->state[0];
    uint32_t high, low;
    std::memcpy(&high, &state, sizeof high);
    std::memcpy(&low, g + row * n, sizeof low);
    out.drawn[row] = r->key ^ (uint64_t{high} << 32 | low);
    out.steps[row] = r->state[0] = state * config.fade + out.steps[row];
  }
  const __m512 roots = _mm512_sqrt_ps(_mm512_load_ps(out.steps) + _mm512_set1_ps(kFloor));
  _mm512_store_ps(out.steps, _mm512_set1_ps(config.rate) / roots);
  for (size_t half = 0; half < kTogether; half += 8)
    _mm256_store_si256(reinterpret_cast<__m256i*>(out.chances + half),
                       mixed(_mm512_load_si512(out.drawn + half)));
}

// `n` is a constant where it is inlined with one: rows of 16 without a loop.
INLINED void run(const OptimizerConfig& config, WeightType type, char* const* at, size_t count,
                 size_t weights_at, const float* g, size_t n) {
  const __m512 l2 = _mm512_set1_ps(config.l2);
  const __m512i lanes =
      _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                         _mm512_set1_epi32(static_cast<int>(kRoundSpread)));
  Sixteen of = {};
  for (; count > 0; at += kTogether) {
    const size_t rows = count < kTogether ? count : kTogether;
    if (rows == kTogether)
      prepare(config, at, kTogether, g, n, of);
    else
      prepare(config, at, rows, g, n, of);
    count -= rows;
    for (size_t row = 0; row < rows; ++row, g += n) {
      if (at[row] == nullptr) continue;
      char* w = at[row] + weights_at;
      const __m512 step = _mm512_set1_ps(of.steps[row]);
      if (type == WeightType::kF32) {
        for (size_t i = 0; i < n; i += 16)
          _mm512_storeu_ps(w + 4 * i, stepped(_mm512_loadu_ps(w + 4 * i), g + i, step, l2));
        continue;
      }
      for (size_t i = 0; i < n; i += 16) {
        auto* place = reinterpret_cast<__m256i*>(w + 2 * i);
        const __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(place)), 16);
        const auto chance = static_cast<int>(of.chances[row] + static_cast<uint32_t>(i) * kRoundSpread);
        const __m512i places = _mm512_add_epi32(lanes, _mm512_set1_epi32(chance));
        _mm256_storeu_si256(place, rounded(stepped(_mm512_castsi512_ps(wide), g + i, step, l2), places));
      }
    }
  }
}

}  // namespace

void rowwise_steps_avx512(const OptimizerConfig& c, WeightType type, char* const* records, size_t count,
                          size_t weights_at, const float* gradients, size_t n) {
  const OptimizerConfig config = c;  // Writing to records cannot change it.
  if (n == 16) return run(config, type, records, count, weights_at, gradients, 16);
  run(config, type, records, count, weights_at, gradients, n);
}

}  // namespace freshet

#pragma GCC pop_options
