// Searches over a small shop, folded from events as the log has them.
#include <cctype>
#include <set>

#include <gtest/gtest.h>

#include "feature/entry.h"
#include "search/popularity.h"
#include "search/search_service.h"

namespace freshet {
namespace {

class Shop {
 public:
  explicit Shop(bool background = false)
      : config_{.background = background},
        entry_(moment_, 1000),
        settings_(moment_),
        catalog_(moment_),
        trail_(moment_),
        intent_(moment_, catalog_, trail_),
        vectors_(moment_, catalog_, trail_),
        state_(moment_, catalog_, settings_, config_),
        service_(catalog_, settings_, state_, config_, &vectors_, &intent_) {
    settings_.on_change(
        [this](const SettingsBook& a, const SettingsBook& b) { state_.settings_changed(a, b); });
    catalog_.on_change([this](ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
      state_.record_changed(slot, before, now);
    });
    catalog_.on_evict([this](std::span<const ItemSlot> slots) {
      vectors_.evict(slots);
      state_.evict(slots);
    });
  }

  void apply(Event event) {
    if (event.id.empty()) event.id = std::to_string(++events_);
    if (event.time_ms == kNoTime) event.time_ms = 1'760'000'000'000 + static_cast<TimeMs>(events_);
    for (Fold* fold : folds()) fold->apply(events_, event);
  }
  std::vector<Fold*> folds() {
    return {&entry_, &settings_, &catalog_, &trail_, &intent_, &vectors_, &state_};
  }
  void item(const std::string& id, std::vector<Attribute> attributes, EventType type = EventType::kItemUpsert,
            const std::string& catalogue = "") {
    Event event;
    event.type = type;
    event.item = id;
    event.attributes = std::move(attributes);
    event.catalogue = catalogue;
    std::sort(event.attributes.begin(), event.attributes.end(),
              [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    apply(std::move(event));
  }
  void act(EventType type, const std::string& item) {
    Event event;
    event.type = type;
    event.item = item;
    event.user = "u";
    apply(std::move(event));
  }
  void settings(const std::string& json) {
    apply(settings_event("stage", json, ""));
    apply(settings_event("publish", std::to_string(settings_.book().next - 1), ""));
  }
  Result<SearchAnswer> search(const SearchRequest& request) {
    return service_.search(request, moment_.now_ms);
  }
  // The ids of the page, joined.
  std::string ids(const SearchRequest& request) {
    const auto answer = search(request);
    if (!answer.ok()) return answer.error().what;
    std::string out;
    for (const SearchHit& hit : answer->hits) out += (out.empty() ? "" : " ") + hit.id;
    return out;
  }
  std::string ids(const std::string& query) {
    SearchRequest request;
    request.query = query;
    return ids(request);
  }
  void fill() {
    item("k1",
         {{"title", "Red kettle"}, {"brand", "Acme"}, {"category", "Kitchen > Kettles"}, {"price", 39.9}});
    item("k2",
         {{"title", "Blue kettle"}, {"brand", "Acme"}, {"category", "Kitchen > Kettles"}, {"price", 49.9}});
    item("k3",
         {{"title", "Steel kettle"}, {"brand", "Bravo"}, {"category", "Kitchen > Kettles"}, {"price", 19.9}});
    item("p1",
         {{"title", "Frying pan"}, {"brand", "Bravo"}, {"category", "Kitchen > Pans"}, {"price", 25.0}});
    item("s1", {{"title", "Couch"}, {"brand", "Chair Co"}, {"category", "Living"}, {"price", 499.0}});
  }

  SearchConfig config_;
  Moment moment_;
  Entry entry_;
  Settings settings_;
  Catalog catalog_;
  SearchTrail trail_;
  Intent intent_;
  ItemVectors vectors_;
  SearchState state_;
  SearchService service_;
  uint64_t events_ = 0;
};

TEST(Search, FindsWhatIsMeant) {
  Shop shop;
  shop.fill();
  const std::pair<const char*, const char*> rows[] = {
      {"red kettle", "k1 k2 k3"},
      {"frying pan", "p1"},
      {"fryin", "p1"},
      {"ketle", "k1 k2 k3"},
      {"couch", "s1"},
      {"sofa", ""},
      {"k2", "k2"},
      {"", "k1 k2 k3 p1 s1"},
      {"   ", "k1 k2 k3 p1 s1"},
      {"!!!", ""},
  };
  for (const auto& [query, want] : rows) EXPECT_EQ(shop.ids(query), want) << query;
}

TEST(Search, AChangeIsFoundByTheNextSearch) {
  Shop shop;
  shop.fill();
  shop.item("k1", {{"price", 9.0}}, EventType::kItemUpdate);
  SearchRequest cheap;
  cheap.query = "kettle";
  cheap.filter = "price < 10";
  EXPECT_EQ(shop.ids(cheap), "k1");
  shop.item("k1", {{"title", "Teapot"}}, EventType::kItemUpdate);
  EXPECT_EQ(shop.ids("teapot"), "k1");
  EXPECT_EQ(shop.ids("red"), "");
  shop.item("k1", {}, EventType::kItemDelete);
  EXPECT_EQ(shop.ids("teapot"), "");
  shop.item("k1", {{"title", "Red kettle"}});
  EXPECT_EQ(shop.ids("red"), "k1");
}

TEST(Search, SynonymsAndSettingsHoldFromTheNextSearch) {
  Shop shop;
  shop.fill();
  shop.apply(settings_event("synonym-put", R"({"id":"1","words":["sofa","couch"]})", ""));
  EXPECT_EQ(shop.ids("sofa"), "s1");
  shop.apply(settings_event("synonym-delete", "1", ""));
  EXPECT_EQ(shop.ids("sofa"), "");
  EXPECT_EQ(shop.ids("acme"), "k1 k2");
  shop.settings(R"({"searchable": ["title"]})");
  EXPECT_EQ(shop.ids("acme"), "");
  EXPECT_EQ(shop.ids("couch"), "s1");
  shop.settings(R"({"searchable": ["title"], "typo": {"enabled": false}})");
  EXPECT_EQ(shop.ids("ketle"), "");
  SearchRequest before;  // A version that is not in force may be tried.
  before.query = "ketle";
  before.settings_version = 1;
  EXPECT_EQ(shop.ids(before), "k1 k2 k3");
  before.settings_version = 99;
  EXPECT_NE(shop.ids(before).find("settings_version: 99"), std::string::npos);
}

TEST(Search, FacetsCountWithoutTheirOwnChoice) {
  Shop shop;
  shop.fill();
  SearchRequest request;
  request.query = "kettle";
  request.refinements = {{"brand", {"Acme"}}};
  request.facets = {{"brand"}, {"category"}, {"price"}};
  const auto answer = shop.search(request);
  ASSERT_TRUE(answer.ok()) << answer.error().what;
  EXPECT_EQ(answer->found, 2u);
  ASSERT_EQ(answer->facets.size(), 3u);
  std::string text;
  for (const FacetAnswer& facet : answer->facets)
    for (const FacetValue& value : facet.values)
      text += value.value + "=" + std::to_string(value.count) + (value.chosen ? "* " : " ");
  EXPECT_TRUE(text.starts_with("Acme=2* Bravo=1 Kitchen=2 Kitchen > Kettles=2 ")) << text;
  EXPECT_TRUE(answer->facets[2].has_numbers);
  EXPECT_DOUBLE_EQ(answer->facets[2].min, 39.9);
  EXPECT_DOUBLE_EQ(answer->facets[2].max, 49.9);
  EXPECT_DOUBLE_EQ(answer->facets[2].sum, 89.8);
}

TEST(Search, PartsAddUpToTheScoreExactly) {
  Shop shop;
  shop.fill();
  for (int i = 0; i < 7; ++i) shop.act(EventType::kPurchase, "k3");
  for (const char* query :
       {"red kettle", "ketle", "acme blue ketttle", "k1", "kitchen", "frying pan couch"}) {
    SearchRequest request;
    request.query = query;
    request.explain = true;
    const auto explained = shop.search(request);
    request.explain = false;
    const auto plain = shop.search(request);
    ASSERT_TRUE(explained.ok() && plain.ok());
    ASSERT_EQ(explained->hits.size(), plain->hits.size());
    for (size_t i = 0; i < plain->hits.size(); ++i) {
      const SearchHit& hit = explained->hits[i];
      double forward = 0, backward = 0;
      for (const HitPart& part : hit.parts) forward += part.value;
      for (auto part = hit.parts.rbegin(); part != hit.parts.rend(); ++part) backward += part->value;
      EXPECT_EQ(forward, hit.score) << query << " " << hit.id;
      EXPECT_EQ(backward, hit.score) << query << " " << hit.id;
      EXPECT_EQ(plain->hits[i].score, hit.score);
      EXPECT_EQ(plain->hits[i].id, hit.id);
    }
  }
}

// Twin: the share by its definition, over sets of texts of three bytes.
TEST(Search, TheShareOfTheSpellingIsAPartOfTheScore) {
  const auto trigrams = [](std::string_view text) {
    std::string plain = " ";
    for (const char c : text) {
      const bool kept = std::isalnum(static_cast<unsigned char>(c)) != 0;
      if (kept || plain.back() != ' ') plain += kept ? static_cast<char>(std::tolower(c)) : ' ';
    }
    if (plain.back() != ' ') plain += ' ';
    std::set<std::string> out;
    for (size_t i = 0; i + 3 <= plain.size(); ++i) out.insert(plain.substr(i, 3));
    return out;
  };
  Shop shop;
  shop.fill();
  for (const char* query : {"red kettle", "KETLES", "acme-blue  kettle", "frying pan 12x24"}) {
    SearchRequest request;
    request.query = query;
    request.explain = true;
    const auto answer = shop.search(request);
    ASSERT_TRUE(answer.ok());
    ASSERT_FALSE(answer->hits.empty()) << query;
    double best = 0;
    std::vector<std::pair<double, double>>
        rows;  // what the answer says, what it should be for a best score of 1
    for (const SearchHit& hit : answer->hits) {
      double words = 0, spelling = 0;
      for (const HitPart& part : hit.parts) {
        const bool by_words =
            part.name == "word" || part.name == "proximity" || part.name == "exact" || part.name == "begins";
        if (by_words) words += part.value;
        if (part.name == "spelling") spelling += part.value;
      }
      best = std::max(best, words);
      const auto wanted = trigrams(query), have = trigrams(hit.title);
      double shared = 0;
      for (const std::string& one : wanted) shared += have.count(one);
      rows.emplace_back(spelling, 0.5 * shared / static_cast<double>(wanted.size()));
    }
    for (const auto& [said, share] : rows) EXPECT_NEAR(said, best * share, 1e-5) << query;
  }
}

TEST(Search, WhatIsPopularStandsFirstAmongEquals) {
  Shop shop;
  shop.fill();
  EXPECT_EQ(shop.ids("kettle"), "k1 k2 k3");
  for (int i = 0; i < 3; ++i) shop.act(EventType::kView, "k2");
  EXPECT_EQ(shop.ids("kettle"), "k2 k1 k3");
  EXPECT_EQ(shop.ids(""), "k2 k1 k3 p1 s1");
  shop.settings(R"({"ranking": [{"name": "price", "descending": false}], "popularity_weight": 0})");
  EXPECT_EQ(shop.ids("kettle"), "k3 k1 k2");
  EXPECT_EQ(shop.ids(""), "k3 p1 k1 k2 s1");
}

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
  Shop shop;
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
  Shop shop;
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

TEST(Search, WhatAQueryIsUsuallyAfterIsLiftedAndExplained) {
  Shop shop;
  shop.item("a", {{"title", "Kettle"}, {"category", "Toys"}, {"brand", "Play"}});
  shop.item("b", {{"title", "Kettle"}, {"category", "Kitchen"}, {"brand", "Acme"}});
  shop.item("c", {{"title", "Kettle"}, {"category", "Kitchen"}, {"brand", "Bravo"}});
  shop.item("d", {{"title", "Lamp"}, {"category", "Kitchen"}, {"brand", "Acme"}});
  shop.settings(R"({"popularity_weight": 0, "semantic_weight": 0, "ranking": []})");
  EXPECT_EQ(shop.ids("kettle"), "a b c");
  for (int i = 0; i < 20; ++i) {
    Event search;
    search.type = EventType::kSearch;
    search.user = "u";
    search.query = "kettle";
    shop.apply(search);
    shop.act(EventType::kClick, "b");
  }
  EXPECT_EQ(shop.ids("kettle"), "b c a");  // The brand too; and nothing is hidden.
  SearchRequest request{.query = "kettle", .explain = true};
  const auto answer = shop.search(request);
  std::string details;
  for (const SearchHit& hit : answer->hits) {
    double sum = 0;
    for (const HitPart& part : hit.parts) {
      sum += part.value;
      if (part.name == "intent") details += hit.id + ": " + part.detail + "; ";
    }
    EXPECT_EQ(sum, hit.score) << hit.id;
  }
  EXPECT_EQ(details, "b: category:Kitchen 100%, brand:Acme 100%; c: category:Kitchen 100%; ");
  EXPECT_LE(answer->hits[0].score, answer->hits[2].score * 1.1);
  shop.settings(R"({"popularity_weight": 0, "semantic_weight": 0, "ranking": [], "intent_weight": 0})");
  EXPECT_EQ(shop.ids("kettle"), "a b c");
}

TEST(Search, PricesInWordsAreOfferedAsFilters) {
  Shop shop;
  shop.fill();
  const struct {
    const char *query, *filters, *rest;
  } rows[] = {
      {"kettle under 40", "under 40 -> price < 40; ", "kettle"},
      {"under 40", "under 40 -> price < 40; ", ""},
      {"kettle 40", "", ""},
      {"kettle up to 2 kg", "", ""},  // No item here has a weight.
  };
  for (const auto& row : rows) {
    const auto answer = shop.search({.query = row.query});
    ASSERT_TRUE(answer.ok());
    std::string filters;
    for (const SuggestedFilter& one : answer->suggested_filters) {
      filters += one.text + " -> " + one.filter + "; ";
      EXPECT_TRUE(shop.search({.query = answer->remaining_query, .filter = one.filter}).ok());
    }
    EXPECT_EQ(filters, row.filters) << row.query;
    EXPECT_EQ(answer->remaining_query, row.rest) << row.query;
  }
  EXPECT_EQ(shop.ids(SearchRequest{.query = "kettle", .filter = "price < 40"}), "k1 k3");
  shop.settings(R"({"filterable": ["brand"]})");
  EXPECT_TRUE(shop.search({.query = "kettle under 40"})->suggested_filters.empty());
}

TEST(Search, PagesReachAsFarAsTheSettingsSayAndBrowseGoesOn) {
  Shop shop;
  for (int i = 0; i < 50; ++i) shop.item("i" + std::to_string(i), {{"title", "Kettle"}});
  shop.settings(R"({"pagination_max": 20})");
  SearchRequest request;
  request.query = "kettle";
  std::string all;
  for (request.from = 0, request.count = 5; request.from < 20; request.from += 5)
    all += shop.ids(request) + " ";
  EXPECT_EQ(std::count(all.begin(), all.end(), 'i'), 20);
  request.from = 18;
  EXPECT_NE(shop.ids(request).find("from: expected from + count at most 20"), std::string::npos);
  BrowseRequest browse;
  browse.count = 7;
  std::vector<std::string> seen;
  do {
    const auto answer = shop.service_.browse(browse);
    ASSERT_TRUE(answer.ok());
    for (const SearchHit& hit : answer->hits) seen.push_back(hit.id);
    browse.cursor = answer->cursor;
  } while (!browse.cursor.empty());
  EXPECT_EQ(seen.size(), 50u);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
  browse.cursor = "x";
  EXPECT_FALSE(shop.service_.browse(browse).ok());
}

TEST(Search, ARestartFindsTheSame) {
  Shop shop;
  shop.fill();
  shop.settings(R"({"searchable": ["title", "brand"]})");
  shop.act(EventType::kPurchase, "k3");
  shop.item("k2", {}, EventType::kItemDelete);
  Shop again;
  for (size_t i = 0; i < shop.folds().size(); ++i) {
    Writer out;
    shop.folds()[i]->save(out);
    Reader in(out.bytes());
    ASSERT_TRUE(again.folds()[i]->load(in).ok());
    EXPECT_TRUE(in.done());
    Writer twice;
    again.folds()[i]->save(twice);
    EXPECT_EQ(twice.bytes(), out.bytes());
  }
  for (const char* query : {"kettle", "acme", "", "kitchen", "red kettle"})
    EXPECT_EQ(again.ids(query), shop.ids(query));
  EXPECT_EQ(again.ids("kettle"), "k3 k1");
}

TEST(Search, AGenerationIsBuiltBesideTheLiveOneAndKeepsWhatChangedMeanwhile) {
  Shop shop(true);
  for (int i = 0; i < 3000; ++i)
    shop.item("i" + std::to_string(i), {{"title", "Kettle " + std::to_string(i)}, {"brand", "Acme"}});
  shop.settings(R"({"searchable": ["brand"]})");
  for (int i = 0; i < 500; ++i)
    shop.item("i" + std::to_string(i), {{"brand", "Bravo"}}, EventType::kItemUpdate);
  shop.item("i7", {}, EventType::kItemDelete);
  shop.state_.wait_rebuilt();
  SearchRequest request;
  request.query = "bravo";
  EXPECT_EQ(shop.search(request)->found, 499u);
  request.query = "acme";
  EXPECT_EQ(shop.search(request)->found, 2500u);
  request.query = "kettle";
  EXPECT_EQ(shop.search(request)->found, 0u);
  shop.item("i8", {{"brand", "Chair"}}, EventType::kItemUpdate);
  EXPECT_EQ(shop.ids("chair"), "i8");
}

TEST(Search, ASwappedCatalogueIsFound) {
  Shop shop;
  shop.fill();
  shop.item("k1", {{"title", "Green kettle"}}, EventType::kItemUpsert, "next");
  shop.item("n1", {{"title", "Lamp"}}, EventType::kItemUpsert, "next");
  EXPECT_EQ(shop.ids("lamp"), "");
  Event swap;
  swap.type = EventType::kCatalogSwap;
  swap.catalogue = "next";
  shop.apply(swap);
  EXPECT_EQ(shop.ids("kettle"), "k1");
  EXPECT_EQ(shop.ids("green"), "k1");
  EXPECT_EQ(shop.ids("lamp"), "n1");
  EXPECT_EQ(shop.ids(""), "k1 n1");
}

TEST(Search, LimitsAreNamed) {
  Shop shop;
  shop.fill();
  const std::pair<const char*, SearchRequest> rows[] = {
      {"query: expected at most 1024 bytes", {.query = std::string(2000, 'a')}},
      {"filter: ", {.filter = "price <"}},
      {"filter: expected at most 4096", {.filter = std::string(5000, '(')}},
      {"language: ", {.query = "a", .language = "xx"}},
      {"from: expected from + count at most 1000", {.from = 990}},
      {"count: expected at most 1000", {.count = 1001}},
      {"sort: expected at most 4", {.sort = std::vector<SortKey>(5)}},
      {"facets: expected at most 50", {.facets = std::vector<FacetRequest>(51)}},
  };
  for (const auto& [want, request] : rows) {
    const auto answer = shop.search(request);
    ASSERT_FALSE(answer.ok()) << want;
    EXPECT_NE(answer.error().what.find(want), std::string::npos) << answer.error().what;
  }
  std::string many;
  for (int i = 0; i < 300; ++i) many += "a" + std::to_string(i % 7) + " ";
  many.resize(1024);
  EXPECT_TRUE(shop.search({.query = many}).ok());
}

TEST(Popularity, DecaysWithoutBeingTouchedAndKeysCompareAtAnyTime) {
  const double half_life = 1000;
  double key = kNoPopularity;
  EXPECT_EQ(popularity_at(key, 5, half_life), 0);
  key = popularity_add(key, 4, 1'000'000, half_life);
  EXPECT_NEAR(popularity_at(key, 1'000'000, half_life), 4, 1e-9);
  EXPECT_NEAR(popularity_at(key, 1'001'000, half_life), 2, 1e-9);
  EXPECT_NEAR(popularity_at(key, 1'000'500, half_life), 4 / std::sqrt(2), 1e-9);
  key = popularity_add(key, 1, 1'002'300, half_life);  // 4 * 2^-2.3 + 1
  EXPECT_NEAR(popularity_at(key, 1'002'300, half_life), 4 * std::pow(2, -2.3) + 1, 1e-9);
  key = popularity_add(key, 1, 1'001'300, half_life);  // Late: as if it had come in time.
  EXPECT_NEAR(popularity_at(key, 1'002'300, half_life), 4 * std::pow(2, -2.3) + 1.5, 1e-9);
  const double other = popularity_add(kNoPopularity, 1.9, 1'002'300, half_life);
  EXPECT_LT(other, key);
  EXPECT_GT(popularity_add(kNoPopularity, 1, 1'900'000'000, half_life), key);
}

}  // namespace
}  // namespace freshet
