#include "model/mixture.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

float clipped(float score) {
  return std::isfinite(score) ? std::clamp(score, -12.0f, 12.0f) : 0;
}

}  // namespace

Stacker::Stacker(size_t experts, bool binary, double forget)
    : n_(experts + 1), binary_(binary), forget_(forget), w_(n_), p_(n_ * n_), px_(n_) {
  for (size_t i = 0; i < experts; ++i) w_[i] = 1.0 / static_cast<double>(experts);
  for (size_t i = 0; i < n_; ++i) p_[i * n_ + i] = 0.02;
}

float Stacker::score(std::span<const float> x) const {
  double sum = w_[n_ - 1];
  for (size_t i = 0; i + 1 < n_; ++i) sum += w_[i] * double{clipped(x[i])};
  return static_cast<float>(sum);
}

void Stacker::learn(std::span<const float> x, float label, double weight) {
  const float at = score(x);
  const double mean = binary_ ? sigmoid_f32(clipped(at)) : at;
  const double h = weight * (binary_ ? std::max(mean * (1 - mean), 1e-3) : 1.0);
  const auto in = [&](size_t i) { return i + 1 < n_ ? double{clipped(x[i])} : 1.0; };
  double quadratic = 0;
  double trace = 0;
  for (size_t i = 0; i < n_; ++i) {
    double sum = 0;
    for (size_t j = 0; j < n_; ++j) sum += p_[i * n_ + j] * in(j);
    px_[i] = sum;
    quadratic += sum * in(i);
    trace += p_[i * n_ + i];
  }
  const double divide = forget_ + h * quadratic;
  for (size_t i = 0; i < n_; ++i) w_[i] += px_[i] * (weight * (double{label} - mean)) / divide;
  const double grow = trace < 0.1 * static_cast<double>(n_) ? 1 / forget_ : 1.0;  // P must not wind up.
  for (size_t i = 0; i < n_; ++i)
    for (size_t j = 0; j < n_; ++j) p_[i * n_ + j] = (p_[i * n_ + j] - px_[i] * px_[j] * h / divide) * grow;
}

void Stacker::save(Writer& out) const {
  out.array(w_.data(), w_.size());
  out.array(p_.data(), p_.size());
}

void Stacker::load(Reader& in) {
  in.array(w_.data(), w_.size());
  in.array(p_.data(), p_.size());
}

Mixture::Mixture(size_t experts, bool binary, double share)
    : binary_(binary), share_(share), scale_(share), w_(experts, 1.0 / static_cast<double>(experts)) {}

float Mixture::score(std::span<const float> scores) const {
  double sum = 0, silent = 0;
  for (size_t i = 0; i < w_.size(); ++i) {
    if (std::isfinite(scores[i]))
      sum += w_[i] * double{binary_ ? sigmoid_f32(clipped(scores[i])) : scores[i]};
    else
      silent += w_[i];
  }
  if (silent > 0) {
    const double speak = 1 - silent;
    sum = speak > 1e-9 ? sum / speak : (binary_ ? 0.5 : 0);
  }
  if (!binary_) return static_cast<float>(sum);
  const double p = std::clamp(sum, 1e-6, 1 - 1e-6);
  return log_f32(static_cast<float>(p / (1 - p)));
}

void Mixture::learn(std::span<const float> scores, float label, double weight, double pace) {
  const double power = pace * scale_.share(weight);
  std::vector<double> likelihoods(w_.size());
  double most = 0;
  for (size_t i = 0; i < w_.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      likelihoods[i] = 0;
    } else if (binary_) {
      const double p = sigmoid_f32(clipped(scores[i]));
      likelihoods[i] = double{label} * p + (1 - double{label}) * (1 - p);
    } else {
      const float apart = std::min(std::fabs(label - scores[i]), 6.0f);
      likelihoods[i] = exp_f32(-0.5f * apart * apart);
    }
    likelihoods[i] += 1e-12;
    most = std::max(most, likelihoods[i]);
  }
  double total = 0;
  for (size_t i = 0; i < w_.size(); ++i) {
    // To a power against the likeliest one, so that not all of them become nothing.
    w_[i] *= power == 1
                 ? likelihoods[i]
                 : exp_f32(static_cast<float>(power) * log_f32(static_cast<float>(likelihoods[i] / most)));
    total += w_[i];
  }
  const double share = std::min(pace * share_, 1.0);
  for (double& w : w_) w = (1 - share) * w / total + share / static_cast<double>(w_.size());
}

void Mixture::save(Writer& out) const {
  out.array(w_.data(), w_.size());
  scale_.save(out);
}

void Mixture::load(Reader& in) {
  in.array(w_.data(), w_.size());
  scale_.load(in);
}

}  // namespace freshet
