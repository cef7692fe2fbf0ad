// Experts' scores made into one prediction, online, in two floors.
//
// Stacker: a generalised linear model of the experts' scores, learned by recursive least squares with
// forgetting (the logistic case is the online Newton step of the weighted likelihood): w += P x (y - p), P =
// (P - P x x' P h / (f + h x' P x)) / f, h = p (1 - p), or 1 for squared loss. Starts as the plain mean of
// the experts.
//
// Mixture: Bayes over predictions with fixed share, Herbster and Warmuth 1998, "Tracking the Best Expert": p
// = sum w_m p_m; w_m <- w_m p_m(y) / p(y); w <- (1 - a) w + a / M. Over T rounds its log loss is at most
//
//   ln M + k ln(M / a) - (T - 1 - k) ln(1 - a + a / M)
//
// above that of the best sequence of experts with k switches (k = 0: about ln M + a T above the best one),
// whatever comes. Numbers are treated as Gaussians of unit variance around each score; the mean of the
// mixture is answered. Threads: one. Both floors against their definitions and bounds: in the test.
//
// Labels that come when d others are out: w_m <- w_m p_m(y)^pace with pace 1/(1 + d), and the share times it.
// That is d + 1 mixtures in turn, each learning its own labels at once, averaged in their logarithms; such
// turns cost d + 1 times the regret (Joulani, Gyorgy, Szepesvari 2013, "Online Learning under Delayed
// Feedback"). Learned at the full pace, labels of one hour, which err alike, make whoever that hour suited
// sure of itself.
//
// Rows of importance c: w_m <- w_m p_m(y)^(c/C), C the greatest c of late, at least 1, which fades as fast as
// the share makes the mixture forget. Log loss is mixable at rates up to 1 only: sum w p^r <= (sum w p)^r for
// r <= 1, so the bound holds, C times over, of losses times their importance; at c itself whoever suited the
// last row would be all there is (docs/decisions/0197-importances-within-the-rate.md).
//
// Whoever's score is not a number is left out: of the sum as if it were 0, of the mixture as if it were
// wrong.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "model/importance_scale.h"

namespace freshet {

class Stacker {
 public:
  Stacker(size_t experts, bool binary, double forget);
  float score(std::span<const float> x) const;
  // weight: how many such rows it stands for.
  void learn(std::span<const float> x, float label, double weight = 1);
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  const size_t n_;  // Experts and a constant.
  const bool binary_;
  const double forget_;
  std::vector<double> w_, p_, px_;
};

class Mixture {
 public:
  Mixture(size_t experts, bool binary, double share = 1e-3);
  float score(std::span<const float> scores) const;  // Logit, or number.
  // pace: 1/(1 + labels that are out).
  void learn(std::span<const float> scores, float label, double weight = 1, double pace = 1);
  std::span<const double> weights() const { return w_; }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  const bool binary_;
  const double share_;
  ImportanceScale scale_;
  std::vector<double> w_;
};

}  // namespace freshet
