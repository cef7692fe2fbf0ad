// A forest of incremental trees for a stream that drifts: online bagging with Poisson weights, each tree over
// features of its own, ADWIN on each tree's error; at a warning a tree begins to grow in the background, at
// drift it takes the place of the old one. Gomes et al. 2017, "Adaptive random forests for evolving data
// stream classification"; features by tree instead of by node as in Gomes et al. 2019, "Streaming Random
// Patches".
//
// Draws are keyed by (seed, tree, example number): nothing depends on how examples were batched. Quantile
// bins come from the last 2,048 examples and are renewed at example 200, 1,000, 5,000, 25,000, ...; those of
// a feature also when the last examples fill them in another way than they were filled when made
// (docs/decisions/0198-bins-that-are-filled.md). Labels:
// 0..1, or numbers of about unit variance. Threads: one. predict() before learn(); predict() alone changes
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/adaptive_tree.h"
#include "model/adwin.h"

namespace freshet {

struct ForestConfig {
  TreeConfig tree;
  uint32_t trees = 12;
  float features_share = 0.6f;  // Of the features, for each tree.
  double warning_delta = 0.01;
  double drift_delta = 0.001;
  uint64_t seed = 1;
};

class AdaptiveForest {
 public:
  AdaptiveForest(const ForestConfig& config, size_t features);

  float predict(std::span<const float> x) const;
  void learn(std::span<const float> x, float label);
  uint64_t replaced() const { return replaced_; }  // Trees that gave way to their successors.
  size_t bytes() const;
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  using Fill = std::array<uint16_t, BinEdges::kBins>;  // Of the recent examples: how many in each bin.
  struct Member {
    std::unique_ptr<AdaptiveTree> tree, next;
    Adwin warning, drift;
    double error = 0.25, next_error = 0.25;  // Decayed means.
    uint32_t generation = 0;
  };
  std::unique_ptr<AdaptiveTree> plant(size_t member, uint32_t generation) const;
  void sample(std::span<const float> x);
  void renew_edges();
  void renew_feature(size_t feature);
  void renew_stale();
  Fill fill_of(size_t feature) const;
  void learn_member(size_t member, std::span<const float> x, float label, float weight);

  const ForestConfig config_;
  const size_t features_;
  std::vector<Member> members_;
  BinEdges edges_;
  std::vector<Fill> filled_;   // When the edges were made, by feature.
  std::vector<float> recent_;  // The last kRecent examples, a ring of rows.
  std::vector<uint8_t> bins_;
  uint64_t seen_ = 0;
  uint64_t renew_at_ = 200;
  uint64_t replaced_ = 0;
};

}  // namespace freshet
