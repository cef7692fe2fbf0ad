#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numeric>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "rank/gauss_weights.h"
#include "rank/memory.h"
#include "rank/objective.h"
#include "rank/ranker.h"
#include "rank/testing/rank_shop.h"

namespace freshet {
namespace {

TEST(RankFeatures, WhatAnImpressionBearsOfScoresIsReadBack) {
  std::string text;
  append_base(-3.14159f, text);
  append_base(std::nanf(""), text);
  append_base(100, text);
  append_base(-100, text);
  EXPECT_EQ(text.size(), 8u);
  EXPECT_EQ(read_base(text, 0), round_base(-3.14159f));
  EXPECT_NEAR(read_base(text, 0), -3.14159f, 1.0f / 256);
  EXPECT_TRUE(std::isnan(read_base(text, 1)));
  EXPECT_EQ(read_base(text, 2), 16 - 1.0f / 128);
  EXPECT_EQ(read_base(text, 3), -16);
  EXPECT_TRUE(std::isnan(read_base(text, 4)));
  EXPECT_TRUE(std::isnan(read_base("ä", 0)));
}

GaussWeights::Config small_weights() {
  GaussWeights::Config config;
  config.bits = 10;
  for (size_t g = 0; g < kRankGroups; ++g) config.prior[g] = 0.05f + 0.02f * static_cast<float>(g);
  return config;
}

TEST(GaussWeights, LearnAsTheFormulasSayInDoubles) {
  const GaussWeights::Config config = small_weights();
  GaussWeights weights(config);
  std::map<uint32_t, std::pair<double, double>> twin;  // cell -> mean and variance, of head 1
  Draw draw(3);
  for (int n = 0; n < 3000; ++n) {
    RankRow row;
    for (int i = 0; i < 6; ++i)  // Cells of one feature each, so that no two groups share one.
      row.add(static_cast<RankFeature>(7 * i), static_cast<uint64_t>(i) + 16 * draw.below(8), weights.mask());
    const float label = draw.uniform() < 0.3 ? 1 : 0, weight = draw.below(2) != 0 ? 1.0f : 0.4f;
    double logit = -1, variance = 0;
    for (const uint32_t cell : row.all()) {
      const auto prior = static_cast<double>(config.prior[static_cast<size_t>(group_of(cell))]);
      const auto& [mean, s] = twin.try_emplace(cell, 0, prior).first->second;
      logit += mean;
      variance += s;
    }
    const float taken = label > 0 && draw.below(2) != 0 ? 0.5f * weight : 0.0f;
    EXPECT_NEAR(weights.learn(row.all(), 1, -1, label, weight, taken), logit, 1e-3);
    const double p = 1 / (1 + std::exp(-logit));
    const double h = static_cast<double>(config.caution * weight) * p * (1 - p),
                 down = 1 / (1 + h * variance);
    const double force =
        static_cast<double>(weight) * (static_cast<double>(label) - p) + static_cast<double>(taken) * p;
    for (const uint32_t cell : row.all()) {
      const auto prior = static_cast<double>(config.prior[static_cast<size_t>(group_of(cell))]);
      auto& [mean, s] = twin.at(cell);
      mean += s * force * down;
      const double told = taken > 0 ? 0.5 : 1;
      s = std::min(prior, s - s * s * h * down * told + static_cast<double>(config.drift) * prior);
    }
  }
  GaussWeights::Sums sums, served;
  for (const auto& [cell, weight] : twin) {
    const auto group = static_cast<size_t>(group_of(cell));
    weights.sum({&cell, 1}, 1, ~0u, sums, RankCopy::kTrained);
    EXPECT_NEAR(sums.mean[group], weight.first, 1e-3);
    EXPECT_NEAR(sums.variance, weight.second, 1e-4);
    weights.sum({&cell, 1}, 1, ~0u, served);
    EXPECT_NEAR(served.mean[group], sums.mean[group], 0.5 / 4096) << "half a step";
    EXPECT_NEAR(served.variance, sums.variance, 0.125 * static_cast<double>(sums.variance));
    weights.sum({&cell, 1}, 0, ~0u, sums);
    EXPECT_EQ(sums.mean[group], 0) << "another head";
  }
  GaussWeights copy(config);
  const std::string bytes = saved(weights);
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in).ok());
  EXPECT_EQ(saved(copy), bytes);
  Reader cut(std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_FALSE(copy.load(cut).ok());
}

// The difference of two rows as one row whose second half has the sign -1.
TEST(GaussWeights, LearnPairsAsTheDifferenceOfTwoRows) {
  const GaussWeights::Config config = small_weights();
  GaussWeights weights(config);
  std::map<uint32_t, std::pair<double, double>> twin;
  Draw draw(5);
  for (int n = 0; n < 2000; ++n) {
    RankRow rows[2];
    for (RankRow& row : rows) {
      for (int i = 0; i < 6; ++i)
        row.add(static_cast<RankFeature>(7 * i), static_cast<uint64_t>(i) + 16 * draw.below(4),
                weights.mask());
      std::sort(row.cells.begin(), row.cells.begin() + row.count);
    }
    std::map<uint32_t, double> sign;
    for (const uint32_t cell : rows[0].all()) sign[cell] += 1;
    for (const uint32_t cell : rows[1].all()) sign[cell] -= 1;
    double logit = 0, variance = 0;
    for (const auto& [cell, x] : sign) {
      const auto prior = static_cast<double>(config.prior[static_cast<size_t>(group_of(cell))]);
      const auto& [mean, s] = twin.try_emplace(cell, 0, prior).first->second;
      logit += x * mean;
      variance += x * x * s;
    }
    EXPECT_NEAR(weights.learn_pair(rows[0].all(), rows[1].all(), 0, 0.25f), logit, 1e-3);
    const double p = 1 / (1 + std::exp(-logit)), h = static_cast<double>(config.caution) * 0.25 * p * (1 - p);
    const double down = 1 / (1 + h * variance);
    for (const auto& [cell, x] : sign) {
      if (x == 0) continue;
      const auto prior = static_cast<double>(config.prior[static_cast<size_t>(group_of(cell))]);
      auto& [mean, s] = twin.at(cell);
      mean += x * s * 0.25 * (1 - p) * down;
      s = std::min(prior, s - s * s * h * down + static_cast<double>(config.drift) * prior);
    }
  }
  const uint32_t one = twin.begin()->first;
  GaussWeights::Sums sums;
  weights.sum({&one, 1}, 0, ~0u, sums, RankCopy::kTrained);
  EXPECT_NEAR(sums.mean[static_cast<size_t>(group_of(one))], twin.begin()->second.first, 1e-3);
}

TEST(GaussWeights, AreServedWhenTheyArePublishedAndGoBack) {
  GaussWeights weights(small_weights());
  weights.set_direct(false);
  RankRow row;
  row.add(RankFeature::kItem, 5, weights.mask());
  row.add(RankFeature::kTasteFacet, 6, weights.mask());
  const auto mean = [&](RankCopy copy) {
    GaussWeights::Sums sums;
    weights.sum(row.all(), 0, 0, sums, copy);
    return sums.mean[static_cast<size_t>(RankGroup::kItem)];
  };
  const auto learn = [&](float label) {
    for (int n = 0; n < 20; ++n) weights.learn(row.all(), 0, 0, label, 1);
  };
  learn(1);
  EXPECT_GT(mean(RankCopy::kTrained), 0.05f);
  EXPECT_EQ(mean(RankCopy::kLive), 0);
  weights.freeze();
  EXPECT_NEAR(mean(RankCopy::kCandidate), mean(RankCopy::kTrained), 0.5 / 4096);
  EXPECT_EQ(mean(RankCopy::kLive), 0);
  weights.publish();
  weights.good_moves();
  const float good = mean(RankCopy::kLive);
  learn(0);
  weights.freeze();
  weights.publish();
  EXPECT_LT(mean(RankCopy::kLive), good - 0.05f);
  EXPECT_EQ(mean(RankCopy::kGood), good);
  weights.roll_back();
  EXPECT_EQ(mean(RankCopy::kLive), good);
  EXPECT_LT(mean(RankCopy::kTrained), good - 0.05f);
  weights.go_back();
  EXPECT_EQ(mean(RankCopy::kTrained), good);
}

TEST(RankMemory, CountsFadeAndGiveWay) {
  RankMemory memory(4, 24);
  memory.add(1, 3, 1, 0);
  EXPECT_EQ(memory.read(1, 0).a, 3);
  EXPECT_NEAR(memory.read(1, kDayMs).a, 1.5f, 1e-4);
  memory.add(1, 1, 0, kDayMs);
  EXPECT_NEAR(memory.read(1, kDayMs).a, 2.5f, 1e-4);
  EXPECT_EQ(memory.read(2, 0).a, 0);
  const std::string before = saved(memory);
  RankMemory copy(4, 24);
  Reader in(before);
  ASSERT_TRUE(copy.load(in).ok());
  EXPECT_EQ(saved(copy), before);
  for (uint64_t key = 2; key < 200; ++key) memory.add(mix64(key), 1, 1, 2 * kDayMs);
  EXPECT_EQ(memory.bytes(), 16u * 16);
  EXPECT_EQ(memory.read(mix64(199), 2 * kDayMs).a, 1) << "the newest has its place";
}

TEST(Ranker, LiftsWhatThisShopperAnswersTo) {
  RankShop shop;
  for (const RankVerdict& one : shop.ask("u1")) EXPECT_EQ(one.lift, 0) << "it knows nothing";
  for (int n = 0; n < 1500; ++n) shop.visit(n, true);
  for (const int shopper : {0, 1, 2}) {
    const std::vector<RankVerdict> verdicts = shop.ask("u" + std::to_string(shopper));
    double liked = 0, other = 0;
    for (int i = 0; i < RankShop::kItems; ++i)
      (i % 3 == shopper ? liked : other) += verdicts[i].lift / (i % 3 == shopper ? 10 : 20);
    EXPECT_GT(liked, other + 1) << shopper;
    for (const RankVerdict& one : verdicts) EXPECT_GT(one.deviation, 0);
  }
  for (const RankVerdict& one : shop.ask("u1", RankKind::kRelated)) EXPECT_EQ(one.lift, 0) << "not shown yet";
}

TEST(Ranker, WhatIsShownIsAZeroAtOnceAndAClickTakesItBack) {
  for (const RankKind kind : {RankKind::kSearch, RankKind::kForYou}) {
    SCOPED_TRACE(rank_kind_name(kind));
    RankShop shop;
    Event open;  // Of lists it is so where many pages wait for answers.
    open.type = EventType::kImpression;
    open.surface = "for-you";
    open.shown.push_back({RankShop::id(9), 1.0f});
    for (int n = 0; n < 100; ++n) {
      open.user = "other" + std::to_string(n);
      shop.apply(open);
    }
    EXPECT_EQ(shop.ranker().parameters().examples, 0u);
    struct Told {
      int zeros = 0, ones = 0;
      double force = 0;  // Of clicks, at p = 1/2.
    };
    Told told;
    shop.ranker().on_lesson([&](const RankLesson& lesson) {
      if (told.ones > 0) return;
      ++(lesson.label > 0 ? told.ones : told.zeros);
      if (lesson.head == 0)
        told.force += static_cast<double>(lesson.weight * (lesson.label - 0.5f) + lesson.taken * 0.5f);
    });
    Event page;
    page.type = EventType::kImpression;
    page.user = "u1";
    page.query = kind == RankKind::kSearch ? "lamp" : "";
    page.query_id = "q";
    page.surface = kind == RankKind::kSearch ? "search" : "for-you";
    for (int k = 0; k < 3; ++k) page.shown.push_back({RankShop::id(k), 1.0f});
    shop.apply(page);
    EXPECT_EQ(told.zeros, 3 * static_cast<int>(Ranker::kHeads));
    const double before = told.force;
    EXPECT_LT(before, 0);
    shop.click(page, RankShop::id(0));
    EXPECT_EQ(told.ones, 1);
    EXPECT_NEAR(told.force, before + 1, 1e-3) << "the zero of the first place is taken back";
    const Ranker::Kind& shown = shop.ranker().parameters().kinds[static_cast<size_t>(kind)];
    EXPECT_GT(shown.plain_loss, 0);
    EXPECT_EQ(shown.full_loss, shown.plain_loss) << "nothing was known when it was shown, whatever its own "
                                                    "zero has taught";
    const uint64_t examples = shop.ranker().parameters().examples;
    shop.pass(2 * kHourMs);  // The window passes: zeros of the pages before come, none of this one.
    Event later;
    later.type = EventType::kView;
    later.item = RankShop::id(5);
    later.user = "u2";
    for (int n = 0; n < 20; ++n) shop.apply(later);
    EXPECT_EQ(shop.ranker().parameters().examples, examples + 100 * Ranker::kHeads);
  }
}

// The gate asks who foretold the click of a page: what is bought without one, days later, is none.
TEST(Ranker, APurchaseDaysLaterJudgesNoPage) {
  RankShop shop;
  Event page;
  page.type = EventType::kImpression;
  page.user = "u1";
  page.query_id = "q";
  page.surface = "for-you";
  for (int k = 0; k < 3; ++k) page.shown.push_back({RankShop::id(k), 1.0f});
  const auto clicks = [&] {
    const EpochGuard guard;
    return shop.ranker().parameters().kinds[static_cast<size_t>(RankKind::kForYou)].clicks;
  };
  const auto act = [&](EventType type, int k) {
    Event event;
    event.type = type;
    event.user = "u1";
    event.query_id = "q";
    event.item = RankShop::id(k);
    shop.apply(event);
  };
  shop.apply(page);
  act(EventType::kAddToCart, 0);
  EXPECT_EQ(clicks(), 1u) << "it was clicked there";
  shop.pass(2 * kHourMs);
  act(EventType::kPurchase, 1);
  EXPECT_EQ(clicks(), 1u);
}

TEST(Ranker, IsNotHeardWhereItDoesNotOrderBetter) {
  RankShop shop;
  for (int n = 0; n < 800; ++n) shop.visit(n, false);
  const EpochGuard guard;
  EXPECT_FALSE(shop.ranker().parameters().kinds[static_cast<size_t>(RankKind::kForYou)].voices.heard);
}

// Where nearly all of a colour is clicked, logits go far beyond what rates can follow.
TEST(Ranker, PartsAddUpToTheLift) {
  for (const RankLearner learner : {RankLearner::kEnsemble, RankLearner::kLinear, RankLearner::kDeep}) {
    SCOPED_TRACE(rank_learner_name(learner));
    RankShop shop;
    shop.ranker().choose(learner);
    for (int n = 0; n < 1500; ++n) shop.visit(n, true);
    for (const RankHeard heard : {RankHeard::kAll, RankHeard::kShopper})
      for (const RankObjective& objective : {RankObjective{}, RankObjective{.click = 0.1, .purchase = 1}}) {
        double most = 0;
        for (const RankVerdict& one : shop.ask("u1", RankKind::kForYou, heard, objective)) {
          EXPECT_NEAR(std::accumulate(one.parts.begin(), one.parts.end(), 0.0), one.lift, 2e-3);
          most = std::max(most, std::abs(one.lift));
        }
        EXPECT_GT(most, heard == RankHeard::kShopper && learner == RankLearner::kDeep ? 0 : 1);
      }
  }
}

TEST(Ranker, LearnersCanBeAskedAloneAndTogether) {
  for (const RankLearner learner : {RankLearner::kEnsemble, RankLearner::kLinear, RankLearner::kDeep}) {
    SCOPED_TRACE(rank_learner_name(learner));
    RankShop shop;
    shop.ranker().choose(learner);
    for (int n = 0; n < 1500; ++n) shop.visit(n, true);
    const std::vector<RankVerdict> verdicts = shop.ask("u1");
    double liked = 0, other = 0, deep = 0, linear = 0;
    for (int i = 0; i < RankShop::kItems; ++i) {
      const RankVerdict& one = verdicts[static_cast<size_t>(i)];
      (i % 3 == 1 ? liked : other) += one.lift / (i % 3 == 1 ? 10 : 20);
      deep += std::abs(one.parts[kDeepPart]);
      linear += std::abs(one.parts[static_cast<size_t>(RankGroup::kTaste)]);
    }
    EXPECT_GT(liked, other + 1);
    EXPECT_EQ(deep > 0, learner != RankLearner::kLinear);
    EXPECT_EQ(linear > 0, learner != RankLearner::kDeep);
    EXPECT_GT(shop.quality(), 0.9);
  }
}

Event scenario(const RankShop& shop, TimeMs days) {
  Event event;
  event.type = EventType::kContext;
  event.name = "scenario";
  event.value = "clearance";
  event.until_ms = shop.now() + days * kDayMs;
  return event;
}

// On usual days shoppers like their colour, in a clearance whatever is of category c1.
TEST(Ranker, AScenarioHasAnAdjustmentOfItsOwn) {
  RankShop shop;
  const auto usual = [](int shopper, int item) { return item % 3 == shopper % 3; };
  const auto clearance = [](int, int item) { return item % 2 == 1; };
  const auto lift_of_c1 = [&] {  // Of another colour than the shopper's
    double lift = 0;
    const std::vector<RankVerdict> verdicts = shop.ask("u0");
    for (int i = 0; i < RankShop::kItems; ++i)
      if (i % 3 != 0) lift += (i % 2 == 1 ? 0.1 : -0.1) * verdicts[static_cast<size_t>(i)].lift;
    return lift;
  };
  int n = 0;
  for (; n < 1200; ++n) shop.visit_by(n, usual);
  const double before = lift_of_c1();
  shop.apply(scenario(shop, 60));
  for (; n < 2400; ++n) shop.visit_by(n, clearance);
  EXPECT_GT(lift_of_c1(), before + 1);
  shop.pass(61 * kDayMs);
  for (; n < 3000; ++n) shop.visit_by(n, usual);
  const double after = lift_of_c1();
  shop.apply(scenario(shop, 60));
  EXPECT_GT(lift_of_c1(), after + 0.5) << "it knows how it was the last time";
}

TEST(ScenarioGate, ListensToWhatIsBetter) {
  ScenarioGate gate;
  EXPECT_EQ(gate.share(0), 1);
  EXPECT_EQ(gate.share(7), 0.5);
  for (int i = 0; i < 200; ++i) {
    gate.learn(7, 0.4, 0.5);
    gate.learn(8, 0.5, 0.4);
    gate.learn(0, 9, 0);
  }
  EXPECT_GT(gate.share(7), 0.99);
  EXPECT_LT(gate.share(8), 0.01);
  for (int i = 0; i < 200; ++i) gate.learn(7, 0.5, 0.4);
  EXPECT_LT(gate.share(7), 0.01) << "a share that is fixed lets it change its mind";
  Writer out;
  gate.save(out);
  const std::string bytes = out.take();
  ScenarioGate copy;
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in));
  EXPECT_EQ(copy.share(8), gate.share(8));
  Reader cut(std::string_view(bytes).substr(0, bytes.size() - 3));
  EXPECT_FALSE(copy.load(cut));
}

