// What experiments say, on a world whose truth is known.
#include "experiment/results.h"

#include <cmath>

#include <gtest/gtest.h>

#include "experiment/testing/click_world.h"

namespace freshet {
namespace {

using testing::ClickWorld;
using testing::WorldOptions;

ExperimentDefinition definition(ExperimentKind kind, double alpha = 0.05) {
  ExperimentDefinition of;
  of.name = "try";
  of.kind = kind;
  of.alpha = alpha;
  return of;
}

// Two equal arms, a look after each search: of many experiments at most alpha may ever claim a difference.
// The shoppers differ much, and come again and again: searches are far from independent.
TEST(ExperimentResults, EqualArmsAreRarelyCalledDifferentHoweverOftenOneLooks) {
  constexpr int kReplays = 250;
  constexpr uint64_t kSearches = 2500;
  for (const double alpha : {0.05, 0.2}) {
    int alarms = 0;
    for (int replay = 0; replay < kReplays; ++replay) {
      WorldOptions options{
          .seed = 1000 + static_cast<uint64_t>(replay), .noise_control = 0, .noise_variant = 0};
      ClickWorld world(options);
      alarms += until_proved(world, definition(ExperimentKind::kSplit, alpha), kSearches) > 0 ? 1 : 0;
    }
    EXPECT_LE(alarms, alpha * kReplays) << alpha;
  }
}

TEST(ExperimentResults, EqualRankingsAreRarelyPreferredHoweverOftenOneLooks) {
  constexpr int kReplays = 400;
  for (const double alpha : {0.05, 0.2}) {
    int alarms = 0;
    for (int replay = 0; replay < kReplays; ++replay) {
      ClickWorld world({.seed = 5000 + static_cast<uint64_t>(replay), .equal_items = true});
      alarms += until_proved(world, definition(ExperimentKind::kInterleaving, alpha), 4000) > 0 ? 1 : 0;
    }
    EXPECT_LE(alarms, alpha * kReplays) << alpha;
    EXPECT_GT(alarms, 0) << "the world is no test when it never alarms";
  }
}

TEST(ExperimentResults, TheBetterRankingIsFoundAndSoonerByInterleaving) {
  const auto median = [](ExperimentKind kind, uint64_t most) {
    std::vector<uint64_t> needed;
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      ClickWorld world({.seed = seed, .noise_control = 0.2, .noise_variant = 0, .shoppers = 50'000});
      bool better = false;
      const uint64_t n = until_proved(world, definition(kind), most, &better);
      EXPECT_GT(n, 0u) << seed;
      EXPECT_TRUE(better) << seed;
      needed.push_back(n);
    }
    std::sort(needed.begin(), needed.end());
    return needed[needed.size() / 2];
  };
  const uint64_t split = median(ExperimentKind::kSplit, 100'000),
                 drafted = median(ExperimentKind::kInterleaving, 100'000);
  EXPECT_LT(5 * drafted, split);
}

// The deviation that is believed is the deviation there is, over many experiments.
TEST(ExperimentResults, TheVarianceIsThatOfShoppersNotOfSearches) {
  std::vector<double> differences;
  double believed = 0, naive = 0;
  constexpr int kReplays = 300;
  for (int replay = 0; replay < kReplays; ++replay) {
    WorldOptions options{.seed = 100 + static_cast<uint64_t>(replay), .noise_control = 0, .noise_variant = 0};
    options.shoppers = 60;  // Each comes often.
    ClickWorld world(options);
    const ExperimentDefinition of = definition(ExperimentKind::kSplit);
    ExperimentTally tally(of);
    for (int i = 0; i < 3000; ++i) world.play(of, tally, i);
    const Ratio a = tally.ratio(Arm::kControl, Measure::kClicked),
                b = tally.ratio(Arm::kVariant, Measure::kClicked);
    differences.push_back(b.value - a.value);
    believed += (a.variance + b.variance) / kReplays;
    for (const auto& [ratio, arm] : {std::pair(a, Arm::kControl), std::pair(b, Arm::kVariant)})
      naive += ratio.value * (1 - ratio.value) / tally.sum(arm, Measure::kSearches) / kReplays;
  }
  double squares = 0;
  for (const double one : differences) squares += one * one / kReplays;
  EXPECT_NEAR(believed / squares, 1, 0.2);
  EXPECT_LT(naive / squares, 0.7) << "the world is no test when searches are as good as independent";
}

TEST(ExperimentResults, ShoppersSharedOutWronglyAreNoticed) {
  const ExperimentDefinition of = definition(ExperimentKind::kSplit);
  const auto observed = [&](double lost) {
    ExperimentTally tally(of);
    Draw draw(3);
    for (int i = 0; i < 20'000; ++i) {
      const std::string shopper = "s" + std::to_string(i);
      const Arm arm = arm_of(shopper, of);
      if (arm == Arm::kVariant && draw.uniform() < lost) continue;
      tally.search(arm, shopper_bucket(shopper, ExperimentTally::kBuckets), hash_bytes(shopper), false, 1, i);
    }
    return results_of(of, tally);
  };
  const ExperimentResults fine = observed(0), wrong = observed(0.1);
  EXPECT_FALSE(fine.ratio_mismatch);
  EXPECT_NEAR(fine.shoppers[0] + fine.shoppers[1], 20'000, 200);
  EXPECT_TRUE(wrong.ratio_mismatch);
  EXPECT_EQ(wrong.finding, Finding::kMismatch);
}

TEST(ExperimentResults, MetricsByHand) {
  ExperimentDefinition of = definition(ExperimentKind::kSplit);
  of.goal = Goal::kRevenue;
  ExperimentTally tally(of);
  EXPECT_EQ(results_of(of, tally).finding, Finding::kTooEarly);
  for (int i = 0; i < 1000; ++i) {
    const Arm arm = i % 2 == 0 ? Arm::kControl : Arm::kVariant;
    const auto bucket = static_cast<uint32_t>(i / 2 % 100);
    tally.search(arm, bucket, static_cast<uint64_t>(i / 2 % 100 * 2 + i % 2), i % 10 < 2, i % 2 == 0 ? 2 : 5,
                 i);
    if (i % 4 < 2) tally.answer(arm, bucket, Measure::kClicked, 1);
    if (i % 12 < 2) tally.answer(arm, bucket, Measure::kRevenue, arm == Arm::kControl ? 10 : 30);
  }
  const ExperimentResults results = results_of(of, tally);
  EXPECT_EQ(results.searches[0], 500);
  EXPECT_NEAR(results.shoppers[1], 100, 1);
  const double expected[][2] = {{0.5, 0.5}, {0, 0}, {0, 0}, {1.68, 5.04}, {0.2, 0.2}, {2, 5}};
  ASSERT_EQ(results.metrics.size(), std::size(expected));
  for (size_t i = 0; i < results.metrics.size(); ++i) {
    EXPECT_DOUBLE_EQ(results.metrics[i].control, expected[i][0]) << results.metrics[i].name;
    EXPECT_DOUBLE_EQ(results.metrics[i].variant, expected[i][1]) << results.metrics[i].name;
  }
  EXPECT_FALSE(results.metrics[1].difference) << "nothing was put into carts";
  EXPECT_EQ(results.finding, Finding::kVariantBetter);
  EXPECT_FALSE(results.metrics[5].difference) << "without any spread there is no test";
  EXPECT_NE(results.reason.find("revenue"), std::string::npos);
  JsonWriter json;
  write_results(json, of, results, true);
  EXPECT_NE(json.text().find(R"("verdict": "variant_better")"), std::string::npos);
  EXPECT_EQ(json.text().find("inf"), std::string::npos);
}

TEST(ExperimentTally, SurvivesASnapshotAndKeepsAShortHistory) {
  const ExperimentDefinition of = definition(ExperimentKind::kSplit);
  ExperimentTally tally(of);
  ClickWorld world({.seed = 4});
  for (int i = 0; i < 30'000; ++i) world.play(of, tally, i);
  EXPECT_GT(tally.history().size(), 100u);
  EXPECT_LE(tally.history().size(), ExperimentTally::kHistoryMax);
  EXPECT_EQ(tally.history().front().n, 20);
  Writer out;
  tally.save(out);
  ExperimentTally again(of);
  Reader in(out.bytes());
  ASSERT_TRUE(again.load(in).ok());
  EXPECT_TRUE(in.done());
  Writer twice;
  again.save(twice);
  EXPECT_EQ(twice.bytes(), out.bytes());
  Reader cut(std::string_view(out.bytes()).substr(0, out.size() / 2));
  EXPECT_FALSE(ExperimentTally(of).load(cut).ok());
}

TEST(ExperimentTally, PagesWithTheSameCoinsCountOnce) {
  ExperimentTally tally(definition(ExperimentKind::kInterleaving));
  EXPECT_TRUE(tally.page(7));
  EXPECT_FALSE(tally.page(7));
  EXPECT_TRUE(tally.page(8));
  EXPECT_EQ(tally.pages(), 2u);
}

// Long experiments go on counting; pages of late are known, and after a snapshot too.
TEST(ExperimentTally, CountsAnyNumberOfPages) {
  const ExperimentDefinition of = definition(ExperimentKind::kInterleaving);
  ExperimentTally tally(of);
  constexpr uint64_t kPages = 3'000'000;
  for (uint64_t page = 0; page < kPages; ++page) {
    tally.page(mix64(page));
    if (page % 10'000 == 0 && page >= 60'000) {
      EXPECT_FALSE(tally.page(mix64(page - 60'000)));
    }
  }
  EXPECT_GT(static_cast<double>(tally.pages()), 0.995 * kPages);
  EXPECT_LT(tally.bytes(), 300'000u);
  Writer out;
  tally.save(out);
  ExperimentTally again(of);
  Reader in(out.bytes());
  ASSERT_TRUE(again.load(in).ok());
  EXPECT_TRUE(in.done());
  EXPECT_FALSE(again.page(mix64(kPages - 1)));
  EXPECT_TRUE(again.page(mix64(kPages)));
}

}  // namespace
}  // namespace freshet
