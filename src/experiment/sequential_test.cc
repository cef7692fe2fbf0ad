#include "experiment/sequential.h"

#include <cmath>

#include <gtest/gtest.h>

namespace freshet {
namespace {

// E by its definition: the mean of the likelihood ratio over effects drawn from the mixture, summed
// numerically.
double mixture_by_sum(double difference, double variance, double n, double alpha, double tuned_at) {
  const double ln = -std::log(alpha);
  const double rho2 = (2 * ln + std::log(1 + 2 * ln)) / tuned_at;
  const double tau2 = rho2 * variance * n;  // In units of the effect: n V is the variance of a unit.
  double sum = 0;
  constexpr int kSteps = 20'000;
  const double reach = 12 * std::sqrt(tau2), step = 2 * reach / kSteps;
  for (int i = 0; i < kSteps; ++i) {
    const double effect = -reach + (i + 0.5) * step;
    const double ratio = std::exp((difference * effect - effect * effect / 2) / variance);
    sum += ratio * std::exp(-effect * effect / (2 * tau2)) / std::sqrt(2 * M_PI * tau2) * step;
  }
  return std::log(sum);
}

TEST(MeanTest, IsTheMixtureOfLikelihoodRatios) {
  const struct {
    double difference, variance, n;
  } rows[] = {{0, 1e-4, 1000}, {0.02, 1e-4, 1000}, {0.05, 2e-4, 3000}, {-0.01, 1e-5, 20'000}};
  for (const auto& row : rows)
    EXPECT_NEAR(MeanTest(0.05, 5000).log_e(row.difference, row.variance, row.n),
                mixture_by_sum(row.difference, row.variance, row.n, 0.05, 5000), 1e-6)
        << row.difference;
}

TEST(MeanTest, TheIntervalEndsWhereTheTestDoes) {
  const MeanTest test(0.05);
  for (const double n : {100.0, 5000.0, 1e6}) {
    const double variance = 0.2 / n, radius = test.radius(variance, n);
    EXPECT_NEAR(test.p(radius, variance, n), 0.05, 1e-9);
    EXPECT_GT(radius, 1.96 * std::sqrt(variance)) << "looking at any time has its price";
  }
  // Narrowest, in deviations, about where it is tuned.
  const auto deviations = [&](double n) { return test.radius(0.2 / n, n) / std::sqrt(0.2 / n); };
  EXPECT_LT(deviations(5000), deviations(500));
  EXPECT_LT(deviations(5000), deviations(50'000));
  EXPECT_TRUE(std::isinf(test.radius(0, 100)));
  EXPECT_EQ(test.p(0.1, 0, 100), 1);
}

TEST(MeanTest, WhatIsNeededIsEnough) {
  const MeanTest test(0.05);
  const double n = test.needed(0.01, 0.2);
  ASSERT_GT(n, 1000);
  EXPECT_NEAR(test.radius(0.2 / n, n) + 0.8416 * std::sqrt(0.2 / n), 0.01, 1e-6);
  EXPECT_GT(test.needed(0.005, 0.2), 3.5 * n);
  EXPECT_EQ(test.needed(0, 0.2), 0);
  EXPECT_EQ(test.needed(1e-9, 0.2), 0);
}

// E(p0) as a running product of what the mixture foretells.
double share_by_product(const std::string& outcomes, double a, double b, double p0) {
  double log_e = 0;
  for (const char c : outcomes) {
    const double win = a / (a + b);
    log_e += c == '1' ? std::log(win / p0) : std::log((1 - win) / (1 - p0));
    (c == '1' ? a : b) += 1;
  }
  return log_e;
}

TEST(ShareTest, IsTheProductOfWhatTheMixtureForetold) {
  const ShareTest test(0.3, 20);
  EXPECT_NEAR(test.log_e(5, 7, 0.3), share_by_product("101001010010", 6, 14, 0.3), 1e-9);
  EXPECT_NEAR(test.log_e(0, 4, 0.5), share_by_product("0000", 6, 14, 0.5), 1e-9);
  EXPECT_EQ(test.log_e(0, 0, 0.3), 0);
}

// Exact: E is at most 1 in the mean over all outcomes, so no look at any of n can be wrong too often.
TEST(ShareTest, NeverAlarmsMoreOftenThanItMay) {
  const ShareTest test(0.5, 40);
  constexpr int kLooks = 18;
  const double alpha = 0.2;
  int alarms = 0;
  for (int bits = 0; bits < 1 << kLooks; ++bits) {
    uint64_t wins = 0;
    for (int i = 0; i < kLooks; ++i) {
      wins += static_cast<uint64_t>(bits >> i & 1);
      if (test.p(wins, static_cast<uint64_t>(i) + 1 - wins, 0.5) <= alpha) {
        ++alarms;
        break;
      }
    }
  }
  const double share = static_cast<double>(alarms) / (1 << kLooks);
  EXPECT_LE(share, alpha);
  EXPECT_GT(share, 0) << "and it does alarm";
}

TEST(ShareTest, TheIntervalEndsWhereTheTestDoes) {
  const ShareTest test(0.5, 40);
  for (const auto& [wins, losses] : {std::pair<uint64_t, uint64_t>{60, 40}, {5000, 4900}, {3, 0}}) {
    const Interval found = test.interval(wins, losses, 0.05);
    EXPECT_NEAR(test.log_e(wins, losses, found.low), std::log(20), 1e-6);
    if (losses > 0) {
      EXPECT_NEAR(test.log_e(wins, losses, found.high), std::log(20), 1e-6);
    } else {
      EXPECT_EQ(found.high, 1);
    }
    const double seen = static_cast<double>(wins) / static_cast<double>(wins + losses);
    EXPECT_LT(found.low, seen);
    EXPECT_GE(found.high, seen);
  }
  const Interval none = test.interval(0, 0, 0.05);
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(none.high, 1);
}

}  // namespace
}  // namespace freshet
