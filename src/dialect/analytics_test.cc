#include "dialect/internal/analytics.h"

#include <gtest/gtest.h>

namespace freshet::dialect_internal {
namespace {

constexpr TimeMs kMidnight = 1'790'000'000'000 / 86'400'000 * 86'400'000;
constexpr Day kToday = static_cast<Day>(kMidnight / 86'400'000);
constexpr AnalyticsSpan kOneDay{kToday, kToday};

class Script {
 public:
  Script& search(const std::string& query, double found, const std::string& user, TimeMs after_ms) {
    Event event = made(EventType::kSearch, user, after_ms);
    event.query = query;
    event.query_id = "q" + std::to_string(++number_);
    event.result_count = found;
    counts.apply(event);
    return *this;
  }
  Script& page(uint32_t from) {
    Event event = made(EventType::kSearch, "u", 0);
    event.query_id = "q" + std::to_string(number_);
    event.attributes.push_back({"from", int64_t{from}});
    counts.apply(event);
    return *this;
  }
  Script& shown(const std::vector<std::string>& items) {
    Event event = made(EventType::kImpression, "u", 0);
    event.query_id = "q" + std::to_string(number_);
    for (const std::string& item : items) event.shown.push_back({item, 1});
    counts.apply(event);
    return *this;
  }
  Script& act(EventType type, const std::string& item, double price = kNoNumber,
              double quantity = kNoNumber) {
    Event event = made(type, "u", 0);
    event.query_id = "q" + std::to_string(number_);
    event.item = item;
    event.price = price;
    event.quantity = quantity;
    event.currency = "EUR";
    counts.apply(event);
    return *this;
  }

  SearchCounts counts;

 private:
  static Event made(EventType type, const std::string& user, TimeMs after_ms) {
    Event event;
    event.type = type;
    event.user = user;
    event.time_ms = kMidnight + after_ms;
    return event;
  }
  int number_ = 0;
};

std::string listed(const SearchCounts& counts, AnalyticsSpan span = kOneDay) {
  std::string out;
  for (const QueryRow& row : counts.queries(span))
    out += row.query + " " + std::to_string(row.totals.searches) + "/" +
           std::to_string(row.totals.without_results) + "; ";
  return out;
}

TEST(SearchCounts, QueriesByCountWithoutCaseAndSpaces) {
  Script script;
  script.search("Kettle", 3, "a", 0).search(" kettle ", 3, "b", 0).search("lamp", 0, "c", 0);
  EXPECT_EQ(listed(script.counts), "Kettle 2/0; lamp 1/1; ");
  EXPECT_EQ(script.counts.totals(kOneDay).searches, 3u);
  EXPECT_EQ(script.counts.totals(kOneDay).without_results, 1u);
  EXPECT_EQ(script.counts.users(kOneDay), 3u);
}

TEST(SearchCounts, LettersTypedAreOneSearch) {
  struct Case {
    std::string_view what, first, second;
    TimeMs after_ms;
    std::string_view user, counted;
  };
  constexpr Case kCases[] = {
      {"one goes on", "ket", "kettle", 500, "a", "kettle 1/0; "},
      {"one takes back", "kettles", "kettle", 500, "a", "kettle 1/0; "},
      {"another text", "lamp", "kettle", 500, "a", "kettle 1/0; lamp 1/1; "},
      {"somebody else", "ket", "kettle", 500, "b", "ket 1/1; kettle 1/0; "},
      {"much later", "ket", "kettle", SearchCounts::kTypingMs + 1, "a", "ket 1/1; kettle 1/0; "},
  };
  for (const Case& one : kCases) {
    Script script;
    script.search(std::string(one.first), 0, "a", 0)
        .search(std::string(one.second), 9, std::string(one.user), one.after_ms);
    EXPECT_EQ(listed(script.counts), one.counted) << one.what;
    EXPECT_EQ(script.counts.totals(kOneDay).searches, script.counts.queries(kOneDay).size()) << one.what;
  }
  Script clicked;
  clicked.search("ket", 4, "a", 0).act(EventType::kClick, "k1").search("kettle", 4, "a", 500);
  EXPECT_EQ(listed(clicked.counts), "ket 1/0; kettle 1/0; ") << "what was clicked was meant";
}

TEST(SearchCounts, WhatFollowsIsJoinedByQueryId) {
  Script script;
  script.search("kettle", 3, "a", 0).shown({"k1", "k2", "k3"});
  script.act(EventType::kClick, "k3").act(EventType::kClick, "k1");
  script.act(EventType::kAddToCart, "k3").act(EventType::kPurchase, "k3", 20, 2);
  script.search("lamp", 3, "a", 40'000);
  const SearchTotals of = script.counts.totals(kOneDay);
  EXPECT_EQ(of.clicks, 2u);
  EXPECT_EQ(of.clicked, 1u);
  EXPECT_EQ(of.position_sum, 4u);
  EXPECT_EQ(of.carted, 1u);
  EXPECT_EQ(of.bought, 1u);
  EXPECT_EQ(of.converted, 1u) << "a search converts once";
  EXPECT_EQ(script.counts.positions(kOneDay)[3], 1u);
  EXPECT_DOUBLE_EQ(script.counts.revenue(kOneDay).at("EUR"), 40);
  EXPECT_EQ(script.counts.queries(kOneDay)[0].totals.clicks, 2u);
}

TEST(SearchCounts, AFurtherPageIsNoFurtherSearch) {
  Script script;
  script.search("kettle", 99, "u", 0).page(20).shown({"k21", "k22"}).act(EventType::kClick, "k22");
  EXPECT_EQ(script.counts.totals(kOneDay).searches, 1u);
  EXPECT_EQ(script.counts.totals(kOneDay).position_sum, 22u) << "places are those of the whole list";
}

TEST(SearchCounts, MemoryIsBounded) {
  Script script;
  const size_t many = SearchCounts::kQueriesPerDay + 100;
  for (size_t i = 0; i < many; ++i) script.search("word" + std::to_string(i), 1, "", 0);
  EXPECT_EQ(script.counts.queries(kOneDay).size(), SearchCounts::kQueriesPerDay);
  EXPECT_EQ(script.counts.totals(kOneDay).searches, many) << "totals are whole";
  for (size_t day = 1; day <= SearchCounts::kDaysMax; ++day)
    script.search("late", 1, "", static_cast<TimeMs>(day) * 86'400'000);
  EXPECT_EQ(script.counts.by_day({0, kToday + 1000}).size(), SearchCounts::kDaysMax);
  script.search("too old", 1, "", 0);
  EXPECT_EQ(listed(script.counts), "") << "the oldest day has gone";
}

}  // namespace
}  // namespace freshet::dialect_internal
