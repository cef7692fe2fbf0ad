#include "model/math.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

std::vector<float> noise(size_t n, uint64_t key, float scale = 1) {
  Draw draw(key);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(draw.uniform() * 2 - 1) * scale;
  return x;
}

std::vector<int8_t> noise_int8(size_t n, uint64_t key) {
  Draw draw(key);
  std::vector<int8_t> x(n);
  for (int8_t& v : x) v = static_cast<int8_t>(static_cast<int>(draw.below(255)) - 127);
  return x;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Every kernel's output on one input, one after the other: what must not depend on the CPU.
std::vector<float> everything(const Kernels& k, size_t n) {
  std::vector<float> out;
  const auto keep = [&](std::span<const float> x) { out.insert(out.end(), x.begin(), x.end()); };
  const std::vector<float> a = noise(n, 1), b = noise(n, 2), wide = noise(n, 3, 100);
  std::vector<float> y = noise(n, 4), z(n), g = noise(n, 5);
  out.push_back(k.dot(a.data(), b.data(), n));
  k.axpy(0.3f, a.data(), y.data(), n);
  keep(y);
  k.multiply_add(a.data(), b.data(), y.data(), n);
  keep(y);
  k.exp(wide.data(), z.data(), n);
  keep(z);
  k.sigmoid(wide.data(), z.data(), n);
  keep(z);
  z = wide;
  float max = 0;
  out.push_back(k.softmax(z.data(), &max, n));
  out.push_back(max);
  keep(z);
  std::vector<float> seen(n, 0.01f);
  k.adagrad(y.data(), g.data(), seen.data(), 0.1f, 1e-4f, 3.0f, n);
  keep(y);
  keep(seen);
  std::vector<int8_t> q(n);
  out.push_back(k.quantize(a.data(), q.data(), n));
  for (int8_t v : q) out.push_back(v);
  const std::vector<float> left = noise(7 * n, 6), right = noise(n * 48, 7);
  std::vector<float> c(7 * 48, 0.5f);
  k.gemm(7, 48, n, left.data(), n, 1, right.data(), 48, c.data(), 48, true);
  keep(c);
  k.gemm(7, 48, n, left.data(), 1, 7, right.data(), 48, c.data(), 48, false);
  keep(c);
  std::vector<int32_t> dots(n + 3);
  for (size_t i = 0; i < dots.size(); ++i) dots[i] = static_cast<int32_t>(i * 977) - 5000;
  std::vector<float> scale = noise(n + 3, 8), bias = noise(n + 3, 9), score(n + 3);
  out.push_back(k.scores(dots.data(), scale.data(), bias.data(), 0.01f, score.data(), n + 3));
  EXPECT_EQ(out.back(), *std::max_element(score.begin(), score.end()));
  keep(score);
  return out;
}

TEST(Math, SameBitsOnEveryInstructionSet) {
  ASSERT_STREQ(all_kernels()[0]->name, "baseline");
  for (size_t n : {16, 64, 96, 128})
    for (const Kernels* k : all_kernels())
      EXPECT_TRUE(same_bits(everything(*k, n), everything(*all_kernels()[0], n))) << k->name << " n " << n;
}

TEST(Math, ScalarTwinsGiveTheSameBits) {
  const std::vector<float> x = noise(4096, 8, 95);
  std::vector<float> y(x.size()), s(x.size());
  kernels().exp(x.data(), y.data(), x.size());
  kernels().sigmoid(x.data(), s.data(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(exp_f32(x[i])), std::bit_cast<uint32_t>(y[i])) << x[i];
    EXPECT_EQ(std::bit_cast<uint32_t>(sigmoid_f32(x[i])), std::bit_cast<uint32_t>(s[i])) << x[i];
  }
}

TEST(Math, FunctionsAreCloseToTheCLibrary) {
  for (float x = -87; x < 88; x += 0.0137f)
    EXPECT_NEAR(exp_f32(x) / std::exp(static_cast<double>(x)), 1, 2e-7) << x;
  for (float x = 1e-30f; x < 1e30f; x *= 1.037f) {
    const double want = std::log(static_cast<double>(x));
    EXPECT_NEAR(log_f32(x), want, 1e-7 + 2e-7 * std::fabs(want)) << x;
    EXPECT_NEAR(rsqrt_f32(x) * std::sqrt(static_cast<double>(x)), 1, 3e-7) << x;
  }
  const struct {
    const char* what;
    float x, want;
  } rows[] = {
      {"far below", -1e30f, 0}, {"minus infinity", -INFINITY, 0}, {"zero", 0, 1}, {"just under", -87.4f, 0}};
  for (const auto& row : rows) EXPECT_EQ(exp_f32(row.x), row.want) << row.what;
  EXPECT_GT(exp_f32(1000), 2e38f);  // Saturates, stays finite.
  EXPECT_EQ(exp_f32(89), exp_f32(88.3f));
  EXPECT_TRUE(std::isfinite(exp_f32(1000)));
}

TEST(Math, GemmEqualsThreeLoops) {
  const struct {
    size_t m, n, k;
    bool transposed, add;
  } rows[] = {{1, 16, 1, false, false},
              {4, 32, 64, false, true},
              {5, 48, 17, true, false},
              {16, 256, 64, true, true}};
  for (const auto& row : rows) {
    const std::vector<float> a = noise(row.m * row.k, 1), b = noise(row.k * row.n, 2);
    std::vector<float> c = noise(row.m * row.n, 3), want = c;
    const size_t ar = row.transposed ? 1 : row.k, ac = row.transposed ? row.m : 1;
    for (size_t i = 0; i < row.m; ++i)
      for (size_t j = 0; j < row.n; ++j) {
        float sum = row.add ? want[i * row.n + j] : 0;
        for (size_t p = 0; p < row.k; ++p) sum += b[p * row.n + j] * a[i * ar + p * ac];
        want[i * row.n + j] = sum;
      }
    kernels().gemm(row.m, row.n, row.k, a.data(), ar, ac, b.data(), row.n, c.data(), row.n, row.add);
    EXPECT_TRUE(same_bits(c, want)) << row.m << " " << row.n << " " << row.k;
  }
}

TEST(Math, Int8DotsAreExactOnEveryInstructionSet) {
  for (size_t n : {32, 64, 96, 128}) {
    for (size_t count : {1, 3, 4, 61}) {
      std::vector<int8_t> rows = noise_int8(count * n, n), query = noise_int8(n, 9);
      for (size_t i = 0; i < n; ++i) rows[i] = query[i] = i % 2 ? 127 : -127;  // The largest sum there is.
      std::vector<uint32_t> which(count);
      std::vector<int32_t> want(count);
      for (size_t r = 0; r < count; ++r) {
        which[r] = static_cast<uint32_t>((r * 7) % count);
        for (size_t i = 0; i < n; ++i) want[r] += rows[r * n + i] * query[i];
      }
      for (const Kernels* k : all_kernels()) {
        std::vector<int32_t> got(count), at(count);
        k->dot_int8(rows.data(), query.data(), got.data(), count, n);
        k->dot_int8_at(rows.data(), which.data(), query.data(), at.data(), count, n);
        EXPECT_EQ(got, want) << k->name << " n " << n << " count " << count;
        for (size_t r = 0; r < count; ++r) EXPECT_EQ(at[r], want[which[r]]) << k->name;
      }
    }
  }
}

TEST(Math, QuantizeIsWithinHalfAStepAndKeepsTheLargest) {
  std::vector<float> x = noise(64, 11, 3);
  x[17] = -3.5f;
  std::vector<int8_t> q(64);
  const float scale = kernels().quantize(x.data(), q.data(), 64);
  EXPECT_EQ(q[17], -127);
  EXPECT_FLOAT_EQ(scale, 3.5f / 127);
  for (size_t i = 0; i < 64; ++i) EXPECT_LE(std::fabs(q[i] * scale - x[i]), scale * 0.501f);
  std::fill(x.begin(), x.end(), 0.0f);
  EXPECT_EQ(kernels().quantize(x.data(), q.data(), 64), 0.0f);
  EXPECT_EQ(q, std::vector<int8_t>(64));
}

}  // namespace
}  // namespace freshet
