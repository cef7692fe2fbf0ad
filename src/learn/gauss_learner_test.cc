#include "learn/gauss_learner.h"

#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

Sample sample_of(std::vector<uint64_t> keys, std::vector<float> scaled, std::vector<Feature> pairs,
                 float label) {
  Sample sample;
  sample.keys = std::move(keys);
  sample.scaled = std::move(scaled);
  sample.features = std::move(pairs);
  sample.crosses = 0;
  sample.label = label;
  return sample;
}

// Without vectors the model is linear, and until a block has been seen together with others the filter is
// exact: one example against Bayes' rule for a linear Gaussian model, written out.
TEST(GaussLearner, OneNumberIsBayesRule) {
  const GaussConfig config{.weight_variance = 0.3f,
                           .vector_variance = 0,
                           .pair_variance = 0.2f,
                           .dense_variance = 0.5f,
                           .row_drift = 0,
                           .dense_drift = 0,
                           .init = 0,
                           .caution = 1};
  GaussLearner learner({.task = Task::kRegression, .dense = 2, .bits = 10}, config);
  const Sample sample = sample_of({7, 9}, {2, -1}, {{5, 1}}, 3);
  learner.learn(sample);
  // Variance of the score before: two weights, dense 0.5 (4 + 1), the constant 0.1, the pair; noise 1.
  const double variance = 0.3 * 2 + 0.5 * 5 + 0.1 + 0.2;
  EXPECT_NEAR(learner.variance(), variance, 1e-5);
  // The score's posterior at the same point: mean 3 V / (V + 1), variance V - V^2 / (V + 1) in full; the
  // decoupled filter drops the covariances between blocks: the sum of each block's own.
  const double blocks[] = {0.3, 0.3, 0.5 * 5 + 0.1, 0.2};
  double left = 0;
  for (const double v : blocks) left += v - v * v / (variance + 1);
  EXPECT_NEAR(learner.score(sample), 3 * variance / (variance + 1), 1e-4);
  EXPECT_NEAR(learner.variance(), left, 1e-4);
}

// phi of a key is the derivative of the score by its state: the change of the mean after a small step of one
// row, seen through the mean itself.
TEST(GaussLearner, FollowsTheSlopeOfTheScore) {
  GaussLearner learner({.task = Task::kBinary, .dense = 1, .bits = 10}, {.init = 0.3f});
  for (int i = 0; i < 40; ++i)
    learner.learn(sample_of({1ull + i % 3, 10ull + i % 4}, {static_cast<float>(i % 5) - 2}, {},
                            i % 2 == 0 ? 1.0f : 0.0f));
  const Sample sample = sample_of({2, 11}, {1}, {}, 1);
  const float before = learner.score(sample);
  const float variance = learner.variance();
  const float mean = learner.mean();
  const float p = 1 / (1 + std::exp(-before));
  Sample light = sample;
  light.weight = 1e-2f;  // A small step: mean' - mean = step * V to first order, V without the traces.
  learner.learn(light);
  learner.score(sample);
  const float h = 1.3f * 1e-2f * p * (1 - p);
  const float expected = (1 - p) * 1e-2f * variance / (1 + h * variance);
  EXPECT_GT(learner.mean(), mean);
  EXPECT_NEAR(learner.mean() - mean, expected, 0.25f * expected);
}

TEST(GaussLearner,
     LearnsATableOfProducts) {  // y = 1 when the two keys' hidden signs agree: no linear model can.
  GaussLearner learner({.task = Task::kBinary, .dense = 0, .bits = 10},
                       {.vector_variance = 0.5f, .init = 0.4f});
  int right = 0;
  for (int i = 0; i < 6000; ++i) {
    const uint64_t a = mix64(i, 1) % 12;
    const uint64_t b = mix64(i, 2) % 12;
    const float label = (a % 2) == (b % 2) ? 1 : 0;
    const Sample sample = sample_of({a + 1, b + 100}, {}, {}, label);
    const float score = learner.score(sample);
    learner.learn(sample);
    if (i >= 4000) right += (score > 0) == (label > 0.5f) ? 1 : 0;
  }
  EXPECT_GT(right, 1950);
}

// However heavy rows are and however alike their numbers, a variance stays one.
TEST(GaussLearner, HeavyRowsLeaveVariancesThatAreOnes) {
  for (const float weight : {100.0f, 1e6f}) {
    const auto learner = make_gauss({.task = Task::kBinary, .dense = 6, .bits = 10, .bytes_max = 1 << 24});
    auto& gauss = static_cast<GaussLearner&>(*learner);
    double loss = 0, n = 0;
    for (uint64_t i = 0; i < 60000; ++i) {
      Draw draw(i);
      const auto z = static_cast<float>(draw.uniform() * 2 - 1);
      const float label = draw.uniform() < 1 / (1 + std::exp(-2 * static_cast<double>(z))) ? 1.0f : 0.0f;
      Sample sample = sample_of({1, 3 + draw.below(100)}, {z, z, 1, 1, z, 5}, {}, label);
      sample.weight = weight;
      const auto score = static_cast<double>(gauss.score(sample));
      ASSERT_TRUE(std::isfinite(score)) << i;
      ASSERT_GE(gauss.variance(), 0) << i;
      ASSERT_LT(gauss.variance(), 100) << i;
      if (i >= 50000) {
        loss += std::log1p(std::exp(label > 0 ? -score : score));
        ++n;
      }
      gauss.learn(sample);
    }
    if (weight == 100) {
      EXPECT_LT(loss / n, 0.75);
    }
  }
}

}  // namespace
}  // namespace freshet
