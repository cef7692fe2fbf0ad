#include "eval/rank_eval.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

RankEvalOptions small_game() {
  RankEvalOptions options;
  options.shop.items = 300;
  options.shop.shoppers = 60;
  options.shop.taste_days = 1;
  options.visits = 120;
  options.visits_per_day = 60;
  options.hours = 3;
  options.without = false;
  return options;
}

// What costs processor time is not the same twice.
std::string report_of(RankEvalReport report) {
  report.live_cpu_s = report.retrained_cpu_s = 1;
  return rank_report_json(report);
}

TEST(RankEval, EveryListIsWorthNoMoreThanTheBest) {
  const Result<RankEvalReport> report = evaluate_ranker(small_game());
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_GT(report->with.clicks, 0u);
  EXPECT_GT(report->hours, 0u);
  EXPECT_GT(report->lists, report->hours);
  ASSERT_EQ(report->by_hour.size(), report->hours);
  for (size_t arm = 0; arm < RankEvalReport::kArms; ++arm) {
    EXPECT_GT(report->clicks[arm], 0);
    EXPECT_LE(report->clicks[arm], report->best);
    for (const auto& hour : report->by_hour) EXPECT_LE(hour[arm], 1);
  }
  EXPECT_LE(report->closed_low, report->closed_high);
  const Result<RankEvalReport> again = evaluate_ranker(small_game());
  EXPECT_EQ(report_of(*report), report_of(*again));
}

TEST(RankEval, SearchesAreWorthNoMoreThanTheBestOfTheirCategory) {
  RankEvalOptions options = small_game();
  options.searches = true;
  options.without = true;
  const Result<RankEvalReport> report = evaluate_ranker(options);
  ASSERT_TRUE(report.ok()) << report.error().what;
  for (const simulate::Verdict& verdict : {report->with, report->without}) {
    EXPECT_EQ(verdict.search.lists, verdict.total.lists);
    EXPECT_EQ(verdict.for_you.lists + verdict.next.lists, 0u);
    EXPECT_GT(verdict.search.served, 2 * verdict.search.random) << "of what was searched for";
    EXPECT_LT(verdict.search.served, verdict.search.best);
    EXPECT_EQ(verdict.unknown_items, 0u);
  }
  EXPECT_GT(report->hours, 0u);
  for (size_t arm = 0; arm < RankEvalReport::kArms; ++arm) {
    EXPECT_GT(report->clicks[arm], 0);
    EXPECT_LT(report->clicks[arm], report->best);
  }
  const Result<RankPoisonReport> poison = evaluate_poison(options, {.from = 0.4, .to = 0.8, .points = 6});
  ASSERT_TRUE(poison.ok()) << poison.error().what;
  EXPECT_GT(poison->lasting.lists, 0u);
  for (const auto& point : poison->curve) EXPECT_LE(point.live, point.best);
}

TEST(RankEval, WhatIsPoisonedAreClicksOnListsWhileItLasts) {
  RankEvalOptions options = small_game();
  const RankPoison poison{.from = 0.4, .to = 0.8, .points = 6};
  const Result<RankPoisonReport> report = evaluate_poison(options, poison);
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_NEAR(report->days, 0.4 * 2, 1e-6);
  EXPECT_GT(report->acted_day, 0);
  EXPECT_LE(report->acted_day, report->days);
  ASSERT_EQ(report->curve.size(), poison.points);
  double before = 0;
  for (const auto& point : report->curve) {
    EXPECT_GT(point.day, before);
    before = point.day;
    EXPECT_GT(point.lists, 0u);
    for (const double clicks : {point.live, point.open, point.frozen}) {
      EXPECT_GT(clicks, 0);
      EXPECT_LE(clicks, point.best);
    }
  }
  EXPECT_GE(report->lasting.lists, report->before.lists);
  EXPECT_GT(report->clean_lasting.lists, 0u);
  EXPECT_NE(report->lasting.open, report->clean_lasting.open);

  // Nothing to replace: both games are the same one.
  const Result<RankPoisonReport> none = evaluate_poison(options, {.from = 0.4, .to = 0.4, .points = 6});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->lasting.lists, none->clean_lasting.lists);
  EXPECT_EQ(none->lasting.live, none->clean_lasting.live);
  const auto lists = [](const RankPoisonReport& one) {
    uint64_t sum = 0;
    for (const auto& point : one.curve) sum += point.lists;
    return sum;
  };
  EXPECT_GT(lists(*none), 0u);
}

// With a ranker whose weight is nothing, all rankers make the same lists.
TEST(RankEval, RankersThatSayNothingAreAllTheSame) {
  RankEvalOptions options = small_game();
  options.settings.weight = 0;
  const Result<RankPoisonReport> report = evaluate_poison(options, {.from = 0.5, .to = 0.7, .points = 3});
  ASSERT_TRUE(report.ok());
  for (const auto& point : report->curve) {
    EXPECT_DOUBLE_EQ(point.live, point.frozen);
    EXPECT_DOUBLE_EQ(point.open, point.frozen);
  }
  EXPECT_DOUBLE_EQ(report->lasting.live, 1);
}

}  // namespace
}  // namespace freshet