TEST(Ranker, FeaturesAreKeptInAndOutBySettings) {
  RankShop shop;
  SearchSettings settings;
  settings.ranker.drop = {"taste-value", "visit-alike"};
  shop.apply(stage_event(settings, "", ""));
  shop.apply(settings_event("publish", "1", ""));
  for (int n = 0; n < 100; ++n) shop.visit(n, true);
  const EpochGuard guard;
  const Ranker::Parameters& now = shop.ranker().parameters();
  for (const std::string_view name : {"taste-value", "visit-alike", "item"}) {
    const auto feature = static_cast<size_t>(*find_rank_feature(name));
    EXPECT_EQ(now.active >> feature & 1, name == "item" ? 1 : 0) << name;
  }
  EXPECT_FALSE(find_rank_feature("no such").has_value());
}

TEST(Ranker, IsTheSameAfterARestart) {
  RankShop whole;
  for (int n = 0; n < 120; ++n) whole.visit(n, true);
  const std::string bytes = saved(whole.ranker());
  RankShop copy;
  for (int n = 0; n < 60; ++n) copy.visit(n, true);
  copy.load(saved(copy.ranker()));
  for (int n = 60; n < 120; ++n) copy.visit(n, true);
  EXPECT_EQ(saved(copy.ranker()), bytes);
  RankShop other;
  for (size_t cut = 0; cut < bytes.size(); cut += 997) {
    Reader in(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(other.ranker().load(in).ok()) << cut;
  }
}

// Version 5 has one byte for no challenger, not three; version 4, besides, 8 bytes fewer in front of the
// notes; there are none when everything is too old.
TEST(Ranker, ReadsTheVersionsBefore) {
  RankShop shop;
  for (int n = 0; n < 60; ++n) shop.visit(n, true);
  shop.pass(8 * kDayMs);
  Event view;
  view.type = EventType::kView;
  view.user = "u1";
  view.item = RankShop::id(1);
  for (int n = 0; n < 80; ++n) shop.apply(view);  // Impressions are given up one with an event.
  const std::string bytes = saved(shop.ranker());
  shop.ranker().challenge({{.name = "one"}});
  const std::string with_one = saved(shop.ranker());
  const auto challengers =
      static_cast<size_t>(std::mismatch(bytes.begin(), bytes.end(), with_one.begin()).first - bytes.begin());
  std::string old = bytes;
  Writer publication;
  shop.ranker().publication().save(publication);
  // Poor answers were tested by betting, and the running rate's loss was not known.
  constexpr size_t kBeforeGate = 36, kBetting = 33, kDetector = 32, kNumbers = 6 * sizeof(uint64_t),
                   kRates = 16;
  const size_t poor = old.find(publication.bytes()) + kBeforeGate + 3 * kBetting;
  ASSERT_LT(poor, old.size());
  const size_t rates = poor + 2 * kDetector + 2 * kBetting + 2 * kNumbers;
  // Nor were candidates counted that were left undecided: the last but the notes.
  constexpr size_t kDiscarded = 8, kNoNotes = 1;
  ASSERT_TRUE(shop.ranker().publication().report().notes.empty());
  old.erase(old.find(publication.bytes()) + publication.bytes().size() - kNoNotes - kDiscarded, kDiscarded);
  std::string nine = old;
  nine[0] = 9;
  RankShop last;
  last.load(nine);
  EXPECT_TRUE(saved(last.ranker()) == bytes);
  std::string now = bytes;
  std::fill_n(now.begin() + static_cast<ptrdiff_t>(rates), kRates, '\0');
  old.erase(rates, kRates);
  old.replace(poor, 2 * kDetector, std::string(2 * kBetting, '\0'));
  const size_t section = challengers - 1 - kRates + 2 * (kBetting - kDetector) - kDiscarded;
  old.resize(old.size() - 2);               // Of counts in doubt; there are none.
  constexpr size_t kTail = 17, kKind = 33;  // Numbers of notes; before them, of each kind of page.
  for (const char version : {8, 7, 6, 5, 4}) {
    old[0] = version;
    for (size_t kind = 0; version == 7 && kind < kRankKinds; ++kind)  // Whether anybody is heard there.
      old.erase(old.size() - kTail - kind * (kKind - 1) - 1, 1);
    if (version == 6) old.erase(section, 1);  // What is heard in searches.
    if (version == 5) old.erase(section, 2);
    if (version == 4) old.erase(old.size() - 17, 8);
    RankShop other;
    other.load(old);
    EXPECT_TRUE(saved(other.ranker()) == now) << int{version};
  }
  std::string next = bytes;
  next[0] = 11;
  Reader in(next);
  const Status refused = RankShop().ranker().load(in);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("section of version 11, this program reads 4 to 10"),
            std::string::npos);
}

