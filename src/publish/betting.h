// A test that may be looked at after every number and stopped at any time: wealth in a game that is fair when
// the mean is at most 0 grows beyond 1 / alpha with probability at most alpha (Ville). Waudby-Smith and
// Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B 86), one-sided, with the
// bets of approximate GRAPA (their equation 25): share = mean / (variance + mean^2) of what was before,
// within [0, 0.9]. Threads: one. Cost: a few operations a number.
#pragma once

#include <algorithm>
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

}  // namespace freshet
