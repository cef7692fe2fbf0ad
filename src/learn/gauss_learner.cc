#include "learn/gauss_learner.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kDim = GaussLearner::kDim;
constexpr size_t kRow = kDim + kDim * kDim;
constexpr float kModerate = 0.39269908f;  // pi / 8
constexpr float kConstantVariance = 0.1f;
constexpr float kVarianceMost = 4;  // Of priors.
constexpr float kVarianceLeast = 1e-5f;
constexpr float kSureMost = 100;  // h V: beyond it nothing would be left of V but rounding.

}  // namespace

GaussLearner::GaussLearner(const LearnerShape& shape, const GaussConfig& config)
    : task_(shape.task),
      seed_(shape.seed),
      config_(config),
      dense_(std::min(shape.dense, kDenseMost)),
      n_((dense_ + 1 + 15) / 16 * 16),
      table_(
          {.dim = kRow, .optimizer = {.kind = Optimizer::kSgd}, .bytes_max = shape.bytes_max / 2, .init = 0}),
      pairs_(size_t{1} << shape.bits),
      d_(n_),
      p_(n_ * n_),
      x_(n_),
      px_dense_(n_) {
  for (size_t i = 0; i < dense_; ++i) p_[i * n_ + i] = config.dense_variance;
  p_[dense_ * n_ + dense_] = kConstantVariance;
}

// A row is drawn at its first sight; at every later one its covariance grows.
void GaussLearner::begin(uint32_t row, uint64_t key) {
  float* m = table_.row(row);
  float* cov = m + kDim;
  if (cov[0] == 0) {
    Draw draw(mix64(seed_, key));
    for (size_t i = 1; i < kDim; ++i) m[i] = static_cast<float>(draw.uniform() * 2 - 1) * config_.init;
    for (size_t i = 0; i < kDim; ++i) cov[i * kDim + i] = prior(i);
    return;
  }
  if (config_.row_drift == 0) return;
  for (size_t i = 0; i < kDim; ++i) {
    float& variance = cov[i * kDim + i];
    variance = std::min(variance + config_.row_drift * prior(i), kVarianceMost * prior(i));
  }
}

void GaussLearner::add_rows() {
  float sum[kDim] = {};
  float total[kDim * kDim] = {};  // Of covariances: the traces of all pairs are those of the sum less each.
  float own = 0;
  for (const uint32_t row : rows_) {
    const float* m = table_.row(row);
    const float* cov = m + kDim;
    for (size_t i = 0; i < kDim; ++i) sum[i] += m[i];
    for (size_t i = 1; i < kDim; ++i)
      for (size_t j = 1; j < kDim; ++j) {
        total[i * kDim + j] += cov[i * kDim + j];
        own += cov[i * kDim + j] * cov[i * kDim + j];
      }
  }
  float all = 0;
  for (const float each : total) all += each * each;
  variance_ += std::max(0.5f * (all - own), 0.0f);
  px_.resize(rows_.size() * kDim);
  float twice = 0;
  for (size_t k = 0; k < rows_.size(); ++k) {
    const float* m = table_.row(rows_[k]);
    const float* cov = m + kDim;
    float phi[kDim] = {1};
    for (size_t i = 1; i < kDim; ++i) {
      phi[i] = sum[i] - m[i];
      twice += phi[i] * m[i];
    }
    float* px = &px_[k * kDim];
    std::fill_n(px, kDim, 0.0f);
    for (size_t i = 0; i < kDim; ++i)
      for (size_t j = 0; j < kDim; ++j) px[j] += cov[i * kDim + j] * phi[i];
    for (size_t i = 0; i < kDim; ++i) variance_ += px[i] * phi[i];
  }
  mean_ += sum[0] + 0.5f * twice;
}

void GaussLearner::add_dense(const Sample& sample) {
  std::fill(x_.begin(), x_.end(), 0.0f);
  std::copy_n(sample.scaled.begin(), std::min(dense_, sample.scaled.size()), x_.begin());
  x_[dense_] = 1;
  const Kernels& k = kernels();
  for (size_t i = 0; i <= dense_; ++i) px_dense_[i] = k.dot(&p_[i * n_], x_.data(), n_);
  variance_ += k.dot(px_dense_.data(), x_.data(), n_);
  mean_ += k.dot(d_.data(), x_.data(), n_);
}

void GaussLearner::add_pairs(const Sample& sample) {
  const size_t mask = pairs_.size() - 1;
  for (size_t i = sample.crosses; i < sample.features.size(); ++i) {
    const Feature& feature = sample.features[i];
    const Pair& pair = pairs_[feature.index & mask];
    mean_ += pair.mean * feature.value;
    variance_ += (config_.pair_variance - pair.used) * feature.value * feature.value;
  }
}

void GaussLearner::add_all(const Sample& sample) {
  mean_ = variance_ = 0;
  add_rows();
  add_dense(sample);
  add_pairs(sample);
  variance_ = std::max(variance_, 0.0f);
}

