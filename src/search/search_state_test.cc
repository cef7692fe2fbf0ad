// What changes: items, settings, generations, catalogues, restarts.
#include <gtest/gtest.h>

#include "search/testing/small_shop.h"

namespace freshet {
namespace {

using testing::SmallShop;

TEST(Search, AChangeIsFoundByTheNextSearch) {
  SmallShop shop;
  shop.fill();
  shop.item("k1", {{"price", 9.0}}, EventType::kItemUpdate);
  SearchRequest cheap;
  cheap.query = "kettle";
  cheap.filter = "price < 10";
  EXPECT_EQ(shop.ids(cheap), "k1");
  shop.item("k1", {{"title", "Teapot"}}, EventType::kItemUpdate);
  EXPECT_EQ(shop.ids("teapot"), "k1");
  EXPECT_EQ(shop.ids("red"), "");
  shop.item("k1", {}, EventType::kItemDelete);
  EXPECT_EQ(shop.ids("teapot"), "");
  shop.item("k1", {{"title", "Red kettle"}});
  EXPECT_EQ(shop.ids("red"), "k1");
}

TEST(Search, SynonymsAndSettingsHoldFromTheNextSearch) {
  SmallShop shop;
  shop.fill();
  shop.apply(settings_event("synonym-put", R"({"id":"1","words":["sofa","couch"]})", ""));
  EXPECT_EQ(shop.ids("sofa"), "s1");
  shop.apply(settings_event("synonym-delete", "1", ""));
  EXPECT_EQ(shop.ids("sofa"), "");
  EXPECT_EQ(shop.ids("acme"), "k1 k2");
  shop.settings(R"({"searchable": ["title"]})");
  EXPECT_EQ(shop.ids("acme"), "");
  EXPECT_EQ(shop.ids("couch"), "s1");
  shop.settings(R"({"searchable": ["title"], "typo": {"enabled": false}})");
  EXPECT_EQ(shop.ids("ketle"), "");
  SearchRequest before;  // A version that is not in force may be tried.
  before.query = "ketle";
  before.settings_version = 1;
  EXPECT_EQ(shop.ids(before), "k1 k2 k3");
  before.settings_version = 99;
  EXPECT_NE(shop.ids(before).find("settings_version: 99"), std::string::npos);
}

TEST(Search, ARestartFindsTheSame) {
  SmallShop shop;
  shop.fill();
  shop.settings(R"({"searchable": ["title", "brand"]})");
  shop.act(EventType::kPurchase, "k3");
  shop.item("k2", {}, EventType::kItemDelete);
  SmallShop again;
  for (size_t i = 0; i < shop.folds().size(); ++i) {
    Writer out;
    shop.folds()[i]->save(out);
    Reader in(out.bytes());
    ASSERT_TRUE(again.folds()[i]->load(in).ok());
    EXPECT_TRUE(in.done());
    Writer twice;
    again.folds()[i]->save(twice);
    EXPECT_EQ(twice.bytes(), out.bytes());
  }
  for (const char* query : {"kettle", "acme", "", "kitchen", "red kettle"})
    EXPECT_EQ(again.ids(query), shop.ids(query));
  EXPECT_EQ(again.ids("kettle"), "k3 k1");
}

TEST(Search, AGenerationIsBuiltBesideTheLiveOneAndKeepsWhatChangedMeanwhile) {
  SmallShop shop(true);
  for (int i = 0; i < 3000; ++i)
    shop.item("i" + std::to_string(i), {{"title", "Kettle " + std::to_string(i)}, {"brand", "Acme"}});
  shop.settings(R"({"searchable": ["brand"]})");
  for (int i = 0; i < 500; ++i)
    shop.item("i" + std::to_string(i), {{"brand", "Bravo"}}, EventType::kItemUpdate);
  shop.item("i7", {}, EventType::kItemDelete);
  shop.state_.wait_rebuilt();
  SearchRequest request;
  request.query = "bravo";
  EXPECT_EQ(shop.search(request)->found, 499u);
  request.query = "acme";
  EXPECT_EQ(shop.search(request)->found, 2500u);
  request.query = "kettle";
  EXPECT_EQ(shop.search(request)->found, 0u);
  shop.item("i8", {{"brand", "Chair"}}, EventType::kItemUpdate);
  EXPECT_EQ(shop.ids("chair"), "i8");
}

TEST(Search, ASwappedCatalogueIsFound) {
  SmallShop shop;
  shop.fill();
  shop.item("k1", {{"title", "Green kettle"}}, EventType::kItemUpsert, "next");
  shop.item("n1", {{"title", "Lamp"}}, EventType::kItemUpsert, "next");
  EXPECT_EQ(shop.ids("lamp"), "");
  Event swap;
  swap.type = EventType::kCatalogSwap;
  swap.catalogue = "next";
  shop.apply(swap);
  EXPECT_EQ(shop.ids("kettle"), "k1");
  EXPECT_EQ(shop.ids("green"), "k1");
  EXPECT_EQ(shop.ids("lamp"), "n1");
  EXPECT_EQ(shop.ids(""), "k1 n1");
}

TEST(Search, TheVectorsOfASwappedCatalogueAreTheOnesLookedAt) {
  SmallShop shop;
  const auto put = [&](const std::string& id, const char* vector, const std::string& catalogue) {
    shop.item(id, {{"_vector", vector}, {"title", "Thing"}}, EventType::kItemUpsert, catalogue);
  };
  put("a", "[1, 0, 0]", "");
  put("b", "[0, 1, 0]", "");
  const SearchRequest near{.count = 1, .vector = {1, 0.1f, 0}};
  EXPECT_EQ(shop.ids(near), "a");
  put("b", "[1, 0, 0]", "next");
  put("c", "[0, 0, 1]", "next");
  EXPECT_EQ(shop.ids(near), "a");
  Event swap;
  swap.type = EventType::kCatalogSwap;
  swap.catalogue = "next";
  shop.apply(swap);
  EXPECT_EQ(shop.ids(near), "b");
  EXPECT_EQ(shop.ids(SearchRequest{.count = 1, .vector = {0, 0.1f, 1}}), "c");
}

}  // namespace
}  // namespace freshet
