// Which of the ranker's learners is right about a kind of page, learned from its clicks. There are three
// voices: what the linear learner says (rank/gauss_weights.h), what the deep one says (rank/deep_weights.h),
// and the sum of both. An expert says a share of what a voice says, the first one nothing but the score:
//
//   logit_e = plain + share_e . voice_e
//   l_e     = -ln P_e(this place was clicked | one of the page was),  P_e(i) = theta_i sigmoid(logit_e(i))
//             / sum over the page;  theta: how often a place is looked at
//
// They are mixed by their discounted losses, the exponentially weighted average of log losses with rate 1
// (Vovk 1990; Cesa-Bianchi and Lugosi 2006, sections 2.11 and 9.2: discounted regret, mixtures):
//
//   w_e   = prior_e exp(-S_e) / sum over experts,     S_e <- k (S_e + l_e) at each click, k = 1 - 1/memory
//
// Bound. With L_e(T) = sum over clicks t <= T of k^(T-t) l_e(t), the mixture's loss m_t = -ln sum_e w_e
// exp(-l_e), and W_t = sum_e prior_e exp(-L_e(t)): m_t = ln sum_e prior_e exp(-L_e(t-1))^k - ln W_t
// <= k ln W_{t-1} - ln W_t, because x^k is concave. Discounted and summed that is
//
//   sum over t <= T of k^(T-t) m_t  <=  min over e of L_e(T) + ln 1/prior_e
//
// at every T, whatever the clicks are: in the last `memory` clicks no expert would have been better by more
// than what its prior costs, kDoubt nats. That is also what anything but the score has to bring before it is
// heard, and what few clicks of a program cannot take away from what thousands of clicks have shown.
//
// What is heard is followed in full: how much of an opinion makes clicks on pages of ten likeliest calibrates
// it among candidates that are all alike, and is too little to order hundreds. So what answers is
//
//   p = sum over voices v of w_v sigmoid(plain + v),   w_v: of its experts together, adding up to 1
//
// Threads: one; a copy may be read by any. Twin, and the bound on drawn losses: in the test.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "model/math.h"
#include "settings/ranker_settings.h"

namespace freshet {

struct RankVoice {
  double linear = 0, deep = 0;  // Times what the learners say.
};
// What is said of a place, of its first head.
struct RankOpinion {
  double plain = 0;             // What its score and its place are worth,
  double linear = 0, deep = 0;  // and what is heard of the learners beyond that.
};
constexpr size_t kRankVoices = 3;
constexpr std::array<RankVoice, kRankVoices> kVoices = {{{1, 0}, {0, 1}, {1, 1}}};

// Which of them a setting asks: the linear one, the deep one, all.
constexpr bool is_asked(size_t voice, RankLearner learner) {
  return learner == RankLearner::kEnsemble || (voice == 0 && learner == RankLearner::kLinear) ||
         (voice == 1 && learner == RankLearner::kDeep);
}

struct RankExpert {
  size_t voice = 0;
  double share = 0;  // 0: nothing but the score.
};
constexpr size_t kRankShares = 4, kRankExperts = 1 + kRankVoices * kRankShares;
constexpr std::array<RankExpert, kRankExperts> kExperts = [] {
  std::array<RankExpert, kRankExperts> out{};
  for (size_t e = 1; e < kRankExperts; ++e)
    out[e] = {(e - 1) / kRankShares, static_cast<double>((e - 1) % kRankShares + 1) / kRankShares};
  return out;
}();

class RankBelief {
 public:
  static constexpr double kDoubt = 6;  // Nats. Of every expert but the score: prior exp(-kDoubt) of its.
  static constexpr double kMemory = 10'000;  // Clicks.
  static constexpr double kKeeps = 1 - 1 / kMemory;
  static constexpr double kUnheard = 0.8807970779778823;  // 1 / (1 + exp(-2)): two nats for the score alone.
  using Losses = std::array<double, kRankExperts>;
  struct Voices {
    std::array<double, kRankVoices> weight{};  // Of those asked; they add up to 1.
    double score = 1;    // How far it is believed that the score alone is the best; 0 .. 1
    bool heard = false;  // See voices().
    bool asks_deep() const { return weight[1] + weight[2] > 0; }
    // Nats that the score alone is not the best: the logarithm of the odds; -80 .. 80. For people.
    double evidence() const { return std::clamp(std::log((1 - score) / score), -kMostNats, kMostNats); }
  };

  void learn(const Losses& losses) {
    for (size_t e = 0; e < kRankExperts; ++e) sums_[e] = kKeeps * (sums_[e] + losses[e]);
    // Only differences count.
    double least = sums_[0];
    for (const double sum : sums_) least = std::min(least, sum);
    for (double& sum : sums_) sum -= least;
  }
  // Of the experts that are asked, adding up to 1.
  Losses weights(RankLearner learner) const {
    Losses out{};
    double all = 0, least = sums_[0];
    for (size_t e = 1; e < kRankExperts; ++e)
      if (is_asked(kExperts[e].voice, learner)) least = std::min(least, sums_[e] + kDoubt);
    for (size_t e = 0; e < kRankExperts; ++e) {
      if (e != 0 && !is_asked(kExperts[e].voice, learner)) continue;
      const double nats = sums_[e] + (e == 0 ? 0 : kDoubt) - least;
      out[e] = nats > kMostNats ? 0 : static_cast<double>(exp_f32(static_cast<float>(-nats)));
      all += out[e];
    }
    for (double& weight : out) weight /= all;
    return out;
  }
  // Heard as soon as it is likelier that the score alone is not the best than that it is, and from then on
  // until two nats speak against it (kUnheard): once it is heard few pages judge it, and near even odds
  // chance alone would turn the order of all pages of a kind round, and round again. `was_heard`: before.
  Voices voices(RankLearner learner, bool was_heard = false) const {
    const Losses of = weights(learner);
    Voices out{.weight = {}, .score = of[0], .heard = of[0] < (was_heard ? kUnheard : 0.5)};
    double all = 0;
    for (size_t e = 1; e < kRankExperts; ++e) out.weight[kExperts[e].voice] += of[e];
    for (double& weight : out.weight) {
      if (weight < kLeast * (1 - of[0])) weight = 0;
      all += weight;
    }
    for (size_t v = 0; v < kRankVoices; ++v)
      out.weight[v] = all > 0 ? out.weight[v] / all : is_asked(v, learner) ? 1 : 0;
    if (all <= 0 && learner == RankLearner::kEnsemble) out.weight = {1, 0, 0};
    return out;
  }

  const Losses& sums() const { return sums_; }
  void assume(const Losses& sums) { sums_ = sums; }

 private:
  static constexpr double kMostNats = 80;
  static constexpr double kLeast = 1e-3;  // A voice that is believed less is not asked.
  Losses sums_{};                         // S, less the least of them.
};

}  // namespace freshet
