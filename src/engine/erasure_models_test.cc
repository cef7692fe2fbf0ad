// What an erasure takes from the log besides the events of the erased.
#include <filesystem>
#include <utility>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "env/secret.h"
#include "log/log_tools.h"
#include "rank/rank_version.h"

namespace freshet {
namespace {

constexpr TimeMs kNow = 1'760'000'000'000;

class ErasureOfModels : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = (std::filesystem::temp_directory_path() / ("freshet-erasure-" + random_hex(6))).string();
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  EngineConfig config() const {
    EngineConfig config;
    config.data_dir = dir_;
    config.cleaner = CleanerConfig::history();
    config.snapshot_every_events = 0;
    config.snapshot_every_ms = 0;
    return config;
  }
  static void view(Engine& engine, const std::string& user, TimeMs at) {
    const auto taken = engine.events(
        R"({"type":"view","item":"a","user":")" + user + R"(","time":)" + std::to_string(at) + "}",
        {.door = "test", .source = "test", .now_ms = kNow});
    ASSERT_TRUE(taken.ok() && engine.wait_applied(taken->end, std::chrono::seconds(20)));
  }
  static void erase(Engine& engine, const std::string& user) {
    ASSERT_TRUE(engine.erase_user(user).ok());
    engine.wait_erasures();
  }

 private:
  std::string dir_;
};

// The labels of the bundles whose pieces are on the log.
std::vector<std::string> bundles_on(EventLog& log) {
  std::vector<std::string> out;
  bool pieces = false;
  const auto read = export_log(log, log.begin(), log.end(), [&](Offset, const Event& event) {
    if (event.name == "model-part") pieces = true;
    if (event.name == "model-promote" && std::exchange(pieces, false)) out.push_back(event.value);
    return true;
  });
  EXPECT_TRUE(read.ok());
  return out;
}

TEST_F(ErasureOfModels, WhatWasPromotedAfterAPersonCameLeavesTheLogWithThem) {
  auto opened = Engine::open(config());
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  const std::unique_ptr<Engine> engine = std::move(opened).value();
  const auto promote = [&](const std::string& label) {
    EventBatch batch;
    for (Event& event : promote_events("the weights of " + label, label, "eve", 8)) {
      event.time_ms = kNow;
      event.id = label + event.surface;
      batch.add(event);
    }
    const auto at = engine->log().append(batch);
    ASSERT_TRUE(at.ok() && engine->wait_applied(*at + batch.count(), std::chrono::seconds(20)));
  };
  const std::string imported = "version " + std::to_string(ModelVersions::kImported);
  view(*engine, "early", kNow);
  promote("version 1");
  view(*engine, "late", kNow + 1);
  promote("version 2");
  promote(imported);
  EXPECT_EQ(bundles_on(engine->log()), (std::vector<std::string>{"version 1", "version 2", imported}));
  erase(*engine, "late");
  EXPECT_EQ(bundles_on(engine->log()), (std::vector<std::string>{"version 1", imported}));
  erase(*engine, "early");
  EXPECT_EQ(bundles_on(engine->log()), (std::vector<std::string>{imported}));
  std::vector<std::string> said;
  for (const AuditEntry& entry : engine->audit(9)) said.push_back(entry.action + " " + entry.what);
  EXPECT_EQ(said, (std::vector<std::string>{"model-erased version 1", "model-erased version 2",
                                            "model-promote " + imported, "model-promote version 2",
                                            "model-promote version 1"}));
}

}  // namespace
}  // namespace freshet
