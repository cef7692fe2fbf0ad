// Searches, filters, settings and items as nobody should send them: valid ones with random changes, pieces of
// several, random bytes. Whatever comes, nothing crashes, every refusal says what was wrong, and what is
// answered keeps its limits. The same every time; FRESHET_FUZZ_ROUNDS=100 does a hundred times as much.
#include <cstdlib>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "engine/engine.h"
#include "env/testing/temporary_dir.h"
#include "http/search_json.h"

namespace freshet {
namespace {

using Texts = std::vector<std::string>;

uint64_t rounds(uint64_t some) {
  const char* more = std::getenv("FRESHET_FUZZ_ROUNDS");
  return some * std::max<uint64_t>(1, more == nullptr ? 1 : std::strtoull(more, nullptr, 10));
}

// Changes a text a few times: bytes, pieces, repetitions, what stands in others.
class Mutator {
 public:
  Mutator(Texts seeds, Texts pieces) : seeds_(std::move(seeds)), pieces_(std::move(pieces)) {}

  std::string make(uint64_t number) {
    Draw draw(mix64(number, 91));
    if (draw.below(16) == 0) return noise(draw, draw.below(200));
    std::string text = seeds_[draw.below(seeds_.size())];
    for (uint64_t n = draw.below(5); n > 0; --n) change(draw, text);
    return text;
  }

 private:
  static std::string noise(Draw& draw, uint64_t bytes) {
    std::string out;
    for (; bytes > 0; --bytes) out.push_back(static_cast<char>(draw.below(256)));
    return out;
  }
  void change(Draw& draw, std::string& text) const {
    const size_t at = draw.below(text.size() + 1);
    const size_t size = std::min<size_t>(draw.below(24), text.size() - at);
    switch (draw.below(8)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(draw.below(256));
        return;
      case 1:
        text.erase(at, size);
        return;
      case 2:
        text.insert(at, text.substr(at, size));
        return;
      case 3:
        text.insert(at, noise(draw, draw.below(6)));
        return;
      case 4: {  // Very much of something.
        const std::string piece = pieces_[draw.below(pieces_.size())];
        std::string many;
        for (uint64_t n = draw.below(400); n > 0; --n) many += piece;
        text.insert(at, many);
        return;
      }
      case 5: {
        const std::string& other = seeds_[draw.below(seeds_.size())];
        text = text.substr(0, at) + other.substr(draw.below(other.size() + 1));
        return;
      }
      default:
        text.replace(at, draw.below(2) == 0 ? size : 0, pieces_[draw.below(pieces_.size())]);
    }
  }
  const Texts seeds_, pieces_;
};

const Texts kWords = {"red kettle",        "ketle",       "\"tin pot\" -steel",
                      "1/2 in pipe",       "wd-40",       "10ft x 2",
                      "水壶 红色 shui",    "Größe Käfig", "кот",
                      "🫖 pot",          "a",           "256GB ssd under 50",
                      "the of and",        "k1",          "- - \" ' \"",
                      "e\xcc\x81t\xc3\xa9"};
const Texts kWordPieces = {
    " ",    "\"", "-",       "a",     "水", "é",  "\xf0\x9f\xab\x96", "0",       "1/2", ".",
    "\xff", "'s", "kettle ", "(.*)+", "\\", "\t", "\xe2\x80\x8d",     "\xcc\x81"};
const Texts kFilters = {"price < 30 AND NOT brand:Acme",
                        "brand IN (Acme, \"Chair Co\") OR price:10 TO 20",
                        "GEO_RADIUS(48.85, 2.35, 5000) AND available = true",
                        "GEO_BOX(40, 170, 50, -170)",
                        "NOT (category:\"Kitchen > Kettles\" OR EXISTS(size.eu)) AND size.eu >= 4.5",
                        "id IN (k1, k2) AND created > 5"};
const Texts kFilterPieces = {"(",  ")",     " AND ",  " OR ",    "NOT ",        "\"",   "\\",    ":",
                             "<=", "1e308", "-1e999", "nan",     ",",           " TO ", " IN (", "price",
                             "'",  "0",     "inf",    "EXISTS(", "GEO_RADIUS(", "\xff"};
const Texts kJsonPieces = {"{",
                           "}",
                           "[",
                           "]",
                           ",",
                           ":",
                           "\"",
                           "null",
                           "true",
                           "-1",
                           "1e999",
                           "4294967296",
                           "18446744073709551616",
                           "\\u0000",
                           "\\ud800",
                           "[[[[[[[[[[[[",
                           "\"*\"",
                           "\"price\"",
                           "0.5",
                           "\xff"};
const Texts kSearches = {
    R"({"query":"ketle","facets":["*",{"name":"brand","contains":"a","order":"alpha","first":["x"]}],"explain":true})",
    R"({"query":"red kettle","filter":"price < 50","refine":{"brand":["Acme"],"color":"red"},"sort":["price","-rating"]})",
    R"({"query":"","count":3,"from":2,"group_by":"brand","group_count":2,"facets_after_grouping":true,"facets":["color"]})",
    R"({"query":"水壶","around":{"latitude":48.8,"longitude":2.3},"sort":["distance"],"highlight":["*"],"snippets":["description"]})",
    R"({"query":"pot","semantic":0.5,"vector":[0.1,-2,3],"relaxation":"last-words","typos":false,"prefix":false,"language":"en"})",
    R"({"searches":[{"query":"a"},{"facets":[{"name":"category","under":"Kitchen"}],"attributes":["*"],"count":0}]})"};
const Texts kSettings = {
    R"({"searchable":[{"name":"title","weight":5,"language":"en","typos":true},"brand","*"],"language":"auto"})",
    R"({"facets":[{"name":"brand","order":"alpha","values_max":5,"first":["a"]}],"filterable":["brand","price"]})",
    R"({"typo":{"enabled":true,"one_edit_from":3,"two_edits_from":7,"words_excluded":["kettle"]},"stop_words":["the"]})",
    R"({"distinct":"brand","distinct_count":2,"pagination_max":100,"relaxation":"any","popularity_weight":1})",
    R"({"highlight":{"fields":["title"],"before":"<b>","after":"</b>","snippet_words":5},"suggestions_hidden":["pot"]})"};
const Texts kItems = {
    R"({"id":"k1","title":"Red kettle","brand":"Acme","category":"Kitchen > Kettles","price":39.9,"color":["red","blue"]})",
    R"({"id":"k2","title":"水壶 Blue kettle","price":"19","available":false,"size":{"eu":42,"us":[8,9]},"_geo":{"lat":48.8,"lng":2.3}})",
    R"([{"id":"s1","title":"Couch","description":"A very long couch for a long day","_vector":[0.1,0.2,0.3]},{"id":"s2"}])",
    R"({"id":"x","title":"","tags":[],"price":null,"nested":{"a":{"b":{"c":[1,2.5,"three",true]}}}})"};

class SearchFuzz : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineConfig config;
    config.data_dir = dir_.path();
    config.snapshot_every_events = 0;
    config.snapshot_every_ms = 0;
    config.log.durability = Durability::kNone;
    config.state.search.background = false;
    config.state.search.budget_ms = 60'000;
    auto opened = Engine::open(config);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    engine_ = std::move(opened).value();
    for (const std::string& item : kItems) (void)put(item);
    settle();
  }
  Result<Accepted> put(const std::string& body) {
    return engine_->items(body, ItemChange::kUpsert,
                          {.door = "test", .source = "test", .now_ms = 1'760'000'000'000});
  }
  void settle() { ASSERT_TRUE(engine_->wait_applied(engine_->log().end(), std::chrono::minutes(5))); }

