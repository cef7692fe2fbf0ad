#include "eval/click_eval.h"

#include <cmath>

#include <gtest/gtest.h>

#include "eval/click_ceiling.h"

namespace freshet {
namespace {

constexpr ClickWorld kWorlds[] = {ClickWorld::kModerate, ClickWorld::kCascade, ClickWorld::kNoisy};

// Pages of an item of gain 1/2 at a place among items of gain 0: who knows the world finds its gain.
TEST(KnownWorld, FindsTheGainOfAnItemInEachWorld) {
  for (const ClickWorld world : kWorlds)
    for (const size_t place : {0, 2, 9}) {
      std::vector<double> gains(10, 0.0);
      gains[place] = 0.5;
      KnownWorld::Belief belief{};
      std::vector<KnownWorld::Belief*> beliefs(10, nullptr);
      beliefs[place] = &belief;
      std::vector<size_t> clicked;
      std::vector<uint64_t> looked(10);
      for (uint64_t page = 0; page < 20'000; ++page) {
        ClickShopper(world, mix64(page, 7)).answer(gains, clicked, looked);
        KnownWorld(world).learn(beliefs, clicked);
      }
      const KnownWorld::Moments found = KnownWorld::moments(belief);
      EXPECT_NEAR(found.mean, 0.5, 0.13) << click_world_name(world) << " " << place;
      EXPECT_LT(found.deviation, 0.13);
    }
}

TEST(KnownLearner, OrdersByWhatItKnowsAndByClicks) {
  std::vector<std::vector<RankedItem>> windows(2);
  std::vector<std::vector<double>> gains(2);
  for (size_t q = 0; q < 2; ++q)
    for (uint32_t i = 0; i < 20; ++i) {
      windows[q].push_back({i, 20.0 - i});
      gains[q].push_back(i < 5 ? 1 : 0);
    }
  KnownLearner learner(ClickWorld::kModerate, windows, gains);
  EXPECT_LT(learner.ranked(0, 0, 1).front().item, 5U);
  EXPECT_EQ(learner.ranked(0, 0, 10).size(), 10U);
  const size_t first[] = {0};
  for (int page = 0; page < 40; ++page) learner.learn(0, std::vector<RankedItem>{{17, 0}}, first);
  EXPECT_EQ(learner.ranked(0, 0, 1).front().item, 17U);
  EXPECT_NE(learner.ranked(1, 0, 1).front().item, 17U);
}

}  // namespace
}  // namespace freshet
