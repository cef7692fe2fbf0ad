#include "learn/progressive.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/math.h"

namespace freshet {
namespace {
constexpr float kFarthestScore = 16;  // Scores beyond it are in the last step.
constexpr size_t kSteps = 131072;
constexpr uint64_t kWeighted = uint64_t{1} << 63;
}  // namespace

void Progressive::add(double score, double label, float weight) {
  ++n_;
  const double w = weight;
  weighted_ = weighted_ || weight != 1;
  weights_ += w;
  labels_ += w * label;
  if (task_ == Task::kRegression) {
    predicted_ += w * score;
    squares_ += w * (score - label) * (score - label);
    return;
  }
  add_logit(static_cast<float>(score), label > 0.5, w);
}

void Progressive::add_logit(float score, bool was, double w) {
  const float label = was ? 1 : 0;
  const float p = std::clamp(sigmoid_f32(std::clamp(score, -16.0f, 16.0f)), 1e-6f, 1 - 1e-6f);
  predicted_ += w * p;
  loss_ -= w * log_f32(was ? p : 1 - p);
  squares_ += w * (double{p - label} * (p - label));
  const bool said = p >= 0.5f;
  right_ += said == was ? w : 0;
  true_positive_ += said && was ? w : 0;
  false_positive_ += said && !was ? w : 0;
  false_negative_ += !said && was ? w : 0;
  if (steps_.empty()) steps_.resize(2 * kSteps);
  const float at =
      std::clamp((score + kFarthestScore) * (kSteps / (2 * kFarthestScore)), 0.0f, float{kSteps - 1});
  steps_[(was ? kSteps : 0) + static_cast<size_t>(at)] += w;
}

double Progressive::mean(double sum) const {
  return weights_ > 0 ? sum / weights_ : std::numeric_limits<double>::quiet_NaN();
}

double Progressive::calibration() const {
  return labels_ == 0 ? std::numeric_limits<double>::quiet_NaN() : predicted_ / labels_;
}

double Progressive::auc() const {
  double below = 0;
  double pairs = 0;
  double positives = 0;
  for (size_t i = 0; i < steps_.size() / 2; ++i) {
    const double negative = steps_[i];
    const double positive = steps_[kSteps + i];
    pairs += positive * (below + negative / 2);
    below += negative;
    positives += positive;
  }
  if (below == 0 || positives == 0) return std::numeric_limits<double>::quiet_NaN();
  return pairs / below / positives;
}

double Progressive::f1() const {
  const double twice = 2 * true_positive_;
  const double all = twice + false_positive_ + false_negative_;
  return all > 0 ? twice / all : mean(0);
}

double Progressive::rmse() const {
  return std::sqrt(mean(squares_));
}

// Of rows that all weigh 1 every count is whole and is written as such; else the highest bit of n says that
// all of them, and their sum, are numbers with fractions.
void Progressive::save(Writer& out) const {
  out.u64(n_ | (weighted_ ? kWeighted : 0));
  if (weighted_) out.f64(weights_);
  const auto count = [&](double each) { weighted_ ? out.f64(each) : out.u64(static_cast<uint64_t>(each)); };
  for (const double each : {true_positive_, false_positive_, false_negative_}) count(each);
  for (const double each : {loss_, right_, squares_, predicted_, labels_}) out.f64(each);
  out.varint(steps_.size());
  for (const double step : steps_) weighted_ ? out.f64(step) : out.varint(static_cast<uint64_t>(step));
}

void Progressive::load(Reader& in) {
  n_ = in.u64();
  weighted_ = (n_ & kWeighted) != 0;
  n_ &= ~kWeighted;
  weights_ = weighted_ ? in.f64() : static_cast<double>(n_);
  for (double* each : {&true_positive_, &false_positive_, &false_negative_})
    *each = weighted_ ? in.f64() : static_cast<double>(in.u64());
  for (double* each : {&loss_, &right_, &squares_, &predicted_, &labels_}) *each = in.f64();
  const uint64_t steps = in.varint();
  if (steps != 0 && steps != 2 * kSteps) return in.fail();
  steps_.resize(steps);
  for (double& step : steps_) step = weighted_ ? in.f64() : static_cast<double>(in.varint());
}

}  // namespace freshet
