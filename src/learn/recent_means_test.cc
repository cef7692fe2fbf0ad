#include "learn/recent_means.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

// The slow twin: each value stands for the rows without one before it too, and every row moves the means.
TEST(RecentMeans, RowsWithoutValuesCountAsRows) {
  RecentMeans fast;
  std::array<double, 4> slow{};
  bool seen = false;
  double last = 0;
  int gap = 0;
  for (uint64_t row = 0; row < 3000; ++row) {
    Draw draw(row);
    const double value = std::sin(static_cast<double>(row) / 40) + draw.uniform();
    const bool missing = draw.below(row < 1000 ? 2 : 30) != 0 && row % 500 > 100;
    const double* given = missing ? nullptr : &value;
    for (size_t h = 0; h < slow.size(); ++h) {
      const float apart = fast.apart(given, h);
      if (seen)
        EXPECT_NEAR(apart, (missing ? last : value) - slow[h], 1e-6) << row;
      else
        EXPECT_TRUE(std::isnan(apart)) << row;
    }
    fast.learn(given);
    ++gap;
    if (missing) continue;
    for (; gap > 0; --gap)
      for (size_t h = 0; h < slow.size(); ++h)
        slow[h] = seen ? slow[h] + (value - slow[h]) / RecentMeans::kHorizons[h] : value;
    seen = true;
    last = value;
    gap = 0;
  }
}

TEST(RecentMeans, AGapWithoutEndForgetsAndIsSaved) {
  RecentMeans means;
  const double one = 1, five = 5;
  means.learn(&one);
  for (int row = 0; row < 20000; ++row) means.learn(nullptr);
  Writer out;
  means.save(out);
  Reader in(out.bytes());
  RecentMeans again;
  again.load(in);
  EXPECT_TRUE(in.ok());
  again.learn(&five);
  for (size_t h = 0; h < RecentMeans::kHorizons.size(); ++h) EXPECT_NEAR(again.apart(&five, h), 0, 1e-9) << h;
}

}  // namespace
}  // namespace freshet