  // A refusal has a code for what others sent, and words.
  static void expect_said(const Error& error, const std::string& sent) {
    EXPECT_TRUE(error.code == Code::kInvalid || error.code == Code::kNotFound ||
                error.code == Code::kExhausted)
        << error.what << "\n"
        << sent;
    EXPECT_GT(error.what.size(), 8u) << sent;
    EXPECT_LT(error.what.size(), 2000u) << sent;
  }
  void search(const SearchRequest& request, const std::string& sent, const char* names = nullptr) {
    const auto page = engine_->search(request, false);
    if (!page.ok()) {
      expect_said(page.error(), sent);
      if (names != nullptr) {
        EXPECT_TRUE(page.error().what.starts_with(names)) << page.error().what << "\n" << sent;
      }
      return;
    }
    ++answered_;
    EXPECT_LE(page->answer.hits.size(), request.count);
    EXPECT_LE(page->answer.facets.size(), SearchRequest::kFacetsMax * 2);
    for (const SearchHit& hit : page->answer.hits) {
      EXPECT_TRUE(std::isfinite(hit.score)) << sent;
      double sum = 0;
      for (const HitPart& part : hit.parts) sum += part.value;
      if (request.explain) {
        EXPECT_EQ(sum, hit.score) << sent;
      }
    }
    JsonWriter json;
    write_search_answer(json, request, *page);
    const auto back = parse_json(json.text(), {64 << 20, 32});
    EXPECT_TRUE(back.ok()) << (back.ok() ? "" : back.error().what) << "\n" << sent;
  }
  void ask(const std::string& body) {
    const auto json = parse_json(body, {kSearchBodyMax, 10});
    if (!json.ok()) return expect_said(json.error(), body);
    const auto asked = parse_searches(*json);
    if (!asked.ok()) return expect_said(asked.error(), body);
    for (const AskedSearch& one : *asked) search(one.request, body);
  }

  TemporaryDir dir_;
  std::unique_ptr<Engine> engine_;
  uint64_t answered_ = 0;
};