float GaussLearner::answer() const {
  return task_ == Task::kRegression ? mean_ : mean_ / std::sqrt(1 + kModerate * variance_);
}

float GaussLearner::score(const Sample& sample) {
  rows_.clear();
  for (const uint64_t key : sample.keys)
    if (const uint32_t row = table_.find(key); row != EmbeddingTable::kNone) rows_.push_back(row);
  add_all(sample);
  return answer();
}

void GaussLearner::learn(const Sample& sample) {
  rows_.clear();
  for (const uint64_t key : sample.keys) {
    const uint32_t row = table_.touch(key);
    if (row == EmbeddingTable::kNone || std::find(rows_.begin(), rows_.end(), row) != rows_.end()) continue;
    rows_.push_back(row);
    begin(row, key);
  }
  for (size_t i = 0; i < dense_; ++i) {
    float& variance = p_[i * n_ + i];
    variance = std::min(variance + config_.dense_drift * config_.dense_variance,
                        kVarianceMost * config_.dense_variance);
  }
  add_all(sample);

  const float p = task_ == Task::kBinary ? sigmoid_f32(answer()) : mean_;
  const float sure = config_.caution * (task_ == Task::kBinary ? std::max(p * (1 - p), 0.01f) : 1.0f);
  const float weight = std::min(sample.weight, kSureMost / (sure * variance_));
  const float h = sure * weight;
  const float step = (sample.label - p) * weight / (1 + h * variance_);
  const float shrink = h / (1 + h * variance_);
  for (size_t k = 0; k < rows_.size(); ++k) {
    float* m = table_.row(rows_[k]);
    float* cov = m + kDim;
    const float* px = &px_[k * kDim];
    for (size_t i = 0; i < kDim; ++i) m[i] += step * px[i];
    for (size_t i = 0; i < kDim; ++i)
      for (size_t j = 0; j < kDim; ++j) cov[i * kDim + j] -= shrink * px[i] * px[j];
    for (size_t i = 0; i < kDim; ++i) {
      float& variance = cov[i * kDim + i];
      variance = std::max(variance, kVarianceLeast * prior(i));
    }
  }
  const Kernels& kernel = kernels();
  kernel.axpy(step, px_dense_.data(), d_.data(), n_);
  for (size_t i = 0; i <= dense_; ++i)
    if (px_dense_[i] != 0) kernel.axpy(-shrink * px_dense_[i], px_dense_.data(), &p_[i * n_], n_);
  for (size_t i = 0; i <= dense_; ++i) {
    float& variance = p_[i * n_ + i];
    variance = std::max(variance, kVarianceLeast * (i < dense_ ? config_.dense_variance : kConstantVariance));
  }
  for (size_t i = sample.crosses; i < sample.features.size(); ++i) {
    Pair& pair = pairs_[sample.features[i].index & (pairs_.size() - 1)];
    const float px = (config_.pair_variance - pair.used) * sample.features[i].value;
    pair.mean += step * px;
    pair.used = std::min(pair.used + shrink * px * px, config_.pair_variance);
  }
}

size_t GaussLearner::bytes() const {
  return table_.bytes() + pairs_.size() * sizeof(Pair) + (p_.size() + 3 * n_) * sizeof(float);
}

void GaussLearner::save(Writer& out) const {
  out.varint(n_);
  out.array(d_.data(), n_);
  out.array(p_.data(), p_.size());
  uint64_t used = 0;
  for (const Pair& pair : pairs_) used += pair.used != 0 ? 1 : 0;
  out.varint(used);
  for (size_t i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].used == 0) continue;
    out.u32(static_cast<uint32_t>(i));
    out.f32(pairs_[i].mean);
    out.f32(pairs_[i].used);
  }
  table_.save(out);
}

void GaussLearner::load(Reader& in) {
  if (in.varint() != n_) return in.fail();
  in.array(d_.data(), n_);
  in.array(p_.data(), p_.size());
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const uint32_t i = in.u32();
    if (i >= pairs_.size()) return in.fail();
    pairs_[i].mean = in.f32();
    pairs_[i].used = in.f32();
  }
  table_.load(in);
}

// Two ways to take the world: one that stays as it is, one that moves.
std::unique_ptr<Learner> make_gauss(const LearnerShape& shape) {
  GaussConfig config;
  for (float* variance :
       {&config.weight_variance, &config.vector_variance, &config.pair_variance, &config.dense_variance})
    *variance *= shape.knobs.rate;
  config.caution *= shape.knobs.shrink;
  return std::make_unique<GaussLearner>(shape, config);
}

std::unique_ptr<Learner> make_swift_gauss(const LearnerShape& shape) {
  return std::make_unique<GaussLearner>(
      shape, GaussConfig{
                 .vector_variance = 0.05f, .dense_variance = 0.1f, .row_drift = 1e-3f, .dense_drift = 2e-3f});
}

}  // namespace freshet
