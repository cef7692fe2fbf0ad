#include "http/message.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(ParseTarget, DecodesSegmentBySegment) {
  const struct {
    const char* target;
    std::vector<std::string> segments;
    std::vector<Header> query;
  } rows[] = {
      {"/", {}, {}},
      {"/a/b", {"a", "b"}, {}},
      {"/a/", {"a"}, {}},
      {"/a//b", {"a", "", "b"}, {}},
      {"/items/x%2Fy", {"items", "x/y"}, {}},
      {"/items/a+b", {"items", "a+b"}, {}},
      {"/a?x=1&y=a+b%26&z&=v", {"a"}, {{"x", "1"}, {"y", "a b&"}, {"z", ""}, {"", "v"}}},
      {"/a?x=1&x=2", {"a"}, {{"x", "1"}, {"x", "2"}}},
      {"/%C3%A9", {"\xc3\xa9"}, {}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.target);
    Request request;
    ASSERT_TRUE(parse_target(row.target, request).ok());
    EXPECT_EQ(request.segments, row.segments);
    EXPECT_EQ(request.query, row.query);
  }
}

TEST(ParseTarget, RefusesWhatCouldMeanTwoThings) {
  const std::string rows[] = {"",
                              "a",
                              "http://x/",
                              "/a/../b",
                              "/%2e%2e",
                              "/a%0",
                              "/a%zz",
                              "/%00",
                              "/%ff",
                              "/%c0%80",
                              "/?a=%ff",
                              "/?%zz=1",
                              "/./a",
                              "/%ed%a0%80",
                              "/?" + [] {
                                std::string many;
                                for (int i = 0; i < 300; ++i) many += "a=1&";
                                return many;
                              }()};
  for (const std::string& target : rows) {
    Request request;
    EXPECT_FALSE(parse_target(target, request).ok()) << target;
  }
}

TEST(JsonQuote, IsJsonWhateverTheBytes) {
  const std::pair<std::string, std::string> rows[] = {
      {"plain", "\"plain\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {std::string("\n\0", 2), "\"\\u000a\\u0000\""},
      {"\xc3\xa9", "\"\xc3\xa9\""},
      {"cut \xc3", "\"cut \xef\xbf\xbd\""},
      {"\xff\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const auto& [text, quoted] : rows) EXPECT_EQ(json_quote(text), quoted);
}

TEST(Problem, ErrorsBecomeOneShape) {
  const struct {
    Error error;
    int status;
    std::string body;
  } rows[] = {
      {invalid("k: expected 1 to 100, got 0"), 400,
       R"({"error":{"code":"invalid","message":"k: expected 1 to 100, got 0","field":"k"}})"},
      {invalid("filter: at byte 12: expected a name"), 400,
       R"({"error":{"code":"invalid","message":"filter: at byte 12: expected a name","field":"filter","position":12}})"},
      {invalid("Not a field: x"), 400, R"({"error":{"code":"invalid","message":"Not a field: x"}})"},
      {not_found("item \"x\""), 404, R"({"error":{"code":"not_found","message":"item \"x\""}})"},
      {unavailable("disk full"), 503, R"({"error":{"code":"unavailable","message":"disk full"}})"},
  };
  for (const auto& row : rows) {
    const Response response = problem(row.error);
    EXPECT_EQ(response.status, row.status);
    EXPECT_EQ(response.body, row.body + "\n");
  }
}

}  // namespace
}  // namespace freshet
