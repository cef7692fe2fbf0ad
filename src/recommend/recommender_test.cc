// The front of the recommenders: what they learn, that they learn it the same way everywhere, and what they
// refuse.
#include "recommend/recommender.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

class PlainFacts final : public ItemFacts {
 public:
  explicit PlainFacts(uint32_t n) : slots_(n) {}
  uint32_t slots() const override { return slots_; }
  std::span<const uint32_t> facets(ItemSlot) const override { return {}; }
  uint64_t key(ItemSlot item) const override { return item; }

 private:
  uint32_t slots_;
};

// A small shop: shoppers walk along one of ten paths of items, some steps go anywhere.
class Shop {
 public:
  explicit Shop(uint64_t seed) : seed_(seed) {}
  // Learns events [from, to) of the endless stream.
  void feed(Recommender& recommender, uint64_t from, uint64_t to) {
    for (uint64_t n = from; n < to; ++n) {
      Draw draw(mix64(seed_, n));
      const uint64_t shopper = 1 + draw.below(40);
      std::vector<Step>& steps = history_[shopper];
      const uint32_t path = static_cast<uint32_t>(shopper % 10);
      Step step{.item = path * 10 + static_cast<uint32_t>(walked_[shopper]++ % 10),
                .time_ms = static_cast<TimeMs>(n) * 1000};
      if (draw.below(5) == 0) step.item = static_cast<uint32_t>(draw.below(100));
      if (draw.below(9) == 0) step.type = EventType::kPurchase;
      recommender.learn({step, {shopper, steps, steps.size() - std::min<size_t>(5, steps.size())}, mix64(n)});
      steps.push_back(step);
      if (steps.size() > 64) steps.erase(steps.begin());
    }
  }

 private:
  uint64_t seed_;
  std::map<uint64_t, std::vector<Step>> history_;
  std::map<uint64_t, uint64_t> walked_;
};

std::string saved(const Recommender& recommender) {
  Writer out;
  recommender.save(out);
  return out.take();
}

std::unique_ptr<Recommender> fresh(const ItemFacts& facts) {
  return std::move(Recommender::open(facts, {})).value();
}

TEST(Recommender, FollowsThePathOthersTook) {
  const PlainFacts facts(100);
  auto recommender = fresh(facts);
  Shop(1).feed(*recommender, 0, 6000);
  int right = 0;
  for (uint32_t item = 0; item < 100; ++item) {
    const std::vector<Step> steps = {{.item = item, .time_ms = 6'000'000}};
    const auto answer = recommender->recommend({.sequence = {999, steps, 0}, .now_ms = 6'001'000, .k = 3});
    const uint32_t next = item / 10 * 10 + (item + 1) % 10;
    for (const Recommended& r : answer) right += r.item == next;
  }
  EXPECT_GE(right, 85);
}

TEST(Recommender, StoppedAnywhereItGoesOnToTheSameBytes) {
  const PlainFacts facts(100);
  auto whole = fresh(facts);
  Shop(2).feed(*whole, 0, 3000);
  for (const uint64_t stop : {0ull, 1ull, 777ull, 2999ull}) {
    auto first = fresh(facts);
    Shop shop(2);
    shop.feed(*first, 0, stop);
    const std::string bytes = saved(*first);
    auto second = fresh(facts);
    Reader in(bytes);
    ASSERT_TRUE(second->load(in).ok());
    EXPECT_EQ(saved(*second), bytes) << stop;
    shop.feed(*second, stop, 3000);
    EXPECT_EQ(saved(*second), saved(*whole)) << stop;
  }
}

TEST(Recommender, AnswersOnlyWhatIsAllowed) {
  const PlainFacts facts(100);
  auto recommender = fresh(facts);
  Shop(3).feed(*recommender, 0, 3000);
  const std::vector<Step> steps = {{.item = 11}, {.item = 12}};
  const auto even = recommender->recommend(
      {.sequence = {999, steps, 0}, .k = 10, .allow_repeats = false, .allow = [](ItemSlot i) {
         return i % 2 == 0;
       }});
  EXPECT_EQ(even.size(), 10u);
  for (const Recommended& r : even) {
    EXPECT_EQ(r.item % 2, 0u);
    EXPECT_NE(r.item, 12u);
  }
}

