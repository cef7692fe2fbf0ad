#include "dialect/internal/records.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "dialect/internal/params.h"
#include "dialect/internal/served.h"
#include "ingest/ingest.h"

namespace freshet::dialect_internal {
namespace {

Json parsed(std::string_view text) {
  const Result<Json> json = parse_json(text, {1 << 20, 60});
  EXPECT_TRUE(json.ok()) << text;
  return *json;
}

// Members in the order of their names, all the way down: what two records that mean the same have in common.
Json in_order(Json value) {
  if (auto* object = std::get_if<Json::Object>(&value.value)) {
    std::sort(object->begin(), object->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (Json::Member& one : *object) one.value = in_order(std::move(one.value));
  }
  if (auto* list = std::get_if<Json::List>(&value.value))
    for (Json& one : *list) one = in_order(std::move(one));
  return value;
}

// Through the door and back, as a saved record goes.
std::string there_and_back(std::string_view record) {
  const Result<std::string> line = item_line(parsed(record), "x");
  if (!line.ok()) return "error";
  std::vector<Attribute> attributes;
  FunctionSink sink([&](const Event& event) -> Status {
    EXPECT_EQ(event.item, "x");
    attributes = event.attributes;
    return {};
  });
  Ingest ingest(CleanerConfig::live(), nullptr);
  const auto taken = ingest.items(*line, ItemChange::kUpsert, {.now_ms = 1'700'000'000'000}, sink);
  EXPECT_TRUE(taken.ok() && taken->accepted == 1) << record;
  std::sort(attributes.begin(), attributes.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  Json back;
  back.value = record_of(attributes);
  return json_line(in_order(back));
}

TEST(DialectRecords, ComeBackAsTheyWere) {
  const char* rows[] = {
      R"({})",
      R"({"a": 1, "b": 1.5, "c": "text", "d": true, "e": false})",
      R"({"a": {"b": {"c": 1, "d": ["x", "y"]}}, "ab": 2})",
      R"({"list": ["a", "b"], "none": [], "one": ["x"]})",
      R"({"numbers": [1, 2.5], "flags": [true], "mixed": [1, "x", null], "deep": [[1], [2]]})",
      R"({"objects": [{"sku": "a"}, {"sku": "b", "n": 1}]})",
      R"({"many": [{"v": 0}, {"v": 1}, {"v": 2}, {"v": 3}, {"v": 4}, {"v": 5}, {"v": 6}, {"v": 7}, {"v": 8}, {"v": 9}, {"v": 10}, {"v": 11}]})",
      R"({"nothing": null, "empty": {}, "some": {"nothing": null}})",
      R"({"a.b": 1, "c": {"d.e": 2}})",
      R"({"0": "zero", "1": "one"})",
      R"({"o": {"0": "a", "1": "b"}})",
      R"({"id": 77, "type": "thing", "item": "i", "time": "noon", "user": "u", "price": "12.00", "attributes": {"x": 1}})",
      R"({"text": "two\nlines\tand a tab", "space": " around "})",
      R"({"grüße": "straße", "quote\"": "back\\slash"})",
  };
  for (const char* row : rows) EXPECT_EQ(there_and_back(row), json_line(in_order(parsed(row)))) << row;
  EXPECT_EQ(there_and_back(R"({"objectID": "other", "a": 1})"), R"({"a": 1})");
  EXPECT_EQ(there_and_back("[1]"), "error");
}

TEST(DialectRecords, SelectionsAreNamesAllOrAllBut) {
  const struct {
    std::vector<std::string> names;
    const char* wanted;
  } rows[] = {
      {{"*"}, R"({"a": 1, "b": {"c": 2, "d": 3}, "bc": 4})"},
      {{"a"}, R"({"a": 1})"},
      {{"b"}, R"({"b": {"c": 2, "d": 3}})"},
      {{"b.c"}, R"({"b": {"c": 2}})"},
      {{"*", "-b"}, R"({"a": 1, "bc": 4})"},
      {{"-a"}, R"({"b": {"c": 2, "d": 3}, "bc": 4})"},
      {{}, R"({})"},
  };
  const std::vector<Attribute> attributes = {
      {"a", int64_t{1}}, {"b.c", int64_t{2}}, {"b.d", int64_t{3}}, {"bc", int64_t{4}}};
  for (const auto& row : rows) {
    JsonWriter json;
    json.object();
    write_record(json, attributes, Selection(row.names));
    json.end();
    EXPECT_EQ(json.text(), row.wanted);
  }
}

TEST(DialectRecords, BuiltInOperations) {
  const struct {
    const char* before;
    const char* change;
    const char* after;
  } rows[] = {
      {R"({"n": 1})", R"({"n": 2, "m": "x"})", R"({"n": 2, "m": "x"})"},
      {R"({"n": 1})", R"({"n": {"_operation": "Increment", "value": 2}})", R"({"n": 3})"},
      {R"({})", R"({"n": {"_operation": "Decrement", "value": 2}})", R"({"n": -2})"},
      {R"({"n": 1})", R"({"n": {"_operation": "Increment", "value": 0.5}})", R"({"n": 1.5})"},
      {R"({"n": 3})", R"({"n": {"_operation": "IncrementFrom", "value": 3}})", R"({"n": 4})"},
      {R"({"n": 3})", R"({"n": {"_operation": "IncrementFrom", "value": 2}})", R"({"n": 3})"},
      {R"({"n": 3})", R"({"n": {"_operation": "IncrementSet", "value": 9}})", R"({"n": 9})"},
      {R"({"n": 3})", R"({"n": {"_operation": "IncrementSet", "value": 2}})", R"({"n": 3})"},
      {R"({"t": ["a"]})", R"({"t": {"_operation": "Add", "value": "a"}})", R"({"t": ["a", "a"]})"},
      {R"({"t": ["a"]})", R"({"t": {"_operation": "AddUnique", "value": "a"}})", R"({"t": ["a"]})"},
      {R"({"t": "a"})", R"({"t": {"_operation": "AddUnique", "value": "b"}})", R"({"t": ["a", "b"]})"},
      {R"({"t": ["a", "b", "a"]})", R"({"t": {"_operation": "Remove", "value": "a"}})", R"({"t": ["b"]})"},
      {R"({"o": {"a": 1}})", R"({"o": {"b": 2}, "objectID": "x"})", R"({"o": {"b": 2}})"},
      {R"({})", R"({"n": {"_operation": "Multiply", "value": 2}})", "error"},
      {R"({})", R"({"n": {"_operation": "Increment", "value": "x"}})", "error"},
      {R"({})", R"({"n": {"_operation": "Add"}})", "error"},
  };
  for (const auto& row : rows) {
    Json record = parsed(row.before);
    const Status done = change_record(parsed(row.change), std::get<Json::Object>(record.value));
    EXPECT_EQ(done.ok() ? json_line(record) : "error", row.after) << row.change;
  }
}

TEST(ServedPages, AreFoundByWhatTheyShowed) {
  ServedPages pages;
  pages.served("q1", "ada", {"a", "b", "c"});
  pages.served("q2", "ada", {"b", "c", "d"});
  pages.served("q3", "bob", {"a", "b"});
  EXPECT_EQ(pages.page_of("ada", {"a", "b"}), "q1");
  EXPECT_EQ(pages.page_of("ada", {"b", "c"}), "q2");  // The newest.
  EXPECT_EQ(pages.page_of("ada", {"a", "d"}), "");
  EXPECT_EQ(pages.page_of("bob", {"b"}), "q3");
  EXPECT_EQ(pages.page_of("cleo", {"b"}), "");
  pages.clicked("ada", "a", "q1");
  pages.clicked("ada", "a", "q2");
  EXPECT_EQ(pages.last_touch("ada", "a"), "q2");
  EXPECT_EQ(pages.last_touch("bob", "a"), "");
}

TEST(ServedPages, ForgetTheOldest) {
  ServedPages pages;
  pages.served("first", "ada", {"a"});
  for (size_t i = 0; i < ServedPages::kPagesMax; ++i) pages.served("q", "u" + std::to_string(i), {"a"});
  EXPECT_EQ(pages.page_of("ada", {"a"}), "");
  EXPECT_EQ(pages.page_of("u0", {"a"}), "q");
  pages.clicked("ada", "a", "first");
  for (size_t i = 0; i < ServedPages::kTouchedMax; ++i) pages.clicked("u" + std::to_string(i), "a", "q");
  EXPECT_EQ(pages.last_touch("ada", "a"), "");
  EXPECT_EQ(pages.last_touch("u0", "a"), "q");
}

}  // namespace
}  // namespace freshet::dialect_internal
