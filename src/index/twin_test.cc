// The fast search against its slow twin: equal hits, bit-equal scores, whatever was updated, removed and
// merged.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "base/hash.h"
#include "index/search_index.h"

namespace freshet {
namespace {

// A made-up shop: words drawn by a power law, so that some stand in half of the items and most in a few.
class Shop {
 public:
  Shop(uint64_t seed, uint32_t fields, uint32_t vocabulary)
      : draw_(seed), fields_(fields), vocabulary_(vocabulary) {}

  std::string word() {
    const double u = draw_.uniform();
    return "w" + std::to_string(static_cast<uint32_t>(u * u * u * vocabulary_));
  }
  void put(SearchIndex& index, uint32_t slot) {
    std::vector<std::vector<std::string>> texts(fields_);
    std::vector<std::vector<IndexToken>> tokens(fields_);
    std::vector<FieldText> fields;
    for (uint32_t f = 0; f < fields_; ++f) {
      if (f > 0 && draw_.below(4) == 0) continue;
      const uint64_t words = 1 + draw_.below(f == 0 ? 9 : 30 * f);
      for (uint64_t i = 0; i < words; ++i) texts[f].push_back(word());
      for (uint32_t i = 0; i < words; ++i) {
        tokens[f].push_back({texts[f][i], i});
        if (draw_.below(3) == 0) tokens[f].push_back({texts[f][(i + 1) % words], i});  // An alternative.
      }
      fields.push_back({f, tokens[f]});
    }
    ASSERT_TRUE(index.update(slot, fields).ok());
  }
  QueryPlan plan() {
    QueryPlan plan;
    const uint64_t clauses = 1 + draw_.below(4);
    for (uint64_t c = 0; c < clauses; ++c) {
      Clause clause;
      const uint64_t kind = draw_.below(10);
      clause.required = kind < 4;
      clause.excluded = kind == 9 && c > 0;
      clause.shared_df = draw_.below(2) == 0;
      clause.combine = draw_.below(3) == 0 ? Combine::kSaturatingSum : Combine::kBest;
      if (draw_.below(3) == 0) clause.weight = 0.7f;
      if (draw_.below(5) == 0) clause.fields = 1 + static_cast<uint32_t>(draw_.below(3));
      const uint64_t alternatives = draw_.below(2) == 0 ? 1 : 1 + draw_.below(6);
      for (uint64_t a = 0; a < alternatives; ++a) {
        Alternative alternative{{word()}, a == 0 ? 1.0f : 0.6f};
        if (draw_.below(8) == 0) alternative.terms.push_back(word());
        if (draw_.below(8) == 0) alternative.fields = static_cast<uint32_t>(draw_.below(8));
        clause.alternatives.push_back(alternative);
      }
      plan.clauses.push_back(clause);
    }
    plan.minimum_match = static_cast<uint32_t>(draw_.below(clauses + 1));
    if (draw_.below(3) == 0) {
      plan.proximity = 0.4f;
      plan.exact = 0.3f;
      plan.begins = 0.1f;
    }
    if (draw_.below(3) == 0) {
      plan.scoring.k1 = 0.6f;
      plan.scoring.weight[0] = 3;
      plan.scoring.weight[1] = draw_.below(2) == 0 ? 0.5f : 0;
      plan.scoring.b[2] = 0.2f;
    }
    return plan;
  }
  // As the query side makes them: a word said in many ways of unequal worth.
  QueryPlan typed_plan() {
    constexpr float kWeights[] = {1, 0.95f, 1.12f, 0.1f, 0.1f, 0.1f, 0.1f, 0.8f, 0.3f, 0.1f};
    QueryPlan plan;
    for (uint64_t clauses = 1 + draw_.below(3); plan.clauses.size() < clauses;) {
      Clause& clause = plan.clauses.emplace_back();
      clause.combine = Combine::kSaturatingSum;
      for (uint64_t n = 1 + draw_.below(std::size(kWeights)); clause.alternatives.size() < n;)
        clause.alternatives.push_back({{word()}, kWeights[clause.alternatives.size()]});
    }
    plan.proximity = 0.15f;
    plan.exact = 0.2f;
    plan.begins = 0.05f;
    return plan;
  }
  uint64_t below(uint64_t n) { return draw_.below(n); }

