#include "model/math.h"

#include <bit>

#include "model/math_body.h"

namespace freshet {
namespace {

// The bodies, compiled for one instruction set with its native register width.
#define FRESHET_KERNELS(suffix, attribute, width)                                                           \
  attribute float dot_##suffix(const float* a, const float* b, size_t n) {                                  \
    return body::dot<width>(a, b, n);                                                                       \
  }                                                                                                         \
  attribute void axpy_##suffix(float s, const float* x, float* y, size_t n) {                               \
    body::axpy<width>(s, x, y, n);                                                                          \
  }                                                                                                         \
  attribute void multiply_add_##suffix(const float* a, const float* b, float* y, size_t n) {                \
    body::multiply_add<width>(a, b, y, n);                                                                  \
  }                                                                                                         \
  attribute void gemm_##suffix(size_t m, size_t n, size_t k, const float* a, size_t ar, size_t ac,          \
                               const float* b, size_t br, float* c, size_t cr, bool add) {                  \
    body::gemm<width>(m, n, k, a, ar, ac, b, br, c, cr, add);                                               \
  }                                                                                                         \
  attribute void exp_##suffix(const float* x, float* y, size_t n) {                                         \
    body::exp_all<width>(x, y, n);                                                                          \
  }                                                                                                         \
  attribute void sigmoid_##suffix(const float* x, float* y, size_t n) {                                     \
    body::sigmoid_all<width>(x, y, n);                                                                      \
  }                                                                                                         \
  attribute float softmax_##suffix(float* x, float* max, size_t n) {                                        \
    return body::softmax<width>(x, max, n);                                                                 \
  }                                                                                                         \
  attribute void adagrad_##suffix(float* w, float* g, float* a, float rate, float floor, float divide,      \
                                  size_t n) {                                                               \
    body::adagrad<width>(w, g, a, rate, floor, divide, n);                                                  \
  }                                                                                                         \
  attribute float quantize_##suffix(const float* x, int8_t* q, size_t n) {                                  \
    return body::quantize<width>(x, q, n);                                                                  \
  }                                                                                                         \
  attribute float scores_##suffix(const int32_t* dots, const float* scale, const float* bias, float factor, \
                                  float* out, size_t n) {                                                   \
    return body::scores<width>(dots, scale, bias, factor, out, n);                                          \
  }

#if defined(__x86_64__)
#define FRESHET_AVX2 __attribute__((target("arch=x86-64-v3")))
#define FRESHET_AVX512 __attribute__((target("arch=x86-64-v4")))
FRESHET_KERNELS(avx2, FRESHET_AVX2, 8)
FRESHET_KERNELS(avx512, FRESHET_AVX512, 16)
#endif
FRESHET_KERNELS(baseline, , 4)

#define FRESHET_TABLE(name, suffix, dot8, dot8_at)                                                           \
  {                                                                                                          \
    name, dot_##suffix, axpy_##suffix, multiply_add_##suffix, gemm_##suffix, exp_##suffix, sigmoid_##suffix, \
        softmax_##suffix, adagrad_##suffix, quantize_##suffix, dot8, dot8_at, scores_##suffix                \
  }

constexpr Kernels kBaseline = FRESHET_TABLE("baseline", baseline, dot_int8_baseline, dot_int8_at_baseline);
#if defined(__x86_64__)
constexpr Kernels kAvx2 = FRESHET_TABLE("avx2", avx2, dot_int8_avx2, dot_int8_at_avx2);
constexpr Kernels kAvx512 = FRESHET_TABLE("avx512", avx512, dot_int8_avx2, dot_int8_at_avx2);
constexpr Kernels kVnni = FRESHET_TABLE("avx512vnni", avx512, dot_int8_vnni, dot_int8_at_vnni);
#endif

struct Supported {
  const Kernels* sets[4] = {&kBaseline};
  size_t count = 1;
  Supported() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v3")) sets[count++] = &kAvx2;
    if (__builtin_cpu_supports("x86-64-v4")) sets[count++] = &kAvx512;
    if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni")) sets[count++] = &kVnni;
#endif
  }
};

const Supported& supported() {
  static const Supported found;
  return found;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& best = *supported().sets[supported().count - 1];
  return best;
}

std::span<const Kernels* const> all_kernels() {
  return {supported().sets, supported().count};
}

float exp_f32(float x) {
  float y;
  body::exp_all<1>(&x, &y, 1);
  return y;
}

float rsqrt_f32(float x) {
  float y = std::bit_cast<float>(0x5f375a86 - static_cast<int32_t>(std::bit_cast<uint32_t>(x) >> 1));
  for (int i = 0; i < 3; ++i) y = y * (1.5f - ((x * 0.5f) * y) * y);
  return y;
}

// Cephes logf (Moshier 1989): x = m 2^e with m in [sqrt(1/2), sqrt 2), a polynomial in m - 1.
float log_f32(float x) {
  const int32_t bits = std::bit_cast<int32_t>(x);
  int32_t e = (bits >> 23) - 126;
  float m = std::bit_cast<float>((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  if (m < 0.707106781186547524f) {
    e -= 1;
    m = m + m;
  }
  m -= 1.0f;
  const float z = m * m;
  constexpr float kC[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                          -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                          2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  float y = kC[0];
  for (int i = 1; i < 9; ++i) y = y * m + kC[i];
  const float n = static_cast<float>(e);
  y = y * m * z;
  y += n * -2.12194440e-4f;
  y -= 0.5f * z;
  return m + y + n * 0.693359375f;
}

}  // namespace freshet
