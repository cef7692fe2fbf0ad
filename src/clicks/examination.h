// How often shoppers look at each place of a page: examination propensities under the position-based model,
//   P(click at k) = theta_k * P(click | looked at) + accidents
// measured by exchanges, not guessed: on a small share of pages the items of two places i < j change places
// with probability one half. Both items stand at both places equally often, so that, given one click on the
// pair,
//   P(it was at j) = (theta_j + a) / (theta_i + theta_j + 2 a) = p
// but for accidents, which come to all places alike (a: of the clicks at the first place), whatever the items
// are (Joachims, Swaminathan, Schnabel 2017, "Unbiased learning-to-rank with biased feedback", section 5:
// swap interventions). EM over observed clicks alone is not identified when the ranking hardly changes. Of
// the power of the curve below, such a click says ln(j / i)^2 p (1 - p), and the first place has the most
// clicks: so there is a design, five disjoint pairs, for every partner of it.
//
// All pairs together are one logistic regression on the steps of ln theta, which follow a curve with two
// parameters (power law and geometric fall) and a deviation of each place of the first kOwn:
//   ln theta_k = -slope ln k - fall (k - 1) + sum of e_2 .. e_min(k, kOwn)
//   slope ~ N(1, 0.5^2),  fall ~ N(0, 0.1^2),  e_k ~ N(0, 0.05^2)
// The maximum of the posterior, by Fisher's scoring; doubt() is the posterior deviation of ln theta_10.
//
// Threads: one. Cost: refit() 40 us, each eighth counted click.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace freshet {

// Places from 0. Each design pairs all of the first ten; its first pair is the first place and its partner.
// Logs name designs by their numbers: they stay.
struct ExaminationPair {
  uint8_t upper, lower;
};
using ExaminationDesign = std::array<ExaminationPair, 5>;
inline constexpr std::array<ExaminationDesign, 9> kExaminationDesigns = {{
    {{{0, 3}, {1, 5}, {2, 7}, {4, 9}, {6, 8}}},
    {{{0, 1}, {2, 4}, {3, 6}, {5, 8}, {7, 9}}},
    {{{0, 2}, {1, 6}, {3, 7}, {4, 8}, {5, 9}}},
    {{{0, 4}, {1, 6}, {2, 7}, {3, 8}, {5, 9}}},
    {{{0, 5}, {1, 6}, {2, 7}, {3, 8}, {4, 9}}},
    {{{0, 6}, {1, 5}, {2, 7}, {3, 8}, {4, 9}}},
    {{{0, 7}, {1, 5}, {2, 6}, {3, 8}, {4, 9}}},
    {{{0, 8}, {1, 5}, {2, 6}, {3, 7}, {4, 9}}},
    {{{0, 9}, {1, 5}, {2, 6}, {3, 7}, {4, 8}}},
}};

class Examination {
 public:
  static constexpr uint32_t kPlaces = 50;  // Those after it are looked at as often as the last.
  static constexpr uint32_t kMeasured = 10;
  static constexpr float kClip = 0.02f;  // The least theta that is divided by.

  // Accidents can hardly be told from looks (docs/decisions/0182-some-clicks-are-accidents.md): a shop with
  // few and one with many must both be measured well enough.
  static constexpr double kAccidents = 0.005;

  using Pair = ExaminationPair;
  static constexpr const auto& kDesigns = kExaminationDesigns;

  Examination();

  // A click on `place`, whose item and its partner's had been exchanged with probability one half.
  void count(size_t design, uint32_t place);
  uint64_t counted() const { return counted_; }
  double doubt() const { return doubt_; }

  float theta(uint32_t place) const { return theta_[place < kPlaces ? place : kPlaces - 1]; }  // Clipped.
  double measured(uint32_t place) const;  // Not clipped; place 0 is 1.
  const std::array<float, kPlaces>& all() const { return theta_; }

  void save(Writer& out) const;
  Status load(Reader& in, size_t designs = kDesigns.size());  // The first so many were counted then.

 private:
  static constexpr size_t kParameters = 2 + kMeasured - 1;
  using Vector = std::array<double, kParameters>;
  using Matrix = std::array<Vector, kParameters>;
  void derivatives(Vector& gradient, Matrix& hessian) const;  // Of the negative logarithm of the posterior
  void refit();
  static Vector log_theta(uint32_t place);  // As a linear function of the parameters.
  struct Clicked {
    double rate = 0;  // theta + accidents
    Vector moves;     // and how its logarithm moves with the parameters.
  };
  Clicked clicked(uint32_t place) const;

  std::array<std::array<double, kMeasured>, kDesigns.size()> clicks_{};  // by design and place
  uint64_t counted_ = 0;
  Vector parameters_{};
  double doubt_ = 0;
  std::array<float, kPlaces> log_theta_{}, theta_{};
};

}  // namespace freshet
