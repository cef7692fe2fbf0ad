// The tree against one that keeps all examples and finds its splits by trying every threshold; the forest
// against its definition, and on concepts that flip and that do not.
#include "model/adaptive_tree.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "model/adaptive_forest.h"

namespace freshet {
namespace {

struct Example {
  std::vector<float> x;
  double label = 0, weight = 0;
};

double variance_of(const std::vector<const Example*>& of) {
  double n = 0, mean = 0, sum = 0;
  for (const Example* one : of) {
    n += one->weight;
    mean += one->weight * one->label;
  }
  if (n == 0) return 0;
  mean /= n;
  for (const Example* one : of) sum += one->weight * (one->label - mean) * (one->label - mean);
  return sum / n;
}
double weight_of(const std::vector<const Example*>& of) {
  double n = 0;
  for (const Example* one : of) n += one->weight;
  return n;
}

// The tree of the paper, slowly: leaves are lists of what came to them.
class SlowTree {
 public:
  SlowTree(const TreeConfig& config, std::vector<uint16_t> features, const BinEdges& edges)
      : config_(config), features_(std::move(features)), edges_(edges) {}

  double predict(const std::vector<float>& x) const {
    double estimate = root_.n > 0 ? root_.sum / root_.n : 0;
    for (const Node* at = &root_;;) {
      estimate = (at->sum + config_.lean * estimate) / (at->n + config_.lean);
      if (at->left == nullptr) return estimate;
      at = at->side(x);
    }
  }
  bool learn(const std::vector<float>& x, double label, double weight) {
    Node* at = &root_;
    for (;; at = at->side(x)) {
      const double keep = 1 - (1 - static_cast<double>(config_.fade)) * weight;
      at->n = at->n * keep + weight;
      at->sum = at->sum * keep + weight * label;
      if (at->left == nullptr) break;
    }
    at->all.push_back({x, label, weight});
    at->waited += weight;
    if (at->waited < config_.grace || at->depth >= config_.depth_max || nodes_ + 2 > config_.nodes_max)
      return false;
    at->waited = 0;
    return try_split(*at);
  }
  size_t nodes() const { return nodes_; }

