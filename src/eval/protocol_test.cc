#include "eval/protocol.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Protocol, Durations) {
  struct Row {
    const char* text;
    TimeMs want;  // 0: refused
  };
  const Row rows[] = {{"500ms", 500},
                      {"90s", 90'000},
                      {"15min", 900'000},
                      {"1h", 3'600'000},
                      {"7d", 604'800'000},
                      {"0s", 0},
                      {"-1h", 0},
                      {"h", 0},
                      {"1", 0},
                      {"1.5h", 0},
                      {"99999999999999d", 0}};
  for (const Row& row : rows) {
    const auto got = parse_duration(row.text);
    EXPECT_EQ(got.ok() ? *got.operator->() : 0, row.want) << row.text;
  }
}

TEST(Protocol, Moments) {
  struct Row {
    const char* text;
    TimeMs want;  // -1: refused
  };
  const Row rows[] = {{"1306022400", 1306022400000},
                      {"1306022400000", 1306022400000},
                      {"2011-05-22", 1306022400000},
                      {"2011-05-22T00:00:01Z", 1306022401000},
                      {"2011-05-22 01:00:00", 1306026000000},
                      {"1970-01-01", 0},
                      {"2011-13-01", -1},
                      {"2011-05-22T", -1},
                      {"2011-05-22T10:00", -1},
                      {"yesterday", -1}};
  for (const Row& row : rows) {
    const auto got = parse_moment(row.text);
    EXPECT_EQ(got.ok() ? *got.operator->() : -1, row.want) << row.text;
  }
}

TEST(Protocol, WarmupAndSample) {
  EXPECT_EQ(parse_warmup("5000").value().groups, 5000u);
  EXPECT_EQ(parse_warmup("80%").value().percent, 80);
  EXPECT_EQ(parse_warmup("12.5%").value().percent, 12.5);
  for (const char* bad : {"", "%", "101%", "-1", "5000x"}) EXPECT_FALSE(parse_warmup(bad).ok()) << bad;
  EXPECT_EQ(parse_sample("1/20").value(), (SampleShare{1, 20}));
  EXPECT_EQ(parse_sample("1").value(), (SampleShare{1, 1}));
  for (const char* bad : {"", "0/5", "6/5", "1/0", "0.5", "/"}) EXPECT_FALSE(parse_sample(bad).ok()) << bad;
}

TEST(Protocol, Updates) {
  const auto policies = parse_updates("live,every=1h,frozen").value();
  ASSERT_EQ(policies.size(), 3u);
  EXPECT_EQ(policies[0].kind, UpdatePolicy::Kind::kLive);
  EXPECT_EQ(policies[1].every_ms, kHourMs);
  EXPECT_EQ(policies[1].name, "every=1h");
  EXPECT_EQ(policies[2].kind, UpdatePolicy::Kind::kFrozen);
  for (const char* bad : {"", "live,", "sometimes", "every=", "every=0h"})
    EXPECT_FALSE(parse_updates(bad).ok()) << bad;
}

}  // namespace
}  // namespace freshet
