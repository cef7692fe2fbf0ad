// Worlds of shoppers who click on a page of search results by how good its items are, and what somebody who
// knows the world could learn from their clicks.
//
//   moderate  position-based: place k is looked at with probability 1/k; clicked, when looked at, with .02,
//             .10, .30 (gain 0, 1/2, 1; between them a straight line)
//   cascade   from the top (Guo, Liu, Wang 2009, "Efficient multiple-click models"): the same rates; goes on
//             after a click with probability .6, without one with .8
//   noisy     position-based, 1/k, clicked with .05, .10, .18; and with trust in the rank: .03/k more; 5 % of
//             shoppers click one place of the page at random
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace freshet {

enum class ClickWorld : uint8_t { kModerate, kCascade, kNoisy };
Result<ClickWorld> parse_click_world(std::string_view text);
std::string_view click_world_name(ClickWorld world);
// How often place k (from 0) is looked at, against the first; in a cascade: on a page without a click.
double look_rate(ClickWorld world, size_t place);

// One shopper before one page.
class ClickShopper {
 public:
  ClickShopper(ClickWorld world, uint64_t key) : world_(world), draw_(key) {}

  // Places clicked, of items with these gains (0..1); looked[k] counts those looked at.
  void answer(std::span<const double> gains, std::vector<size_t>& clicked, std::vector<uint64_t>& looked);

 private:
  const ClickWorld world_;
  Draw draw_;
};

// What clicks say of items to somebody who knows the world, how often places are looked at, and how often the
// candidate at each place is how good; each item by itself. Bayes's rule over kSteps gains.
class KnownWorld {
 public:
  static constexpr size_t kSteps = 13;  // Gains 0, 1/12 .. 1: halves, thirds, quarters and sixths are exact.
  using Belief = std::array<double, kSteps>;  // Logarithms, but for a constant.

  explicit KnownWorld(ClickWorld world) : world_(world) {}
  static size_t step_of(double gain);
  // Learns one page: beliefs[k] is of the item at place k; nullptr: of no interest.
  void learn(std::span<Belief* const> beliefs, std::span<const size_t> clicked) const;
  struct Moments {
    double mean = 0, deviation = 0;
  };
  static Moments moments(const Belief& belief);

 private:
  // `looks`: in a cascade, the probability that the place is looked at, given the clicks.
  double click_rate(double gain, size_t place, size_t places, double looks) const;

  const ClickWorld world_;
};

}  // namespace freshet
