// Rules at work: on the engine, with a small catalogue, against the same page computed by hand.
#include "rules/rules.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "env/clock.h"

namespace freshet {
namespace {

class RulesAtWork : public testing::Test {
 protected:
  RulesAtWork() {
    folder_ = testing::TempDir() + "/rules-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    EngineConfig config;
    config.data_dir = folder_;
    engine_ = std::move(Engine::open(config)).value();
    std::string lines;
    for (int i = 0; i < 10; ++i)
      lines += R"({"id": "i)" + std::to_string(i) + R"(", "title": "lamp", "n": )" + std::to_string(i) +
               R"(, "brand": ")" + (i % 2 == 0 ? "even" : "odd") + "\"}\n";
    const auto taken = engine_->items(lines, ItemChange::kUpsert, {.now_ms = now_ms()});
    EXPECT_TRUE(taken.ok() && engine_->commit(taken->end).ok());
    // Among lamps that are named alike, the lesser n comes first.
    const auto staged = engine_->stage_settings(
        R"({"ranking": [{"name": "n", "descending": false}], "popularity_weight": 0})", "t", "");
    EXPECT_TRUE(staged.ok() && engine_->publish_settings(*staged, "t").ok());
    EXPECT_TRUE(engine_->wait_applied(engine_->log().end(), std::chrono::seconds(20)));
  }
  ~RulesAtWork() override {
    engine_->close().ok();
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string page(std::string filter = "", uint32_t from = 0, uint32_t count = 10,
                   std::string query = "lamp") {
    SearchRequest request;
    request.query = std::move(query);
    request.filter = std::move(filter);
    request.sort = sort_;
    request.group_by = group_by_;
    request.group_count = group_count_;
    request.from = from;
    request.count = count;
    request.facets = {{"brand"}};
    const auto found = engine_->search(request, false);
    if (!found.ok()) return found.error().what;
    answer_ = found->answer;
    std::string out;
    for (const SearchHit& hit : answer_.hits) out += hit.id.substr(1);
    return out;
  }
  void put(const std::string& then) {
    const Status done =
        engine_->put_rules({R"({"id": "r", "when": [{"query": "lamp"}], "then": )" + then + "}"}, "t", true);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }

  std::string folder_;
  std::unique_ptr<Engine> engine_;
  SearchAnswer answer_;
  std::vector<SortKey> sort_;
  std::string group_by_;
  uint32_t group_count_ = 1;
};

TEST_F(RulesAtWork, PinLiftHideFilterAndPage) {
  EXPECT_EQ(page(), "0123456789");
  put(R"({"pin": [{"item": "i7", "position": 0}, {"item": "i3", "position": 4}]})");
  EXPECT_EQ(page(), "7012345689");
  EXPECT_EQ(answer_.found, 10u);
  EXPECT_EQ(answer_.rules_applied, std::vector<std::string>{"r"});
  EXPECT_EQ(page("", 0, 4) + page("", 4, 4) + page("", 8, 4), "7012345689");  // Pages do not overlap.
  EXPECT_EQ(page("brand:even"), "02468");                                     // Pins respect filters.
  EXPECT_EQ(page("brand:odd"), "71593");  // And move up to the end of a short list.
  EXPECT_EQ(page("", 0, 10, ""), "0123456789");
  EXPECT_TRUE(answer_.rules_applied.empty());
  put(R"({"pin": [{"item": "i7", "position": 0}], "pins_follow_filters": false})");
  EXPECT_EQ(page("brand:even"), "702468");
  put(R"({"lift": "n >= 8"})");
  EXPECT_EQ(page(), "8901234567");
  EXPECT_EQ(page("", 1, 3), "901");
  EXPECT_EQ(page("", 5, 2), "34");
  put(R"({"lift": "n >= 8", "pin": [{"item": "i5", "position": 1}], "hide": ["i0", "i9"]})");
  EXPECT_EQ(page(), "85123467");
  EXPECT_EQ(answer_.found, 8u);
  ASSERT_EQ(answer_.facets.size(), 1u);
  EXPECT_EQ(answer_.facets[0].values.size(), 2u);
  EXPECT_EQ(answer_.facets[0].values[0].count + answer_.facets[0].values[1].count, 8u);
  put(R"({"filter": "brand:odd"})");
  EXPECT_EQ(page(), "13579");
  put(R"({"pin": [{"item": "nobody", "position": 0}]})");
  EXPECT_EQ(page(), "0123456789");
}

TEST_F(RulesAtWork, AnOrderThatIsAskedForIsNotTouched) {
  put(R"({"lift": "n >= 8", "pin": [{"item": "i5", "position": 0}], "hide": ["i3"]})");
  EXPECT_EQ(page(), "589012467");
  sort_ = {{"n", true}};
  EXPECT_EQ(page(), "987654210") << "what is hidden stays so";
  EXPECT_EQ(answer_.found, 9u);
}

TEST_F(RulesAtWork, AGroupStandsOnceWhateverIsPinnedAndLifted) {
  group_by_ = "brand";
  EXPECT_EQ(page(), "01");
  put(R"({"pin": [{"item": "i6", "position": 1}, {"item": "i4", "position": 2}]})");
  EXPECT_EQ(page(), "16");
  EXPECT_EQ(answer_.found, 2u);
  EXPECT_EQ(answer_.hits[1].group_size, 5u);
  put(R"({"lift": "n >= 7"})");
  EXPECT_EQ(page(), "78");
  put(R"({"lift": "n = 7"})");
  EXPECT_EQ(page(), "70");
  EXPECT_EQ(page("", 0, 1) + page("", 1, 1), "70");
  EXPECT_EQ(answer_.found, 2u);
}

TEST_F(RulesAtWork, APinnedHitHasTheVariantsOfItsGroup) {
  const auto groups = [&](const std::string& filter = "", uint32_t from = 0, uint32_t count = 10) {
    page(filter, from, count);
    std::string out;
    for (const SearchHit& hit : answer_.hits) {
      out += (out.empty() ? "" : " ") + hit.id.substr(1) + ":";
      for (const SearchHit& variant : hit.variants) out += variant.id.substr(1);
      out += "/" + std::to_string(hit.group_size);
    }
    return out;
  };
  group_by_ = "brand";
  group_count_ = 3;
  EXPECT_EQ(groups(), "0:24/5 1:35/5");
  struct Case {
    std::string pins, filter, want;
  };
  for (const Case& one : std::vector<Case>{
           {R"({"item": "i6", "position": 0})", "", "6:02/5 1:35/5"},
           {R"({"item": "i2", "position": 1})", "", "1:35/5 2:04/5"},
           {R"({"item": "i6", "position": 0}, {"item": "i4", "position": 1})", "", "6:02/5 1:35/5"},
           {R"({"item": "i6", "position": 0}, {"item": "i9", "position": 1})", "", "6:02/5 9:13/5"},
           {R"({"item": "i6", "position": 0})", "n >= 4", "6:48/3 5:79/3"},
           {R"({"item": "i6", "position": 0})", "n >= 5 AND n <= 6", "6:/1 5:/1"}}) {
    put(R"({"pin": [)" + one.pins + "]}");
    EXPECT_EQ(groups(one.filter), one.want) << one.pins << " " << one.filter;
    group_count_ = 1;
    for (const SearchHit& hit : (groups(one.filter), answer_.hits)) EXPECT_TRUE(hit.variants.empty());
    group_count_ = 3;
  }
  put(R"({"pin": [{"item": "i6", "position": 1}], "hide": ["i0"]})");
  EXPECT_EQ(groups(), "1:35/5 6:24/4");
  EXPECT_EQ(groups("", 0, 1) + " " + groups("", 1, 1), "1:35/5 6:24/4") << "page by page";
  put(R"({"pin": [{"item": "i6", "position": 0}], "lift": "n >= 7"})");
  EXPECT_EQ(groups(), "6:02/5 7:9/5");
  // Shown though the filter refuses it; the filter holds for its variants.
  put(R"({"pin": [{"item": "i6", "position": 0}], "pins_follow_filters": false})");
  EXPECT_EQ(groups("n <= 2"), "6:02/3 1:/1");
  // Variants are what matches the words, as of any hit.
  const std::string other = R"({"id": "i2", "title": "kettle", "n": 2, "brand": "even"})";
  const auto taken = engine_->items(other, ItemChange::kUpsert, {.now_ms = now_ms()});
  ASSERT_TRUE(taken.ok() && engine_->commit(taken->end).ok());
  ASSERT_TRUE(engine_->wait_applied(engine_->log().end(), std::chrono::seconds(20)));
  put(R"({"pin": [{"item": "i6", "position": 0}]})");
  EXPECT_EQ(groups(), "6:04/4 1:35/5");
  put(R"({"pin": [{"item": "i2", "position": 0}]})");
  EXPECT_EQ(groups(), "2:04/5 1:35/5") << "which itself need not match";
}

TEST_F(RulesAtWork, FacetsAndTotalsAreThoseOfAllPages) {
  put(R"({"lift": "n >= 8", "pin": [{"item": "i5", "position": 4}]})");
  for (const uint32_t count : {0u, 3u, 10u})
    for (uint32_t from = 0; from < 9; from += 3) {
      page("", from, count);
      EXPECT_EQ(answer_.found, 10u) << from << " " << count;
      ASSERT_EQ(answer_.facets.size(), 1u);
      EXPECT_EQ(answer_.facets[0].values[0].count + answer_.facets[0].values[1].count, 10u);
    }
}

TEST_F(RulesAtWork, ManyLongLiftsAreNoError) {
  std::vector<std::string> rules;
  for (int rule = 0; rule < 6; ++rule) {
    std::string lift = "n = " + std::to_string(9 - rule);
    while (lift.size() < 900) lift += " OR brand: \\\"no such brand " + std::to_string(lift.size()) + "\\\"";
    rules.push_back(R"({"id": "r)" + std::to_string(rule) + R"(", "then": {"lift": ")" + lift + "\"}}");
  }
  const Status done = engine_->put_rules(rules, "t", true);
  ASSERT_TRUE(done.ok()) << done.error().what;
  EXPECT_EQ(page(), "8901234567");  // Two fit.
  const auto found = engine_->recommend({.surface = Surface::kTrending, .k = 5});
  EXPECT_TRUE(found.ok()) << found.error().what;
}

TEST_F(RulesAtWork, WhatIsHiddenStaysSoWhateverIsPinned) {
  put(R"({"pin": [{"item": "i7", "position": 0}], "pins_follow_filters": false, "hide": ["i7"]})");
  EXPECT_EQ(page(), "012345689");
  EXPECT_EQ(page("brand:even"), "02468");
  // Pins of other rules leave no room for ids: hides take theirs first.
  const std::string when = R"(", "when": [{"query": "lamp"}], "then": )";
  std::vector<std::string> rules;
  for (const char* id : {"a", "b"}) {
    std::string pins;
    for (int i = 0; i < 6; ++i)
      pins += std::string(i == 0 ? "" : ", ") + R"({"item": ")" + std::string(250, id[0]) +
              std::to_string(i) + R"(", "position": 0})";
    rules.push_back(R"({"id": ")" + std::string(id) + when + R"({"pin": [)" + pins + "]}}");
  }
  rules.push_back(R"({"id": "c)" + when + R"({"hide": [")" + std::string(200, 'x') + R"(", "i3"]}})");
  const Status done = engine_->put_rules(rules, "t", true);
  ASSERT_TRUE(done.ok()) << done.error().what;
  EXPECT_EQ(page(), "012456789");
}

