#include "eval/simulate_judge.h"

#include <map>

#include <gtest/gtest.h>

namespace freshet::simulate {
namespace {

Options small() {
  return {.seed = 11, .items = 600, .shoppers = 60, .days = 30, .taste_days = 0};
}

// Lists that need no learning: random items, or more of the category the shopper opened last.
class Simple : public Recommending {
 public:
  Simple(const Shop& shop, bool same_category) : shop_(shop), same_category_(same_category) {}
  Status send(const std::vector<Event>& events) override {
    for (const Event& event : events) {
      EXPECT_FALSE(event.id.empty());
      EXPECT_GE(event.time_ms, last_ms_);
      last_ms_ = event.time_ms;
      if (event.type == EventType::kClick) {
        EXPECT_EQ(event.query_id, "list-" + std::to_string(asked_));
      }
      seen_[event.user] = *Shop::item_number(event.item);
    }
    return {};
  }
  Result<List> recommend(const Question& question) override {
    List list{"list-" + std::to_string(++asked_), {}};
    const auto seen = seen_.find(question.user);
    for (size_t i = 0; i < question.k; ++i) {
      uint64_t item = mix64(asked_, i) % shop_.items().size();
      if (same_category_ && seen != seen_.end()) {
        const auto items = shop_.category_items(shop_.items()[seen->second].category);
        item = items[i % items.size()];
      }
      list.items.push_back(Shop::item_id(static_cast<uint32_t>(item)));
    }
    return list;
  }

 private:
  const Shop& shop_;
  const bool same_category_;
  std::map<std::string, uint32_t> seen_;
  uint64_t asked_ = 0;
  TimeMs last_ms_ = 0;
};

Verdict play(bool same_category, bool taste_change = false, uint64_t visits = 400) {
  Shop shop(small());
  Simple recommender(shop, same_category);
  const JudgeOptions options{.visits = visits, .visits_per_day = 100, .taste_change = taste_change};
  auto verdict = judge(shop, options, recommender);
  EXPECT_TRUE(verdict.ok());
  return std::move(verdict).value();
}

TEST(SimulateJudge, RandomListsScoreAsRandom) {
  const Verdict verdict = play(false);
  EXPECT_EQ(verdict.visits, 400u);
  EXPECT_EQ(verdict.unknown_items, 0u);
  EXPECT_NEAR(verdict.total.share(verdict.total.served), verdict.total.share(verdict.total.random), 0.01);
  EXPECT_EQ(verdict.total.lists, verdict.for_you.lists + verdict.next.lists);
  EXPECT_EQ(verdict.for_you.lists, 400u);
  EXPECT_EQ(verdict.curve.size(), 40u);
  // The clicks that came are the clicks that were to be expected.
  EXPECT_NEAR(static_cast<double>(verdict.clicks), verdict.total.served, 4 * std::sqrt(verdict.total.served));
}

TEST(SimulateJudge, ListsThatFollowTheVisitScoreHigher) {
  const Verdict random = play(false), following = play(true);
  EXPECT_GT(following.next.served, 3 * random.next.served);
  EXPECT_GT(following.next.share(following.next.served), following.for_you.share(following.for_you.served));
  EXPECT_NEAR(static_cast<double>(following.clicks), following.total.served,
              4 * std::sqrt(following.total.served));
}

TEST(SimulateJudge, TasteChangeIsFollowedForThoseItHappenedTo) {
  const Verdict verdict = play(true, true, 800);
  uint64_t since = 0;
  for (const Score& score : verdict.since) since += score.lists;
  EXPECT_GT(verdict.before.lists, 50u);
  EXPECT_GT(since, 100u);
  EXPECT_GT(verdict.others.lists, since) << "two thirds are not concerned";
  // This recommender knows nothing but the last item: nothing about it is worse once the visit has been going
  // on.
  EXPECT_GE(verdict.recovered_after, 1);
  EXPECT_LE(verdict.recovered_after, 8);
}

TEST(SimulateJudge, SameSeedSameVerdict) {
  const Verdict a = play(true), b = play(true);
  EXPECT_EQ(a.clicks, b.clicks);
  EXPECT_EQ(a.total.served, b.total.served);
  EXPECT_EQ(a.total.popular, b.total.popular);
}

TEST(SimulateJudge, ReportsAreWellFormed) {
  const Verdict verdict = play(true, true);
  EXPECT_NE(verdict_json(verdict).find("\"recovered_after_events\""), std::string::npos);
  EXPECT_NE(verdict_text(verdict).find("last quarter"), std::string::npos);
  EXPECT_EQ(verdict_svg(verdict).find("<svg"), verdict_svg(verdict).find('<'));
}

}  // namespace
}  // namespace freshet::simulate
