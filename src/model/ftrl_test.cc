#include "model/ftrl.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(Ftrl, AgreesWithThePaperLineByLine) {
  for (const FtrlConfig config :
       {FtrlConfig{.alpha = 0.1f}, FtrlConfig{.alpha = 0.5f, .l1 = 0.2f, .l2 = 0.1f}}) {
    std::vector<FtrlSlot> fast(64);
    std::vector<FtrlSlot> slow(64);
    Ftrl ftrl(config, fast);
    for (uint64_t n = 0; n < 500; ++n) {
      Draw draw(n);
      std::vector<Feature> features;
      for (int i = 0; i < 21; ++i)  // Not a multiple of 16; indices repeat and are masked.
        features.push_back(
            {static_cast<uint32_t>(draw.below(100)), static_cast<float>(draw.uniform() - 0.3)});
      const float label = draw.uniform() < 0.3 ? 1.0f : 0.0f;
      const std::vector<Feature> ahead(n % 7, Feature{static_cast<uint32_t>(n), 1});  // Changes nothing.
      ASSERT_NEAR(ftrl.learn_logistic(features, label, ahead), ftrl_twin(config, slow, features, label), 2e-4)
          << n;
    }
    for (size_t i = 0; i < fast.size(); ++i) EXPECT_NEAR(fast[i].z, slow[i].z, 2e-3);
  }
}

TEST(Ftrl, AnotherRateKeepsTheWeights) {
  const FtrlConfig config{.alpha = 0.1f, .l1 = 0.05f, .l2 = 0.01f};
  std::vector<FtrlSlot> slots(64);
  Ftrl ftrl(config, slots);
  const auto lesson = [&](uint64_t n) {
    Draw draw(n);
    std::vector<Feature> features;
    for (int i = 0; i < 5; ++i) features.push_back({static_cast<uint32_t>(draw.below(40)), 1});
    ftrl.learn_logistic(features, draw.uniform() < 0.3 ? 1.0f : 0.0f);
  };
  for (uint64_t n = 0; n < 500; ++n) lesson(n);
  const std::vector<FtrlSlot> before = slots;
  std::vector<float> weights;
  for (uint32_t i = 0; i < slots.size(); ++i) weights.push_back(ftrl.weight(i));
  EXPECT_EQ(ftrl.score(std::vector<Feature>{{7, 1}}), weights[7]);
  ftrl.set_alpha(10);
  for (uint32_t i = 0; i < slots.size(); ++i) EXPECT_NEAR(ftrl.weight(i), weights[i], 1e-6) << i;
  ftrl.set_alpha(0.1f);
  for (uint32_t i = 0; i < slots.size(); ++i) EXPECT_NEAR(slots[i].z, before[i].z, 1e-4) << i;
  ftrl.set_alpha(10);
  lesson(1000);
  float most = 0;
  for (uint32_t i = 0; i < slots.size(); ++i) most = std::max(most, std::fabs(ftrl.weight(i) - weights[i]));
  EXPECT_GT(most, 0.1f);  // Its steps are a hundred times as long.
}

// What no sum of squares can hold moves nothing; the other features of the row are learned, and later rows.
TEST(Ftrl, TakesNoStepThatIsNoNumber) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const float odd : {1e20f, 1e37f, kNan, std::numeric_limits<float>::infinity()}) {
    std::vector<FtrlSlot> slots(64);
    Ftrl ftrl({}, slots);
    for (int n = 0; n < 50; ++n) {
      ftrl.learn_logistic(std::vector<Feature>{{1, 1}, {2, odd}}, 1);
      ftrl.learn_logistic(std::vector<Feature>{{1, -1}, {3, 1}}, 0);
    }
    for (const FtrlSlot& slot : slots) EXPECT_TRUE(std::isfinite(slot.z) && std::isfinite(slot.n)) << odd;
    EXPECT_GT(ftrl.score(std::vector<Feature>{{1, 1}}), 0.5f) << odd;
  }
}

}  // namespace
}  // namespace freshet
