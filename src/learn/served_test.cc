#include "learn/served.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "learn/trainer.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr uint64_t kRows = 9000, kFrom = 5000, kTo = 7000;

struct Answers {
  std::vector<float> scores;
  std::vector<int> labels;  // The true ones.
  std::string events;
  uint64_t published = 0, suspected = 0, held = 0, version = 0;
  uint64_t image_hash = 0;
  double times_smaller = 0;
  double loss(uint64_t from, uint64_t to) const {
    double sum = 0;
    for (uint64_t i = from; i < to; ++i) {
      const float p = sigmoid_f32(std::clamp(scores[i], -12.0f, 12.0f));
      sum -= std::log(labels[i] != 0 ? p : 1 - p);
    }
    return sum / static_cast<double>(to - from);
  }
};

enum class Spoil : uint8_t { kNothing, kLabels, kNumbers, kRate };

// Labels that follow from four numbers; learned, and served by delta.
Answers run(ServedConfig config, Spoil spoil, const std::string& learner = "dcn") {
  TrainerConfig trainer_config;
  trainer_config.learner = learner;
  trainer_config.encoder.bits = 16;
  trainer_config.encoder.label = "y";
  trainer_config.encoder.bytes_max = 16 << 20;
  trainer_config.served = config;
  Trainer trainer(trainer_config);
  RowReader reader(RowFormat::kCsv);
  Row row;
  EXPECT_TRUE(reader.read("a,b,c,d,y", row).ok());
  std::vector<Row> rows;
  Answers out;
  for (uint64_t i = 0; i < kRows; ++i) {
    Draw draw(i + 1);
    double x[4];
    for (double& each : x) each = 2 * draw.uniform() - 1;
    const double logit = 3 * x[0] - 2 * x[1] + 3 * x[2] * x[3] - 0.5;
    const int label = draw.uniform() < 1 / (1 + std::exp(-logit)) ? 1 : 0;
    const bool spoiled = spoil != Spoil::kNothing && i >= kFrom && i < kTo;
    const int said = spoiled && spoil == Spoil::kLabels ? (draw.uniform() < 0.45 ? 1 : 0) : label;
    if (spoiled && spoil == Spoil::kNumbers && i % 2 == 0)
      for (double& each : x) each = draw.uniform() < 0.5 ? 1e30 : -1e30;
    row.cells.clear();
    for (const double each : x) row.cells.push_back(std::to_string(each));
    row.cells.push_back(std::to_string(said));
    rows.push_back(row);
    out.labels.push_back(label);
  }
  EXPECT_TRUE(trainer.start(reader, std::span(rows).first(500)).ok());
  for (const Row& each : rows) {
    double score = 0;
    const uint64_t i = out.scores.size();
    if (spoil == Spoil::kRate) trainer.set_rate(i >= kFrom && i < kTo ? 100.0f : 1.0f);
    EXPECT_TRUE(trainer.step(each, &score).ok());
    out.scores.push_back(static_cast<float>(score));
  }
  const Served& served = *trainer.served();
  for (const ServedEvent& event : served.events())
    out.events += std::to_string(event.row) + std::string(verdict_name(event.verdict)) + " ";
  out.published = served.count(GateVerdict::kPublish);
  out.suspected = served.count(GateVerdict::kSuspect);
  out.held = served.count(GateVerdict::kWorse);
  out.version = served.replica().version();
  out.image_hash = served.replica().image()->hash();
  const PublishTotals& totals = served.publisher().totals();
  out.times_smaller = static_cast<double>(totals.raw_bytes) / static_cast<double>(totals.bytes);
  EXPECT_EQ(served.replica().refused(), 0u);
  EXPECT_EQ(out.image_hash, served.publisher().served()->hash());
  return out;
}

TEST(Served, AnswersLikeTheLearnerSoonAndAlwaysTheSame) {
  const Answers once = run({.publish_every = 250, .gate = true, .control = true}, Spoil::kNothing);
  const Answers again = run({.publish_every = 250, .gate = true, .control = true}, Spoil::kNothing);
  EXPECT_EQ(once.events, again.events);
  EXPECT_EQ(once.scores, again.scores);
  EXPECT_EQ(once.image_hash, again.image_hash);
  EXPECT_EQ(once.suspected, 0u) << once.events;
  EXPECT_GT(once.published, 10u) << once.events;
  const Answers ungated = run({.publish_every = 250}, Spoil::kNothing);
  EXPECT_EQ(ungated.published, kRows / 250);
  EXPECT_LT(once.loss(4000, kRows), 1.02 * ungated.loss(4000, kRows));
  EXPECT_GT(ungated.times_smaller, 13);
}

