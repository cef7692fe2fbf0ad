// When a label comes late, that it has not come yet says something too: of two kinds of outcome one takes
// longer. A model of the delay makes it evidence: Chapelle 2014, "Modeling Delayed Feedback in Display
// Advertising", with the survival curves counted instead of assumed exponential:
//
//   log(1 + delay) = m(x) + s * residual;  m: Gaussian factorisation machine over the row's keys
//   S_y(r) = share of labels y whose residual was above r, from fading counts
//   P(1 | x, still out at r) = p S_1(r) / (p S_1(r) + (1 - p) S_0(r))
//
// The excess of that over p is taken at a few stages of r and added to what is known of the row's values
// (encoder.h) until the label comes. Threads: one.
#pragma once

#include <array>

#include "learn/gauss_learner.h"

namespace freshet {

class DelayModel {
 public:
  static constexpr float kStages[] = {0, 0.5f, 1, 1.5f,
                                      2, 3,    4, 6};  // Residuals at which a row is looked at.

  explicit DelayModel(const LearnerShape& shape);

  float expected(const Sample& sample) { return delays_.score(keys_of(sample)); }  // Of log(1 + delay).
  double delay_at(float expected, size_t stage) const;  // The delay that is stage's residual.
  float excess(float p, size_t stage) const;            // P(1 | still out at the stage) - p
  // The label has come: the residual of its delay, which is then learned.
  float learn(const Sample& sample, double delay, bool label);

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr size_t kBins = 65;  // Of residuals -4 .. 8, a step 0.1875.
  const Sample& keys_of(const Sample& sample);
  static size_t bin(float residual);
  double survival(int label, float residual) const;

  GaussLearner delays_;
  Sample sample_;
  double spread_ = 0.5, n_ = 0;
  std::array<std::array<double, kBins>, 2> counts_{};
};

}  // namespace freshet
