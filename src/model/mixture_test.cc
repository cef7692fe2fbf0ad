// What the headers promise: bounds against the best experts in hindsight, on sequences that do their worst.
#include "model/mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kExperts = 5;
constexpr double kShare = 1e-3;

double log_loss(double logit, float label) {
  return std::log1p(std::exp(label > 0 ? -logit : logit));
}

// A sequence asks for the scores of round t, then for the label, which may depend on what was predicted.
struct Game {
  const char* name;
  size_t switches;  // Of the sequence of experts it is compared with, beside the best single one.
  std::vector<float> (*scores)(size_t t);
  float (*label)(size_t t, double predicted);
};

std::vector<float> drawn(size_t t) {
  Draw draw(mix64(t, 17));
  std::vector<float> out;
  for (size_t e = 0; e < kExperts; ++e) out.push_back(static_cast<float>(6 * (draw.uniform() - 0.5)));
  return out;
}
std::vector<float> stubborn(size_t) {
  return {-3, -1, 0, 1, 3};
}
// One of them knows, another every 700 rounds; the others are sure of nonsense.
float fair(size_t t) {
  return Draw(mix64(t, 23)).uniform() < 0.5 ? 1.0f : 0.0f;
}
std::vector<float> in_turn(size_t t) {
  std::vector<float> out(kExperts, fair(t) > 0 ? -4.0f : 4.0f);
  out[t / 700 % kExperts] = fair(t) > 0 ? 4.0f : -4.0f;
  return out;
}

constexpr size_t kRounds = 3500;
const Game kGames[] = {
    {"random", 0, drawn, [](size_t t, double) { return fair(t); }},
    {"the opposite of what is predicted", 0, stubborn, [](size_t, double p) { return p > 0 ? 0.0f : 1.0f; }},
    {"always one", 0, stubborn, [](size_t, double) { return 1.0f; }},
    {"experts take turns", kRounds / 700 - 1, in_turn, [](size_t t, double) { return fair(t); }},
};

// Least loss of a sequence of experts with at most k switches: by dynamic programming over all of them.
double least_with_switches(const std::vector<std::vector<double>>& losses, size_t k) {
  std::vector<std::vector<double>> best(k + 1, std::vector<double>(kExperts, 0));
  for (const std::vector<double>& round : losses) {
    std::vector<std::vector<double>> next = best;
    for (size_t s = 0; s <= k; ++s)
      for (size_t e = 0; e < kExperts; ++e) {
        double least = best[s][e];
        for (size_t from = 0; s > 0 && from < kExperts; ++from) least = std::min(least, best[s - 1][from]);
        next[s][e] = least + round[e];
      }
    best = std::move(next);
  }
  return *std::min_element(best[k].begin(), best[k].end());
}

// Herbster and Warmuth 1998, theorem 1, for a share that also falls on who stays: a sequence of experts with
// k switches has the prior (1/M) (a/M)^k (1 - a + a/M)^(T-1-k), and the mixture loses no more than its
// logarithm above it.
TEST(Mixture, LosesNoMoreThanItsBoundAboveTheBestExperts) {
  for (const Game& game : kGames) {
    SCOPED_TRACE(game.name);
    Mixture mixture(kExperts, true, kShare);
    double loss = 0;
    std::vector<std::vector<double>> losses;
    for (size_t t = 0; t < kRounds; ++t) {
      const std::vector<float> scores = game.scores(t);
      const double predicted = static_cast<double>(mixture.score(scores));
      const float label = game.label(t, predicted);
      loss += log_loss(predicted, label);
      std::vector<double> of;
      for (const float score : scores) of.push_back(log_loss(static_cast<double>(score), label));
      losses.push_back(std::move(of));
      mixture.learn(scores, label);
      const auto weights = mixture.weights();
      ASSERT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-9);
      for (const double weight : weights) ASSERT_GE(weight, kShare / kExperts * (1 - 1e-9));
    }
    constexpr double kM = kExperts, kT = kRounds;
    for (const size_t k : {size_t{0}, game.switches}) {
      const double of_k = static_cast<double>(k);
      const double bound =
          std::log(kM) + of_k * std::log(kM / kShare) - (kT - 1 - of_k) * std::log(1 - kShare + kShare / kM);
      EXPECT_LE(loss, least_with_switches(losses, k) + bound + 0.05) << k << " switches";
    }
    if (game.switches > 0) {  // The bound says something: no single expert is nearly as good.
      EXPECT_LT(loss, 0.3 * least_with_switches(losses, 0));
    }
  }
}

