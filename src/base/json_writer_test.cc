#include "base/json_writer.h"

#include <gtest/gtest.h>

#include "base/text_table.h"

namespace freshet {
namespace {

TEST(JsonWriter, NestsAndSeparates) {
  JsonWriter json;
  json.object().field("n", 3).field("x", 0.1).field("ok", true).field("name", "a");
  json.key("list").array().value(1).value(2.5).null().end();
  json.key("empty").object().end();
  json.end();
  EXPECT_EQ(json.text(),
            R"({"n": 3, "x": 0.1, "ok": true, "name": "a", "list": [1, 2.5, null], "empty": {}})");
}

TEST(JsonWriter, EscapesWhatJsonCannotHold) {
  struct Row {
    std::string_view in, want;
  };
  const Row rows[] = {{"plain", R"("plain")"},
                      {"a\"b\\c", R"("a\"b\\c")"},
                      {"tab\tline\n", R"("tab\tline\n")"},
                      {std::string_view("\x01", 1), R"("\u0001")"},
                      {"größe", "\"größe\""}};
  for (const Row& row : rows) {
    JsonWriter json;
    json.value(row.in);
    EXPECT_EQ(json.text(), row.want);
  }
  JsonWriter json;
  json.array().value(std::nan("")).value(1.0 / 0.0).end();
  EXPECT_EQ(json.text(), "[null, null]");
}

TEST(JsonWriter, Indents) {
  JsonWriter json(2);
  json.object().field("a", 1).key("b").array().value(2).end().end();
  EXPECT_EQ(json.text(), "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}");
}

TEST(TextTable, AlignsByLettersNotBytes) {
  TextTable table({"what", "n"});
  table.row({"größe", "1,000"});
  table.row({"x", "7"});
  EXPECT_EQ(table.text(), "what       n\n────────────\ngröße  1,000\nx          7\n");
}

TEST(Format, Numbers) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_seconds(0.5), "500 ms");
  EXPECT_EQ(format_seconds(61), "1 min 01 s");
  EXPECT_EQ(format_seconds(7380), "2 h 03 min");
  EXPECT_EQ(format_number(std::nan(""), 2), "-");
}

}  // namespace
}  // namespace freshet
