// Searches over a small shop, folded from events as the log has them.
#include <gtest/gtest.h>

#include "search/testing/small_shop.h"

namespace freshet {
namespace {

using testing::SmallShop;

TEST(Search, FindsWhatIsMeant) {
  SmallShop shop;
  shop.fill();
  const std::pair<const char*, const char*> rows[] = {
      {"red kettle", "k1 k2 k3"},
      {"frying pan", "p1"},
      {"fryin", "p1"},
      {"ketle", "k1 k2 k3"},
      {"couch", "s1"},
      {"sofa", ""},
      {"k2", "k2"},
      {"", "k1 k2 k3 p1 s1"},
      {"   ", "k1 k2 k3 p1 s1"},
      {"!!!", ""},
  };
  for (const auto& [query, want] : rows) EXPECT_EQ(shop.ids(query), want) << query;
}

TEST(Search, FacetsCountWithoutTheirOwnChoice) {
  SmallShop shop;
  shop.fill();
  SearchRequest request;
  request.query = "kettle";
  request.refinements = {{"brand", {"Acme"}}};
  request.facets = {{"brand"}, {"category"}, {"price"}};
  const auto answer = shop.search(request);
  ASSERT_TRUE(answer.ok()) << answer.error().what;
  EXPECT_EQ(answer->found, 2u);
  ASSERT_EQ(answer->facets.size(), 3u);
  std::string text;
  for (const FacetAnswer& facet : answer->facets)
    for (const FacetValue& value : facet.values)
      text += value.value + "=" + std::to_string(value.count) + (value.chosen ? "* " : " ");
  EXPECT_TRUE(text.starts_with("Acme=2* Bravo=1 Kitchen=2 Kitchen > Kettles=2 ")) << text;
  EXPECT_TRUE(answer->facets[2].has_numbers);
  EXPECT_DOUBLE_EQ(answer->facets[2].min, 39.9);
  EXPECT_DOUBLE_EQ(answer->facets[2].max, 49.9);
  EXPECT_DOUBLE_EQ(answer->facets[2].sum, 89.8);
}

TEST(Search, FacetsGoStepByStepAndStandAsDeclared) {
  SmallShop shop;
  shop.fill();
  const struct {
    FacetRequest facet;
    const char* want;
  } rows[] = {
      {{.name = "category"}, "Kitchen=4 Kitchen > Kettles=3 Kitchen > Pans=1 Living=1 "},
      {{.name = "category", .under = ""}, "Kitchen=4 Living=1 "},
      {{.name = "category", .under = "Kitchen"}, "Kitchen > Kettles=3 Kitchen > Pans=1 "},
      {{.name = "category", .under = "Living"}, ""},
      {{.name = "brand"}, "Acme=2 Bravo=2 Chair Co=1 "},
      {{.name = "brand", .values_max = 1}, "Acme=2 "},
      {{.name = "brand", .first = {"Chair Co", "Nobody"}}, "Chair Co=1 Acme=2 Bravo=2 "},
      {{.name = "brand", .order = FacetOrder::kAlpha, .first = {"Bravo"}}, "Bravo=2 Acme=2 Chair Co=1 "},
      {{.name = "brand", .contains = "chai"}, "Chair Co=1 "},
      {{.name = "nothing"}, ""},
  };
  for (const auto& row : rows) {
    const auto answer = shop.search({.facets = {row.facet}});
    ASSERT_TRUE(answer.ok());
    std::string text;
    for (const FacetValue& value : answer->facets.at(0).values)
      text += value.value + "=" + std::to_string(value.count) + " ";
    EXPECT_EQ(text, row.want) << row.facet.name;
  }
  shop.settings(R"({"facets": [{"name": "brand", "first": ["Bravo"], "values_max": 2}]})");
  const auto answer = shop.search({.facets = {{.name = "*"}}});
  ASSERT_EQ(answer->facets.size(), 1u);
  ASSERT_EQ(answer->facets[0].values.size(), 2u);
  EXPECT_EQ(answer->facets[0].values[0].value, "Bravo");
  EXPECT_EQ(answer->facets[0].distinct, 3u);
}

TEST(Search, FiltersAskOnlyForWhatMayBeFilteredBy) {
  SmallShop shop;
  shop.item("a", {{"title", "Shoe"}, {"brand", "Acme"}, {"sizes.eu", int64_t{42}}, {"secret", "x"}});
  shop.settings(R"({"filterable": ["brand", "sizes"]})");
  const std::pair<const char*, const char*> rows[] = {
      {"brand:Acme", "a"},
      {"sizes.eu = 42 AND NOT id:b AND available = true", "a"},
      {"brand:Acme AND (price < 5 OR secret:x)", "filter: \"price\" is no attribute that the settings'"},
      {"secret:x",
       "filter: \"secret\" is no attribute that the settings' filterable names; expected one of id, "
       "available, brand, sizes"},
      {"sizesx = 1", "filter: \"sizesx\""},
  };
  for (const auto& [filter, want] : rows)
    EXPECT_TRUE(shop.ids(SearchRequest{.query = "shoe", .filter = filter}).starts_with(want))
        << shop.ids(SearchRequest{.query = "shoe", .filter = filter});
  EXPECT_TRUE(shop.ids(SearchRequest{.refinements = {{"secret", {"x"}}}})
                  .starts_with("refine.secret: is no attribute"));
  EXPECT_FALSE(shop.service_.browse({.filter = "secret:x"}).ok());
}

TEST(Search, WhatShoppersTypedInsteadIsOfferedButNothingHidden) {
  SmallShop shop;
  shop.fill();
  EXPECT_EQ(shop.search({.query = "ketle red"})->did_you_mean, "kettle red");
  const auto type = [&](const std::string& user, const std::string& query, double found) {
    Event search;
    search.type = EventType::kSearch;
    search.user = user;
    search.query = query;
    search.result_count = found;
    shop.apply(search);
  };
  for (const char* user : {"u", "v", "w"}) {
    type(user, "tin pot", 0);
    type(user, "kettle", 3);
  }
  EXPECT_EQ(shop.search({.query = "Tin  pot"})->did_you_mean, "kettle");
  EXPECT_EQ(shop.search({.query = "steel"})->did_you_mean, "");
  shop.settings(R"({"suggestions_hidden": ["kettle"]})");
  EXPECT_EQ(shop.search({.query = "Tin pot"})->did_you_mean, "");
  EXPECT_EQ(shop.search({.query = "ketle red"})->did_you_mean, "");
}

TEST(Search, ASortByRelevanceIsTheOrderOfTheIndex) {
  SmallShop shop;
  shop.fill();
  shop.settings(R"({"popularity_weight": 0, "semantic_weight": 0, "ranking": []})");
  EXPECT_EQ(shop.ids(SearchRequest{.query = "kettle", .sort = {{"brand", true}, {"relevance", true}}}),
            "k3 k1 k2");
  EXPECT_EQ(shop.ids(SearchRequest{.query = "red kettle", .sort = {{"relevance", true}}}),
            shop.ids("red kettle"));
}

// The cheapest of what has some of the words is not what was asked for.
TEST(Search, SortedByAnAttributeAllWordsAreAskedFor) {
  SmallShop shop;
  shop.fill();
  const std::vector<SortKey> by_price = {{"price", false}};
  const std::tuple<const char*, std::optional<Relaxation>, const char*> rows[] = {
      {"red kettle", {}, "k1"},
      {"kettle", {}, "k3 k1 k2"},
      {"kettle sofa", {}, "k3 k1 k2"},  // Nothing has both.
      {"red kettle", Relaxation::kWords, "k3 k1 k2"},
      {"kettle sofa", Relaxation::kNone, ""},
  };
  for (const auto& [query, relaxation, want] : rows)
    EXPECT_EQ(shop.ids(SearchRequest{.query = query, .sort = by_price, .relaxation = relaxation}), want)
        << query;
}

TEST(Search, PricesInWordsAreOfferedAsFilters) {
  SmallShop shop;
  shop.fill();
  const struct {
    const char *query, *filters, *rest;
  } rows[] = {
      {"kettle under 40", "under 40 -> price < 40; ", "kettle"},
      {"under 40", "under 40 -> price < 40; ", ""},
      {"kettle 40", "", ""},
      {"kettle up to 2 kg", "", ""},  // No item here has a weight.
  };
  for (const auto& row : rows) {
    const auto answer = shop.search({.query = row.query});
    ASSERT_TRUE(answer.ok());
    std::string filters;
    for (const SuggestedFilter& one : answer->suggested_filters) {
      filters += one.text + " -> " + one.filter + "; ";
      EXPECT_TRUE(shop.search({.query = answer->remaining_query, .filter = one.filter}).ok());
    }
    EXPECT_EQ(filters, row.filters) << row.query;
    EXPECT_EQ(answer->remaining_query, row.rest) << row.query;
  }
  EXPECT_EQ(shop.ids(SearchRequest{.query = "kettle", .filter = "price < 40"}), "k1 k3");
  shop.settings(R"({"filterable": ["brand"]})");
  EXPECT_TRUE(shop.search({.query = "kettle under 40"})->suggested_filters.empty());
}

TEST(Search, PagesReachAsFarAsTheSettingsSayAndBrowseGoesOn) {
  SmallShop shop;
  for (int i = 0; i < 50; ++i) shop.item("i" + std::to_string(i), {{"title", "Kettle"}});
  shop.settings(R"({"pagination_max": 20})");
  SearchRequest request;
  request.query = "kettle";
  std::string all;
  for (request.from = 0, request.count = 5; request.from < 20; request.from += 5)
    all += shop.ids(request) + " ";
  EXPECT_EQ(std::count(all.begin(), all.end(), 'i'), 20);
  request.from = 18;
  EXPECT_NE(shop.ids(request).find("from: expected from + count at most 20"), std::string::npos);
  BrowseRequest browse;
  browse.count = 7;
  std::vector<std::string> seen;
  do {
    const auto answer = shop.service_.browse(browse);
    ASSERT_TRUE(answer.ok());
    for (const SearchHit& hit : answer->hits) seen.push_back(hit.id);
    browse.cursor = answer->cursor;
  } while (!browse.cursor.empty());
  EXPECT_EQ(seen.size(), 50u);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
  browse.cursor = "x";
  EXPECT_FALSE(shop.service_.browse(browse).ok());
}

TEST(Search, LimitsAreNamed) {
  SmallShop shop;
  shop.fill();
  const std::pair<const char*, SearchRequest> rows[] = {
      {"query: expected at most 1024 bytes", {.query = std::string(2000, 'a')}},
      {"filter: ", {.filter = "price <"}},
      {"filter: expected at most 4096", {.filter = std::string(5000, '(')}},
      {"language: ", {.query = "a", .language = "xx"}},
      {"from: expected from + count at most 1000", {.from = 990}},
      {"count: expected at most 1000", {.count = 1001}},
      {"sort: expected at most 4", {.sort = std::vector<SortKey>(5)}},
      {"facets: expected at most 50", {.facets = std::vector<FacetRequest>(51)}},
  };
  for (const auto& [want, request] : rows) {
    const auto answer = shop.search(request);
    ASSERT_FALSE(answer.ok()) << want;
    EXPECT_NE(answer.error().what.find(want), std::string::npos) << answer.error().what;
  }
  std::string many;
  for (int i = 0; i < 300; ++i) many += "a" + std::to_string(i % 7) + " ";
  many.resize(1024);
  EXPECT_TRUE(shop.search({.query = many}).ok());
}

}  // namespace
}  // namespace freshet
