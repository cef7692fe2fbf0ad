#include "model/dense_kernels.h"

#include <bit>
#include <cstdint>

#include <immintrin.h>

// Blocks of C live in registers only when the loops over them are gone.
#define FRESHET_UNROLL _Pragma("GCC unroll 16")

namespace freshet {

float fused_multiply_add(float a, float b, float c) {
  const double product = double{a} * double{b};
  const double addend = c;
  const double sum = product + addend;
  const double part = sum - product;  // Knuth's two-sum: sum + rest is exact.
  const double rest = (product - (sum - part)) + (addend - part);
  if (rest == 0 || !(rest - rest == 0) || !(sum - sum == 0)) return static_cast<float>(sum);
  auto bits = std::bit_cast<uint64_t>(sum);
  if ((bits & 1) == 0) bits += (rest > 0) == (sum > 0) ? 1 : -1;
  return static_cast<float>(std::bit_cast<double>(bits));
}

namespace baseline {
namespace {
using V = __m128;
constexpr const char* kName = "baseline";
constexpr int kWidth = 4, kRows = 2, kRegisters = 2;
inline V load(const float* p) {
  return _mm_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm_storeu_ps(p, v);
}
inline V spread(float x) {
  return _mm_set1_ps(x);
}
inline V fma(V a, V b, V c) {
  V out = c;
  for (int l = 0; l < 4; ++l) out[l] = fused_multiply_add(a[l], b[l], c[l]);
  return out;
}
inline V guess(V x) {
  return _mm_castsi128_ps(_mm_sub_epi32(_mm_set1_epi32(0x5f1ffff9), _mm_srai_epi32(_mm_castps_si128(x), 1)));
}
inline __m128 four_lanes(const V* sum) {
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);  // (l, l + 8), then (l, l + 4).
}
#include "model/dense_kernels.inc"
}  // namespace
}  // namespace baseline

#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
namespace {
using V = __m256;
constexpr const char* kName = "avx2";
constexpr int kWidth = 8, kRows = 6, kRegisters = 2;
inline V load(const float* p) {
  return _mm256_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm256_storeu_ps(p, v);
}
inline V spread(float x) {
  return _mm256_set1_ps(x);
}
inline V fma(V a, V b, V c) {
  return _mm256_fmadd_ps(a, b, c);
}
inline V guess(V x) {
  return _mm256_castsi256_ps(
      _mm256_sub_epi32(_mm256_set1_epi32(0x5f1ffff9), _mm256_srai_epi32(_mm256_castps_si256(x), 1)));
}
inline __m128 four_lanes(const V* sum) {
  const V eight = sum[0] + sum[1];
  return _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
}
#include "model/dense_kernels.inc"
}  // namespace
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")
namespace avx512 {
namespace {
using V = __m512;
constexpr const char* kName = "avx512";
constexpr int kWidth = 16, kRows = 6, kRegisters = 4;
inline V load(const float* p) {
  return _mm512_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm512_storeu_ps(p, v);
}
inline V spread(float x) {
  return _mm512_set1_ps(x);
}
inline V fma(V a, V b, V c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline V guess(V x) {  // As vectors of the compiler: its intrinsics for these warn.
  typedef int32_t I __attribute__((vector_size(64)));
  return std::bit_cast<V>(0x5f1ffff9 - (std::bit_cast<I>(x) >> 1));
}
inline __m128 four_lanes(const V* sum) {
  const __m256 eight = __builtin_shufflevector(sum[0], sum[0], 0, 1, 2, 3, 4, 5, 6, 7) +
                       __builtin_shufflevector(sum[0], sum[0], 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
}
#include "model/dense_kernels.inc"
}  // namespace
}  // namespace avx512
#pragma GCC pop_options

namespace {

struct Supported {
  const DenseKernels* sets[3] = {&baseline::kSet};
  size_t count = 1;
  Supported() {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets[count++] = &avx2::kSet;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
      sets[count++] = &avx512::kSet;
  }
};

const Supported& supported() {
  static const Supported found;
  return found;
}

}  // namespace

const DenseKernels& dense_kernels() {
  return *supported().sets[supported().count - 1];
}

std::span<const DenseKernels* const> all_dense_kernels() {
  return {supported().sets, supported().count};
}

}  // namespace freshet
