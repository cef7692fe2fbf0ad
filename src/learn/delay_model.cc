#include "learn/delay_model.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

constexpr double kKeep = 0.9999;  // Of the counts, at each label.
constexpr double kSpreadMemory = 2000;

LearnerShape for_delays(LearnerShape shape) {
  shape.task = Task::kRegression;
  shape.dense = 0;
  shape.bits = std::min(shape.bits, 18u);
  shape.bytes_max /= 4;
  return shape;
}

}  // namespace

DelayModel::DelayModel(const LearnerShape& shape)
    : delays_(for_delays(shape), {.weight_variance = 0.2f, .pair_variance = 0.02f, .row_drift = 1e-4f}) {}

// The row's keys and their pairs only: what is large and drifting in the rest is about the label.
const Sample& DelayModel::keys_of(const Sample& sample) {
  sample_.keys = sample.keys;
  const size_t from = std::min(sample.crosses, sample.features.size());
  sample_.features.assign(sample.features.begin() + static_cast<std::ptrdiff_t>(from), sample.features.end());
  sample_.crosses = 0;
  sample_.scaled.clear();
  return sample_;
}

size_t DelayModel::bin(float residual) {
  return static_cast<size_t>(std::clamp((residual + 4) / 0.1875f, 0.0f, static_cast<float>(kBins - 1)));
}

double DelayModel::survival(int label, float residual) const {
  double all = 1;  // One label that never came, so that nothing is certain.
  double above = 0.05;
  for (size_t b = 0; b < kBins; ++b) {
    all += counts_[label][b];
    if (b >= bin(residual)) above += counts_[label][b];
  }
  return above / all;
}

double DelayModel::delay_at(float expected, size_t stage) const {
  const double log_delay = expected + kStages[stage] * spread_;
  return exp_f32(static_cast<float>(std::clamp(log_delay, 0.0, 60.0))) - 1;
}

float DelayModel::excess(float p, size_t stage) const {
  const double late = p * survival(1, kStages[stage]);
  const double on_time = (1 - p) * survival(0, kStages[stage]);
  return static_cast<float>(late / (late + on_time)) - p;
}

float DelayModel::learn(const Sample& sample, double delay, bool label) {
  const float is = log_f32(1 + static_cast<float>(std::clamp(delay, 0.0, 1e12)));
  Sample& keys = const_cast<Sample&>(keys_of(sample));  // NOLINT: ours
  keys.label = is;
  const float apart = is - delays_.score(keys);
  delays_.learn(keys);
  const auto residual = static_cast<float>(std::clamp(apart / std::max(spread_, 1e-4), -8.0, 12.0));
  n_ = std::min(n_ + 1, kSpreadMemory);
  spread_ +=
      (std::fabs(double{apart}) * 1.25 - spread_) / n_;  // 1.25 mean |x| is the deviation of a Gaussian.
  for (auto& counts : counts_)
    for (double& count : counts) count *= kKeep;
  counts_[label ? 1 : 0][bin(residual)] += 1;
  return residual;
}

void DelayModel::save(Writer& out) const {
  delays_.save(out);
  out.f64(spread_);
  out.f64(n_);
  for (const auto& counts : counts_) out.array(counts.data(), counts.size());
}

void DelayModel::load(Reader& in) {
  delays_.load(in);
  spread_ = in.f64();
  n_ = in.f64();
  for (auto& counts : counts_) in.array(counts.data(), counts.size());
}

}  // namespace freshet
