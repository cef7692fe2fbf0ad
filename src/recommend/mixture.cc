#include "recommend/mixture.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "recommend/numeric.h"

// Compiled for several CPUs, chosen at run time. No sum is re-ordered and no multiply-add fused, so all give
// the same bits. Sanitizers do not mix with run-time choice.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define FRESHET_KERNEL
#else
#define FRESHET_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

namespace freshet {

namespace {

using Weights = Mixture::Weights;

FRESHET_KERNEL void context_part(const Weights& w, const float* context, float* z) {
  for (size_t h = 0; h < kHidden; ++h) z[h] = 0;
  for (size_t c = 0; c < kContextMax; ++c)
    for (size_t h = 0; h < kHidden; ++h) z[h] += context[c] * w.context[c][h];
}

// Hidden activations and the score of one candidate.
FRESHET_KERNEL float forward(const Weights& w, const float* start, const float* x, size_t columns, float* z) {
  for (size_t h = 0; h < kHidden; ++h) z[h] = start[h];
  float linear = 0;
  for (size_t f = 0; f < columns; ++f) {
    if (x[f] == 0) continue;
    linear += x[f] * w.linear[f];
    for (size_t h = 0; h < kHidden; ++h) z[h] += x[f] * w.hidden[f][h];
  }
  float sums[8] = {};
  for (size_t h = 0; h < kHidden; ++h) {
    z[h] = z[h] > 0 ? z[h] : 0;
    sums[h % 8] += z[h] * w.out[h];
  }
  return linear + (((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])));
}

// Adds the gradient of one candidate whose score has gradient `g`; `sum` collects that of the context part.
FRESHET_KERNEL void backward(const Weights& w, const float* x, size_t columns, const float* z, float g,
                             Weights& grad, float* sum) {
  float d[kHidden];
  for (size_t h = 0; h < kHidden; ++h) {
    grad.out[h] += g * z[h];
    d[h] = z[h] > 0 ? g * w.out[h] : 0;
    sum[h] += d[h];
  }
  for (size_t f = 0; f < columns; ++f) {
    if (x[f] == 0) continue;
    grad.linear[f] += g * x[f];
    for (size_t h = 0; h < kHidden; ++h) grad.hidden[f][h] += x[f] * d[h];
  }
}

FRESHET_KERNEL void adam(float* w, float* g, float* m, float* v, size_t count, float step, float decay) {
  for (size_t i = 0; i < count; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    w[i] = w[i] * (1 - decay) - step * m[i] / (std::sqrt(v[i]) + 1e-8f);
    g[i] = 0;
  }
}

// Polyak, Juditsky 1992: the mean of the iterates is better than the last one while the rate stays high.
FRESHET_KERNEL void average(float* mean, const float* w, size_t count, float share) {
  for (size_t i = 0; i < count; ++i) mean[i] += share * (w[i] - mean[i]);
}

void softmax(std::vector<float>& s) {
  float most = -1e30f;
  for (const float x : s) most = std::max(most, x);
  float sum = 0;
  for (float& x : s) sum += x = numeric::exp(x - most);
  for (float& x : s) x /= sum;
}

}  // namespace

Mixture::Mixture(std::vector<Column> columns, std::vector<float> prior, size_t sources,
                 const MixtureOptions& options)
    : columns_(std::move(columns)), sources_(sources), options_(options) {
  CHECK(columns_.size() <= kColumnsMax && sources_ <= kSourcesMax && prior.size() == columns_.size());
  std::memset(static_cast<void*>(&weights_), 0, sizeof weights_);
  std::memset(static_cast<void*>(&gradient_), 0, sizeof gradient_);
  std::memset(static_cast<void*>(&first_), 0, sizeof first_);
  std::memset(static_cast<void*>(&second_), 0, sizeof second_);
  Draw draw(mix64(options_.seed, 0x6d697874));
  for (auto& row : weights_.hidden)
    for (float& w : row) w = static_cast<float>(draw.uniform() - 0.5) * 0.5f;
  for (auto& row : weights_.context)
    for (float& w : row) w = static_cast<float>(draw.uniform() - 0.5) * 0.5f;
  for (size_t f = 0; f < prior.size(); ++f) weights_.linear[f] = prior[f];
  for (size_t s = 0; s < sources_; ++s) {
    source_weight_[s] = 1 / static_cast<float>(sources_);
    source_loss_[s] = 9;
  }
  loss_ = 9;
  mean_ = weights_;
  publish();
}

Mixture::~Mixture() {
  delete current_.load(std::memory_order_relaxed);
}

void Mixture::publish() {
  const Weights* old = current_.load(std::memory_order_relaxed);
  current_.store(new Weights(mean_), std::memory_order_release);
  retired_.retire(old);
}

