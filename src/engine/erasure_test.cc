// Who goes with a person that is erased. (That nothing of them stays in what was learned: engine_test.cc.)
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "env/secret.h"

namespace freshet {
namespace {

class ErasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = (std::filesystem::temp_directory_path() / ("freshet-erasure-" + random_hex(6))).string();
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Engine> open(const std::string& name, uint32_t shoppers_max = 1000) const {
    EngineConfig config;
    config.data_dir = dir_ + "/" + name;
    config.cleaner = CleanerConfig::history();
    config.snapshot_every_events = 0;
    config.snapshot_every_ms = 0;
    config.state.profiles.shoppers_max = shoppers_max;
    auto opened = Engine::open(config);
    EXPECT_TRUE(opened.ok()) << opened.error().what;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }
  // One event a word, all at their own time: "ada:kettle" a view, "x>ada" a link, "x/ada" an unlink.
  void send(Engine& engine, const std::string& words) {
    std::string body;
    std::istringstream in(words);
    for (std::string word; in >> word; ++sent_) {
      const size_t at = word.find_first_of(":>/");
      const std::string user = word.substr(0, at), what = word.substr(at + 1);
      const std::string rest = R"(,"id":"e)" + std::to_string(sent_) + R"(","user":")" + user +
                               R"(","time":)" + std::to_string(1'760'000'000'000 + sent_ * 1000);
      if (word[at] == ':') body += R"({"type":"view","item":")" + what + "\"" + rest + "}\n";
      if (word[at] == '>') body += R"({"type":"identity-link","user_to":")" + what + "\"" + rest + "}\n";
      if (word[at] == '/') body += R"({"type":"identity-unlink","user_to":")" + what + "\"" + rest + "}\n";
    }
    auto taken = engine.events(body, {.door = "test", .source = "test", .now_ms = 1'760'000'000'000});
    ASSERT_TRUE(taken.ok()) << taken.error().what;
    ASSERT_TRUE(engine.commit(taken->end).ok());
    ASSERT_TRUE(engine.wait_applied(taken->end, std::chrono::seconds(20)));
  }
  static std::string pages(const Engine& engine, const std::string& id) {
    const Result<UserView> user = engine.user(id);
    if (!user.ok()) return "nobody";
    std::string out;
    for (const auto& action : user->actions) out += (out.empty() ? "" : " ") + action.item;
    return out;
  }
  static std::set<std::string> in_log(Engine& engine) {
    std::set<std::string> out;
    auto cursor = engine.log().read(engine.log().begin());
    Event event;
    while (*(*cursor)->next()) {
      EXPECT_TRUE((*cursor)->decode(event).ok());
      if (event.type != EventType::kErased) out.insert({event.user, event.user_to});
    }
    out.erase("");
    return out;
  }
  std::string dir_;
  int sent_ = 0;
};

TEST_F(ErasureTest, LinkedIdentitiesGoWithThePersonWhicheverIsNamed) {
  const std::string others = " u1:a u2:b u3:c u1:b u2:a ",
                    theirs = "cookie:test shared:towel customer:kettle";
  uint64_t never_seen = 0;
  {
    const auto engine = open("never");
    send(*engine, others);
    sent_ += 7;  // The ids and times of those that never came.
    send(*engine, others);
    never_seen = engine->state_hash();
  }
  for (const std::string named : {"cookie", "shared", "customer"}) {
    const auto engine = open(named);
    sent_ = 0;
    send(*engine, others + theirs + " cookie>shared shared>customer cookie:pills customer:pan");
    EXPECT_EQ(pages(*engine, "cookie"), "test towel kettle pills pan");
    send(*engine, others);
    const auto refused = engine->events(R"({"type":"view","user":"cookie"})", {.door = "test", .now_ms = 1});
    ASSERT_EQ(refused->result.rejected, 1u);
    ASSERT_TRUE(engine->erase_user(named).ok());
    engine->wait_erasures();
    for (const char* id : {"cookie", "shared", "customer"}) EXPECT_EQ(pages(*engine, id), "nobody") << named;
    EXPECT_EQ(in_log(*engine), (std::set<std::string>{"u1", "u2", "u3"})) << named;
    EXPECT_EQ(engine->letters().counts().letters, 0u) << named;
    EXPECT_EQ(engine->state_hash(), never_seen) << named;
  }
}

TEST_F(ErasureTest, WhatWasUnlinkedIsSomebodyElse) {
  const auto engine = open("shop");
  send(*engine, "ada:a tablet:t1 tablet>ada tablet:t2 tablet/ada bob:b tablet>bob tablet:t3");
  ASSERT_TRUE(engine->erase_user("ada").ok());
  engine->wait_erasures();
  EXPECT_EQ(pages(*engine, "ada"), "nobody");
  EXPECT_EQ(pages(*engine, "bob"), "t1 t2 b t3");
  EXPECT_EQ(in_log(*engine), (std::set<std::string>{"bob", "tablet"}));
}

// Profiles forget who is idle; the log does not.
TEST_F(ErasureTest, LinksThatProfilesHaveForgottenCount) {
  const auto engine = open("shop", 16);
  send(*engine, "cookie:test cookie>customer");
  std::string many;
  for (int n = 0; n < 100; ++n) many += "u" + std::to_string(n) + ":a u" + std::to_string(n) + ":b ";
  send(*engine, many + "customer:kettle");
  ASSERT_EQ(pages(*engine, "cookie"), "nobody");
  ASSERT_TRUE(engine->erase_user("customer").ok());
  engine->wait_erasures();
  EXPECT_FALSE(in_log(*engine).contains("cookie"));
}

// Interrupted after the links had left the log, by this program and by an earlier one.
TEST_F(ErasureTest, IsFinishedAfterACrash) {
  for (const bool earlier : {true, false}) {
    const std::string name = earlier ? "earlier" : "now";
    {
      const auto engine = open(name);
      send(*engine, earlier ? "cookie:test cookie>customer customer:kettle u:a" : "cookie:test u:a");
    }
    {
      auto store = KeyValueStore::open(dir_ + "/" + name + "/erasures");
      ASSERT_TRUE(store.ok());
      ASSERT_TRUE((*store)->put("customer", earlier ? "" : write_erasure({"customer", "cookie"})).ok());
    }
    const auto engine = open(name);
    engine->wait_erasures();
    EXPECT_EQ(pages(*engine, "cookie"), "nobody");
    EXPECT_EQ(in_log(*engine), (std::set<std::string>{"u"}));
  }
  {
    std::filesystem::create_directories(dir_ + "/later");
    auto store = KeyValueStore::open(dir_ + "/later/erasures");
    ASSERT_TRUE((*store)->put("customer", std::string("\x09", 1)).ok());
  }
  EngineConfig config;
  config.data_dir = dir_ + "/later";
  const auto refused = Engine::open(config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("version 9"), std::string::npos) << refused.error().what;
}

}  // namespace
}  // namespace freshet
