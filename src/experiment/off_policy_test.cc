// Estimates against the truth, in a world where it is known.
#include "experiment/off_policy.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr size_t kPlaces = 10, kItems = 10;
constexpr uint32_t kQueries = 40;

std::vector<double> thetas() {
  std::vector<double> out;
  for (size_t k = 0; k < kPlaces; ++k) out.push_back(1 / static_cast<double>(k + 1));
  return out;
}

double attraction(uint32_t query, uint64_t item) {
  Draw draw(mix64(query, item));
  return 0.5 * std::pow(draw.uniform(), 2);
}

std::vector<uint64_t> ranked(uint32_t query, double noise, uint64_t seed) {
  std::vector<uint64_t> items(kItems);
  for (uint64_t i = 0; i < kItems; ++i) items[i] = i;
  const auto seen = [&](uint64_t i) {
    return attraction(query, i) + noise * Draw(mix64(mix64(seed, query), i)).uniform();
  };
  std::sort(items.begin(), items.end(), [&](uint64_t a, uint64_t b) { return seen(a) > seen(b); });
  items.resize(kPlaces);
  return items;
}

struct World {
  std::vector<LoggedPage> pages;
  double truth = 0, logged = 0;  // Clicks a page of the candidate, and of what was shown.
};

// Pages by a noisy ranking whose neighbours change places one time in two on a fifth of the pages.
World play(uint64_t seed, size_t count) {
  const std::vector<double> theta = thetas();
  World world;
  Draw draw(seed);
  for (size_t n = 0; n < count; ++n) {
    const auto query = static_cast<uint32_t>(draw.below(kQueries));
    LoggedPage page{.query = query, .cluster = draw.below(2000)};
    std::vector<uint64_t> items = ranked(query, 0.5, 1);
    std::vector<double> logged = theta;
    if (draw.below(5) == 0)
      for (size_t k = 0; k + 1 < kPlaces; k += 2) {
        if (draw.below(2) == 0) std::swap(items[k], items[k + 1]);
        logged[k] = logged[k + 1] = (theta[k] + theta[k + 1]) / 2;
      }
    for (size_t k = 0; k < kPlaces; ++k) {
      const double chance = theta[k] * attraction(query, items[k]);
      world.logged += chance / static_cast<double>(count);
      page.shown.push_back({items[k], logged[k], draw.uniform() < chance});
    }
    page.candidate = ranked(query, 0.05, 2);
    for (size_t k = 0; k < kPlaces; ++k)
      world.truth += theta[k] * attraction(query, page.candidate[k]) / static_cast<double>(count);
    world.pages.push_back(std::move(page));
  }
  return world;
}

bool holds(const PolicyEstimate& estimate, double truth) {
  return estimate.interval.low <= truth && truth <= estimate.interval.high;
}

// Of 200 logs: the interval of the doubly robust estimate has the truth as often as it says, the mean of what
// was shown never; and its error is the smallest.
TEST(OffPolicy, TheTruthIsInTheIntervalAndTheNaiveMeanIsNot) {
  constexpr int kLogs = 200;
  int right = 0, naive_right = 0;
  double dr_bias = 0, truth = 0, snips_error = 0, dr_error = 0;
  for (int log = 0; log < kLogs; ++log) {
    const World world = play(100 + static_cast<uint64_t>(log), 3000);
    const PolicyReport report = evaluate_policy(world.pages, thetas());
    right += holds(report.dr, world.truth) ? 1 : 0;
    naive_right += holds(report.naive, world.truth) ? 1 : 0;
    dr_bias += (report.dr.value - world.truth) / kLogs;
    dr_error += std::abs(report.dr.value - world.truth) / kLogs;
    snips_error += std::abs(report.snips.value - world.truth) / kLogs;
    truth += world.truth / kLogs;
    EXPECT_NEAR(report.coverage, 1, 0.05);
    EXPECT_LT(report.effective_pages, static_cast<double>(report.pages));
  }
  EXPECT_GE(right, 0.90 * kLogs);
  EXPECT_EQ(naive_right, 0);
  EXPECT_LT(std::abs(dr_bias), 0.02 * truth);
  EXPECT_LE(dr_error, 1.1 * snips_error);
}

// What was shown as the candidate would have: every estimate is the mean, and every page counts fully.
TEST(OffPolicy, OfItselfARankingEarnsWhatItEarned) {
  World world = play(1, 500);
  for (LoggedPage& page : world.pages) {
    page.candidate.clear();
    for (size_t k = 0; k < kPlaces; ++k) {
      page.candidate.push_back(page.shown[k].item);
      page.shown[k].logged = thetas()[k];
    }
  }
  const PolicyReport report = evaluate_policy(world.pages, thetas());
  for (const PolicyEstimate* estimate : {&report.ips, &report.snips, &report.dr})
    EXPECT_NEAR(estimate->value, report.naive.value, 1e-9);
  EXPECT_NEAR(report.effective_pages, 500, 1e-6);
  EXPECT_NEAR(report.coverage, 1, 1e-9);
  EXPECT_EQ(report.weight_max, 1);
}

TEST(OffPolicy, ByHand) {
  // Two places with theta 1 and .5; one page; the candidate turns it round and brings nothing new.
  LoggedPage page{.query = 1, .cluster = 1};
  page.shown = {{10, 1, false}, {20, 0.5, true}};
  page.candidate = {20, 10};
  const PolicyReport report = evaluate_policy({page}, {1, 0.5});
  EXPECT_DOUBLE_EQ(report.naive.value, 1);
  EXPECT_DOUBLE_EQ(report.ips.value, 2);                // The click at place 2 counts 1 / .5,
  EXPECT_DOUBLE_EQ(report.snips.value, 1.5 * 2 / 1.5);  // of looks .5 . 1 + 2 . .5 = 1.5 of 1.5.
  EXPECT_DOUBLE_EQ(report.dr.value, 2);                 // The other half has no pages, so its g is 0.
  EXPECT_EQ(evaluate_policy({}, {1, 0.5}).pages, 0u);
}

TEST(OffPolicy, WeightsAreCut) {
  LoggedPage page{.query = 1, .cluster = 1};
  page.shown = {{10, 0.001, true}};
  page.candidate = {10};
  EXPECT_DOUBLE_EQ(evaluate_policy({page}, {1}, {.weight_max = 7}).ips.value, 7);
}

}  // namespace
}  // namespace freshet
