#include "experiment/draft.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace freshet {
namespace {

using Ranking = std::vector<uint32_t>;

std::string shown(const Ranking& control, const Ranking& variant, size_t count, uint64_t key) {
  std::string out;
  for (const Drafted& one : draft(control, variant, count, Draw(key))) {
    const Ranking& from = one.team == Team::kVariant ? variant : control;
    out += std::to_string(from[one.place]) + team_letter(one.team) + " ";
  }
  return out;
}

TEST(Draft, EveryRoundPicksTheBestThatIsLeftOfEach) {
  std::map<std::string, int> pages;
  for (uint64_t key = 0; key < 4000; ++key) ++pages[shown({1, 2, 3, 4}, {3, 1, 5, 2}, 4, key)];
  // By hand: coins for two rounds.
  const char* const expected[] = {"1c 3v 2c 5v ", "1c 3v 5v 2c ", "3v 1c 5v 2c ", "3v 1c 2c 5v "};
  EXPECT_EQ(pages.size(), 4u);
  for (const char* page : expected) EXPECT_NEAR(pages[page], 1000, 120) << page;
}

TEST(Draft, WhatBothBeginWithIsOfNoTeam) {
  for (uint64_t key = 0; key < 20; ++key) {
    EXPECT_EQ(shown({1, 2, 3}, {1, 2, 3}, 3, key), "1- 2- 3- ");
    EXPECT_EQ(shown({1, 2, 3}, {1, 2, 4}, 4, key).substr(0, 6), "1- 2- ");
  }
}

TEST(Draft, ShortAndEmptyRankings) {
  EXPECT_EQ(shown({}, {}, 5, 1), "");
  EXPECT_EQ(shown({}, {7, 8}, 5, 1), "7v 8v ");
  EXPECT_EQ(shown({7, 8}, {}, 1, 1), "7c ");
  EXPECT_EQ(shown({1, 2}, {2, 1}, 0, 1), "");
}

TEST(Draft, ItemsComeOnceAndPagesContinueOneAnother) {
  Draw draw(9);
  for (int round = 0; round < 300; ++round) {
    Ranking control(30), variant;
    for (uint32_t i = 0; i < 30; ++i) control[i] = i;
    variant = control;
    for (int i = 0; i < 10; ++i) std::swap(variant[draw.below(30)], variant[draw.below(30)]);
    const uint64_t key = draw.next();
    const auto all = draft(control, variant, 30, Draw(key)), first = draft(control, variant, 10, Draw(key));
    EXPECT_TRUE(std::equal(first.begin(), first.end(), all.begin()));
    std::vector<uint32_t> items;
    for (const Drafted& one : all)
      items.push_back((one.team == Team::kVariant ? variant : control)[one.place]);
    std::sort(items.begin(), items.end());
    EXPECT_EQ(items, control);
  }
}

TEST(Draft, LettersComeBack) {
  for (const Team team : {Team::kNone, Team::kControl, Team::kVariant})
    EXPECT_EQ(team_of(team_letter(team)), team);
}

}  // namespace
}  // namespace freshet