// The definition, in probabilities and without clipping.
TEST(Mixture, IsBayesWithAFixedShare) {
  for (const bool binary : {true, false}) {
    Mixture mixture(3, binary, 0.01);
    std::vector<double> w(3, 1.0 / 3);
    Draw draw(5);
    for (int t = 0; t < 500; ++t) {
      std::vector<float> scores;
      for (int e = 0; e < 3; ++e) scores.push_back(static_cast<float>(4 * draw.uniform() - 2));
      const float label =
          binary ? (draw.uniform() < 0.5 ? 1.0f : 0.0f) : static_cast<float>(2 * draw.uniform() - 1);
      double p = 0, total = 0;
      for (size_t e = 0; e < 3; ++e) {
        const double s = static_cast<double>(scores[e]), y = static_cast<double>(label);
        const double one = 1 / (1 + std::exp(-s));
        p += w[e] * (binary ? one : s);
        w[e] *= binary ? (y > 0 ? one : 1 - one) : std::exp(-(y - s) * (y - s) / 2);
        total += w[e];
      }
      ASSERT_NEAR(mixture.score(scores), binary ? std::log(p / (1 - p)) : p, 1e-3) << t;
      mixture.learn(scores, label);
      for (size_t e = 0; e < 3; ++e) {
        w[e] = 0.99 * w[e] / total + 0.01 / 3;
        ASSERT_NEAR(mixture.weights()[e], w[e], 1e-5) << t;
      }
    }
  }
}

// Solves a x = b; a is positive definite, n by n.
std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i)
    for (size_t r = i + 1; r < n; ++r) {
      const double f = a[r * n + i] / a[i * n + i];
      for (size_t c = i; c < n; ++c) a[r * n + c] -= f * a[i * n + c];
      b[r] -= f * b[i];
    }
  for (size_t i = n; i-- > 0;) {
    for (size_t c = i + 1; c < n; ++c) b[i] -= a[i * n + c] * b[c];
    b[i] /= a[i * n + i];
  }
  return b;
}

