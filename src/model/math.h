// Deterministic vector arithmetic: the same inputs give the same bits on every x86-64 CPU.
//
// Each kernel is written once over vectors of the compiler, compiled for SSE4.2, AVX2 and AVX-512, and chosen
// at run time. Bits agree because (1) nothing is contracted into fused multiply-adds, (2) element-wise work
// and gemm() add in an order that does not depend on the width of a register, (3) sums over a row always run
// in 16 virtual lanes, lane l taking elements l, l + 16, ..., folded as (l, l + 8), (l, l + 4), (l, l + 2),
// (0, 1), and (4) exp, log and sigmoid are our own polynomials: those of the C library depend on the CPU.
// Integer dot products are exact, so they may use whatever instruction the CPU has. Decision:
// docs/decisions/0020-vector-extensions.md.
//
// Shapes are row-major; n of every kernel is a multiple of 16 unless said otherwise. No alignment is needed,
// 64 bytes is faster. Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace freshet {

struct Kernels {
  const char* name;  // "baseline", "avx2", "avx512"

  float (*dot)(const float* a, const float* b, size_t n);
  void (*axpy)(float s, const float* x, float* y, size_t n);                 // y += s x
  void (*multiply_add)(const float* a, const float* b, float* y, size_t n);  // y += a * b, element-wise
  // C[m][n] (+)= sum over k of A(i, p) * B[p][j], p ascending; A(i, p) = a[i * a_row + p * a_column], so A
  // may be transposed in place. `add`: to what C holds, else from zero. n must be a multiple of 16.
  void (*gemm)(size_t m, size_t n, size_t k, const float* a, size_t a_row, size_t a_column, const float* b,
               size_t b_row, float* c, size_t c_row, bool add);
  void (*exp)(const float* x, float* y, size_t n);  // Relative error < 2e-7; 0 below -87.3, 2e38 from 88.3.
  void (*sigmoid)(const float* x, float* y, size_t n);  // 1 / (1 + exp(-x))
  // x <- exp(x - max x), returns the sum; the maximum goes to *max. Elements of -infinity give 0.
  float (*softmax)(float* x, float* max, size_t n);
  // Element-wise Adagrad (Duchi et al. 2011): a += g^2; w -= rate g / sqrt(a + floor); g <- 0. g is first
  // divided by `divide`.
  void (*adagrad)(float* w, float* g, float* a, float rate, float floor, float divide, size_t n);
  // int8 copy of a row: q[i] = round(x[i] / scale), scale = max|x| / 127, returned. Zero row: scale 0.
  float (*quantize)(const float* x, int8_t* q, size_t n);

  // out[r] = sum over i of rows[r * n + i] * query[i]: exact. n: a multiple of 32, at most 4096.
  void (*dot_int8)(const int8_t* rows, const int8_t* query, int32_t* out, size_t rows_count, size_t n);
  // The same for the rows named, anywhere in `rows`; fetches ahead.
  void (*dot_int8_at)(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                      size_t count, size_t n);
  // out[i] = dots[i] * (scale[i] * factor) + bias[i]; returns the largest. Any n.
  float (*scores)(const int32_t* dots, const float* scale, const float* bias, float factor, float* out,
                  size_t n);
};

const Kernels& kernels();  // The fastest this CPU runs.
std::span<const Kernels* const>
all_kernels();  // Every set this CPU runs, slowest first: for tests and benches.

// Scalar twins of the kernels' functions, bit for bit.
float exp_f32(float x);
float log_f32(float x);  // x > 0 and finite; relative error < 2e-7 away from 1, absolute 1e-7 near it
inline float sigmoid_f32(float x) {
  return 1.0f / (1.0f + exp_f32(-x));
}
float rsqrt_f32(float x);  // 1 / sqrt(x) of a positive normal number, relative error < 3e-7

}  // namespace freshet
