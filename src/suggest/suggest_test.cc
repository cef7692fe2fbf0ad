#include <algorithm>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "suggest/intent.h"
#include "suggest/price_phrase.h"
#include "suggest/suggestions.h"

namespace freshet {
namespace {

constexpr TimeMs kDay = TimeMs{24} * 3600 * 1000;

class Shop {
 public:
  explicit Shop(SuggestionsConfig config = {}, uint32_t intent_rows = 1024)
      : catalog_(moment_, {.items_max = 1000}),
        trail_(moment_),
        suggestions_(moment_, trail_, config),
        intent_(moment_, catalog_, trail_, {.rows = intent_rows}) {}
  std::vector<Fold*> folds() { return {&catalog_, &trail_, &suggestions_, &intent_}; }
  void apply(const Event& event, TimeMs at) {
    moment_.skip = false;
    moment_.time_ms = at;
    moment_.now_ms = std::max(moment_.now_ms, at);
    moment_.key = mix64(offset_, 5);
    moment_.item = kNoItem;
    for (Fold* fold : folds()) fold->apply(offset_, event);
    ++offset_;
  }
  void search(const std::string& who, const std::string& query, TimeMs at, double results = 10) {
    Event event;
    event.type = EventType::kSearch;
    event.user = who;
    event.query = query;
    event.result_count = results;
    apply(event, at);
  }
  void click(const std::string& who, const std::string& item, TimeMs at, EventType type = EventType::kClick) {
    Event event;
    event.type = type;
    event.user = who;
    event.item = item;
    apply(event, at);
  }
  void list(const std::string& id, const std::string& category, const std::string& brand) {
    Event event;
    event.type = EventType::kItemUpsert;
    event.item = id;
    event.attributes = {{"brand", brand}, {"category", category}, {"title", id}};
    apply(event, 0);
  }
  // `times` searches by as many shoppers.
  void many(const std::string& query, int times, TimeMs at = 1000, double results = 10) {
    for (int i = 0; i < times; ++i) search(query + std::to_string(i), query, at, results);
  }
  std::vector<std::string> complete(std::string_view prefix, uint32_t count = 10, bool typos = true,
                                    const std::vector<std::string>& hidden = {}) {
    const EpochGuard guard;
    std::vector<Suggestion> out;
    suggestions_.complete(prefix, count, typos, hidden, out);
    return texts(out);
  }
  static std::vector<std::string> texts(const std::vector<Suggestion>& from) {
    std::vector<std::string> out;
    for (const Suggestion& s : from) out.push_back(s.text);
    return out;
  }
  std::string bytes() {
    Writer out;
    for (Fold* fold : folds()) fold->save(out);
    return out.take();
  }
  Suggestions& suggestions() { return suggestions_; }
  Intent& intent() { return intent_; }
  Catalog& catalog() { return catalog_; }
  SearchTrail& trail() { return trail_; }

