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

using Weights = SourceMixture::Weights;

// 16 floats: one register with AVX-512, two or four before it; the same bits in all.
typedef float Lanes __attribute__((vector_size(64), may_alias));
constexpr size_t kParts = kHidden / 16;

FRESHET_KERNEL void context_part(const Weights& w, const float* context, float* z) {
  for (size_t h = 0; h < kHidden; ++h) z[h] = 0;
  for (size_t c = 0; c < kContextMax; ++c)
    for (size_t h = 0; h < kHidden; ++h) z[h] += context[c] * w.context[c][h];
}

// numeric::log of 16 numbers, bit for bit: the same steps in the same order.
typedef int32_t LanesInt __attribute__((vector_size(64), may_alias));
__attribute__((always_inline)) inline Lanes log_lanes(Lanes x) {
  const Lanes least = Lanes{} + 1.17549435e-38f;
  x = x > least ? x : least;
  const LanesInt bits = reinterpret_cast<LanesInt&>(x);
  LanesInt mantissa = (bits & 0x007fffff) | 0x3f000000;
  Lanes m = reinterpret_cast<Lanes&>(mantissa);    // [0.5, 1)
  const LanesInt low = m < Lanes{} + 0.70710678f;  // -1 where it holds
  const LanesInt exponent = (bits >> 23) - 126 + low;
  m = (low ? m + m : m) - 1.0f;
  const Lanes z = m * m;
  Lanes p = Lanes{} + 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const Lanes e = __builtin_convertvector(exponent, Lanes);
  return m + (m * z * p - 0.5f * z) + e * 0.693147180559945f;
}

// One row from raw columns to inputs: SourceColumn::Kind says how. Zero stays zero. The loop over
// numeric::log would not vectorise: its branches were a seventh of all learning.
FRESHET_KERNEL void to_inputs(float* __restrict x, const float* __restrict per_unit,
                              const float* __restrict scale, const float* __restrict plain, size_t columns) {
  for (size_t f = 0; f < columns; f += 16) {
    Lanes raw, unit, by, linear;
    std::memcpy(&raw, x + f, sizeof raw);
    std::memcpy(&unit, per_unit + f, sizeof unit);
    std::memcpy(&by, scale + f, sizeof by);
    std::memcpy(&linear, plain + f, sizeof linear);
    raw = by * (linear * raw + (1 - linear) * log_lanes(1 + raw * unit));
    std::memcpy(x + f, &raw, sizeof raw);
  }
}
static_assert(kColumnsMax % 16 == 0);

// Hidden activations and the score of one candidate.
FRESHET_KERNEL float forward(const Weights& w, const float* start, const float* x, size_t columns, float* z) {
  Lanes a[kParts];
  for (size_t part = 0; part < kParts; ++part) a[part] = reinterpret_cast<const Lanes*>(start)[part];
  float linear = 0;
  for (size_t f = 0; f < columns; ++f) {
    if (x[f] == 0) continue;
    linear += x[f] * w.linear[f];
    const Lanes* row = reinterpret_cast<const Lanes*>(w.hidden[f]);
    for (size_t part = 0; part < kParts; ++part) a[part] += x[f] * row[part];
  }
  Lanes sums = {};
  for (size_t part = 0; part < kParts; ++part) {
    a[part] = a[part] > 0 ? a[part] : Lanes{};
    reinterpret_cast<Lanes*>(z)[part] = a[part];
    sums += a[part] * reinterpret_cast<const Lanes*>(w.out)[part];
  }
  for (size_t half = 8; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return linear + sums[0];
}

// Adds the gradient of one candidate whose score has gradient `g`; `sum` collects that of the context part.
FRESHET_KERNEL void backward(const Weights& w, const float* x, size_t columns, const float* z, float g,
                             Weights& grad, float* sum) {
  Lanes d[kParts];
  for (size_t part = 0; part < kParts; ++part) {
    const Lanes active = reinterpret_cast<const Lanes*>(z)[part];
    reinterpret_cast<Lanes*>(grad.out)[part] += g * active;
    d[part] = active > 0 ? g * reinterpret_cast<const Lanes*>(w.out)[part] : Lanes{};
    reinterpret_cast<Lanes*>(sum)[part] += d[part];
  }
  for (size_t f = 0; f < columns; ++f) {
    if (x[f] == 0) continue;
    grad.linear[f] += g * x[f];
    Lanes* row = reinterpret_cast<Lanes*>(grad.hidden[f]);
    for (size_t part = 0; part < kParts; ++part) row[part] += x[f] * d[part];
  }
}

// 1 / sqrt(x): a first guess from the bits, three steps of Newton's; vectorises where the library's root does
// not.
inline float inverse_root(float x) {
  float y = std::bit_cast<float>(0x5f375a86u - (std::bit_cast<uint32_t>(x) >> 1));
  for (int step = 0; step < 3; ++step) y = y * (1.5f - 0.5f * x * y * y);
  return y;
}

FRESHET_KERNEL void adam(float* __restrict w, float* __restrict g, float* __restrict m, float* __restrict v,
                         float step, float decay) {
  for (size_t i = 0; i < Weights::kCount; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    w[i] = w[i] * (1 - decay) - step * m[i] * inverse_root(v[i] + 1e-16f);
    g[i] = 0;
  }
}

// Polyak, Juditsky 1992: the mean of the iterates is better than the last one while the rate stays high.
FRESHET_KERNEL void average(float* __restrict mean, const float* __restrict w, float share) {
  for (size_t i = 0; i < Weights::kCount; ++i) mean[i] += share * (w[i] - mean[i]);
}

void softmax(std::vector<float>& s) {
  float most = -1e30f;
  for (const float x : s) most = std::max(most, x);
  float sum = 0;
  for (float& x : s) sum += x = numeric::exp(x - most);
  for (float& x : s) x /= sum;
}

}  // namespace

