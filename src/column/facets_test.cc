#include "column/facets.h"

#include <gtest/gtest.h>

#include "column/sort.h"
#include "column/testing/small_shop.h"

namespace freshet {
namespace {

std::string shown(const FacetCounts& counts) {
  std::string out;
  for (const FacetCount& value : counts.values) {
    out += out.empty() ? "" : " ";
    out += (value.highlighted.empty() ? value.value : value.highlighted) + "=" + std::to_string(value.count);
  }
  return out;
}

struct Shoes : SmallShop {
  Shoes() {
    const auto put = [&](const char* id, const char* parent, const char* brand, const char* category,
                         double price, std::vector<std::string> colors) {
      apply(EventType::kItemUpsert, id,
            {{"brand", std::string(brand)},
             {"category", std::string(category)},
             {"color", std::move(colors)},
             {"parent", std::string(parent)},
             {"price", price}});
    };
    put("a1", "a", "Acme", "Shoes > Running", 10, {"red", "blue"});
    put("a2", "a", "Acme", "Shoes > Running", 12, {"red"});
    put("b1", "b", "Acme", "Shoes > Walking", 30, {"dark blue"});
    put("c1", "c", "Bold", "Hats", 30, {"red"});
    put("d1", "", "Bold", "Shoes > Running", 5, {});
  }
  SlotSet all() const { return listed_set(columns); }
  static SlotSet listed_set(const ColumnSet& columns) { return columns.listed_set(); }
};

TEST(Facets, Table) {
  Shoes shop;
  const EpochGuard guard;
  FacetSpec brand{.name = "brand"}, few{.name = "color", .values_max = 1}, alphabet{.name = "color"},
      declared{.name = "color"};
  alphabet.order = ValueOrder::kAlphabet;
  declared.declared = {"dark blue", "green"};
  FacetSpec roots{.name = "category"}, under{.name = "category"}, any{.name = "category"};
  roots.hierarchical = under.hierarchical = true;
  under.under = "Shoes";
  FacetSpec search{.name = "color"}, typo{.name = "category"}, price{.name = "price"};
  search.search = "BLU";
  typo.search = "runing";
  const struct {
    const FacetSpec& spec;
    const char* want;
    uint64_t distinct;
  } rows[] = {{brand, "Acme=3 Bold=2", 2},
              {few, "red=3", 3},
              {alphabet, "blue=1 dark blue=1 red=3", 3},
              {declared, "dark blue=1 red=3 blue=1", 3},
              {roots, "Shoes=4 Hats=1", 2},
              {under, "Shoes > Running=3 Shoes > Walking=1", 2},
              {any, "Shoes=4 Shoes > Running=3 Hats=1 Shoes > Walking=1", 4},
              {search, "<em>blu</em>e=1 dark <em>blu</em>e=1", 2},
              {typo, "Shoes > <em>Running</em>=3", 1},
              {price, "30=2 5=1 10=1 12=1", 4},
              {FacetSpec{.name = "nothing"}, "", 0}};
  for (const auto& row : rows) {
    const FacetCounts counts = count_facet(shop.columns, row.spec, shop.all());
    EXPECT_EQ(shown(counts), row.want) << row.spec.name;
    EXPECT_EQ(counts.distinct, row.distinct) << row.want;
  }
  const FacetCounts prices = count_facet(shop.columns, price, shop.all());
  EXPECT_TRUE(prices.has_numbers);
  EXPECT_EQ(prices.min, 5);
  EXPECT_EQ(prices.max, 30);
  EXPECT_EQ(prices.sum, 87);
  EXPECT_EQ(prices.mean, 87.0 / 5);
  EXPECT_EQ(prices.items, 5u);
}

TEST(Facets, DisjunctiveCountsLeaveOutOnlyTheirOwnChoice) {
  Shoes shop;
  const EpochGuard guard;
  const FacetSpec specs[] = {{.name = "brand"}, {.name = "color"}, {.name = "category"}};
  const FacetChoice choices[] = {{"brand", Filter::one_of("brand", {"Acme"})},
                                 {"color", Filter::one_of("color", {"red"})}};
  const Faceted got = count_facets(shop.columns, shop.all(), specs, choices);
  EXPECT_EQ(got.matches.size(), 2u);
  EXPECT_EQ(shown(got.counts[0]), "Acme=2 Bold=1");             // of the red ones
  EXPECT_EQ(shown(got.counts[1]), "red=2 blue=1 dark blue=1");  // of Acme's
  EXPECT_EQ(shown(got.counts[2]), "Shoes=2 Shoes > Running=2");
}

TEST(Facets, CountsBeforeAndAfterGrouping) {
  Shoes shop;
  const EpochGuard guard;
  const GroupKey key(shop.columns, "parent");
  const FacetSpec color{.name = "color"}, price{.name = "price"};
  EXPECT_EQ(shown(count_facet(shop.columns, color, shop.all())), "red=3 blue=1 dark blue=1");
  EXPECT_EQ(shown(count_facet(shop.columns, color, shop.all(), &key)), "red=2 blue=1 dark blue=1");
  EXPECT_EQ(shown(count_facet(shop.columns, price, shop.all(), &key)), "30=2 5=1 10=1 12=1");
  EXPECT_EQ(key.count_groups(shop.all()), 4u);
  EXPECT_EQ(key.group_size(0, shop.all()), 2u);
}

TEST(Facets, EveryWayOfCountingAgreesWithTheTwin) {
  SmallShop shop;
  for (uint64_t i = 0; i < 20'000; ++i) shop.put(i, 2);
  const EpochGuard guard;
  for (const char* text :
       {"", "id IN (i5, i9, i77)", "price < 5", "stock:2", "brand:brand0", "nothing EXISTS"}) {
    const SlotSet found = Filter::parse(text)->evaluate(shop.columns);
    for (const char* name : {"brand", "category", "color", "parent", "stock", "price", "size", "organic"}) {
      FacetSpec spec{.name = name, .values_max = 10'000};
      const FacetCounts fast = count_facet(shop.columns, spec, found),
                        slow = count_facet_slowly(shop.columns, spec, found);
      EXPECT_EQ(shown(fast), shown(slow)) << name << " of " << text;
      EXPECT_EQ(fast.items, slow.items);
      EXPECT_EQ(fast.sum, slow.sum) << name;
      EXPECT_EQ(fast.min, slow.min);
      EXPECT_EQ(fast.max, slow.max);
    }
  }
}

TEST(Facets, SearchWithinValues) {
  const struct {
    const char* search;
    const char* value;
    const char* want;  // nullptr: does not fit
  } rows[] = {{"sho", "Shoes > Running", "[Sho]es > Running"},
              {"run sho", "Shoes > Running", "[Sho]es > [Run]ning"},
              {"unning", "Running", "[Running]"},  // one edit: the first letter is missing
              {"ning", "Running", nullptr},
              {"rnu", "Running", nullptr},  // three letters: none
              {"runnnig", "Running", "[Running]"},
              {"xy", "Running", nullptr},
              {"dark x", "dark blue", nullptr},
              {"b", "", nullptr}};
  for (const auto& row : rows) {
    FacetSpec spec{.name = "x", .search = row.search, .pre_tag = "[", .post_tag = "]"};
    std::string marked;
    EXPECT_EQ(value_fits(spec, row.value, &marked), row.want != nullptr) << row.search;
    if (row.want != nullptr) {
      EXPECT_EQ(marked, row.want);
    }
  }
}

TEST(Sort, AgreesWithSortingAll) {
  SmallShop shop;
  for (uint64_t i = 0; i < 5000; ++i) shop.put(i, 3);
  const EpochGuard guard;
  const SlotSet all = shop.columns.listed_set();
  const ScoreOf score = [](ItemSlot slot) { return static_cast<double>(slot % 7); };
  const std::vector<SortBy> rows[] = {{{"price"}},
                                      {{"price", true}},
                                      {{"rating", true}, {"price"}},
                                      {{"brand"}, {"color", true}, {"price", true}},
                                      {{"title", true}, {"stock"}},
                                      {{"score", true}, {"rating"}},
                                      {{"distance", false, 10, 20}},
                                      {{"size", true}},
                                      {{"nothing"}},
                                      {}};
  for (const auto& keys : rows)
    for (const size_t k : {size_t{0}, size_t{1}, size_t{50}, size_t{6000}})
      EXPECT_EQ(top_sorted(shop.columns, all, keys, k, score),
                top_sorted_slowly(shop.columns, all, keys, k, score))
          << (keys.empty() ? "" : keys[0].name) << k;
  const SortBy price[] = {{"price", true}};
  const auto sorted = top_sorted(shop.columns, all, price, 5000);
  EXPECT_FALSE(
      has_number(shop.columns.find("price")->numbers.value(sorted.back())));  // missing last, descending too
}

TEST(Sort, GroupsKeepTheOrderOfTheirBest) {
  Shoes shop;
  const EpochGuard guard;
  const GroupKey key(shop.columns, "parent");
  const SortBy price[] = {{"price", true}};
  const auto ordered = top_sorted(shop.columns, shop.all(), price, 10);  // b1 c1 a2 a1 d1
  ASSERT_EQ(ordered, (std::vector<ItemSlot>{2, 3, 1, 0, 4}));
  const auto page = group_page(ordered, key, 2, 1, 2);
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].items, (std::vector<ItemSlot>{3}));
  EXPECT_EQ(page[1].items, (std::vector<ItemSlot>{1, 0}));
  EXPECT_EQ(group_page(ordered, key, 1, 2, 5).size(), 2u);
  EXPECT_TRUE(group_page(ordered, key, 1, 9, 5).empty());
}

TEST(Sort, ParsesAndRejects) {
  const struct {
    const char* text;
    const char* name;  // nullptr: an error
    bool descending;
  } rows[] = {{"price", "price", false}, {"price:asc", "price", false}, {"price:desc", "price", true},
              {"-a.b", "a.b", true},     {"", nullptr, false},          {"price:up", nullptr, false}};
  for (const auto& row : rows) {
    const auto key = parse_sort(row.text);
    ASSERT_EQ(key.ok(), row.name != nullptr) << row.text;
    if (!key.ok()) continue;
    EXPECT_EQ(key->name, row.name);
    EXPECT_EQ(key->descending, row.descending);
  }
}

TEST(Browse, EveryItemOnceWhileOthersChange) {
  SmallShop shop;
  for (uint64_t i = 0; i < 1000; ++i) shop.put(i, 1);
  std::vector<ItemSlot> seen;
  std::string cursor;
  uint64_t version = 2;
  do {
    const EpochGuard guard;
    const auto page = browse(shop.columns.listed_set(), cursor, 90, "all");
    ASSERT_TRUE(page.ok());
    seen.insert(seen.end(), page->items.begin(), page->items.end());
    cursor = page->next;
    for (uint64_t i = 0; i < 1000; i += 7) shop.put(i, version);
    shop.put(1000 + version, version);
    ++version;
  } while (!cursor.empty());
  ASSERT_GE(seen.size(), 1000u);
  for (ItemSlot slot = 0; slot < 1000; ++slot) EXPECT_EQ(seen[slot], slot);
  const SlotSet all = shop.columns.listed_set();
  const std::string next = browse(all, "", 5, "all")->next;
  EXPECT_TRUE(browse(all, next, 5, "all").ok());
  for (const std::string& wrong :
       {next + "x", std::string("zz"), std::string("5"), std::string("fffffffffff-1")})
    EXPECT_FALSE(browse(all, wrong, 5, "all").ok()) << wrong;
  EXPECT_FALSE(browse(all, next, 5, "other").ok());
}

}  // namespace
}  // namespace freshet
