#include "column/filter.h"

#include <gtest/gtest.h>

#include "base/epoch.h"
#include "base/hash.h"

namespace freshet {
namespace {

struct Shop {
  Moment moment;
  Catalog catalog{moment};
  Shop() {
    Event upsert;
    upsert.type = EventType::kItemUpsert;
    upsert.item = "k1";
    upsert.attributes = {{"title", std::string("Kettle")},
                         {"price", 19.5},
                         {"brand", std::string("Acme")},
                         {"category", std::string("Home > Kitchen")},
                         {"color", std::vector<std::string>{"red", "dark blue"}},
                         {"watts", int64_t{2200}},
                         {"organic", false},
                         {"sizes.eu", std::vector<std::string>{"41", "42.5"}},
                         {"variants.0.size", int64_t{42}},
                         {"variants.1.size", 43.5},
                         {"variants.1.tags", std::vector<std::string>{"x", "y"}},
                         {"prices.7", 5.0},
                         {"_geo.lat", 48.85},
                         {"_geo.lng", 2.35}};
    moment.skip = false;
    moment.time_ms = 1000;
    catalog.apply(0, upsert);
  }
};

TEST(Filter, Table) {
  const struct {
    const char* text;
    bool passes;
  } rows[] = {
      {"", true},
      {"price < 20", true},
      {"price<19.5", false},
      {"price >= 19.5 AND price <= 19.5", true},
      {"category:\"Home > Kitchen\"", true},
      {"category:Home", true},
      {"category:Kitchen", false},
      {"brand = Acme", true},
      {"brand != Acme", false},
      {"NOT brand:Acme", false},
      {"color:red", true},
      {"color = \"dark blue\"", true},
      {"color IN (green, \"dark blue\")", true},
      {"color in (green, yellow)", false},
      {"watts > 2000 and watts < 3000", true},
      {"watts:2200", true},
      {"organic = false", true},
      {"organic:true", false},
      {"missing = 1", false},
      {"missing != 1", true},
      {"id:k1 AND available:true", true},
      {"brand:Other OR price < 20", true},
      {"brand:Other AND price < 20 OR color:red", true},
      {"brand:Other AND (price < 20 OR color:red)", false},
      {"NOT (brand:Other OR price > 20)", true},
      {"NOT NOT brand:Acme", true},
      {"title:Kettle", true},
      {"color > 3", false},
      {"price:10 TO 20", true},
      {"price: 19.5 to 19.5", true},
      {"price:20 TO 30", false},
      {"price > -1e300", true},
      {"sizes.eu >= 42", true},
      {"sizes.eu:43 TO 50", false},
      {"sizes.eu:41", true},
      {"variants.size:42", true},
      {"variants.size:43 TO 44", true},
      {"variants.size > 44", false},
      {"variants.0.size:42 AND NOT variants.1.size:42", true},
      {"variants.tags:y AND EXISTS(variants.size)", true},
      {"EXISTS(variants.color)", false},
      {"prices.7 < 6 AND prices < 6", true},
      {"color NOT IN (green)", true},
      {"color not in (red)", false},
      {"watts IN (1, 2200)", true},
      {"brand:'Acme'", true},
      {"brand:'Ac\\me'", true},
      {"watts EXISTS", true},
      {"EXISTS(watts)", true},
      {"NOT (missing EXISTS)", true},
      {"exists(missing) OR category EXISTS", true},
      {"GEO_RADIUS(48.86, 2.35, 1200)", true},
      {"GEO_RADIUS(48.86, 2.35, 1000)", false},
      {"geo_box(48, 2, 49, 3)", true},
      {"GEO_BOX(48, 3, 49, 2)", false},
      {"GEO_BOX(48, 170, 49, -170)", false},
      {"GEO_BOX(48, 100, 49, 10)", true},
      {"GEO_RADIUS(90, 0, 20000000)", true},
      {"price < 100 AND title:Kettle", true},
  };
  Shop shop;
  const EpochGuard guard;
  const ItemRecord& item = *shop.catalog.item(shop.catalog.find("k1"));
  ColumnSet columns(shop.catalog);
  columns.rebuild();
  for (const auto& row : rows) {
    auto filter = Filter::parse(row.text);
    ASSERT_TRUE(filter.ok()) << row.text << ": " << filter.error().what;
    EXPECT_EQ(filter->passes(item, shop.catalog), row.passes) << row.text;
    EXPECT_EQ(filter->evaluate(columns).size(), row.passes ? 1u : 0u) << row.text;
  }
}

TEST(Filter, ErrorsNameThePositionAndWhatWasExpected) {
  const struct {
    std::string text;
    const char* what;
  } rows[] = {
      {"price <", "byte 7: expected a value"},
      {"price 5", "byte 6: expected one of"},
      {"price < cheap", "byte 8: expected a number"},
      {"(price < 5", "byte 10: expected \")\""},
      {"price < 5 brand:x", "byte 10: expected AND, OR or the end"},
      {"color IN red", "byte 9: expected \"(\" after IN"},
      {"a:\"open", "byte 2: expected a closing quote"},
      {"AND", "expected one of"},
      {"price:20 TO 10", "byte 12: expected a number not below"},
      {"price:a TO 10", "byte 6: expected a number"},
      {"GEO_RADIUS(91, 0, 5)", "byte 11: expected the latitude, -90 to 90"},
      {"GEO_RADIUS(1, 0, -5)", "byte 17: expected the metres"},
      {"GEO_RADIUS(1, 0)", "byte 15: expected \",\" and the metres"},
      {"GEO_BOX(1, 2, 3, nan)", "byte 17: expected"},
      {"EXISTS(a", "byte 8: expected \")\""},
      {"a NOT 5", "expected one of"},
      {std::string(5000, 'a'), "at most 4096 bytes"},
      {std::string(200, '('), "at most 20 levels"},
      {[] {
         std::string many = "a:1";
         for (int i = 0; i < 150; ++i) many += " OR a:1";
         return many;
       }(),
       "at most 100 conditions"},
  };
  for (const auto& row : rows) {
    const auto filter = Filter::parse(row.text);
    ASSERT_FALSE(filter.ok()) << row.text;
    EXPECT_NE(filter.error().what.find(row.what), std::string::npos) << filter.error().what;
  }
}

TEST(Filter, HostileTextsAreAnsweredQuickly) {
  const auto repeated = [](std::string_view piece, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += piece;
    return out;
  };
  for (const std::string& text :
       {repeated("(", 4096), repeated("NOT ", 1024), repeated("a:1 OR ", 10'000),
        repeated("a:1 OR ", 585) + "a:1", repeated("(a:1 AND ", 400), repeated("\"", 4095),
        repeated("\\", 4096), "a IN (" + repeated("x,", 3000) + "x)", std::string(4096, '\0')})
    EXPECT_FALSE(Filter::parse(text).ok()) << text.substr(0, 20);
  EXPECT_TRUE(Filter::parse("a IN (" + repeated("x,", 2000) + "x)").ok());
  EXPECT_TRUE(Filter::parse(repeated("NOT ", 20) + "a:1").ok());
}

TEST(Filter, RandomTextsAreAnswered) {
  constexpr std::string_view kPieces[] = {
      "a", "price", "(",  ")", "AND", " OR ", "NOT ",   "<",           ">=", ":", "\"",    "\\",      " IN ",
      ",", "1.5",   "!=", " ", "é",   " TO ", "EXISTS", "GEO_RADIUS(", "1",  "'", "color", "GEO_BOX("};
  Shop shop;
  const EpochGuard guard;
  const ItemRecord& item = *shop.catalog.item(shop.catalog.find("k1"));
  ColumnSet columns(shop.catalog);
  columns.rebuild();
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    Draw draw(seed);
    std::string text;
    for (uint64_t n = draw.below(12); n > 0; --n) text += kPieces[draw.below(std::size(kPieces))];
    if (seed % 4 == 0)
      for (uint64_t n = draw.below(40); n > 0; --n) text.push_back(static_cast<char>(draw.below(256)));
    if (const auto filter = Filter::parse(text); filter.ok()) {
      ASSERT_EQ(filter->passes(item, shop.catalog), !filter->evaluate(columns).empty()) << text;
    }
  }
}

}  // namespace
}  // namespace freshet
