// Rates of the items of one query, believed together: a click on one item says something of those that are
// named alike, and of all that the query finds. A Gaussian process over the items (Rasmussen, Williams 2006,
// "Gaussian processes for machine learning", section 2.2; for clicks: Krause, Ong 2011, "Contextual Gaussian
// process bandit optimization"):
//   g ~ N(g0, K),   K_ij = sqrt(g0_i g0_j) / kappa . kSpread . (kOwn [i = j] + kLike likeness_ij + kAll)
//   clicks_i / exposure_i ~ N(g_i, r_i / exposure_i),   r_i: its rate, drawn towards g0
// K_ii is, but for kSpread, the variance of the Gamma prior of strength kappa that an item would have by
// itself.
//
// Threads: one at a time. Cost: m^3 / 6 + n m^2 / 2 multiplications, m of the n items shown before; 60 us for
// 40 of 100.
#pragma once

#include <span>
#include <vector>

#include "clicks/likeness.h"

namespace freshet {

class SharedRates {
 public:
  static constexpr double kSpread = 2.4, kOwn = 0.3, kLike = 0.4, kAll = 0.3;
  static constexpr double kRatePrior = 16;  // Exposures that g0 is worth in the variance of what was seen.
  static constexpr double kLeast = 0.1;     // Of g0: no rate is believed to be less.

  struct Item {
    double prior = 0;                 // g0, above 0
    double clicks = 0, exposure = 0;  // 0: not shown
    double mean = 0, deviation = 0;   // Of g, given all clicks; written here.
  };
  static double prior_variance(double prior, double strength) {
    return kSpread * (kOwn + kLike + kAll) * prior / strength;
  }
  void believe(std::span<Item> items, const TitleLikeness& likeness, double strength);

 private:
  std::vector<size_t> shown_;
  std::vector<double> factor_, cross_, root_, off_;
};

}  // namespace freshet
