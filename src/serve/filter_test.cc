#include "serve/filter.h"

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
                         {"organic", false}};
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
  };
  Shop shop;
  const EpochGuard guard;
  const ItemRecord& item = *shop.catalog.item(shop.catalog.find("k1"));
  for (const auto& row : rows) {
    auto filter = Filter::parse(row.text);
    ASSERT_TRUE(filter.ok()) << row.text << ": " << filter.error().what;
    EXPECT_EQ(filter->passes(item, shop.catalog), row.passes) << row.text;
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
    auto filter = Filter::parse(row.text);
    ASSERT_FALSE(filter.ok()) << row.text;
    EXPECT_NE(filter.error().what.find(row.what), std::string::npos) << filter.error().what;
  }
}

TEST(Filter, RandomTextsAreAnswered) {
  constexpr std::string_view kPieces[] = {"a", "price", "(",  ")",    "AND", " OR ", "NOT ", "<", ">=",
                                          ":", "\"",    "\\", " IN ", ",",   "1.5",  "!=",   " ", "é"};
  Shop shop;
  const EpochGuard guard;
  const ItemRecord& item = *shop.catalog.item(shop.catalog.find("k1"));
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    Draw draw(seed);
    std::string text;
    for (uint64_t n = draw.below(12); n > 0; --n) text += kPieces[draw.below(std::size(kPieces))];
    if (auto filter = Filter::parse(text); filter.ok()) (void)filter->passes(item, shop.catalog);
  }
}

}  // namespace
}  // namespace freshet
