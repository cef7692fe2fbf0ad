#include "settings/search_settings.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(SearchSettings, WhatIsWrittenReadsBackTheSame) {
  SearchSettings settings;
  settings.searchable = {{"title", 3.5, "de", false}, {"*", 0.5}};
  settings.facets = {{"brand", FacetOrder::kAlpha, 7}};
  settings.ranking = {{"margin", false}, {"popularity"}};
  settings.typo = {false, 5, 9, true, {"ikea"}};
  settings.highlight = {{"title"}, {"description"}, 8, "<b>", "</b>", false};
  settings.stop_words = {"the", "a \"quoted\" word"};
  settings.language = "de";
  settings.filterable = {"brand"};
  settings.distinct = "item_group_id";
  settings.distinct_count = 3;
  settings.pagination_max = 50;
  settings.semantic_weight = 0.25;
  settings.popularity_weight = 0;
  settings.intent_weight = 0.5;
  settings.relaxation = Relaxation::kLastWords;
  settings.prefix = settings.language_stop_words = false;
  settings.suggestions_hidden = {"x"};
  settings.ranker.learner = RankLearner::kEnsemble;
  settings.ranker.challengers.push_back({"deep", RankLearner::kDeep, 2, 1.5, true});
  settings.ranker.attribution = {3600, 86'400};
  settings.ranker.updates = {RankerUpdates::Mode::kHybrid, 300, 60, 4, false, false, 0.01, 0.5};
  const auto read = parse_settings(settings_json(settings));
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(*read, settings);
  EXPECT_TRUE(diff_settings(*read, settings).empty());
  EXPECT_EQ(diff_settings(SearchSettings(), settings).size(), 19u);  // Every member differs and is named.
  EXPECT_EQ(*parse_settings("{}"), SearchSettings());
}

