#include "model/kernel_regression.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

#define CLONED __attribute__((target_clones("default", "avx2", "avx512f")))

constexpr size_t kBlock = 16;
constexpr size_t kRowsLeast = 256, kWarmUp = 32;
constexpr float kFar = 12;         // Nats beyond the nearest: no part of the answer.
constexpr float kNothing = 1e-3f;  // Of the greatest w: a feature that is not looked at.
constexpr float kPart = 1e-5f;     // Of the sum: less is no part of a slope.
constexpr size_t kPartsMost = 512;
constexpr float kKeeps = 0.999f;  // Of the squares of slopes.
constexpr double kLossKeeps = 0.99, kErrorPace = 0.005, kMeanRows = 2000;
constexpr float kLogLeast = -12, kLogMost = 8;

CLONED void add_squares(const float* __restrict column, float x, float weight, float* __restrict distance,
                        size_t count) {
  for (size_t block = 0; block < count; block += kBlock)
    for (size_t i = 0; i < kBlock; ++i) {
      const float apart = x - column[block + i];
      distance[block + i] += weight * (apart * apart);
    }
}

CLONED void least_of_blocks(const float* __restrict distance, float* __restrict least, size_t count) {
  for (size_t block = 0; block < count / kBlock; ++block) {
    float lanes[kBlock / 2];
    for (size_t l = 0; l < kBlock / 2; ++l) {
      const float a = distance[block * kBlock + l], b = distance[block * kBlock + kBlock / 2 + l];
      lanes[l] = a < b ? a : b;
    }
    for (size_t l = 0; l < kBlock / 4; ++l)
      lanes[l] = lanes[l] < lanes[l + kBlock / 4] ? lanes[l] : lanes[l + kBlock / 4];
    const float a = lanes[0] < lanes[1] ? lanes[0] : lanes[1], b = lanes[2] < lanes[3] ? lanes[2] : lanes[3];
    least[block] = a < b ? a : b;
  }
}

// Calls see(slots, their least) for each block of `slots`, and for each slot of the blocks at its ends that
// are cut.
template <class Slots, class See>
void for_blocks(const std::vector<float>& distance, const std::vector<float>& least, Slots slots, See see) {
  for (Slots at = slots; at.begin < slots.end; at.begin = at.end) {
    const bool whole = at.begin % kBlock == 0 && at.begin + kBlock <= slots.end;
    at.end = at.begin + (whole ? kBlock : 1);
    see(at, whole ? least[at.begin / kBlock] : distance[at.begin]);
  }
}

size_t capacity_of(const KernelConfig& config, size_t features) {
  const size_t rows = std::min(config.rows, config.cells / std::max<size_t>(features, 1));
  return std::max(rows / kBlock * kBlock, kRowsLeast);
}

}  // namespace

KernelRegression::KernelRegression(const KernelConfig& config, size_t features)
    : config_(config),
      features_(features),
      capacity_(capacity_of(config, features)),
      rows_(features * capacity_),
      labels_(capacity_),
      importance_(capacity_),
      log_weights_(features + 1, log_f32(config.width / static_cast<float>(std::max<size_t>(features, 1)))),
      squares_(features + 1, 1e-4f),
      weights_((features + kBlock) / kBlock * kBlock),
      distance_(capacity_),
      least_(capacity_ / kBlock) {
  log_weights_[features] = log_f32(config.prior);
}

float KernelRegression::predict(std::span<const float> x) {
  measure(x.first(features_));
  return answer_;
}

