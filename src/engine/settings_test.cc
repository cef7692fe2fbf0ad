// Changes of the settings at the engine's door.
#include <filesystem>

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace freshet {
namespace {

class SettingsChanges : public testing::Test {
 protected:
  SettingsChanges() {
    folder_ =
        testing::TempDir() + "/settings-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    EngineConfig config;
    config.data_dir = folder_;
    engine_ = std::move(Engine::open(config)).value();
  }
  ~SettingsChanges() override {
    engine_->close().ok();
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string folder_;
  std::unique_ptr<Engine> engine_;
};

// What a patch does not name stays, which a whole set of settings resets.
TEST_F(SettingsChanges, APatchChangesWhatItNames) {
  const auto patch = [&](const char* json) { return engine_->patch_settings(json, "admin", "try"); };
  const auto now = [&] { return engine_->settings().published->settings; };
  ASSERT_TRUE(patch(R"({"pagination_max": 77, "ranker": {"weight": 0.5, "updates": {"pages": 20}}})").ok());
  ASSERT_EQ(*patch(R"({"ranker": {"updates": {"mode": "batch"}}, "stop_words": ["grey"]})"), 2u);
  EXPECT_EQ(now().pagination_max, 77u);
  EXPECT_EQ(now().ranker.weight, 0.5);
  EXPECT_EQ(now().ranker.updates.pages, 20u);
  EXPECT_EQ(now().ranker.updates.mode, RankerUpdates::Mode::kBatch);
  EXPECT_EQ(engine_->settings().published->note, "try");
  ASSERT_TRUE(patch(R"({"pagination_max": null, "ranker": {"weight": null}, "stop_words": ["blue"]})").ok());
  EXPECT_EQ(now().pagination_max, SearchSettings().pagination_max);
  EXPECT_EQ(now().ranker.weight, 1);
  EXPECT_EQ(now().ranker.updates.pages, 20u);
  EXPECT_EQ(now().stop_words, std::vector<std::string>{"blue"});
  for (const char* wrong : {R"({"typo": {"one_edit_from": 0}})", R"({"nothing": 1})", "[]", "7", "{",
                            R"({"ranker": {"keep": ["price"], "drop": ["price"]}})"})
    EXPECT_EQ(patch(wrong).error().code, Code::kInvalid) << wrong;
  EXPECT_EQ(engine_->settings().published->number, 3u);
}

TEST_F(SettingsChanges, AFeatureIsKeptOrDropped) {
  const std::string name(rank_feature_name(static_cast<RankFeature>(0)));
  const auto list = [&](const char* member) { return "\"" + std::string(member) + "\": [\"" + name + "\"]"; };
  EXPECT_TRUE(engine_->stage_settings("{\"ranker\": {" + list("keep") + "}}", "", "").ok());
  const auto both =
      engine_->stage_settings("{\"ranker\": {" + list("keep") + ", " + list("drop") + "}}", "", "");
  ASSERT_FALSE(both.ok());
  EXPECT_NE(both.error().what.find("is in ranker.keep, too"), std::string::npos) << both.error().what;
}

}  // namespace
}  // namespace freshet
