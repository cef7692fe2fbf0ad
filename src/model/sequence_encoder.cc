#include "model/sequence_encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr float kMeanDecay = 0.95f;  // Weight of a step in m, by its age.
constexpr float kNormFloor = 1e-5f;

uint8_t age_bucket(uint32_t lag) {
  if (lag < 6) return static_cast<uint8_t>(lag);
  constexpr uint32_t kEnds[] = {8, 12, 16, 24, 32, 64, 128};
  uint8_t bucket = 6;
  for (uint32_t end : kEnds)
    if (lag >= end) ++bucket;
  return bucket;  // at most 13
}

uint8_t session_bucket(uint32_t ago) {  // ago >= 1
  if (ago < 4) return static_cast<uint8_t>(13 + ago);
  constexpr uint32_t kEnds[] = {6, 9, 16, 32};
  uint8_t bucket = 17;
  for (uint32_t end : kEnds)
    if (ago >= end) ++bucket;
  return bucket;  // at most 21
}

void transpose(const float* from, uint32_t rows, uint32_t columns, float* to) {
  for (uint32_t r = 0; r < rows; ++r)
    for (uint32_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
}

}  // namespace

DenseLayout::DenseLayout(uint32_t dim) : d(dim) {
  uint32_t at = 0;
  const auto take = [&at](uint32_t floats) { return std::exchange(at, at + floats); };
  gate = take(2 * d * d);
  gate_bias = take(2 * d);
  out = take(d * d);
  lag = take(kLags * d);
  mean = take(d);
  session = take(d);
  own_age = take(kOwnAges);
  own_count = take(kOwnCounts);
  type = take(kTypes * d);
  gap = take(kGapBuckets * d);
  size = (at + 15) / 16 * 16;
}

std::vector<float> DenseLayout::initial(uint64_t seed) const {
  std::vector<float> w(size);
  Draw draw(mix64(seed, 0x64656e7365ull));
  // Sum of four uniforms: near enough to a Gaussian of deviation `scale`, and the same bits everywhere.
  const auto noise = [&draw](float scale) {
    double sum = -2;
    for (int i = 0; i < 4; ++i) sum += draw.uniform();
    return static_cast<float>(sum * 1.7320508075688772) * scale;
  };
  const float scale = rsqrt_f32(static_cast<float>(d));
  for (uint32_t i = 0; i < d; ++i)
    for (uint32_t j = 0; j < 2 * d; ++j) w[gate + i * 2 * d + j] = noise(j < d ? 0.3f * scale : scale);
  for (uint32_t i = 0; i < d * d; ++i) w[out + i] = noise(0.1f * scale);
  for (uint32_t l = 0; l < kLags; ++l)
    for (uint32_t i = 0; i < d; ++i) w[lag + l * d + i] = l == 0 ? 1.0f : 0.2f / static_cast<float>(l + 1);
  for (uint32_t i = 0; i < d; ++i) w[mean + i] = 0.2f;
  return w;
}

void own_items(const SequenceContext& context, std::vector<OwnItem>& out) {
  out.clear();
  const size_t n = context.steps.size();
  uint32_t sessions_ago = context.new_session ? 1 : 0;
  for (size_t lag = 0; lag < n; ++lag) {
    const SequenceStep& step = context.steps[n - 1 - lag];
    const auto known =
        std::find_if(out.begin(), out.end(), [&](const OwnItem& o) { return o.item == step.item; });
    if (known == out.end()) {
      const bool earlier = sessions_ago > 0;
      out.push_back({step.item,
                     earlier ? session_bucket(sessions_ago) : age_bucket(static_cast<uint32_t>(lag)),
                     static_cast<uint8_t>(earlier ? 9 : 1)});
    } else if (known->count % 8 < 7) {
      ++known->count;
    }
    if (step.first) ++sessions_ago;
  }
}

EncodeBatch::EncodeBatch(uint32_t dim, uint32_t sequences_max, uint32_t steps_max_)
    : d(dim), steps_max(std::max(steps_max_, DenseLayout::kLags)) {
  constexpr uint32_t kT = DenseLayout::kRecurrent;
  const size_t b = sequences_max;
  steps.resize(b);
  new_session.resize(b);
  x.resize(b * steps_max * d);
  dx.resize(b * steps_max * d);
  for (auto* v : {&q, &dq, &m, &u, &du}) v->resize(b * d);
  for (auto* v : {&recent, &forget, &drecent}) v->resize(b * kT * d);
  for (auto* v : {&gates, &dgates}) v->resize(b * kT * 2 * d);
  h.resize(b * (kT + 1) * d);
  norm.resize(b);
  gate_t.resize(2 * d * d);
  out_t.resize(d * d);
}

