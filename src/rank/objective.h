// What the settings declare a page to be ordered for, as the ranker asks it. Threads: pure, under an
// EpochGuard.
#pragma once

#include <span>
#include <vector>

#include "feature/catalog.h"
#include "rank/ranker.h"
#include "settings/ranker_settings.h"

namespace freshet {

inline RankObjective objective_of(const RankerSettings& settings) {
  return {settings.click, settings.cart, settings.purchase};
}

// Are pages not simply in the order of their scores?
inline bool spreads(const RankerSettings& settings) {
  return settings.diversity > 0 || settings.category_cap > 0;
}

// Is this page one of the share that is ordered without the ranker? key: of the page; 0: it is not shown.
bool is_control(const RankerSettings& settings, uint64_t key);

// Gives each candidate what a purchase of it is worth against the mean of all: the attribute
// `settings.value`, at least a tenth and at most ten times the mean; the mean where there is none. Does
// nothing while purchases do not count.
void add_values(const Catalog& catalog, const RankerSettings& settings,
                std::vector<RankCandidate>& candidates);

// What lifts add to the scores of a list: none is more than kLiftRange below the greatest. Not around zero:
// an objective of rare answers lifts nothing, and only how lifts differ is an order.
constexpr double kLiftRange = 12;
struct BoundedLift {
  double lift = 0;
  double share = 1;  // Of each of its parts that counts; below 1 where it was cut.
};
std::vector<BoundedLift> bounded_lifts(std::span<const RankVerdict> verdicts, double weight);

// Of a lift that is cut from `said` to `counts`, both against the same other one: the share of each of its
// parts, and of the other's, that counts. So scaled, they add up to what the lift adds to the score.
inline double counted_share(double said, double counts) {
  return said == counts ? 1 : counts / said;
}

}  // namespace freshet
