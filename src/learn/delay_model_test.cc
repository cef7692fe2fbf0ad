#include "learn/delay_model.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

// Labels 0 come after 100, labels 1 after 200, both times the key's own factor and some noise.
TEST(DelayModel, ARowThatIsOverdueIsProbablyTheSlowKind) {
  DelayModel model({.bits = 12});
  Sample sample;
  for (uint64_t i = 0; i < 4000; ++i) {
    sample.keys = {1 + i % 4};
    const bool label = mix64(i, 1) % 4 == 0;
    const double noise = 0.9 + static_cast<double>(mix64(i, 2) % 200) / 1000;
    model.learn(sample, (label ? 200 : 100) * static_cast<double>(1 + i % 4) * noise, label);
  }
  sample.keys = {3};
  const float expected =
      model.expected(sample);  // Of log: between log 300 and log 600, a quarter of the way.
  EXPECT_NEAR(expected, 5.704 + 0.25 * 0.693, 0.1);
  float before = -1;
  for (size_t stage = 0; stage < 4; ++stage) {
    EXPECT_GE(model.excess(0.25f, stage), before - 0.01f) << stage;  // The later the surer.
    before = model.excess(0.25f, stage);
  }
  EXPECT_GT(before, 0.5f);
  EXPECT_GT(model.delay_at(expected, 3), model.delay_at(expected, 0));
}

TEST(DelayModel, SavedAndLoadedSaysTheSame) {
  DelayModel one({.bits = 12});
  Sample sample;
  for (uint64_t i = 0; i < 300; ++i) {
    sample.keys = {1 + i % 4};
    one.learn(sample, static_cast<double>(mix64(i) % 100), i % 3 == 0);
  }
  Writer out;
  one.save(out);
  DelayModel two({.bits = 12});
  Reader in(out.bytes());
  two.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  EXPECT_EQ(one.expected(sample), two.expected(sample));
  EXPECT_EQ(one.excess(0.3f, 2), two.excess(0.3f, 2));
}

}  // namespace
}  // namespace freshet
