#include "rank/importance.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

constexpr double kKeeps = 1 - 1.0 / 32768;  // Of all sums, at each example looked at.
constexpr uint64_t kRowsMin = 1024;         // Examples that had the feature, before it is judged.

// Never judged: what is the same for all candidates of a page, or not known when it is ordered. The score's
// bends stay: without them the others would have to say what they say.
constexpr uint64_t bit(RankFeature feature) {
  return uint64_t{1} << static_cast<size_t>(feature);
}
constexpr uint64_t kStay = bit(RankFeature::kPageKind) | bit(RankFeature::kPageHour) |
                           bit(RankFeature::kPageKnown) | bit(RankFeature::kPageDevice) |
                           bit(RankFeature::kPageScenario) | bit(RankFeature::kPlace) |
                           bit(RankFeature::kScore) | bit(RankFeature::kScoreMissing);

double logistic_loss(double logit, double label) {
  const double x = std::clamp(label > 0 ? -logit : logit, -30.0, 30.0);
  return static_cast<double>(log_f32(1 + exp_f32(static_cast<float>(x))));
}

double plogp(double a, double of) {
  return a > 0 && of > 0 ? -a * static_cast<double>(log_f32(static_cast<float>(a / of))) : 0;
}

}  // namespace

void Importance::Mean::add(double x, double w) {
  weight = weight * kKeeps + w;
  sum = sum * kKeeps + w * x;
  squares = squares * kKeeps + w * x * x;
}

double Importance::Mean::deviation() const {
  if (weight <= 1) return 0;
  const double variance = std::max(0.0, squares / weight - mean() * mean());
  return std::sqrt(variance / weight);
}

void Importance::look(std::span<const uint32_t> row, std::span<const float> parts, double logit, double plain,
                      double label, double weight, TimeMs now_ms) {
  ++examples_;
  const double loss = logistic_loss(logit, label);
  whole_.add(logistic_loss(plain, label) - loss, weight);
  uint64_t had = 0;
  for (const uint32_t cell : row) had |= bit(feature_of(cell));
  for (size_t f = 0; f < kRankFeatures; ++f) {
    Feature& feature = features_[f];
    const bool there = (had >> f & 1) != 0;
    if (there) ++feature.looked;
    const auto part = there ? static_cast<double>(parts[f]) : 0.0;
    feature.ablation.add(part == 0 ? 0 : logistic_loss(logit - part, label) - loss, weight);
  }
  count(row, label, weight);
  if (++looked_ % kWindow == 0) decide(now_ms);
}

void Importance::count(std::span<const uint32_t> row, double label, double weight) {
  const auto w = static_cast<float>(weight);
  for (const uint32_t cell : row) {
    Feature& feature = features_[static_cast<size_t>(feature_of(cell))];
    const size_t bucket = index_of(cell) * 0x9e3779b1u % (1u << 24) * kBuckets >> 24;
    feature.shown[bucket] += w;
    if (label > 0) feature.clicked[bucket] += w;
  }
}

void Importance::decide(TimeMs now_ms) {
  const double least = kLeast * std::max(whole(), 0.0);
  for (size_t f = 0; f < kRankFeatures; ++f) {
    Feature& feature = features_[f];
    for (size_t b = 0; b < kBuckets; ++b) {  // What was long ago counts less.
      feature.shown[b] *= 0.875f;
      feature.clicked[b] *= 0.875f;
    }
    if ((kStay >> f & 1) != 0) continue;
    if ((retired_ >> f & 1) != 0) {
      if (examples_ - feature.retired_at < kAgain) continue;
      const uint64_t looked = feature.looked;
      feature = {};
      feature.looked = looked;
      change(f, false, now_ms, 0, least);
      continue;
    }
    const double most = feature.ablation.mean() + 2 * feature.ablation.deviation();
    const bool poor = feature.looked >= kRowsMin && whole() > 2 * whole_.deviation() && most < least;
    feature.proofs = poor ? feature.proofs + 1 : 0;
    if (feature.proofs >= kProofs) change(f, true, now_ms, most, least);
  }
  whole_.halve();
}

