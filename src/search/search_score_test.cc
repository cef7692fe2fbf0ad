// What a score is made of.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "search/internal/closeness.h"
#include "search/popularity.h"
#include "search/testing/small_shop.h"

namespace freshet {
namespace {

using testing::SmallShop;

TEST(Search, PartsAddUpToTheScoreExactly) {
  SmallShop shop;
  shop.fill();
  for (int i = 0; i < 7; ++i) shop.act(EventType::kPurchase, "k3");
  for (const char* query :
       {"red kettle", "ketle", "acme blue ketttle", "k1", "kitchen", "frying pan couch"}) {
    SearchRequest request;
    request.query = query;
    request.explain = true;
    const auto explained = shop.search(request);
    request.explain = false;
    const auto plain = shop.search(request);
    ASSERT_TRUE(explained.ok() && plain.ok());
    ASSERT_EQ(explained->hits.size(), plain->hits.size());
    for (size_t i = 0; i < plain->hits.size(); ++i) {
      const SearchHit& hit = explained->hits[i];
      double forward = 0, backward = 0;
      for (const HitPart& part : hit.parts) forward += part.value;
      for (auto part = hit.parts.rbegin(); part != hit.parts.rend(); ++part) backward += part->value;
      EXPECT_EQ(forward, hit.score) << query << " " << hit.id;
      EXPECT_EQ(backward, hit.score) << query << " " << hit.id;
      EXPECT_EQ(plain->hits[i].score, hit.score);
      EXPECT_EQ(plain->hits[i].id, hit.id);
    }
  }
}

TEST(Search, TheClosenessOfTheWordingIsAPartOfTheScore) {
  SmallShop shop;
  shop.fill();
  for (const char* query : {"red kettle", "KETLES", "acme-blue  kettle", "frying pan 12x24"}) {
    SearchRequest request;
    request.query = query;
    request.explain = true;
    request.attributes = {"*"};
    const auto answer = shop.search(request);
    ASSERT_TRUE(answer.ok());
    ASSERT_FALSE(answer->hits.empty()) << query;
    double best = 0;
    std::vector<std::pair<double, double>> rows;  // what the answer says; what it is for a best score of 1
    const search_internal::Closeness closeness(query);
    for (const SearchHit& hit : answer->hits) {
      double words = 0, spelling = 0;
      for (const HitPart& part : hit.parts) {
        const bool by_words =
            part.name == "word" || part.name == "proximity" || part.name == "exact" || part.name == "begins";
        if (by_words) words += part.value;
        if (part.name == "spelling") spelling += part.value;
      }
      best = std::max(best, words);
      std::string text = hit.title;
      for (const Attribute& attribute : hit.attributes)
        if (attribute.name == "brand") text = std::get<std::string>(attribute.value) + " , " + text;
      rows.emplace_back(spelling, closeness.parts(text).value());
    }
    for (const auto& [said, share] : rows) EXPECT_NEAR(said, best * share, 1e-5) << query;
  }
}

// Titles that cannot come to the page are not looked at; pages of groups need all of them, and there every
// item is a group of its own.
TEST(Search, PagesAreTheSameWhenEveryTitleIsLookedAt) {
  SmallShop shop;
  shop.settings(R"({"ranking": [{"name": "popularity"}, {"name": "price", "descending": false}]})");
  Draw draw(7);
  const char* const words[] = {"red",  "blue", "kettle", "ketchup", "steel", "tea",
                               "lamp", "12",   "24x8",   "kettles", "rod",   "stool"};
  for (int i = 0; i < 400; ++i) {
    std::string title;
    for (uint64_t n = 1 + draw.below(6); n > 0; --n)
      title += (title.empty() ? "" : " ") + std::string(words[draw.below(std::size(words))]);
    const std::string id = "i" + std::to_string(i);
    shop.item(id, {{"title", title},
                   {"brand", draw.below(3) == 0 ? "Kettler" : "Acme"},
                   {"price", static_cast<double>(draw.below(5))},
                   {"sku", "sku" + id}});
    if (draw.below(4) == 0) shop.act(EventType::kView, id);
  }
  for (const char* query :
       {"kettle", "red kettle", "ketle blu", "steel tea 12 lamp", "red -blue", "stool rod"})
    for (const uint32_t from : {0, 7, 100}) {
      SearchRequest request{.query = query, .from = from, .count = 9};
      const auto some = shop.search(request);
      request.group_by = "sku";
      const auto all = shop.search(request);
      ASSERT_TRUE(some.ok() && all.ok());
      ASSERT_EQ(some->hits.size(), all->hits.size()) << query;
      ASSERT_TRUE(from > 7 || some->hits.size() == 9) << query;
      for (size_t i = 0; i < some->hits.size(); ++i) {
        EXPECT_EQ(some->hits[i].id, all->hits[i].id) << query << " " << from + i;
        EXPECT_EQ(some->hits[i].score, all->hits[i].score) << query << " " << from + i;
      }
    }
}

// What is excluded is not looked for in the spelling either.
TEST(Search, ExcludedWordsAreNoSpelling) {
  SmallShop shop;
  shop.fill();
  SearchRequest request;
  request.explain = true;
  const auto spelling = [&](const char* query) {
    request.query = query;
    double value = 0;
    const auto answer = shop.search(request);
    for (const HitPart& part : answer->hits.at(0).parts)
      if (part.name == "spelling") value = part.value;
    return value;
  };
  EXPECT_EQ(spelling("kettle -sofa"), spelling("kettle"));
}

TEST(Search, WhatIsPopularStandsFirstAmongEquals) {
  SmallShop shop;
  shop.fill();
  EXPECT_EQ(shop.ids("kettle"), "k1 k2 k3");
  for (int i = 0; i < 3; ++i) shop.act(EventType::kView, "k2");
  EXPECT_EQ(shop.ids("kettle"), "k2 k1 k3");
  EXPECT_EQ(shop.ids(""), "k2 k1 k3 p1 s1");
  shop.settings(R"({"ranking": [{"name": "price", "descending": false}], "popularity_weight": 0})");
  EXPECT_EQ(shop.ids("kettle"), "k3 k1 k2");
  EXPECT_EQ(shop.ids(""), "k3 p1 k1 k2 s1");
}

TEST(Search, WhatAQueryIsUsuallyAfterIsLiftedAndExplained) {
  SmallShop shop;
  shop.item("a", {{"title", "Kettle"}, {"category", "Toys"}, {"brand", "Play"}});
  shop.item("b", {{"title", "Kettle"}, {"category", "Kitchen"}, {"brand", "Acme"}});
  shop.item("c", {{"title", "Kettle"}, {"category", "Kitchen"}, {"brand", "Bravo"}});
  shop.item("d", {{"title", "Lamp"}, {"category", "Kitchen"}, {"brand", "Acme"}});
  shop.settings(R"({"popularity_weight": 0, "semantic_weight": 0, "ranking": []})");
  EXPECT_EQ(shop.ids("kettle"), "a b c");
  for (int i = 0; i < 20; ++i) {
    Event search;
    search.type = EventType::kSearch;
    search.user = "u";
    search.query = "kettle";
    shop.apply(search);
    shop.act(EventType::kClick, "b");
  }
  EXPECT_EQ(shop.ids("kettle"), "b c a");  // The brand too; and nothing is hidden.
  SearchRequest request{.query = "kettle", .explain = true};
  const auto answer = shop.search(request);
  std::string details;
  for (const SearchHit& hit : answer->hits) {
    double sum = 0;
    for (const HitPart& part : hit.parts) {
      sum += part.value;
      if (part.name == "intent") details += hit.id + ": " + part.detail + "; ";
    }
    EXPECT_EQ(sum, hit.score) << hit.id;
  }
  EXPECT_EQ(details, "b: category:Kitchen 100%, brand:Acme 100%; c: category:Kitchen 100%; ");
  EXPECT_LE(answer->hits[0].score, answer->hits[2].score * 1.1);
  shop.settings(R"({"popularity_weight": 0, "semantic_weight": 0, "ranking": [], "intent_weight": 0})");
  EXPECT_EQ(shop.ids("kettle"), "a b c");
}

TEST(Popularity, DecaysWithoutBeingTouchedAndKeysCompareAtAnyTime) {
  const double half_life = 1000;
  double key = kNoPopularity;
  EXPECT_EQ(popularity_at(key, 5, half_life), 0);
  key = popularity_add(key, 4, 1'000'000, half_life);
  EXPECT_NEAR(popularity_at(key, 1'000'000, half_life), 4, 1e-9);
  EXPECT_NEAR(popularity_at(key, 1'001'000, half_life), 2, 1e-9);
  EXPECT_NEAR(popularity_at(key, 1'000'500, half_life), 4 / std::sqrt(2), 1e-9);
  key = popularity_add(key, 1, 1'002'300, half_life);  // 4 * 2^-2.3 + 1
  EXPECT_NEAR(popularity_at(key, 1'002'300, half_life), 4 * std::pow(2, -2.3) + 1, 1e-9);
  key = popularity_add(key, 1, 1'001'300, half_life);  // Late: as if it had come in time.
  EXPECT_NEAR(popularity_at(key, 1'002'300, half_life), 4 * std::pow(2, -2.3) + 1.5, 1e-9);
  const double other = popularity_add(kNoPopularity, 1.9, 1'002'300, half_life);
  EXPECT_LT(other, key);
  EXPECT_GT(popularity_add(kNoPopularity, 1, 1'900'000'000, half_life), key);
}

}  // namespace
}  // namespace freshet