SourceMixture::SourceMixture(std::vector<SourceColumn> columns, std::vector<float> prior, size_t sources,
                             const MixtureOptions& options)
    : columns_(std::move(columns)), sources_(sources), options_(options) {
  CHECK(columns_.size() <= kColumnsMax && sources_ <= kSourcesMax && prior.size() == columns_.size());
  std::memset(static_cast<void*>(&weights_), 0, sizeof weights_);
  std::memset(static_cast<void*>(&gradient_), 0, sizeof gradient_);
  std::memset(static_cast<void*>(&first_), 0, sizeof first_);
  std::memset(static_cast<void*>(&second_), 0, sizeof second_);
  for (size_t f = 0; f < columns_.size(); ++f) {
    const bool plain = columns_[f].kind == SourceColumn::Kind::kPlain;
    per_unit_[f] = plain ? 0 : 1 / columns_[f].unit;
    scale_[f] = columns_[f].scale;
    plain_[f] = plain ? 1 : 0;
  }
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

SourceMixture::~SourceMixture() {
  delete current_.load(std::memory_order_relaxed);
}

void SourceMixture::publish() {
  const Weights* old = current_.load(std::memory_order_relaxed);
  current_.store(new Weights(mean_), std::memory_order_release);
  retired_.retire(old);
}

void SourceMixture::transform(std::span<const uint32_t> chosen, Slate& slate) const {
  for (const uint32_t at : chosen)
    to_inputs(slate.columns(at), per_unit_.data(), scale_.data(), plain_.data(), columns_.size());
}

void SourceMixture::score(const ContextRow& context, std::span<const uint32_t> chosen, const Slate& slate,
                          std::vector<float>& probability) const {
  const Weights& w = weights();
  alignas(64) float start[kHidden], z[kHidden];
  context_part(w, context.data(), start);
  probability.resize(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i)
    probability[i] = forward(w, start, slate.columns(chosen[i]), columns_.size(), z);
  softmax(probability);
}

void SourceMixture::parts(const ContextRow& context, uint32_t at, const Slate& slate,
                          std::vector<double>& out) const {
  const Weights& w = weights();
  const float* x = slate.columns(at);
  out.assign(columns_.size() + 1, 0);
  for (size_t h = 0; h < kHidden; ++h) {
    double start = 0, unit = 0;
    for (size_t c = 0; c < kContextMax; ++c) start += double{context[c]} * double{w.context[c][h]};
    for (size_t f = 0; f < columns_.size(); ++f) unit += double{x[f]} * double{w.hidden[f][h]};
    if (start + unit <= 0) continue;
    out.back() += start * double{w.out[h]};
    for (size_t f = 0; f < columns_.size(); ++f)
      out[f] += double{x[f]} * double{w.hidden[f][h]} * double{w.out[h]};
  }
  for (size_t f = 0; f < columns_.size(); ++f) out[f] += double{x[f]} * double{w.linear[f]};
}

void SourceMixture::add_gradient(const ContextRow& context, std::span<const uint32_t> chosen, size_t target,
                                 const Slate& slate) {
  alignas(64) float start[kHidden], sum[kHidden] = {};
  context_part(weights_, context.data(), start);
  activations_.resize(chosen.size());
  probability_.resize(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i)
    probability_[i] =
        forward(weights_, start, slate.columns(chosen[i]), columns_.size(), activations_[i].data());
  softmax(probability_);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const float g = probability_[i] - (i == target ? 1.0f : 0.0f);
    if (std::abs(g) < 1e-4f) continue;  // Nothing to learn from: most of a long list.
    backward(weights_, slate.columns(chosen[i]), columns_.size(), activations_[i].data(), g, gradient_, sum);
  }
  for (size_t c = 0; c < kContextMax; ++c)
    for (size_t h = 0; h < kHidden; ++h) gradient_.context[c][h] += context[c] * sum[h];
}

std::vector<float> SourceMixture::gradient(const ContextRow& context, std::span<const uint32_t> chosen,
                                           size_t target, const Slate& slate) {
  add_gradient(context, chosen, target, slate);
  std::vector<float> out(gradient_.data(), gradient_.data() + Weights::kCount);
  std::fill(gradient_.data(), gradient_.data() + Weights::kCount, 0.0f);
  return out;
}

float SourceMixture::learn(const ContextRow& context, std::span<const uint32_t> chosen, size_t target,
                           const Slate& slate) {
  add_gradient(context, chosen, target, slate);
  ++queries_;
  const auto t = static_cast<float>(queries_);
  const float warm = std::min(1.0f, t / 100);  // in place of Adam's corrections of its first steps
  const float rate =
      std::max(options_.rate_min, options_.rate * options_.rate_life / (options_.rate_life + t)) * warm;
  adam(weights_.data(), gradient_.data(), first_.data(), second_.data(), rate, options_.decay);
  average(mean_.data(), weights_.data(), std::max(1e-3f, 1 / (1 + 0.2f * t)));
  publish();
  const float p = probability_[target];
  loss_ = loss_ * 0.9995f - 0.0005f * numeric::log(p + 1e-9f);
  return p;
}

void SourceMixture::observe(std::span<const float> source_probability, bool inside) {
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

std::array<float, kSourcesMax> SourceMixture::source_weights() const {
  std::array<float, kSourcesMax> out{};
  for (size_t s = 0; s < sources_; ++s) out[s] = source_weight_[s].load(std::memory_order_relaxed);
  return out;
}

void SourceMixture::save(Writer& out) const {
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

Status SourceMixture::load(Reader& in) {
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
