#include "http/fields.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

struct Read {
  std::string text = "-";
  std::vector<std::string> list;
  uint64_t whole = 7;
  bool flag = false;
  std::string error;  // field|message
};

Read read(Fields fields) {
  Read out;
  fields.text("text", out.text, 8);
  fields.texts("list", out.list, 3, 4);
  fields.whole("whole", out.whole, 1, 100);
  fields.flag("flag", out.flag);
  if (const auto wrong = fields.finish()) out.error = wrong->field + "|" + wrong->message;
  return out;
}

Fields query(std::string_view text) {
  Request request;
  EXPECT_TRUE(parse_target("/x?" + std::string(text), request).ok());
  return Fields::from_query(request);
}

TEST(Fields, AreReadFromBothForms) {
  const std::pair<Fields, const char*> rows[] = {
      {query("text=a%20b&list=x,y&list=z&whole=12&flag=1"), "query"},
      {Fields::from_json(R"({"text": "a b", "list": ["x", "y", "z"], "whole": 12, "flag": true})"), "json"},
  };
  for (const auto& [fields, what] : rows) {
    SCOPED_TRACE(what);
    const Read got = read(fields);
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.text, "a b");
    EXPECT_EQ(got.list, (std::vector<std::string>{"x", "y", "z"}));
    EXPECT_EQ(got.whole, 12u);
    EXPECT_TRUE(got.flag);
  }
  const Read absent = read(Fields::from_json(R"({"text": null})"));
  EXPECT_EQ(absent.error, "");
  EXPECT_EQ(absent.text, "-");
  EXPECT_EQ(read(Fields::from_json(R"({"list": "one"})")).list, std::vector<std::string>{"one"});
}

TEST(Fields, ErrorsNameTheFieldAndWhatWasExpected) {
  const struct {
    Fields fields;
    std::string error;
  } rows[] = {
      {query("whole=0"), "whole|whole: expected a whole number from 1 to 100"},
      {query("whole=101"), "whole|whole: expected a whole number from 1 to 100"},
      {query("whole=1x"), "whole|whole: expected a whole number from 1 to 100"},
      {query("whole=-1"), "whole|whole: expected a whole number from 1 to 100"},
      {query("whole="), "whole|whole: expected a whole number from 1 to 100"},
      {query("whole=99999999999999999999"), "whole|whole: expected a whole number from 1 to 100"},
      {query("whole=1&whole=2"), "whole|whole: expected a whole number from 1 to 100"},
      {query("text=123456789"), "text|text: expected at most 8 bytes"},
      {query("text=a&text=b"), "text|text: expected one text"},
      {query("list=a,b,c,d"), "list|list: expected at most 3 of them"},
      {query("list=abcde"), "list|list: expected at most 4 bytes in each"},
      {query("flag=yes"), "flag|flag: expected true or false"},
      {query("wohle=1"), "wohle|unknown field \"wohle\"; expected text, list, whole, flag"},
      {Fields::from_json(R"({"whole": 1.5})"), "whole|whole: expected a whole number from 1 to 100"},
      {Fields::from_json(R"({"whole": 1e300})"), "whole|whole: expected a whole number from 1 to 100"},
      {Fields::from_json(R"({"whole": "5"})"), "whole|whole: expected a whole number from 1 to 100"},
      {Fields::from_json(R"({"list": [1]})"), "list|list: expected a list of texts"},
      {Fields::from_json(R"({"text": {}})"), "text|text: expected one text"},
      {Fields::from_json(R"({"flag": "true"})"), "flag|flag: expected true or false"},
      {Fields::from_json(R"([])"), "|expected a JSON object"},
  };
  for (const auto& row : rows) EXPECT_EQ(read(row.fields).error, row.error);
}

TEST(Fields, DamagedJsonNamesTheByte) {
  const std::pair<std::string, int64_t> rows[] = {
      {R"({"a": })", 6}, {R"({"a": 1)", 7}, {R"({} x)", 3}, {"", 0}, {std::string(20, '['), 8}};
  for (const auto& [body, position] : rows) {
    Fields fields = Fields::from_json(body);
    const auto wrong = fields.finish();
    ASSERT_TRUE(wrong) << body;
    EXPECT_EQ(wrong->code, "malformed_json");
    EXPECT_EQ(wrong->position, position) << body;
  }
}

}  // namespace
}  // namespace freshet
