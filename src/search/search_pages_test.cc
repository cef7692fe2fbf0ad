// Pages of one search: together they are all that was found, each item once, and their totals agree.
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "search/testing/small_shop.h"

namespace freshet {
namespace {

using testing::SmallShop;

SearchRequest lamps(uint32_t from, uint32_t count) {
  return {.query = "lamp", .from = from, .count = count};
}

// Lamps whose words say less and less; the last are bought most.
void fill_with_lamps(SmallShop& shop, int n) {
  for (int i = 0; i < n; ++i) {
    std::string title = "lamp";
    for (int word = 0; word < i % 40; ++word) title += " w" + std::to_string((i * 7 + word) % 50);
    const std::string id = "l" + std::to_string(1000 + i);
    shop.item(id, {{"title", title},
                   {"category", "c" + std::to_string(i % 3)},
                   {"color", std::string(i % 3 == 0 ? "red" : "blue")},
                   {"price", 1.0 * i}});
    for (int times = 0; times < i % 7; ++times) shop.act(EventType::kPurchase, id);
  }
}

// The ids of all pages, and whether each said the same total.
std::vector<std::string> walk(SmallShop& shop, SearchRequest request, uint32_t size) {
  std::vector<std::string> ids;
  uint64_t found = 0;
  request.count = size;
  for (request.from = 0; request.from == 0 || request.from < found; request.from += size) {
    const SearchAnswer page = shop.search(request).value();
    EXPECT_TRUE(request.from == 0 || page.found == found) << request.from;
    found = page.found;
    for (const SearchHit& hit : page.hits) ids.push_back(hit.id);
  }
  EXPECT_EQ(ids.size(), found);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size()) << "an item came twice";
  return ids;
}

TEST(SearchPages, AreOneOrderWhateverTheirSize) {
  SmallShop shop;
  fill_with_lamps(shop, 700);
  const std::vector<std::string> ids = walk(shop, lamps(0, 0), 20);
  EXPECT_EQ(ids.size(), 700u);
  EXPECT_EQ(walk(shop, lamps(0, 0), 7), ids);
  EXPECT_EQ(walk(shop, lamps(0, 0), 350), ids);
  EXPECT_EQ(shop.search(lamps(0, 0)).value().found, 700u) << "a page of nothing";
  shop.settings(R"({"ranker": {"diversity": 0.4, "category_cap": 3}})");
  EXPECT_EQ(walk(shop, lamps(0, 0), 20).size(), 700u);
}

// One product has nearly all the variants.
TEST(SearchPages, OfGroupsHaveAllGroups) {
  SmallShop shop;
  for (int i = 0; i < 300; ++i)
    shop.item("v" + std::to_string(i), {{"title", "Desk lamp"}, {"product", "P"}, {"price", 10.0 + i}});
  for (int i = 0; i < 30; ++i)
    shop.item("o" + std::to_string(i), {{"title", "Desk lamp shade for the small lamp " + std::to_string(i)},
                                        {"product", "Q" + std::to_string(i)},
                                        {"price", 500.0 + i}});
  SearchRequest request{.query = "desk lamp", .group_by = "product", .group_count = 1};
  EXPECT_EQ(walk(shop, request, 10).size(), 31u);
  EXPECT_EQ(shop.search(request).value().hits[0].group_size, 300u);
  request.sort = {{"price", false}};
  EXPECT_EQ(walk(shop, request, 10).size(), 31u);
  request.query.clear();
  EXPECT_EQ(walk(shop, request, 10).size(), 31u);
}

// Clicks teach the encoder that "glow" means lamps.
TEST(SearchPages, WhatVectorsAddIsTheSameUnderAnyFilterAndCount) {
  SmallShop shop;
  for (int i = 0; i < 60; ++i)
    shop.item("g" + std::to_string(i),
              {{"title", std::string(i % 2 == 0 ? "glow lamp " : "lamp ") + "abcdefgh"[i % 8] + " shade"},
               {"category", std::string(i % 2 == 0 ? "lamps" : "lights")},
               {"color", "c" + std::to_string(i % 5)}});
  for (int i = 0; i < 60; ++i)
    shop.item("t" + std::to_string(i), {{"title", "towel " + std::to_string(i)},
                                        {"category", std::string("bath")},
                                        {"color", "c" + std::to_string(i % 5)}});
  for (int n = 0; n < 4000; ++n) {
    Event search;
    search.type = EventType::kSearch;
    search.user = "u" + std::to_string(n);
    search.query = n % 2 == 0 ? "glow" : "towel";
    search.query_id = "q" + std::to_string(n);
    shop.apply(search);
    Event click = search;
    click.type = EventType::kClick;
    click.id.clear();
    click.item = (n % 2 == 0 ? "g" : "t") + std::to_string(n / 2 % 60);
    shop.apply(click);
  }
  SearchRequest request{.query = "glow", .facets = {{"color"}, {"category"}}, .count = 100};
  const SearchAnswer all = shop.search(request).value();
  const uint64_t by_words = shop.search({.query = "glow", .semantic = SemanticMode::kOff}).value().found;
  ASSERT_GT(all.found, by_words) << "vectors add nothing here";
  request.count = 0;
  EXPECT_EQ(shop.search(request).value().found, all.found);
  for (const FacetAnswer& facet : all.facets)
    for (const FacetValue& value : facet.values) {
      SearchRequest one{.query = "glow", .refinements = {{facet.name, {value.value}}}, .count = 100};
      const SearchAnswer refined = shop.search(one).value();
      EXPECT_EQ(refined.found, value.count) << facet.name << " " << value.value;
      EXPECT_EQ(refined.hits.size(), value.count);
      one = {.query = "glow", .filter = facet.name + ":\"" + value.value + "\"", .count = 100};
      EXPECT_EQ(shop.search(one).value().found, value.count) << facet.name << " " << value.value;
    }
  SearchRequest hidden{.query = "glow", .filter = "NOT id IN (\"" + all.hits[0].id + "\")", .count = 100};
  EXPECT_EQ(shop.search(hidden).value().found, all.found - 1);
}

// Each page is served with coins of its own, and those of the search.
TEST(SearchPages, TryOutTheSameThings) {
  SmallShop shop;
  for (int i = 0; i < 60; ++i) {
    const std::string id = "x" + std::to_string(100 + i);
    shop.item(id, {{"title", "lamp " + id}});
  }
  shop.settings(R"({"popularity_weight": 0, "intent_weight": 0, "ranking": []})");
  for (int i = 0; i < 60; ++i) {
    Event page;
    page.type = EventType::kImpression;
    page.query = "lamp";
    page.query_id = "page-" + std::to_string(i);
    page.surface = "search";
    SearchRequest request = lamps(0, 20);
    request.explore = hash_bytes(page.query_id);
    put_shown(shop.search(request).value(), page);
    shop.apply(page);
    Event click;
    click.type = EventType::kClick;
    click.item = page.shown[0].item;
    click.query_id = page.query_id;
    shop.apply(click);
  }
  ASSERT_TRUE(shop.clicks_.parameters().ready);
  std::set<std::string> orders;
  for (uint64_t search = 1; search <= 10; ++search) {
    std::set<std::string> seen;
    std::string order;
    for (uint32_t from = 0; from < 60; from += 20) {
      SearchRequest request = lamps(from, 20);
      request.explore = 100 * search + from;
      request.explore_search = search;
      const SearchAnswer page = shop.search(request).value();
      for (const SearchHit& hit : page.hits) {
        EXPECT_TRUE(seen.insert(hit.id).second) << hit.id << " again";
        if (from > 0) order += hit.id + " ";
      }
    }
    EXPECT_EQ(seen.size(), 60u);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 5u) << "nothing is tried out";
}

}  // namespace
}  // namespace freshet
