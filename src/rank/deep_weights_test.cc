#include "rank/deep_weights.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr DeepWeights::Config kSmall = {.bits = 10};

std::string saved(const DeepWeights& weights) {
  Writer out;
  weights.save(out);
  return out.take();
}

RankRow row_of(uint64_t seed, int cells = 20) {
  Draw draw(seed);
  RankRow row;
  for (int i = 0; i < cells; ++i)
    row.add(static_cast<RankFeature>(draw.below(kRankFeatures)), draw.below(200), ~0u >> 8);
  return row;
}

// Clicks when two groups agree: what no sum of weights can say.
struct Pair {
  RankRow row;
  float label = 0;
};
Pair agreeing(uint64_t seed) {
  Draw draw(seed);
  Pair out;
  const uint64_t a = draw.below(2), b = draw.below(2);
  out.row.add(RankFeature::kItem, 10 + a, 1023);
  out.row.add(RankFeature::kFacet, 20 + b, 1023);
  out.row.add(RankFeature::kPlace, 30 + draw.below(10), 1023);
  out.label = a == b ? 1 : 0;
  return out;
}

TEST(DeepWeights, LearnsWhatGroupsMeanTogetherAndServesIt) {
  DeepWeights weights(kSmall);
  EXPECT_EQ(weights.trained(agreeing(1).row.all())[0], 0) << "it knows nothing";
  for (uint64_t n = 0; n < 4000; ++n) {
    const Pair one = agreeing(n);
    weights.learn(one.row.all(), 1, 0, one.label, 1);
    if (n % 8 == 7) weights.settle();
  }
  DeepWeights::Asked asked;
  asked.begin(weights);
  std::vector<RankRow> rows;
  for (uint64_t n = 0; n < 100; ++n) rows.push_back(agreeing(n).row);
  std::vector<DeepWeights::Logits> said;
  asked.score(rows, said);
  for (uint64_t n = 0; n < 100; ++n) {
    const Pair one = agreeing(n);
    const DeepWeights::Logits trained = weights.trained(one.row.all());
    EXPECT_GT(one.label > 0 ? trained[1] : -trained[1], 2) << n;
    for (size_t head = 0; head < DeepWeights::kHeads; ++head)
      EXPECT_NEAR(said[n][head], trained[head], 0.15) << "int8 vectors";
  }
}

TEST(DeepWeights, GoBackToTheVeryBytesThatWereGood) {
  DeepWeights weights(kSmall);
  weights.set_direct(false);
  const auto learn = [&](uint64_t from, bool wrong) {
    for (uint64_t n = from; n < from + 400; ++n) {
      const Pair one = agreeing(n);
      weights.learn(one.row.all(), 0, 0, wrong ? 1 - one.label : one.label, 1);
      if (n % 8 == 7) weights.settle();
    }
    weights.settle();
  };
  const auto says = [&](RankCopy copy) {
    DeepWeights::Asked asked;
    std::vector<DeepWeights::Logits> said(1);
    const RankRow row = agreeing(5).row;
    if (asked.begin(weights, copy)) asked.score({&row, 1}, said);
    return said[0][0];
  };
  learn(0, false);
  EXPECT_NE(says(RankCopy::kTrained), 0);
  EXPECT_EQ(says(RankCopy::kLive), 0) << "not published yet";
  weights.freeze();
  EXPECT_NEAR(says(RankCopy::kCandidate), says(RankCopy::kTrained), 0.15);
  weights.publish();
  weights.good_moves();
  const std::vector<uint64_t> good = weights.version();
  const float said = says(RankCopy::kLive);
  ASSERT_EQ(good.size(), weights.words());
  EXPECT_TRUE(weights.fits(good));
  EXPECT_EQ(weights.trained_words(), good);
  learn(400, true);
  weights.freeze();
  weights.publish();
  EXPECT_NE(says(RankCopy::kLive), said);
  EXPECT_EQ(says(RankCopy::kGood), said);
  weights.roll_back();
  weights.go_back();
  EXPECT_EQ(says(RankCopy::kLive), said);
  EXPECT_EQ(weights.trained_words(), good);
  learn(800, true);
  weights.replace(good);
  EXPECT_EQ(says(RankCopy::kLive), said);
  EXPECT_EQ(weights.trained_words(), good);
  std::vector<uint64_t> wrong = good;
  wrong.back() = ~uint64_t{0};  // Not a number.
  EXPECT_FALSE(weights.fits(wrong));
  wrong.pop_back();
  EXPECT_FALSE(weights.fits(wrong));
}

