// What a score alone is worth: logistic regression on (1, score, ln(1 + place)) with a Gaussian over the
// three, learned one example at a time by the extended Kalman filter (as rank/gauss_weights.h, with the full
// covariance; taken: of a zero that this 1 takes back, as there). The ranker starts from it, and only what is
// known beyond it changes an order. Variances grow by `drift` at a lesson, up to 4 of their first values:
// what nothing is learned of (a base that is never known) must not wind up until one lesson can move it
// anywhere.
//
// Threads: one; a copy may be read by any. Cost: 30 ns an example.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.h"
#include "model/math.h"

namespace freshet {

class PlainModel {
 public:
  static constexpr size_t kSize = 3;
  static constexpr size_t kWords = 2 * kSize + kSize * kSize;  // As it is saved: doubles.
  using Row = std::array<double, kSize>;

  PlainModel() = default;
  PlainModel(const Row& mean, const Row& deviation) : mean_(mean) {
    for (size_t i = 0; i < kSize; ++i) {
      variance_[i * kSize + i] = deviation[i] * deviation[i];
      drift_[i] = kDrift * variance_[i * kSize + i];
    }
  }

  // base: NaN: not known, taken as `usual` (what the base mostly is).
  static Row row(double base, double usual, double place) {
    const float ln = log_f32(static_cast<float>(1 + place));
    return {1, std::isnan(base) ? usual : base, static_cast<double>(ln)};
  }
  double logit(const Row& x) const { return mean_[0] * x[0] + mean_[1] * x[1] + mean_[2] * x[2]; }
  double slope() const { return mean_[1]; }

  void learn(const Row& x, double label, double weight, double taken = 0) {
    for (size_t i = 0; i < kSize; ++i) {
      double& variance = variance_[i * kSize + i];
      const double most = kPriorsMost / kDrift * drift_[i];
      if (variance < most) variance = std::min(variance + drift_[i], most);
    }
    Row v{};
    double along = 0;
    for (size_t i = 0; i < kSize; ++i) {
      for (size_t j = 0; j < kSize; ++j) v[i] += variance_[i * kSize + j] * x[j];
      along += v[i] * x[i];
    }
    const double p = static_cast<double>(sigmoid_f32(static_cast<float>(logit(x))));
    const double h = weight * p * (1 - p), down = 1 / (1 + h * along);
    const double step = (weight * (label - p) + taken * (label > 0 ? p : p - 1)) * down;
    const double shrink = weight > 0 ? h * down * std::max(0.0, 1 - taken / weight) : 0;
    for (size_t i = 0; i < kSize; ++i) mean_[i] += v[i] * step;
    for (size_t i = 0; i < kSize; ++i)
      for (size_t j = 0; j < kSize; ++j) variance_[i * kSize + j] -= v[i] * v[j] * shrink;
  }

  void save(Writer& out) const {
    out.array(mean_.data(), mean_.size());
    out.array(drift_.data(), drift_.size());
    out.array(variance_.data(), variance_.size());
  }
  void load(Reader& in) {
    in.array(mean_.data(), mean_.size());
    in.array(drift_.data(), drift_.size());
    in.array(variance_.data(), variance_.size());
  }

 private:
  static constexpr double kDrift = 1e-5, kPriorsMost = 4;
  Row mean_{}, drift_{};
  std::array<double, kSize * kSize> variance_{};
};

}  // namespace freshet