TEST(Recommender, LoadReplacesWhatWasLearned) {
  const PlainFacts facts(100);
  auto one = fresh(facts), two = fresh(facts);
  Shop(5).feed(*one, 0, 1000);
  Shop(6).feed(*two, 0, 1500);
  const std::string bytes = saved(*one);
  Reader in(bytes);
  ASSERT_TRUE(two->load(in).ok());
  EXPECT_EQ(saved(*two), bytes);
  Shop later(7), again(7);
  later.feed(*one, 0, 300);
  again.feed(*two, 0, 300);
  EXPECT_EQ(saved(*two), saved(*one));
}

TEST(Recommender, EverySurfaceAnswersInItsOwnWay) {
  const PlainFacts facts(100);
  auto recommender = fresh(facts);
  Shop(8).feed(*recommender, 0, 4000);
  // Orders of {3, 57}: nobody looks at 57 after 3.
  for (uint64_t n = 0; n < 60; ++n) {
    std::vector<Step> steps = {
        {.item = 3, .type = EventType::kPurchase, .time_ms = 4'000'000, .order = n + 1}};
    recommender->learn({steps[0], {5000 + n, {}, 0}, mix64(n, 1)});
    Step second = steps[0];
    second.item = 57;
    recommender->learn({second, {5000 + n, steps, 0}, mix64(n, 2)});
  }
  const ItemSlot anchor = 3;
  const std::vector<Step> steps = {{.item = 20, .type = EventType::kPurchase, .time_ms = 1000},
                                   {.item = 41, .time_ms = 2000},
                                   {.item = 42, .time_ms = 3000}};
  const auto ask = [&](Surface surface, size_t k) {
    return recommender->recommend({.surface = surface,
                                   .sequence = {77, steps, 1},
                                   .anchors = {&anchor, 1},
                                   .now_ms = 4'100'000,
                                   .k = k});
  };
  EXPECT_EQ(ask(Surface::kBoughtTogether, 5)[0].item, 57u);
  EXPECT_EQ(ask(Surface::kBoughtTogether, 5)[0].reason.kind, RecommendReason::Kind::kWith);
  const auto related = ask(Surface::kRelated, 5);
  EXPECT_TRUE(std::any_of(related.begin(), related.end(), [](const auto& r) { return r.item == 4; }));
  const auto viewed = ask(Surface::kRecentlyViewed, 5);
  ASSERT_EQ(viewed.size(), 3u);
  EXPECT_EQ(viewed[0].item, 42u);
  const auto again = ask(Surface::kBuyAgain, 5);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].item, 20u);
  EXPECT_EQ(ask(Surface::kTrending, 5).size(), 5u);
  for (const Surface surface :
       {Surface::kForYou, Surface::kNext, Surface::kRelated, Surface::kBoughtTogether})
    EXPECT_EQ(ask(surface, 90).size(), 90u) << "filled up to k";
}

TEST(Recommender, PartsAddUpToTheScoreOnEverySurface) {
  const PlainFacts facts(400);  // More than have been seen: pages are filled up.
  auto recommender = fresh(facts);
  Shop(10).feed(*recommender, 0, 3000);
  const ItemSlot anchor = 3;
  const std::vector<Step> steps = {{.item = 20, .type = EventType::kPurchase, .time_ms = 1000},
                                   {.item = 41, .time_ms = 2000},
                                   {.item = 42, .time_ms = 3000}};
  for (const Surface surface : {Surface::kForYou, Surface::kNext, Surface::kRelated, Surface::kBoughtTogether,
                                Surface::kTrending, Surface::kRecentlyViewed, Surface::kBuyAgain}) {
    RecommendQuery query = {.surface = surface,
                            .sequence = {77, steps, 1},
                            .anchors = {&anchor, 1},
                            .now_ms = 4'100'000,
                            .k = 120};
    const auto plain = recommender->recommend(query);
    query.explain = true;
    const auto page = recommender->recommend(query);
    ASSERT_EQ(page.size(), plain.size());
    ASSERT_FALSE(page.empty());
    for (size_t i = 0; i < page.size(); ++i) {
      EXPECT_EQ(page[i].item, plain[i].item);
      EXPECT_TRUE(plain[i].parts.empty());
      EXPECT_NE(plain[i].reason.kind, RecommendReason::Kind::kNone) << int(surface) << " " << i;
      double sum = 0;
      for (const RecommendPart& part : page[i].parts) sum += part.value;
      EXPECT_EQ(sum, double{page[i].score}) << int(surface) << " " << i;
    }
  }
  // What the others take is no rest in which anything could hide: relative to what it scales, it is the same
  // for all, as the logarithm of the sum of a softmax is.
  const auto page = recommender->recommend(
      {.surface = Surface::kNext, .sequence = {77, steps, 1}, .now_ms = 4'100'000, .k = 20, .explain = true});
  std::vector<double> taken;
  double covisitation = 0;
  for (const Recommended& r : page) {
    const double p = double{r.score}, equal = r.parts.front().value;
    ASSERT_EQ(r.parts.front().part, "equal-share");
    ASSERT_EQ(r.parts.back().part, "competition");
    taken.push_back(r.parts.back().value * std::log(p / equal) / (p - equal));
    for (const RecommendPart& part : r.parts)
      if (part.part == "covisitation" && &r == &page.front()) covisitation += part.value;
  }
  for (const double t : taken) EXPECT_NEAR(t, taken[0], 1e-3 * std::abs(taken[0]));
  EXPECT_LT(taken[0], 0);
  EXPECT_GT(covisitation, 0.1 * double{page.front().score}) << "its path is what speaks for the first";
}

