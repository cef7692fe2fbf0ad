// Matrix kernels of dense networks with fused multiply-adds, written once (dense_kernels.inc) and compiled
// for SSE4.2, AVX2 and AVX-512; chosen at run time. The same inputs give the same bits on every CPU: each sum
// runs in an order of its own whatever the registers, and where the CPU has no fused multiply-add it is
// computed exactly in doubles (fused_multiply_add() below), which is slow and right. math.h has the kernels
// without.
//
// Shapes are row-major; n and everything that is not a number of rows is a multiple of 16. Threads: any.
#pragma once

#include <cstddef>
#include <span>

namespace freshet {

struct DenseKernels {
  const char* name;

  // C[m][n] (+)= sum over p < k, ascending, of A(i, p) * B[p][j]; A(i, p) = a[i * a_row + p * a_column].
  // `add`: to what C holds, else from zero. A row of C has the same bits whatever m is.
  void (*gemm)(size_t m, size_t n, size_t k, const float* a, size_t a_row, size_t a_column, const float* b,
               size_t b_row, float* c, size_t c_row, bool add);
  // out[i] = sum over j < n of w[i][j] * y[j], in 16 lanes folded as in math.h; i < rows.
  void (*dots)(size_t rows, size_t n, const float* w, const float* y, float* out);
  // C[m][n] = A[m][k] B[n][k]^T; each sum as of dots(). A row of C has the same bits whatever m is.
  void (*products)(size_t m, size_t n, size_t k, const float* a, const float* b, float* c);
  // Adagrad (Duchi et al. 2011): a += g^2; w -= rate g / sqrt(a), the root to 7e-4; g <- 0. `a` begins above
  // 0.
  void (*adagrad)(float* w, float* g, float* a, float rate, size_t n);
  // One example through a layer w[rows][n]: adagrad() with g[i][j] = x[i] dy[j], and, when dx is not null,
  // what dots(w, dy) was before. Rows of x[i] == 0 are only read; `rectified`, x = max(0, .): not even that,
  // their dx is 0 as it is below that maximum.
  void (*learn_one)(size_t rows, size_t n, const float* x, const float* dy, float* dx, float* w, float* a,
                    float rate, bool rectified);
  // The same for a layer that lies turned, w[outputs][n]: dx is what gemm(dy, w) was before, and rows of
  // dy[i] == 0, outputs that do not matter, are not even read.
  void (*learn_turned)(size_t outputs, size_t n, const float* x, const float* dy, float* dx, float* w,
                       float* a, float rate);
};

const DenseKernels& dense_kernels();                       // The fastest this CPU runs.
std::span<const DenseKernels* const> all_dense_kernels();  // Every set this CPU runs, slowest first.

// a * b + c rounded once, without the instruction: the product is exact in a double, the sum is rounded to
// odd there (Boldo and Melquiond 2008), then to float.
float fused_multiply_add(float a, float b, float c);

}  // namespace freshet
