#include "eval/click_eval.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "eval/click_ceiling.h"
#include "eval/click_rivals.h"

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

TEST(ClickRivals, ListsOfPlackettAndLuceAreSureTogether) {
  const std::vector<double> scores{1.5, -.5, .25, 0};
  double pairs = 0, whole = 0;
  std::vector<size_t> order(4);
  std::iota(order.begin(), order.end(), 0);
  do {
    whole += list_probability(scores, order);
    if (order[2] < order[3]) pairs += list_probability(scores, std::span(order).first(2));
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_NEAR(whole, 1, 1e-12);
  EXPECT_NEAR(pairs, 1, 1e-12);
  double sum = 0;
  for (const double one : scores) sum += std::exp(one);
  const size_t first[] = {2};
  EXPECT_NEAR(list_probability(scores, first), std::exp(.25) / sum, 1e-12);
}

const ClickRival& named(const std::vector<std::unique_ptr<ClickRival>>& rivals, std::string_view name) {
  return **std::find_if(rivals.begin(), rivals.end(), [&](const auto& one) { return one->name() == name; });
}

std::map<uint32_t, double> scores_of(const ClickRival& rival) {
  std::map<uint32_t, double> out;
  for (const RankedItem& one : rival.exploit(0, 100)) out[one.item] = one.score;
  return out;
}

// One click on the second of two shown of three: both move by the gradient of the preference, differentiated
// numerically, times how likely the list is with the two exchanged.
TEST(ClickRivals, DuelingStepsAlongTheGradient) {
  const ClickWindows windows{{{7, 4}, {8, 3.8}, {9, 3.5}}};
  const auto rivals = click_rivals(ClickWorld::kModerate, windows, {{0, 0, 0}});
  const ClickRival& dueling = named(rivals, "dueling");
  const std::map<uint32_t, double> before = scores_of(dueling);
  const size_t second[] = {1};
  const_cast<ClickRival&>(dueling).learn(0, std::vector<RankedItem>{{7, 0}, {8, 0}}, second);
  const std::map<uint32_t, double> after = scores_of(dueling);
  const std::vector<double> scores{before.at(7), before.at(8), before.at(9)};
  const size_t shown[] = {0, 1}, exchanged[] = {1, 0};
  const double as_shown = list_probability(scores, shown), other = list_probability(scores, exchanged);
  const auto preferred = [&](double step) { return 1 / (1 + std::exp(scores[0] - scores[1] - step)); };
  const double gradient = (preferred(1e-5) - preferred(-1e-5)) / 2e-5 * other / (as_shown + other);
  EXPECT_NEAR((after.at(8) - before.at(8)) / gradient, 3, 1e-3);  // The step that kStep states.
  EXPECT_NEAR(after.at(8) - before.at(8), before.at(7) - after.at(7), 1e-9);
  EXPECT_EQ(after.at(9), before.at(9));
}

// The first of a page is clicked twice as often as the tenth, which is looked at ten times more rarely.
TEST(ClickRivals, KnownLooksTellAnItemFromItsPlace) {
  ClickWindows windows(1);
  for (uint32_t i = 0; i < 12; ++i) windows[0].push_back({i, 100.0 - i});
  const auto rivals = click_rivals(ClickWorld::kModerate, windows, {std::vector<double>(12)});
  const std::vector<RankedItem> page(windows[0].begin(), windows[0].begin() + 10);
  const size_t first[] = {0}, tenth[] = {9};
  for (const auto& rival : rivals)
    for (int n = 0; n < 300; ++n)
      rival->learn(0, page,
                   n % 10 == 0   ? std::span<const size_t>(first)
                   : n % 20 == 1 ? std::span<const size_t>(tenth)
                                 : std::span<const size_t>());
  EXPECT_EQ(named(rivals, "naive").exploit(0, 1).front().item, 0U);
  EXPECT_EQ(named(rivals, "looks known").exploit(0, 1).front().item, 9U);
  EXPECT_EQ(named(rivals, "world known").exploit(0, 1).front().item, 9U);
}

// A shop of six queries; query q is answered by items of its own, in an order that does not learn.
struct StillShop {
  SearchData data;
  std::map<std::string, uint64_t> served;
  uint64_t clicks = 0;

  StillShop() {
    for (uint32_t q = 0; q < 6; ++q) {
      JudgedQuery& query = data.queries.emplace_back();
      query.id = query.text = "query " + std::to_string(q);
      for (uint32_t i = 0; i < 12; ++i)
        query.judged.push_back({q * 12 + i, i % 3 == 0 ? 1.0 : 0, i % 3 == 0 ? 1.0 : 0});
    }
    data.items.rows.resize(72);
  }

  ClickReport play(ClickEvalOptions options) {
    const auto list = [](const std::string& query, size_t k) {
      std::vector<RankedItem> out;
      const auto q = static_cast<uint32_t>(std::stoul(query.substr(6)));
      for (uint32_t i = 0; i < std::min<size_t>(k, 12); ++i) out.push_back({q * 12 + i, 12.0 - i});
      return out;
    };
    const ClickShop shop{
        .search = [&](const std::string& query, size_t k) -> Result<std::vector<RankedItem>> {
          return list(query, k);
        },
        .serve = [&](const std::string& query, const std::string&,
                     TimeMs) -> Result<std::vector<RankedItem>> {
          ++served[query];
          return list(query, 10);
        },
        .click = [&](uint32_t, TimeMs) { ++clicks; },
        .examination = [](uint32_t place) { return 1.0 / (place + 1); },
        .learned = [] { return std::string("nothing"); },
    };
    auto report = evaluate_clicks(data, options, shop);
    EXPECT_TRUE(report.ok());
    return *report;
  }
};

TEST(ClickEval, AStillShopGainsNothingAndItsRivalsDo) {
  StillShop shop;
  const ClickReport report = shop.play({.impressions = 300, .seen_share = 5.0 / 6});
  EXPECT_EQ(report.seen, 5U);
  EXPECT_EQ(report.pages, 1500U);
  EXPECT_EQ(report.clicks, shop.clicks);
  ASSERT_EQ(report.checkpoints.back().impressions, 300U);
  for (const ClickCheckpoint& point : report.checkpoints) {
    EXPECT_NEAR(point.exploit, 0, 1e-12);
    EXPECT_NEAR(point.served, 0, 1e-12);
    EXPECT_EQ(point.never_shown, 0);
    ASSERT_EQ(point.rivals.size(), report.rivals.size());
  }
  const ClickCheckpoint& last = report.checkpoints.back();
  EXPECT_GT(last.rivals[1].exploit, .1) << report.rivals[1];  // looks known
  EXPECT_GT(last.rivals[3].served, .1) << report.rivals[3];   // world known
  EXPECT_LT(report.propensity_error, .25);
  for (const auto& [query, times] : shop.served) EXPECT_EQ(times, 300U) << query;
  EXPECT_EQ(click_report_json(report), click_report_json(StillShop().play(report.options)));
  const std::string svg = click_report_svg(report);
  for (const std::string& name : report.rivals) EXPECT_NE(svg.find(name), std::string::npos) << name;
}

TEST(ClickEval, ZipfSearchesTheFirstOftenest) {
  StillShop shop;
  shop.play({.traffic = ClickTraffic::kZipf, .impressions = 300, .seen_share = 5.0 / 6});
  std::vector<double> times;
  for (const auto& [query, count] : shop.served) times.push_back(static_cast<double>(count));
  std::sort(times.rbegin(), times.rend());
  const double all = std::accumulate(times.begin(), times.end(), 0.0);
  EXPECT_EQ(all, 1500);
  const double harmonic = 1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4 + 1.0 / 5;
  for (size_t rank = 1; rank <= times.size(); ++rank)
    EXPECT_NEAR(times[rank - 1] / all, 1 / (static_cast<double>(rank) * harmonic), .03) << rank;
}

}  // namespace
}  // namespace freshet
