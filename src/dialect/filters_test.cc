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

TEST(DialectFilters, PlacesOnTheMap) {
  const std::pair<const char*, const char*> boxes[] = {
      {R"("47.5, 4.5, 47.25, 5")", "GEO_BOX(47.250000, 4.500000, 47.500000, 5.000000)"},
      {R"([[47.5, 5, 47.25, 4.5]])", "GEO_BOX(47.250000, 4.500000, 47.500000, 5.000000)"},
      {R"("[[47.5,5,47.25,4.5]]")", "GEO_BOX(47.250000, 4.500000, 47.500000, 5.000000)"},
      {R"([[10, -170, -10, 170]])", "GEO_BOX(-10.000000, 170.000000, 10.000000, -170.000000)"},
      {R"([[1, 2, 3, 4], [5, 6, 7, 8]])",
       "(GEO_BOX(1.000000, 2.000000, 3.000000, 4.000000) OR GEO_BOX(5.000000, 6.000000, 7.000000, "
       "8.000000))"},
      {R"([])", "error"},
      {R"([[1, 2, 3]])", "error"},
      {R"("1,2,3,x")", "error"},
      {R"([[91, 2, 3, 4]])", "error"},
      {R"({"a": 1})", "error"},
  };
  for (const auto& [given, wanted] : boxes)
    EXPECT_EQ(shown_result(from_boxes(*parse_json(given))), wanted) << given;

  const auto place = [](const char* body) { return read_around(*Params::of_body(body, 1000)); };
  EXPECT_FALSE(place("{}")->has_value());
  EXPECT_FALSE(place(R"({"aroundLatLng": ""})")->has_value());
  EXPECT_EQ((*place(R"({"aroundLatLng": "47.5, -4.25"})"))->longitude, -4.25);
  EXPECT_EQ((*place(R"({"aroundLatLng": "1,2", "aroundRadius": 500})"))->filter,
            "GEO_RADIUS(1.000000, 2.000000, 500)");
  EXPECT_EQ(
      (*place(R"({"aroundLatLng": "1,2", "aroundRadius": 500, "insideBoundingBox": "1,2,3,4"})"))->filter,
      "");
  EXPECT_FALSE(place(R"({"aroundLatLng": "here"})").ok());
  EXPECT_FALSE(place(R"({"aroundLatLng": "100, 2"})").ok());
}

}  // namespace
}  // namespace freshet::dialect_internal
