#include <cmath>
#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "rank/gauss_weights.h"
#include "rank/memory.h"
#include "rank/objective.h"
#include "rank/ranker.h"
#include "rank/rerank.h"

namespace freshet {
namespace {

std::string saved(const auto& what) {
  Writer out;
  what.save(out);
  return out.take();
}

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
    for (int i = 0; i < 6; ++i)  // Cells of one group each, so that no two groups share one.
      row.add(static_cast<RankGroup>(i), static_cast<uint64_t>(i) + 16 * draw.below(8), weights.mask());
    const float label = draw.uniform() < 0.3 ? 1 : 0, weight = draw.below(2) != 0 ? 1.0f : 0.4f;
    double logit = -1, variance = 0;
    for (const uint32_t cell : row.all()) {
      const auto prior = static_cast<double>(config.prior[static_cast<size_t>(group_of(cell))]);
      const auto& [mean, s] = twin.try_emplace(cell, 0, prior).first->second;
      logit += mean;
      variance += s;
    }
    EXPECT_NEAR(weights.learn(row.all(), 1, -1, label, weight), logit, 1e-3);
    const double p = 1 / (1 + std::exp(-logit));
    const double h = static_cast<double>(config.caution * weight) * p * (1 - p),
                 down = 1 / (1 + h * variance);
    for (const uint32_t cell : row.all()) {
      const auto prior = static_cast<double>(config.prior[static_cast<size_t>(group_of(cell))]);
      auto& [mean, s] = twin.at(cell);
      mean += s * static_cast<double>(weight) * (static_cast<double>(label) - p) * down;
      s = std::min(prior, s - s * s * h * down + static_cast<double>(config.drift) * prior);
    }
  }
  GaussWeights::Sums sums;
  for (const auto& [cell, weight] : twin) {
    weights.sum({&cell, 1}, 1, ~0u, sums);
    EXPECT_NEAR(sums.mean[static_cast<size_t>(group_of(cell))], weight.first, 1e-3);
    EXPECT_NEAR(sums.variance, weight.second, 1e-4);
    weights.sum({&cell, 1}, 0, ~0u, sums);
    EXPECT_EQ(sums.mean[static_cast<size_t>(group_of(cell))], 0) << "another head";
  }
  GaussWeights copy(config);
  const std::string bytes = saved(weights);
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in).ok());
  EXPECT_EQ(saved(copy), bytes);
  Reader cut(std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_FALSE(copy.load(cut).ok());
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

// A shop in memory: recommendations of ten items in a fixed order, and shoppers who like one colour each.
class Shop {
 public:
  static constexpr int kItems = 30, kShown = 10;
  explicit Shop(RankerConfig config = {.weight_bits = 14, .memory_bits = 10})
      : catalog_(moment_, {.items_max = 1000}),
        profiles_(moment_),
        joiner_(moment_, catalog_),
        clicks_(moment_, catalog_, joiner_, {.queries_max = 64, .pairs_max = 1024}),
        ranker_(moment_, catalog_, profiles_, joiner_, clicks_, config) {
    for (int i = 0; i < kItems; ++i) {
      Event event;
      event.type = EventType::kItemUpsert;
      event.item = id(i);
      event.attributes = {{"brand", "b" + std::to_string(i % 5)},
                          {"category", "c" + std::to_string(i % 2)},
                          {"color", colour(i)},
                          {"price", 10.0 + i}};
      apply(event);
    }
  }
  static std::string id(int i) { return "i" + std::to_string(i); }
  static std::string colour(int i) { return i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue"; }

  void apply(const Event& event) {
    moment_ = {.skip = false, .key = mix64(offset_, 5), .time_ms = now_, .now_ms = now_};
    for (Fold* fold : std::initializer_list<Fold*>{&catalog_, &joiner_, &clicks_, &ranker_, &profiles_})
      fold->apply(offset_, event);
    ++offset_;
  }
  // A page in the order of the base, and its click, if any: of a shopper who likes one colour, or does not
  // care.
  void visit(int n, bool cares) {
    now_ += 40 * 60 * 1000;  // The pages before are closed.
    Draw draw(mix64(n, 99));
    const auto shopper = static_cast<int>(draw.below(20));
    Event page;
    page.type = EventType::kImpression;
    page.user = "u" + std::to_string(shopper);
    page.query_id = "q" + std::to_string(n);
    page.surface = "for-you";
    std::string bases;
    std::vector<int> items;
    for (int k = 0; k < kShown; ++k) {
      items.push_back(static_cast<int>(draw.below(kItems)));
      page.shown.push_back({id(items.back()), 1.0f});
      append_base(-2 - 0.2f * static_cast<float>(k), bases);
    }
    page.attributes = {{"base", bases}};
    apply(page);
    now_ += 1000;
    for (int k = 0; k < kShown; ++k) {
      const bool likes = cares && items[k] % 3 == shopper % 3;
      if (draw.uniform() >= (likes ? 0.6 : 0.06) / (1 + 0.35 * k)) continue;
      Event click;
      click.type = EventType::kClick;
      click.user = page.user;
      click.query_id = page.query_id;
      click.item = id(items[k]);
      apply(click);
    }
  }
  std::vector<RankVerdict> ask(const std::string& user, RankKind kind = RankKind::kForYou) {
    const Sequence sequence = profiles_.sequence(profiles_.find(user));
    const EpochGuard guard;
    const RankQuery query(
        ranker_, {.kind = kind, .shopper = hash_bytes(user), .now_ms = now_, .steps = sequence.steps});
    std::vector<RankCandidate> candidates;
    for (int i = 0; i < kItems; ++i) candidates.push_back({.item = catalog_.find(id(i)), .base = -3});
    std::vector<RankVerdict> out;
    query.judge(candidates, {}, out);
    return out;
  }
  Ranker& ranker() { return ranker_; }
  std::string bytes() { return saved(joiner_) + saved(ranker_); }
  void load(const std::string& from) {
    Reader in(from);
    ASSERT_TRUE(ranker_.load(in).ok());
  }

 private:
  Moment moment_;
  Catalog catalog_;
  Profiles profiles_;
  Joiner joiner_;
  ClickModel clicks_;
  Ranker ranker_;
  Offset offset_ = 0;
  TimeMs now_ = 1'700'000'000'000;
};

TEST(Ranker, LiftsWhatThisShopperAnswersTo) {
  Shop shop;
  for (const RankVerdict& one : shop.ask("u1")) EXPECT_EQ(one.lift, 0) << "it knows nothing";
  for (int n = 0; n < 1500; ++n) shop.visit(n, true);
  for (const int shopper : {0, 1, 2}) {
    const std::vector<RankVerdict> verdicts = shop.ask("u" + std::to_string(shopper));
    double liked = 0, other = 0;
    for (int i = 0; i < Shop::kItems; ++i)
      (i % 3 == shopper ? liked : other) += verdicts[i].lift / (i % 3 == shopper ? 10 : 20);
    EXPECT_GT(liked, other + 1) << shopper;
    for (const RankVerdict& one : verdicts) EXPECT_GT(one.deviation, 0);
  }
  for (const RankVerdict& one : shop.ask("u1", RankKind::kRelated)) EXPECT_EQ(one.lift, 0) << "not shown yet";
}

TEST(Ranker, IsNotHeardWhereItDoesNotOrderBetter) {
  Shop shop;
  for (int n = 0; n < 800; ++n) shop.visit(n, false);
  const EpochGuard guard;
  EXPECT_FALSE(shop.ranker().parameters().kinds[static_cast<size_t>(RankKind::kForYou)].heard);
}

TEST(Ranker, IsTheSameAfterARestart) {
  Shop whole;
  for (int n = 0; n < 120; ++n) whole.visit(n, true);
  const std::string bytes = saved(whole.ranker());
  Shop copy;
  for (int n = 0; n < 60; ++n) copy.visit(n, true);
  copy.load(saved(copy.ranker()));
  for (int n = 60; n < 120; ++n) copy.visit(n, true);
  EXPECT_EQ(saved(copy.ranker()), bytes);
  Shop other;
  for (size_t cut = 0; cut < bytes.size(); cut += 997) {
    Reader in(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(other.ranker().load(in).ok()) << cut;
  }
}

TEST(Ranker, KeepsNoMoreOfImpressionsThanItMay) {
  Shop shop({.weight_bits = 12, .memory_bits = 8, .notes_bytes_max = 40'000});
  for (int n = 0; n < 100; ++n) shop.visit(n, true);
  EXPECT_LT(shop.ranker().bytes(), 40'000u + (32u << 12) + 2 * (16u << 8));
  EXPECT_GT(shop.ranker().bytes(), 10'000u + (32u << 12));
}

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

}  // namespace
}  // namespace freshet
