// The table of pairs beside a slow, obvious twin: a map of doubles that decays what it holds at every lesson.
#include "recommend/pair_table.h"

#include <array>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

struct Twin {
  std::map<std::pair<ItemSlot, ItemSlot>, std::array<double, 3>> pairs;
  std::map<ItemSlot, std::array<double, 3>> totals;
  double half_slow, half_fast;
  uint64_t now = 0;
  void add(ItemSlot of, ItemSlot item, uint64_t at, double forward, double back) {
    const double by[3] = {std::exp2(-double(at - now) / half_slow), std::exp2(-double(at - now) / half_fast),
                          std::exp2(-double(at - now) / half_slow)};
    now = at;
    for (auto* table : {&totals})
      for (auto& [key, x] : *table)
        for (int i = 0; i < 3; ++i) x[i] *= by[i];
    for (auto& [key, x] : pairs)
      for (int i = 0; i < 3; ++i) x[i] *= by[i];
    const double plus[3] = {forward, forward, back};
    for (int i = 0; i < 3; ++i) {
      pairs[{of, item}][i] += plus[i];
      totals[of][i] += plus[i];
    }
  }
};

TEST(PairTable, SharesAreThoseOfASlowTwin) {
  PairOptions options{.row_max = 64, .half_life_slow = 200, .half_life_fast = 15};
  PairTable table(options);
  Twin twin{.half_slow = 200, .half_fast = 15};
  for (uint64_t n = 1; n <= 3000;
       ++n) {  // 200 half-lives of the fast weight: rows are rescaled several times
    Draw draw(n);
    const auto of = static_cast<ItemSlot>(draw.below(5)), item = static_cast<ItemSlot>(draw.below(40));
    const auto forward = static_cast<float>(draw.uniform()), back = static_cast<float>(draw.uniform());
    table.add(of, item, n, forward, back);
    twin.add(of, item, n, forward, back);
  }
  const EpochGuard guard;
  for (ItemSlot of = 0; of < 5; ++of) {
    const PairTable::Row* row = table.find(of);
    ASSERT_NE(row, nullptr);
    EXPECT_NEAR(table.evidence(*row, 3000), twin.totals[of][0] + twin.totals[of][2],
                0.01 * twin.totals[of][0]);
    for (uint32_t e = 0; e < get(row->size); ++e) {
      const Pair pair = row->read(e);
      const auto& want = twin.pairs[{of, pair.item}];
      EXPECT_NEAR(pair.slow / get(row->slow), want[0] / twin.totals[of][0], 1e-4);
      EXPECT_NEAR(pair.fast / get(row->fast), want[1] / twin.totals[of][1], 1e-4);
      EXPECT_NEAR(pair.back / get(row->back), want[2] / twin.totals[of][2], 1e-4);
    }
    EXPECT_EQ(get(row->size), 40u);
  }
}

TEST(PairTable, AFullRowKeepsTheHeavyAndLetsTheNewIn) {
  PairTable table({.row_max = 16});
  uint64_t now = 0;
  for (int round = 0; round < 20; ++round)
    for (ItemSlot item = 0; item < 8; ++item) table.add(1, item, ++now, 1, 0);
  for (ItemSlot item = 100; item < 400; ++item) table.add(1, item, ++now, 1, 0);
  const EpochGuard guard;
  const PairTable::Row* row = table.find(1);
  ASSERT_EQ(get(row->size), 16u);
  int heavy = 0;
  bool newest = false;
  for (uint32_t e = 0; e < 16; ++e) {
    heavy += row->read(e).item < 8;
    newest |= row->read(e).item == 399;
  }
  EXPECT_EQ(heavy, 8);
  EXPECT_TRUE(newest);
}

TEST(PairTable, ForgetsTheEvictedEverywhereAndStaysUnderItsBound) {
  PairTable table({.row_max = 64, .bytes_max = 400'000});
  for (uint64_t n = 1; n <= 60'000; ++n) {
    Draw draw(n);
    table.add(static_cast<ItemSlot>(n / 20), static_cast<ItemSlot>(draw.below(3000)), n, 1, 0);
  }
  EXPECT_LT(table.bytes(), 400'000u + PairTable::overhead_bytes(3000));
  const ItemSlot gone[] = {7, 2950, 2999};
  table.evict(ForgottenItems(gone));
  const EpochGuard guard;
  EXPECT_EQ(table.find(7), nullptr);
  for (ItemSlot j = 0; j < 3000; ++j)
    if (const PairTable::Row* row = table.find(j))
      for (uint32_t e = 0; e < get(row->size); ++e) {
        const ItemSlot item = row->read(e).item;
        EXPECT_TRUE(item != 7 && item != 2950 && item != 2999);
      }
  EXPECT_NE(table.find(2990), nullptr) << "the newest rows are there";
}

}  // namespace
}  // namespace freshet