TEST(SearchSettings, ErrorsNameTheFieldAndWhatWasExpected) {
  const std::pair<const char*, const char*> rows[] = {
      {"[]", "expected an object, got a list"},
      {"{", "not JSON from byte 1"},
      {"{\"a\":1}", "a: unknown name; expected one of searchable, language"},
      {"{\"typo\":{\"one_edit_from\":\"x\"}}",
       "typo.one_edit_from: expected a whole number from 1 to 100, got \"x\""},
      {"{\"typo\":{\"one_edit_from\":9}}", "typo.two_edits_from: expected at least one_edit_from (9)"},
      {"{\"typo\":3}", "typo: expected an object, got 3"},
      {"{\"searchable\":[]}", "searchable: expected at least one field"},
      {"{\"searchable\":[\"a\",{\"name\":\"b\",\"weight\":0}]}",
       "searchable[1].weight: expected a number from 0.01 to 100, got 0"},
      {"{\"searchable\":[\"a\",\"a\"]}", "searchable[1]: expected each name once"},
      {"{\"searchable\":[{\"name\":\"a\",\"language\":\"english\"}]}",
       "searchable[0].language: expected one of auto"},
      {"{\"language\":\"E1\"}", "language: expected one of auto, none, en, de"},
      {"{\"searchable\":[{\"name\":\"a\",\"language\":\"xx\"}]}",
       "searchable[0].language: expected one of auto, none, en, de"},
      {"{\"languages\":[]}", "languages: expected at least one language"},
      {"{\"languages\":[\"de\",\"xx\"]}", "languages[1]: expected one of auto"},
      {"{\"languages\":[\"auto\"]}", "languages[0]: expected a language"},
      {"{\"relaxation\":\"all\"}", "relaxation: expected one of \"none\", \"words\""},
      {"{\"stop_words\":[1]}", "stop_words[0]: expected a text of 1 to 256 bytes, got 1"},
      {"{\"semantic_weight\":2}", "semantic_weight: expected a number from 0 to 1, got 2"},
      {"{\"ranker\":{\"learner\":\"forest\"}}",
       "ranker.learner: expected one of \"linear\", \"deep\", \"ensemble\", got \"forest\""},
      {"{\"ranker\":{\"challenger\":{\"learner\":3}}}", "ranker.challenger.learner"},
      {"{\"ranker\":{\"challengers\":[{\"name\":\"a\"},{\"name\":\"b\",\"prior\":0}]}}",
       "ranker.challengers[1].prior: expected a number"},
      {"{\"ranker\":{\"challengers\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}",
       "ranker.challengers[1].name: expected a name that no other challenger has"},
      {"{\"ranker\":{\"challengers\":[{\"prior\":2}]}}", "ranker.challengers[0].name"},
      {"{\"ranker\":{\"challengers\":[{\"name\":\"a\"}],\"challenger\":{\"name\":\"b\"}}}",
       "ranker.challenger"},
      {"{\"ranker\":{\"attribution\":{\"window_seconds\":3600,\"late_seconds\":60}}}",
       "ranker.attribution.late_seconds: expected at least window_seconds (3600)"},
      {"{\"ranker\":{\"attribution\":{\"window_seconds\":1}}}", "ranker.attribution.window_seconds"},
      {"{\"ranker\":{\"updates\":{\"mode\":\"hourly\"}}}",
       "ranker.updates.mode: expected one of \"event\", \"batch\", \"interval\", \"nightly\""},
      {"{\"ranker\":{\"updates\":{\"pages\":3}}}",
       "ranker.updates.pages: expected a whole number from 10 to 1000000, got 3"},
      {"{\"ranker\":{\"updates\":{\"drift\":2}}}", "ranker.updates.drift: expected a number from 0 to 0.1"},
      {"{\"pagination_max\":1.5}", "pagination_max: expected a whole number"},
  };
  for (const auto& [text, want] : rows) {
    const auto read = parse_settings(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_NE(read.error().what.find(want), std::string::npos) << text << " gives " << read.error().what;
  }
  EXPECT_FALSE(parse_settings(std::string(1000, '[')).ok());
  EXPECT_EQ(parse_settings(std::string(300 << 10, ' ')).error().code, Code::kExhausted);
}

TEST(SearchSettings, OnlyWhatPostingsDependOnNeedsARebuild) {
  SearchSettings a, b;
  b.typo.enabled = false;
  b.searchable[0].weight = 9;
  b.stop_words = {"x"};
  EXPECT_FALSE(needs_rebuild(a, b));
  b.searchable[0].language = "fr";
  EXPECT_TRUE(needs_rebuild(a, b));
  b = a;
  b.searchable.pop_back();
  EXPECT_TRUE(needs_rebuild(a, b));
  b = a;
  b.language = "en";
  EXPECT_TRUE(needs_rebuild(a, b));
}

TEST(Synonyms, AreReadWrittenAndChecked) {
  const auto read = parse_synonyms(
      R"([{"id":"1","words":["sofa","couch"]},{"id":"2","kind":"one-way","from":"tv","words":["television set"]},
          {"id":"3","kind":"correction","from":"ketle","words":["kettle"],"weight":0.5}])");
  ASSERT_TRUE(read.ok()) << read.error().what;
  for (const Synonym& synonym : *read) EXPECT_EQ(*parse_synonym(synonym_json(synonym)), synonym);
  const std::pair<const char*, const char*> rows[] = {
      {R"([{"id":"1","words":["a","b"]},{"id":"1","words":["c","d"]}])", "[1].id: expected each id once"},
      {R"([{"words":["a","b"]}])", "[0].id: expected a text of 1 to 64 bytes"},
      {R"([{"id":"1","words":["a"]}])", "[0].words: expected at least two"},
      {R"([{"id":"1","kind":"one-way","words":["a"]}])", "[0].from: expected a text"},
      {R"([{"id":"1","kind":"two-way"}])", "[0].kind: expected one of \"same\", \"one-way\""},
      {"{}", "synonyms: expected a list"},
  };
  for (const auto& [text, want] : rows) {
    const auto bad = parse_synonyms(text);
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_NE(bad.error().what.find(want), std::string::npos) << bad.error().what;
  }
}

// Of an experiment both sides learn as what is published says.
TEST(RankerSettings, NamesWhatTwoOfThemLearnOtherwise) {
  const RankerSettings usual;
  RankerSettings other;
  other.diversity = 1;
  EXPECT_EQ(learns_otherwise(usual, other), "");
  other.challengers.push_back({.name = "bold"});
  EXPECT_EQ(learns_otherwise(usual, other), "challengers");
  other.updates.pages = 20;
  EXPECT_EQ(learns_otherwise(usual, other), "updates");
  other.attribution.late_seconds = 86'400;
  EXPECT_EQ(learns_otherwise(usual, other), "attribution");
  other.learner = RankLearner::kDeep;
  EXPECT_EQ(learns_otherwise(usual, other), "learner");
}

}  // namespace
}  // namespace freshet