class FacetedFacts final : public ItemFacts {
 public:
  uint32_t slots() const override { return 30'000; }
  std::span<const uint32_t> facets(ItemSlot item) const override {
    facet_ = 1 + item;
    return {&facet_, 1};
  }
  uint64_t key(ItemSlot item) const override { return item; }

 private:
  mutable uint32_t facet_ = 0;  // One thread asks.
};

TEST(Recommender, StaysWithinItsMemoryWhenNothingRepeats) {
  const FacetedFacts facts;
  constexpr size_t kMax = 32 << 20;
  auto recommender = std::move(Recommender::open(facts, {.memory_bytes = kMax})).value();
  std::vector<Step> steps;
  size_t half = 0;
  for (uint32_t n = 0; n < facts.slots(); ++n) {
    if (n == facts.slots() / 2) half = recommender->bytes();
    // Long visits to items that all are new, each with a facet of its own; every second one is an order.
    const Step step{.item = n,
                    .type = n / 30 % 2 == 0 ? EventType::kView : EventType::kPurchase,
                    .time_ms = n * 1000,
                    .order = n / 30 % 2 == 0 ? 0 : n / 30};
    recommender->learn({step, {1 + n / 30, steps, 0}, mix64(n)});
    steps.push_back(step);
    if (n % 30 == 29) steps.clear();
  }
  EXPECT_LE(recommender->bytes(), kMax);
  EXPECT_GT(recommender->bytes(), half) << "nothing grew: this tells nothing";
  for (const SourceStats& source : recommender->stats()) EXPECT_LT(source.bytes, kMax / 2) << source.name;
}

TEST(Recommender, ForgetsTheEvicted) {
  const PlainFacts facts(100);
  auto recommender = fresh(facts);
  Shop(9).feed(*recommender, 0, 3000);
  const ItemSlot gone[] = {12};
  recommender->evict(gone);
  const std::vector<Step> steps = {{.item = 11, .time_ms = 1000}};
  const Inspection seen = recommender->inspect({.sequence = {1000, steps, 0}, .now_ms = 2000, .k = 50}, 12);
  for (const Inspection::View& view : seen.by_source) {
    if (&view == &seen.by_source.back()) continue;  // arrivals knows the catalogue, not what was learned
    EXPECT_EQ(std::count(view.items.begin(), view.items.end(), 12u), 0) << &view - seen.by_source.data();
  }
}

TEST(Recommender, RefusesWhatItDidNotSave) {
  const PlainFacts facts(100);
  auto recommender = fresh(facts);
  Shop(4).feed(*recommender, 0, 500);
  const std::string bytes = saved(*recommender);
  for (const size_t cut : {size_t{0}, size_t{5}, bytes.size() / 2, bytes.size() - 1}) {
    Reader in(std::string_view(bytes).substr(0, cut));
    auto other = fresh(facts);
    const Status status = other->load(in);
    ASSERT_FALSE(status.ok()) << cut;
    EXPECT_EQ(status.error().code, Code::kCorrupt);
  }
  EXPECT_FALSE(Recommender::open(facts, {.sources = {"oracle"}}).ok());
}

}  // namespace
}  // namespace freshet
