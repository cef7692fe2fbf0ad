// A world of shoppers whose truth is known, to try experiments on: queries with items of known attraction,
// two rankings of each, shoppers who differ much in how often they come and how readily they click. The
// position-based model: the item at place k is clicked with probability attraction . readiness / k.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/hash.h"
#include "experiment/draft.h"
#include "experiment/results.h"

namespace freshet::testing {

struct WorldOptions {
  uint64_t seed = 1;
  double noise_control = 0.1, noise_variant = 0.1;  // Of the attraction that a ranking goes by.
  bool equal_items = false;  // Every item attracts the same: no ranking is better, however different.
  uint32_t queries = 50, shoppers = 2000, items = 20, page = 10;
};

class ClickWorld {
 public:
  explicit ClickWorld(const WorldOptions& options) : options_(options), draw_(mix64(options.seed, 1)) {
    for (uint32_t q = 0; q < options.queries; ++q) {
      std::vector<double> attraction(options.items);
      for (double& one : attraction) one = options.equal_items ? 0.12 : 0.3 * std::pow(draw_.uniform(), 2);
      for (int arm : {0, 1}) {
        const double noise = arm == 0 ? options.noise_control : options.noise_variant;
        std::vector<double> seen(options.items);
        for (uint32_t i = 0; i < options.items; ++i) seen[i] = attraction[i] + noise * draw_.uniform();
        std::vector<uint32_t> ranking(options.items);
        for (uint32_t i = 0; i < options.items; ++i) ranking[i] = i;
        std::sort(ranking.begin(), ranking.end(), [&](uint32_t a, uint32_t b) { return seen[a] > seen[b]; });
        rankings_[arm].push_back(ranking);
      }
      attractions_.push_back(std::move(attraction));
    }
  }

  struct Search {
    std::string shopper;
    uint32_t query = 0;
    double readiness = 1;
  };
  // Some shoppers come thirty times as often as others, and click six times as readily.
  Search next() {
    const auto number = static_cast<uint64_t>(std::pow(draw_.uniform(), 2) * options_.shoppers);
    Draw own(mix64(options_.seed, number));
    Search out;
    out.shopper = "shopper-" + std::to_string(options_.seed) + "-" + std::to_string(number);
    out.readiness = 0.3 + 1.7 * std::pow(own.uniform(), 3);
    out.query = static_cast<uint32_t>(draw_.below(options_.queries));
    return out;
  }
  const std::vector<uint32_t>& ranking(Arm arm, uint32_t query) const {
    return rankings_[static_cast<size_t>(arm)][query];
  }
  // First place that is clicked; -1: none.
  template <class ItemAt>
  int click(const Search& search, size_t places, const ItemAt& item_at) {
    for (size_t k = 0; k < places; ++k) {
      const double chance =
          attractions_[search.query][item_at(k)] * search.readiness / static_cast<double>(k + 1);
      if (draw_.uniform() < chance) return static_cast<int>(k);
    }
    return -1;
  }

  // One search of a split; `now`: any clock.
  void play(const ExperimentDefinition& of, ExperimentTally& tally, TimeMs now) {
    const Search search = next();
    const Arm arm = arm_of(search.shopper, of);
    const uint32_t bucket = shopper_bucket(search.shopper, ExperimentTally::kBuckets);
    const std::vector<uint32_t>& page = ranking(arm, search.query);
    tally.search(arm, bucket, hash_bytes(search.shopper), false, 1, now);
    if (click(search, options_.page, [&](size_t k) { return page[k]; }) >= 0)
      tally.answer(arm, bucket, Measure::kClicked, 1);
  }
  // One drafted page.
  void draft(ExperimentTally& tally, TimeMs now) {
    const Search search = next();
    const uint64_t key = draw_.next();
    const auto& control = ranking(Arm::kControl, search.query);
    const auto& variant = ranking(Arm::kVariant, search.query);
    const std::vector<Drafted> page = freshet::draft(control, variant, options_.page, Draw(key));
    tally.page(key);
    const int place = click(search, page.size(), [&](size_t k) {
      return (page[k].team == Team::kVariant ? variant : control)[page[k].place];
    });
    if (place < 0 || page[static_cast<size_t>(place)].team == Team::kNone) return;
    tally.win(page[static_cast<size_t>(place)].team == Team::kVariant ? Arm::kVariant : Arm::kControl, now);
  }

 private:
  const WorldOptions options_;
  Draw draw_;
  std::vector<std::vector<double>> attractions_;
  std::vector<std::vector<uint32_t>> rankings_[2];
};

// Searches until a difference is proved, looking after each; 0: not within `most`.
inline uint64_t until_proved(ClickWorld& world, const ExperimentDefinition& of, uint64_t most,
                             bool* variant_better = nullptr) {
  ExperimentTally tally(of);
  const bool split = of.kind == ExperimentKind::kSplit;
  const ShareTest wins(0.5, kWinsWeight);
  for (uint64_t n = 1; n <= most; ++n) {
    bool proved = false, better = false;
    if (split) {
      world.play(of, tally, static_cast<TimeMs>(n));
      const auto found = difference_of(of, tally, measure_of(of.goal));
      proved = found && found->significant;
      better = found && found->value > 0;
    } else {
      world.draft(tally, static_cast<TimeMs>(n));
      const uint64_t variant = tally.wins(Arm::kVariant), control = tally.wins(Arm::kControl);
      proved = variant + control > 0 && wins.p(variant, control, 0.5) <= of.alpha;
      better = variant > control;
    }
    if (!proved) continue;
    if (variant_better != nullptr) *variant_better = better;
    return n;
  }
  return 0;
}

}  // namespace freshet::testing