TEST(Ranker, KeepsNoMoreOfImpressionsThanItMay) {
  RankShop shop({.weight_bits = 12, .deep_bits = 10, .memory_bits = 8, .notes_bytes_max = 40'000});
  shop.ranker().choose(RankLearner::kLinear);
  for (int n = 0; n < 100; ++n) shop.visit(n, true);
  EXPECT_LT(shop.ranker().bytes(), 40'000u + (49u << 12) + 200'000u + 2 * (16u << 8));
  EXPECT_GT(shop.ranker().bytes(), 10'000u + (48u << 12));
  EXPECT_GT(shop.ranker().notes_lost(), 10u);
  EXPECT_LT(shop.ranker().notes_lost(), 100u);
  RankShop roomy;
  for (int n = 0; n < 100; ++n) roomy.visit(n, true);
  EXPECT_EQ(roomy.ranker().notes_lost(), 0u);
}

// A base that is never known, for very long, must not let the first ones that come move the model anywhere.
TEST(PlainModel, DoesNotWindUpWhereNothingIsLearned) {
  PlainModel model({-2.5 + 5 * 0.5, 0.5, -0.7}, {1.5, 0.25, 0.4});
  Draw draw(5);
  for (int i = 0; i < 3'000'000; ++i)
    model.learn(PlainModel::row(std::nan(""), -5, 0), draw.uniform() < 0.05 ? 1 : 0, 1);
  for (int i = 0; i < 300; ++i) {
    const double base = -6 + 4 * draw.uniform(), p = 1 / (1 + std::exp(0.5 - 0.5 * base));
    model.learn(PlainModel::row(base, -5, 0), draw.uniform() < p ? 1 : 0, 1);
    ASSERT_LT(std::fabs(model.slope()), 2) << i;
  }
}

}  // namespace
}  // namespace freshet
