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

AdaptiveTree::Split AdaptiveTree::best_split(const Sums* bins, size_t cuts) const {
  Split best;
  Sums all;
  for (uint32_t b = 0; b < BinEdges::kBins; ++b) {
    all.n += bins[b].n;
    all.sum += bins[b].sum;
    all.squares += bins[b].squares;
  }
  if (all.n < config_.grace) return best;
  const float variance = all.squares / all.n - (all.sum / all.n) * (all.sum / all.n);
  if (variance <= 1e-6f) return best;
  float most = 0;
  float n = 0;
  float sum = 0;
  for (uint32_t b = 0; b < cuts; ++b) {
    n += bins[b].n;
    sum += bins[b].sum;
    const float rest = all.n - n;
    if (n < 8 || rest < 8) continue;
    const float apart = sum / n - (all.sum - sum) / rest;
    const float explained = (n / all.n) * (rest / all.n) * apart * apart / variance;
    if (explained > most) {
      most = explained;
      best.bin = b;
    }
  }
  const float examples = all.n / (1 + config_.lambda);
  best.merit = examples * most / std::max(1 - most, 1e-6f);
  return best;
}

bool AdaptiveTree::try_split(uint32_t at, const BinEdges& edges) {
  const Sums* block = sums(nodes_[at].stats);
  Split best;
  size_t tried = 0;
  for (size_t f = 0; f < features_.size(); ++f) {
    const size_t cuts = edges.of[features_[f]].size();
    tried += cuts;
    const Split split = best_split(block + f * BinEdges::kBins, cuts);
    if (split.merit > best.merit) best = {split.merit, static_cast<uint16_t>(f), split.bin};
  }
  const float sure = 2 * log_f32(static_cast<float>(tried) / config_.delta);
  if (best.merit <= 0 || best.merit < sure) return false;
  split(at, best.feature_index, best.bin, edges);
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

void AdaptiveTree::forget_bins(size_t feature) {
  const auto at = std::find(features_.begin(), features_.end(), feature);
  if (at == features_.end()) return;
  const size_t block = features_.size() * BinEdges::kBins;
  const auto offset = static_cast<size_t>(at - features_.begin()) * BinEdges::kBins;
  for (size_t from = offset; from < stats_.size(); from += block)
    std::fill_n(stats_.begin() + static_cast<std::ptrdiff_t>(from), BinEdges::kBins, Sums{});
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

void AdaptiveTree::load(Reader& in, size_t features) {
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
  if (!in.ok() || !leads_nowhere_else(features)) in.fail();
}

// Every index that was read back is within what it is an index of, and no path through the nodes is a ring.
bool AdaptiveTree::leads_nowhere_else(size_t features) const {
  const auto known = [&](uint16_t feature) { return feature < features; };
  if (nodes_.empty() || features_.empty() || features_.size() > features) return false;
  if (!std::all_of(features_.begin(), features_.end(), known)) return false;
  const size_t block = features_.size() * BinEdges::kBins;
  const size_t blocks = stats_.size() / block;
  if (stats_.size() % block != 0) return false;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (!known(node.feature) || node.stats >= blocks) return false;
    if (node.left != 0 && (node.left <= i || size_t{node.left} + 1 >= nodes_.size())) return false;
  }
  return std::all_of(free_stats_.begin(), free_stats_.end(), [&](uint32_t at) { return at < blocks; });
}

}  // namespace freshet
