// Elementary functions whose bits are the same on every machine: additions, multiplications and bit moves
// only (the C library chooses other polynomials on other CPUs, and learned state must be byte-equal
// everywhere).
//
// Relative error of exp2 and absolute error of log below 3e-7 over the ranges used; Cephes-type minimax
// polynomials. Any thread; about 2 ns a call, and loops over them vectorise.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace freshet::numeric {

inline float exp2(float x) {  // 2^x; saturates outside [-126, 126]
  if (x < -126.0f) return 0.0f;
  if (x > 126.0f) x = 126.0f;
  const float shifted = x + 12582912.0f;        // 1.5 * 2^23: the sum rounds x to an integer in the low bits
  const float f = x - (shifted - 12582912.0f);  // [-0.5, 0.5]
  const uint32_t power = (std::bit_cast<uint32_t>(shifted) - 0x4b400000u + 127u) << 23;
  float p = 1.535336188319500e-4f;
  p = p * f + 1.339887440266574e-3f;
  p = p * f + 9.618437357674640e-3f;
  p = p * f + 5.550332471162809e-2f;
  p = p * f + 2.402264791363012e-1f;
  p = p * f + 6.931472028550421e-1f;
  p = p * f + 1.0f;
  return p * std::bit_cast<float>(power);
}

inline float exp(float x) {
  return exp2(x * 1.44269504088896f);
}

inline float log(float x) {  // natural; x > 0 and normal, else log of the smallest normal number
  if (!(x > 1.17549435e-38f)) x = 1.17549435e-38f;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  int32_t exponent = static_cast<int32_t>(bits >> 23) - 126;
  float m = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f000000u);  // [0.5, 1)
  const bool low = m < 0.70710678f;
  exponent -= static_cast<int32_t>(low);
  m = (low ? m + m : m) - 1.0f;
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float e = static_cast<float>(exponent);
  return m + (m * z * p - 0.5f * z) + e * 0.693147180559945f;
}

// out[i] = exp2(x[i]) for x <= 126, bit for bit, four at a time. `out` may be `x`.
inline void exp2_of(const float* x, float* out, size_t n) {
  typedef float Lanes __attribute__((vector_size(16), may_alias));
  typedef uint32_t Words __attribute__((vector_size(16), may_alias));
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Lanes v;
    std::memcpy(&v, x + i, sizeof v);
    const Lanes least = Lanes{} - 126.0f, magic = Lanes{} + 12582912.0f;
    const auto under = v < least;
    const Lanes shifted = v + magic;
    const Lanes f = v - (shifted - magic);
    const Words power = (std::bit_cast<Words>(shifted) - 0x4b400000u + 127u) << 23;
    Lanes p = Lanes{} + 1.535336188319500e-4f;
    p = p * f + 1.339887440266574e-3f;
    p = p * f + 9.618437357674640e-3f;
    p = p * f + 5.550332471162809e-2f;
    p = p * f + 2.402264791363012e-1f;
    p = p * f + 6.931472028550421e-1f;
    p = p * f + 1.0f;
    p = under ? Lanes{} : p * std::bit_cast<Lanes>(power);
    std::memcpy(out + i, &p, sizeof p);
  }
  for (; i < n; ++i) out[i] = exp2(x[i]);
}

}  // namespace freshet::numeric
