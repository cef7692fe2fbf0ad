#include "eval/simulate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "eval/event_json.h"
#include "eval/simulate_stream.h"
#include "event/codec.h"

namespace freshet::simulate {
namespace {

Options small() {
  return {.seed = 7, .items = 800, .shoppers = 200, .days = 30};
}

uint64_t hash_of(const Options& options, const StreamOptions& stream_options, int events) {
  const Shop shop(options);
  Stream stream(shop, stream_options);
  Hasher hasher;
  Event event;
  Writer record;
  for (int i = 0; i < events; ++i) {
    stream.next(event);
    record.clear();
    encode_event(event, record);
    hasher.add(record.bytes());
  }
  return hasher.value();
}

// The generator is used to state measured numbers: the same seed must give the same shop on every machine and
// in every version. Change the number only together with a note in docs/decisions/0070-generated-shop.md.
TEST(Simulate, SameSeedSameShopForEver) {
  EXPECT_EQ(hash_of(small(), {}, 20000), hash_of(small(), {}, 20000));
  EXPECT_EQ(hash_of(small(), {}, 20000), 17957536307083155175u);
  Options other = small();
  other.seed = 8;
  EXPECT_NE(hash_of(other, {}, 5000), hash_of(small(), {}, 5000));
}

TEST(Simulate, ElementaryFunctionsAreAccurate) {
  for (double x = -79; x < 79; x += 0.37) EXPECT_NEAR(exp_same(x) / std::exp(x), 1.0, 1e-6) << x;
  EXPECT_EQ(exp_same(-1000), 0);
  EXPECT_NEAR(sigmoid(0), 0.5, 1e-12);
}

// What any reader of the stream may rely on.
TEST(Simulate, StreamIsInOrderAndItsEventsMakeSense) {
  const Shop shop(small());
  Stream stream(shop, {.visits_per_day = 200});
  std::set<std::string> items, ids;
  std::map<std::string, std::set<std::string>> carts;
  std::map<EventType, int> count;
  std::map<std::string, std::set<std::string>> shown;
  TimeMs last = 0;
  Event event;
  for (int i = 0; i < 60000; ++i) {
    stream.next(event);
    ASSERT_GE(event.time_ms, last) << i;
    last = event.time_ms;
    ASSERT_TRUE(ids.insert(event.id).second) << event.id;
    ++count[event.type];
    if (event.type == EventType::kItemUpsert) items.insert(event.item);
    if (is_item_action(event.type)) {
      ASSERT_TRUE(items.count(event.item)) << event.item << " before it was in the catalogue";
      ASSERT_FALSE(event.user.empty());
    }
    if (event.type == EventType::kImpression)
      for (const ShownItem& item : event.shown) shown[event.query_id].insert(item.item);
    if (event.type == EventType::kClick) {
      ASSERT_TRUE(shown[event.query_id].count(event.item));
    }
    if (event.type == EventType::kAddToCart) carts[event.session].insert(event.item);
    if (event.type == EventType::kPurchase) {
      ASSERT_TRUE(carts[event.session].count(event.item));
      ASSERT_FALSE(event.order_id.empty());
      ASSERT_GT(event.price, 0);
    }
  }
  for (const EventType type :
       {EventType::kView, EventType::kClick, EventType::kAddToCart, EventType::kPurchase, EventType::kSearch,
        EventType::kImpression, EventType::kRating, EventType::kRefund, EventType::kWishlist,
        EventType::kDismiss, EventType::kContext, EventType::kItemUpdate, EventType::kIdentityLink,
        EventType::kRemoveFromCart})
    EXPECT_GT(count[type], 5) << event_type_name(type);
  EXPECT_GT(items.size(), 790u);  // New ones arrived.
  EXPECT_LT(count[EventType::kPurchase], count[EventType::kView] / 5);
}

double share_of_best(const Shop& shop, const Visit& visit, std::span<const uint32_t> list) {
  return expected_clicks(shop, visit, list) /
         expected_clicks(shop, visit, best_list(shop, visit, list.size()));
}

TEST(Simulate, VisitsComeAsOftenAsAskedFor) {
  const Shop shop(small());
  for (const double a_day : {2.0, 15.0, 200.0}) {
    Population population(shop, a_day);
    constexpr int kVisits = 1000;
    for (int n = 0; n < kVisits; ++n) population.end_visit(population.next_shopper());
    const double days =
        static_cast<double>(population.next_time() - shop.options().start_ms) / static_cast<double>(kDayMs);
    // Gaps are uniform from 0 to twice the mean: five deviations of the sum of so many.
    EXPECT_NEAR(days * a_day / kVisits, 1, 5 / std::sqrt(3.0 * kVisits) + 0.02) << a_day;
  }
}

TEST(Simulate, BestListIsBestAndTasteMatters) {
  const Shop shop(small());
  Draw draw(3);
  double best = 0, random = 0, of_other = 0;
  for (int i = 0; i < 100; ++i) {
    const TimeMs now = shop.options().start_ms + i * 6 * kHourMs;
    const auto shopper = static_cast<uint32_t>(draw.below(200));
    const Visit visit = begin_visit(shop, shopper, now, {}, draw.next());
    const Visit other = begin_visit(shop, (shopper + 77) % 200, now, {}, draw.next());
    const std::vector<uint32_t> list = best_list(shop, visit, 10);
    std::vector<uint32_t> any(10);
    for (uint32_t& item : any) item = static_cast<uint32_t>(draw.below(800));
    best += expected_clicks(shop, visit, list);
    random += expected_clicks(shop, visit, any);
    of_other += expected_clicks(shop, visit, best_list(shop, other, 10));
    EXPECT_LE(share_of_best(shop, visit, any), 1.0);
    std::vector<uint32_t> turned(list.rbegin(), list.rend());
    EXPECT_LE(share_of_best(shop, visit, turned), 1.0);
  }
  EXPECT_GT(best, 8 * random);
  EXPECT_GT(best, 3 * of_other);
}

TEST(Simulate, ChangedTasteIsAnotherTaste) {
  Options options = small();
  options.taste_days = 0;
  Shop shop(options);
  const TimeMs now = options.start_ms + kDayMs;
  int moved = 0;
  for (uint32_t shopper = 0; shopper < 50; ++shopper) {
    const Taste before = shop.taste(shopper, now);
    const Taste later = shop.taste(shopper, now + 20 * kDayMs);
    EXPECT_EQ(before.version, later.version);
    EXPECT_EQ(before.categories, later.categories);
    moved += before.latent != later.latent ? 1 : 0;
    shop.change_taste(shopper);
    const Taste after = shop.taste(shopper, now);
    EXPECT_NE(before.version, after.version);
    EXPECT_NE(kCategories[before.categories[0]].department, kCategories[after.categories[0]].department);
    EXPECT_EQ(before.categories[0], after.categories[1]) << "the old love lingers";
    EXPECT_EQ(before.budget, after.budget);
  }
  EXPECT_GT(moved, 45) << "the slow part moves";
}

// Fashion is the same for everybody, never jumps, and is another one after its days; without days there is
// none.
TEST(Simulate, FashionIsCommonAndMoves) {
  const Shop plain(small());
  Options options = small();
  options.fashion_days = 5;
  const Shop shop(options);
  double change_in_an_hour = 0, change_in_ten_days = 0, of_two = 0;
  for (uint32_t item = 0; item < 200; ++item) {
    const auto worth = [&](uint32_t shopper, TimeMs now) {
      return utility(shop, begin_visit(shop, shopper, now, {}, 0, -1), item) -
             utility(plain, begin_visit(plain, shopper, now, {}, 0, -1), item);
    };
    for (const TimeMs day : {0, 4, 9}) {
      const TimeMs now = options.start_ms + day * kDayMs + 23 * kHourMs + kHourMs / 2;
      of_two = std::max(of_two, std::abs(worth(1, now) - worth(2, now)));
      change_in_an_hour = std::max(change_in_an_hour, std::abs(worth(1, now + kHourMs) - worth(1, now)));
    }
    const TimeMs now = options.start_ms + 3 * kDayMs;
    change_in_ten_days += std::abs(worth(1, now + 10 * kDayMs) - worth(1, now)) / 200;
    EXPECT_FALSE(plain.fashion(now).there);
  }
  EXPECT_LT(of_two, 1e-5);
  EXPECT_LT(change_in_an_hour, 0.07);  // At most 8 in five days.
  EXPECT_GT(change_in_ten_days, 0.5);
}

TEST(Simulate, OwnershipChangesUtility) {
  const Shop shop(small());
  const TimeMs now = shop.options().start_ms + 200 * kDayMs;
  for (const uint32_t item : {0u, 35u}) {  // Running shoes; coffee beans, bought every 21 days.
    const uint16_t category = shop.items()[item].category;
    const auto day = static_cast<uint32_t>(now / kDayMs);
    const Owned recent[] = {{item, day - 1}}, old[] = {{item, day - 40}};
    const double none = utility(shop, begin_visit(shop, 1, now, {}, category, -1), item);
    const double just = utility(shop, begin_visit(shop, 1, now, recent, category, -1), item);
    const double long_ago = utility(shop, begin_visit(shop, 1, now, old, category, -1), item);
    if (kCategories[category].cycle_days == 0) {
      EXPECT_NEAR(just - none, -3, 1e-5);
      EXPECT_NEAR(long_ago - none, -3, 1e-5);
    } else {
      EXPECT_NEAR(just - none, 0, 1e-5);
      EXPECT_NEAR(long_ago - none, 2.5, 1e-5);
    }
  }
}

TEST(Simulate, WhatWasSeenInTheVisitIsWorthLess) {
  const Shop shop(small());
  Visit visit = begin_visit(shop, 1, shop.options().start_ms, {}, 0, -1);
  const double before = utility(shop, visit, 3), other = utility(shop, visit, 4);
  visit.open(3);
  EXPECT_NEAR(utility(shop, visit, 3), before - 2, 1e-5);
  EXPECT_EQ(utility(shop, visit, 4), other);
  for (uint32_t item = 100; item < 116; ++item) visit.open(item);
  EXPECT_NEAR(utility(shop, visit, 3), before, 1e-5) << "only the last sixteen are remembered";
}

TEST(Simulate, StockAndPromotionsFollowTheCalendar) {
  const Shop shop(small());
  int out = 0, changes = 0, reduced = 0;
  for (uint32_t item = 0; item < 800; ++item) {
    bool was = true;
    for (int day = 40; day < 104; ++day) {
      const TimeMs now = shop.options().start_ms + day * kDayMs;
      const bool is = shop.available(item, now);
      out += is ? 0 : 1;
      changes += is != was ? 1 : 0;
      was = is;
      reduced += shop.price(item, now) < static_cast<double>(shop.items()[item].price) - 0.01 ? 1 : 0;
    }
  }
  const double days = 800.0 * 64;
  EXPECT_NEAR(out / days, 0.15 * 5.5 / 64, 0.006);
  EXPECT_LT(changes, 800);
  EXPECT_GT(reduced / days, 0.002);
  EXPECT_LT(reduced / days, 0.08);
}

TEST(Simulate, IdsGoBothWays) {
  EXPECT_EQ(Shop::item_id(123), "p000123");
  EXPECT_EQ(Shop::item_number("p000123"), 123u);
  EXPECT_EQ(Shop::item_number(Shop::item_id(12345678)), 12345678u);
  for (const char* bad : {"", "p12", "q000123", "p00012x", "p000123 ", "p99999999999999"})
    EXPECT_FALSE(Shop::item_number(bad).has_value()) << bad;
}

TEST(EventJson, WritesEveryKindOfValue) {
  Event event;
  event.type = EventType::kItemUpsert;
  event.time_ms = 5;
  event.item = "a\"b\\c\n";
  event.attributes = {{"n", int64_t{3}},
                      {"x", 0.5},
                      {"b", true},
                      {"none", std::monostate{}},
                      {"list", std::vector<std::string>{"u", "v"}}};
  std::string line;
  append_event_json(event, line);
  EXPECT_EQ(
      line,
      R"({"type":"item-upsert","time_ms":5,"item":"a\"b\\c\u000a","attributes":{"n":3,"x":0.5,"b":true,)"
      R"("none":null,"list":["u","v"]}})");
  line.clear();
  append_item_json(event, line);
  EXPECT_EQ(line, R"({"id":"a\"b\\c\u000a","n":3,"x":0.5,"b":true,"none":null,"list":["u","v"]})");
}

}  // namespace
}  // namespace freshet::simulate
