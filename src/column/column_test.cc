#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "column/column_set.h"
#include "column/facets.h"
#include "column/sort.h"
#include "column/testing/small_shop.h"

namespace freshet {
namespace {

SlotSet slowly(const SmallShop& shop, const Filter& filter) {
  SlotSet out;
  for (ItemSlot slot = 0; slot < shop.catalog.slots(); ++slot)
    if (const ItemRecord* item = shop.catalog.item(slot);
        item != nullptr && filter.passes(*item, shop.catalog))
      out.add(slot);
  return out;
}

std::string random_filter(Draw& draw, int depth) {
  static constexpr const char* kLeaves[] = {"brand:brand3",
                                            "brand IN (brand1, brand2, brand0)",
                                            "category:top1",
                                            "category:\"top2 > mid3\"",
                                            "price < 50",
                                            "price >= 120.5",
                                            "price:20 TO 60",
                                            "stock:3",
                                            "color:color4",
                                            "color IN (color1, color2)",
                                            "size >= 40",
                                            "size:33",
                                            "organic = true",
                                            "organic EXISTS",
                                            "rating > 2.5",
                                            "rating:4.5",
                                            "id IN (i3, i700)",
                                            "title:item5",
                                            "nothing = 1",
                                            "GEO_RADIUS(20, 30, 4000000)",
                                            "available = false",
                                            "GEO_RADIUS(89, 10, 3000000)",
                                            "GEO_RADIUS(0, 179.5, 2000000)",
                                            "created <= 1000",
                                            "GEO_BOX(-20, 150, 40, -120)",
                                            "title EXISTS",
                                            "parts.size:3",
                                            "parts.size > 4 OR parts.0.size:3",
                                            "EXISTS(parts.size)",
                                            "brand != brand0"};
  if (depth == 0 || draw.below(3) == 0) return kLeaves[draw.below(std::size(kLeaves))];
  if (draw.below(4) == 0) return "NOT (" + random_filter(draw, depth - 1) + ")";
  std::string out = "(" + random_filter(draw, depth - 1);
  const char* word = draw.below(2) == 0 ? " AND " : " OR ";
  for (uint64_t n = 1 + draw.below(3); n > 0; --n) out += word + random_filter(draw, depth - 1);
  return out + ")";
}

void change(SmallShop& shop, uint64_t items, uint64_t steps, uint64_t seed) {
  Draw draw(seed);
  for (uint64_t n = 0; n < steps; ++n) {
    const uint64_t i = draw.below(items);
    const uint64_t kind = draw.below(10);
    if (kind == 0)
      shop.apply(EventType::kItemDelete, "i" + std::to_string(i), {});
    else
      shop.put(i, seed + n, kind < 5);
  }
}

TEST(Columns, FilterOverColumnsAgreesWithTheRecords) {
  SmallShop shop;
  for (uint64_t i = 0; i < 3000; ++i) shop.put(i, 1);
  change(shop, 3000, 5000, 9);
  const EpochGuard guard;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Draw draw(seed);
    const std::string text = random_filter(draw, 3);
    const auto filter = Filter::parse(text);
    ASSERT_TRUE(filter.ok()) << text;
    ASSERT_EQ(filter->evaluate(shop.columns), slowly(shop, *filter)) << text;
    std::vector<uint32_t> some;
    for (uint64_t n = draw.below(2) == 0 ? 40 : 2000; n > 0; --n)
      some.push_back(static_cast<uint32_t>(draw.below(3100)));
    const SlotSet within = SlotSet::of(some);
    ASSERT_EQ(filter->evaluate(shop.columns, within), slowly(shop, *filter) & within) << text;
  }
}

TEST(Columns, ManyChunksAgreeToo) {
  SmallShop shop;
  for (uint64_t i = 0; i < 140'000; ++i) shop.put(i, 1, i % 8 != 0);
  const EpochGuard guard;
  for (const char* text :
       {"price < 50", "stock:3 AND price:20 TO 60", "brand:brand3", "NOT category:top1", "id:i139999"}) {
    const auto filter = Filter::parse(text);
    ASSERT_TRUE(filter.ok());
    ASSERT_EQ(filter->evaluate(shop.columns), slowly(shop, *filter)) << text;
    const SlotSet within = SlotSet::range(100, 120'000);  // Many of a chunk, none of the last.
    ASSERT_EQ(filter->evaluate(shop.columns, within), slowly(shop, *filter) & within) << text;
  }
  const SlotSet found = Filter::parse("price < 150")->evaluate(shop.columns);
  for (const char* name : {"stock", "color", "brand", "category"}) {
    FacetSpec spec;
    spec.name = name;
    const FacetCounts fast = count_facet(shop.columns, spec, found),
                      slow = count_facet_slowly(shop.columns, spec, found);
    EXPECT_EQ(fast.items, slow.items) << name;
    ASSERT_EQ(fast.values.size(), slow.values.size()) << name;
    for (size_t i = 0; i < fast.values.size(); ++i) {
      EXPECT_EQ(fast.values[i].value, slow.values[i].value);
      EXPECT_EQ(fast.values[i].count, slow.values[i].count) << fast.values[i].value;
    }
  }
}

TEST(Columns, ChangedInPlaceOrRebuiltTheyAreTheSame) {
  SmallShop shop;
  for (uint64_t i = 0; i < 500; ++i) shop.put(i, 1);
  change(shop, 500, 3000, 4);
  ColumnSet fresh(shop.catalog);
  fresh.rebuild();
  const EpochGuard guard;
  EXPECT_EQ(shop.columns.listed_set(), fresh.listed_set());
  for (const Column* column : fresh.columns()) {
    const Column* other = shop.columns.find(column->name);
    ASSERT_NE(other, nullptr) << column->name;
    EXPECT_EQ(other->texts.distinct(), column->texts.distinct()) << column->name;
    EXPECT_EQ(other->texts.size(), column->texts.size()) << column->name;
    EXPECT_EQ(other->numbers.size(), column->numbers.size()) << column->name;
    EXPECT_EQ(other->present.size(), column->present.size()) << column->name;
    for (ItemSlot slot = 0; slot < 500; ++slot) {
      EXPECT_EQ(other->texts.first(slot), column->texts.first(slot));
      const double a = other->numbers.value(slot), b = column->numbers.value(slot);
      EXPECT_TRUE(a == b || (!has_number(a) && !has_number(b))) << column->name;
    }
  }
  EXPECT_GT(fresh.bytes(), 1000u);
  EXPECT_EQ(fresh.find("title"), nullptr);  // in the list of what gets no column
}

TEST(Columns, NewPriceTouchesOnlyThePrice) {
  SmallShop shop;
  shop.apply(EventType::kItemUpsert, "a", {{"brand", std::string("x")}, {"price", 5.0}});
  const EpochGuard guard;
  const uint32_t word = shop.columns.find("brand")->texts.word(0);
  shop.apply(EventType::kItemUpdate, "a", {{"price", 7.0}});
  EXPECT_EQ(shop.columns.find("brand")->texts.word(0), word);
  EXPECT_EQ(shop.columns.find("price")->numbers.value(0), 7.0);
  shop.apply(EventType::kItemUpdate, "a", {{"price", Value()}});
  EXPECT_FALSE(has_number(shop.columns.find("price")->numbers.value(0)));
}

TEST(Columns, SlotListAgreesWithASet) {
  for (const uint32_t below : {40u, 70'000u, 300'000u}) {
    SlotList list;
    RetireList retired;
    std::set<uint32_t> want;
    Draw draw(below);
    for (int n = 0; n < 60'000; ++n) {
      const auto slot = static_cast<uint32_t>(draw.below(below));
      if (draw.below(n < 40'000 ? 4 : 2) != 0)
        ASSERT_EQ(list.add(slot, retired), want.insert(slot).second);
      else
        ASSERT_EQ(list.remove(slot, retired), want.erase(slot) == 1);
    }
    for (int round = 0; round < 2; ++round) {
      std::vector<uint32_t> have;
      list.for_each([&](uint32_t slot) { have.push_back(slot); });
      ASSERT_EQ(have, std::vector<uint32_t>(want.begin(), want.end()));
      const SlotSet half = SlotSet::range(below / 3, below);
      uint64_t n = 0;
      for (size_t i = 0; i < half.chunks(); ++i) n += list.and_size(half.chunk(i));
      EXPECT_EQ(n, std::distance(want.lower_bound(below / 3), want.end()));
      while (want.size() > 20) {
        list.remove(*want.begin(), retired);
        want.erase(want.begin());
      }
    }
    EXPECT_EQ(list.size(), want.size());
  }
}

// More values and lists than 16 bits can tell apart.
TEST(Columns, NarrowWordsAndPackedListsSayTheSameOrThatTheyCannot) {
  TextColumn column;
  constexpr uint32_t kSlots = 80'000;
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    const std::string a = "a" + std::to_string(slot), b = "b" + std::to_string(slot % 7);
    const std::string_view texts[] = {a, b, "c", "d", "e"};
    const size_t n = slot < 70'000 ? slot % 2 + 1 : slot % 6;
    column.set(slot, std::span(texts).first(n));
  }
  uint32_t wide = 0, packed = 0;
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    const std::atomic<uint16_t>* block =
        column.narrow_at(slot / TextColumn::kTogether * TextColumn::kTogether);
    ASSERT_NE(block, nullptr);
    const uint16_t narrow = block[slot % TextColumn::kTogether].load();
    const uint32_t word = column.word(slot);
    if (narrow == TextColumn::kWide) {
      ++wide;
      EXPECT_GE(word & ~TextColumn::kListBit, 0x7fffU);
    } else {
      EXPECT_EQ(TextColumn::widened(narrow), word);
    }
    if ((word & TextColumn::kListBit) == 0) continue;
    std::vector<uint32_t> codes;
    for (uint64_t p = column.packed(word & ~TextColumn::kListBit); p != 0; p >>= 16)
      codes.push_back(static_cast<uint32_t>(p & 0xffff) - 1);
    packed += codes.empty() ? 0 : 1;
    if (codes.empty()) continue;
    EXPECT_EQ(codes, *column.list(word & ~TextColumn::kListBit));
  }
  EXPECT_GT(wide, 10'000U);
  EXPECT_LT(wide, kSlots / 2 + 20'000);
  EXPECT_GT(packed, 10'000U);
}

TEST(Columns, NumberRangesAgreeWithTheScan) {
  NumberColumn column;
  Draw draw(3);
  for (uint32_t i = 0; i < 30'000; ++i)
    if (i % 5 != 0) column.set(i, draw.below(3) == 0 ? 7.5 : draw.uniform() * 100 - 50);
  for (uint32_t i = 0; i < 2000; ++i)
    column.set(static_cast<uint32_t>(draw.below(30'000)), i % 2 == 0 ? kNoNumber : 1e9);
  const double inf = HUGE_VAL;
  const double rows[][2] = {{-inf, inf}, {7.5, 7.5}, {0, 10}, {-50, -49.9},
                            {1e9, 1e9},  {60, 1e8},  {10, 0}, {kNoNumber, 1}};
  for (const auto& row : rows) {
    std::vector<uint64_t> fast(SlotSet::kChunkWords), slow(SlotSet::kChunkWords);
    EXPECT_EQ(column.range_into(0, row[0], row[1], fast.data()),
              column.range_into_slowly(0, row[0], row[1], slow.data()));
    EXPECT_EQ(fast, slow) << row[0] << ".." << row[1];
    for (const uint64_t per_word : {0, 3, 12, 13, 40, 64}) {  // Few slots of a word asked for, and many.
      std::vector<uint64_t> within(SlotSet::kChunkWords), some(SlotSet::kChunkWords);
      for (uint64_t& word : within)
        for (uint64_t i = 0; i < 64; ++i) word |= uint64_t{draw.below(64) < per_word} << i;
      column.range_into(0, row[0], row[1], some.data(), within.data());
      for (size_t w = 0; w < some.size(); ++w) ASSERT_EQ(some[w], slow[w] & within[w]);
    }
  }
}

TEST(Columns, ReadersSeeWholeAnswersWhileTheFoldWrites) {
  SmallShop shop;
  for (uint64_t i = 0; i < 2000; ++i) shop.put(i, 1);
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      const auto filter =
          Filter::parse(t == 0 ? "price < 80 AND color:color3" : "NOT brand:brand1 OR size > 40");
      const SortBy keys[] = {{"brand"}, {"price", true}};
      while (!stop) {
        const EpochGuard guard;
        const SlotSet found = filter->evaluate(shop.columns);
        for (const char* name : {"brand", "color", "category", "price"}) {
          FacetSpec spec;
          spec.name = name;
          for (const FacetCount& value : count_facet(shop.columns, spec, found).values)
            ASSERT_FALSE(value.value.empty());
        }
        (void)top_sorted(shop.columns, found, keys, 20);
      }
    });
  change(shop, 2000, 8000, 77);
  stop = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace freshet
