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

TEST(Arrivals, LongSilenceIsTakenForZeros) {
  struct Case {
    int ones, zeros;
    uint64_t waiting;
    bool want;
  };
  for (const Case& c : {Case{0, 0, 48, false}, Case{0, 0, 49, true}, Case{1, 0, 90, false},
                        Case{1, 0, 97, true}, Case{0, 2, 145, true}, Case{0, 3, 100'000, false}}) {
    Arrivals arrivals;
    const auto decide = [&] { arrivals.decide([&](double) { return c.waiting; }); };
    for (int i = 0; i < c.ones; ++i) arrivals.add(true, 5);
    for (int i = 0; i < c.zeros; ++i) arrivals.add(false, 5);
    decide();
    EXPECT_EQ(arrivals.ones_first(), c.want) << c.ones << " " << c.zeros << " " << c.waiting;
    for (int i = 0; i < 3; ++i) arrivals.add(false, 5);
    decide();
    EXPECT_FALSE(arrivals.ones_first());  // Zeros come alone.
  }
}

}  // namespace
}  // namespace freshet
