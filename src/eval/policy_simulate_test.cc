// Off-policy estimates against the truth of the generated shop: shoppers with hidden tastes click on category
// pages of one order, and what another order would have earned is estimated from these clicks alone.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "clicks/examination.h"
#include "eval/simulate.h"
#include "experiment/off_policy.h"

namespace freshet {
namespace {

using simulate::Shop;
using simulate::Visit;

constexpr size_t kPlaces = 10;

struct Log {
  std::vector<LoggedPage> pages;
  double candidate = 0, shown = 0;  // Expected clicks a page, by the true choice model.
};

// The page of a category: its first ten by popularity, the best of them last (a poor order to start from).
// The candidate turns it round.
Log play(const Shop& shop, uint64_t seed, size_t pages) {
  std::vector<double> theta;
  for (size_t k = 0; k < kPlaces; ++k) theta.push_back(simulate::examine(k));
  Log log;
  Draw draw(seed);
  for (size_t n = 0; n < pages; ++n) {
    const auto shopper = static_cast<uint32_t>(draw.below(1000));
    const TimeMs now = shop.options().start_ms + static_cast<TimeMs>(draw.below(30 * kDayMs));
    const Visit visit = begin_visit(shop, shopper, now, {}, draw.next());
    const auto all = shop.category_items(visit.mission);
    std::vector<uint32_t> items(all.begin(),
                                all.begin() + static_cast<std::ptrdiff_t>(std::min(kPlaces, all.size())));
    std::sort(items.begin(), items.end(),
              [&](uint32_t a, uint32_t b) { return shop.items()[a].quality < shop.items()[b].quality; });
    std::vector<uint32_t> candidate(items.rbegin(), items.rend());
    std::vector<double> logged = theta;
    if (draw.below(4) == 0) {  // Places change in pairs, with probability one half: propensity .5.
      for (const Examination::Pair& pair : Examination::kDesigns[draw.below(Examination::kDesigns.size())]) {
        if (pair.lower >= items.size()) continue;
        if (draw.below(2) == 0) std::swap(items[pair.upper], items[pair.lower]);
        logged[pair.upper] = logged[pair.lower] = (theta[pair.upper] + theta[pair.lower]) / 2;
      }
    }
    LoggedPage page{.query = visit.mission, .cluster = shopper};
    for (size_t k = 0; k < items.size(); ++k)
      page.shown.push_back(
          {items[k], logged[k], draw.uniform() < theta[k] * click_probability(shop, visit, items[k])});
    page.candidate.assign(candidate.begin(), candidate.end());
    log.candidate += expected_clicks(shop, visit, candidate) / static_cast<double>(pages);
    log.shown += expected_clicks(shop, visit, items) / static_cast<double>(pages);
    log.pages.push_back(std::move(page));
  }
  return log;
}

TEST(OffPolicyInTheShop, EstimatesHaveTheTruthAndTheNaiveMeanHasNot) {
  const Shop shop({.seed = 7});
  std::vector<double> theta;
  for (size_t k = 0; k < kPlaces; ++k) theta.push_back(simulate::examine(k));
  int right[3] = {0, 0, 0}, naive = 0;
  constexpr int kLogs = 60;
  double truth = 0, error[3] = {0, 0, 0};
  for (int i = 0; i < kLogs; ++i) {
    const Log log = play(shop, 50 + static_cast<uint64_t>(i), 4000);
    const PolicyReport report = evaluate_policy(log.pages, theta);
    const auto has = [&](const PolicyEstimate& one) {
      return one.interval.low <= log.candidate && log.candidate <= one.interval.high ? 1 : 0;
    };
    const PolicyEstimate* const estimates[] = {&report.ips, &report.snips, &report.dr};
    for (size_t k = 0; k < 3; ++k) {
      right[k] += has(*estimates[k]);
      error[k] += (estimates[k]->value - log.candidate) / kLogs;
    }
    naive += has(report.naive);
    truth += log.candidate / kLogs;
    EXPECT_GT(report.effective_pages, 1000);
    EXPECT_NEAR(report.coverage, 1, 0.05);
  }
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_GE(right[k], 0.9 * kLogs) << k;
    EXPECT_LT(std::abs(error[k]), 0.02 * truth) << k;
  }
  EXPECT_EQ(naive, 0);
}

}  // namespace
}  // namespace freshet
