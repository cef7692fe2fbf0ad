#include "clicks/shared_rates.h"

#include <algorithm>
#include <cmath>

namespace freshet {

// With L L' = K + noise over the items shown: mean = g0 + V' (L^-1 off), variance = K_ii - sum V_i^2, where
// L V = K between the items shown and all.
void SharedRates::believe(std::span<Item> items, const TitleLikeness& likeness, double strength) {
  const size_t n = items.size();
  shown_.clear();
  root_.resize(n);
  for (size_t i = 0; i < n; ++i) {
    root_[i] = std::sqrt(kSpread * items[i].prior / strength);
    if (items[i].exposure > 0) shown_.push_back(i);
  }
  const size_t m = shown_.size();
  cross_.resize(m * n);
  factor_.resize(m * m);
  off_.resize(m);
  for (size_t a = 0; a < m; ++a) {
    const size_t i = shown_[a];
    double* row = cross_.data() + a * n;
    for (size_t j = 0; j < n; ++j)
      row[j] = root_[i] * root_[j] * (kLike * static_cast<double>(likeness(i, j)) + kAll);
    row[i] += root_[i] * root_[i] * kOwn;
    for (size_t b = 0; b <= a; ++b) factor_[a * m + b] = row[shown_[b]];
    const Item& one = items[i];
    const double rate =
        std::max(one.prior, (one.clicks + kRatePrior * one.prior) / (one.exposure + kRatePrior));
    factor_[a * m + a] += rate / one.exposure;
    off_[a] = one.clicks / one.exposure - one.prior;
  }
  for (size_t a = 0; a < m; ++a) {
    double* row = factor_.data() + a * m;
    for (size_t b = 0; b <= a; ++b) {
      const double* upper = factor_.data() + b * m;
      double sum = row[b];
      for (size_t t = 0; t < b; ++t) sum -= row[t] * upper[t];
      row[b] = b == a ? std::sqrt(sum) : sum / upper[b];
    }
    double* solved = cross_.data() + a * n;
    for (size_t t = 0; t < a; ++t) {
      const double* before = cross_.data() + t * n;
      for (size_t j = 0; j < n; ++j) solved[j] -= row[t] * before[j];
      off_[a] -= row[t] * off_[t];
    }
    for (size_t j = 0; j < n; ++j) solved[j] /= row[a];
    off_[a] /= row[a];
  }
  for (size_t i = 0; i < n; ++i) {
    double mean = items[i].prior, variance = prior_variance(items[i].prior, strength);
    const double all = variance;
    for (size_t a = 0; a < m; ++a) {
      const double part = cross_[a * n + i];
      mean += part * off_[a];
      variance -= part * part;
    }
    items[i].mean = std::max(mean, kLeast * items[i].prior);
    items[i].deviation = std::sqrt(std::max(variance, 1e-6 * all));
  }
}

}  // namespace freshet
