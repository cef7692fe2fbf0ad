// The factorisation machine against Rendle's sum over pairs, and its step against a gradient taken by
// differences of the loss.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "learn/learner.h"
#include "model/embedding_table.h"

namespace freshet {
namespace {

constexpr size_t kDim = 16;  // A key's own weight, and fifteen of its vector.
constexpr double kRate = 0.06, kBiasRate = 0.02, kFade = 0.9995, kL2 = 1e-3;

class SlowFactors {
 public:
  explicit SlowFactors(Task task) : task_(task) {}
  void meet(const Sample& sample, EmbeddingTable& first) {
    for (const uint64_t key : sample.keys) {
      const float* row = first.row(first.touch(key));
      rows_.try_emplace(key, std::vector<double>(row, row + kDim));
    }
  }
  bool knows(uint64_t key) const { return rows_.count(key) > 0; }
  // Rendle 2010, equation 1: every pair by itself.
  double score(const Sample& sample) const {
    double sum = bias_;
    for (size_t i = 0; i < sample.keys.size(); ++i) {
      const auto& a = rows_.at(sample.keys[i]);
      sum += a[0];
      for (size_t j = i + 1; j < sample.keys.size(); ++j)
        for (size_t d = 1; d < kDim; ++d) sum += a[d] * rows_.at(sample.keys[j])[d];
    }
    return sum;
  }
  double loss(const Sample& sample) const {
    const double s = score(sample), y = static_cast<double>(sample.label),
                 w = static_cast<double>(sample.weight);
    if (task_ == Task::kRegression) return w * (s - y) * (s - y) / 2;
    return w * std::log1p(std::exp(y > 0 ? -s : s));
  }
  void learn(const Sample& sample) {
    const auto slope_at = [&](double& parameter) {
      constexpr double kStep = 1e-5;
      const double at = parameter;
      parameter = at + kStep;
      const double above = loss(sample);
      parameter = at - kStep;
      const double below = loss(sample);
      parameter = at;
      return (above - below) / (2 * kStep);
    };
    std::map<uint64_t, std::vector<double>> gradients;
    for (const uint64_t key : sample.keys)
      for (size_t d = 0; d < kDim; ++d) gradients[key].push_back(slope_at(rows_.at(key)[d]));
    bias_ -= kBiasRate * slope_at(bias_);
    for (const auto& [key, gradient] : gradients) {  // Row-wise Adagrad (optimizer.h).
      double squares = 0;
      for (const double g : gradient) squares += g * g;
      double& sum = sums_[key];
      sum = kFade * sum + squares / kDim;
      auto& row = rows_.at(key);
      for (size_t d = 0; d < kDim; ++d)
        row[d] -= kRate * (gradient[d] + kL2 * row[d]) / std::sqrt(sum + 1e-6);
    }
  }

 private:
  const Task task_;
  double bias_ = 0;
  std::map<uint64_t, std::vector<double>> rows_;
  std::map<uint64_t, double> sums_;
};

Sample drawn(Draw& draw, Task task) {
  Sample sample;
  const uint64_t a = draw.below(4), b = draw.below(4);
  sample.keys = {100 + a, 200 + b, 300 + draw.below(3)};
  sample.weight = draw.below(3) == 0 ? 0.5f : 1.0f;
  // Neither of them says anything alone.
  const double mean = a == b ? 1 : 0;
  sample.label = task == Task::kBinary ? (draw.uniform() < 0.1 + 0.8 * mean ? 1.0f : 0.0f)
                                       : static_cast<float>(mean - 0.25 + 0.2 * (draw.uniform() - 0.5));
  return sample;
}

TEST(FactorLearner, StepsAlongTheGradientOfItsLoss) {
  for (const Task task : {Task::kBinary, Task::kRegression}) {
    LearnerShape shape;
    shape.task = task;
    shape.bytes_max = 1 << 22;
    const auto learner = find_learner("factor")->make(shape);
    EmbeddingTable first({.dim = kDim, .init = 0.05f, .seed = shape.seed});  // Rows as they begin.
    SlowFactors slow(task);
    Draw draw(6);
    for (int n = 0; n < 300; ++n) {
      const Sample sample = drawn(draw, task);
      bool known = true;
      for (const uint64_t key : sample.keys) known = known && slow.knows(key);
      slow.meet(sample, first);
      if (known) {
        ASSERT_NEAR(learner->score(sample), slow.score(sample), 5e-3) << n;
      }
      learner->learn(sample);
      slow.learn(sample);
      ASSERT_NEAR(learner->score(sample), slow.score(sample), 5e-3) << n;
    }
  }
}

// What it is there for: which two values come together. .1 and .9 by chance have a log loss of .325; who
// knows only how often ones are .61.
TEST(FactorLearner, LearnsWhatOnlyAPairSays) {
  LearnerShape shape;
  shape.bytes_max = 1 << 22;
  const auto learner = find_learner("factor")->make(shape);
  Draw draw(7);
  double loss = 0;
  constexpr int kAll = 8000, kJudged = 2000;
  for (int n = 0; n < kAll; ++n) {
    const Sample sample = drawn(draw, Task::kBinary);
    const double s = static_cast<double>(learner->score(sample));
    if (n >= kAll - kJudged) loss += std::log1p(std::exp(sample.label > 0 ? -s : s)) / kJudged;
    learner->learn(sample);
  }
  EXPECT_LT(loss, 0.40);
}

// Importances say how rows weigh against each other: when all are the same the bias does not tremble more.
TEST(FactorLearner, ABiasIsAsSureWhateverAllRowsWeigh) {
  LearnerShape shape;
  shape.bytes_max = 1 << 20;
  const auto plain = find_learner("factor")->make(shape), heavy = find_learner("factor")->make(shape);
  Draw draw(8);
  double worst = 0;
  for (int n = 0; n < 5000; ++n) {
    Sample sample;
    sample.label = draw.uniform() < 0.3 ? 1.0f : 0.0f;
    plain->learn(sample);
    sample.weight = 100;
    heavy->learn(sample);
    worst = std::max(worst, std::fabs(static_cast<double>(heavy->score(sample) - plain->score(sample))));
  }
  EXPECT_LT(worst, 1e-4);
}

}  // namespace
}  // namespace freshet