void KernelRegression::measure(std::span<const float> x) {
  if (measured_ == seen_ + 1 && std::equal(x.begin(), x.end(), asked_.begin())) return;
  asked_.assign(x.begin(), x.end());
  measured_ = seen_ + 1;
  answer_ = static_cast<float>(mean_);
  near_.clear();
  kernel_.clear();
  if (seen_ == 0) return;
  const size_t padded = (kept() + kBlock - 1) / kBlock * kBlock;
  std::fill_n(distance_.begin(), padded, 0.0f);
  std::copy(log_weights_.begin(), log_weights_.end(), weights_.begin());
  kernels().exp(weights_.data(), weights_.data(), weights_.size());
  float most = 0;
  for (size_t f = 0; f < features_; ++f) most = std::max(most, weights_[f]);
  for (size_t f = 0; f < features_; ++f)
    if (weights_[f] > kNothing * most)
      add_squares(rows_.data() + f * capacity_, x[f], weights_[f], distance_.data(), padded);
  least_of_blocks(distance_.data(), least_.data(), padded);
  const double least = *std::min_element(losses_.begin(), losses_.end());
  double all = 0, sum = 0;
  size_t rows = capacity_;
  for (size_t m = 0; m < kMemories; ++m, rows /= 4) {
    memories_[m] = recall(rows);
    const auto belief = static_cast<double>(exp_f32(static_cast<float>(least - losses_[m])));
    all += belief;
    sum += belief * static_cast<double>(memories_[m].answer);
  }
  answer_ = static_cast<float>(sum / all);
}

// What the last `rows` examples answer.
KernelRegression::Memory KernelRegression::recall(size_t rows) {
  rows = std::min(rows, kept());
  // They end in front of slot `next`: in one span of slots, or in two where the slots begin again.
  const size_t next = seen_ % capacity_, before = std::min(rows, next);
  const Slots spans[] = {{next - before, next}, {capacity_ - (rows - before), capacity_}};
  float nearest = distance_[next != 0 ? next - 1 : capacity_ - 1];
  for (const Slots& slots : spans)
    for_blocks(distance_, least_, slots,
               [&](const Slots&, float least) { nearest = std::min(nearest, least); });
  Memory out{.begin = near_.size()};
  near_.resize(out.begin + rows + kBlock);
  kernel_.resize(near_.size());
  out.end = out.begin;
  for (const Slots& slots : spans) out.end = take_near(slots, nearest, out.end);
  const auto begin = kernel_.begin() + static_cast<ptrdiff_t>(out.begin);
  const auto end = kernel_.begin() + static_cast<ptrdiff_t>(out.end);
  out.nearest = static_cast<size_t>(std::max_element(begin, end) - kernel_.begin());
  near_.resize((out.end + kBlock - 1) / kBlock * kBlock);
  kernel_.resize(near_.size());
  kernels().exp(kernel_.data() + out.begin, kernel_.data() + out.begin, kernel_.size() - out.begin);
  out.sum = weights_[features_];
  float weighted = out.sum * static_cast<float>(mean_);
  for (size_t n = out.begin; n < out.end; ++n) {
    kernel_[n] *= importance_[near_[n]];
    out.sum += kernel_[n];
    weighted += kernel_[n] * labels_[near_[n]];
  }
  out.answer = weighted / out.sum;
  return out;
}

// Slots that are near to near_ and kernel_, which have room, from `at` on; returns their end. Without
// branches: what is too far is written and then written over.
size_t KernelRegression::take_near(const Slots& slots, float nearest, size_t at) {
  for_blocks(distance_, least_, slots, [&](const Slots& block, float least) {
    if (!(least < nearest + kFar)) return;
    for (size_t i = block.begin; i < block.end; ++i) {
      near_[at] = static_cast<uint32_t>(i);
      kernel_[at] = nearest - distance_[i];
      at += distance_[i] < nearest + kFar ? 1 : 0;
    }
  });
  return at;
}

float KernelRegression::loss(float answer, float label) const {
  if (!config_.binary) return (answer - label) * (answer - label) / (2 * static_cast<float>(error_));
  const float p = std::clamp(answer, 1e-3f, 1 - 1e-3f);
  return -label * log_f32(p) - (1 - label) * log_f32(1 - p);
}

