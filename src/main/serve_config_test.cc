#include "main/serve_config.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(ServeConfig, ReadsWhatIsNamedAndKeepsTheRest) {
  ServeConfig config;
  const Status read = read_config_text(R"(
[server]
port = 9000
cors_origins = ["https://shop.example"]
[keys]
mode = "off"
requests_per_second = 5
[log]
durability = "interval"
[ingest]
missing = "price=previous,quantity=default:1"
)",
                                       "t.toml", config);
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(config.api.server.port, 9000);
  EXPECT_EQ(config.api.guard.cors_origins, std::vector<std::string>{"https://shop.example"});
  EXPECT_FALSE(config.api.guard.keys_required);
  EXPECT_EQ(config.api.guard.requests_per_second, 5);
  EXPECT_EQ(config.engine.log.durability, Durability::kInterval);
  EXPECT_EQ(config.engine.cleaner.missing.size(), 2u);
  EXPECT_EQ(config.api.server.host, ServeConfig().api.server.host);
}

TEST(ServeConfig, ErrorsNameFileLineKeyAndWhatWasExpected) {
  const struct {
    std::string text;
    std::vector<std::string> named;
  } rows[] = {
      {"[server]\nport = 70000\n", {"t.toml:2", "server.port", "0 to 65535", "70000"}},
      {"[server]\n\nport = \"x\"\n", {"t.toml:3", "server.port", "whole number", "x"}},
      {"[server]\nprot = 1\n", {"t.toml:2", "server.prot", "no such setting", "server.port"}},
      {"[sever]\nport = 1\n", {"t.toml:2", "sever.port", "[server]"}},
      {"port = 1\n", {"t.toml:1", "port", "[server]"}},
      {"[server]\nport = \n", {"t.toml:2", "TOML"}},
      {"[keys]\nmode = \"of\"\n", {"t.toml:2", "keys.mode", "required or off", "of"}},
      {"[log]\ndurability = \"fast\"\n", {"t.toml:2", "sync, interval or none", "fast"}},
      {"[snapshots]\nfork = 1\n", {"t.toml:2", "true or false"}},
      {"[server]\ncors_origins = [1]\n", {"t.toml:2", "list of texts"}},
      {"[ingest]\nmissing = \"price=guess\"\n", {"t.toml:2", "ingest.missing", "price=guess"}},
  };
  for (const auto& row : rows) {
    ServeConfig config;
    const Status read = read_config_text(row.text, "t.toml", config);
    ASSERT_FALSE(read.ok()) << row.text;
    for (const std::string& named : row.named)
      EXPECT_NE(read.error().what.find(named), std::string::npos) << named << " in: " << read.error().what;
  }
}

TEST(ServeConfig, SetTakesValuesAndBareWords) {
  ServeConfig config;
  for (const char* assignment : {"server.port=0", "server.host=::1", "keys.mode=off", "data.dir=/tmp/a b",
                                 "state.sources=[\"popularity\"]", "snapshots.fork=false"}) {
    const Status set = set_config(assignment, config);
    EXPECT_TRUE(set.ok()) << set.error().what;
  }
  EXPECT_EQ(config.api.server.port, 0);
  EXPECT_EQ(config.api.server.host, "::1");
  EXPECT_FALSE(config.api.guard.keys_required);
  EXPECT_EQ(config.engine.data_dir, "/tmp/a b");
  EXPECT_EQ(config.engine.state.recommender.sources, std::vector<std::string>{"popularity"});
  EXPECT_FALSE(config.engine.fork_snapshots);
  EXPECT_FALSE(set_config("server.port", config).ok());
  EXPECT_FALSE(set_config("server.port=x", config).ok());
}

// Every setting's default, written as TOML, is a value the setting takes: so the ranges hold the defaults.
TEST(ServeConfig, TheExampleReadsBack) {
  ServeConfig config;
  const Status read = read_config_text(config_example(), "example", config);
  EXPECT_TRUE(read.ok()) << read.error().what;
}

}  // namespace
}  // namespace freshet