void encode_forward(const DenseLayout& layout, const float* dense, EncodeBatch& batch, uint32_t count) {
  constexpr uint32_t kT = DenseLayout::kRecurrent;
  const Kernels& k = kernels();
  const uint32_t d = layout.d;
  for (uint32_t b = 0; b < count; ++b) {
    const uint32_t n = batch.steps[b];
    float* q = &batch.q[b * d];
    float* m = &batch.m[b * d];
    std::fill_n(q, d, 0.0f);
    std::fill_n(m, d, 0.0f);
    float weight = 1, total = 0;
    for (uint32_t l = 0; l < n; ++l, weight *= kMeanDecay) {
      k.axpy(weight, batch.x_of(b, l), m, d);
      total += weight;
      if (l < DenseLayout::kLags) k.multiply_add(dense + layout.lag + l * d, batch.x_of(b, l), q, d);
    }
    for (uint32_t i = 0; i < d; ++i) m[i] /= total;
    k.multiply_add(dense + layout.mean, m, q, d);
    if (batch.new_session[b]) k.axpy(1, dense + layout.session, q, d);
    for (uint32_t t = 0; t < kT; ++t) {
      float* to = &batch.recent[(b * kT + t) * d];
      if (t < n)
        std::memcpy(to, batch.x_of(b, t), d * sizeof(float));
      else
        std::fill_n(to, d, 0.0f);
      std::memcpy(&batch.gates[(b * kT + t) * 2 * d], dense + layout.gate_bias, 2 * d * sizeof(float));
    }
  }
  k.gemm(count * kT, 2 * d, d, batch.recent.data(), d, 1, dense + layout.gate, 2 * d, batch.gates.data(),
         2 * d, true);
  for (uint32_t b = 0; b < count; ++b) {
    const uint32_t n = std::min(batch.steps[b], kT);
    float* h = &batch.h[static_cast<size_t>(b) * (kT + 1) *
                        d];  // h[t + 1] is before, h[t] after the t-th newest step
    std::fill_n(h + n * d, d, 0.0f);
    for (uint32_t t = n; t-- > 0;) {
      float* f = &batch.forget[(b * kT + t) * d];
      const float* c = &batch.gates[(b * kT + t) * 2 * d + d];
      k.sigmoid(c - d, f, d);
      for (uint32_t i = 0; i < d; ++i) h[t * d + i] = f[i] * h[(t + 1) * d + i] + (1.0f - f[i]) * c[i];
    }
    const float r = rsqrt_f32(k.dot(h, h, d) / static_cast<float>(d) + kNormFloor);
    batch.norm[b] = r;
    for (uint32_t i = 0; i < d; ++i) batch.u[b * d + i] = h[i] * r;
  }
  k.gemm(count, d, d, batch.u.data(), d, 1, dense + layout.out, d, batch.q.data(), d, true);
}

void encode_backward(const DenseLayout& layout, const float* dense, EncodeBatch& batch, uint32_t count,
                     float* gradient) {
  constexpr uint32_t kT = DenseLayout::kRecurrent;
  const Kernels& k = kernels();
  const uint32_t d = layout.d;
  transpose(dense + layout.gate, d, 2 * d, batch.gate_t.data());
  transpose(dense + layout.out, d, d, batch.out_t.data());
  k.gemm(count, d, d, batch.dq.data(), d, 1, batch.out_t.data(), d, batch.du.data(), d, false);
  k.gemm(d, d, count, batch.u.data(), 1, d, batch.dq.data(), d, gradient + layout.out, d, true);
  std::fill_n(batch.dgates.begin(), count * kT * 2 * d, 0.0f);
  for (uint32_t b = 0; b < count; ++b) {
    const uint32_t n = std::min(batch.steps[b], kT);
    const float* h = &batch.h[static_cast<size_t>(b) * (kT + 1) * d];
    float* dh = &batch.du[b * d];  // In place: from the gradient of u to that of h.
    const float r = batch.norm[b];
    const float along = k.dot(dh, h, d) * r * r * r / static_cast<float>(d);
    for (uint32_t i = 0; i < d; ++i) dh[i] = dh[i] * r - h[i] * along;
    for (uint32_t t = 0; t < n; ++t) {
      const float* f = &batch.forget[(b * kT + t) * d];
      const float* c = &batch.gates[(b * kT + t) * 2 * d + d];
      const float* before = h + (t + 1) * d;
      float* df = &batch.dgates[(b * kT + t) * 2 * d];
      for (uint32_t i = 0; i < d; ++i) {
        df[i] = dh[i] * (before[i] - c[i]) * f[i] * (1.0f - f[i]);
        df[d + i] = dh[i] * (1.0f - f[i]);
        dh[i] = dh[i] * f[i];
      }
      k.axpy(1, df, gradient + layout.gate_bias, 2 * d);
    }
  }
  k.gemm(d, 2 * d, count * kT, batch.recent.data(), 1, d, batch.dgates.data(), 2 * d, gradient + layout.gate,
         2 * d, true);
  k.gemm(count * kT, d, 2 * d, batch.dgates.data(), 2 * d, 1, batch.gate_t.data(), d, batch.drecent.data(), d,
         false);
  for (uint32_t b = 0; b < count; ++b) {
    const uint32_t n = batch.steps[b];
    const float* dq = &batch.dq[b * d];
    if (batch.new_session[b]) k.axpy(1, dq, gradient + layout.session, d);
    k.multiply_add(dq, &batch.m[b * d], gradient + layout.mean, d);
    float total = 0, weight = 1;
    for (uint32_t l = 0; l < n; ++l, weight *= kMeanDecay) total += weight;
    float dm[128] = {};
    for (uint32_t i = 0; i < d; ++i) dm[i] = dq[i] * dense[layout.mean + i];
    weight = 1.0f / total;
    for (uint32_t l = 0; l < std::min(n, kMeanGradientSteps); ++l, weight *= kMeanDecay) {
      float* dx = batch.dx_of(b, l);
      if (l < kT)
        std::memcpy(dx, &batch.drecent[(b * kT + l) * d], d * sizeof(float));
      else
        std::fill_n(dx, d, 0.0f);
      k.axpy(weight, dm, dx, d);
      k.multiply_add(dq, dense + layout.lag + l * d, dx, d);
      k.multiply_add(dq, batch.x_of(b, l), gradient + layout.lag + l * d, d);
    }
  }
}

}  // namespace freshet
