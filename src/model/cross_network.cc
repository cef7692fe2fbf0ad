#include "model/cross_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/hash.h"
#include "base/result.h"

namespace freshet {
namespace {

#define CLONED __attribute__((target_clones("default", "avx2", "avx512f")))

constexpr size_t kFewRows = 4;  // Up to here rows are multiplied by W^T where it lies; beyond, W is turned.

void turn(const float* w, size_t rows, size_t columns, float* out) {
  constexpr size_t kTile = 16;
  for (size_t i = 0; i < rows; i += kTile)
    for (size_t j = 0; j < columns; j += kTile)
      for (size_t a = i; a < i + kTile; ++a)
        for (size_t b = j; b < j + kTile; ++b) out[b * rows + a] = w[a * columns + b];
}

CLONED void cross(size_t n, const float* x0, const float* q, const float* x, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = x0[i] * q[i] + x[i];
}

// Back through cross(): dq = dy x0; dx0 += dy q.
CLONED void uncross(size_t n, const float* x0, const float* q, const float* dy, float* dq, float* dx0) {
  for (size_t i = 0; i < n; ++i) {
    dq[i] = dy[i] * x0[i];
    dx0[i] += dy[i] * q[i];
  }
}

CLONED void add(size_t n, const float* x, float* y) {
  for (size_t i = 0; i < n; ++i) y[i] += x[i];
}

CLONED void relu(size_t n, float* h) {
  for (size_t i = 0; i < n; ++i) h[i] = h[i] > 0 ? h[i] : 0;
}

CLONED void unrelu(size_t n, const float* h, float* dh) {
  for (size_t i = 0; i < n; ++i) dh[i] = h[i] > 0 ? dh[i] : 0;
}

}  // namespace

CrossNetwork::CrossNetwork(const CrossNetworkConfig& config, const DenseKernels& kernels)
    : config_(config), kernels_(&kernels) {
  CHECK(config.inputs % 16 == 0 && config.rank % 16 == 0 && config.heads <= kHeads && !config.hidden.empty());
  const auto spread = [](size_t in) { return std::sqrt(6.0f / static_cast<float>(in)); };  // He et al. 2015.
  for (size_t l = 0; l < config.crosses; ++l) {
    down_.push_back(add_layer(config.inputs, config.rank, false, spread(config.inputs)));
    up_.push_back(add_layer(config.rank, config.inputs, true, 0.3f * spread(config.rank)));
  }
  size_t in = config.inputs;
  for (const size_t out : config.hidden) {
    CHECK(out % 16 == 0);
    deep_.push_back(add_layer(in, out, true, spread(in)));
    deep_.back().rectified = deep_.size() > 1;
    deep_.back().turned = config.turned && deep_.size() == 1;
    in = out;
  }
  cross_head_ = add_layer(config.inputs, kHeads, true, 0.4f * spread(config.inputs));
  deep_head_ = add_layer(in, kHeads, false, 0.4f * spread(in));
  deep_head_.rectified = true;
  lay_turned(w_);
  a_.assign(w_.size(), config.begin);
  g_.assign(w_.size(), 0.0f);
}

CrossNetwork::Layer CrossNetwork::add_layer(size_t in, size_t out, bool bias, float scale) {
  const size_t at = w_.size();
  Draw draw(mix64(config_.seed, at));
  for (size_t i = 0; i < in * out; ++i) w_.push_back(static_cast<float>(draw.uniform() * 2 - 1) * scale);
  if (bias) w_.resize(w_.size() + out);
  return {in, out, at, bias ? at + in * out : kNoBias, false, false};
}

// Half of the outputs of the largest layer are rectified away: turned, their rows are not touched when one
// example is learned.
void CrossNetwork::lay_turned(std::vector<float>& all) const {
  const Layer& layer = deep_[0];
  if (!layer.turned) return;
  std::vector<float> part(layer.in * layer.out);
  turn(&all[layer.w], layer.in, layer.out, part.data());
  std::copy(part.begin(), part.end(), &all[layer.w]);
}

std::vector<float> CrossNetwork::straight(const std::vector<float>& from) const {
  std::vector<float> out = from;
  const Layer& layer = deep_[0];
  if (layer.turned) turn(&from[layer.w], layer.out, layer.in, &out[layer.w]);
  return out;
}

size_t CrossNetwork::multiply_adds() const {
  size_t sum = cross_head_.in * kHeads + deep_head_.in * kHeads;
  for (const auto* layers : {&down_, &up_, &deep_})
    for (const Layer& layer : *layers) sum += layer.in * layer.out;
  return sum;
}

CrossNetwork::Activations CrossNetwork::lay_out(size_t m, Workspace& space) const {
  size_t floats = config_.crosses * (2 * config_.inputs + config_.rank);
  for (const size_t width : config_.hidden) floats += width;
  if (space.floats.size() < floats * m) space.floats.resize(floats * m);
  float* at = space.floats.data();
  const auto take = [&](size_t n) { return std::exchange(at, at + n * m); };
  Activations out;
  for (size_t l = 0; l < config_.crosses; ++l) {
    out.p.push_back(take(config_.rank));
    out.q.push_back(take(config_.inputs));
    out.x.push_back(take(config_.inputs));
  }
  for (const size_t width : config_.hidden) out.h.push_back(take(width));
  return out;
}

void CrossNetwork::apply(const Layer& layer, size_t m, const float* x, float* y, bool onto) const {
  if (layer.turned) {
    kernels_->products(m, layer.out, layer.in, x, &w_[layer.w], y);
    for (size_t i = 0; i < m; ++i) add(layer.out, &w_[layer.b], y + i * layer.out);
    return;
  }
  if (layer.b != kNoBias && !onto)
    for (size_t i = 0; i < m; ++i) std::copy_n(&w_[layer.b], layer.out, y + i * layer.out);
  kernels_->gemm(m, layer.out, layer.in, x, layer.in, 1, &w_[layer.w], layer.out, y, layer.out,
                 onto || layer.b != kNoBias);
}

void CrossNetwork::run(size_t m, const float* x, float* logits, const Activations& at) const {
  const float* from = x;
  for (size_t l = 0; l < config_.crosses; ++l) {
    apply(down_[l], m, from, at.p[l], false);
    apply(up_[l], m, at.p[l], at.q[l], false);
    cross(m * config_.inputs, x, at.q[l], from, at.x[l]);
    from = at.x[l];
  }
  apply(cross_head_, m, from, logits, false);
  from = x;
  for (size_t l = 0; l < deep_.size(); ++l) {
    apply(deep_[l], m, from, at.h[l], false);
    relu(m * deep_[l].out, at.h[l]);
    from = at.h[l];
  }
  apply(deep_head_, m, from, logits, true);
}

void CrossNetwork::score(size_t m, const float* x, float* logits, Workspace& space) const {
  const Activations at = lay_out(kBlock, space);
  for (size_t i = 0; i < m; i += kBlock)
    run(std::min(kBlock, m - i), x + i * config_.inputs, logits + i * kHeads, at);
}

void CrossNetwork::forward(size_t m, const float* x, float* logits) {
  CHECK(m <= kBlock);
  if (kept_.h.empty()) kept_ = lay_out(kBlock, space_);
  kept_x_ = x;
  run(m, x, logits, kept_);
}

void CrossNetwork::back(const Layer& layer, size_t m, const float* x, const float* dy, float* dx, bool onto,
                        bool alone) {
  float* to = dx;
  if (dx != nullptr && onto && m <= kFewRows) {
    part_.resize(kFewRows * config_.inputs + layer.in);
    to = part_.data();
  }
  if (layer.turned) {
    back_turned(layer, m, x, dy, to, alone);
  } else if (m == 1 && alone) {
    kernels_->learn_one(layer.in, layer.out, x, dy, to, &w_[layer.w], &a_[layer.w], config_.rate,
                        layer.rectified);
  } else {
    if (dx != nullptr && m <= kFewRows) {
      for (size_t i = 0; i < m; ++i)
        kernels_->dots(layer.in, layer.out, &w_[layer.w], dy + i * layer.out, to + i * layer.in);
    } else if (dx != nullptr) {
      turned_.resize(layer.in * layer.out);
      turn(&w_[layer.w], layer.in, layer.out, turned_.data());
      kernels_->gemm(m, layer.in, layer.out, dy, layer.out, 1, turned_.data(), layer.in, dx, layer.in, onto);
    }
    kernels_->gemm(layer.in, layer.out, m, x, 1, layer.in, dy, layer.out, &g_[layer.w], layer.out, true);
  }
  if (to != dx) add(m * layer.in, to, dx);
  if (layer.b == kNoBias) return;
  for (size_t i = 0; i < m; ++i) add(layer.out, dy + i * layer.out, &g_[layer.b]);
  if (m == 1 && alone) kernels_->adagrad(&w_[layer.b], &g_[layer.b], &a_[layer.b], config_.rate, layer.out);
}

void CrossNetwork::back_turned(const Layer& layer, size_t m, const float* x, const float* dy, float* dx,
                               bool alone) {
  if (m == 1 && alone)
    return kernels_->learn_turned(layer.out, layer.in, x, dy, dx, &w_[layer.w], &a_[layer.w], config_.rate);
  kernels_->gemm(m, layer.in, layer.out, dy, layer.out, 1, &w_[layer.w], layer.in, dx, layer.in, false);
  kernels_->gemm(layer.out, layer.in, m, dy, 1, layer.out, x, layer.in, &g_[layer.w], layer.in, true);
}

void CrossNetwork::backward(size_t m, const float* slopes, float* dx, bool alone) {
  const size_t n = config_.inputs;
  const float* x = kept_x_;
  // The perceptron, from the logits down; dx begins with what comes out of it.
  size_t widest = 0;
  for (const size_t width : config_.hidden) widest = std::max(widest, width);
  for (auto* each : {&dh_, &next_}) each->resize(kBlock * std::max(widest, n));  // They change places.
  back(deep_head_, m, kept_.h.back(), slopes, dh_.data(), false, alone);
  for (size_t l = deep_.size(); l-- > 0;) {
    const size_t width = deep_[l].out;
    unrelu(m * width, kept_.h[l], dh_.data());
    float* below = l == 0 ? dx : next_.data();
    back(deep_[l], m, l == 0 ? x : kept_.h[l - 1], dh_.data(), below, false, alone);
    if (l > 0) std::swap(dh_, next_);
  }
  // The crosses: dy is the derivative by x_{l+1}, then by x_l.
  dq_.resize(kBlock * n);
  dp_.resize(kBlock * config_.rank);
  float* dy = next_.data();
  back(cross_head_, m, config_.crosses == 0 ? x : kept_.x.back(), slopes, dy, false, alone);
  for (size_t l = config_.crosses; l-- > 0;) {
    uncross(m * n, x, kept_.q[l], dy, dq_.data(), dx);
    back(up_[l], m, kept_.p[l], dq_.data(), dp_.data(), false, alone);
    back(down_[l], m, l == 0 ? x : kept_.x[l - 1], dp_.data(), dy, true, alone);
  }
  add(m * n, dy, dx);
}

void CrossNetwork::step() {
  kernels_->adagrad(w_.data(), g_.data(), a_.data(), config_.rate, w_.size());
}

void CrossNetwork::save(Writer& out) const {
  out.varint(w_.size());
  for (const auto* each : {&w_, &a_}) out.array(straight(*each).data(), each->size());
}

void CrossNetwork::load(Reader& in) {
  if (in.varint() != w_.size()) return in.fail();
  in.array(w_.data(), w_.size());
  in.array(a_.data(), a_.size());
  for (auto* each : {&w_, &a_}) lay_turned(*each);
  std::fill(g_.begin(), g_.end(), 0.0f);
}

}  // namespace freshet
