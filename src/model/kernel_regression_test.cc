#include "model/kernel_regression.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

struct Drawn {
  std::vector<float> x;
  float label = 0, importance = 1;
};

// Two features of five say all: which quarter of a plane. `turned`: the other way round.
Drawn draw_example(Draw& draw, bool binary, bool turned = false) {
  Drawn out;
  for (int f = 0; f < 5; ++f) out.x.push_back(static_cast<float>(draw.uniform() * 3.4 - 1.7));
  const bool same = (out.x[0] > 0) == (out.x[1] > 0);
  out.label = binary ? (same != turned ? 1.0f : 0.0f) : out.x[0] * out.x[1];
  out.importance = draw.below(4) == 0 ? 2.0f : 1.0f;
  return out;
}

// The formulas in doubles over everything that is kept, slopes by central differences.
class Twin {
 public:
  Twin(const KernelConfig& config, size_t features, size_t capacity)
      : config_(config), features_(features), capacity_(capacity) {
    log_w_.assign(features + 1, std::log(static_cast<double>(config.width) / static_cast<double>(features)));
    log_w_.back() = std::log(static_cast<double>(config.prior));
    squares_.assign(features + 1, 1e-4);
  }
  double answer(const std::vector<float>& x) const {
    if (seen_.empty()) return mean_;
    const double least = *std::min_element(losses_, losses_ + 3);
    double all = 0, sum = 0;
    for (int m = 0; m < 3; ++m) {
      all += std::exp(least - losses_[m]);
      sum += std::exp(least - losses_[m]) * recall(x, capacity_ >> (2 * m), log_w_);
    }
    return sum / all;
  }
  void learn(const Drawn& one) {
    const double y = one.label, importance = one.importance;
    if (seen_.size() >= 32) {
      const auto best = std::min_element(losses_, losses_ + 3) - losses_;
      const double error = answer(one.x) - y;
      double told[3];
      for (int m = 0; m < 3; ++m) told[m] = importance * loss(recall(one.x, capacity_ >> (2 * m), log_w_), y);
      std::vector<double> slopes;
      for (size_t f = 0; f <= features_; ++f) {
        std::vector<double> up = log_w_, down = log_w_;
        up[f] += 1e-5;
        down[f] -= 1e-5;
        const size_t rows = capacity_ >> (2 * best);
        const double apart = recall(one.x, rows, up) - recall(one.x, rows, down);
        const double now = recall(one.x, rows, log_w_), p = std::clamp(now, 0.01, 0.99);
        slopes.push_back(importance * (now - y) / (config_.binary ? p * (1 - p) : 1) * apart / 2e-5);
      }
      for (size_t f = 0; f <= features_; ++f) {
        squares_[f] = 0.999 * squares_[f] + slopes[f] * slopes[f];
        log_w_[f] -= static_cast<double>(config_.rate) * slopes[f] / std::sqrt(squares_[f]);
      }
      for (int m = 0; m < 3; ++m) losses_[m] = 0.99 * losses_[m] + told[m];
      error_ += 0.005 * (error * error - error_);
    }
    seen_.push_back(one);
    weight_ = std::min(weight_ + importance, 2000.0);
    mean_ += (y - mean_) * std::min(importance / std::max(weight_, 2.0), 1.0);
  }
  const std::vector<double>& log_weights() const { return log_w_; }

 private:
  double recall(const std::vector<float>& x, size_t rows, const std::vector<double>& log_w) const {
    const size_t begin = seen_.size() > rows ? seen_.size() - rows : 0;
    std::vector<double> distance;
    for (size_t i = begin; i < seen_.size(); ++i) {
      double sum = 0;
      for (size_t f = 0; f < features_; ++f)
        sum +=
            std::exp(log_w[f]) * std::pow(static_cast<double>(x[f]) - static_cast<double>(seen_[i].x[f]), 2);
      distance.push_back(sum);
    }
    const double nearest = *std::min_element(distance.begin(), distance.end());
    double all = std::exp(log_w.back()), sum = all * mean_;
    for (size_t i = begin; i < seen_.size(); ++i) {
      const double k = static_cast<double>(seen_[i].importance) * std::exp(nearest - distance[i - begin]);
      all += k;
      sum += k * static_cast<double>(seen_[i].label);
    }
    return sum / all;
  }
  double loss(double answer, double y) const {
    if (!config_.binary) return (answer - y) * (answer - y) / (2 * error_);
    const double p = std::clamp(answer, 1e-3, 1 - 1e-3);
    return -y * std::log(p) - (1 - y) * std::log(1 - p);
  }