TEST_F(SearchFuzz, Queries) {
  Mutator mutator(kWords, kWordPieces);
  const uint64_t n = rounds(1500);
  for (uint64_t i = 0; i < n && !HasFailure(); ++i) {
    SearchRequest request{.query = mutator.make(i), .explain = i % 4 == 0};
    request.facets = {{.name = "*"}};
    request.relaxation = static_cast<Relaxation>(i % 5);
    request.language = i % 3 == 0 ? "de" : "";
    search(request, request.query, "query: ");
    SuggestRequest suggest;
    suggest.query = request.query.substr(0, SuggestRequest::kQueryBytesMax);
    (void)engine_->suggest(suggest);
  }
  EXPECT_GT(answered_, n / 3);  // It is not all refused.
}

TEST_F(SearchFuzz, Filters) {
  Mutator mutator(kFilters, kFilterPieces);
  const uint64_t n = rounds(4000);
  for (uint64_t i = 0; i < n && !HasFailure(); ++i) {
    const std::string filter = mutator.make(i);
    search({.query = i % 2 == 0 ? "kettle" : "", .filter = filter}, filter, "filter");
  }
  EXPECT_GT(answered_, n / 20);
}

TEST_F(SearchFuzz, Requests) {
  Mutator mutator(kSearches, kJsonPieces);
  const uint64_t n = rounds(4000);
  for (uint64_t i = 0; i < n && !HasFailure(); ++i) ask(mutator.make(i));
  EXPECT_GT(answered_, n / 20);
}

TEST_F(SearchFuzz, SettingsAndSynonyms) {
  Mutator mutator(kSettings, kJsonPieces);
  uint64_t taken = 0;
  const uint64_t n = rounds(2000);
  for (uint64_t i = 0; i < n && !HasFailure(); ++i) {
    const std::string text = mutator.make(i);
    const auto settings = parse_settings(text);
    const auto synonym = parse_synonym(text);
    if (!synonym.ok()) expect_said(synonym.error(), text);
    if (!settings.ok()) {
      expect_said(settings.error(), text);
      continue;
    }
    // What is taken comes back as it was, and can be searched under.
    const auto again = parse_settings(settings_json(*settings));
    ASSERT_TRUE(again.ok()) << again.error().what << "\n" << text;
    EXPECT_EQ(*again, *settings) << text;
    if (++taken % 20 != 0) continue;
    const auto version = engine_->stage_settings(text, "test", "");
    ASSERT_TRUE(version.ok()) << version.error().what << "\n" << text;
    ASSERT_TRUE(engine_->publish_settings(*version, "test").ok());
    search({.query = "red ketle", .facets = {{.name = "*"}}}, text);
    search({.query = "", .group_by = "brand"}, text);
  }
  EXPECT_GT(taken, n / 20);
}

TEST_F(SearchFuzz, Items) {
  Mutator mutator(kItems, kJsonPieces);
  uint64_t taken = 0;
  const uint64_t n = rounds(2000);
  for (uint64_t i = 0; i < n && !HasFailure(); ++i) {
    const std::string body = mutator.make(i);
    const auto accepted = put(body);
    if (!accepted.ok()) {
      expect_said(accepted.error(), body);
      continue;
    }
    taken += accepted->result.accepted;
    if (i % 100 != 0) continue;
    settle();
    search({.query = "kettle", .facets = {{.name = "*"}, {.name = "size.eu"}}, .attributes = {"*"}}, body);
    search({.sort = {{"price"}, {"size.eu", true}}, .group_by = "brand"}, body);
  }
  settle();
  EXPECT_TRUE(engine_->stats().fold.ok());
  EXPECT_GT(taken, n / 20);
}

// Much of everything, within what a request may hold.
TEST_F(SearchFuzz, TheMostThatMayBeAsked) {
  std::string words, deep, wide = "id IN (";
  for (int i = 0; i < 10'000; ++i) words += "w" + std::to_string(i) + " ";
  for (int i = 0; i < 9; ++i) deep += "NOT (";
  deep += "price < 5";
  for (int i = 0; i < 9; ++i) deep += ")";
  for (int i = 0; i < 600; ++i) wide += (i == 0 ? "" : ",") + std::string("k") + std::to_string(i);
  const auto refused = engine_->search({.query = words}, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("query: expected at most 1024 bytes, got 58890"), std::string::npos)
      << refused.error().what;
  EXPECT_TRUE(engine_->search({.query = words.substr(0, 1024)}, false).ok());
  EXPECT_TRUE(engine_->search({.filter = deep}, false).ok());
  EXPECT_TRUE(engine_->search({.filter = wide + ")"}, false).ok());
  EXPECT_FALSE(
      engine_->search({.filter = std::string(100, '(') + "a:1" + std::string(100, ')')}, false).ok());
  EXPECT_TRUE(engine_->search({.query = "(a+)+$ .*.*.*.*.*x"}, false).ok());
  std::vector<FacetRequest> facets(50, {.name = "brand", .values_max = 1000});
  EXPECT_EQ(engine_->search({.facets = facets}, false)->answer.facets.size(), 50u);
  facets.push_back(facets[0]);
  EXPECT_FALSE(engine_->search({.facets = facets}, false).ok());
}

}  // namespace
}  // namespace freshet
