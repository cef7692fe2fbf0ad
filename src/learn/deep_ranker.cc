#include "learn/deep_ranker.h"

#include <algorithm>

#include "model/math.h"

namespace freshet {
namespace {

size_t to_16(size_t n) {
  return (n + 15) / 16 * 16;
}

CrossNetworkConfig with_inputs(const DeepRankerConfig& config) {
  CrossNetworkConfig network = config.network;
  network.inputs = std::max<size_t>(16, to_16(config.fields * config.table.dim) + to_16(config.dense));
  network.turned = true;
  return network;
}

}  // namespace

DeepRanker::DeepRanker(const DeepRankerConfig& config)
    : config_(config), table_(config.table), network_(with_inputs(config)) {
  CHECK(config.table.dim % 16 == 0);
}

// Where the weights of rows go: into x itself when there is nothing else in it.
float* DeepRanker::place(Workspace& space) const {
  const size_t n = network_.inputs();
  const size_t width = config_.fields * config_.table.dim;
  space.x.resize(CrossNetwork::kBlock * n);
  if (width == n) return space.x.data();
  space.values.resize(CrossNetwork::kBlock * width);
  return space.values.data();
}

// x is made of what is in place() and the numbers.
void DeepRanker::fill(size_t m, const float* dense, Workspace& space) const {
  const size_t n = network_.inputs();
  const size_t width = config_.fields * config_.table.dim;
  if (width == n) return;
  for (size_t i = 0; i < m; ++i) {
    float* to = std::copy_n(&space.values[i * width], width, &space.x[i * n]);
    to = std::copy_n(dense + i * config_.dense, config_.dense, to);
    std::fill(to, &space.x[0] + (i + 1) * n, 0.0f);
  }
}

void DeepRanker::score(size_t m, const uint64_t* keys, const float* dense, float* logits,
                       Workspace& space) const {
  constexpr size_t kHeads = CrossNetwork::kHeads;
  const size_t heads = config_.network.heads;
  space.rows.resize(CrossNetwork::kBlock * config_.fields);
  space.logits.resize(CrossNetwork::kBlock * kHeads);
  for (size_t begin = 0; begin < m; begin += CrossNetwork::kBlock) {
    const size_t count = std::min(CrossNetwork::kBlock, m - begin);
    const std::span rows(space.rows.data(), count * config_.fields);
    table_.find({keys + begin * config_.fields, count * config_.fields}, rows);
    table_.gather(rows, place(space));
    fill(count, dense == nullptr ? nullptr : dense + begin * config_.dense, space);
    network_.score(count, space.x.data(), space.logits.data(), space.network);
    for (size_t i = 0; i < count; ++i)
      std::copy_n(&space.logits[i * kHeads], heads, logits + (begin + i) * heads);
  }
}

void DeepRanker::learn(size_t m, const uint64_t* keys, const float* dense, const float* labels, float* logits,
                       float weight) {
  constexpr size_t kHeads = CrossNetwork::kHeads;
  const size_t heads = config_.network.heads;
  const size_t n = network_.inputs();
  const size_t width = config_.fields * config_.table.dim;
  space_.rows.resize(CrossNetwork::kBlock * config_.fields);
  space_.logits.resize(CrossNetwork::kBlock * kHeads);
  slopes_.resize(CrossNetwork::kBlock * kHeads);
  dx_.resize(CrossNetwork::kBlock * n);
  for (size_t begin = 0; begin < m; begin += CrossNetwork::kBlock) {
    const size_t count = std::min(CrossNetwork::kBlock, m - begin);
    const std::span rows(space_.rows.data(), count * config_.fields);
    const std::span block(keys + begin * config_.fields, count * config_.fields);
    table_.sight(block, rows, place(space_));
    fill(count, dense == nullptr ? nullptr : dense + begin * config_.dense, space_);
    network_.forward(count, space_.x.data(), space_.logits.data());
    std::fill(slopes_.begin(), slopes_.end(), 0.0f);
    for (size_t i = 0; i < count; ++i)
      for (size_t head = 0; head < heads; ++head) {
        const float logit = space_.logits[i * kHeads + head];
        const float label = labels[(begin + i) * heads + head];
        const float said = config_.task == RankerTask::kLogistic ? sigmoid_f32(logit) : logit;
        logits[(begin + i) * heads + head] = logit;
        if (!std::isnan(label)) slopes_[i * kHeads + head] = weight * (said - label);
      }
    network_.backward(count, slopes_.data(), dx_.data(), m == 1);
    if (width != n)
      for (size_t i = 1; i < count; ++i) std::copy_n(&dx_[i * n], width, &dx_[i * width]);
    table_.update(rows, dx_.data());
  }
  if (m > 1) network_.step();
}

void DeepRanker::save(Writer& out) const {
  table_.save(out);
  network_.save(out);
}

void DeepRanker::load(Reader& in) {
  table_.load(in);
  network_.load(in);
}

}  // namespace freshet
