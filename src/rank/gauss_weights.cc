#include "rank/gauss_weights.h"

#include <algorithm>
#include <bit>

#include "model/math.h"

namespace freshet {
namespace {

constexpr float kMeanMax = 6;          // Of one weight
constexpr float kVarianceMin = 1e-3f;  // Of the prior's

}  // namespace

GaussWeights::Weight GaussWeights::weight_of(const Cell& cell, size_t head) {
  return std::bit_cast<Weight>(cell.head[head].load(std::memory_order_relaxed));
}

void GaussWeights::fetch(std::span<const uint32_t> row) const {
  const Cell* cells = cells_.load(std::memory_order_acquire);
  if (cells == nullptr) return;
  for (const uint32_t cell : row) __builtin_prefetch(&cells[index_of(cell)]);
}

void GaussWeights::sum(std::span<const uint32_t> row, size_t head, uint32_t counted, Sums& out) const {
  out = {};
  const Cell* cells = cells_.load(std::memory_order_acquire);
  for (const uint32_t cell : row) {
    const auto group = static_cast<size_t>(group_of(cell));
    const Weight weight = cells == nullptr ? Weight{} : weight_of(cells[index_of(cell)], head);
    out.mean[group] += weight.mean;
    if ((counted >> group & 1) != 0) out.variance += config_.prior[group] - weight.known;
  }
}

float GaussWeights::learn(std::span<const uint32_t> row, size_t head, float offset, float label,
                          float weight) {
  Cell* cells = cells_.load(std::memory_order_relaxed);
  if (cells == nullptr) {
    cells = new Cell[size_t{1} << config_.bits];
    cells_.store(cells, std::memory_order_release);
  }
  float logit = offset, variance = 0;
  for (const uint32_t cell : row) {
    const Weight one = weight_of(cells[index_of(cell)], head);
    logit += one.mean;
    variance += config_.prior[static_cast<size_t>(group_of(cell))] - one.known;
  }
  const float p = sigmoid_f32(std::clamp(logit, -30.0f, 30.0f));
  const float h = config_.caution * weight * p * (1 - p);
  const float down = 1 / (1 + h * variance);
  const float step = weight * (label - p) * down, shrink = h * down;
  for (const uint32_t cell : row) {
    Cell& at = cells[index_of(cell)];
    Weight one = weight_of(at, head);
    const float prior = config_.prior[static_cast<size_t>(group_of(cell))];
    // Groups that share a cell by chance have priors of their own.
    const float s = std::max(prior - one.known, kVarianceMin * prior);
    one.mean = std::clamp(one.mean + s * step, -kMeanMax, kMeanMax);
    const float left = std::max(s - s * s * shrink, 0.0f) + config_.drift * prior;
    one.known = prior - std::clamp(left, kVarianceMin * prior, prior);
    at.head[head].store(std::bit_cast<uint64_t>(one), std::memory_order_relaxed);
  }
  return logit;
}

void GaussWeights::save(Writer& out) const {
  const Cell* cells = cells_.load(std::memory_order_relaxed);
  const size_t size = cells == nullptr ? 0 : size_t{1} << config_.bits;
  const auto used = [&](const Cell& cell) {
    return std::any_of(std::begin(cell.head), std::end(cell.head),
                       [](const auto& word) { return word.load(std::memory_order_relaxed) != 0; });
  };
  size_t live = 0;
  for (size_t i = 0; i < size; ++i) live += used(cells[i]) ? 1 : 0;
  out.varint(live);
  size_t last = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!used(cells[i])) continue;
    out.varint(i - last);
    last = i;
    for (const auto& word : cells[i].head) out.u64(word.load(std::memory_order_relaxed));
  }
}

Status GaussWeights::load(Reader& in) {
  delete[] cells_.exchange(nullptr);
  const uint64_t live = in.varint();
  if (live == 0) return {};
  const size_t size = size_t{1} << config_.bits;
  Cell* cells = new Cell[size];
  cells_.store(cells);
  size_t at = 0;
  for (uint64_t n = 0; n < live && in.ok(); ++n) {
    at += in.varint();
    if (at >= size) return corrupt("ranker: a weight outside its table");
    for (auto& word : cells[at].head) word.store(in.u64());
  }
  return in.ok() ? Status() : Status(corrupt("ranker: weights cut short"));
}

}  // namespace freshet
