#include "settings/settings.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

class SettingsFold : public testing::Test {
 protected:
  void apply(std::string_view action, std::string value) {
    moment_.skip = false;
    moment_.time_ms += 1000;
    settings_.apply(0, settings_event(action, std::move(value), "admin"));
  }
  std::string saved(const Settings& settings) {
    Writer out;
    settings.save(out);
    return out.take();
  }
  const SettingsBook& book() { return settings_.book(); }

  Moment moment_;
  Settings settings_{moment_};
};

TEST_F(SettingsFold, StagesPublishesAndRollsBack) {
  EXPECT_EQ(book().published->number, 0u);
  apply("stage", R"({"pagination_max": 50})");
  EXPECT_EQ(book().published->settings.pagination_max, 1000u);  // Staged is not used.
  apply("publish", "1");
  EXPECT_EQ(book().published->settings.pagination_max, 50u);
  apply("stage", R"({"pagination_max": 60})");
  apply("publish", "2");
  EXPECT_EQ(book().published->settings.pagination_max, 60u);
  EXPECT_EQ(book().before->number, 1u);
  apply("publish", "1");
  EXPECT_EQ(book().published->settings.pagination_max, 50u);
  apply("publish", "0");
  EXPECT_EQ(book().published->settings, SearchSettings());
  EXPECT_EQ(book().versions.size(), 2u);
  EXPECT_EQ(book().versions[0]->by, "admin");
}

TEST_F(SettingsFold, WhatIsWrongChangesNothing) {
  apply("stage", R"({"pagination_max": 50})");
  const std::string before = saved(settings_);
  const std::pair<const char*, const char*> rows[] = {{"stage", "{"},         {"stage", R"({"nothing": 1})"},
                                                      {"publish", "2"},       {"publish", "x"},
                                                      {"publish", "0"},       {"discard", "7"},
                                                      {"synonym-put", "{}"},  {"synonym-delete", "x"},
                                                      {"synonyms-clear", ""}, {"synonyms-put", "[{}]"},
                                                      {"unheard-of", "1"}};
  for (const auto& [action, value] : rows) {
    apply(action, value);
    EXPECT_EQ(saved(settings_), before) << action << " " << value;
  }
  apply("discard", "1");
  EXPECT_TRUE(book().versions.empty());
}

TEST_F(SettingsFold, SynonymsChangeLiveAndKeepTheirOrder) {
  int changes = 0;
  settings_.on_change([&](const SettingsBook& before, const SettingsBook& after) {
    changes += before.synonyms_revision != after.synonyms_revision;
  });
  apply("synonym-put", R"({"id":"b","words":["sofa","couch"]})");
  apply("synonym-put", R"({"id":"a","words":["tv","television"]})");
  apply("synonym-put", R"({"id":"b","words":["sofa","settee"]})");
  ASSERT_EQ(book().synonyms->size(), 2u);
  EXPECT_EQ((*book().synonyms)[0].id, "a");
  EXPECT_EQ((*book().synonyms)[1].words[1], "settee");
  apply("synonym-delete", "a");
  EXPECT_EQ(book().synonyms->size(), 1u);
  apply("synonyms-put",
        R"([{"id":"c","words":["tv","telly"]},{"id":"a","words":["x","y"]},{"id":"b","words":["1","2"]}])");
  ASSERT_EQ(book().synonyms->size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ((*book().synonyms)[i].id, std::string(1, static_cast<char>('a' + i)));
  EXPECT_EQ((*book().synonyms)[1].words[1], "2");
  apply("synonyms-clear", "");
  EXPECT_TRUE(book().synonyms->empty());
  EXPECT_EQ(changes, 6);
}

TEST_F(SettingsFold, ASnapshotBringsEverythingBack) {
  apply("stage", R"({"pagination_max": 50})");
  apply("publish", "1");
  apply("stage", R"({"typo": {"enabled": false}})");
  apply("publish", "2");
  apply("stage", R"({"prefix": false})");
  apply("synonym-put", R"({"id":"b","words":["sofa","couch"]})");
  const std::string bytes = saved(settings_);
  Settings other(moment_);
  Reader in(bytes);
  ASSERT_TRUE(other.load(in).ok());
  EXPECT_TRUE(in.done());
  EXPECT_EQ(saved(other), bytes);
  EXPECT_FALSE(other.book().published->settings.typo.enabled);
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    Settings half(moment_);
    Reader short_in(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(half.load(short_in).ok()) << cut;
  }
}

TEST_F(SettingsFold, OldVersionsGoButNeverThePublishedOnes) {
  apply("stage", "{}");
  apply("publish", "1");
  for (size_t i = 0; i < SettingsLimits::kVersions + 5; ++i) apply("stage", "{}");
  EXPECT_EQ(book().versions.size(), SettingsLimits::kVersions);
  EXPECT_EQ(book().versions.front()->number, 1u);
  EXPECT_NE(book().version(1), nullptr);
  EXPECT_EQ(book().version(2), nullptr);
}

}  // namespace
}  // namespace freshet
