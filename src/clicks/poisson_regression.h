// Rates that multiply, learned one by one: clicks ~ Poisson(exposure * exp(w . x)), with a Gaussian over w.
//
// The logarithm of the likelihood is  clicks (w . x) - exposure exp(w . x): two terms that need not come
// together. An exposure is learned when an item is shown, a click when it comes, however late; nothing has to
// be taken back. Each is one step of the extended Kalman filter, which is the recursive Laplace approximation
// (West, Harrison, Migon 1985, "Dynamic generalized linear models and Bayesian forecasting"):
//   exposure e:  h = e exp(m . x);  S <- S - (S x)(S x)' h / (1 + h x' S x);  m <- m - S x h
//   click:       m <- m + S x
// S grows by 1e-6 of its first value a step, up to 4 of it, so that what has changed is learned again, and
// what was never seen does not wind up until a few clicks can move it anywhere.
//
// Threads: one. Cost: 4 n^2 multiplications an exposure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/bytes.h"
#include "model/math.h"

namespace freshet {

template <size_t kSize>
class PoissonRegression {
 public:
  using Row = std::array<float, kSize>;
  static constexpr double kLogMin = -9, kLogMax = 1;  // Of a rate.

  void start(const Row& mean, const Row& deviation) {
    mean_ = {};
    variance_ = {};
    for (size_t i = 0; i < kSize; ++i) {
      mean_[i] = static_cast<double>(mean[i]);
      variance_[i * kSize + i] = static_cast<double>(deviation[i]) * static_cast<double>(deviation[i]);
      drift_[i] = kDrift * variance_[i * kSize + i];
    }
  }

  double log_rate(const Row& x) const {
    double sum = 0;
    for (size_t i = 0; i < kSize; ++i) sum += mean_[i] * static_cast<double>(x[i]);
    return sum < kLogMin ? kLogMin : sum > kLogMax ? kLogMax : sum;
  }
  double rate(const Row& x) const { return static_cast<double>(exp_f32(static_cast<float>(log_rate(x)))); }

  // weight: of an example against others, the same for its exposure and its clicks.
  void expose(const Row& x, double exposure, double weight = 1) {
    for (size_t i = 0; i < kSize; ++i) {
      double& variance = variance_[i * kSize + i];
      const double most = kPriorsMost / kDrift * drift_[i];
      if (variance < most) variance = std::min(variance + drift_[i], most);
    }
    const Vector v = spread(x);
    const double h = weight * exposure * rate(x), f = h / (1 + h * along(v, x));
    for (size_t i = 0; i < kSize; ++i)
      for (size_t j = 0; j < kSize; ++j) variance_[i * kSize + j] -= f * (v[i] * v[j]);
    for (size_t i = 0; i < kSize; ++i) mean_[i] -= f * v[i];  // S x after the step, times h
  }
  void click(const Row& x, double weight = 1) {
    const Vector v = spread(x);
    // A click that was thought impossible moves the rate by a factor of two at most.
    const double most = weight * along(v, x), f = most > 0.7 ? weight * 0.7 / most : weight;
    for (size_t i = 0; i < kSize; ++i) mean_[i] += f * v[i];
  }

  const std::array<double, kSize>& mean() const { return mean_; }
  double variance(size_t i) const { return variance_[i * kSize + i]; }
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
  static constexpr double kDrift = 1e-6, kPriorsMost = 4;
  using Vector = std::array<double, kSize>;
  Vector spread(const Row& x) const {
    Vector v{};
    for (size_t i = 0; i < kSize; ++i) {
      double sum = 0;
      for (size_t j = 0; j < kSize; ++j) sum += variance_[i * kSize + j] * static_cast<double>(x[j]);
      v[i] = sum;
    }
    return v;
  }
  static double along(const Vector& v, const Row& x) {
    double sum = 0;
    for (size_t i = 0; i < kSize; ++i) sum += v[i] * static_cast<double>(x[i]);
    return sum;
  }

  Vector mean_{}, drift_{};
  std::array<double, kSize * kSize> variance_{};
};

}  // namespace freshet
