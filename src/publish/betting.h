// Tests by betting. BettingTest: one that may be looked at after every number and stopped at any time: wealth
// in a game that is fair when the mean is at most 0 grows beyond 1 / alpha with probability at most alpha
// (Ville). Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B
// 86), one-sided, with the bets of approximate GRAPA (their equation 25): share = mean / (variance + mean^2)
// of what was before, within [0, 0.9].
//
// ChangeDetector: the same question of a stream whose mean may come to be above 0 at any time. Whoever bets
// from the start has lost on what was before, or has learned to bet nothing; so somebody enters the game with
// 1 before each number and stays: M <- (M + 1) (1 + share x), the mean over fixed shares. While the mean is
// at most 0, M reaches A after A numbers on average, or later (Shin, Ramdas and Rinaldo 2024, "E-detectors: a
// nonparametric framework for sequential change detection", NEJSDS 2(2), the Shiryaev-Roberts one).
//
// Threads: one. Cost: a few operations a number.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/bytes.h"

namespace freshet {

class BettingTest {
 public:
  explicit BettingTest(double alpha) : alpha_(alpha) {}

  // x: within [-1, 1], clipped to it. True: proved, the mean of x is above 0 (stays true).
  bool add(double x) {
    x = std::isfinite(x) ? std::clamp(x, -1.0, 1.0) : 1.0;
    const double mean = sum_ / static_cast<double>(n_ + 1);
    const double spread = (0.25 + squares_) / static_cast<double>(n_ + 1) - mean * mean;
    const double share = std::clamp(mean / (std::max(spread, 1e-9) + mean * mean), 0.0, 0.9);
    log_wealth_ += std::log1p(share * x);
    proved_ = proved_ || log_wealth_ >= -std::log(alpha_);
    ++n_;
    sum_ += x;
    squares_ += x * x;
    return proved_;
  }
  bool proved() const { return proved_; }
  uint64_t n() const { return n_; }
  double mean() const { return n_ == 0 ? 0 : sum_ / static_cast<double>(n_); }
  double log_wealth() const { return log_wealth_; }
  void restart() { *this = BettingTest(alpha_); }

  void save(Writer& out) const {
    out.u64(n_);
    out.f64(sum_);
    out.f64(squares_);
    out.f64(log_wealth_);
    out.u8(proved_ ? 1 : 0);
  }
  void load(Reader& in) {
    n_ = in.u64();
    sum_ = in.f64();
    squares_ = in.f64();
    log_wealth_ = in.f64();
    proved_ = in.u8() != 0;
  }

 private:
  double alpha_;
  uint64_t n_ = 0;
  double sum_ = 0, squares_ = 0, log_wealth_ = 0;
  bool proved_ = false;
};

class ChangeDetector {
 public:
  // x: within [-1, 1], clipped to it. log_most: beyond it evidence does not pile up, so that it goes when the
  // change does.
  void add(double x, double log_most) {
    x = std::isfinite(x) ? std::clamp(x, -1.0, 1.0) : 1.0;
    const double most = std::exp(std::min(log_most, 500.0));
    for (size_t i = 0; i < kShares.size(); ++i)
      wealth_[i] = std::min((wealth_[i] + 1) * (1 + kShares[i] * x), most);
    since_ = std::clamp(since_ + std::log1p(kShares[1] * x), 0.0, std::max(log_most, 0.0));
  }
  // Nothing speaks for a change so far: one that is found later begins, by all that is known, where this was
  // true last (where the sum of the bets is least; Page 1954, "Continuous inspection schemes", Biometrika
  // 41).
  bool calm() const { return since_ <= 0; }
  // Natural logarithm of the mean wealth, 0 at least.
  double log_wealth() const {
    double sum = 0;
    for (const double one : wealth_) sum += one;
    return std::log(std::max(sum / static_cast<double>(kShares.size()), 1.0));
  }
  void restart() {
    wealth_ = {};
    since_ = 0;
  }

  void save(Writer& out) const {
    for (const double one : wealth_) out.f64(one);
    out.f64(since_);
  }
  void load(Reader& in) {
    for (double& one : wealth_) {
      one = in.f64();
      if (!(one >= 0)) one = 0;
    }
    since_ = in.f64();
    if (!(since_ >= 0)) since_ = 0;
  }

 private:
  static constexpr std::array<double, 3> kShares = {0.2, 0.5, 0.9};
  std::array<double, 3> wealth_{};
  double since_ = 0;  // Logarithm of the wealth of who entered the game where it is best for him.
};

}  // namespace freshet
