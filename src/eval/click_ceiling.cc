#include "eval/click_ceiling.h"

#include <algorithm>
#include <cmath>

namespace freshet {
namespace {

constexpr double kUnseen = 0.05;  // Of a query: how often a gain is taken to be where it never was.

}  // namespace

KnownLearner::KnownLearner(ClickWorld world, const std::vector<std::vector<RankedItem>>& windows,
                           const std::vector<std::vector<double>>& gains)
    : world_(world) {
  std::vector<KnownWorld::Belief> counts(kWindow, KnownWorld::Belief{});
  for (const std::vector<double>& of_query : gains)
    for (size_t i = 0; i < std::min(of_query.size(), kWindow); ++i)
      counts[i][KnownWorld::step_of(of_query[i])] += 1;
  std::vector<KnownWorld::Belief> priors(kWindow);
  for (size_t i = 0; i < kWindow; ++i) {  // Of the places around: a quarter to either side.
    priors[i].fill(kUnseen);
    for (size_t j = i - i / 4; j < std::min(kWindow, i + i / 4 + 1); ++j)
      for (size_t s = 0; s < KnownWorld::kSteps; ++s) priors[i][s] += counts[j][s];
    for (double& one : priors[i]) one = std::log(one);
  }
  for (const std::vector<RankedItem>& window : windows) {
    std::vector<Candidate>& query = queries_.emplace_back();
    for (size_t i = 0; i < std::min(window.size(), kWindow); ++i)
      query.push_back({window[i], priors[i], KnownWorld::moments(priors[i])});
  }
}

std::vector<RankedItem> KnownLearner::ranked(size_t query, double optimism, size_t count) const {
  std::vector<RankedItem> out;
  for (const Candidate& one : queries_[query])
    out.push_back({one.item.item, one.moments.mean + optimism * one.moments.deviation});
  std::stable_sort(out.begin(), out.end(),
                   [](const RankedItem& a, const RankedItem& b) { return a.score > b.score; });
  out.resize(std::min(out.size(), count));
  return out;
}

void KnownLearner::learn(size_t query, std::span<const RankedItem> page, std::span<const size_t> clicked) {
  std::vector<KnownWorld::Belief*> beliefs;
  std::vector<Candidate*> shown;
  for (const RankedItem& item : page) {
    const auto is_it = [&](const Candidate& one) { return one.item.item == item.item; };
    const auto at = std::find_if(queries_[query].begin(), queries_[query].end(), is_it);
    beliefs.push_back(at == queries_[query].end() ? nullptr : &at->belief);
    if (at != queries_[query].end()) shown.push_back(&*at);
  }
  world_.learn(beliefs, clicked);
  for (Candidate* one : shown) one->moments = KnownWorld::moments(one->belief);
}

}  // namespace freshet