// Recursive least squares is the minimum of sum_t f^(T-t) (y - w x)^2 + f^T (w - w0)' P0^-1 (w - w0), found
// here from all examples at once; and without forgetting, its loss is at most that minimum and the largest of
// its losses times ln det (Cesa-Bianchi and Lugosi 2006, theorem 11.7).
TEST(Stacker, IsTheLeastSquaresOfAllExamplesAndKeepsItsBound) {
  constexpr size_t n = 4;  // Three experts and a constant.
  constexpr double kPrior = 0.02;
  for (const double forget : {1.0, 0.99}) {
    Stacker stacker(3, false, forget);
    std::vector<double> a(n * n), b(n), w0(n, 1.0 / 3);
    w0[3] = 0;
    for (size_t i = 0; i < n; ++i) {
      a[i * n + i] = 1 / kPrior;
      b[i] = w0[i] / kPrior;
    }
    double loss = 0, worst = 0, squares = 0;  // squares: of labels, for the minimum
    for (size_t i = 0; i < n; ++i) squares += w0[i] * w0[i] / kPrior;
    Draw draw(9);
    for (int t = 0; t < 400; ++t) {
      std::vector<float> scores;
      for (int e = 0; e < 3; ++e) scores.push_back(static_cast<float>(2 * draw.uniform() - 1));
      const auto label =
          static_cast<float>(0.8 * static_cast<double>(scores[0]) - 0.5 * static_cast<double>(scores[2]) +
                             0.3 + 0.4 * (draw.uniform() - 0.5) + (t % 50 == 0 ? 2 : 0));
      const std::vector<double> w = solve(a, b);
      double want = w[3];
      for (size_t e = 0; e < 3; ++e) want += w[e] * static_cast<double>(scores[e]);
      const double got = static_cast<double>(stacker.score(scores)), y = static_cast<double>(label);
      ASSERT_NEAR(got, want, 1e-4) << t;
      loss += (y - got) * (y - got);
      worst = std::max(worst, (y - got) * (y - got));
      stacker.learn(scores, label);
      squares = forget * squares + y * y;
      for (size_t i = 0; i < n; ++i) {
        const double x = i < 3 ? static_cast<double>(scores[i]) : 1;
        for (size_t j = 0; j < n; ++j)
          a[i * n + j] = forget * a[i * n + j] + x * (j < 3 ? static_cast<double>(scores[j]) : 1);
        b[i] = forget * b[i] + x * y;
      }
    }
    if (forget < 1) continue;
    const std::vector<double> w = solve(a, b);
    double least = squares;
    for (size_t i = 0; i < n; ++i) least -= w[i] * b[i];
    double log_det = static_cast<double>(n) * std::log(kPrior);  // ln det (I + P0 sum x x')
    std::vector<double> left = a;
    for (size_t i = 0; i < n; ++i) {
      log_det += std::log(left[i * n + i]);
      for (size_t r = i + 1; r < n; ++r) {
        const double f = left[r * n + i] / left[i * n + i];
        for (size_t c = i; c < n; ++c) left[r * n + c] -= f * left[i * n + c];
      }
    }
    EXPECT_LE(loss, least + worst * log_det);
    EXPECT_GT(loss, least);
  }
}

// The logistic case: each step is the Newton step of the running quadratic, with h of the prediction itself.
TEST(Stacker, TakesTheOnlineNewtonStepOfLogisticLoss) {
  constexpr size_t n = 3;
  constexpr double kForget = 0.995;
  Stacker stacker(2, true, kForget);
  std::vector<double> w = {0.5, 0.5, 0}, a(n * n);
  for (size_t i = 0; i < n; ++i) a[i * n + i] = 1 / 0.02;
  Draw draw(4);
  for (int t = 0; t < 300; ++t) {
    const std::vector<float> scores = {static_cast<float>(4 * draw.uniform() - 2),
                                       static_cast<float>(4 * draw.uniform() - 2)};
    const double x[n] = {static_cast<double>(scores[0]), static_cast<double>(scores[1]), 1};
    double logit = 0;
    for (size_t i = 0; i < n; ++i) logit += w[i] * x[i];
    ASSERT_NEAR(stacker.score(scores), logit, 1e-3) << t;
    const float label = draw.uniform() < 1 / (1 + std::exp(-2 * x[0])) ? 1.0f : 0.0f;
    const double p = 1 / (1 + std::exp(-logit)), h = std::max(p * (1 - p), 1e-3);
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) a[i * n + j] = kForget * a[i * n + j] + h * x[i] * x[j];
    std::vector<double> gradient;
    for (size_t i = 0; i < n; ++i) gradient.push_back(x[i] * (static_cast<double>(label) - p));
    const std::vector<double> step = solve(a, gradient);
    for (size_t i = 0; i < n; ++i) w[i] += step[i];
    stacker.learn(scores, label);
  }
  EXPECT_GT(w[0], w[1] + 0.3) << "it has found who knows";
}

