#include "clicks/shared_rates.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TitleLikeness likeness_of(const std::vector<std::string>& titles) {
  TitleLikeness out;
  out.start(titles.size());
  for (const std::string& title : titles) out.add(title);
  out.finish();
  return out;
}

TEST(TitleLikeness, IsTheCosineOfWordsByHowRareTheyAre) {
  const TitleLikeness alike = likeness_of(
      {"Kettle red steel", "kettle STEEL red red", "kettle, blue glass", "kettle red glass", "", "kettle"});
  const double all = std::log(7.0 / 5), red = std::log(7.0 / 3), glass = std::log(7.0 / 2), steel = glass;
  const auto square = [](double x) { return x * x; };
  struct Case {
    size_t a, b;
    double expected;
  };
  const Case cases[] = {
      {0, 1, 1},
      {0, 3,
       (square(all) + square(red)) / std::sqrt((square(all) + square(red) + square(steel)) *
                                               (square(all) + square(red) + square(glass)))},
      {0, 4, 0},
      {4, 4, 1},
      {5, 5, 1},
  };
  for (const Case& one : cases) {
    EXPECT_NEAR(alike(one.a, one.b), one.expected, 1e-5) << one.a << " " << one.b;
    EXPECT_EQ(alike(one.a, one.b), alike(one.b, one.a));
  }
  EXPECT_LT(alike(0, 2), 0.1);  // The word that all of them have is next to nothing.
}

// The same by Gauss-Jordan elimination of the whole matrix.
std::vector<SharedRates::Item> slowly(std::vector<SharedRates::Item> items, const TitleLikeness& likeness,
                                      double strength) {
  const size_t n = items.size();
  const auto covariance = [&](size_t i, size_t j) {
    return SharedRates::kSpread * std::sqrt(items[i].prior * items[j].prior) / strength *
           ((i == j ? SharedRates::kOwn : 0) + SharedRates::kLike * static_cast<double>(likeness(i, j)) +
            SharedRates::kAll);
  };
  std::vector<size_t> shown;
  for (size_t i = 0; i < n; ++i)
    if (items[i].exposure > 0) shown.push_back(i);
  const size_t m = shown.size();
  std::vector<std::vector<double>> a(m, std::vector<double>(2 * m));
  for (size_t r = 0; r < m; ++r) {
    for (size_t c = 0; c < m; ++c) a[r][c] = covariance(shown[r], shown[c]);
    const SharedRates::Item& one = items[shown[r]];
    a[r][r] += std::max(one.prior, (one.clicks + SharedRates::kRatePrior * one.prior) /
                                       (one.exposure + SharedRates::kRatePrior)) /
               one.exposure;
    a[r][m + r] = 1;
  }
  for (size_t p = 0; p < m; ++p) {
    const double pivot = a[p][p];
    for (double& x : a[p]) x /= pivot;
    for (size_t r = 0; r < m; ++r) {
      const double times = r == p ? 0 : a[r][p];
      for (size_t c = 0; c < 2 * m; ++c) a[r][c] -= times * a[p][c];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    double mean = items[i].prior, variance = covariance(i, i);
    for (size_t r = 0; r < m; ++r)
      for (size_t c = 0; c < m; ++c) {
        const SharedRates::Item& one = items[shown[c]];
        mean += covariance(i, shown[r]) * a[r][m + c] * (one.clicks / one.exposure - one.prior);
        variance -= covariance(i, shown[r]) * a[r][m + c] * covariance(shown[c], i);
      }
    items[i].mean = std::max(mean, SharedRates::kLeast * items[i].prior);
    items[i].deviation = std::sqrt(std::max(variance, 1e-6 * covariance(i, i)));
  }
  return items;
}

TEST(SharedRates, AgreeWithTheWholeMatrixInverted) {
  SharedRates rates;
  for (const uint64_t seed : {1, 2, 3}) {
    Draw draw(seed);
    std::vector<std::string> titles;
    std::vector<SharedRates::Item> items;
    for (int i = 0; i < 30; ++i) {
      titles.push_back("w" + std::to_string(draw.below(5)) + " v" + std::to_string(draw.below(9)));
      SharedRates::Item one{.prior = 0.02 + 0.3 * draw.uniform()};
      if (draw.below(2) != 0) {
        one.exposure = 0.1 + 20 * draw.uniform();
        one.clicks = static_cast<double>(draw.below(8));
      }
      items.push_back(one);
    }
    const TitleLikeness likeness = likeness_of(titles);
    const auto expected = slowly(items, likeness, 8);
    rates.believe(items, likeness, 8);
    for (size_t i = 0; i < items.size(); ++i) {
      EXPECT_NEAR(items[i].mean, expected[i].mean, 1e-9) << i;
      EXPECT_NEAR(items[i].deviation, expected[i].deviation, 1e-9) << i;
    }
  }
}

TEST(SharedRates, ClicksOnOneSaySomethingOfThoseNamedAlike) {
  const TitleLikeness likeness = likeness_of({"red shoe", "red boot", "blue shoe case", "green case"});
  std::vector<SharedRates::Item> items(4, {.prior = 0.1});
  SharedRates rates;
  rates.believe(items, likeness, 16);
  for (const SharedRates::Item& one : items) {
    EXPECT_DOUBLE_EQ(one.mean, 0.1);
    EXPECT_NEAR(one.deviation, std::sqrt(SharedRates::prior_variance(0.1, 16)), 1e-12);
  }
  items[0].clicks = 12;
  items[0].exposure = 30;
  rates.believe(items, likeness, 16);
  EXPECT_GT(items[0].mean, items[1].mean + 0.02);
  EXPECT_GT(items[1].mean, items[3].mean + 0.01);
  EXPECT_GT(items[3].mean, 0.1);  // The query is clicked more than was thought.
  EXPECT_LT(items[0].deviation, items[1].deviation);
  EXPECT_LT(items[1].deviation, items[3].deviation);
}

}  // namespace
}  // namespace freshet
