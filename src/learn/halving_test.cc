#include "learn/halving.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kFields = 6, kValues = 20;

// A linear world: each of six fields has one of twenty values, each value a weight of its own.
Sample made_up(uint64_t row) {
  Sample sample;
  double logit = 0;
  for (size_t f = 0; f < kFields; ++f) {
    const uint64_t value = mix64(row, f) % kValues;
    sample.features.push_back({static_cast<uint32_t>(mix64(f, value) % 1024), 1});
    logit += static_cast<double>(mix64(value, 77 + f) % 1000) / 250 - 2;
  }
  const double p = 1 / (1 + std::exp(-logit));
  sample.label = static_cast<double>(mix64(row, 99) % 10'000) / 10'000 < p ? 1.0f : 0.0f;
  sample.row = row;
  return sample;
}

const LearnerShape kShape{.bits = 10, .bytes_max = 64 << 20};

double loss_of(float score, float label) {
  const float p = std::clamp(sigmoid_f32(score), 1e-6f, 1 - 1e-6f);
  return -log_f32(label > 0.5f ? p : 1 - p);
}

TEST(Halving, KnobsBeginWithTheDefaultAndStayInRange) {
  const LearnerEntry& ftrl = *find_learner("ftrl");
  EXPECT_EQ(halving_knobs(ftrl, 0).rate, 1);
  EXPECT_EQ(halving_knobs(ftrl, 0).shrink, 1);
  float least = 1, most = 1;
  for (size_t i = 1; i < kHalvingMax; ++i) {
    const Knobs knobs = halving_knobs(ftrl, i);
    least = std::min(least, knobs.rate);
    most = std::max(most, knobs.rate);
    EXPECT_TRUE(knobs.rate >= 0.125f && knobs.rate <= 8 && knobs.shrink >= 0.1f && knobs.shrink <= 10) << i;
  }
  EXPECT_LT(least, 0.2f);
  EXPECT_GT(most, 6);
  EXPECT_EQ(halving_knobs(*find_learner("dcn"), 5).shrink, 1);  // It has no such knob.
}

// The slow twin: each configuration alone, over and over, and the rungs by hand.
TEST(Halving, StopsWhatLearnedWorseAlone) {
  constexpr size_t kCount = 8;
  constexpr uint64_t kRows = 200;
  const LearnerEntry& entry = *find_learner("ftrl");
  Halving halving(entry, kShape, {.configurations = kCount, .rows = kRows});
  std::vector<size_t> left(kCount);
  for (size_t i = 0; i < kCount; ++i) left[i] = i;
  uint64_t begin = 0;
  for (uint64_t rung = 0; left.size() > 1; ++rung) {
    const uint64_t end = begin + (kRows << rung);
    std::vector<std::pair<double, size_t>> losses;
    for (const size_t i : left) {
      LearnerShape shape = kShape;
      shape.knobs = halving_knobs(entry, i);
      const auto alone = entry.make(shape);
      double sum = 0;
      for (uint64_t row = 0; row < end; ++row) {
        const Sample sample = made_up(row);
        if (row >= begin) sum += loss_of(alone->score(sample), sample.label);
        alone->learn(sample);
      }
      losses.emplace_back(sum / static_cast<double>(end - begin), i);
    }
    for (uint64_t row = begin; row < end; ++row) {
      Sample sample = made_up(row);
      halving.score(sample);
      sample.scores.assign(halving.parts().begin(), halving.parts().end());
      halving.learn(sample);
    }
    std::sort(losses.begin(), losses.end());
    left.clear();
    for (size_t at = 0; at < losses.size(); ++at) {
      const auto [loss, i] = losses[at];
      const bool stays = at < (losses.size() + 1) / 2;
      EXPECT_EQ(halving.trials()[i].stopped, !stays) << "configuration " << i << " after rung " << rung;
      EXPECT_NEAR(halving.trials()[i].loss, loss, 1e-9);
      if (stays) left.push_back(i);
    }
    EXPECT_EQ(halving.best(), losses[0].second);
    begin = end;
  }
  EXPECT_EQ(halving.rungs(), 3u);
  EXPECT_EQ(halving.trials()[left[0]].rows, begin);
}

// Learns nothing: what it says is a number of its own, so that only the judging is seen.
class Says final : public Learner {
 public:
  explicit Says(float logit) : logit_(logit) {}
  float score(const Sample&) override { return logit_; }
  void learn(const Sample&) override {}
  size_t bytes() const override { return 0; }
  void save(Writer&) const override {}
  void load(Reader&) override {}

 private:
  float logit_;
};

// A row of importance 3 is three rows to the losses, and a whole stream of them is as a stream of ones: the
// last rung's loss counts as so many rows whatever those of this rung weigh.
TEST(Halving, JudgesByWeightedMeans) {
  LearnerEntry entry = *find_learner("ftrl");
  entry.make = [](const LearnerShape& shape) -> std::unique_ptr<Learner> {
    return std::make_unique<Says>(std::log(shape.knobs.rate));
  };
  const HalvingConfig config{.configurations = 6, .rows = 100};
  Halving ones(entry, kShape, config), threes(entry, kShape, config), saved(entry, kShape, config);
  const auto learn = [](Halving& halving, uint64_t row, float importance) {
    Sample sample = made_up(row);
    sample.importance = importance;
    halving.learn(sample);
  };
  for (uint64_t row = 0; row < 450; ++row) {
    learn(ones, row, 1);
    learn(threes, row, 3);
    ASSERT_EQ(ones.best(), threes.best()) << row;
  }
  for (size_t i = 0; i < config.configurations; ++i)
    EXPECT_NEAR(ones.trials()[i].loss, threes.trials()[i].loss, 1e-12) << i;

  // By hand: rows of all kinds in the first rung, saved in the middle of it.
  Halving mixed(entry, kShape, config);
  std::vector<double> sums(config.configurations);
  double weights = 0;
  for (uint64_t row = 0; row < config.rows; ++row) {
    const float importance = static_cast<float>(row % 7) / 2;
    learn(mixed, row, importance);
    weights += static_cast<double>(importance);
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += static_cast<double>(importance) *
                 loss_of(std::log(halving_knobs(entry, i).rate), made_up(row).label);
    if (row != 40) continue;
    Writer out;
    mixed.save(out);
    Reader in(out.bytes());
    saved.load(in);
    ASSERT_TRUE(in.ok() && in.done());
  }
  for (uint64_t row = 41; row < config.rows; ++row) learn(saved, row, static_cast<float>(row % 7) / 2);
  for (size_t i = 0; i < sums.size(); ++i) {
    EXPECT_NEAR(mixed.trials()[i].loss, sums[i] / weights, 1e-6) << i;
    EXPECT_EQ(mixed.trials()[i].loss, saved.trials()[i].loss) << i;
  }
}

TEST(Halving, AnswersLikeTheOneThatIsLeft) {
  const LearnerEntry& entry = *find_learner("ftrl");
  Halving halving(entry, kShape, {.configurations = 4, .rows = 50});
  for (uint64_t row = 0; row < 1000; ++row) halving.learn(made_up(row));
  LearnerShape shape = kShape;
  shape.knobs = halving.trials()[halving.best()].knobs;
  const auto alone = entry.make(shape);
  for (uint64_t row = 0; row < 1000; ++row) alone->learn(made_up(row));
  const Sample next = made_up(1000);
  EXPECT_EQ(halving.score(next), alone->score(next));
}

TEST(Halving, GoesOnAsIfItHadNotStopped) {
  const LearnerEntry& entry = *find_learner("factor");
  const HalvingConfig config{.configurations = 5, .rows = 100};
  const auto sample_of = [](uint64_t row) {
    Sample sample = made_up(row);
    for (const Feature& feature : sample.features) sample.keys.push_back(feature.index);
    return sample;
  };
  Halving whole(entry, kShape, config), first(entry, kShape, config), second(entry, kShape, config);
  for (uint64_t row = 0; row < 700; ++row) {
    whole.learn(sample_of(row));
    if (row < 250) first.learn(sample_of(row));
  }
  Writer middle;
  first.save(middle);
  Reader in(middle.bytes());
  second.load(in);
  ASSERT_TRUE(in.ok() && in.done());
  for (uint64_t row = 250; row < 700; ++row) second.learn(sample_of(row));
  Writer one, other;
  whole.save(one);
  second.save(other);
  EXPECT_EQ(one.bytes(), other.bytes());
}

}  // namespace
}  // namespace freshet
