// What decides the order of a page beside the score, through the services that answer: the declared
// objective, diversity, the cap on categories, trials, what the reasons say, and the shop's rules.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "engine/testing/ranked_shop.h"
#include "rank/objective.h"
#include "rules/rules.h"

namespace freshet {
namespace {

using Shop = RankedShop;

int number(const std::string& id) {
  return std::stoi(id.substr(1));
}

template <class Parts>
double total_of(const Parts& parts) {
  double sum = 0;
  for (const auto& part : parts) sum += part.value;
  return sum;
}

// The mean place of the items that are such, on pages of all shoppers: 0 is the first.
template <class Such>
double place_of(Shop& shop, bool search, const Such& such) {
  double sum = 0, n = 0;
  for (int u = 0; u < 15; ++u) {
    std::vector<std::string> ids;
    const std::string user = "u" + std::to_string(u);
    if (search) {
      SearchRequest request;
      request.query = "lamp";
      request.user = user;
      request.count = Shop::kItems;
      const SearchAnswer answer = shop.search().search(request, shop.now()).value();
      for (const SearchHit& hit : answer.hits) ids.push_back(hit.id);
    } else {
      for (const RecommendedItem& item : shop.recommend(user, 0, Shop::kItems).items) ids.push_back(item.id);
    }
    for (size_t place = 0; place < ids.size(); ++place) {
      if (!such(number(ids[place]))) continue;
      sum += static_cast<double>(place);
      n += 1;
    }
  }
  return sum / n;
}

// Red is clicked most, blue is bought: some with a large margin, some with a small one.
bool blue(int i) {
  return i % 4 == 1;
}
bool large(int i) {
  return i % 8 == 1;
}

std::vector<Attribute> with_margin(int i) {
  std::vector<Attribute> out = Shop::usual(i);
  if (blue(i)) out[1].value = std::string("blue");
  out.push_back({"margin", large(i) ? 9.0 : 1.0});
  out.push_back({"rest", large(i) ? 1.0 : 9.0});
  return out;
}

void follow(Shop& shop, bool search) {
  shop.clicked = [](const std::string& id) { return Shop::red(id) ? 0.5 : blue(number(id)) ? 0.3 : 0.05; };
  shop.bought = [](const std::string& id) { return blue(number(id)) ? 0.8 : 0.02; };
  for (int n = 0; n < 500; ++n) shop.visit(n, search);
}

std::string with(const std::string& ranker) {
  return R"({"click_weight": 0, "popularity_weight": 0, "intent_weight": 0, "semantic_weight": 0, "ranking": [],
             "ranker": {"search_weight": 1, )" +
         ranker + "}}";
}

TEST(PageOrder, FollowsTheDeclaredObjective) {
  for (const bool search : {false, true}) {
    SCOPED_TRACE(search ? "search" : "recommend");
    Shop shop(with_margin);
    shop.settings(with(R"("control": 0)"));
    follow(shop, search);
    const auto red = [](int i) { return Shop::red(Shop::id(i)); };
    shop.settings(with(R"("click": 1)"));
    EXPECT_LT(place_of(shop, search, red), place_of(shop, search, blue)) << "clicks";
    const double small_by_clicks = place_of(shop, search, [](int i) { return blue(i) && !large(i); });
    const double large_by_clicks = place_of(shop, search, [](int i) { return blue(i) && large(i); });
    shop.settings(with(R"("click": 0, "purchase": 1, "value": "")"));
    EXPECT_LT(place_of(shop, search, blue), place_of(shop, search, red)) << "purchases";
    shop.settings(with(R"("click": 0, "purchase": 1, "value": "margin")"));
    const double large_by_margin = place_of(shop, search, [](int i) { return blue(i) && large(i); });
    const double small_by_margin = place_of(shop, search, [](int i) { return blue(i) && !large(i); });
    EXPECT_LT(large_by_margin, small_by_margin) << "purchases x margin";
    EXPECT_LT(large_by_margin, large_by_clicks);
    EXPECT_GT(small_by_margin - large_by_margin, small_by_clicks - large_by_clicks);
    shop.settings(with(R"("click": 0, "purchase": 1, "value": "rest")"));
    EXPECT_GT(place_of(shop, search, [](int i) { return blue(i) && large(i); }),
              place_of(shop, search, [](int i) { return blue(i) && !large(i); }))
        << "the other way round";
  }
}

// Of a page: how many of each category (i % 3).
std::map<int, int> categories(const RecommendAnswer& page) {
  std::map<int, int> out;
  for (const RecommendedItem& item : page.items) ++out[number(item.id) % 3];
  return out;
}
std::map<int, int> categories(const SearchAnswer& page) {
  std::map<int, int> out;
  for (const SearchHit& hit : page.hits) ++out[number(hit.id) % 3];
  return out;
}

// Shoppers answer to category 0 only, so that without a cap the pages are full of it.
void like_one_category(Shop& shop, bool search) {
  shop.clicked = [](const std::string& id) { return number(id) % 3 == 0 ? 0.5 : 0.05; };
  for (int n = 0; n < 400; ++n) shop.visit(n, search);
}

uint64_t control_key(const RankerSettings& settings) {
  for (uint64_t key = 1;; ++key)
    if (is_control(settings, key)) return key;
}

TEST(PageOrder, TheCapHoldsWhetherTheRankerIsHeardOrNot) {
  Shop shop;
  like_one_category(shop, false);
  ASSERT_GT(categories(shop.recommend("u1", 0, 6))[0], 2) << "nothing to cap";
  const uint64_t control = control_key({});
  for (const char* more : {"", R"(, "weight": 0)", R"(, "exploration": 1)"}) {
    shop.settings(std::string(R"({"ranker": {"category_cap": 2)") + more + "}}");
    for (uint64_t key = 0; key < 20; ++key)
      for (const auto& [category, count] : categories(shop.recommend("u1", key == 19 ? control : key, 6)))
        EXPECT_EQ(count, 2) << category << more << key;
  }
  shop.settings(R"({"ranker": {"category_cap": 2}})");
  EXPECT_FALSE(shop.recommend("u1", control, 6).ranked);
  for (const RecommendedItem& item : shop.recommend("u1", control, 6).items) {
    EXPECT_EQ(item.propensity, 1);
    EXPECT_EQ(total_of(item.parts), static_cast<double>(item.score));
  }
  RecommendRequest request;
  request.user = "u1";
  request.k = 6;
  for (const Surface surface : {Surface::kTrending, Surface::kBoughtTogether, Surface::kRelated}) {
    request.surface = surface;
    request.items = {"i0"};
    for (const auto& [category, count] : categories(shop.recommend(request)))
      EXPECT_EQ(count, 2) << surface_name(surface);
  }
}

TEST(PageOrder, TheCapDiversityAndTrialsHoldInSearches) {
  Shop shop;
  shop.settings(with(R"("control": 0)"));
  like_one_category(shop, true);
  ASSERT_GT(categories(shop.find("u1"))[0], 4) << "nothing to cap";
  const auto first_three = [&] {
    SearchAnswer page = shop.find("u1");
    page.hits.resize(3);
    return categories(page).size();
  };
  EXPECT_EQ(first_three(), 1u);
  shop.settings(with(R"("diversity": 1)"));
  EXPECT_EQ(first_three(), 3u);
  for (const char* more : {R"("category_cap": 4)", R"("category_cap": 4, "exploration": 1)"}) {
    shop.settings(with(more));
    for (uint64_t key = 1; key < 20; ++key)
      for (const auto& [category, count] : categories(shop.find("u1", {}, key))) EXPECT_LE(count, 4) << more;
  }
  shop.settings(with(R"("exploration": 1, "control": 0)"));
  int tried = 0;
  for (uint64_t key = 1; key < 20; ++key)
    for (const SearchHit& hit : shop.find("u1", {}, key).hits) tried += hit.propensity < 0.1f ? 1 : 0;
  EXPECT_EQ(tried, 19) << "one place of each page";
  for (const SearchHit& hit : shop.find("u1").hits)
    EXPECT_EQ(hit.propensity, 1) << "nobody is shown this page";
  // Without the ranker, too; and an order that was asked for is left alone.
  shop.settings(R"({"click_weight": 0, "ranker": {"category_cap": 4, "exploration": 1}})");
  const SearchAnswer plain = shop.find("u1", {}, 3);
  EXPECT_FALSE(plain.ranked);
  for (const auto& [category, count] : categories(plain)) EXPECT_LE(count, 4);
  for (const SearchHit& hit : plain.hits) EXPECT_EQ(hit.propensity, 1);
  shop.settings(R"({"ranker": {"category_cap": 1}})");
  const SearchAnswer sorted = shop.find("u1", {{"price", false}});
  for (size_t i = 1; i < sorted.hits.size(); ++i) EXPECT_GT(sorted.hits[i].price, sorted.hits[i - 1].price);
}

// Ten places of a search, page by page, with the coins of one search.
TEST(PageOrder, PagesOfASearchHoldTheCapEachAndShareTheirTrials) {
  Shop shop;
  shop.settings(with(R"("control": 0)"));
  like_one_category(shop, true);
  shop.settings(with(R"("category_cap": 4, "exploration": 1, "control": 0)"));
  for (uint64_t key = 1; key < 20; ++key) {
    std::set<std::string> seen;
    int tried = 0;
    for (uint32_t from = 0; from < Shop::kItems; from += 10) {
      SearchRequest request;
      request.query = "lamp";
      request.user = "u1";
      request.from = from;
      request.count = 10;
      request.explore = 1000 * key + from;  // Of the page.
      request.explore_search = key;
      const SearchAnswer page = shop.search().search(request, shop.now()).value();
      ASSERT_TRUE(page.ranked);
      for (const SearchHit& hit : page.hits) {
        EXPECT_TRUE(seen.insert(hit.id).second) << hit.id << " again, " << from;
        tried += hit.propensity < 0.1f ? 1 : 0;
      }
      if (from >= 20) continue;
      for (const auto& [category, count] : categories(page)) EXPECT_LE(count, 4) << from;
    }
    EXPECT_EQ(seen.size(), size_t{Shop::kItems});
    EXPECT_EQ(tried, 2) << "who came, and who went";
  }
}

// An item with a brand and no category is of no category; one without a brand has no brand.
TEST(PageOrder, CategoryAndBrandAreTheNamedOnes) {
  const auto brand_only = [](int i) {
    return std::vector<Attribute>{{"brand", i % 10 == 9 ? Shop::id(i) : std::string("one")},
                                  {"title", "lamp number " + std::to_string(i)}};
  };
  Shop branded(brand_only);
  for (int n = 0; n < 100; ++n) branded.visit(n, false);
  const auto ids = [](const RecommendAnswer& page) {
    std::vector<std::string> out;
    for (const RecommendedItem& item : page.items) out.push_back(item.id);
    return out;
  };
  branded.settings(R"({"ranker": {"weight": 0}})");
  const auto before = ids(branded.recommend("u1"));
  branded.settings(R"({"ranker": {"weight": 0, "category_cap": 1}})");
  EXPECT_EQ(ids(branded.recommend("u1")), before) << "a brand is no category";
  const EpochGuard guard;
  const Catalog& catalog = branded.state().catalog();
  EXPECT_EQ(catalog.item(catalog.find("i0"))->category(), 0u);
  EXPECT_EQ(catalog.facet_name(catalog.item(catalog.find("i0"))->brand()), "brand:one");
  Shop usual;
  const Catalog& other = usual.state().catalog();
  EXPECT_EQ(other.facet_name(other.item(other.find("i0"))->category()), "category:c0");
  EXPECT_EQ(other.item(other.find("i0"))->brand(), 0u);
}

TEST(PageOrder, TheReasonIsThatOfWhatMovedTheItem) {
  Shop shop;
  for (int n = 0; n < 400; ++n) shop.visit(n, false);
  std::set<std::string> by_ranker;
  int by_source = 0;
  for (int u = 0; u < 15; ++u)
    for (const RecommendedItem& item : shop.recommend("u" + std::to_string(u)).items) {
      EXPECT_EQ(total_of(item.parts), static_cast<double>(item.score)) << item.id;
      EXPECT_FALSE(item.reason.empty());
      if (item.reason_kind != "ranker") {
        ++by_source;
        continue;
      }
      by_ranker.insert(item.reason);
      EXPECT_TRUE(item.reason_item.empty());
      // The greatest of the ranker's parts that a shopper can be told.
      const RecommendPart* most = nullptr;
      std::string said;
      for (const RecommendPart& part : item.parts)
        for (size_t p = 0; part.part == "ranker" && p < kRankParts; ++p)
          if (rank_part_name(p) == part.evidence && !rank_part_sentence(p).empty() &&
              (most == nullptr || part.value > most->value)) {
            most = &part;
            said = rank_part_sentence(p);
          }
      ASSERT_NE(most, nullptr);
      EXPECT_GT(most->value, 0);
      EXPECT_EQ(item.reason, said);
    }
  EXPECT_TRUE(by_ranker.contains("has what shoppers often choose") ||
              by_ranker.contains("like what you chose before"))
      << by_ranker.size();
  EXPECT_GT(by_source, 0) << "who was not moved keeps the reason of the source";
  shop.settings(R"({"ranker": {"weight": 0}})");
  for (const RecommendedItem& item : shop.recommend("u1").items) EXPECT_NE(item.reason_kind, "ranker");
}

RecommendAnswer ruled(const Shop& shop, const std::vector<std::string>& rules, RecommendRequest request) {
  std::vector<Rule> parsed;
  for (const std::string& json : rules) parsed.push_back(parse_rule(json).value());
  std::vector<const Rule*> met;
  for (const Rule& rule : parsed) met.push_back(&rule);
  return recommend_with_rules(shop.recommendations(), request, met, shop.now()).value();
}

// Beside an item a lift moves what goes with it; what has no reason to be there it does not bring.
TEST(PageOrder, BesideAnItemALiftBringsNothingNew) {
  constexpr int kMore = 2000;  // Nobody ever looked at them.
  Shop shop;
  like_one_category(shop, false);
  for (int i = 0; i < kMore; ++i) {
    Event event;
    event.type = EventType::kItemUpsert;
    event.item = "other" + std::to_string(i);
    event.attributes = {{"category", std::string("others")}, {"price", 1000.0 + i}};
    shop.apply(event);
  }
  RecommendRequest request;
  request.surface = Surface::kRelated;
  request.items = {"i0"};
  request.k = 4;
  const auto proposed = [&](int price) {
    RecommendRequest only = request;
    only.shop.fill = false;
    only.shop.filters = {"price = " + std::to_string(price)};
    return !shop.recommend(only).items.empty();
  };
  const auto comes_first = [&](const std::string& id, int price) {
    const std::string lift = R"({"id": "l", "then": {"lift": "price = )" + std::to_string(price) + "\"}}";
    return ruled(shop, {lift}, request).items[0].id == id;
  };
  size_t left = 0;
  for (int i = 0; i < kMore; i += 50) {
    const std::string id = "other" + std::to_string(i);
    left += proposed(1000 + i) ? 0 : 1;
    EXPECT_EQ(comes_first(id, 1000 + i), proposed(1000 + i)) << id;
  }
  EXPECT_GT(left, 20u);
  EXPECT_TRUE(comes_first("i9", 19)) << "seen with the others";
  // Where the whole shop may be shown, a lift shows what nobody knows.
  request.surface = Surface::kForYou;
  request.items.clear();
  request.user = "u1";
  EXPECT_TRUE(comes_first("other1950", 2950));
}

TEST(PageOrder, RulesComeAfterDiversityAndHidingAlwaysHolds) {
  Shop shop;
  like_one_category(shop, false);
  RecommendRequest request;
  request.user = "u1";
  request.k = 6;
  shop.settings(R"({"ranker": {"category_cap": 2, "diversity": 0.5, "exploration": 1}})");
  const std::string pins =
      R"({"id": "p", "then": {"pin": [{"item": "i3", "position": 0}, {"item": "i6", "position": 1},
      {"item": "i9", "position": 2}]}})";
  const RecommendAnswer pinned = ruled(shop, {pins}, request);
  ASSERT_EQ(pinned.items.size(), 6u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(pinned.items[i].id, Shop::id(3 * static_cast<int>(i) + 3));
    EXPECT_EQ(pinned.items[i].reason_kind, "rule");
    EXPECT_EQ(pinned.items[i].propensity, 1);
  }
  for (size_t i = 3; i < 6; ++i)
    EXPECT_NE(number(pinned.items[i].id) % 3, 0) << "pinned ones count for the cap";
  // What is lifted stands before all others but the pinned.
  const RecommendAnswer lifted =
      ruled(shop, {pins, R"({"id": "l", "then": {"lift": "price >= 48"}})"}, request);
  for (size_t i = 3; i < 5; ++i) EXPECT_GE(lifted.items[i].price, 48) << i;
  EXPECT_LT(lifted.items[5].price, 48);
  EXPECT_EQ(lifted.rules_applied, (std::vector<std::string>{"p", "l"}));
  // Hidden: by a pin, by a lift, and whatever filters pins follow.
  const std::string hide =
      R"({"id": "h", "then": {"hide": ["i3", "i38", "i39"], "pins_follow_filters": false}})";
  for (uint64_t key = 1; key < 20; ++key) {
    request.explore = key;
    for (const RecommendedItem& item :
         ruled(shop, {pins, R"({"id": "l", "then": {"lift": "price >= 48"}})", hide}, request).items)
      EXPECT_TRUE(item.id != "i3" && item.id != "i38" && item.id != "i39") << item.id;
  }
  // Filters hold; the shopper's own lists are only hidden and filtered.
  for (const RecommendedItem& item :
       ruled(shop, {R"({"id": "f", "then": {"filter": "price < 20"}})"}, request).items)
    EXPECT_LT(item.price, 20);
  request.surface = Surface::kRecentlyViewed;
  const RecommendAnswer seen = shop.recommend(request);
  ASSERT_GT(seen.items.size(), 1u);
  const RecommendAnswer own =
      ruled(shop, {pins, R"({"id": "h", "then": {"hide": [")" + seen.items[0].id + "\"]}}"}, request);
  for (const RecommendedItem& item : own.items) EXPECT_NE(item.id, seen.items[0].id);
  EXPECT_EQ(own.items[0].id, seen.items[1].id);
}

}  // namespace
}  // namespace freshet