 private:
  Draw draw_;
  uint32_t fields_, vocabulary_;
};

void expect_twins(const SearchIndex& index, const QueryPlan& plan, const SlotSet* filter, uint32_t k) {
  ASSERT_TRUE(SearchIndex::check(plan).ok());
  std::vector<Hit> fast, slow;
  index.top(plan, filter, k, fast);
  index.top_exhaustive(plan, filter, k, slow);
  ASSERT_EQ(fast.size(), slow.size());
  for (size_t i = 0; i < fast.size(); ++i) {
    ASSERT_EQ(fast[i].slot, slow[i].slot)
        << i << " of " << k << ", scores " << fast[i].score << " " << slow[i].score << " bonus "
        << plan.proximity << " filter " << (filter != nullptr) << " clauses " << plan.clauses.size()
        << " min " << plan.minimum_match;
    ASSERT_EQ(fast[i].score, slow[i].score) << i;
  }
  if (filter != nullptr) return;
  index.top_exhaustive(plan, nullptr, 1'000'000, slow);
  std::vector<uint32_t> all;
  for (const Hit& hit : slow) all.push_back(hit.slot);
  ASSERT_TRUE(index.matches(plan) == SlotSet::of(all));
  for (const Hit& hit : fast) {
    std::vector<ScorePart> parts;
    ASSERT_EQ(index.explain(plan, hit.slot, parts), hit.score);
    float sum = 0;
    for (const ScorePart& part : parts) sum += part.score;
    ASSERT_EQ(sum, hit.score);
  }
}

struct Case {
  const char* name;
  uint32_t fields, vocabulary, slots, steps;
};

TEST(SearchTwins, AgreeOnRandomShopsWithUpdatesRemovalsAndMergesAtAnyMoment) {
  const Case cases[] = {
      {"one field: exact codes", 1, 300, 3000, 6000},
      {"three fields: shared codes", 3, 300, 2000, 4000},
      {"few words, many ties", 1, 6, 2000, 4000},
  };
  for (const Case& c : cases)
    for (const bool background : {false, true}) {
      SCOPED_TRACE(std::string(c.name) + (background ? ", in the background" : ""));
      SearchIndexConfig config;
      config.head_items = 64;
      config.background = background;
      SearchIndex index(config);
      Shop shop(hash_bytes(c.name), c.fields, c.vocabulary);
      for (uint32_t step = 0; step < c.steps; ++step) {
        const auto slot = static_cast<uint32_t>(shop.below(c.slots));
        if (shop.below(5) == 0) {
          index.remove(slot);
        } else {
          shop.put(index, slot);
        }
        if (shop.below(1500) == 0) index.merge_all();
        if (step % 20 != 0) continue;
        const EpochGuard guard;
        std::vector<uint32_t> some;
        for (uint64_t i = 0, n = shop.below(2) == 0 ? 20 : c.slots / 2; i < n; ++i)
          some.push_back(static_cast<uint32_t>(shop.below(c.slots)));
        const SlotSet filter = SlotSet::of(some);
        const auto k = static_cast<uint32_t>(1 + shop.below(30));
        expect_twins(index, shop.plan(), shop.below(2) == 0 ? &filter : nullptr, k);
        if (HasFatalFailure()) return;
      }
      EXPECT_GT(index.stats().merges, 3u);
    }
}

// Whole chunks first, then with holes between the slots; filters from nearly everything to a few.
TEST(SearchTwins, AgreeOverSeveralChunksOfASegment) {
  SearchIndexConfig config;
  config.background = false;
  SearchIndex index(config);
  Shop shop(5, 1, 2000);
  for (uint32_t slot = 0; slot < 150'000; ++slot) shop.put(index, slot);
  for (const bool holes : {false, true}) {
    for (uint32_t slot = 0; slot < 150'000 && holes; slot += 1 + static_cast<uint32_t>(shop.below(200)))
      index.remove(slot);
    index.merge_all();
    ASSERT_EQ(index.stats().segments, 1u);
    const EpochGuard guard;
    for (int i = 0; i < 60; ++i) {
      SCOPED_TRACE(std::string(holes ? "holes " : "whole ") + std::to_string(i));
      const uint64_t one_in = uint64_t{1} << shop.below(11);
      std::vector<uint32_t> some;
      for (uint32_t slot = 0; slot < 150'000; ++slot)
        if (shop.below(one_in) == 0) some.push_back(slot);
      const SlotSet filter = SlotSet::of(some);
      const QueryPlan plan = shop.below(2) == 0 ? shop.plan() : shop.typed_plan();
      expect_twins(index, plan, shop.below(3) == 0 ? nullptr : &filter, shop.below(2) == 0 ? 10 : 256);
      if (HasFatalFailure()) return;
    }
  }
}

// Readers run while the writer changes items. Every item always has the word "all", so a query for it must
// find every one of them once, whatever is going on.
TEST(SearchThreads, NoItemIsMissedOrMetTwiceWhileItChanges) {
  SearchIndexConfig config;
  config.head_items = 64;
  SearchIndex index(config);
  constexpr uint32_t kItems = 300;
  const auto put = [&](uint32_t slot, uint32_t value) {
    const std::string other = "v" + std::to_string(value);
    const IndexToken tokens[] = {{"all", 0}, {other, 1}};
    const FieldText fields[] = {{0, tokens}};
    ASSERT_TRUE(index.update(slot, fields).ok());
  };
  for (uint32_t slot = 0; slot < kItems; ++slot) put(slot, 0);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r)
    readers.emplace_back([&] {
      QueryPlan plan;
      plan.clauses.push_back({{{{"all"}}}});
      std::vector<Hit> hits;
      while (!done.load()) {
        const EpochGuard guard;
        index.top(plan, nullptr, 20 * kItems,
                  hits);  // Room for those met twice, which are dropped at the end.
        if (hits.size() != kItems) ++wrong;
        if (index.matches(plan).size() != kItems) wrong += 1000;
      }
    });
  for (uint32_t step = 0; step < 20'000; ++step) put(step * 7 % kItems, step);
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace freshet