  const KernelConfig config_;
  const size_t features_, capacity_;
  std::vector<Drawn> seen_;
  std::vector<double> log_w_, squares_;
  double losses_[3] = {}, weight_ = 0, mean_ = 0, error_ = 1;
};

TEST(KernelRegression, IsTheFormulasInDoublesWithSlopesByDifferences) {
  for (const bool binary : {true, false}) {
    const KernelConfig config{.binary = binary, .rows = 256};
    KernelRegression kernel(config, 5);
    Twin twin(config, 5, 256);
    Draw draw(3);
    for (int n = 0; n < 600; ++n) {
      const Drawn one = draw_example(draw, binary);
      ASSERT_NEAR(kernel.predict(one.x), twin.answer(one.x), 2e-3) << n << " binary " << binary;
      kernel.learn(one.x, one.label, one.importance);
      twin.learn(one);
      for (size_t f = 0; f <= 5; ++f)
        ASSERT_NEAR(kernel.log_weights()[f], twin.log_weights()[f], 0.02) << n << " feature " << f;
    }
  }
}

double mean_loss(KernelRegression& kernel, Draw& draw, int examples, bool turned) {
  double sum = 0;
  for (int n = 0; n < examples; ++n) {
    const Drawn one = draw_example(draw, true, turned);
    const double p = std::clamp(static_cast<double>(kernel.predict(one.x)), 1e-3, 1 - 1e-3);
    sum -= std::log(one.label > 0 ? p : 1 - p);
    kernel.learn(one.x, one.label, 1);
  }
  return sum / examples;
}

TEST(KernelRegression, FindsTheFeaturesThatCount) {
  KernelRegression kernel({}, 5);
  Draw draw(7);
  mean_loss(kernel, draw, 2000, false);
  EXPECT_LT(mean_loss(kernel, draw, 500, false), 0.12);
  const auto w = kernel.log_weights();
  for (const size_t idle : {2, 3, 4}) EXPECT_LT(w[idle], std::min(w[0], w[1]) - 2) << idle;
}

// The world turns round: what all memories together say would be wrong for as long as they last.
TEST(KernelRegression, TheShortMemoryAnswersWhenTheWorldHasTurned) {
  KernelRegression kernel({}, 5);
  Draw draw(7);
  mean_loss(kernel, draw, 3000, false);
  mean_loss(kernel, draw, 300, true);
  EXPECT_LT(mean_loss(kernel, draw, 300, true), 0.4);
}

TEST(KernelRegression, IsTheSameWhenAskedInBetweenAndWhenItWasSaved) {
  const auto played = [](bool asked, bool saved) {
    auto kernel = std::make_unique<KernelRegression>(KernelConfig{.rows = 256}, 5);
    Draw draw(5);
    const std::vector<float> other = {1, 1, 1, 1, 1};
    for (int n = 0; n < 500; ++n) {
      const Drawn one = draw_example(draw, true);
      if (asked) kernel->predict(one.x);
      if (asked && n % 3 == 0) kernel->predict(other);
      kernel->learn(one.x, one.label, one.importance);
      if (!saved || n % 100 != 40) continue;
      Writer out;
      kernel->save(out);
      kernel = std::make_unique<KernelRegression>(KernelConfig{.rows = 256}, 5);
      Reader in(out.bytes());
      kernel->load(in);
      EXPECT_TRUE(in.ok());
      EXPECT_EQ(in.remaining(), 0u);
    }
    Writer out;
    kernel->save(out);
    return out.take();
  };
  const std::string usual = played(false, false);
  EXPECT_TRUE(played(true, false) == usual);
  EXPECT_TRUE(played(true, true) == usual);
}

TEST(KernelRegression, KeepsWhatItMayAndWorksWithoutFeatures) {
  EXPECT_LT(KernelRegression({}, 10).bytes(), 4096u * 16 * 4);
  EXPECT_LT(KernelRegression({}, 500).bytes(), 256u * 510 * 4);
  KernelRegression none({}, 0);
  for (int n = 0; n < 100; ++n) none.learn({}, n % 4 == 0 ? 1.0f : 0.0f, 1);
  EXPECT_NEAR(none.predict({}), 0.25, 0.05);
}

}  // namespace
}  // namespace freshet
