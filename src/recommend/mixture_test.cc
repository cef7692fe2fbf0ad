// The mixture's gradient against differences of its loss, and what it learns against what there is to learn.
#include "recommend/mixture.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "recommend/numeric.h"

namespace freshet {
namespace {

constexpr size_t kCandidates = 12;
constexpr size_t kColumns = 5;

std::vector<SourceColumn> columns() {
  return std::vector<SourceColumn>(kColumns, SourceColumn{"x", SourceColumn::Kind::kPlain, 1, 1});
}

SourceMixture::ContextRow context() {
  SourceMixture::ContextRow row{};
  row[0] = 1;
  row[3] = 0.5f;
  return row;
}

void fill(Slate& slate, uint64_t seed) {
  slate.clear();
  for (ItemSlot item = 0; item < kCandidates; ++item) {
    float* x = slate.row(item);
    Draw draw(mix64(seed, item));
    for (size_t f = 0; f < kColumns; ++f) x[f] = static_cast<float>(draw.uniform());
  }
}

// The loss of the network written as the header says it, in doubles.
double loss(const std::vector<float>& w, const Slate& slate, const SourceMixture::ContextRow& c,
            size_t target) {
  const float* hidden = w.data();
  const float* contexts = hidden + kColumnsMax * kHidden;
  const float* out = contexts + kContextMax * kHidden;
  const float* linear = out + kHidden;
  std::vector<double> score(kCandidates, 0);
  for (size_t i = 0; i < kCandidates; ++i) {
    const float* x = slate.columns(i);
    for (size_t f = 0; f < kColumns; ++f) score[i] += double(linear[f]) * x[f];
    for (size_t h = 0; h < kHidden; ++h) {
      double z = 0;
      for (size_t f = 0; f < kColumns; ++f) z += double(hidden[f * kHidden + h]) * x[f];
      for (size_t n = 0; n < kContextMax; ++n) z += double(contexts[n * kHidden + h]) * c[n];
      if (z > 0) score[i] += z * out[h];
    }
  }
  double sum = 0;
  for (const double s : score) sum += std::exp(s);
  return std::log(sum) - score[target];
}

TEST(SourceMixture, GradientIsThatOfTheLoss) {
  SourceMixture mixture(columns(), std::vector<float>(kColumns, 0.5f), 2, {});
  Slate slate;
  fill(slate, 1);
  std::vector<uint32_t> chosen(kCandidates);
  std::iota(chosen.begin(), chosen.end(), 0);
  for (size_t n = 0; n < 50; ++n) mixture.learn(context(), chosen, n % 3, slate);  // off the symmetric start
  const size_t target = 4;
  const std::vector<float> before = mixture.trained();
  const std::vector<float> gradient = mixture.gradient(context(), chosen, target, slate);
  int looked = 0;
  for (size_t i = 0; i < before.size(); i += 3) {
    std::vector<float> up = before, down = before;
    up[i] += 1e-3f;
    down[i] -= 1e-3f;
    const double want = (loss(up, slate, context(), target) - loss(down, slate, context(), target)) /
                        (double(up[i]) - double(down[i]));
    EXPECT_NEAR(gradient[i], want, 2e-3 + 0.02 * std::abs(want)) << i;
    looked += std::abs(want) > 1e-3;
  }
  EXPECT_GT(looked, 30);
}

// transform() works on 16 columns at once; its twin is SourceColumn's definition with numeric::log.
TEST(SourceMixture, InputsAreThoseOfTheDefinition) {
  std::vector<SourceColumn> mixed;
  for (size_t f = 0; f < 21; ++f)
    mixed.push_back({"x", f % 3 == 1 ? SourceColumn::Kind::kPlain : SourceColumn::Kind::kProbability,
                     f % 2 == 0 ? 1e-4f : 1e-5f, 0.25f + 0.01f * static_cast<float>(f)});
  SourceMixture mixture(mixed, std::vector<float>(mixed.size(), 0), 2, {});
  Slate slate;
  std::vector<uint32_t> chosen;
  for (ItemSlot item = 0; item < 200; ++item) {
    float* x = slate.row(item);
    Draw draw(item);
    for (size_t f = 0; f < mixed.size(); ++f) {
      const float y = static_cast<float>(draw.uniform());
      x[f] = item % 4 == 0 ? 0 : item % 4 == 1 ? 1e-6f * y : item % 4 == 2 ? y : 1e4f * y;
    }
    chosen.push_back(item);
  }
  const Slate raw = slate;
  mixture.transform(chosen, slate);
  for (const uint32_t at : chosen)
    for (size_t f = 0; f < mixed.size(); ++f) {
      const SourceColumn& c = mixed[f];
      const float x = raw.columns(at)[f], per_unit = 1 / c.unit;
      const float want =
          c.kind == SourceColumn::Kind::kPlain ? c.scale * x : c.scale * numeric::log(1 + x * per_unit);
      ASSERT_EQ(slate.columns(at)[f], want) << at << " " << f << " " << x;
    }
}

TEST(Numeric, PowersOfTwoByFoursAreThoseOneByOne) {
  std::vector<float> x;
  for (int n = 0; n < 4'003; ++n) x.push_back(0.05f * static_cast<float>(n) - 160);
  std::vector<float> powers(x.size());
  numeric::exp2_of(x.data(), powers.data(), x.size());
  for (size_t n = 0; n < x.size(); ++n) ASSERT_EQ(powers[n], numeric::exp2(x[n])) << x[n];
}

TEST(SourceMixture, LearnsWhichColumnTells) {
  SourceMixture mixture(columns(), std::vector<float>(kColumns, 0), 2, {});
  Slate slate;
  std::vector<uint32_t> chosen(kCandidates);
  std::iota(chosen.begin(), chosen.end(), 0);
  double late = 0;
  for (uint64_t n = 0; n < 3000; ++n) {
    fill(slate, n);
    size_t target = 0;  // the largest in column 2 is what comes next
    for (size_t i = 1; i < kCandidates; ++i)
      if (slate.columns(i)[2] > slate.columns(target)[2]) target = i;
    const float p = mixture.learn(context(), chosen, target, slate);
    if (n >= 2500) late += p / 500;
  }
  EXPECT_GT(late, 0.6);
  std::vector<float> probability;
  mixture.score(context(), chosen, slate, probability);
  EXPECT_NEAR(std::accumulate(probability.begin(), probability.end(), 0.0), 1, 1e-5);
}

}  // namespace
}  // namespace freshet
