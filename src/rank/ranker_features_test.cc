// What reaches the ranker and its weights: rows as served and as noted, missing values, what goes on around
// the shop, features that were retired, choices that no page explains.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rank/testing/rank_shop.h"

namespace freshet {
namespace {

using Cells = std::vector<uint32_t>;

bool has(const Cells& row, RankFeature feature) {
  return std::any_of(row.begin(), row.end(), [&](uint32_t cell) { return feature_of(cell) == feature; });
}
size_t count(const Cells& row, RankFeature feature) {
  return static_cast<size_t>(
      std::count_if(row.begin(), row.end(), [&](uint32_t cell) { return feature_of(cell) == feature; }));
}

// Collects the rows of lessons about clicks.
struct Told {
  std::vector<Cells> rows;
  explicit Told(RankShop& shop) {
    shop.ranker().on_lesson([this](const RankLesson& lesson) {
      if (lesson.head == 0) rows.emplace_back(lesson.row.begin(), lesson.row.end());
    });
  }
};

Event page_of(const std::string& user, const std::vector<int>& items,
              const std::string& surface = "for-you") {
  static int pages = 0;
  Event page;
  page.type = EventType::kImpression;
  page.user = user;
  page.query_id = "shown" + std::to_string(pages++);
  page.surface = surface;
  if (surface == "search") page.query = "red lamp";
  for (const int item : items) page.shown.push_back({RankShop::id(item), 1.0f});
  return page;
}

// Without scores a page says nothing of who orders it better, and nobody is heard.
void give_bases(Event& page) {
  std::string bases;
  for (size_t k = 0; k < page.shown.size(); ++k) append_base(-2 - 0.2f * static_cast<float>(k), bases);
  page.attributes.push_back({"base", bases});
}

Event context(const std::string& name, const std::string& value, const std::string& region, TimeMs until) {
  Event event;
  event.type = EventType::kContext;
  event.name = name;
  event.value = value;
  event.region = region;
  event.until_ms = until;
  return event;
}

// The rows of a page's places as the fold learns them: zeros of all, when the window has passed.
std::vector<Cells> noted(RankShop& shop, const Event& page) {
  Told told(shop);
  shop.apply(page);
  if (page.surface != "search") {
    shop.pass(31 * kMinuteMs);
    Event later;
    later.type = EventType::kUserUpsert;
    later.user = "nobody";
    shop.apply(later);
  }
  shop.ranker().on_lesson({});
  // Pages that were still open before it are told first.
  const size_t places = std::min(page.shown.size(), told.rows.size());
  return {told.rows.end() - static_cast<std::ptrdiff_t>(places), told.rows.end()};
}

struct Asked {
  const char* what;
  const char* user;
  const char* region;
  const char* device;
  bool search;
  TimeMs pause_ms;
};

TEST(RankerFeatures, WhatIsServedIsWhatIsNoted) {
  RankShop shop;
  Event bare;  // No price, no attribute at all.
  bare.type = EventType::kItemUpsert;
  bare.item = "i30";
  shop.apply(bare);
  for (int n = 0; n < 700; ++n) {
    shop.visit(n, true);
    Event search = page_of("u" + std::to_string(n % 20), {}, "search");
    Draw draw(mix64(n, 5));
    std::string features;
    for (int k = 0; k < 6; ++k) {
      search.shown.push_back({RankShop::id(static_cast<int>(draw.below(RankShop::kItems))), 1.0f});
      append_features({}, features);
    }
    search.attributes = {{"features", features}};
    give_bases(search);
    shop.apply(search);
    for (const ShownItem& one : search.shown)
      if (std::stoi(one.item.substr(1)) % 3 == n % 20 % 3 && draw.uniform() < 0.6)
        shop.click(search, one.item);
  }
  shop.apply(context("weather", "rain", "DE", shop.now() + 30 * kDayMs));
  shop.apply(context("promotion", "lamps", "", shop.now() + 30 * kDayMs));
  shop.apply(context("holiday", "carnival", "DE-NW", shop.now() + 30 * kDayMs));
  const Asked moments[] = {
      {"a known shopper", "u1", "", "", false, 1000},
      {"after a pause", "u1", "", "", false, 3 * kHourMs},
      {"somebody new", "stranger", "", "", false, 1000},
      {"rain", "u2", "DE-BY", "phone", false, 1000},
      {"a holiday, which is a scenario", "u2", "DE-NW", "desktop", false, 1000},
      {"a search", "u4", "", "", true, 1000},
      {"a search on a holiday", "u4", "DE-NW", "phone", true, 1000},
  };
  const std::vector<int> items = {4, 17, 30, 2, 25, 11};
  for (const Asked& one : moments) {
    SCOPED_TRACE(one.what);
    shop.pass(one.pause_ms);
    const RankKind kind = one.search ? RankKind::kSearch : RankKind::kForYou;
    Event page = page_of(one.user, items, one.search ? "search" : "for-you");
    page.region = one.region;
    std::string bases, features;
    std::vector<MatchFeatures> matches;
    std::vector<float> base;
    for (size_t k = 0; k < items.size(); ++k) {
      base.push_back(k == 3 ? std::nanf("") : round_base(-2 - 0.37f * static_cast<float>(k)));
      append_base(base.back(), bases);
      MatchFeatures match{};
      at(match, MatchFeature::kLexical) = 0.8f - 0.1f * static_cast<float>(k);
      at(match, MatchFeature::kSemantic) = 0.33f;
      round_features(match);
      matches.push_back(match);
      append_features(match, features);
    }
    page.attributes = {{"base", bases}};
    if (*one.device != 0) page.attributes.push_back({"device", std::string(one.device)});
    if (one.search) page.attributes.push_back({"features", features});
    std::vector<Cells> served;
    {
      const Sequence sequence = shop.profiles().sequence(shop.profiles().find(one.user));
      const EpochGuard guard;
      const RankQuery query(shop.ranker(), {.kind = kind,
                                            .shopper = hash_bytes(one.user),
                                            .now_ms = shop.now(),
                                            .steps = sequence.steps,
                                            .region = one.region,
                                            .device = one.device});
      ASSERT_TRUE(query.ready());
      for (size_t k = 0; k < items.size(); ++k) {
        RankRow row;
        query.row_of({.item = shop.catalog().find(RankShop::id(items[k])),
                      .base = base[k],
                      .match = one.search ? &matches[k] : nullptr},
                     row);
        served.emplace_back(row.all().begin(), row.all().end());
      }
    }
    std::vector<Cells> learned = noted(shop, page);
    ASSERT_EQ(learned.size(), served.size());
    for (size_t k = 0; k < served.size(); ++k) {
      EXPECT_EQ(std::erase_if(learned[k], [](uint32_t c) { return feature_of(c) == RankFeature::kPlace; }),
                1u);
      EXPECT_EQ(learned[k], served[k]) << "place " << k;
      EXPECT_GT(served[k].size(), 12u);
    }
  }
}

TEST(RankerFeatures, WhatIsMissingIsAValueOfItsOwn) {
  RankShop shop;
  for (int i = 30; i < 60; ++i) {  // New ones, in pairs: with a price and without one.
    Event event;
    event.type = EventType::kItemUpsert;
    event.item = RankShop::id(i);
    event.attributes = {{"color", std::string("grey")}};
    if (i % 2 == 0) event.attributes.push_back({"price", 20.0});
    shop.apply(event);
  }
  Event page = page_of("u1", {30, 31});
  std::string bases;
  append_base(-3, bases);
  append_base(std::nanf(""), bases);
  page.attributes = {{"base", bases}};
  const std::vector<Cells> rows = noted(shop, page);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(has(rows[0], RankFeature::kPrice) && !has(rows[0], RankFeature::kPriceMissing));
  EXPECT_TRUE(!has(rows[1], RankFeature::kPrice) && has(rows[1], RankFeature::kPriceMissing));
  EXPECT_TRUE(has(rows[0], RankFeature::kScore) && !has(rows[0], RankFeature::kScoreMissing));
  EXPECT_TRUE(!has(rows[1], RankFeature::kScore) && has(rows[1], RankFeature::kScoreMissing));
  EXPECT_FALSE(has(rows[0], RankFeature::kMatchMissing)) << "no search";
  Event search = page_of("u1", {30, 31}, "search");
  std::string features;
  append_features({}, features);
  search.attributes = {{"features", features}};  // Of the first place only.
  const std::vector<Cells> found = noted(shop, search);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_FALSE(has(found[0], RankFeature::kMatchMissing));
  EXPECT_TRUE(has(found[1], RankFeature::kMatchMissing));
  EXPECT_GT(count(found[0], RankFeature::kMatch), 5u);
  EXPECT_EQ(count(found[1], RankFeature::kMatch), 0u);

  // And it is learned from: shoppers take what has no price.
  for (int n = 0; n < 700; ++n) {
    Draw draw(mix64(n, 8));
    shop.pass(40 * kMinuteMs);
    Event shown = page_of("u" + std::to_string(draw.below(20)), {});
    for (int k = 0; k < 6; ++k)
      shown.shown.push_back({RankShop::id(30 + static_cast<int>(draw.below(28))), 1.0f});
    give_bases(shown);
    shop.apply(shown);
    for (const ShownItem& one : shown.shown) {
      if (draw.uniform() >= (std::stoi(one.item.substr(1)) % 2 == 1 ? 0.5 : 0.05)) continue;
      shop.click(shown, one.item);
    }
  }
  const std::vector<RankVerdict> verdicts = shop.ask_for("u1", {58, 59});  // Never shown.
  constexpr auto kPrice = static_cast<size_t>(RankGroup::kPrice);
  EXPECT_GT(verdicts[1].parts[kPrice], verdicts[0].parts[kPrice] + 0.2);
}

// Weather joins by region ("DE" holds in "DE-BY") and time; promotions without a region hold everywhere.
TEST(RankerFeatures, WhatGoesOnAroundTheShopReachesTheRows) {
  RankShop shop;
  shop.apply(context("weather", "rain", "DE", shop.now() + kDayMs));
  shop.apply(context("promotion", "lamps", "", shop.now() + 2 * kDayMs));
  shop.apply(context("holiday", "carnival", "DE-NW", shop.now() + 2 * kDayMs));
  struct Case {
    const char* region;
    TimeMs later;
    size_t contexts;
    bool scenario;
  };
  const TimeMs begun = shop.now();
  for (const Case& one :
       {Case{"", 0, 1, false}, Case{"FR", 0, 1, false}, Case{"DE", 0, 2, false}, Case{"DE-BY", 0, 2, false},
        Case{"DE-NW", 0, 3, true}, Case{"DE-BY", kDayMs + 1, 1, false}, Case{"DE-NW", kDayMs + 1, 2, true},
        Case{"DE-NW", 2 * kDayMs + 1, 0, false}}) {
    SCOPED_TRACE(std::string(one.region) + " " + std::to_string(one.later / kHourMs));
    if (begun + one.later > shop.now()) shop.pass(begun + one.later - shop.now());
    Event page = page_of("u1", {1});
    page.region = one.region;
    const std::vector<Cells> rows = noted(shop, page);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(count(rows[0], RankFeature::kContextCategory), one.contexts);
    EXPECT_EQ(has(rows[0], RankFeature::kPageScenario), one.scenario);
    EXPECT_EQ(has(rows[0], RankFeature::kScenarioFacet), one.scenario);
    EXPECT_EQ(has(rows[0], RankFeature::kRegionCategory), *one.region != 0);
  }
}

// In the rain everybody takes category c1, else c0; the ranker is asked for both regions at the same moment.
TEST(RankerFeatures, WeatherIsLearnedFrom) {
  RankShop shop;
  shop.ranker().choose(RankLearner::kLinear);
  shop.apply(context("weather", "rain", "DE", shop.now() + 365 * kDayMs));
  for (int n = 0; n < 800; ++n) {
    Draw draw(mix64(n, 9));
    shop.pass(40 * kMinuteMs);
    Event page = page_of("guest" + std::to_string(n), {});
    page.region = draw.below(2) == 0 ? "DE" : "FR";
    for (int k = 0; k < 8; ++k)
      page.shown.push_back({RankShop::id(static_cast<int>(draw.below(RankShop::kItems))), 1.0f});
    give_bases(page);
    shop.apply(page);
    for (const ShownItem& one : page.shown) {
      const bool taken = (std::stoi(one.item.substr(1)) % 2 == 1) == (page.region == "DE");
      if (draw.uniform() >= (taken ? 0.5 : 0.05)) continue;
      shop.click(page, one.item);
    }
  }
  constexpr auto kContext = static_cast<size_t>(RankGroup::kContext);
  const auto prefers_c1 = [&](const std::string& region) {
    const std::vector<RankVerdict> verdicts = shop.ask_for("new", {1, 2}, region);
    return verdicts[0].parts[kContext] - verdicts[1].parts[kContext];
  };
  EXPECT_GT(prefers_c1("DE"), 0.3);
  EXPECT_LT(prefers_c1("FR"), -0.1);
  EXPECT_GT(prefers_c1("DE-BY"), 0.15) << "where it rains, though nobody was there";
  const double unknown = prefers_c1("IT");  // But for cells that share a weight by chance.
  EXPECT_LT(unknown, prefers_c1("DE-BY"));
  EXPECT_GT(unknown, prefers_c1("FR"));
}

// Importance as it is when a feature has been retired, in the place of the one that knows nothing yet.
std::string with_retired(const RankShop& shop, RankFeature idle) {
  const std::string fresh = saved(Importance()), bytes = saved(shop.ranker());
  Importance proven;
  for (uint64_t n = 0; n < Importance::kWindow * (Importance::kProofs + 1); ++n) {
    Draw draw(mix64(n, 17));
    const bool often = draw.below(2) == 0;
    const double label = draw.uniform() < (often ? 0.3 : 0.05) ? 1 : 0, plain = std::log(0.175 / 0.825);
    const double useful = std::log(often ? 0.3 / 0.7 : 0.05 / 0.95) - plain;
    RankRow row;
    for (size_t f = 0; f < kRankFeatures; ++f)  // All but one say it together.
      if (f != static_cast<size_t>(idle)) row.add(static_cast<RankFeature>(f), often ? 1 : 2, (1u << 14) - 1);
    row.add(idle, draw.below(50), (1u << 14) - 1);
    std::array<float, kRankFeatures> parts;
    parts.fill(static_cast<float>(useful) / (kRankFeatures - 1));
    parts[static_cast<size_t>(idle)] = 0;
    proven.look(row.all(), parts, plain + useful, plain, label, 1, static_cast<TimeMs>(n));
  }
  EXPECT_EQ(proven.active(), kAllFeatures & ~(uint64_t{1} << static_cast<size_t>(idle)));
  const size_t at = bytes.find(fresh);
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(bytes.find(fresh, at + 1), std::string::npos);
  return bytes.substr(0, at) + saved(proven) + bytes.substr(at + fresh.size());
}

TEST(RankerFeatures, WhatIsRetiredSaysNothingUntilItIsPutBack) {
  RankShop shop;
  shop.load(with_retired(shop, RankFeature::kValue));
  const auto settings = [&](const std::string& ranker) {
    shop.publish_settings("{\"ranker\": " + ranker + "}");
  };
  int n = 0;
  struct Seen {
    bool noted;
    double part;  // Of red, against the others.
  };
  const auto play = [&] {
    Told told(shop);
    for (const int end = n + 250; n < end; ++n) shop.visit_by(n, [](int, int item) { return item % 3 == 0; });
    shop.ranker().on_lesson({});
    Seen seen{has(told.rows.back(), RankFeature::kValue), 0};
    const std::vector<RankVerdict> verdicts = shop.ask("u1");
    for (size_t i = 0; i < RankShop::kItems; ++i)
      seen.part += verdicts[i].parts[static_cast<size_t>(RankGroup::kAttribute)] * (i % 3 == 0 ? 0.1 : -0.05);
    return seen;
  };
  const Seen retired = play();
  EXPECT_FALSE(retired.noted);
  EXPECT_EQ(retired.part, 0);
  settings(R"({"keep": ["attribute-value"]})");
  const Seen kept = play();
  EXPECT_TRUE(kept.noted);
  EXPECT_GT(kept.part, 0.1) << "it is made, learned and heard";
  settings("{}");
  const Seen again = play();
  EXPECT_FALSE(again.noted);
  EXPECT_EQ(again.part, 0) << "its weights stay, but are not asked";
  settings(R"({"retire": false})");
  const Seen all = play();
  EXPECT_TRUE(all.noted);
  EXPECT_GT(all.part, 0.1);
}

// Shoppers take red things by themselves, from no page: each is told to be better than one that was shown,
// unless that was found by a search.
TEST(RankerFeatures, ChoicesWithoutAPageChangeTheWeights) {
  for (const bool search : {false, true}) {
    RankShop shop;
    Event page = page_of("u1", {0, 1, 2, 3, 4, 5, 6, 7, 8});
    if (search) page.surface = "search";
    const std::vector<Cells> rows = noted(shop, page);
    ASSERT_EQ(rows.size(), 9u);
    const auto loss = [&](int item) {
      return shop.ranker().loss({.kind = RankKind::kForYou,
                                 .plain = {1, 0, 0},
                                 .row = rows[static_cast<size_t>(item)],
                                 .label = 1});
    };
    std::vector<double> before;
    for (int i = 0; i < 9; ++i) before.push_back(loss(i));
    const uint64_t examples = shop.ranker().parameters().examples;
    Told told(shop);
    for (int n = 0; n < 60; ++n) {
      Event click;
      click.type = EventType::kClick;
      click.user = "alone" + std::to_string(n);
      click.item = RankShop::id(3 * (n % 3));  // Red
      shop.apply(click);
    }
    EXPECT_TRUE(told.rows.empty()) << "they are no part of the pointwise lessons";
    shop.ranker().on_lesson({});
    EXPECT_EQ(shop.ranker().parameters().examples, examples);
    for (int i = 0; i < 9; ++i) {
      const double was = before[static_cast<size_t>(i)];
      if (search)
        EXPECT_EQ(loss(i), was) << i;
      else if (i % 3 == 0)
        EXPECT_LT(loss(i), was - 0.02) << "red is likelier, " << i;
      else
        EXPECT_GT(loss(i), was + 0.02) << "what was passed over, " << i;
    }
  }
}

// Drawn in proportion to what is shown, they teach how much more an item is chosen than shown (0138).
TEST(RankerFeatures, PairsTellChoicesAgainstWhatWasShown) {
  constexpr size_t kItems = 5;
  constexpr double shown[kItems] = {0.4, 0.3, 0.15, 0.1, 0.05}, chosen[kItems] = {0.3, 0.1, 0.3, 0.1, 0.2};
  GaussWeights::Config config;
  config.bits = 10;
  config.caution = 1;
  config.drift = 0;
  config.prior.fill(4);
  GaussWeights weights(config);
  const auto row_of = [&](size_t item) {
    RankRow row;
    row.add(RankFeature::kItem, 17 * item + 1, weights.mask());
    return row;
  };
  Draw draw(19);
  const auto one_of = [&](const double* share) {
    double u = draw.uniform();
    size_t item = 0;
    while (item + 1 < kItems && u >= share[item]) u -= share[item++];
    return item;
  };
  for (int n = 0; n < 40'000; ++n)
    if (const size_t a = one_of(chosen), b = one_of(shown); a != b)
      weights.learn_pair(row_of(a).all(), row_of(b).all(), 0, 0.25f);
  const auto weight_of = [&](size_t item) {
    GaussWeights::Sums sums;
    weights.sum(row_of(item).all(), 0, ~0u, sums, RankCopy::kTrained);
    return static_cast<double>(sums.mean[static_cast<size_t>(RankGroup::kItem)]);
  };
  for (size_t i = 1; i < kItems; ++i)
    EXPECT_NEAR(weight_of(i) - weight_of(0), std::log(chosen[i] / shown[i] / (chosen[0] / shown[0])), 0.12)
        << i;
}

}  // namespace
}  // namespace freshet