void Mixture::transform(std::span<const uint32_t> chosen, Slate& slate) const {
  for (const uint32_t at : chosen) {
    float* x = slate.columns(at);
    for (size_t f = 0; f < columns_.size(); ++f) {
      if (x[f] == 0) continue;
      const Column& column = columns_[f];
      x[f] = column.kind == Column::Kind::kPlain ? x[f] * column.scale
                                                 : numeric::log(1 + x[f] / column.unit) * column.scale;
    }
  }
}

void Mixture::score(const ContextRow& context, std::span<const uint32_t> chosen, const Slate& slate,
                    std::vector<float>& probability) const {
  const Weights& w = weights();
  alignas(64) float start[kHidden], z[kHidden];
  context_part(w, context.data(), start);
  probability.resize(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i)
    probability[i] = forward(w, start, slate.columns(chosen[i]), columns_.size(), z);
  softmax(probability);
}

float Mixture::learn(const ContextRow& context, std::span<const uint32_t> chosen, size_t target,
                     const Slate& slate) {
  alignas(64) float start[kHidden], sum[kHidden] = {};
  context_part(weights_, context.data(), start);
  activations_.resize(chosen.size() * kHidden);
  probability_.resize(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i)
    probability_[i] =
        forward(weights_, start, slate.columns(chosen[i]), columns_.size(), &activations_[i * kHidden]);
  softmax(probability_);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const float g = probability_[i] - (i == target ? 1.0f : 0.0f);
    if (std::abs(g) < 1e-4f) continue;  // Nothing to learn from: most of a long list.
    backward(weights_, slate.columns(chosen[i]), columns_.size(), &activations_[i * kHidden], g, gradient_,
             sum);
  }
  for (size_t c = 0; c < kContextMax; ++c)
    for (size_t h = 0; h < kHidden; ++h) gradient_.context[c][h] += context[c] * sum[h];

  ++queries_;
  const auto t = static_cast<float>(queries_);
  const float warm = std::min(1.0f, t / 100);  // in place of Adam's corrections of its first steps
  const float rate =
      std::max(options_.rate_min, options_.rate * options_.rate_life / (options_.rate_life + t)) * warm;
  adam(weights_.data(), gradient_.data(), first_.data(), second_.data(), Weights::kCount, rate,
       options_.decay);
  average(mean_.data(), weights_.data(), Weights::kCount, std::max(1e-3f, 1 / (1 + 0.2f * t)));
  publish();
  const float p = probability_[target];
  loss_ = loss_ * 0.9995f - 0.0005f * numeric::log(p + 1e-9f);
  return p;
}

void Mixture::observe(std::span<const float> source_probability, bool inside) {
  inside_ = inside_ * 0.999f + (inside ? 0.001f : 0);
  if (!inside) return;
  constexpr float kShare = 0.02f;  // Fixed share
  float sum = 0;
  float next[kSourcesMax];
  for (size_t s = 0; s < sources_; ++s) {
    const float p = source_probability[s] * 0.99f + 1e-5f;
    source_loss_[s] = source_loss_[s] * 0.9995f - 0.0005f * numeric::log(p);
    sum += next[s] = source_weight_[s] * p;
  }
  for (size_t s = 0; s < sources_; ++s)
    source_weight_[s] = (1 - kShare) * next[s] / sum + kShare / static_cast<float>(sources_);
}

std::array<float, kSourcesMax> Mixture::source_weights() const {
  std::array<float, kSourcesMax> out{};
  for (size_t s = 0; s < sources_; ++s) out[s] = source_weight_[s].load(std::memory_order_relaxed);
  return out;
}

void Mixture::save(Writer& out) const {
  out.u32(static_cast<uint32_t>(columns_.size()));
  out.u32(static_cast<uint32_t>(sources_));
  out.u64(queries_);
  for (const Weights* w : {&weights_, &mean_, &first_, &second_}) out.array(w->data(), Weights::kCount);
  for (size_t s = 0; s < sources_; ++s) {
    out.f32(source_weight_[s]);
    out.f32(source_loss_[s]);
  }
  out.f32(loss_);
  out.f32(inside_);
}

Status Mixture::load(Reader& in) {
  const uint32_t columns = in.u32();
  const uint32_t sources = in.u32();
  if (columns != columns_.size() || sources != sources_)
    return corrupt("mixture: " + std::to_string(columns) + " columns of " + std::to_string(sources) +
                   " sources, want " + std::to_string(columns_.size()) + " of " + std::to_string(sources_));
  queries_ = in.u64();
  for (Weights* w : {&weights_, &mean_, &first_, &second_}) in.array(w->data(), Weights::kCount);
  for (size_t s = 0; s < sources_; ++s) {
    source_weight_[s] = in.f32();
    source_loss_[s] = in.f32();
  }
  loss_ = in.f32();
  inside_ = in.f32();
  if (!in.ok()) return corrupt("mixture: cut short");
  publish();
  return {};
}

}  // namespace freshet
