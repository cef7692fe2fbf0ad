// From scores to an order: diversity, the cap on categories, and what is tried out.
#include "rank/rerank.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "rank/objective.h"

namespace freshet {
namespace {

std::string order(const std::vector<RerankItem>& items) {
  std::string out;
  for (const RerankItem& item : items) out += (out.empty() ? "" : " ") + std::to_string(item.index);
  return out;
}

std::vector<RerankItem> six() {  // Categories a a a b b c
  std::vector<RerankItem> items;
  for (uint32_t i = 0; i < 6; ++i)
    items.push_back({.score = 6.0 - i, .deviation = 1, .category = i < 3 ? 1u : i < 5 ? 2u : 3u, .index = i});
  return items;
}

TEST(Rerank, DiversityAndCap) {
  struct Case {
    double diversity;
    uint32_t cap;
    size_t places;
    std::string want;
  };
  for (const Case& one : std::vector<Case>{{0, 0, 6, "0 1 2 3 4 5"},
                                           {0, 1, 3, "0 3 5 1 2 4"},
                                           {0, 2, 4, "0 1 3 4 2 5"},
                                           {0, 1, 6, "0 3 5 1 2 4"},
                                           {0.5, 0, 3, "0 3 1 2 4 5"},
                                           {1, 0, 3, "0 3 5 1 2 4"}}) {
    std::vector<RerankItem> items = six();
    rerank(items, {.places = one.places, .diversity = one.diversity, .category_cap = one.cap});
    EXPECT_EQ(order(items), one.want) << one.diversity << " " << one.cap << " " << one.places;
  }
}

TEST(Objective, LiftsOfRareAnswersStillOrder) {
  std::vector<RankVerdict> verdicts(4);
  const double lifts[] = {-12, -20, -14, -40};
  for (size_t i = 0; i < 4; ++i) verdicts[i].lift = lifts[i];
  const auto bounded = [&](double weight) {
    std::vector<std::pair<double, double>> out;  // What counts, and the share of its parts.
    for (const BoundedLift& one : bounded_lifts(verdicts, weight)) out.emplace_back(one.lift, one.share);
    return out;
  };
  using Lifts = std::vector<std::pair<double, double>>;
  EXPECT_EQ(bounded(1), (Lifts{{0, 1}, {-8, 1}, {-2, 1}, {-kLiftRange, kLiftRange / 28}}));
  EXPECT_EQ(bounded(0.5), (Lifts{{0, 1}, {-4, 1}, {-1, 1}, {-kLiftRange, kLiftRange / 14}}));
  EXPECT_TRUE(bounded_lifts({}, 1).empty());
}

TEST(Rerank, TrialsAreRareAndTheirPropensitiesAreTrue) {
  constexpr int kPages = 20'000;
  std::map<std::pair<size_t, uint32_t>, int> stood;  // (place, item) -> pages
  std::map<std::pair<size_t, uint32_t>, double> said;
  int trials = 0;
  for (int page = 1; page <= kPages; ++page) {
    std::vector<RerankItem> items = six();
    rerank(items, {.places = 3, .exploration = 0.3, .key = mix64(page)});
    for (size_t i = 0; i < 3; ++i) {
      ++stood[{i, items[i].index}];
      said[{i, items[i].index}] = static_cast<double>(items[i].propensity);
      trials += items[i].trial ? 1 : 0;
    }
    EXPECT_EQ(items[0].index, 0u);
  }
  EXPECT_NEAR(trials, 0.3 * kPages, 300);
  for (const auto& [where, count] : stood)
    EXPECT_NEAR(count / double{kPages}, said[where], 0.012) << where.first << " " << where.second;
  std::vector<RerankItem> items = six();
  rerank(items, {.places = 3, .exploration = 1, .key = 0});
  EXPECT_EQ(order(items), "0 1 2 3 4 5") << "nobody is shown this page";
}

size_t of_category(const std::vector<RerankItem>& items, size_t places, uint32_t category) {
  return static_cast<size_t>(
      std::count_if(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(places),
                    [category](const RerankItem& item) { return item.category == category; }));
}

TEST(Rerank, WhatIsTriedOutKeepsTheCapAndItsPropensitiesAreTrue) {
  constexpr int kPages = 20'000;
  std::map<std::pair<size_t, uint32_t>, int> stood;
  std::map<std::pair<size_t, uint32_t>, double> said;
  int trials = 0;
  for (int page = 1; page <= kPages; ++page) {
    std::vector<RerankItem> items = six();
    rerank(items, {.places = 4, .category_cap = 2, .exploration = 0.3, .key = mix64(page)});
    for (uint32_t category = 1; category <= 3; ++category)
      ASSERT_LE(of_category(items, 4, category), 2u) << order(items);
    for (size_t i = 0; i < 4; ++i) {
      ++stood[{i, items[i].index}];
      said[{i, items[i].index}] = static_cast<double>(items[i].propensity);
      trials += items[i].trial ? 1 : 0;
    }
  }
  EXPECT_NEAR(trials, 0.3 * kPages, 300);
  EXPECT_EQ(stood.count({1, 2}), 1u) << "one of its own category may give way";
  EXPECT_EQ(stood.count({2, 2}), 0u) << "it would be the third";
  for (const auto& [where, count] : stood)
    EXPECT_NEAR(count / double{kPages}, said[where], 0.012) << where.first << " " << where.second;
}

TEST(Rerank, WhereNobodyMayComeNothingIsTriedAndThatIsCertain) {
  for (uint64_t key = 1; key < 50; ++key) {
    std::vector<RerankItem> items = six();  // Shown: a b c; behind them a a b.
    rerank(items, {.places = 3, .category_cap = 1, .exploration = 1, .key = mix64(key)});
    ASSERT_EQ(items[2].index, 5u);
    EXPECT_EQ(items[2].propensity, 1) << "who could come in the place of c would be a second a or b";
    EXPECT_EQ(of_category(items, 3, 1), 1u);
    EXPECT_TRUE(items[1].trial ? items[1].index == 4 : items[1].propensity == 0.5f) << order(items);
  }
}

TEST(Rerank, WhatIsOnThePageBesidesCountsForTheCap) {
  std::vector<RerankItem> items = six();
  const std::vector<uint32_t> placed = {1, 1, 2};
  rerank(items, {.places = 3, .category_cap = 2, .placed = placed});
  EXPECT_EQ(order(items), "3 5 0 1 2 4");
}

TEST(Rerank, PagesHaveTheirOwnCapAndNobodyStandsOnTwo) {
  std::vector<RerankItem> items = six();
  const std::vector<uint32_t> ends = {2, 4, 6};
  rerank(items, {.places = 6, .ends = ends, .category_cap = 1});
  EXPECT_EQ(order(items), "0 3 1 4 2 5");
  items = six();
  rerank(items, {.places = 6, .category_cap = 1});
  EXPECT_EQ(order(items), "0 3 5 1 2 4");
}

// Each page is made by itself, with the coins of the list.
TEST(Rerank, TrialsMoveItemsBetweenPagesAndTheirPropensitiesAreTrue) {
  constexpr int kLists = 20'000;
  const std::vector<uint32_t> ends = {3, 6};
  for (const uint32_t cap : {0u, 2u}) {
    std::map<std::pair<size_t, uint32_t>, int> stood;
    std::map<std::pair<size_t, uint32_t>, double> said;
    int trials = 0;
    for (int list = 1; list <= kLists; ++list) {
      std::vector<RerankItem> items = six();
      rerank(items, {.places = 6, .ends = ends, .category_cap = cap, .exploration = 0.3, .key = mix64(list)});
      for (size_t i = 0; i < items.size(); ++i) {
        ++stood[{i, items[i].index}];
        said[{i, items[i].index}] = static_cast<double>(items[i].propensity);
        trials += items[i].trial ? 1 : 0;
      }
      for (const size_t from : {0u, 3u})
        for (uint32_t category = 1; cap > 0 && category <= 3; ++category)
          ASSERT_LE(std::count_if(items.begin() + static_cast<std::ptrdiff_t>(from),
                                  items.begin() + static_cast<std::ptrdiff_t>(from + 3),
                                  [&](const RerankItem& one) { return one.category == category; }),
                    2)
              << order(items);
    }
    EXPECT_NEAR(trials, 0.3 * kLists, 300);
    EXPECT_GT(stood.size(), 6u);
    for (const auto& [where, count] : stood)
      EXPECT_NEAR(count / double{kLists}, said[where], 0.012) << where.first << " " << where.second;
  }
}

}  // namespace
}  // namespace freshet
