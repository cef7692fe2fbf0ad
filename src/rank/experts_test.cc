#include "rank/experts.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "rank/belief_part.h"

namespace freshet {
namespace {

constexpr RankLearner kLearners[] = {RankLearner::kLinear, RankLearner::kDeep, RankLearner::kEnsemble};

std::vector<size_t> asked(RankLearner learner) {
  std::vector<size_t> out = {0};
  for (size_t e = 1; e < kRankExperts; ++e)
    if (is_asked(kExperts[e].voice, learner)) out.push_back(e);
  return out;
}

// Losses of a click: sometimes one expert is right, sometimes another, sometimes all are badly wrong.
RankBelief::Losses drawn(uint64_t n) {
  Draw draw(mix64(n, 3));
  RankBelief::Losses out;
  const size_t better = n / 3000 % kRankExperts;
  for (size_t e = 0; e < kRankExperts; ++e) {
    out[e] = 2 * draw.uniform() + (e == better ? 0 : 0.1);
    if (draw.below(50) == 0) out[e] += 40;
  }
  return out;
}

// The slow twin keeps all losses, and weighs experts by the definition.
TEST(RankBelief, IsTheMixtureOfTheFormulasAndKeepsItsBound) {
  RankBelief belief;
  std::vector<RankBelief::Losses> all;
  double regret[3] = {};  // Discounted loss of each mixture.
  std::vector<double> discounted(kRankExperts);
  for (uint64_t n = 0; n < 12'000; ++n) {
    const RankBelief::Losses losses = drawn(n);
    for (size_t l = 0; l < std::size(kLearners); ++l) {
      const std::vector<size_t> experts = asked(kLearners[l]);
      const double prior_sum = 1 + static_cast<double>(experts.size() - 1) * std::exp(-RankBelief::kDoubt);
      const auto prior = [&](size_t e) { return (e == 0 ? 1 : std::exp(-RankBelief::kDoubt)) / prior_sum; };
      if (n % 4000 == 3999) {
        std::vector<double> want;
        double sum = 0;
        for (const size_t e : experts) {
          double s = 0, least = 0;
          for (const auto& one : all) s = RankBelief::kKeeps * (s + one[e]);
          for (const auto& one : all) least = RankBelief::kKeeps * (least + one[0]);
          want.push_back(prior(e) * std::exp(least - s));
          sum += want.back();
        }
        for (size_t i = 0; i < experts.size(); ++i)
          EXPECT_NEAR(belief.weights(kLearners[l])[experts[i]], want[i] / sum, 1e-4);
      }
      const RankBelief::Losses weights = belief.weights(kLearners[l]);
      double sum = 0, p = 0;
      for (const size_t e : experts) sum += weights[e];
      EXPECT_NEAR(sum, 1, 1e-6);
      for (const size_t e : experts) p += weights[e] * std::exp(-losses[e]);
      regret[l] = RankBelief::kKeeps * regret[l] - std::log(p);
      for (const size_t e : experts) {
        const double of_expert = RankBelief::kKeeps * discounted[e] + losses[e];
        ASSERT_LE(regret[l], of_expert - std::log(prior(e)) + 0.01) << n << " " << e;
      }
    }
    for (size_t e = 0; e < kRankExperts; ++e) discounted[e] = RankBelief::kKeeps * discounted[e] + losses[e];
    belief.learn(losses);
    all.push_back(losses);
  }
}

TEST(RankBelief, NobodyIsHeardBeforeHeHasBroughtHisPrior) {
  struct Case {
    size_t expert;
    int clicks;
    bool linear, deep, ensemble;
  };
  // An expert that gains a tenth of a nat at each click needs sixty of them.
  for (const Case& one : std::vector<Case>{{0, 1000, false, false, false},
                                           {4, 40, false, false, false},
                                           {4, 80, true, false, true},
                                           {8, 80, false, true, true},
                                           {12, 80, false, false, true}}) {
    RankBelief belief;
    for (int n = 0; n < one.clicks; ++n) {
      RankBelief::Losses losses;
      losses.fill(2);
      losses[one.expert] = 1.9;
      belief.learn(losses);
    }
    EXPECT_EQ(belief.voices(RankLearner::kLinear).heard, one.linear) << one.expert;
    EXPECT_EQ(belief.voices(RankLearner::kDeep).heard, one.deep) << one.expert;
    const RankBelief::Voices voices = belief.voices(RankLearner::kEnsemble);
    EXPECT_EQ(voices.heard, one.ensemble) << one.expert;
    EXPECT_EQ(voices.evidence() > 0, one.ensemble) << one.expert;
    double sum = 0;
    for (const double weight : voices.weight) sum += weight;
    EXPECT_NEAR(sum, 1, 1e-9);
    if (one.ensemble) {
      EXPECT_GT(voices.weight[kExperts[one.expert].voice], 0.9) << one.expert;
    }
    EXPECT_EQ(belief.voices(RankLearner::kLinear).weight, (std::array<double, 3>{1, 0, 0}));
    EXPECT_EQ(belief.voices(RankLearner::kDeep).weight, (std::array<double, 3>{0, 1, 0}));
  }
}

// Losses of which the evidence for expert 4, of the linear voice, is what is asked for.
RankBelief with_evidence(double nats) {
  RankBelief::Losses sums;
  sums.fill(1e3);
  sums[0] = RankBelief::kDoubt + nats;
  sums[4] = 0;
  RankBelief out;
  out.assume(sums);
  return out;
}

// Heard from even odds on; then until two nats speak against it, and not again before even odds.
TEST(RankBelief, WhoIsHeardStaysHeardUntilThereIsEvidenceAgainstIt) {
  bool heard = false;
  for (const auto& [nats, want] : std::vector<std::pair<double, bool>>{{-6, false},
                                                                       {-0.1, false},
                                                                       {0.1, true},
                                                                       {-0.1, true},
                                                                       {-1.95, true},
                                                                       {-2.05, false},
                                                                       {-1.95, false},
                                                                       {-0.1, false},
                                                                       {3, true}}) {
    const RankBelief::Voices voices = with_evidence(nats).voices(RankLearner::kLinear, heard);
    EXPECT_NEAR(voices.evidence(), nats, 1e-3);
    EXPECT_EQ(voices.heard, want) << nats;
    heard = voices.heard;
  }
}

TEST(BeliefPart, IsPublishedAndGoesBackWithTheOtherParts) {
  BeliefPart part;
  const auto of = [&](RankCopy copy) { return part.table(copy)[1].sums(); };
  const auto learn = [&](uint64_t from) {
    for (uint64_t n = from; n < from + 50; ++n) part.learn(1, drawn(n));
  };
  learn(0);
  EXPECT_EQ(of(RankCopy::kLive), of(RankCopy::kTrained)) << "with every click";
  part.set_direct(false);
  learn(50);
  EXPECT_NE(of(RankCopy::kLive), of(RankCopy::kTrained));
  part.freeze();
  part.publish();
  part.good_moves();
  const RankBelief::Losses good = of(RankCopy::kLive);
  const std::vector<uint64_t> version = part.version();
  ASSERT_EQ(version.size(), part.words());
  learn(100);
  part.freeze();
  part.publish();
  EXPECT_NE(of(RankCopy::kLive), good);
  part.roll_back();
  part.go_back();
  EXPECT_EQ(of(RankCopy::kLive), good);
  EXPECT_EQ(of(RankCopy::kTrained), good);
  Writer out;
  part.save(out);
  const std::string bytes = out.take();
  BeliefPart copy;
  Reader in(bytes);
  ASSERT_TRUE(copy.load(in).ok());
  Writer again;
  copy.save(again);
  EXPECT_EQ(again.take(), bytes);
  for (size_t cut = 0; cut < bytes.size(); cut += 101) {
    Reader short_of(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(copy.load(short_of).ok()) << cut;
  }
  learn(200);
  part.replace(version);
  EXPECT_EQ(of(RankCopy::kLive), good);
  EXPECT_TRUE(BeliefPart::fits(version));
  std::vector<uint64_t> wrong = version;
  wrong[3] = std::bit_cast<uint64_t>(std::nan(""));
  EXPECT_FALSE(BeliefPart::fits(wrong));
}

}  // namespace
}  // namespace freshet
