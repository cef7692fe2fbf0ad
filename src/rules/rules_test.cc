#include "rules/rules.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

std::string matched(const std::vector<std::string>& rules, const SearchRequest& request, TimeMs at = kNow) {
  DocumentCollection documents;
  for (const std::string& json : rules) {
    const Result<Rule> rule = parse_rule(json);
    EXPECT_TRUE(rule.ok()) << json << (rule.ok() ? "" : rule.error().what);
    if (rule.ok()) documents.documents.push_back(std::make_shared<Document>(Document{rule->id, json}));
  }
  const RuleBook book(documents);
  std::string out;
  for (const Rule* rule : book.match(rule_page(request), at)) out += rule->id + ";";
  return out;
}

TEST(Rules, HoldWhenTheirConditionsDo) {
  const struct {
    const char* when;
    SearchRequest request;
    bool met;
  } rows[] = {
      {R"([])", {.query = "anything"}, true},
      {R"([{"query": "red kettle", "match": "is"}])", {.query = "  Réd KETTLE "}, true},
      {R"([{"query": "red kettle", "match": "is"}])", {.query = "red kettles"}, false},
      {R"([{"query": "red kettle", "match": "is"}])", {.query = "big red kettle"}, false},
      {R"([{"query": "red", "match": "starts"}])", {.query = "red kettle"}, true},
      {R"([{"query": "red", "match": "starts"}])", {.query = "reddish kettle"}, false},
      {R"([{"query": "kettle", "match": "ends"}])", {.query = "red kettle"}, true},
      {R"([{"query": "red", "match": "ends"}])", {.query = "red kettle"}, false},
      {R"([{"query": "red", "match": "contains"}])", {.query = "a red kettle"}, true},
      {R"([{"query": "red"}])", {.query = "bored"}, false},
      {R"([{"query": "", "match": "is"}])", {.query = ""}, true},
      {R"([{"query": "", "match": "is"}])", {.query = "x"}, false},
      {R"([{"context": "mobile"}])", {.query = "x", .rule_contexts = {"desk", "mobile"}}, true},
      {R"([{"context": "mobile"}])", {.query = "x"}, false},
      {R"([{"query": "x", "context": "mobile"}])", {.query = "y", .rule_contexts = {"mobile"}}, false},
      {R"([{"filter": "brand:Acme"}])", {.filter = "(brand:Acme) AND price < 3"}, true},
      {R"([{"filter": "brand:Acme"}])", {.filter = "brand:Lux"}, false},
      {R"([{"query": "a"}, {"query": "b"}])", {.query = "b"}, true},
  };
  for (const auto& row : rows) {
    const std::string rule = std::string(R"({"id": "r", "when": )") + row.when + "}";
    EXPECT_EQ(matched({rule}, row.request), row.met ? "r;" : "") << row.when << " " << row.request.query;
  }
}

TEST(Rules, HaveTheirTimeAndCanBeOff) {
  const std::string timed =
      R"({"id": "t", "valid": [{"from_ms": 1000, "until_ms": 2000}, {"from_ms": 5000}]})";
  EXPECT_EQ(matched({timed}, {}, 999), "");
  EXPECT_EQ(matched({timed}, {}, 1000), "t;");
  EXPECT_EQ(matched({timed}, {}, 2000), "");
  EXPECT_EQ(matched({timed}, {}, 6000), "t;");
  EXPECT_EQ(matched({R"({"id": "a", "enabled": false})", R"({"id": "b"})"}, {}), "b;");
}

TEST(Rules, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({})", "id"},
      {R"({"id": "r", "colour": 1})", "colour"},
      {R"({"id": "r", "when": [{"match": "almost"}]})", "when[0].match"},
      {R"({"id": "r", "then": {"filter": "brand:"}})", "then.filter"},
      {R"({"id": "r", "then": {"lift": "("}})", "then.lift"},
      {R"({"id": "r", "then": {"pin": [{"position": 1}]}})", "then.pin[0].item"},
      {R"({"id": "r", "then": {"pin": [{"item": "a", "position": -1}]}})", "then.pin[0].position"},
      {R"({"id": "r", "then": {"hide": "a"}})", "then.hide"},
      {R"([])", "expected an object"},
  };
  for (const auto& [json, where] : rows) {
    const Result<Rule> rule = parse_rule(json);
    ASSERT_FALSE(rule.ok()) << json;
    EXPECT_NE(rule.error().what.find(where), std::string::npos) << rule.error().what;
  }
  EXPECT_TRUE(parse_rule(R"({"id": "r", "origin": {"anything": [1]}, "then": {"data": {"a": 1}}})").ok());
}

}  // namespace
}  // namespace freshet
