#include "clicks/examination.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

constexpr double kMean[] = {1, 0};
constexpr double kDeviation[] = {0.5, 0.1};
constexpr double kOwnDeviation = 0.05;
constexpr int kNewtonSteps = 6;
constexpr double kStepMax = 0.5;
constexpr uint64_t kRefitEvery = 8;

double log_of(double x) {
  return static_cast<double>(log_f32(static_cast<float>(x)));
}
double exp_of(double x) {
  return static_cast<double>(exp_f32(static_cast<float>(std::clamp(x, -80.0, 10.0))));
}

// Solves a x = b for a symmetric positive definite `a`, by Cholesky's decomposition.
template <size_t kSize>
std::array<double, kSize> solve(std::array<std::array<double, kSize>, kSize> a, std::array<double, kSize> b) {
  for (size_t j = 0; j < kSize; ++j) {
    for (size_t k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
    a[j][j] = std::sqrt(a[j][j]);
    for (size_t i = j + 1; i < kSize; ++i) {
      for (size_t k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
  }
  for (size_t i = 0; i < kSize; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (size_t i = kSize; i-- > 0;) {
    for (size_t k = i + 1; k < kSize; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

}  // namespace

Examination::Examination() {
  parameters_ = {kMean[0], kMean[1]};
  refit();
}

void Examination::count(size_t design, uint32_t place) {
  if (design >= kDesigns.size() || place >= kMeasured) return;
  ++clicks_[design][place];
  if (++counted_ % kRefitEvery == 0) refit();
}

double Examination::measured(uint32_t place) const {
  return static_cast<double>(exp_f32(log_theta_[std::min(place, kPlaces - 1)]));
}

Examination::Vector Examination::log_theta(uint32_t place) {
  Vector x{};
  x[0] = -log_of(place + 1.0);
  x[1] = -static_cast<double>(place);
  for (uint32_t k = 1; k <= std::min(place, kMeasured - 1); ++k) x[1 + k] = 1;
  return x;
}

Examination::Clicked Examination::clicked(uint32_t place) const {
  const Vector x = log_theta(place);
  double log = 0;
  for (size_t i = 0; i < kParameters; ++i) log += x[i] * parameters_[i];
  const double theta = exp_of(log);
  Clicked out{.rate = theta + kAccidents, .moves = {}};
  for (size_t i = 0; i < kParameters; ++i) out.moves[i] = theta / out.rate * x[i];
  return out;
}

void Examination::derivatives(Vector& gradient, Matrix& hessian) const {
  hessian = {};
  for (size_t i = 0; i < kParameters; ++i) {
    const double deviation = i < 2 ? kDeviation[i] : kOwnDeviation;
    gradient[i] = (parameters_[i] - (i < 2 ? kMean[i] : 0)) / (deviation * deviation);
    hessian[i][i] = 1 / (deviation * deviation);
  }
  std::array<Clicked, kMeasured> places;
  for (uint32_t k = 0; k < kMeasured; ++k) places[k] = clicked(k);
  for (size_t design = 0; design < kDesigns.size(); ++design)
    for (const Pair& pair : kDesigns[design]) {
      const double lower = clicks_[design][pair.lower], n = lower + clicks_[design][pair.upper];
      if (n == 0) continue;
      const Clicked& up = places[pair.upper];
      const Clicked& low = places[pair.lower];
      const double p = low.rate / (low.rate + up.rate);
      Vector x;  // How the logit of p moves with the parameters.
      for (size_t i = 0; i < kParameters; ++i) x[i] = low.moves[i] - up.moves[i];
      const double curvature = n * p * (1 - p);
      for (size_t i = 0; i < kParameters; ++i) {
        gradient[i] += (n * p - lower) * x[i];
        for (size_t j = 0; j < kParameters; ++j) hessian[i][j] += curvature * x[i] * x[j];
      }
    }
}

void Examination::refit() {
  Vector gradient{};
  Matrix hessian{};
  for (int newton = 0; newton < kNewtonSteps; ++newton) {
    derivatives(gradient, hessian);
    const Vector step = solve(hessian, gradient);
    for (size_t i = 0; i < kParameters; ++i) parameters_[i] -= std::clamp(step[i], -kStepMax, kStepMax);
  }
  derivatives(gradient, hessian);
  const Vector last = log_theta(kMeasured - 1), spread = solve(hessian, last);
  double variance = 0;
  for (size_t i = 0; i < kParameters; ++i) variance += last[i] * spread[i];
  doubt_ = std::sqrt(variance);
  for (uint32_t k = 0; k < kPlaces; ++k) {
    const Vector x = log_theta(k);
    double sum = 0;
    for (size_t i = 0; i < kParameters; ++i) sum += x[i] * parameters_[i];
    log_theta_[k] = static_cast<float>(std::clamp(sum, -80.0, 10.0));
    theta_[k] = std::clamp(exp_f32(log_theta_[k]), kClip, 1.0f);
  }
}

void Examination::save(Writer& out) const {
  for (const auto& places : clicks_) out.array(places.data(), places.size());
  out.u64(counted_);
  out.array(parameters_.data(), parameters_.size());
  out.f64(doubt_);
  out.array(log_theta_.data(), log_theta_.size());
  out.array(theta_.data(), theta_.size());
}

Status Examination::load(Reader& in, size_t designs) {
  clicks_ = {};
  for (size_t i = 0; i < std::min(designs, clicks_.size()); ++i)
    in.array(clicks_[i].data(), clicks_[i].size());
  counted_ = in.u64();
  in.array(parameters_.data(), parameters_.size());
  doubt_ = in.f64();
  in.array(log_theta_.data(), log_theta_.size());
  in.array(theta_.data(), theta_.size());
  return in.ok() ? Status() : Status(corrupt("examination: cut short"));
}

}  // namespace freshet