TEST(DeepWeights, APlaceIsNoInput) {
  DeepWeights weights(kSmall);
  for (uint64_t n = 0; n < 200; ++n) {
    const Pair one = agreeing(n);
    weights.learn(one.row.all(), 0, 0, one.label, 1);
  }
  weights.settle();
  RankRow with = agreeing(3).row, without;
  for (const uint32_t cell : with.all())
    if (group_of(cell) != RankGroup::kPlace) without.add(feature_of(cell), index_of(cell), 1023);
  EXPECT_EQ(weights.trained(with.all()), weights.trained(without.all()));
  DeepWeights::Asked asked;
  asked.begin(weights);
  std::vector<DeepWeights::Logits> said;
  const RankRow both[] = {with, without};
  asked.score(both, said);
  EXPECT_EQ(said[0], said[1]);
}

// The slow twin: vectors in doubles, pooled; the network is the test's of model/.
double loss_of(const CrossNetwork& network, const std::vector<double>& vectors, const RankRow& row,
               const std::map<uint32_t, size_t>& number, const float* labels, const float* taken,
               float offset) {
  std::vector<double> x(DeepWeights::kInputs);
  std::array<double, kRankGroups> count{};
  for (const uint32_t cell : row.all()) ++count[static_cast<size_t>(group_of(cell))];
  for (const uint32_t cell : row.all()) {
    const auto group = static_cast<size_t>(group_of(cell));
    if (group_of(cell) == RankGroup::kPlace) continue;
    for (size_t d = 0; d < DeepWeights::kDim; ++d)
      x[group * DeepWeights::kDim + d] +=
          vectors[number.at(index_of(cell)) * DeepWeights::kDim + d] / std::sqrt(count[group]);
  }
  std::vector<float> input(x.begin(), x.end());
  float logits[CrossNetwork::kHeads];
  CrossNetwork::Workspace space;
  network.score(1, input.data(), logits, space);
  double loss = 0;
  for (size_t head = 0; head < DeepWeights::kHeads; ++head) {
    const double z = static_cast<double>(offset) + static_cast<double>(logits[head]);
    const double one = std::log1p(std::exp(-z)), zero = std::log1p(std::exp(z));
    loss +=
        (labels[head] > 0 ? one : zero) - static_cast<double>(taken[head]) * (labels[head] > 0 ? zero : one);
  }
  return loss;
}

