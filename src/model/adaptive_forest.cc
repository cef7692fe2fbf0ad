#include "model/adaptive_forest.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/result.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kRecent = 2048;
constexpr double kStale = 0.4;  // Of the examples, in other bins than when they were made; by chance .05.
constexpr uint64_t kStaleEvery = kRecent / 2,
                   kStaleFrom = 5000 + kRecent;  // Then all were made from kRecent.

// Poisson by inversion; the probabilities add up in one order.
float poisson(float lambda, double u) {
  double p = exp_f32(-lambda);
  double total = p;
  int k = 0;
  while (u >= total && k < 20) {
    p *= lambda / static_cast<double>(++k);
    total += p;
  }
  return static_cast<float>(k);
}

}  // namespace

AdaptiveForest::AdaptiveForest(const ForestConfig& config, size_t features)
    : config_(config), features_(features) {
  CHECK(features > 0 && features < 65536);
  edges_.of.resize(features);
  filled_.resize(features);
  bins_.resize(features);
  members_.resize(config.trees);
  for (size_t m = 0; m < members_.size(); ++m) {
    members_[m].tree = plant(m, 0);
    members_[m].warning = Adwin(config.warning_delta);
    members_[m].drift = Adwin(config.drift_delta);
  }
}

std::unique_ptr<AdaptiveTree> AdaptiveForest::plant(size_t member, uint32_t generation) const {
  std::vector<uint16_t> chosen;
  Draw draw(mix64(mix64(config_.seed, member), generation));
  for (size_t f = 0; f < features_; ++f)
    if (draw.uniform() < config_.features_share) chosen.push_back(static_cast<uint16_t>(f));
  if (chosen.empty()) chosen.push_back(static_cast<uint16_t>(draw.below(features_)));
  return std::make_unique<AdaptiveTree>(config_.tree, std::move(chosen));
}

float AdaptiveForest::predict(std::span<const float> x) const {
  float sum = 0;
  float weight = 0;
  for (const Member& member : members_) {
    const float w = 1 / static_cast<float>(member.error + 0.01);
    sum += w * member.tree->predict(x);
    weight += w;
  }
  return sum / weight;
}

void AdaptiveForest::sample(std::span<const float> x) {
  if (recent_.size() < kRecent * features_)
    recent_.insert(recent_.end(), x.begin(), x.end());
  else
    std::copy(x.begin(), x.end(), recent_.begin() + static_cast<std::ptrdiff_t>(seen_ % kRecent * features_));
}

void AdaptiveForest::renew_feature(size_t f) {
  const size_t rows = recent_.size() / features_;
  std::vector<float> values;
  for (size_t r = 0; r < rows; ++r)
    if (const float value = recent_[r * features_ + f]; !std::isnan(value)) values.push_back(value);
  std::sort(values.begin(), values.end());
  std::vector<float>& edges = edges_.of[f];
  edges.clear();
  constexpr size_t kEdges = BinEdges::kBins - 2;
  for (size_t e = 1; e <= kEdges && !values.empty(); ++e) {
    const float value = values[e * values.size() / (kEdges + 1)];
    if (value < values.back() && (edges.empty() || value > edges.back())) edges.push_back(value);
  }
  filled_[f] = fill_of(f);
}

void AdaptiveForest::renew_edges() {
  for (size_t f = 0; f < features_; ++f) renew_feature(f);
  for (Member& member : members_) {
    member.tree->forget_bins();
    if (member.next) member.next->forget_bins();
  }
}

AdaptiveForest::Fill AdaptiveForest::fill_of(size_t f) const {
  Fill fill{};
  for (size_t at = f; at < recent_.size(); at += features_) ++fill[edges_.bin(f, recent_[at])];
  return fill;
}

// Where a feature has moved, its bins say nothing of it: all examples may be in one.
void AdaptiveForest::renew_stale() {
  for (size_t f = 0; f < features_; ++f) {
    const Fill now = fill_of(f);
    size_t more = 0;  // Examples in bins that had fewer.
    for (size_t b = 0; b < now.size(); ++b)
      more += now[b] > filled_[f][b] ? size_t{now[b]} - filled_[f][b] : 0;
    if (static_cast<double>(more) < kStale * kRecent) continue;
    renew_feature(f);
    for (Member& member : members_) {
      member.tree->forget_bins(f);
      if (member.next) member.next->forget_bins(f);
    }
  }
}