// d answer / d D_i = -k_i (y_i - answer) / sum; what leans on the mean is as far away as the nearest.
void KernelRegression::move_metric(const Memory& memory, std::span<const float> x, float label,
                                   float importance) {
  float slope = memory.answer - label;
  if (config_.binary) {
    const float p = std::clamp(memory.answer, 0.01f, 0.99f);
    slope /= p * (1 - p);
  }
  slope *= importance / memory.sum;
  const float lean = weights_[features_] * (static_cast<float>(mean_) - memory.answer);
  // Of many that are near, every so many: their slopes add up to much the same.
  const size_t stride = (memory.end - memory.begin + kPartsMost - 1) / kPartsMost;
  slope *= static_cast<float>(stride);
  size_t parts = 0;
  parts_.resize(kPartsMost + 1);
  for (size_t n = memory.begin + seen_ % stride; n < memory.end; n += stride) {
    const float part = kernel_[n] * (labels_[near_[n]] - memory.answer) + (n == memory.nearest ? lean : 0.0f);
    if (std::fabs(part) < kPart * memory.sum) continue;
    near_[memory.begin + parts] = near_[n];
    parts_[parts++] = part;
  }
  const uint32_t* near = near_.data() + memory.begin;
  for (size_t f = 0; f < features_; ++f) {
    const float* column = rows_.data() + f * capacity_;
    float sum = 0;
    for (size_t n = 0; n < parts; ++n) {
      const float apart = x[f] - column[near[n]];
      sum += parts_[n] * (apart * apart);
    }
    move(f, -slope * sum * weights_[f]);
  }
  move(features_, slope / static_cast<float>(stride) * lean);
}

void KernelRegression::move(size_t parameter, float slope) {
  float& squares = squares_[parameter];
  squares = kKeeps * squares + slope * slope;
  const float to = log_weights_[parameter] - config_.rate * slope / std::sqrt(squares);
  log_weights_[parameter] = std::clamp(to, kLogLeast, kLogMost);
}

void KernelRegression::learn(std::span<const float> x, float label, float importance) {
  x = x.first(features_);
  measure(x);
  if (seen_ >= kWarmUp) {
    const auto best = std::min_element(losses_.begin(), losses_.end()) - losses_.begin();
    move_metric(memories_[static_cast<size_t>(best)], x, label, importance);
    for (size_t m = 0; m < kMemories; ++m)
      losses_[m] =
          kLossKeeps * losses_[m] + static_cast<double>(loss(memories_[m].answer, label) * importance);
    const auto error = static_cast<double>(answer_ - label);
    error_ += kErrorPace * (error * error - error_);
  }
  const size_t slot = seen_ % capacity_;
  for (size_t f = 0; f < features_; ++f) rows_[f * capacity_ + slot] = x[f];
  labels_[slot] = label;
  importance_[slot] = importance;
  ++seen_;
  const auto told = static_cast<double>(importance);
  weight_ = std::min(weight_ + told, kMeanRows);
  mean_ += (static_cast<double>(label) - mean_) * std::min(told / std::max(weight_, 2.0), 1.0);
}

size_t KernelRegression::bytes() const {
  return (rows_.size() + 5 * capacity_ + 2 * log_weights_.size()) * sizeof(float);
}

void KernelRegression::save(Writer& out) const {
  out.u64(seen_);
  for (const double each : {weight_, mean_, error_}) out.f64(each);
  for (const double each : losses_) out.f64(each);
  for (const auto* each : {&log_weights_, &squares_, &rows_, &labels_, &importance_})
    out.array(each->data(), each->size());
}

void KernelRegression::load(Reader& in) {
  seen_ = in.u64();
  for (double* each : {&weight_, &mean_, &error_}) *each = in.f64();
  for (double& each : losses_) each = in.f64();
  for (auto* each : {&log_weights_, &squares_, &rows_, &labels_, &importance_})
    in.array(each->data(), each->size());
  measured_ = 0;
}

}  // namespace freshet
