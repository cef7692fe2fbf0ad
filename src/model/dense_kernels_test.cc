#include "model/dense_kernels.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

std::vector<float> random_floats(uint64_t seed, size_t n) {
  Draw draw(seed);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(draw.uniform() * 2 - 1);
  return out;
}

TEST(DenseKernels, FusedMultiplyAddWithoutTheInstruction) {
  for (uint64_t i = 0; i < 300'000; ++i) {
    Draw draw(i);
    float x[3];
    for (float& each : x) {  // Any finite number, or numbers of like size, where the rounding is close.
      const uint32_t sign = static_cast<uint32_t>(draw.next()) & 0x807fffffu;
      const uint32_t power = static_cast<uint32_t>(i % 2 == 0 ? draw.below(255) : 120 + draw.below(16));
      each = std::bit_cast<float>(sign | power << 23);
    }
    if (i % 3 == 0) x[2] = -x[0] * x[1];
    if (i % 5 == 0) x[0] = std::bit_cast<float>(std::bit_cast<uint32_t>(x[0]) & 0xfffff000u);
    const float want = std::fma(x[0], x[1], x[2]);
    ASSERT_EQ(std::bit_cast<uint32_t>(fused_multiply_add(x[0], x[1], x[2])), std::bit_cast<uint32_t>(want))
        << x[0] << " " << x[1] << " " << x[2];
  }
}

// The slow twins, one number after the other.
void slow_gemm(size_t m, size_t n, size_t k, const float* a, size_t ar, size_t ac, const float* b, float* c,
               bool add) {
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j) {
      float sum = add ? c[i * n + j] : 0;
      for (size_t p = 0; p < k; ++p) sum = std::fma(a[i * ar + p * ac], b[p * n + j], sum);
      c[i * n + j] = sum;
    }
}

TEST(DenseKernels, GemmIsTheTwinBitForBit) {
  const struct {
    size_t m, n, k;
    bool turned, add;
  } cases[] = {{1, 256, 37, false, false}, {1, 272, 5, false, true}, {2, 16, 100, false, false},
               {5, 48, 16, false, true},   {6, 64, 31, true, false}, {13, 208, 7, true, true},
               {29, 128, 64, false, false}};
  for (const DenseKernels* set : all_dense_kernels()) {
    for (const auto& c : cases) {
      const auto a = random_floats(1, c.m * c.k);
      const auto b = random_floats(2, c.k * c.n);
      const size_t ar = c.turned ? 1 : c.k;
      const size_t ac = c.turned ? c.m : 1;
      auto got = random_floats(3, c.m * c.n);
      auto want = got;
      set->gemm(c.m, c.n, c.k, a.data(), ar, ac, b.data(), c.n, got.data(), c.n, c.add);
      slow_gemm(c.m, c.n, c.k, a.data(), ar, ac, b.data(), want.data(), c.add);
      ASSERT_EQ(got, want) << set->name << " " << c.m << " x " << c.n << " x " << c.k;
    }
  }
}

float slow_dot(const float* a, const float* b, size_t n) {
  float lane[16] = {};
  for (size_t i = 0; i < n; ++i) lane[i % 16] = std::fma(a[i], b[i], lane[i % 16]);
  for (size_t half = 8; half >= 1; half /= 2)
    for (size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

class OneExample : public testing::TestWithParam<bool> {};

TEST_P(OneExample, IsItsBatch) {
  const bool rectified = GetParam();
  constexpr size_t kRows = 21;
  constexpr size_t kColumns = 48;
  auto x = random_floats(1, kRows);
  x[4] = 0;
  const auto dy = random_floats(2, kColumns);
  std::vector<float> want_w;
  for (const DenseKernels* set : all_dense_kernels()) {
    auto w = random_floats(3, kRows * kColumns);
    std::vector<float> a(w.size(), 0.1f);
    auto w2 = w;
    auto a2 = a;
    std::vector<float> dx(kRows);
    std::vector<float> dx2(kRows);
    std::vector<float> g(w.size());
    std::vector<float> slow(kRows);
    for (size_t i = 0; i < kRows; ++i) slow[i] = slow_dot(&w[i * kColumns], dy.data(), kColumns);
    set->dots(kRows, kColumns, w.data(), dy.data(), dx2.data());
    set->learn_one(kRows, kColumns, x.data(), dy.data(), dx.data(), w.data(), a.data(), 0.1f, rectified);
    ASSERT_EQ(dx2, slow) << set->name;
    if (rectified) slow[4] = 0;
    ASSERT_EQ(dx, slow) << set->name;
    set->gemm(kRows, kColumns, 1, x.data(), 1, kRows, dy.data(), kColumns, g.data(), kColumns, true);
    for (size_t i = 0; i < w.size(); ++i) {  // What the formula says.
      const double sum = 0.1 + double{g[i]} * g[i];
      ASSERT_NEAR(w[i], w2[i] - 0.1 * g[i] / std::sqrt(sum), 7e-5);
    }
    set->adagrad(w2.data(), g.data(), a2.data(), 0.1f, w2.size());
    ASSERT_EQ(w, w2) << set->name;
    ASSERT_EQ(a, a2) << set->name;
    ASSERT_EQ(g, std::vector<float>(w.size()));
    if (want_w.empty()) want_w = w;
    ASSERT_EQ(w, want_w) << set->name;  // Of every instruction set.
  }
}
TEST(DenseKernels, ProductsAreTheTwinBitForBit) {
  for (const DenseKernels* set : all_dense_kernels())
    for (const size_t m : {size_t{1}, size_t{3}, size_t{4}, size_t{11}}) {
      constexpr size_t kN = 32, kK = 80;
      const auto a = random_floats(1, m * kK);
      const auto b = random_floats(2, kN * kK);
      std::vector<float> got(m * kN), want(got.size());
      set->products(m, kN, kK, a.data(), b.data(), got.data());
      for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < kN; ++j) want[i * kN + j] = slow_dot(&a[i * kK], &b[j * kK], kK);
      ASSERT_EQ(got, want) << set->name << " " << m;
    }
}

TEST(DenseKernels, OneExampleOfATurnedLayerIsItsBatch) {
  constexpr size_t kOut = 21, kIn = 48;
  const auto x = random_floats(1, kIn);
  auto dy = random_floats(2, kOut);
  dy[4] = dy[20] = 0;
  std::vector<float> want_w;
  for (const DenseKernels* set : all_dense_kernels()) {
    auto w = random_floats(3, kOut * kIn);
    std::vector<float> a(w.size(), 0.1f), g(w.size()), dx(kIn), dx2(kIn);
    auto w2 = w;
    auto a2 = a;
    set->gemm(1, kIn, kOut, dy.data(), kOut, 1, w2.data(), kIn, dx2.data(), kIn, false);
    set->gemm(kOut, kIn, 1, dy.data(), 1, kOut, x.data(), kIn, g.data(), kIn, true);
    set->adagrad(w2.data(), g.data(), a2.data(), 0.1f, w2.size());
    set->learn_turned(kOut, kIn, x.data(), dy.data(), dx.data(), w.data(), a.data(), 0.1f);
    ASSERT_EQ(dx, dx2) << set->name;
    ASSERT_EQ(w, w2) << set->name;
    ASSERT_EQ(a, a2) << set->name;
    if (want_w.empty()) want_w = w;
    ASSERT_EQ(w, want_w) << set->name;
  }
}

INSTANTIATE_TEST_SUITE_P(OfALayer, OneExample, testing::Bool());

}  // namespace
}  // namespace freshet