 private:
  Moment moment_;
  Catalog catalog_;
  SearchTrail trail_;
  Suggestions suggestions_;
  Intent intent_;
  Offset offset_ = 0;
};

using Texts = std::vector<std::string>;

TEST(Suggestions, CompleteByPrefix) {
  Shop shop;
  shop.many("red shoes", 5);
  shop.many("Red  DRESS!", 9);
  shop.many("red dress", 1);  // The same query.
  shop.many("reading lamp", 4);
  shop.many("blue shoes", 6);
  shop.many("secret of one", 1);
  shop.many("no such thing", 8, 1000, 0);
  shop.many("fuck this", 9);
  shop.many("call 0123 456789", 9);
  shop.many("me@example.org", 9);
  shop.many("red wine", 5);
  shop.many("диван", 4);
  const struct {
    const char* what;
    std::string_view prefix;
    Texts want;
  } rows[] = {
      {"by weight, then text", "re", {"red dress", "red shoes", "red wine", "reading lamp"}},
      {"case does not matter", "RED d", {"red dress"}},
      {"a finished word", "red ", {"red dress", "red shoes", "red wine"}},
      {"too few shoppers", "secret", {}},
      {"found nothing", "no such", {}},
      {"offensive", "fuck", {}},
      {"a telephone number", "call", {}},
      {"an address", "me exa", {}},
      {"other scripts", "ДИВ", {"диван"}},
      {"a letter swapped", "red sheos", {"red shoes"}},
      {"a letter missing", "rding la", {}},
      {"a letter missing", "reding la", {"reading lamp"}},
      {"a letter too many", "blluue", {}},
      {"a letter too many", "bluue sh", {"blue shoes"}},
      {"a letter replaced", "blie sh", {"blue shoes"}},
      {"the first letter is believed", "glue sh", {}},
      {"nothing like it", "zzzz", {}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(shop.complete(row.prefix), row.want) << row.what << ": " << row.prefix;
  EXPECT_EQ(shop.complete("", 2), (Texts{"red dress", "blue shoes"}));
  EXPECT_EQ(shop.complete("blie sh", 5, false), Texts());
  EXPECT_EQ(shop.complete("re", 2, true, {"dress"}), (Texts{"red shoes", "red wine"}));
  shop.many("no such thing", 1, 2000, 3);  // It is found now.
  EXPECT_EQ(shop.complete("no such"), Texts{"no such thing"});
}

TEST(Suggestions, ActionsWeighMoreAndOldOnesLess) {
  Shop shop;
  shop.many("kettle", 5);
  shop.many("kite", 4);
  shop.search("z", "kite", 1500);
  shop.click("z", "item", 1600, EventType::kPurchase);
  EXPECT_EQ(shop.complete("k"), (Texts{"kite", "kettle"}));
  shop.many("king", 6, 90 * kDay);  // Six half-lives later a few searches outweigh many old ones.
  EXPECT_EQ(shop.complete("k")[0], "king");
  shop.many("knife", 3, 2000 * kDay);  // Beyond where the growing weights are divided.
  EXPECT_EQ(shop.complete("k")[0], "knife");
  EXPECT_EQ(shop.complete("k"), (Texts{"knife", "king", "kite", "kettle"}));
}

TEST(Suggestions, EqualTheirSlowTwinAndStayBounded) {
  Shop shop({.queries_max = 3000, .shoppers_min = 1});
  const char* letters = "abcd";
  Draw draw(1);
  for (int n = 0; n < 12'000; ++n) {
    std::string query;
    const uint64_t size = 2 + draw.below(7);
    for (uint64_t i = 0; i < size; ++i) query.push_back(letters[draw.below(4)]);
    shop.search("u" + std::to_string(n % 50), query, n * 1000, draw.below(5) == 0 ? 0 : 3);
    ASSERT_LE(shop.suggestions().queries(), 3000u);
  }
  EXPECT_GT(shop.suggestions().evicted(), 100u);
  for (const std::string prefix : {"", "a", "ab", "dcb", "aaaa", "dddddddd", "e"})
    for (const uint32_t count : {1u, 7u, 100u}) {
      std::vector<Suggestion> slow;
      const EpochGuard guard;
      shop.suggestions().complete_slowly(prefix, count, {}, slow);
      EXPECT_EQ(shop.complete(prefix, count, false), Shop::texts(slow)) << prefix;
    }
  const std::string saved = shop.bytes();
  Shop other({.queries_max = 3000, .shoppers_min = 1});
  Reader in(saved);
  for (Fold* fold : other.folds()) ASSERT_TRUE(fold->load(in).ok()) << fold->name();
  EXPECT_EQ(other.bytes(), saved);
  EXPECT_EQ(other.complete("ab"), shop.complete("ab"));
  for (size_t cut : {size_t{3}, saved.size() / 2}) {
    Shop broken;
    Reader half(std::string_view(saved).substr(0, cut));
    bool ok = true;
    for (Fold* fold : broken.folds()) ok = ok && fold->load(half).ok();
    EXPECT_FALSE(ok);
  }
}

TEST(Suggestions, TrendingIsWhatGrows) {
  Shop shop;
  for (int day = 0; day < 60; ++day) shop.many("coffee", 6, day * kDay);
  shop.many("umbrella", 8, 59 * kDay);
  const EpochGuard guard;
  std::vector<Suggestion> out;
  shop.suggestions().trending(5, {}, out);
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(out[0].text, "umbrella");
  EXPECT_GT(out[0].weight, 2);
  EXPECT_EQ(
      std::count_if(out.begin(), out.end(), [](auto& s) { return s.text == "coffee" && s.weight > 1.5; }), 0);
}

TEST(Suggestions, InsteadIsWhatOthersTypedNext) {
  Shop shop;
  for (int i = 0; i < 3; ++i) {
    const std::string who = "u" + std::to_string(i);
    shop.search(who, "ketle", 1000 + i, 0);
    shop.search(who, "kettle", 2000 + i, 12);
  }
  shop.search("x", "ketle", 3000, 0);
  shop.search("x", "private thing", 3500, 1);
  shop.search("y", "lamp", 4000, 5);
  shop.click("y", "item", 4100);
  shop.search("y", "table", 4200, 5);  // Something was clicked in between: no reformulation.
  const EpochGuard guard;
  std::vector<Suggestion> out;
  shop.suggestions().instead("Ketle", 3, {}, out);
  EXPECT_EQ(Shop::texts(out), Texts{"kettle"});
  EXPECT_NEAR(out[0].weight, 0.75, 1e-6);
  shop.suggestions().instead("lamp", 3, {}, out);
  EXPECT_TRUE(out.empty());
  const std::string hidden[] = {"kettle"};
  shop.suggestions().instead("ketle", 3, hidden, out);
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(shop.suggestions().hides("A Kettle!", hidden));
  EXPECT_FALSE(shop.suggestions().hides("kettles", hidden));
}

TEST(SearchTrail, FindsTheSearchOfAnAction) {
  Shop shop;
  shop.search("u", "red shoes", 1000);
  shop.click("u", "a", 2000);
  EXPECT_EQ(shop.trail().query(), "red shoes");
  shop.click("v", "a", 2000);
  EXPECT_EQ(shop.trail().query(), "");
  shop.click("u", "a", 1000 + 11 * 60 * 1000);
  EXPECT_EQ(shop.trail().query(), "") << "too long ago";
  Event event;
  event.type = EventType::kSearch;
  event.user = "w";
  event.query = "hat";
  event.query_id = "q1";
  shop.apply(event, 5000);
  event = {};
  event.type = EventType::kClick;
  event.user = "somebody else";
  event.item = "a";
  event.query_id = "q1";
  shop.apply(event, 6000);
  EXPECT_EQ(shop.trail().query(), "hat");
  event.query = "Green Hat";
  shop.apply(event, 6000);
  EXPECT_EQ(shop.trail().query(), "green hat");
}

TEST(Intent, LearnsFromClicksAndBacksOffToWords) {
  Shop shop;
  shop.list("pan", "Kitchen > Pans", "Acme");
  shop.list("pot", "Kitchen > Pots", "Other");
  shop.list("tv", "Electronics > TV", "Acme");
  std::vector<FacetChance> out;
  const EpochGuard guard;
  shop.intent().categories("frying pan", 0, out);
  EXPECT_TRUE(out.empty());
  for (int i = 0; i < 20; ++i) {
    const std::string who = std::to_string(i);
    shop.search(who, "frying pan", 1000 * i);
    shop.click(who, "pan", 1000 * i + 1);
    shop.search(who, "television", 1000 * i + 2);
    shop.click(who, "tv", 1000 * i + 3);
  }
  shop.search("p", "frying pan", 50'000);
  shop.click("p", "pot", 50'001);
  const auto top = [&](std::string_view query) {
    shop.intent().categories(query, 0.01f, out);
    return out.empty() ? std::string_view() : shop.catalog().facet_name(out[0].facet);
  };
  EXPECT_EQ(top("frying pan"), "category:Kitchen > Pans");
  EXPECT_GT(out[0].chance, 0.8f);
  float sum = 0;
  for (const FacetChance& chance : out) sum += chance.chance;
  EXPECT_LE(sum, 1.0001f);
  const float whole = out[0].chance;
  EXPECT_EQ(top("Big PAN"), "category:Kitchen > Pans") << "by its word";
  EXPECT_LT(out[0].chance, whole);
  EXPECT_EQ(top("television"), "category:Electronics > TV");
  EXPECT_EQ(top("unheard of"), "");
  shop.intent().brands("frying pan", 0.5f, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(shop.catalog().facet_name(out[0].facet), "brand:Acme");
  const ItemRecord* pan = shop.catalog().item(shop.catalog().find("pan"));
  EXPECT_EQ(Intent::chance_of(out, pan->facets), out[0].chance);
}

TEST(Intent, StaysBounded) {
  Shop shop({}, 16);
  shop.list("a", "A", "x");
  for (int i = 0; i < 300; ++i) {
    shop.search("u", "often asked", 1000 * i);
    shop.click("u", "a", 1000 * i + 1);
    shop.search("u", "word" + std::to_string(i), 1000 * i + 2);
    shop.click("u", "a", 1000 * i + 3);
  }
  EXPECT_LT(shop.intent().bytes(), 4096u);
  std::vector<FacetChance> out;
  const EpochGuard guard;
  shop.intent().categories("often asked", 0.5f, out);
  EXPECT_EQ(out.size(), 1u) << "what is asked often outlives what is rare";
}

TEST(PricePhrases, AreFound) {
  const struct {
    std::string_view query, filter, rest;  // Filters joined by "; "
  } rows[] = {
      {"lamp under 50", "price < 50", "lamp"},
      {"lamp UNDER $49.99 white", "price < 49.99", "lamp white"},
      {"between 20 and 40 euros shoes", "price >= 20 AND price <= 40", "shoes"},
      {"shoes between $40 and $20", "price >= 20 AND price <= 40", "shoes"},
      {"tv over $1,000", "price > 1000", "tv"},
      {"tv über 1.000,50 €", "price > 1000.5", "tv"},
      {"rice up to 1 kg", "weight_kg <= 1", "rice"},
      {"rice up to 500g", "weight_kg <= 0.5", "rice"},
      {"rice between 1 and 2 kg", "weight_kg >= 1 AND weight_kg <= 2", "rice"},
      {"bottle at least 1,5 l under 20", "volume_l >= 1.5; price < 20", "bottle"},
      {"shoes <50", "price < 50", "shoes"},
      {"shoes >= 50 usd", "price >= 50", "shoes"},
      {"chaussures moins de 30 €", "price < 30", "chaussures"},
      {"lampe bis 30€", "price <= 30", "lampe"},
      {"手机1000元以下", "price <= 1000", "手机"},
      {"手机 1000以上", "price >= 1000", "手机"},
      {"under armour", "", "under armour"},
      {"iphone 15 pro max 256", "", "iphone 15 pro max 256"},
      {"cards from 90s", "", "cards from 90s"},
      {"wood 2x4 under", "", "wood 2x4 under"},
      {"over 2x4", "", "over 2x4"},
      {"gifts from 20 to 30", "price >= 20 AND price <= 30", "gifts"},
      {"from 2020", "", "from 2020"},
      {"", "", ""},
      {"under 1.2.3.4,5,6 x", "price < 123456", "x"},
  };
  for (const auto& row : rows) {
    const PricePhrases found = find_price_phrases(row.query);
    std::string filter;
    for (const PricePhrase& phrase : found.phrases) filter += (filter.empty() ? "" : "; ") + phrase.filter;
    EXPECT_EQ(filter, row.filter) << row.query;
    EXPECT_EQ(found.rest, row.rest) << row.query;
    for (const PricePhrase& phrase : found.phrases)
      EXPECT_NE(row.query.find(phrase.text), std::string_view::npos) << phrase.text;
  }
}

}  // namespace
}  // namespace freshet
