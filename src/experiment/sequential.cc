#include "experiment/sequential.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace freshet {
namespace {

constexpr double kPower = 0.8416;  // Of the normal distribution: 80 % are below.

// ln Gamma(x), x > 0, to 1e-12: Stirling's series from 10 on, the recurrence below. (That of the library
// writes a global variable.)
double log_gamma(double x) {
  double below = 0;
  for (; x < 10; x += 1) below += std::log(x);
  const double r = 1 / x, r2 = r * r;
  constexpr double kHalfLog2Pi = 0.91893853320467274178;
  return (x - 0.5) * std::log(x) - x + kHalfLog2Pi +
         r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 * (1.0 / 1680 - r2 / 1188)))) - below;
}

double log_beta(double a, double b) {
  return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

double p_of(double log_e) {
  return log_e <= 0 ? 1 : std::exp(-log_e);
}

}  // namespace

MeanTest::MeanTest(double alpha, double tuned_at)
    : log_inverse_(-std::log(alpha)), rho2_((2 * log_inverse_ + std::log1p(2 * log_inverse_)) / tuned_at) {}

double MeanTest::log_e(double difference, double variance, double n) const {
  if (!(variance > 0) || !(n > 0)) return 0;
  const double u = n * rho2_;
  return 0.5 * difference * difference / variance * u / (1 + u) - 0.5 * std::log1p(u);
}

double MeanTest::p(double difference, double variance, double n) const {
  return p_of(log_e(difference, variance, n));
}

double MeanTest::radius(double variance, double n) const {
  if (!(variance > 0) || !(n > 0)) return std::numeric_limits<double>::infinity();
  const double u = n * rho2_;
  return std::sqrt(variance * (1 + 1 / u) * (2 * log_inverse_ + std::log1p(u)));
}

double MeanTest::needed(double effect, double variance_of_unit) const {
  if (!(effect > 0) || !(variance_of_unit > 0)) return 0;
  const auto enough = [&](double n) {
    const double variance = variance_of_unit / n;
    return radius(variance, n) + kPower * std::sqrt(variance) <= effect;
  };
  double low = 1, high = 1;
  while (!enough(high)) {
    low = high;
    high *= 2;
    if (high > 1e12) return 0;
  }
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

double ShareTest::log_e(uint64_t wins, uint64_t losses, double p0) const {
  const auto w = static_cast<double>(wins), l = static_cast<double>(losses);
  // What did not happen costs nothing, whatever its probability.
  const double likelihood = (wins == 0 ? 0 : w * std::log(p0)) + (losses == 0 ? 0 : l * std::log1p(-p0));
  return log_beta(a_ + w, b_ + l) - log_beta(a_, b_) - likelihood;
}

double ShareTest::p(uint64_t wins, uint64_t losses, double p0) const {
  return p_of(log_e(wins, losses, p0));
}

// ln E is convex in p0 with its least value at the share seen: each end is looked for by halving.
Interval ShareTest::interval(uint64_t wins, uint64_t losses, double alpha) const {
  if (wins + losses == 0) return {0, 1};
  const double bar = -std::log(alpha);
  const double seen = static_cast<double>(wins) / static_cast<double>(wins + losses);
  const auto end = [&](double inside, double outside) {
    for (int i = 0; i < 60; ++i) {
      const double middle = (inside + outside) / 2;
      (log_e(wins, losses, middle) < bar ? inside : outside) = middle;
    }
    return inside;
  };
  return {wins == 0 ? 0 : end(seen, 0), losses == 0 ? 1 : end(seen, 1)};
}

}  // namespace freshet
