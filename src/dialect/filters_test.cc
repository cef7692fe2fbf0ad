#include "dialect/internal/filters.h"

#include <gtest/gtest.h>

#include "column/filter.h"

namespace freshet::dialect_internal {
namespace {

std::string shown_result(const Result<std::string>& got) {
  if (!got.ok()) return "error";
  // What comes out is the native language.
  EXPECT_TRUE(Filter::parse(*got).ok()) << *got;
  return *got;
}

TEST(DialectFilters, ExpressionsBecomeTheNativeLanguage) {
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},
      {"   ", ""},
      {"brand:Acme", R"("brand":"Acme")"},
      {"brand: \"Acme & Co\"", R"("brand":"Acme & Co")"},
      {"'odd name':'it\\'s'", R"("odd name":"it's")"},
      {R"(brand:"a \"b\"")", R"("brand":"a \"b\"")"},
      {"objectID:p1", R"(id:"p1")"},
      {"price < 50", R"("price" < 50)"},
      {"price>=50", R"("price" >= 50)"},
      {"price != -1.5", R"("price" != -1.5)"},
      {"price:10 TO 20", R"(("price" >= 10 AND "price" <= 20))"},
      {"price: 10 TO 20 AND a:b", R"(("price" >= 10 AND "price" <= 20) AND "a":"b")"},
      {"brand:Acme<score=3> OR brand:Lux", R"("brand":"Acme" OR "brand":"Lux")"},
      {"(a:b OR NOT c:d) AND e:true", R"(("a":"b" OR NOT "c":"d") AND "e":"true")"},
      {"a:ORANGE AND b:ANDOR", R"("a":"ORANGE" AND "b":"ANDOR")"},
      {"public", R"("_tags":"public")"},
      {"lvl.0:\"a > b\"", R"("lvl.0":"a > b")"},
      {"a AND", "error"},
      {"(a:b", "error"},
      {"a:b)", "error"},
      {"brand:", "error"},
      {"price < cheap", "error"},
      {"a:b c:d", "error"},
      {"a:\"open", "error"},
      {"price:1 TO x", "error"},
      {"AND", "error"},
  };
  for (const auto& [given, wanted] : rows) EXPECT_EQ(shown_result(from_filters(given)), wanted) << given;
}

TEST(DialectFilters, ListsAreOuterAndInnerOr) {
  const struct {
    const char* parameter;
    const char* json;
    const char* wanted;
  } rows[] = {
      {"facetFilters", R"("brand:Acme")", R"(("brand":"Acme"))"},
      {"facetFilters", R"(["brand:Acme", ["c:d", "e:-f"]])",
       R"((("brand":"Acme" AND ("c":"d" OR NOT ("e":"f")))))"},
      {"facetFilters", R"(["n:\\-1"])", R"(("n":"-1"))"},
      {"facetFilters", R"("[[\"a:b\",\"a:c\"]]")", R"((("a":"b" OR "a":"c")))"},
      {"facetFilters", R"([])", ""},
      {"facetFilters", R"([[]])", ""},
      {"facetFilters", R"(["time:12:30"])", R"(("time":"12:30"))"},
      {"facetFilters", R"(["brand"])", "error"},
      {"facetFilters", R"([[["a:b"]]])", "error"},
      {"facetFilters", R"([3])", "error"},
      {"numericFilters", R"(["price>=50","price<=100"])", R"((("price" >= 50 AND "price" <= 100)))"},
      {"numericFilters", R"(["rating:1 TO 2"])", R"((("rating" >= 1 AND "rating" <= 2)))"},
      {"numericFilters", R"("stock > 0")", R"(("stock" > 0))"},
      {"numericFilters", R"(["price"])", "error"},
      {"numericFilters", R"(["price=<3"])", "error"},
      {"tagFilters", R"("")", ""},
      {"tagFilters", R"(["a", ["b", "-c"]])", R"((("_tags":"a" AND ("_tags":"b" OR NOT ("_tags":"c")))))"},
  };
  for (const auto& row : rows) {
    Params params;
    const Result<Json> json = parse_json(row.json);
    ASSERT_TRUE(json.ok()) << row.json;
    params.set(row.parameter, *json);
    EXPECT_EQ(shown_result(native_filter(params)), row.wanted) << row.parameter << " " << row.json;
  }
}

TEST(DialectParams, BothEncodingsAndTheInlineOneWins) {
  const Result<Json> body = parse_json(
      R"({"query": "inline", "params": "query=coded&facets=%5B%22brand%22%5D&hitsPerPage=7&a%20b=c+d&analytics=false",
          "page": "3", "names": "a, b", "nothing": null})");
  ASSERT_TRUE(body.ok());
  const Result<Params> params = Params::of(*body);
  ASSERT_TRUE(params.ok());
  EXPECT_EQ(params->text("query"), "inline");
  EXPECT_EQ(params->texts("facets"), std::vector<std::string>{"brand"});
  EXPECT_EQ(params->whole("hitsPerPage"), 7);
  EXPECT_EQ(params->whole("page"), 3);
  EXPECT_EQ(params->text("a b"), "c d");
  EXPECT_EQ(params->flag("analytics"), false);
  EXPECT_EQ(params->texts("names"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(params->find("nothing"), nullptr);
  EXPECT_EQ(params->whole("query"), std::nullopt);
  EXPECT_FALSE(Params::of_body(R"({"params": "a=%zz"})", 100).ok());
  EXPECT_FALSE(Params::of_body("[]", 100).ok());
  EXPECT_TRUE(Params::of_body("", 100).ok());
}

}  // namespace
}  // namespace freshet::dialect_internal
