#include "model/adaptive_tree.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"

namespace freshet {

uint8_t BinEdges::bin(size_t feature, float x) const {
  if (std::isnan(x)) return kBins - 1;
  const std::vector<float>& edges = of[feature];
  return static_cast<uint8_t>(std::lower_bound(edges.begin(), edges.end(), x) - edges.begin());
}

AdaptiveTree::AdaptiveTree(const TreeConfig& config, std::vector<uint16_t> features)
    : config_(config), features_(std::move(features)) {
  nodes_.emplace_back();
  nodes_[0].stats = new_stats();
}

float AdaptiveTree::predict(std::span<const float> x) const {
  uint32_t at = 0;
  float estimate = nodes_[0].n > 0 ? nodes_[0].sum / nodes_[0].n : 0;
  for (;;) {
    const Node& node = nodes_[at];
    estimate = (node.sum + config_.lean * estimate) / (node.n + config_.lean);
    if (node.left == 0) return estimate;
    at = node.left + (x[node.feature] <= node.threshold ? 0 : 1);
  }
}

bool AdaptiveTree::learn(std::span<const float> x, std::span<const uint8_t> bins, const BinEdges& edges,
                         float label, float weight) {
  uint32_t at = 0;
  for (;;) {
    Node& node = nodes_[at];
    const float keep = 1 - (1 - config_.fade) * weight;
    node.n = node.n * keep + weight;
    node.sum = node.sum * keep + weight * label;
    if (node.left == 0) break;
    at = node.left + (x[node.feature] <= node.threshold ? 0 : 1);
  }
  Node& leaf = nodes_[at];
  Sums* block = sums(leaf.stats);
  const float sum = weight * label;
  const float square = sum * label;
  for (size_t f = 0; f < features_.size(); ++f) {
    Sums& cell = block[f * BinEdges::kBins + bins[features_[f]]];
    cell.n += weight;
    cell.sum += sum;
    cell.squares += square;
  }
  leaf.waited += weight;
  if (leaf.waited < config_.grace || leaf.depth >= config_.depth_max || nodes_.size() + 2 > config_.nodes_max)
    return false;
  leaf.waited = 0;
  return try_split(at, edges);
}

bool AdaptiveTree::try_split(uint32_t at, const BinEdges& edges) {
  const Sums* block = sums(nodes_[at].stats);
  Sums all;
  for (uint32_t b = 0; b < BinEdges::kBins; ++b) {
    all.n += block[b].n;
    all.sum += block[b].sum;
    all.squares += block[b].squares;
  }
  if (all.n < config_.grace) return false;
  const float variance = all.squares / all.n - (all.sum / all.n) * (all.sum / all.n);
  if (variance <= 1e-6f) return false;
  float best = 0;
  size_t best_feature = 0;
  uint32_t best_bin = 0;
  size_t tried = 0;
  for (size_t f = 0; f < features_.size(); ++f) {
    const Sums* bins = block + f * BinEdges::kBins;
    float n = 0;
    float sum = 0;
    const size_t cuts = edges.of[features_[f]].size();
    tried += cuts;
    for (uint32_t b = 0; b < cuts; ++b) {
      n += bins[b].n;
      sum += bins[b].sum;
      const float rest = all.n - n;
      if (n < 8 || rest < 8) continue;
      const float apart = sum / n - (all.sum - sum) / rest;
      const float explained = (n / all.n) * (rest / all.n) * apart * apart / variance;
      if (explained > best) {
        best = explained;
        best_feature = f;
        best_bin = b;
      }
    }
  }
  const float examples = all.n / (1 + config_.lambda);
  const float sure = 2 * log_f32(static_cast<float>(tried) / config_.delta);
  if (best <= 0 || examples * best < sure * (1 - best)) return false;
  split(at, static_cast<uint16_t>(best_feature), best_bin, edges);
  return true;
}

void AdaptiveTree::split(uint32_t at, uint16_t feature_index, uint32_t bin, const BinEdges& edges) {
  const Sums* bins = sums(nodes_[at].stats) + size_t{feature_index} * BinEdges::kBins;
  Sums side[2];
  for (uint32_t b = 0; b < BinEdges::kBins; ++b) {
    Sums& into = side[b <= bin ? 0 : 1];
    into.n += bins[b].n;
    into.sum += bins[b].sum;
  }
  const uint32_t left = static_cast<uint32_t>(nodes_.size());
  const uint16_t feature = features_[feature_index];
  free_stats_.push_back(nodes_[at].stats);
  for (const Sums& child : side) {
    Node node;
    node.depth = static_cast<uint16_t>(nodes_[at].depth + 1);
    node.stats = new_stats();
    const float cap = std::min(child.n, 300.0f);  // The start is evidence, but old.
    node.n = cap;
    node.sum = child.n > 0 ? child.sum / child.n * cap : 0;
    nodes_.push_back(node);
  }
  nodes_[at].feature = feature;
  nodes_[at].threshold = edges.of[feature][bin];
  nodes_[at].left = left;
}

uint32_t AdaptiveTree::new_stats() {
  const size_t size = features_.size() * BinEdges::kBins;
  if (!free_stats_.empty()) {
    const uint32_t block = free_stats_.back();
    free_stats_.pop_back();
    std::fill_n(sums(block), size, Sums{});
    return block;
  }
  stats_.resize(stats_.size() + size);
  return static_cast<uint32_t>(stats_.size() / size) - 1;
}

void AdaptiveTree::forget_bins() {
  std::fill(stats_.begin(), stats_.end(), Sums{});
  for (Node& node : nodes_) node.waited = 0;
}

size_t AdaptiveTree::bytes() const {
  return nodes_.capacity() * sizeof(Node) + stats_.capacity() * sizeof(Sums);
}

void AdaptiveTree::save(Writer& out) const {
  out.varint(features_.size());
  out.array(features_.data(), features_.size());
  out.varint(nodes_.size());
  for (const Node& node : nodes_) {
    out.u16(node.feature);
    out.u16(node.depth);
    out.f32(node.threshold);
    out.u32(node.left);
    out.u32(node.stats);
    out.f32(node.n);
    out.f32(node.sum);
    out.f32(node.waited);
  }
  out.varint(stats_.size());
  for (const Sums& cell : stats_) {
    out.f32(cell.n);
    out.f32(cell.sum);
    out.f32(cell.squares);
  }
  out.varint(free_stats_.size());
  out.array(free_stats_.data(), free_stats_.size());
}

void AdaptiveTree::load(Reader& in) {
  const auto sized = [&](auto& into, size_t bytes_each) {
    const uint64_t count = in.varint();
    if (count > in.remaining() / bytes_each) in.fail();
    into.resize(in.ok() ? count : 0);
  };
  sized(features_, 2);
  in.array(features_.data(), features_.size());
  sized(nodes_, 28);
  for (Node& node : nodes_) {
    node.feature = in.u16();
    node.depth = in.u16();
    node.threshold = in.f32();
    node.left = in.u32();
    node.stats = in.u32();
    node.n = in.f32();
    node.sum = in.f32();
    node.waited = in.f32();
  }
  sized(stats_, 12);
  for (Sums& cell : stats_) {
    cell.n = in.f32();
    cell.sum = in.f32();
    cell.squares = in.f32();
  }
  sized(free_stats_, 4);
  in.array(free_stats_.data(), free_stats_.size());
  for (const Node& node : nodes_)  // Nothing read back may lead outside.
    if (node.left + (node.left != 0 ? 1 : 0) >= nodes_.size() ||
        (size_t{node.stats} + 1) * features_.size() * BinEdges::kBins > stats_.size())
      in.fail();
  if (nodes_.empty()) in.fail();
}

}  // namespace freshet
