// What the ranker's learning and asking have in common. Of this room alone. Threads: pure.
#pragma once

#include <algorithm>

#include "model/math.h"
#include "rank/gauss_weights.h"
#include "rank/lesson.h"

namespace freshet::ranker_math {

inline constexpr double kSlopeMin[kRankKinds] = {0.5, 0.25, 0.25, 0.25,
                                                 0.25};  // A base that says nothing orders a little.
inline constexpr double kUsual[kRankKinds] = {1, -5, -5, -5, -5};  // What a base mostly is.

// Groups that are the same for all candidates, or not known when a page is ordered.
inline constexpr uint32_t kNotOfCandidates =
    1u << static_cast<uint32_t>(RankGroup::kPage) | 1u << static_cast<uint32_t>(RankGroup::kPlace);

inline double sigmoid(double x) {
  return static_cast<double>(sigmoid_f32(static_cast<float>(std::clamp(x, -30.0, 30.0))));
}
inline double log_of(double x) {
  return static_cast<double>(log_f32(static_cast<float>(std::max(x, 1e-30))));
}

inline double log_loss(double logit, double label) {
  const double p = sigmoid(logit);
  return -log_of(label > 0 ? p : 1 - p);
}
// Weighted; of a label that takes back the other: what it adds to the loss of that.
inline double loss_of(const RankLesson& lesson, double logit) {
  const double loss = static_cast<double>(lesson.weight) * log_loss(logit, static_cast<double>(lesson.label));
  return lesson.taken > 0
             ? loss - static_cast<double>(lesson.taken) * log_loss(logit, lesson.label > 0 ? 0 : 1)
             : loss;
}

inline constexpr auto kScoreGroup = static_cast<size_t>(RankGroup::kScore);
inline constexpr auto kScenarioGroup = static_cast<size_t>(RankGroup::kScenario);

// scenario: the share of its adjustment that is heard.
inline double residual(const GaussWeights::Sums& sums, double scenario) {
  float sum = 0;
  for (size_t g = 0; g < kRankGroups; ++g)
    if ((kNotOfCandidates >> g & 1) == 0 && g != kScenarioGroup) sum += sums.mean[g];
  return static_cast<double>(sum) + scenario * static_cast<double>(sums.mean[kScenarioGroup]);
}

inline double of_shopper(const GaussWeights::Sums& sums) {
  float sum = 0;
  for (size_t g = 0; g < kRankGroups; ++g)
    if ((kOfShopper >> g & 1) != 0) sum += sums.mean[g];
  return static_cast<double>(sum);
}

}  // namespace freshet::ranker_math
