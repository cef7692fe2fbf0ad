// An incremental regression or probability tree over numeric features that splits a leaf as soon as the best
// split is surely better than none: Manapragada et al. 2018, "Extremely Fast Decision Tree", after Domingos
// and Hulten 2000, "Mining High-Speed Data Streams". Merit is the share R of the leaf's variance that a split
// explains (Ikonomovska et al. 2011, "Learning model trees from evolving data streams"), so that labels 0/1
// (where variance is half of Gini's impurity) and numbers are one case. Sure: of a threshold that means
// nothing n R / (1 - R) is a chi-square of one degree, which exceeds c with a chance below exp(-c / 2); with
// T thresholds tried c is 2 ln(T / delta). Hoeffding's bound, which knows no variances, asks for six times
// the examples (docs/decisions/0176-trees-split-when-sure.md).
//
// A leaf keeps, for the features of its tree, sums by quantile bin (the forest's bins, adaptive_forest.h; of
// each feature since its edges were last renewed); a node keeps the threshold itself. Estimates fade (half of
// the weight after ~2,300, some 385 examples) and lean on the parent's: a leaf is (sum + k parent) / (n + k).
// Missing values (NaN) go right.
//
// A split that was made stays: splits are not looked at again as in EFDT. What has become wrong is replaced
// with its whole tree, by the forest (docs/decisions/0155-splits-stay.md). Threads: one. Cost: depth +
// features of the tree. Twin: in the test, one that keeps all examples.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace freshet {

struct TreeConfig {
  float lambda = 6;      // Mean of the Poisson weights: w of weight tell as much as w / (1 + lambda) rows.
  float grace = 180;     // Weight between attempts to split a leaf.
  float delta = 0.05f;   // Chance that a look splits where there is nothing to split.
  float fade = 0.9997f;  // A unit of weight leaves this much of a leaf's estimate.
  float lean = 4;        // Weight of the parent's estimate.
  uint32_t nodes_max = 1023;
  uint32_t depth_max = 16;
};

// Quantile edges of every feature; bin b of x is the number of edges < x; NaN is the last bin.
struct BinEdges {
  static constexpr uint32_t kBins = 32;
  std::vector<std::vector<float>> of;  // At most kBins - 2 edges each, ascending.
  uint8_t bin(size_t feature, float x) const;
};

class AdaptiveTree {
 public:
  AdaptiveTree(const TreeConfig& config, std::vector<uint16_t> features);

  float predict(std::span<const float> x) const;  // The estimated mean label.
  // `bins` are those of x under `edges`. True: the tree has grown.
  bool learn(std::span<const float> x, std::span<const uint8_t> bins, const BinEdges& edges, float label,
             float weight);
  void forget_bins();                // The edges have changed: leaves count afresh, estimates stay.
  void forget_bins(size_t feature);  // Those of one feature.
  size_t nodes() const { return nodes_.size(); }
  size_t bytes() const;
  void save(Writer& out) const;
  void load(Reader& in, size_t features);  // Of an example. Nothing read back leads outside.

 private:
  struct Sums {
    float n = 0, sum = 0, squares = 0;
  };
  struct Split {
    float merit = 0;  // n R / (1 - R)
    uint16_t feature_index = 0;
    uint32_t bin = 0;
  };
  struct Node {
    uint16_t feature = 0;
    uint16_t depth = 0;
    float threshold = 0;
    uint32_t left = 0;  // 0: a leaf; else children left and left + 1, which come after their parent
    uint32_t stats = 0;
    float n = 0, sum = 0;  // Faded estimate.
    float waited = 0;
  };
  bool try_split(uint32_t leaf, const BinEdges& edges);
  Split best_split(const Sums* bins, size_t cuts) const;  // Of one feature.
  bool leads_nowhere_else(size_t features) const;
  void split(uint32_t leaf, uint16_t feature_index, uint32_t bin, const BinEdges& edges);
  uint32_t new_stats();
  Sums* sums(uint32_t stats) { return stats_.data() + size_t{stats} * features_.size() * BinEdges::kBins; }

  const TreeConfig config_;
  std::vector<uint16_t> features_;  // Which features this tree may split on.
  std::vector<Node> nodes_;
  std::vector<Sums> stats_;           // Blocks of features x bins.
  std::vector<uint32_t> free_stats_;  // Blocks of leaves that were split.
};

}  // namespace freshet
