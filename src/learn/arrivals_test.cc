#include "learn/arrivals.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(Arrivals, CountsPairs) {
  Arrivals arrivals;
  EXPECT_EQ(arrivals.ones_before(), 0.5);
  EXPECT_EQ(arrivals.middle_of_ones(), 0);
  for (int i = 0; i < 10; ++i) arrivals.add(true, 10);
  for (int i = 0; i < 30; ++i) arrivals.add(false, i < 15 ? 1000 : 10);
  EXPECT_DOUBLE_EQ(arrivals.ones_before(), 0.75);
  EXPECT_GE(arrivals.middle_of_ones(), 10);
  EXPECT_LT(arrivals.middle_of_ones(), 13);
}

TEST(Arrivals, KnowsWhereOnesComeFirst) {
  struct Case {
    const char* name;
    double rate;
    double one_mean, zero_mean;  // Exponential; zero_mean < 0: exactly that, negated.
    bool want;
  };
  const Case cases[] = {
      {"returns: zeros are known after the time is over", 0.02, 100, -1000, true},
      {"both alike", 0.45, 300, 300, false},
      {"both alike, ones rare", 0.02, 300, 300, false},
      {"both alike, ones usual", 0.9, 300, 300, false},
      {"zeros first", 0.3, 300, 30, false},
      {"all after the same time", 0.5, -700, -700, false},
      {"all after the same time, ones rare", 0.02, -700, -700, false},
  };
  for (const Case& c : cases) {
    Arrivals arrivals;
    std::vector<std::pair<double, bool>> waiting;  // Row times are 0, 1, 2, ...: (known, label) by row.
    uint64_t wrong = 0;
    for (int row = 0; row < 4000; ++row) {
      Draw draw(static_cast<uint64_t>(row));
      const bool one = draw.uniform() < c.rate;
      const double mean = one ? c.one_mean : c.zero_mean;
      waiting.emplace_back(row + (mean < 0 ? -mean : -mean * std::log1p(-draw.uniform())), one);
      for (int old = 0; old <= row; ++old) {
        auto& [known, label] = waiting[static_cast<size_t>(old)];
        if (known < 0 || known > row) continue;
        arrivals.add(label, known - old);
        known = -1;
      }
      if (row % 50 != 0) continue;
      arrivals.decide([&](double longer) {
        uint64_t n = 0;
        for (int old = 0; old <= row; ++old)
          n += waiting[static_cast<size_t>(old)].first >= 0 && row - old > longer ? 1 : 0;
        return n;
      });
      wrong += row >= 1000 && arrivals.ones_first() != c.want ? 1 : 0;
    }
    EXPECT_EQ(wrong, 0u) << c.name;
    Writer out;
    arrivals.save(out);
    Arrivals again;
    Reader in(out.bytes());
    again.load(in);
    EXPECT_EQ(again.ones_first(), c.want);
    EXPECT_EQ(again.ones_before(), arrivals.ones_before());
  }
}

TEST(Arrivals, SilenceIsABetAndNoLabel) {
  Arrivals arrivals;
  const auto decide = [&](uint64_t longer) { arrivals.decide([&](double) { return longer; }); };
  decide(48);
  EXPECT_FALSE(arrivals.silent());
  decide(49);
  EXPECT_TRUE(arrivals.silent());
  EXPECT_FALSE(arrivals.ones_first());
  for (int i = 0; i < 3; ++i) arrivals.add(true, 5);
  decide(1'000'000);
  EXPECT_FALSE(arrivals.ones_first());
  EXPECT_TRUE(arrivals.silent());
  arrivals.add(true, 5);  // Ones come, and most rows have waited for longer than they do.
  decide(12);
  EXPECT_FALSE(arrivals.ones_first());
  decide(13);
  EXPECT_TRUE(arrivals.ones_first());
  EXPECT_FALSE(arrivals.silent());
}

}  // namespace
}  // namespace freshet