void AdaptiveForest::learn(std::span<const float> x, float label) {
  sample(x);
  ++seen_;
  if (seen_ == renew_at_) {
    renew_edges();
    renew_at_ *= 5;
  } else if (seen_ >= kStaleFrom && seen_ % kStaleEvery == 0) {
    renew_stale();
  }
  for (size_t f = 0; f < features_; ++f) bins_[f] = edges_.bin(f, x[f]);
  for (size_t m = 0; m < members_.size(); ++m) {
    Draw draw(mix64(mix64(config_.seed, m + 1000), seen_));
    learn_member(m, x, label, poisson(config_.tree.lambda, draw.uniform()));
  }
}

void AdaptiveForest::learn_member(size_t m, std::span<const float> x, float label, float weight) {
  constexpr double kFade = 0.002;
  Member& member = members_[m];
  const auto error_of = [&](const AdaptiveTree& tree) {
    const double e = std::fabs(label - tree.predict(x));
    return std::min(e * e, 1.0);
  };
  const double error = error_of(*member.tree);
  member.error += kFade * (error - member.error);
  if (member.next) member.next_error += kFade * (error_of(*member.next) - member.next_error);
  const bool worse_warning =
      member.warning.add(error) && member.warning.mean() > member.warning.mean_before();
  const bool worse_drift = member.drift.add(error) && member.drift.mean() > member.drift.mean_before();
  if (worse_warning && !member.next) {
    member.next = plant(m, ++member.generation);
    member.next_error = member.error;
  }
  if (member.next && (worse_drift || member.next_error < 0.97 * member.error)) {
    member.tree = std::move(member.next);
    member.error = member.next_error;
    member.warning = Adwin(config_.warning_delta);
    member.drift = Adwin(config_.drift_delta);
    ++replaced_;
  }
  if (weight == 0) return;
  member.tree->learn(x, bins_, edges_, label, weight);
  if (member.next) member.next->learn(x, bins_, edges_, label, weight);
}

size_t AdaptiveForest::bytes() const {
  size_t bytes = recent_.capacity() * sizeof(float);
  for (const Member& member : members_)
    bytes += member.tree->bytes() + (member.next ? member.next->bytes() : 0);
  return bytes;
}

void AdaptiveForest::save(Writer& out) const {
  out.varint(features_);
  out.varint(members_.size());
  for (const Member& member : members_) {
    member.tree->save(out);
    out.u8(member.next ? 1 : 0);
    if (member.next) member.next->save(out);
    member.warning.save(out);
    member.drift.save(out);
    out.f64(member.error);
    out.f64(member.next_error);
    out.u32(member.generation);
  }
  for (size_t f = 0; f < features_; ++f) {
    out.varint(edges_.of[f].size());
    out.array(edges_.of[f].data(), edges_.of[f].size());
    out.array(filled_[f].data(), filled_[f].size());
  }
  out.varint(recent_.size());
  out.array(recent_.data(), recent_.size());
  out.u64(seen_);
  out.u64(renew_at_);
  out.u64(replaced_);
}

void AdaptiveForest::load(Reader& in) {
  if (in.varint() != features_ || in.varint() != members_.size()) return in.fail();
  for (size_t m = 0; m < members_.size(); ++m) {
    Member& member = members_[m];
    member.tree->load(in, features_);
    member.next = in.u8() != 0 ? plant(m, 0) : nullptr;
    if (member.next) member.next->load(in, features_);
    member.warning.load(in);
    member.drift.load(in);
    member.error = in.f64();
    member.next_error = in.f64();
    member.generation = in.u32();
    if (!in.ok()) return;
  }
  for (size_t f = 0; f < features_; ++f) {
    const uint64_t size = in.varint();
    if (size > BinEdges::kBins - 2) return in.fail();
    edges_.of[f].resize(size);
    in.array(edges_.of[f].data(), size);
    in.array(filled_[f].data(), filled_[f].size());
  }
  const uint64_t size = in.varint();
  if (size > kRecent * features_ || size % features_ != 0) return in.fail();
  recent_.resize(size);
  in.array(recent_.data(), size);
  seen_ = in.u64();
  renew_at_ = in.u64();
  replaced_ = in.u64();
}

}  // namespace freshet
