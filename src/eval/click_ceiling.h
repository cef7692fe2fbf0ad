// What somebody would reach who need not learn the world: who knows how often places are looked at, how often
// items of each gain are clicked, and how often the candidate at each place of the ranking without clicks is
// how good (counted from the judgements of these very queries); and who judges each item by itself.
//
//   same clicks   on the pages that the learner under test chose to show
//   own pages     on pages of its own: ordered by expected gain and kOptimism deviations of it
//
// Neither is a bound for a learner that shares what it learns among items that are alike.
#pragma once

#include <span>
#include <vector>

#include "eval/click_world.h"
#include "eval/search_eval.h"

namespace freshet {

class KnownLearner {
 public:
  static constexpr size_t kWindow = 100;
  static constexpr double kOptimism = 1;

  struct Candidate {
    RankedItem item;
    KnownWorld::Belief belief{};
    KnownWorld::Moments moments;
  };
  // windows[q]: the ranking of query q without clicks; gains[q][i]: of its item i.
  KnownLearner(ClickWorld world, const std::vector<std::vector<RankedItem>>& windows,
               const std::vector<std::vector<double>>& gains);

  std::vector<RankedItem> ranked(size_t query, double optimism, size_t count) const;
  void learn(size_t query, std::span<const RankedItem> page, std::span<const size_t> clicked);

 private:
  KnownWorld world_;
  std::vector<std::vector<Candidate>> queries_;
};

}  // namespace freshet