void Importance::change(size_t feature, bool retired, TimeMs now_ms, double worth, double least) {
  retired_ ^= uint64_t{1} << feature;
  features_[feature].proofs = 0;
  features_[feature].retired_at = retired ? examples_ : 0;
  if (changes_.size() == kChanges) changes_.erase(changes_.begin());
  changes_.push_back({static_cast<RankFeature>(feature), retired, now_ms, examples_, worth, least});
}

double Importance::whole() const {
  return whole_.mean();
}

Importance::Worth Importance::worth(RankFeature which) const {
  const Feature& feature = features_[static_cast<size_t>(which)];
  Worth out{.ablation = feature.ablation.mean(),
            .deviation = feature.ablation.deviation(),
            .looked = feature.looked};
  double shown = 0, clicked = 0, buckets = 0, left = 0;
  for (size_t b = 0; b < kBuckets; ++b) {
    const auto n = static_cast<double>(feature.shown[b]), c = static_cast<double>(feature.clicked[b]);
    if (n <= 0) continue;
    buckets += 1;
    shown += n;
    clicked += c;
    left += plogp(c, n) + plogp(n - c, n);
  }
  if (shown <= 1) return out;
  const double all = plogp(clicked, shown) + plogp(shown - clicked, shown);
  out.gain = std::max(0.0, (all - left) / shown - (buckets - 1) / (2 * shown));
  return out;
}

void Importance::save(Writer& out) const {
  const auto mean = [&](const Mean& one) {
    out.f64(one.weight);
    out.f64(one.sum);
    out.f64(one.squares);
  };
  mean(whole_);
  out.u64(retired_);
  out.u64(examples_);
  out.u64(looked_);
  out.varint(features_.size());
  for (const Feature& one : features_) {
    mean(one.ablation);
    out.array(one.shown.data(), kBuckets);
    out.array(one.clicked.data(), kBuckets);
    out.u32(one.proofs);
    out.u64(one.looked);
    out.u64(one.retired_at);
  }
  out.varint(changes_.size());
  for (const FeatureChange& one : changes_) {
    out.u8(static_cast<uint8_t>(one.feature));
    out.u8(one.retired ? 1 : 0);
    out.i64(one.time_ms);
    out.u64(one.examples);
    out.f64(one.worth);
    out.f64(one.least);
  }
}

Status Importance::load(Reader& in) {
  const auto mean = [&](Mean& one) {
    one.weight = in.f64();
    one.sum = in.f64();
    one.squares = in.f64();
  };
  mean(whole_);
  retired_ = in.u64();
  examples_ = in.u64();
  looked_ = in.u64();
  if (in.varint() != kRankFeatures || (retired_ & ~kAllFeatures) != 0)
    return corrupt("ranker: features of another version");
  for (Feature& one : features_) {
    mean(one.ablation);
    in.array(one.shown.data(), kBuckets);
    in.array(one.clicked.data(), kBuckets);
    one.proofs = in.u32();
    one.looked = in.u64();
    one.retired_at = in.u64();
  }
  const uint64_t changes = in.varint();
  if (changes > kChanges) return corrupt("ranker: more changes of features than there may be");
  changes_.clear();
  for (uint64_t i = 0; i < changes && in.ok(); ++i) {
    FeatureChange one;
    const uint8_t feature = in.u8();
    if (feature >= kRankFeatures) return corrupt("ranker: a feature that does not exist");
    one.feature = static_cast<RankFeature>(feature);
    one.retired = in.u8() != 0;
    one.time_ms = in.i64();
    one.examples = in.u64();
    one.worth = in.f64();
    one.least = in.f64();
    changes_.push_back(one);
  }
  return in.ok() ? Status() : Status(corrupt("ranker: importance cut short"));
}

}  // namespace freshet