TEST(Served, MixedUpLabelsDoNotGoLive) {
  const Answers clean = run({.publish_every = 250, .gate = true}, Spoil::kNothing);
  const Answers gated = run({.publish_every = 250, .gate = true}, Spoil::kLabels);
  const Answers ungated = run({.publish_every = 250}, Spoil::kLabels);
  EXPECT_GE(gated.suspected, 1u) << gated.events;
  EXPECT_LT(gated.loss(kFrom, kTo), 1.01 * clean.loss(kFrom, kTo)) << gated.events;
  EXPECT_LT(gated.loss(kTo, kRows), 1.02 * clean.loss(kTo, kRows)) << gated.events;
  EXPECT_GT(ungated.loss(kFrom, kTo), 1.2 * clean.loss(kFrom, kTo));
}

TEST(Served, MadNumbersDoNotGoLive) {
  const Answers clean = run({.publish_every = 250, .gate = true}, Spoil::kNothing);
  const Answers gated = run({.publish_every = 250, .gate = true}, Spoil::kNumbers);
  EXPECT_LT(gated.loss(kTo, kRows), 1.05 * clean.loss(kTo, kRows)) << gated.events;
  for (const float score : gated.scores) ASSERT_TRUE(std::isfinite(score));
}

TEST(Served, ABadConfigurationDoesNotGoLive) {
  const Answers clean = run({.publish_every = 250, .gate = true}, Spoil::kNothing);
  const Answers gated = run({.publish_every = 250, .gate = true}, Spoil::kRate);
  const Answers ungated = run({.publish_every = 250}, Spoil::kRate);
  EXPECT_LT(gated.loss(kFrom, kTo), 1.01 * clean.loss(kFrom, kTo)) << gated.events;
  EXPECT_LT(gated.loss(kTo, kRows), 1.05 * clean.loss(kTo, kRows)) << gated.events;
  EXPECT_GT(ungated.loss(kFrom, kTo), 1.2 * clean.loss(kFrom, kTo));
}

// The linear learner is served the same way: by deltas of its weights, which the gate guards.
TEST(Served, TheLinearLearnerToo) {
  const ServedConfig gated{.publish_every = 250, .gate = true}, at_once{.publish_every = 250};
  const Answers clean = run(gated, Spoil::kNothing, "ftrl");
  const Answers again = run(gated, Spoil::kNothing, "ftrl");
  EXPECT_EQ(clean.scores, again.scores);
  EXPECT_EQ(clean.image_hash, again.image_hash);
  EXPECT_GT(clean.published, 10u) << clean.events;
  EXPECT_LT(clean.loss(4000, kRows), 0.58);  // .69: knows nothing; .53: the learner itself.
  const Answers ungated = run(at_once, Spoil::kNothing, "ftrl");
  EXPECT_EQ(ungated.published, kRows / 250);
  EXPECT_LT(clean.loss(4000, kRows), 1.02 * ungated.loss(4000, kRows));
  const Answers labels = run(gated, Spoil::kLabels, "ftrl");
  EXPECT_LT(labels.loss(kFrom, kTo), 1.01 * clean.loss(kFrom, kTo)) << labels.events;
  EXPECT_LT(labels.loss(kTo, kRows), 1.02 * clean.loss(kTo, kRows)) << labels.events;
  EXPECT_GT(run(at_once, Spoil::kLabels, "ftrl").loss(kFrom, kTo), 1.02 * clean.loss(kFrom, kTo));
  const Answers rate = run(gated, Spoil::kRate, "ftrl");
  EXPECT_LT(rate.loss(kFrom, kTo), 1.01 * clean.loss(kFrom, kTo)) << rate.events;
  EXPECT_LT(rate.loss(kTo, kRows), 1.05 * clean.loss(kTo, kRows)) << rate.events;
}

TEST(Served, NeedsALearnerThatCanBeServedApart) {
  TrainerConfig config;
  config.learner = "forest";
  config.served.publish_every = 10;
  Trainer trainer(config);
  RowReader reader(RowFormat::kCsv);
  Row row;
  ASSERT_TRUE(reader.read("a,label", row).ok());
  ASSERT_TRUE(reader.read("1,0", row).ok());
  const Status status = trainer.start(reader, std::span(&row, 1));
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().what.find("expected --learner ftrl, dcn"), std::string::npos);
}

}  // namespace
}  // namespace freshet
