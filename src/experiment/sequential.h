// Statistics that may be looked at any time, as often as one likes: stop whenever an interval says enough,
// the share of wrong stops stays below alpha.
//
// Differences of means (MeanTest). With D the estimate, V its variance as estimated, n the number of units
// and z^2 = D^2 / V, the mixture of likelihood ratios over normally distributed effects
//   ln E = z^2 / 2 . u / (1 + u) - ln(1 + u) / 2,   u = n rho^2
// is (asymptotically) a supermartingale when there is no difference: P(ever E >= 1 / alpha) <= alpha (Ville).
// The interval is every effect that E does not refute,
//   D +- sqrt(V (1 + 1 / u) (2 ln(1 / alpha) + ln(1 + u)))
// Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Johari et al. 2017,
// "Peeking at A/B tests"; Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit
// theory and asymptotic confidence sequences" (with V estimated). rho is chosen so that the interval is
// narrowest at `tuned_at` units (their appendix B.2): rho^2 = (2 ln(1 / alpha) + ln(1 + 2 ln(1 / alpha))) /
// tuned_at.
//
// Shares (ShareTest). Of wins and losses, each win with probability p given all that was before, exact for
// any number of them: the mixture over a Beta(a, b) prior of p against p0,
//   E(p0) = B(a + wins, b + losses) / (B(a, b) p0^wins (1 - p0)^losses)
// is a martingale when p = p0. The interval is every p0 with E(p0) < 1 / alpha. Robbins 1970; Lindon, Malek
// 2022, "Anytime-valid inference for multinomial count data".
//
// Values; no thread rules. Cost: 0.1 us; an interval of a share 10 us.
#pragma once

#include <cstdint>

namespace freshet {

struct Interval {
  double low = 0, high = 0;
};

class MeanTest {
 public:
  explicit MeanTest(double alpha, double tuned_at = 5000);

  double log_e(double difference, double variance, double n) const;
  double p(double difference, double variance, double n) const;  // min(1, 1 / E)
  double radius(double variance,
                double n) const;  // Half of the interval's width; infinite: nothing is known.

  // Units after which an effect of this size is found with probability .8, when a unit's variance is
  // `variance_of_unit` = V n; 0: not within 10^12.
  double needed(double effect, double variance_of_unit) const;

 private:
  double log_inverse_;  // ln(1 / alpha)
  double rho2_;
};

class ShareTest {
 public:
  // `centre`: the share that is expected; the prior has the weight of `weight` wins and losses around it.
  ShareTest(double centre, double weight) : a_(centre * weight), b_((1 - centre) * weight) {}

  double log_e(uint64_t wins, uint64_t losses, double p0) const;
  double p(uint64_t wins, uint64_t losses, double p0) const;
  Interval interval(uint64_t wins, uint64_t losses, double alpha) const;

 private:
  double a_, b_;
};

}  // namespace freshet
