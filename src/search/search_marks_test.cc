// Highlights and snippets.
#include <gtest/gtest.h>

#include "search/testing/small_shop.h"

namespace freshet {
namespace {

using testing::SmallShop;

// field: value|level|words; all of a hit, joined.
std::string marks_of(const std::vector<Marked>& marked) {
  std::string out;
  for (const Marked& one : marked) {
    out += (out.empty() ? "" : "; ") + one.field + ": " + one.text + "|" +
           std::string(match_level_name(one.level)) + "|";
    for (const std::string& word : one.matched_words) out += word + " ";
  }
  return out;
}

TEST(Search, MarksWhatWasFound) {
  SmallShop shop;
  shop.item("k1", {{"title", "Red Kettles <b> & more"},
                   {"tags", std::vector<std::string>{"kettle", "tea"}},
                   {"description", "one two three four five six red kettle nine ten"}});
  using Fields = std::optional<std::vector<std::string>>;
  const struct {
    SearchRequest request;
    const char *highlights, *snippets;
  } rows[] = {
      {{.query = "kettle"}, "title: Red <em>Kettles</em> &lt;b&gt; &amp; more|full|kettle ", ""},
      {{.query = "red ketle blue", .relaxation = Relaxation::kAny},
       "title: <em>Red</em> <em>Kettles</em> &lt;b&gt; &amp; more|partial|red ketle ",
       ""},
      {{.query = "ket", .highlight_before = "[", .highlight_after = "]", .escape_html = false},
       "title: Red [Ket]tles <b> & more|full|ket ",
       ""},
      {{.query = "the kettle"}, "title: Red <em>Kettles</em> &lt;b&gt; &amp; more|full|kettle ", ""},
      {{.query = "kettle", .highlight = Fields({"tags", "nothing"})},
       "tags: <em>kettle</em>|full|kettle ; tags: tea|none|",
       ""},
      {{.query = "kettle",
        .highlight = Fields({"tags"}),
        .snippets = Fields({"description"}),
        .snippet_words = 2},
       "tags: <em>kettle</em>|full|kettle ; tags: tea|none|",
       "description: …<em>kettle</em> nine…|full|kettle "},
      {{.query = ""}, "", ""},
      {{.query = "", .highlight = Fields({"tags"})}, "tags: kettle|none|; tags: tea|none|", ""},
  };
  for (const auto& row : rows) {
    const auto answer = shop.search(row.request);
    ASSERT_TRUE(answer.ok() && answer->hits.size() == 1) << row.request.query;
    EXPECT_EQ(marks_of(answer->hits[0].highlights), row.highlights) << row.request.query;
    EXPECT_EQ(marks_of(answer->hits[0].snippets), row.snippets) << row.request.query;
  }
  shop.settings(R"({"highlight": {"fields": ["tags"], "before": "*", "after": "*", "escape_html": false}})");
  EXPECT_EQ(marks_of(shop.search({.query = "kettle"})->hits[0].highlights),
            "tags: *kettle*|full|kettle ; tags: tea|none|");
}

TEST(Search, MarksWhatWasFoundInValuesOfAFacet) {
  SmallShop shop;
  shop.item("k1", {{"title", "Kettle"}, {"brand", "Acme & <Sons>"}});
  SearchRequest request{.facets = {{.name = "brand", .contains = "acm"}}};
  EXPECT_EQ(shop.search(request)->facets[0].values[0].highlighted, "<em>Acm</em>e &amp; &lt;Sons&gt;");
  request.escape_html = false;
  request.highlight_before = "(";
  request.highlight_after = ")";
  EXPECT_EQ(shop.search(request)->facets[0].values[0].highlighted, "(Acm)e & <Sons>");
  request.facets[0].contains.clear();
  EXPECT_EQ(shop.search(request)->facets[0].values[0].highlighted, "");
}

}  // namespace
}  // namespace freshet
