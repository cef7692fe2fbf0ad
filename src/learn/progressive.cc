#include "learn/progressive.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/math.h"

namespace freshet {
namespace {
constexpr size_t kSteps = 65536;
}

void Progressive::add(float score, float label) {
  ++n_;
  labels_ += label;
  if (task_ == Task::kRegression) {
    predicted_ += score;
    squares_ += double{score - label} * (score - label);
    return;
  }
  const float p = std::clamp(sigmoid_f32(std::clamp(score, -16.0f, 16.0f)), 1e-6f, 1 - 1e-6f);
  predicted_ += p;
  loss_ -= log_f32(label > 0.5f ? p : 1 - p);
  squares_ += double{p - label} * (p - label);
  const bool said = p >= 0.5f;
  const bool was = label > 0.5f;
  right_ += said == was ? 1 : 0;
  true_positive_ += said && was ? 1 : 0;
  false_positive_ += said && !was ? 1 : 0;
  false_negative_ += !said && was ? 1 : 0;
  if (steps_.empty()) steps_.resize(2 * kSteps);
  const float at = std::clamp((score + 8) * 4096, 0.0f, float{kSteps - 1});
  ++steps_[(was ? kSteps : 0) + static_cast<size_t>(at)];
}

double Progressive::auc() const {
  if (steps_.empty()) return 0;
  double below = 0;
  double pairs = 0;
  double positives = 0;
  for (size_t i = 0; i < kSteps; ++i) {
    const auto negative = static_cast<double>(steps_[i]);
    const auto positive = static_cast<double>(steps_[kSteps + i]);
    pairs += positive * (below + negative / 2);
    below += negative;
    positives += positive;
  }
  if (below == 0 || positives == 0) return std::numeric_limits<double>::quiet_NaN();
  return pairs / below / positives;
}

double Progressive::f1() const {
  const auto twice = 2 * static_cast<double>(true_positive_);
  const double all = twice + static_cast<double>(false_positive_ + false_negative_);
  return all == 0 ? 0 : twice / all;
}

double Progressive::rmse() const {
  return std::sqrt(mean(squares_));
}

void Progressive::save(Writer& out) const {
  for (const uint64_t each : {n_, true_positive_, false_positive_, false_negative_}) out.u64(each);
  for (const double each : {loss_, right_, squares_, predicted_, labels_}) out.f64(each);
  out.varint(steps_.size());
  for (const uint64_t step : steps_) out.varint(step);
}

void Progressive::load(Reader& in) {
  for (uint64_t* each : {&n_, &true_positive_, &false_positive_, &false_negative_}) *each = in.u64();
  for (double* each : {&loss_, &right_, &squares_, &predicted_, &labels_}) *each = in.f64();
  const uint64_t steps = in.varint();
  if (steps != 0 && steps != 2 * kSteps) return in.fail();
  steps_.resize(steps);
  for (uint64_t& step : steps_) step = in.varint();
}

}  // namespace freshet