// With sums that begin so high that nothing moves them, and as high a rate, a step is the gradient itself.
TEST(DeepWeights, StepsOfVectorsAreFiniteDifferencesOfTheTwin) {
  constexpr float kHigh = 1e10f;
  DeepWeights weights({.bits = 10, .network_rate = 1e-12f});
  // First vectors that are not zero.
  for (uint64_t n = 0; n < 300; ++n) {
    const RankRow row = row_of(n);
    weights.learn(row.all(), n % 3, -0.3f, mix64(n, 5) % 2 == 0 ? 1.0f : 0.0f, 1);
    if (n % 4 == 3) weights.settle();
  }
  weights.settle();
  DeepWeights probe({.bits = 10, .row_rate = std::sqrt(kHigh), .network_rate = 1e-12f, .row_begin = kHigh});
  const std::string bytes = saved(weights);
  Reader in(bytes);
  ASSERT_TRUE(probe.load(in).ok());

  const RankRow row = row_of(1000);
  const float labels[] = {1, 0, 1}, taken[] = {0.6f, 0.3f, 0};
  std::map<uint32_t, size_t> number;
  std::vector<double> vectors;
  const auto read = [&](const DeepWeights& of) {  // Vectors of the row's cells, as saved.
    const std::string text = saved(of);
    Reader from(text);
    CrossNetwork network(
        {.inputs = DeepWeights::kInputs, .rank = 16, .crosses = 1, .hidden = {32, 16}, .heads = 3});
    network.load(from);
    from.u8();
    std::map<uint32_t, std::array<float, DeepWeights::kDim>> all;
    uint32_t at = 0;
    for (uint64_t left = from.varint(); left > 0; --left) {
      at += static_cast<uint32_t>(from.varint());
      from.array(all[at].data(), DeepWeights::kDim);
      from.f32();
    }
    EXPECT_TRUE(from.ok());
    return std::pair(std::move(network), std::move(all));
  };
  auto [network, before] = read(probe);
  for (const uint32_t cell : row.all())
    if (number.try_emplace(index_of(cell), number.size()).second)
      for (size_t d = 0; d < DeepWeights::kDim; ++d)
        vectors.push_back(static_cast<double>(before[index_of(cell)][d]));
  for (size_t head = 0; head < 3; ++head) probe.learn(row.all(), head, 0.2f, labels[head], 1, taken[head]);
  probe.settle();
  const auto after = read(probe).second;
  for (const auto& [index, at] : number) {
    for (size_t d = 0; d < DeepWeights::kDim; ++d) {
      constexpr double kSmallStep = 1e-2;
      auto high = vectors, low = vectors;
      high[at * DeepWeights::kDim + d] += kSmallStep;
      low[at * DeepWeights::kDim + d] -= kSmallStep;
      const double want = (loss_of(network, high, row, number, labels, taken, 0.2f) -
                           loss_of(network, low, row, number, labels, taken, 0.2f)) /
                          (2 * kSmallStep);
      const double moved = vectors[at * DeepWeights::kDim + d] -
                           static_cast<double>(after.contains(index) ? after.at(index)[d] : before[index][d]);
      EXPECT_NEAR(moved, want, 0.02 * std::abs(want) + 2e-3) << index << " " << d;
    }
  }
}

TEST(DeepWeights, HeadsOfOneRowAreOneExampleAndBytesAreTheSame) {
  DeepWeights together(kSmall), apart(kSmall), again(kSmall);
  for (uint64_t n = 0; n < 500; ++n) {
    const RankRow row = row_of(n), copy = row_of(n);
    for (size_t head = 0; head < 3; ++head) {
      together.learn(row.all(), head, 0, n % 2 == 0 ? 1.0f : 0.0f, 1);
      again.learn(head == 0 ? row.all() : copy.all(), head, 0, n % 2 == 0 ? 1.0f : 0.0f, 1);
      apart.learn(row.all(), head, 0, n % 2 == 0 ? 1.0f : 0.0f, 1);
      if (n % 10 == 9) apart.settle();
    }
    if (n % 10 != 9) continue;
    together.settle();
    again.settle();
  }
  EXPECT_EQ(saved(together), saved(again));
  EXPECT_NE(saved(together), saved(apart)) << "settle() is part of what is learned";
  const std::string bytes = saved(together);
  DeepWeights copy(kSmall);
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in).ok());
  EXPECT_EQ(saved(copy), bytes);
  DeepWeights::Asked one, other;
  one.begin(together);
  other.begin(copy);
  std::vector<DeepWeights::Logits> said, read;
  const std::vector<RankRow> rows = {row_of(1), row_of(2), row_of(999)};
  one.score(rows, said);
  other.score(rows, read);
  EXPECT_EQ(said, read);
  EXPECT_EQ(copy.bytes(), together.bytes());
  EXPECT_LT(copy.bytes(), (65u << 10) + 300'000u);
  for (size_t cut = 0; cut < bytes.size(); cut += 1009) {
    Reader short_of(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(copy.load(short_of).ok()) << cut;
  }
}

}  // namespace
}  // namespace freshet
