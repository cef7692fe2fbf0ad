#include "experiment/experiment.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(ExperimentDefinition, ReadsWhatItWrites) {
  const auto asked = parse_experiment("try-1", R"({"note": "why", "kind": "interleaving", "goal": "cart_rate",
      "control": {"settings_version": 2}, "variant": {"settings_version": 5}, "share": 0.3, "traffic": 0.5,
      "alpha": 0.01, "minimum_effect": 0.1})");
  ASSERT_TRUE(asked.ok()) << asked.error().what;
  EXPECT_TRUE(asked->control_given);
  EXPECT_EQ(asked->of.control, 2u);
  EXPECT_EQ(asked->of.variant, 5u);
  EXPECT_EQ(asked->of.goal, Goal::kCartRate);
  const auto again = parse_experiment("try-1", experiment_json(asked->of));
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(again->of, asked->of);
}

TEST(ExperimentDefinition, MostHasDefaults) {
  const auto asked = parse_experiment("x", R"({"variant": {"settings": {"click_weight": 0}}})");
  ASSERT_TRUE(asked.ok()) << asked.error().what;
  EXPECT_FALSE(asked->control_given);
  EXPECT_EQ(asked->variant_settings, R"({"click_weight": 0})");
  EXPECT_EQ(asked->of.kind, ExperimentKind::kSplit);
  EXPECT_EQ(asked->of.share, 0.5);
}

TEST(ExperimentDefinition, WhatIsWrongIsNamed) {
  const struct {
    const char *name, *json, *expected;
  } rows[] = {
      {"", "{}", "name: expected 1 to 64 of"},
      {"A b", "{}", "name: expected 1 to 64 of"},
      {"x", "{", "not JSON from byte 1"},
      {"x", "[]", "expected an object"},
      {"x", "{}", "variant: expected an object with settings_version or settings"},
      {"x", R"({"variant": 7})", "variant: expected an object"},
      {"x", R"({"variant": {}})", "variant.settings_version: expected either this or settings"},
      {"x", R"({"variant": {"settings_version": 1, "settings": {}}})",
       "variant.settings_version: expected either"},
      {"x", R"({"variant": {"settings": 3}})", "variant.settings: expected an object"},
      {"x", R"({"variant": {"settings_version": -1}})", "variant.settings_version: expected a whole number"},
      {"x", R"({"variant": {"settings_version": 1}, "control": {}})",
       "control.settings_version: expected the number"},
      {"x", R"({"variant": {"settings_version": 1}, "share": 1})",
       "share: expected a number from 0.01 to 0.99"},
      {"x", R"({"variant": {"settings_version": 1}, "kind": "abc"})",
       "kind: expected one of \"ab\", \"interleaving\""},
      {"x", R"({"variant": {"settings_version": 1}, "kind": "interleaving", "goal": "revenue"})",
       "goal: expected"},
      {"x", R"({"variant": {"settings_version": 1}, "name": "y"})", "name: expected the name of the path"},
      {"x", R"({"variant": {"settings_version": 1}, "shares": 1})", "shares"},
  };
  for (const auto& row : rows) {
    const auto asked = parse_experiment(row.name, row.json);
    ASSERT_FALSE(asked.ok()) << row.json;
    EXPECT_NE(asked.error().what.find(row.expected), std::string::npos) << row.json << "\n"
                                                                        << asked.error().what;
  }
}

TEST(Assignment, IsStableUniformAndSaltedByTheName) {
  ExperimentDefinition a, b;
  a.name = "a";
  b.name = "b";
  a.share = b.share = 0.3;
  constexpr int kShoppers = 100'000;
  int variants = 0, both = 0, lower_half = 0, variants_in_bucket_0 = 0, in_bucket_0 = 0;
  for (int i = 0; i < kShoppers; ++i) {
    const std::string shopper = "shopper-" + std::to_string(i);
    const bool in_a = arm_of(shopper, a) == Arm::kVariant, in_b = arm_of(shopper, b) == Arm::kVariant;
    EXPECT_EQ(arm_of(shopper, a), arm_of(shopper, a));
    variants += in_a ? 1 : 0;
    both += in_a && in_b ? 1 : 0;
    lower_half += in_a && shopper_place(shopper) < 0.5 ? 1 : 0;
    if (shopper_bucket(shopper, 8) == 0) {
      ++in_bucket_0;
      variants_in_bucket_0 += in_a ? 1 : 0;
    }
  }
  // Within 4 standard deviations of what independent hashes give.
  EXPECT_NEAR(variants, 30'000, 600);
  EXPECT_NEAR(both, 9'000, 370);
  EXPECT_NEAR(lower_half, 15'000, 460);
  EXPECT_NEAR(in_bucket_0, 12'500, 420);
  EXPECT_NEAR(variants_in_bucket_0, 3'750, 240);
  // The same on every machine, for ever: shoppers in a running experiment must not change sides with a
  // release.
  EXPECT_NEAR(shopper_place("anna"), shopper_place(std::string("an") + "na"), 0);
}

TEST(Assignment, AWiderShareMovesShoppersOneWayOnly) {
  ExperimentDefinition narrow, wide;
  narrow.name = wide.name = "x";
  narrow.share = 0.1;
  wide.share = 0.4;
  for (int i = 0; i < 2000; ++i) {
    const std::string shopper = std::to_string(i);
    if (arm_of(shopper, narrow) == Arm::kVariant) {
      EXPECT_EQ(arm_of(shopper, wide), Arm::kVariant);
    }
  }
}

}  // namespace
}  // namespace freshet
