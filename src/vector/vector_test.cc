#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "event/vector_attribute.h"
#include "model/math.h"
#include "vector/fusion.h"
#include "vector/nearest.h"
#include "vector/vector_set.h"

namespace freshet {
namespace {

std::vector<float> made_up(uint64_t key, uint32_t dim) {
  Draw draw(key);
  std::vector<float> row(dim);
  for (float& x : row) x = static_cast<float>(draw.uniform()) - 0.5f;
  return row;
}

// Rows around `clusters` centres: what real embeddings look like more than noise does.
std::vector<float> clustered(uint64_t key, uint32_t dim, uint32_t clusters) {
  std::vector<float> row = made_up(mix64(key, 1) % clusters, dim);
  const std::vector<float> own = made_up(mix64(key, 2), dim);
  for (uint32_t i = 0; i < dim; ++i) row[i] += 0.7f * own[i];
  return row;
}

TEST(VectorSet, ScanEqualsItsSlowTwin) {
  struct Case {
    const char* what;
    uint32_t dim, rows, filter_every, k;  // filter_every 0: no filter
    Metric metric;
    RowType type = RowType::kInt8;
  };
  const Case cases[] = {
      {"one dimension", 1, 100, 0, 10, Metric::kCosine},
      {"small", 16, 500, 0, 10, Metric::kCosine},
      {"64", 64, 3000, 0, 100, Metric::kCosine},
      {"dot product", 64, 3000, 0, 100, Metric::kDot},
      {"odd dimension", 100, 700, 0, 7, Metric::kCosine},
      {"dense filter", 64, 3000, 2, 50, Metric::kCosine},
      {"sparse filter", 64, 3000, 37, 50, Metric::kDot},
      {"filter of one", 64, 3000, 2999, 50, Metric::kCosine},
      {"more asked than there are", 64, 20, 0, 100, Metric::kCosine},
      {"as large as it goes", 4096, 40, 3, 5, Metric::kDot},
      {"nothing asked", 64, 20, 0, 0, Metric::kCosine},
      {"very sparse filter", 64, 9000, 701, 50, Metric::kCosine},
      {"many more than are kept", 64, 20'000, 0, 3, Metric::kCosine},
      {"bf16", 64, 3000, 0, 100, Metric::kCosine, RowType::kBf16},
      {"bf16, dot product, odd dimension, filter", 100, 3000, 2, 20, Metric::kDot, RowType::kBf16},
      {"bf16, sparse filter", 256, 3000, 37, 20, Metric::kCosine, RowType::kBf16},
      {"bf16, as large as it goes", 4096, 40, 3, 5, Metric::kDot, RowType::kBf16},
  };
  for (const Case& c : cases) {
    VectorSet set({.dim = c.dim, .metric = c.metric, .type = c.type});
    for (uint32_t slot = 0; slot < c.rows; ++slot)
      if (slot % 5 != 3) set.set(slot, made_up(slot, c.dim));
    set.publish();
    for (uint32_t slot = 0; slot < c.rows; slot += 11) set.remove(slot);
    set.publish();
    SlotSet filter;
    for (uint32_t slot = 0; c.filter_every != 0 && slot < c.rows + 70'000; slot += c.filter_every)
      filter.add(slot);
    const SlotSet* allowed = c.filter_every == 0 ? nullptr : &filter;
    const VectorSet::Query query = set.prepare(made_up(999, c.dim));
    std::vector<VectorHit> fast, slow;
    const EpochGuard guard;
    set.top(query, allowed, c.k, fast);
    set.top_slowly(query, allowed, c.k, slow);
    EXPECT_EQ(fast, slow) << c.what;
    EXPECT_EQ(fast.empty(), c.k == 0 || slow.empty()) << c.what;
    for (const VectorHit& hit : fast) {
      EXPECT_TRUE(hit.slot % 5 != 3 && hit.slot % 11 != 0) << c.what;
      EXPECT_EQ(hit.score, set.score(query, hit.slot)) << c.what;
    }
  }
}

TEST(VectorSet, TiesAreKeptByTheSmallerSlot) {
  VectorSet set({.dim = 64});
  for (uint32_t slot = 0; slot < 5000; ++slot) set.set(slot, made_up(slot % 3, 64));
  set.publish();
  const EpochGuard guard;
  std::vector<VectorHit> fast, slow;
  for (const uint32_t k : {1u, 7u, 1700u}) {
    set.top(made_up(1, 64), nullptr, k, fast);
    set.top_slowly(set.prepare(made_up(1, 64)), nullptr, k, slow);
    EXPECT_EQ(fast, slow) << k;
  }
}

TEST(VectorSet, ScoresAreCosinesOrDotProducts) {
  for (const RowType type : {RowType::kInt8, RowType::kBf16})
    for (const Metric metric : {Metric::kCosine, Metric::kDot}) {
      VectorSet set({.dim = 100, .metric = metric, .type = type});
      std::vector<float> row = made_up(1, 100), query = made_up(2, 100);
      for (float& x : row) x *= 30;
      set.set(7, row);
      set.publish();
      double dot = 0, a = 0, b = 0;
      for (int i = 0; i < 100; ++i) {
        dot += static_cast<double>(row[i]) * query[i];
        a += static_cast<double>(row[i]) * row[i];
        b += static_cast<double>(query[i]) * query[i];
      }
      const double want = metric == Metric::kCosine ? dot / std::sqrt(a * b) : dot;
      const double near = (metric == Metric::kCosine ? 0.01 : 0.3) * (type == RowType::kBf16 ? 0.2 : 1);
      const EpochGuard guard;
      EXPECT_NEAR(set.score(set.prepare(query), 7), want, near);
      EXPECT_EQ(set.score(set.prepare(query), 8), 0);
      EXPECT_NEAR(set.chord(set.query_of(7), set.query_of(7)), 0, 1e-3);
      EXPECT_EQ(set.chord(set.query_of(7), set.query_of(8)), 2);
      const VectorSet::Query other = set.prepare(query);
      if (metric == Metric::kCosine) {
        EXPECT_NEAR(set.chord(set.query_of(7), other), std::sqrt(2 - 2 * want), 0.01);
      }
    }
}

// Blocks are copied away from readers and go home again: in any order of changes the rows are the last ones.
TEST(VectorSet, HoldsTheLastRowsUnderReadersThatComeAndGo) {
  VectorSet set({.dim = 16});
  std::vector<uint64_t> last(3000);
  std::unique_ptr<EpochGuard> reader;
  Draw draw(5);
  for (uint64_t round = 1; round < 3000; ++round) {
    if (draw.below(40) == 0) reader = reader ? nullptr : std::make_unique<EpochGuard>();
    for (uint32_t i = 0, n = draw.below(4); i <= n; ++i) {
      const auto slot = static_cast<uint32_t>(draw.below(3000));
      last[slot] = draw.below(5) == 0 ? 0 : round * 10 + i;
      if (last[slot] == 0) {
        set.remove(slot);
      } else {
        set.set(slot, made_up(last[slot], 16));
      }
    }
    set.publish();
  }
  const EpochGuard guard;
  size_t rows = 0;
  for (uint32_t slot = 0; slot < last.size(); ++slot) {
    EXPECT_EQ(set.has(slot), last[slot] != 0);
    if (last[slot] == 0) continue;
    ++rows;
    EXPECT_EQ(set.query_of(slot).bytes, set.prepare(made_up(last[slot], 16)).bytes) << slot;
  }
  EXPECT_EQ(set.rows(), rows);
}

TEST(VectorSet, ChangesAreSeenAtPublishAndSavedAsTheyAre) {
  VectorSet set({.dim = 16});
  const EpochGuard guard;
  set.set(3, made_up(1, 16));
  EXPECT_FALSE(set.has(3));
  set.publish();
  EXPECT_TRUE(set.has(3));
  const VectorSet::Row old = set.row(3);
  set.set(3, made_up(2, 16));
  set.set(900, made_up(3, 16));
  EXPECT_EQ(set.row(3).values, old.values);
  set.publish();
  EXPECT_NE(set.row(3).values, old.values);
  EXPECT_EQ(set.rows(), 2u);
  set.set(3, std::vector<float>(16));  // Zero: no direction, so no row.
  set.publish();
  EXPECT_FALSE(set.has(3));
  Writer out, again;
  set.save(out);
  VectorSet copy({.dim = 16});
  copy.set(5, made_up(9, 16));  // Must be gone after load.
  copy.publish();
  Reader in(out.bytes());
  ASSERT_TRUE(copy.load(in).ok());
  copy.save(again);
  EXPECT_EQ(out.bytes(), again.bytes());
  EXPECT_FALSE(copy.has(5));
  VectorSet other({.dim = 32});
  Reader wrong(out.bytes());
  EXPECT_FALSE(other.load(wrong).ok());
  Reader cut(std::string_view(out.bytes()).substr(0, out.size() - 3));
  EXPECT_FALSE(copy.load(cut).ok());
}

TEST(VectorAttribute, IsChecked) {
  using List = std::vector<std::string>;
  const struct {
    Value value;
    uint32_t dim;
    size_t want;  // Elements; 0: refused
    const char* says;
  } rows[] = {
      {List{"1", "-0.5", "2e-1"}, 0, 3, ""},
      {List{"1", "2"}, 2, 2, ""},
      {std::string("[0.25, 1,2 3]"), 4, 4, ""},
      {std::string("1;2"), 0, 2, ""},
      {2.0, 0, 1, ""},
      {List{"1", "2"}, 3, 0, "_vector: 2 elements, expected 3"},
      {List{"1", "two"}, 0, 0, "_vector element 1: 'two', expected a number"},
      {List{"1", "nan"}, 0, 0, "_vector element 1: expected a finite number"},
      {List{"1", "1e99"}, 0, 0, "_vector element 1"},
      {List{"0", "0"}, 0, 0, "all elements are zero"},
      {List{}, 0, 0, "_vector: empty"},
      {std::string("[]"), 8, 0, "_vector: empty, expected 8"},
      {true, 0, 0, "expected a list of numbers"},
      {List(4097, "1"), 0, 0, "more than 4096"},
  };
  for (const auto& row : rows) {
    const auto got = parse_vector(row.value, kVectorAttribute, row.dim);
    EXPECT_EQ(got.ok() ? got.value().size() : 0, row.want) << row.says;
    const std::string said = got.ok() ? "" : got.error().what;
    EXPECT_NE(said.find(row.says), std::string::npos) << said;
  }
}

TEST(Fusion, MixesAndNeverDrownsExactMatches) {
  const std::vector<LexicalHit> words = {{1, 10, false}, {2, 8, false}, {3, 1, true}};
  const std::vector<VectorHit> vectors = {{9, 0.95f}, {2, 0.9f}, {8, 0.5f}, {7, 0.1f}};
  std::vector<FusedHit> out;
  fuse_scores(words, vectors, {.semantic_weight = 0.5, .floor = 0.2f}, out);
  std::vector<uint32_t> order;
  for (const FusedHit& hit : out) {
    order.push_back(hit.slot);
    EXPECT_EQ(hit.score, hit.lexical + hit.semantic + hit.kept);
  }
  // 2 has both; 1 words only (0.5); 9 vectors only (0.47); 3 is exact, so it is lifted to 9's level and
  // stands before it; 7 is below the floor.
  EXPECT_EQ(order, (std::vector<uint32_t>{2, 1, 3, 9, 8}));
  fuse_scores(words, vectors, {.semantic_weight = 0}, out);
  EXPECT_EQ(out[0].slot, 1u);
  fuse_scores({}, vectors, {.semantic_weight = 0.3}, out);
  EXPECT_EQ(out[0].slot, 9u);
  fuse_ranks(words, vectors, {.semantic_weight = 0.5}, out);
  EXPECT_EQ(out[0].slot, 2u);
  for (size_t i = 0, seen = 0; i < out.size(); ++i) {
    if (out[i].slot == 3) seen = 1;
    const bool by_vector = out[i].slot == 9 || out[i].slot == 8;
    EXPECT_TRUE(seen == 1 || !by_vector) << "an exact match behind a vector's";
  }
}

TEST(Nearest, ListsFindWhatTheScanFinds) {
  constexpr uint32_t kRows = 6000, kDim = 32;
  VectorSet set({.dim = kDim});
  Nearest nearest(set, {.rows_min = 1000, .list_rows = 64, .sample_every = 1});
  for (uint32_t slot = 0; slot < kRows; ++slot) set.set(slot, clustered(slot, kDim, 40));
  set.publish();
  EXPECT_FALSE(nearest.watching());
  nearest.settle();
  EXPECT_EQ(nearest.status().listed_rows, kRows);
  SlotSet half;
  for (uint32_t slot = 0; slot < kRows; slot += 2) half.add(slot);
  const auto recall = [&](const SlotSet* filter) {
    size_t found = 0, possible = 0;
    for (uint64_t q = 0; q < 50; ++q) {
      const VectorSet::Query query = set.prepare(clustered(1'000'000 + q, kDim, 40));
      std::vector<VectorHit> fast, exact;
      const EpochGuard guard;
      nearest.top(query, filter, 10, fast);
      set.top(query, filter, 10, exact);
      possible += exact.size();
      for (const VectorHit& hit : fast) {
        found += hit.score >= exact.back().score;
        EXPECT_TRUE(filter == nullptr || filter->contains(hit.slot));
        EXPECT_EQ(hit.score, set.score(query, hit.slot));
      }
    }
    return static_cast<double>(found) / static_cast<double>(possible);
  };
  EXPECT_GE(recall(nullptr), 0.98);
  EXPECT_GE(recall(&half), 0.98);

  // A filter that passes two rows in five, none of which is near the query.
  for (uint64_t q = 0; q < 10; ++q) {
    const VectorSet::Query query = set.prepare(clustered(2'000'000 + q, kDim, 40));
    std::vector<VectorHit> all, fast, exact;
    const EpochGuard guard;
    set.top(query, nullptr, kRows, all);
    SlotSet far;
    for (size_t i = kRows * 3 / 5; i < all.size(); ++i) far.add(all[i].slot);
    nearest.top(query, &far, 10, fast);
    set.top(query, &far, 10, exact);
    ASSERT_EQ(fast.size(), exact.size());
    for (size_t i = 0; i < fast.size(); ++i) EXPECT_EQ(fast[i].score, exact[i].score);
  }

  // What changes after the build is found as changed: moved, removed and new rows.
  const std::vector<float> far = made_up(77, kDim);
  set.set(17, far);
  set.set(kRows + 500, far);
  set.remove(18);
  set.publish();
  for (const uint32_t slot : {17u, 18u, kRows + 500}) nearest.changed(slot, 2);
  nearest.tick();
  std::vector<VectorHit> hits;
  {
    const EpochGuard guard;
    nearest.top(set.prepare(far), nullptr, 2, hits);
  }
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].slot, 17u);
  EXPECT_EQ(hits[1].slot, kRows + 500);
  EXPECT_GE(recall(nullptr), 0.98);
  EXPECT_EQ(nearest.status().listed_rows, kRows);

  // Small turns are answered by the row as it is; once they add up the row moves to where it belongs.
  std::vector<float> other = made_up(78, kDim);
  set.set(20, other);
  set.publish();
  nearest.changed(20, 0.15f);
  nearest.tick();
  const auto first = [&](const std::vector<float>& query) {
    const EpochGuard guard;
    nearest.top(set.prepare(query), nullptr, 1, hits);
    return hits[0].slot;
  };
  nearest.changed(20, 0.15f);
  nearest.tick();
  EXPECT_EQ(first(other), 20u);
  // Once every row has moved, the lists are made anew.
  for (uint32_t slot = 0; slot < kRows; ++slot) {
    set.set(slot, clustered(slot + 50'000, kDim, 40));
    nearest.changed(slot, 2);
  }
  set.publish();
  nearest.tick();
  nearest.tick();
  EXPECT_TRUE(nearest.status().building);
  nearest.settle();
  EXPECT_EQ(nearest.status().listed_rows, kRows + 1);
  EXPECT_GE(recall(nullptr), 0.98);
}

TEST(Nearest, NoiseIsScanned) {
  constexpr uint32_t kRows = 4000, kDim = 64;
  VectorSet set({.dim = kDim});
  Nearest nearest(set, {.rows_min = 1000});
  for (uint32_t slot = 0; slot < kRows; ++slot) set.set(slot, made_up(slot, kDim));
  set.publish();
  nearest.settle();
  EXPECT_EQ(nearest.status().listed_rows, 0u);
  std::vector<VectorHit> fast, exact;
  const EpochGuard guard;
  const VectorSet::Query query = set.prepare(made_up(5000, kDim));
  nearest.top(query, nullptr, 10, fast);
  set.top(query, nullptr, 10, exact);
  EXPECT_EQ(fast, exact);
  nearest.tick();
  EXPECT_FALSE(nearest.status().building);  // Not tried again before there are twice as many.
}

}  // namespace
}  // namespace freshet
