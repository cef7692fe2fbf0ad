#include "rank/importance.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr auto kUseful = RankFeature::kFacet, kIdle = RankFeature::kValue, kHarmful = RankFeature::kHour;
constexpr uint32_t kMask = (1u << 16) - 1;

std::string saved(const Importance& importance) {
  Writer out;
  importance.save(out);
  return out.take();
}

// One feature says which of two rates a click has, and is believed; one says nothing and has no weight; one
// says nothing and is believed.
void look(Importance& importance, uint64_t n) {
  Draw draw(mix64(n, 17));
  const bool often = draw.below(2) == 0;
  const double sign = draw.below(2) == 0 ? 1 : -1;
  const double label = draw.uniform() < (often ? 0.3 : 0.05) ? 1 : 0;
  RankRow row;
  row.add(kUseful, often ? 1 : 2, kMask);
  row.add(kIdle, draw.below(50), kMask);
  row.add(kHarmful, draw.below(50), kMask);
  std::array<float, kRankFeatures> parts{};
  const double plain = std::log(0.175 / 0.825);
  const double useful = std::log(often ? 0.3 / 0.7 : 0.05 / 0.95) - plain;
  parts[static_cast<size_t>(kUseful)] = static_cast<float>(useful);
  parts[static_cast<size_t>(kHarmful)] = static_cast<float>(0.3 * sign);
  importance.look(row.all(), parts, plain + useful + 0.3 * sign, plain, label, 1, static_cast<TimeMs>(n));
}

double entropy(double p) {
  return -p * std::log(p) - (1 - p) * std::log(1 - p);
}

TEST(Importance, TellsWhatAFeatureIsWorth) {
  Importance importance;
  for (uint64_t n = 0; n < 20'000; ++n) look(importance, n);
  const double known = entropy(0.175) - (entropy(0.3) + entropy(0.05)) / 2;
  EXPECT_NEAR(importance.worth(kUseful).gain, known, 0.006);
  EXPECT_NEAR(importance.worth(kUseful).ablation, known, 0.01);
  EXPECT_LT(importance.worth(kIdle).gain, 0.002);
  EXPECT_EQ(importance.worth(kIdle).ablation, 0);
  EXPECT_LT(importance.worth(kHarmful).ablation, -0.003);
  EXPECT_EQ(importance.worth(RankFeature::kTasteFacet).looked, 0u);
}

TEST(Importance, RetiresWhatBringsNothingAndSaysSo) {
  Importance importance;
  uint64_t n = 0;
  for (; n < Importance::kWindow * (Importance::kProofs - 1); ++n) look(importance, n);
  EXPECT_EQ(importance.active(), kAllFeatures) << "not yet proved often enough";
  for (; n < Importance::kWindow * (Importance::kProofs + 2); ++n) look(importance, n);
  EXPECT_FALSE(importance.retired(kUseful));
  EXPECT_TRUE(importance.retired(kIdle));
  EXPECT_TRUE(importance.retired(kHarmful));
  EXPECT_FALSE(importance.retired(RankFeature::kTasteFacet)) << "nobody had it";
  ASSERT_EQ(importance.changes().size(), 2u);
  for (const FeatureChange& change : importance.changes()) {
    EXPECT_TRUE(change.retired);
    EXPECT_LT(change.worth, change.least);
    EXPECT_GT(change.examples, 0u);
  }
  Importance copy;
  const std::string bytes = saved(importance);
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in).ok());
  EXPECT_EQ(saved(copy), bytes);
  for (size_t cut = 0; cut < bytes.size(); cut += 1009) {
    Importance other;
    Reader part(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(other.load(part).ok()) << cut;
  }
}

TEST(Importance, GivesWhatIsRetiredAnotherChance) {
  Importance importance;
  uint64_t n = 0;
  while (!importance.retired(kIdle)) look(importance, n++);
  for (uint64_t i = 0; i < Importance::kAgain; ++i) importance.pass();
  for (uint64_t i = 0; i < Importance::kWindow; ++i) look(importance, n++);
  EXPECT_FALSE(importance.retired(kIdle));
  EXPECT_FALSE(importance.changes().back().retired);
}

}  // namespace
}  // namespace freshet
