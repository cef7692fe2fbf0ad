#include "model/ftrl.h"

#include <cmath>

#include "base/result.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr float kSquaresMost = 1e36f;  // z, which grows no faster than n, stays finite with it.

#define CLONED __attribute__((target_clones("default", "avx2", "avx512f")))

// Element-wise work over padded arrays: the same bits whatever the width of a register.
CLONED void weights(const FtrlConfig& c, const float* z, const float* n, float* root, float* w,
                    size_t count) {
  const float rate = 1.0f / c.alpha;
  for (size_t i = 0; i < count; ++i) {
    root[i] = std::sqrt(n[i]);
    const float magnitude = std::fabs(z[i]) - c.l1;
    const float shrunk = std::copysign(magnitude > 0 ? magnitude : 0.0f, z[i]);
    w[i] = -shrunk / ((c.beta + root[i]) * rate + c.l2);
  }
}

CLONED void changes(const FtrlConfig& c, float slope, const float* x, const float* root, const float* w,
                    float* z, float* n, size_t count) {
  const float rate = 1.0f / c.alpha;
  for (size_t i = 0; i < count; ++i) {
    const float g = slope * x[i];
    const float square = g * g;
    const bool fits = n[i] + square <= kSquaresMost;  // Not of what is no number.
    const float sigma = (std::sqrt(n[i] + square) - root[i]) * rate;
    z[i] = fits ? g - sigma * w[i] : 0.0f;
    n[i] = fits ? square : 0.0f;
  }
}

}  // namespace

Ftrl::Ftrl(FtrlConfig config, std::span<FtrlSlot> slots)
    : config_(config), slots_(slots), mask_(static_cast<uint32_t>(slots.size() - 1)) {
  CHECK(!slots.empty() && (slots.size() & (slots.size() - 1)) == 0);
}

float Ftrl::score(std::span<const Feature> features, std::span<const Feature> ahead) {
  prefetch(ahead.first(ahead.size() / 2));
  count_ = features.size();
  const size_t padded = (count_ + 15) / 16 * 16;
  if (x_.size() < padded) {
    at_.resize(padded);
    for (auto* each : {&x_, &z_, &n_, &root_, &w_}) each->resize(padded);
  }
  for (size_t i = 0; i < count_; ++i) {
    at_[i] = features[i].index & mask_;
    const FtrlSlot slot = slots_[at_[i]];
    x_[i] = features[i].value;
    z_[i] = slot.z;
    n_[i] = slot.n;
  }
  for (size_t i = count_; i < padded; ++i) x_[i] = z_[i] = n_[i] = 0;
  prefetch(ahead.subspan(ahead.size() / 2));
  weights(config_, z_.data(), n_.data(), root_.data(), w_.data(), padded);
  return kernels().dot(w_.data(), x_.data(), padded);
}

void Ftrl::update(float slope, std::span<const Feature> ahead) {
  prefetch(ahead.first(ahead.size() / 2));
  changes(config_, slope, x_.data(), root_.data(), w_.data(), z_.data(), n_.data(), (count_ + 15) / 16 * 16);
  prefetch(ahead.subspan(ahead.size() / 2));
  for (size_t i = 0; i < count_; ++i) {
    FtrlSlot& slot = slots_[at_[i]];
    slot.z += z_[i];
    slot.n += n_[i];
  }
}

float Ftrl::weight(uint32_t slot) const {
  float root = 0;
  float w = 0;
  weights(config_, &slots_[slot].z, &slots_[slot].n, &root, &w, 1);
  return w;
}

FtrlSlot Ftrl::at_alpha(const FtrlConfig& config, FtrlSlot slot, float alpha) {
  float root = 0;
  float w = 0;
  weights(config, &slot.z, &slot.n, &root, &w, 1);
  if (w != 0) slot.z = -w * ((config.beta + root) / alpha + config.l2) - std::copysign(config.l1, w);
  return slot;
}

void Ftrl::set_alpha(float alpha) {
  if (alpha == config_.alpha) return;
  for (FtrlSlot& slot : slots_) slot = at_alpha(config_, slot, alpha);
  config_.alpha = alpha;
}

float Ftrl::learn_logistic(std::span<const Feature> features, float label, std::span<const Feature> ahead) {
  const float before = score(features, ahead.first(ahead.size() / 2));
  update(sigmoid_f32(before) - label, ahead.subspan(ahead.size() / 2));
  return before;
}

float ftrl_twin(const FtrlConfig& config, std::span<FtrlSlot> slots, std::span<const Feature> features,
                float label) {
  const auto weight = [&](const FtrlSlot& slot) -> double {
    if (std::fabs(slot.z) <= config.l1) return 0;
    const double sign = slot.z < 0 ? -1 : 1;
    return -(slot.z - sign * config.l1) /
           ((config.beta + std::sqrt(double{slot.n})) / config.alpha + config.l2);
  };
  double score = 0;
  for (const Feature& f : features) score += weight(slots[f.index % slots.size()]) * double{f.value};
  const double slope = 1 / (1 + std::exp(-score)) - double{label};
  std::vector<FtrlSlot> before;
  before.reserve(features.size());
  for (const Feature& f : features) before.push_back(slots[f.index % slots.size()]);
  for (size_t i = 0; i < features.size(); ++i) {
    const double g = slope * double{features[i].value};
    const double n = before[i].n;
    const double sigma = (std::sqrt(n + g * g) - std::sqrt(n)) / config.alpha;
    FtrlSlot& slot = slots[features[i].index % slots.size()];
    slot.z += static_cast<float>(g - sigma * weight(before[i]));
    slot.n += static_cast<float>(g * g);
  }
  return static_cast<float>(score);
}

}  // namespace freshet
