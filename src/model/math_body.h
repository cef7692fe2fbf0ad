// Bodies of the kernels of math.h, once for every register width W (floats a register); only math.cc and
// math_int8.cc include this. All are inlined into functions compiled for one instruction set.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace freshet {

// math_int8.cc: by instruction set. Elements are in [-127, 127], so that no product saturates.
void dot_int8_baseline(const int8_t* rows, const int8_t* query, int32_t* out, size_t count, size_t n);
void dot_int8_at_baseline(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                          size_t count, size_t n);
void dot_int8_avx2(const int8_t* rows, const int8_t* query, int32_t* out, size_t count, size_t n);
void dot_int8_at_avx2(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                      size_t count, size_t n);
void dot_int8_vnni(const int8_t* rows, const int8_t* query, int32_t* out, size_t count, size_t n);
void dot_int8_at_vnni(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                      size_t count, size_t n);

namespace body {

#define FRESHET_INLINE inline __attribute__((always_inline))

template <int W>
struct Lanes {
  typedef float F __attribute__((vector_size(4 * W)));
  typedef int32_t I __attribute__((vector_size(4 * W)));
};

template <int W>
FRESHET_INLINE typename Lanes<W>::F load(const float* p) {
  typename Lanes<W>::F v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
template <int W>
FRESHET_INLINE void store(float* p, typename Lanes<W>::F v) {
  std::memcpy(p, &v, sizeof(v));
}

// Folds 16 virtual lanes: halves are added until one is left.
FRESHET_INLINE float fold_add(float* lane) {
  for (int half = 8; half >= 1; half /= 2)
    for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

template <int W>
FRESHET_INLINE float dot(const float* a, const float* b, size_t n) {
  constexpr int kParts = 16 / W;
  typename Lanes<W>::F sum[kParts] = {};
  for (size_t i = 0; i < n; i += 16)
    for (int p = 0; p < kParts; ++p) sum[p] += load<W>(a + i + p * W) * load<W>(b + i + p * W);
  float lane[16];
  for (int p = 0; p < kParts; ++p) store<W>(lane + p * W, sum[p]);
  return fold_add(lane);
}

template <int W>
FRESHET_INLINE void axpy(float s, const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i += W) store<W>(y + i, load<W>(y + i) + load<W>(x + i) * s);
}

template <int W>
FRESHET_INLINE void multiply_add(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = 0; i < n; i += W) store<W>(y + i, load<W>(y + i) + load<W>(a + i) * load<W>(b + i));
}

// A block of R rows and V registers of columns of C stays in registers while k runs.
template <int W, int R, int V>
FRESHET_INLINE void gemm_block(size_t k, const float* a, size_t ar, size_t ac, const float* b, size_t br,
                               float* c, size_t cr, bool add) {
  typename Lanes<W>::F sum[R][V] = {};
  if (add)
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[r][v] = load<W>(c + r * cr + v * W);
  for (size_t p = 0; p < k; ++p) {
    typename Lanes<W>::F right[V];
    for (int v = 0; v < V; ++v) right[v] = load<W>(b + p * br + v * W);
    for (int r = 0; r < R; ++r) {
      const float left = a[r * ar + p * ac];
      for (int v = 0; v < V; ++v) sum[r][v] += right[v] * left;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store<W>(c + r * cr + v * W, sum[r][v]);
}

template <int W, int R>
FRESHET_INLINE void gemm_rows(size_t n, size_t k, const float* a, size_t ar, size_t ac, const float* b,
                              size_t br, float* c, size_t cr, bool add) {
  size_t j = 0;
  for (; j + 2 * W <= n; j += 2 * W) gemm_block<W, R, 2>(k, a, ar, ac, b + j, br, c + j, cr, add);
  for (; j < n; j += W) gemm_block<W, R, 1>(k, a, ar, ac, b + j, br, c + j, cr, add);
}

template <int W>
FRESHET_INLINE void gemm(size_t m, size_t n, size_t k, const float* a, size_t ar, size_t ac, const float* b,
                         size_t br, float* c, size_t cr, bool add) {
  size_t i = 0;
  for (; i + 4 <= m; i += 4) gemm_rows<W, 4>(n, k, a + i * ar, ar, ac, b, br, c + i * cr, cr, add);
  for (; i < m; ++i) gemm_rows<W, 1>(n, k, a + i * ar, ar, ac, b, br, c + i * cr, cr, add);
}

// Cephes expf (Moshier 1989): x = n ln 2 + r, |r| <= ln 2 / 2, polynomial in r, n into the exponent. Adding
// and taking away 1.5 * 2^23 rounds to the nearest integer.
template <int W>
FRESHET_INLINE typename Lanes<W>::F exp_of(typename Lanes<W>::F x) {
  using F = typename Lanes<W>::F;
  using I = typename Lanes<W>::I;
  const F zero = {};
  const F low = zero - 87.3f, high = zero + 88.3f;
  const auto underflow = x < low;
  F v = x > high ? high : x;
  v = v < low ? low : v;
  const F magic = zero + 12582912.0f;
  const F shifted = v * 1.44269504088896341f + magic;
  const F n = shifted - magic;
  const F r = (v - n * 0.693359375f) - n * -2.12194440e-4f;
  F y = r * 1.9875691500e-4f + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + (r + 1.0f);
  const I power = (std::bit_cast<I>(shifted) - std::bit_cast<I>(magic) + 127) << 23;
  y = y * std::bit_cast<F>(power);
  return underflow ? zero : y;
}

template <int W>
FRESHET_INLINE void exp_all(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i += W) store<W>(y + i, exp_of<W>(load<W>(x + i)));
}

template <int W>
FRESHET_INLINE void sigmoid_all(const float* x, float* y, size_t n) {
  const typename Lanes<W>::F one = typename Lanes<W>::F{} + 1.0f;
  for (size_t i = 0; i < n; i += W) store<W>(y + i, one / (one + exp_of<W>(-load<W>(x + i))));
}

template <int W>
FRESHET_INLINE float largest(const float* x, size_t n, bool absolute) {
  using F = typename Lanes<W>::F;
  F top = load<W>(x);
  if (absolute) top = top < -top ? -top : top;
  for (size_t i = W; i < n; i += W) {
    F v = load<W>(x + i);
    if (absolute) v = v < -v ? -v : v;
    top = top < v ? v : top;
  }
  float best = top[0];
  for (int l = 1; l < W; ++l) best = best < top[l] ? top[l] : best;
  return best;
}

template <int W>
FRESHET_INLINE float softmax(float* x, float* max, size_t n) {
  constexpr int kParts = 16 / W;
  *max = largest<W>(x, n, false);
  typename Lanes<W>::F sum[kParts] = {};
  for (size_t i = 0; i < n; i += 16)
    for (int p = 0; p < kParts; ++p) {
      const auto y = exp_of<W>(load<W>(x + i + p * W) - *max);
      store<W>(x + i + p * W, y);
      sum[p] += y;
    }
  float lane[16];
  for (int p = 0; p < kParts; ++p) store<W>(lane + p * W, sum[p]);
  return fold_add(lane);
}

// 1 / sqrt(x): a first guess from the bits (Lomont 2003), three steps of Newton's.
template <int W>
FRESHET_INLINE typename Lanes<W>::F rsqrt_of(typename Lanes<W>::F x) {
  using F = typename Lanes<W>::F;
  using I = typename Lanes<W>::I;
  const I guess = 0x5f375a86 - (std::bit_cast<I>(x) >> 1);
  F y = std::bit_cast<F>(guess);
  for (int i = 0; i < 3; ++i) y = y * (1.5f - ((x * 0.5f) * y) * y);
  return y;
}

template <int W>
FRESHET_INLINE void adagrad(float* w, float* g, float* a, float rate, float floor, float divide, size_t n) {
  const typename Lanes<W>::F zero = {};
  for (size_t i = 0; i < n; i += W) {
    const auto v = load<W>(g + i) / divide;
    const auto seen = load<W>(a + i) + v * v;
    store<W>(a + i, seen);
    store<W>(w + i, load<W>(w + i) - (v * rate) * rsqrt_of<W>(seen + floor));
    store<W>(g + i, zero);
  }
}

template <int W>
FRESHET_INLINE float quantize(const float* x, int8_t* q, size_t n) {
  using F = typename Lanes<W>::F;
  using I = typename Lanes<W>::I;
  const float top = largest<W>(x, n, true);
  if (!(top > 1e-30f)) {
    std::memset(q, 0, n);
    return 0;
  }
  const float inverse = 127.0f / top;
  const F magic = F{} + 12582912.0f;
  for (size_t i = 0; i < n; i += W) {
    const F shifted = load<W>(x + i) * inverse + magic;
    const I whole = std::bit_cast<I>(shifted) - std::bit_cast<I>(magic);
    for (int l = 0; l < W; ++l) q[i + l] = static_cast<int8_t>(whole[l]);
  }
  return top / 127.0f;
}

template <int W>
FRESHET_INLINE float scores(const int32_t* dots, const float* scale, const float* bias, float factor,
                            float* out, size_t n) {
  using F = typename Lanes<W>::F;
  using I = typename Lanes<W>::I;
  float best = -__builtin_inff();
  F top = F{} + best;
  size_t i = 0;
  for (; i + W <= n; i += W) {
    I dot;
    std::memcpy(&dot, dots + i, sizeof(dot));
    const F v = __builtin_convertvector(dot, F) * (load<W>(scale + i) * factor) + load<W>(bias + i);
    store<W>(out + i, v);
    top = top < v ? v : top;
  }
  for (int l = 0; l < W; ++l) best = best < top[l] ? top[l] : best;
  for (; i < n; ++i) {
    out[i] = static_cast<float>(dots[i]) * (scale[i] * factor) + bias[i];
    best = best < out[i] ? out[i] : best;
  }
  return best;
}

}  // namespace body
}  // namespace freshet