TEST_F(RulesAtWork, OtherWordsAndThingsForThePage) {
  put(R"({"query": "nothing of that name", "redirect": "/sale", "data": {"a": [1]}, "rendering": {"b": 2}})");
  page();
  EXPECT_EQ(answer_.found, 0u);
  EXPECT_EQ(answer_.redirect, "/sale");
  EXPECT_EQ(answer_.rule_data, std::vector<std::string>{R"({"a": [1]})"});
  EXPECT_EQ(answer_.rendering, R"({"b": 2})");
  put(R"({"remove_words": ["cheap"]})");
  EXPECT_EQ(page("", 0, 10, "CHEAP lamp"), "0123456789");
  EXPECT_FALSE(engine_->put_rules({R"({"id": "r", "then": {"filter": "("}})"}, "t").ok());
  EXPECT_TRUE(engine_->put_rules({}, "t", true).ok());
  EXPECT_TRUE(engine_->documents(kRules)->documents.empty());
}

TEST_F(RulesAtWork, ARuleIsTriedWithoutBeingKept) {
  put(R"({"pin": [{"item": "i7", "position": 0}]})");
  SearchRequest request;
  request.query = "lamp";
  const auto first = [&](const char* rule) {
    request.try_rule = rule;
    const auto found = engine_->search(request, false);
    return found.ok() ? found->answer.hits.front().id : found.error().what;
  };
  EXPECT_EQ(first(R"({"id": "r", "then": {"pin": [{"item": "i4", "position": 0}]}})"),
            "i4");                                                           // Instead of it,
  EXPECT_EQ(first(R"({"id": "s", "then": {"hide": ["i7", "i0"]}})"), "i1");  // or beside it.
  EXPECT_EQ(first(R"({"id": "r", "enabled": false})"), "i0");
  EXPECT_TRUE(first(R"({"id": "r", "then": {"pin": 3}})").starts_with("try_rule.then.pin"));
  EXPECT_EQ(page(), "7012345689");  // Nothing of it stays.
}

}  // namespace
}  // namespace freshet