// However much an example counts, whoever was nearer to it gains; a share of it as often is the same.
TEST(Mixture, GreatImportancesStillTellExpertsApart) {
  const std::vector<float> scores{0, -4, -5};
  Mixture once(3, true, 0), often(3, true, 0), much(3, true, 0);
  once.learn(scores, 1);
  for (int i = 0; i < 8; ++i) often.learn(scores, 1, 1, .125);
  much.learn(scores, 1, 1000);  // The greatest there was: at the full rate, and no faster.
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(often.weights()[i], once.weights()[i], 1e-5);
    EXPECT_NEAR(much.weights()[i], once.weights()[i], 1e-5);
  }
  EXPECT_GT(much.weights()[0], .9);
}

// Two who know in part: one says the truth, one the mean. Of importances c at most C, the loss times c is at
// most C times the bound above the best one's.
TEST(Mixture, KeepsItsBoundUnderImportances) {
  for (const bool subsampled : {false, true}) {
    SCOPED_TRACE(subsampled ? "zeros kept 1 in 50, at 50" : "all at 50");
    constexpr double kMost = 50;
    Mixture mixture(3, true, kShare);
    double loss = 0, rows = 0;
    std::vector<double> losses(3);
    for (uint64_t t = 0; t < 40000; ++t) {
      Draw draw(mix64(t, 31));
      const double truth = -4 + 2 * draw.uniform() + (subsampled ? 0 : 4);
      const float label = draw.uniform() < 1 / (1 + std::exp(-truth)) ? 1.0f : 0.0f;
      if (subsampled && label == 0 && draw.uniform() >= 1 / kMost) continue;
      const double weight = subsampled && label > 0 ? 1 : kMost;
      const std::vector<float> scores{static_cast<float>(truth), static_cast<float>(truth + .7),
                                      static_cast<float>(truth - .7)};
      loss += weight * log_loss(static_cast<double>(mixture.score(scores)), label);
      for (size_t e = 0; e < 3; ++e) losses[e] += weight * log_loss(static_cast<double>(scores[e]), label);
      mixture.learn(scores, label, weight);
      ++rows;
    }
    const double bound = std::log(3.0) - (rows - 1) * std::log(1 - kShare + kShare / 3);
    EXPECT_LE(loss, *std::min_element(losses.begin(), losses.end()) + kMost * bound);
  }
}

// An importance as there was one does not silence all rows that come after it.
TEST(Mixture, FadesWhatWasTheGreatestImportance) {
  Mixture mixture(2, true, kShare);
  const std::vector<float> scores{1, -1};
  mixture.learn(scores, 1, 1e6);
  for (int i = 0; i < 20000; ++i) mixture.learn(scores, 0);
  EXPECT_GT(mixture.weights()[1], .9);
  Writer out;
  mixture.save(out);
  const std::string bytes = out.take();
  Mixture again(2, true, kShare);
  Reader in(bytes);
  again.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  mixture.learn(scores, 1, 3);
  again.learn(scores, 1, 3);
  EXPECT_EQ(again.weights()[0], mixture.weights()[0]);
}

// Whoever's score is not a number is left out, and the others learn as without it.
TEST(Mixture, LeavesOutWhoSaysNoNumber) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const bool binary : {true, false})
    for (const float broken : {kNan, std::numeric_limits<float>::infinity()}) {
      Mixture mixture(3, binary, kShare);
      Stacker stacker(3, binary, .999);
      const std::vector<float> scores{1, broken, 1};
      EXPECT_NEAR(mixture.score(scores), 1, 1e-3);
      for (int i = 0; i < 100; ++i) {
        mixture.learn(scores, 1);
        stacker.learn(scores, 1);
      }
      EXPECT_LT(mixture.weights()[1], 2 * kShare);
      EXPECT_NEAR(mixture.score(scores), 1, 1e-3);
      EXPECT_TRUE(std::isfinite(stacker.score(scores)));
      const std::vector<float> none(3, broken);
      EXPECT_EQ(mixture.score(none), 0);
      mixture.learn(none, 1);
      EXPECT_TRUE(std::isfinite(mixture.score(scores)));
    }
}

}  // namespace
}  // namespace freshet