 private:
  struct Node {
    std::vector<Example> all;
    double n = 0, sum = 0, waited = 0;
    uint32_t depth = 0;
    uint16_t feature = 0;
    float threshold = 0;
    std::unique_ptr<Node> left, right;
    Node* side(const std::vector<float>& x) const {  // What is missing goes right.
      return x[feature] <= threshold ? left.get() : right.get();
    }
  };
  // The share of the variance that is gone when each side is told by its own mean.
  static double explained(const Node& leaf, uint16_t feature, float threshold) {
    std::vector<const Example*> all, sides[2];
    for (const Example& one : leaf.all) {
      all.push_back(&one);
      sides[one.x[feature] <= threshold ? 0 : 1].push_back(&one);
    }
    const double left = weight_of(sides[0]), right = weight_of(sides[1]), variance = variance_of(all);
    if (left < 8 || right < 8 || variance <= 1e-6) return 0;
    return 1 - (left * variance_of(sides[0]) + right * variance_of(sides[1])) / (left + right) / variance;
  }
  bool try_split(Node& leaf) {
    double best = 0, n = 0, tried = 0;
    uint16_t feature = 0;
    float threshold = 0;
    for (const Example& one : leaf.all) n += one.weight;
    for (const uint16_t f : features_)
      for (const float edge : edges_.of[f]) {
        ++tried;
        if (const double merit = explained(leaf, f, edge); merit > best) {
          best = merit;
          feature = f;
          threshold = edge;
        }
      }
    const double chi_square = n / (1 + static_cast<double>(config_.lambda)) * best / std::max(1 - best, 1e-9);
    if (chi_square < 2 * std::log(tried / static_cast<double>(config_.delta))) return false;
    leaf.feature = feature;
    leaf.threshold = threshold;
    leaf.left = std::make_unique<Node>();
    leaf.right = std::make_unique<Node>();
    for (const Example& one : leaf.all) {
      Node& into = *leaf.side(one.x);
      into.n += one.weight;
      into.sum += one.weight * one.label;
    }
    for (Node* child : {leaf.left.get(), leaf.right.get()}) {
      child->depth = leaf.depth + 1;
      const double cap = std::min(child->n, 300.0);
      child->sum *= cap / child->n;
      child->n = cap;
    }
    leaf.all.clear();
    nodes_ += 2;
    return true;
  }
  const TreeConfig config_;
  const std::vector<uint16_t> features_;
  const BinEdges& edges_;
  Node root_;
  size_t nodes_ = 1;
};

BinEdges edges_of(size_t features) {
  BinEdges edges;
  edges.of.resize(features);
  for (size_t f = 0; f < features; ++f)
    for (int e = 1; e <= 20; ++e)
      edges.of[f].push_back(static_cast<float>(e) / 21 + 0.001f * static_cast<float>(f));
  return edges;
}

std::vector<uint8_t> bins_of(const std::vector<float>& x, const BinEdges& edges) {
  std::vector<uint8_t> bins;
  for (size_t f = 0; f < x.size(); ++f) bins.push_back(edges.bin(f, x[f]));
  return bins;
}

// By its distribution function.
int poisson_at(double u, double lambda) {
  int k = 0;
  double p = std::exp(-lambda), below = p;
  while (u >= below && k < 20) {
    p *= lambda / ++k;
    below += p;
  }
  return k;
}

TEST(AdaptiveTree, SplitsWhereTheOneThatKeepsEverythingDoes) {
  struct Case {
    const char* what;
    double (*chance)(const std::vector<float>& x);
    bool numbers;
  };
  const Case cases[] = {
      {"one feature", [](const std::vector<float>& x) { return x[1] > 0.4f ? 0.8 : 0.1; }, false},
      {"two after one another",
       [](const std::vector<float>& x) { return x[0] > 0.5f ? (x[2] > 0.3f ? 0.9 : 0.2) : 0.4; }, false},
      {"what is missing", [](const std::vector<float>& x) { return std::isnan(x[3]) ? 0.9 : 0.3; }, false},
      {"numbers",
       [](const std::vector<float>& x) { return static_cast<double>(x[1] + (x[2] > 0.6f ? 1 : 0)); }, true},
      {"nothing", [](const std::vector<float>&) { return 0.5; }, false},
  };
  const BinEdges edges = edges_of(4);
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    const TreeConfig config{.nodes_max = 41};
    AdaptiveTree tree(config, {0, 1, 2, 3});
    SlowTree slow(config, {0, 1, 2, 3}, edges);
    Draw draw(21);
    size_t grown = 0;
    for (int n = 0; n < 4000; ++n) {
      std::vector<float> x;
      for (int f = 0; f < 4; ++f) x.push_back(static_cast<float>(draw.uniform()));
      if (draw.below(4) == 0) x[3] = std::nanf("");
      const double label = one.numbers                      ? one.chance(x) + draw.uniform() - 0.5
                           : draw.uniform() < one.chance(x) ? 1
                                                            : 0;
      const auto weight = static_cast<double>(1 + draw.below(3));
      ASSERT_NEAR(tree.predict(x), slow.predict(x), 2e-3) << n;
      const bool grows =
          tree.learn(x, bins_of(x, edges), edges, static_cast<float>(label), static_cast<float>(weight));
      ASSERT_EQ(grows, slow.learn(x, label, weight)) << n;
      grown += grows ? 1 : 0;
      ASSERT_EQ(tree.nodes(), slow.nodes());
    }
    if (one.chance(std::vector<float>(4, 0.0f)) != 0.5) {
      EXPECT_GE(grown, 1u);
    }
  }
}

// Where the label has nothing to do with the features, a look splits with a chance of at most delta.
TEST(AdaptiveTree, SeldomSplitsWhereThereIsNothingToSplit) {
  const BinEdges edges = edges_of(4);
  for (const float lambda : {0.0f, 6.0f}) {
    TreeConfig config{.lambda = lambda};
    config.grace = 100 * std::max(lambda, 1.0f);
    int split = 0;
    constexpr int kTrees = 2000;
    for (int t = 0; t < kTrees; ++t) {
      AdaptiveTree tree(config, {0, 1, 2, 3});
      Draw draw(mix64(77, static_cast<uint64_t>(t)));
      bool grown = false;
      for (float seen = 0; seen < config.grace;) {  // One look, at the end.
        const std::vector<float> x = {static_cast<float>(draw.uniform()), static_cast<float>(draw.uniform()),
                                      static_cast<float>(draw.uniform()), static_cast<float>(draw.uniform())};
        const auto weight =
            lambda == 0 ? 1.0f : static_cast<float>(poisson_at(draw.uniform(), static_cast<double>(lambda)));
        const float label = draw.uniform() < 0.3 ? 1.0f : 0.0f;
        if (weight > 0) grown = tree.learn(x, bins_of(x, edges), edges, label, weight) || grown;
        seen += weight;
      }
      split += grown ? 1 : 0;
    }
    EXPECT_LE(split, kTrees / 20) << "lambda " << lambda;
    EXPECT_GT(split, 0) << "lambda " << lambda << ": the test can see a split";
  }
}

// n R / (1 - R) has to reach 2 ln(40 / .05) = 13.4, whatever a second feature says.
TEST(AdaptiveTree, SplitsWhenABetterAnswerIsSure) {
  struct Case {
    const char* what;
    double likely;  // That the label is on the side of the feature.
    bool twice;     // The second feature is the same.
    int from, to;   // Examples when it splits; attempts come every 20.
  };
  const Case cases[] = {{"certain", 1, false, 20, 20},
                        {"certain, and equals", 1, true, 20, 20},
                        {"R about .25", 0.75, true, 20, 140},
                        {"R about .04", 0.6, false, 100, 900}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    TreeConfig config{.lambda = 0};
    config.grace = 20;
    AdaptiveTree tree(config, {0, 1});
    const BinEdges edges = edges_of(2);
    Draw draw(2);
    int grown_at = 0;
    for (int n = 1; grown_at == 0 && n < 5000; ++n) {
      const float side = draw.below(2) != 0 ? 0.9f : 0.1f;
      const float other = draw.below(2) != 0 ? 0.9f : 0.1f;
      const bool agrees = draw.uniform() < one.likely;
      const std::vector<float> x = {side, one.twice ? side : other};
      if (tree.learn(x, bins_of(x, edges), edges, (side > 0.5f) == agrees ? 1.0f : 0.0f, 1)) grown_at = n;
    }
    EXPECT_GE(grown_at, one.from);
    EXPECT_LE(grown_at, one.to);
  }
}

// A forest of three trees whose concept stands still, made of single trees by the paper's words.
TEST(AdaptiveForest, IsItsTreesWeighedByTheirErrors) {
  constexpr size_t kTrees = 3, kFeatures = 4;
  const ForestConfig config{.trees = kTrees, .seed = 5};
  AdaptiveForest forest(config, kFeatures);
  std::vector<std::unique_ptr<AdaptiveTree>> trees;
  std::vector<double> errors(kTrees, 0.25);
  for (size_t m = 0; m < kTrees; ++m) {
    std::vector<uint16_t> chosen;
    Draw draw(mix64(mix64(config.seed, m), 0));
    for (uint16_t f = 0; f < kFeatures; ++f)
      if (draw.uniform() < config.features_share) chosen.push_back(f);
    if (chosen.empty()) chosen.push_back(static_cast<uint16_t>(draw.below(kFeatures)));
    trees.push_back(std::make_unique<AdaptiveTree>(config.tree, chosen));
  }
  BinEdges edges;
  edges.of.resize(kFeatures);
  std::vector<std::vector<float>> seen;
  Draw draw(8);
  for (uint64_t n = 1; n <= 1500; ++n) {
    std::vector<float> x;
    for (size_t f = 0; f < kFeatures; ++f) x.push_back(static_cast<float>(draw.uniform()));
    const float label = draw.uniform() < (x[0] > 0.5f ? 0.8 : 0.2) ? 1.0f : 0.0f;
    double sum = 0, all = 0;
    for (size_t m = 0; m < kTrees; ++m) {
      const double w = 1 / (errors[m] + 0.01);
      sum += w * static_cast<double>(trees[m]->predict(x));
      all += w;
    }
    ASSERT_NEAR(forest.predict(x), sum / all, 1e-5) << n;
    seen.push_back(x);
    if (n == 200 || n == 1000) {
      for (size_t f = 0; f < kFeatures; ++f) {
        std::vector<float> values;
        for (const auto& one : seen) values.push_back(one[f]);
        std::sort(values.begin(), values.end());
        edges.of[f].clear();
        for (size_t e = 1; e <= BinEdges::kBins - 2; ++e)
          edges.of[f].push_back(values[e * values.size() / (BinEdges::kBins - 1)]);
      }
      for (auto& tree : trees) tree->forget_bins();
    }
    for (size_t m = 0; m < kTrees; ++m) {
      const double apart = static_cast<double>(label) - static_cast<double>(trees[m]->predict(x));
      errors[m] += 0.002 * (std::min(apart * apart, 1.0) - errors[m]);
      const double u = Draw(mix64(mix64(config.seed, m + 1000), n)).uniform();
      const int k = poisson_at(u, static_cast<double>(config.tree.lambda));
      if (k > 0) trees[m]->learn(x, bins_of(x, edges), edges, label, static_cast<float>(k));
    }
    forest.learn(x, label);
    ASSERT_EQ(forest.replaced(), 0u) << n;
  }
}

double error_over(AdaptiveForest& forest, Draw& draw, int examples, bool flipped) {
  double sum = 0;
  for (int n = 0; n < examples; ++n) {
    std::vector<float> x;
    for (int f = 0; f < 4; ++f) x.push_back(static_cast<float>(draw.uniform()));
    const bool likely = (x[0] > 0.5f) != flipped;
    const float label = draw.uniform() < (likely ? 0.9 : 0.1) ? 1.0f : 0.0f;
    const double apart = static_cast<double>(label) - static_cast<double>(forest.predict(x));
    sum += apart * apart;
    forest.learn(x, label);
  }
  return sum / examples;
}

// The variance of the labels themselves is .09; who knows nothing has .25, who believes the old concept .73.
TEST(AdaptiveForest, TreesGiveWayWhenTheConceptFlipsAndOnlyThen) {
  const ForestConfig config{.trees = 8, .features_share = 1, .seed = 3};
  AdaptiveForest steady(config, 4);
  Draw draw(31);
  error_over(steady, draw, 3000, false);
  EXPECT_LT(error_over(steady, draw, 1000, false), 0.105);
  error_over(steady, draw, 8000, false);
  EXPECT_EQ(steady.replaced(), 0u) << "nothing has changed";

  AdaptiveForest forest(config, 4);
  Draw same(31);
  error_over(forest, same, 4000, false);
  const uint64_t before = forest.replaced();
  const double at_once = error_over(forest, same, 200, true);
  EXPECT_GT(at_once, 0.2) << "it did believe the old concept";
  error_over(forest, same, 3000, true);
  EXPECT_GE(forest.replaced(), before + config.trees / 2);
  EXPECT_LT(error_over(forest, same, 1000, true), 0.105) << "as good as before";

  ForestConfig deaf = config;  // Without alarms the same trees have to be talked round.
  deaf.warning_delta = deaf.drift_delta = 1e-300;
  AdaptiveForest stubborn(deaf, 4);
  Draw once_more(31);
  error_over(stubborn, once_more, 4000, false);
  error_over(stubborn, once_more, 200, true);
  EXPECT_EQ(stubborn.replaced(), 0u);
}

// The range of a feature moves after its bins were made: they are made anew, and not at the next power of
// five.
TEST(AdaptiveForest, FollowsAFeatureWhoseRangeMoves) {
  for (const float to : {10.0f, 0.0f}) {  // [10, 11]; within the old range, [0.5, 0.502]
    AdaptiveForest forest({.trees = 6}, 4);
    double sum = 0, n = 0;
    for (uint64_t i = 0; i < 60000; ++i) {
      Draw draw(mix64(9, i));
      float x[4];
      for (float& v : x) v = static_cast<float>(draw.uniform());
      const float y = x[0] > 0.5f ? 1.0f : 0.0f;
      if (i >= 26000)
        for (float& v : x) v = to > 0 ? v + to : 0.5f + 0.002f * v;
      if (i >= 50000) {
        const double off = static_cast<double>(y - forest.predict(x));
        sum += off * off;
        ++n;
      }
      forest.learn(x, y);
    }
    EXPECT_LT(sum / n, 0.03) << to << "; chance is .25";
  }
}

// A tree read back from bytes that lead outside, or in a ring, is refused.
TEST(AdaptiveTree, RefusesBytesThatLeadOutside) {
  struct Case {
    const char* what;
    uint16_t listed, feature;
    uint32_t left, stats, freed;
    bool good;
  };
  const Case cases[] = {
      {"as it should be", 0, 0, 1, 0, 0, true},
      {"a feature listed that there is not", 1, 0, 1, 0, 0, false},
      {"a node's feature that there is not", 0, 60000, 1, 0, 0, false},
      {"children that are their own parents", 0, 0, 2, 0, 0, false},
      {"children beyond the end", 0, 0, 4, 0, 0, false},
      {"children at the greatest number", 0, 0, UINT32_MAX, 0, 0, false},
      {"sums beyond the end", 0, 0, 1, 1, 0, false},
      {"freed sums beyond the end", 0, 0, 1, 0, 5'000'000, false},
  };
  for (const Case& c : cases) {
    Writer out;
    out.varint(1);
    out.array(&c.listed, 1);
    out.varint(5);
    for (uint32_t i = 0; i < 5; ++i) {
      const bool ring = c.left == 2 && i == 3;
      out.u16(i == 0 ? c.feature : 0);
      out.u16(0);
      out.f32(0);
      out.u32(i == 0 ? c.left : ring ? 1 : 0);
      out.u32(c.stats);
      for (int k = 0; k < 3; ++k) out.f32(0);
    }
    out.varint(BinEdges::kBins);
    for (uint32_t i = 0; i < 3 * BinEdges::kBins; ++i) out.f32(0);
    out.varint(1);
    out.array(&c.freed, 1);
    const std::string bytes = out.take();
    AdaptiveTree tree({}, {0});
    Reader in(bytes);
    tree.load(in, 1);
    EXPECT_EQ(in.ok(), c.good) << c.what;
  }
}

}  // namespace
}  // namespace freshet
