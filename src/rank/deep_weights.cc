#include "rank/deep_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "model/math.h"

namespace freshet {
namespace {

constexpr float kFade = 0.9999f;  // Of Adagrad's sums of a vector, a step: the world changes.
constexpr float kMost = 127 * DeepWeights::kStep;
constexpr size_t kWide = CrossNetwork::kHeads;
constexpr float kLogitMax = 30;

struct Shares {
  std::array<float, RankRow::kCells + 1> of{};
  Shares() {
    for (size_t n = 1; n < of.size(); ++n) of[n] = rsqrt_f32(static_cast<float>(n));
  }
};
float share_of(uint32_t cells) {
  static const Shares shares;
  return shares.of[std::min<size_t>(cells, RankRow::kCells)];
}

bool is_input(uint32_t cell) {
  return group_of(cell) != RankGroup::kPlace;
}

}  // namespace

static_assert(kRankGroups * DeepWeights::kDim <= DeepWeights::kInputs);
static_assert(DeepWeights::kBatch <= CrossNetwork::kBlock);

DeepWeights::DeepWeights(const Config& config)
    : config_(config),
      network_(network_config()),
      first_(network_.weights()),
      served_((size_t{1} << config.bits) + (network_.weights().size() + 1) / 2) {}

CrossNetworkConfig DeepWeights::network_config() const {
  return {.inputs = kInputs,
          .rank = 16,
          .crosses = 1,
          .hidden = {config_.hidden.begin(), config_.hidden.end()},
          .heads = kHeads,
          .rate = config_.network_rate,
          .seed = config_.seed};
}

void DeepWeights::make() {
  if (!rows_.empty()) return;
  rows_.resize(size_t{1} << config_.bits);
  serve_network();
}

// ---- learning

void DeepWeights::learn(std::span<const uint32_t> row, size_t head, float offset, float label, float weight,
                        float taken) {
  make();
  const auto same = [&](const Pending& last) {
    return (last.heads >> head & 1) == 0 && last.count == row.size() &&
           std::equal(row.begin(), row.end(), cells_.begin() + static_cast<ptrdiff_t>(last.from));
  };
  if (pending_.empty() || !same(pending_.back())) {
    if (pending_.size() == kBatch) settle();
    pending_.push_back({.from = cells_.size(), .count = row.size()});
    cells_.insert(cells_.end(), row.begin(), row.end());
    for (const uint32_t cell : row) __builtin_prefetch(&rows_[at(cell)]);
  }
  Pending& one = pending_.back();
  one.heads |= 1u << head;
  one.offset[head] = offset;
  one.label[head] = label;
  one.weight[head] = weight;
  one.taken[head] = taken;
}

void DeepWeights::settle() {
  if (pending_.empty()) return;
  learn_rows(pending_);
  serve_network();
  pending_.clear();
  cells_.clear();
}

void DeepWeights::pool(std::span<const uint32_t> row, float* x) const {
  std::fill_n(x, kInputs, 0.0f);
  if (rows_.empty()) return;
  std::array<uint32_t, kRankGroups> count{};
  for (const uint32_t cell : row) {
    if (!is_input(cell)) continue;
    const auto group = static_cast<size_t>(group_of(cell));
    ++count[group];
    const Row& one = rows_[at(cell)];
    for (size_t d = 0; d < kDim; ++d) x[group * kDim + d] += one.v[d];
  }
  for (size_t group = 0; group < kRankGroups; ++group)
    for (size_t d = 0; d < kDim; ++d) x[group * kDim + d] *= share_of(count[group]);
}

void DeepWeights::learn_rows(std::span<const Pending> batch) {
  const size_t m = batch.size();
  x_.resize(m * kInputs);
  dx_.resize(m * kInputs);
  logits_.resize(m * kWide);
  slopes_.assign(m * kWide, 0.0f);
  const auto row_of = [&](const Pending& one) { return std::span(cells_).subspan(one.from, one.count); };
  for (size_t i = 0; i < m; ++i) pool(row_of(batch[i]), &x_[i * kInputs]);
  network_.forward(m, x_.data(), logits_.data());
  for (size_t i = 0; i < m; ++i) {
    for (size_t head = 0; head < kHeads; ++head) {
      if ((batch[i].heads >> head & 1) == 0) continue;
      const float logit = std::clamp(batch[i].offset[head] + logits_[i * kWide + head], -30.0f, 30.0f);
      const float p = sigmoid_f32(logit);
      slopes_[i * kWide + head] = batch[i].weight[head] * (p - batch[i].label[head]) -
                                  batch[i].taken[head] * (p - (1 - batch[i].label[head]));
    }
  }
  network_.backward(m, slopes_.data(), dx_.data(), m == 1);
  if (m > 1) network_.step();
  for (size_t i = 0; i < m; ++i) {
    std::array<uint32_t, kRankGroups> count{};
    for (const uint32_t cell : row_of(batch[i])) ++count[static_cast<size_t>(group_of(cell))];
    for (const uint32_t cell : row_of(batch[i])) {
      if (!is_input(cell)) continue;
      const auto group = static_cast<size_t>(group_of(cell));
      step(at(cell), &dx_[i * kInputs + group * kDim], share_of(count[group]));
    }
  }
}

void DeepWeights::step(uint32_t index, const float* g, float share) {
  Row& row = rows_[index];
  float squares = 0;
  for (size_t d = 0; d < kDim; ++d) squares += g[d] * g[d];
  if (squares == 0) return;
  row.sum = row.sum * kFade + squares * share * share / static_cast<float>(kDim);
  const float rate = config_.row_rate * share * rsqrt_f32(row.sum + config_.row_begin);
  for (size_t d = 0; d < kDim; ++d) row.v[d] = std::clamp(row.v[d] - rate * g[d], -kMost, kMost);
  serve(index);
}

DeepWeights::Logits DeepWeights::trained(std::span<const uint32_t> row) {
  x_.resize(std::max(x_.size(), kInputs));
  pool(row, x_.data());
  float logits[kWide];
  network_.score(1, x_.data(), logits, space_);
  return {logits[0], logits[1], logits[2]};
}

// ---- what is served

uint64_t DeepWeights::word_of(size_t word) const {
  if (word < rows_.size()) {
    std::array<int8_t, kDim> codes{};
    for (size_t d = 0; d < kDim; ++d) {
      const float steps = rows_[word].v[d] * (1 / kStep);  // To the nearest, halves away from 0.
      codes[d] = static_cast<int8_t>(steps + (steps < 0 ? -0.5f : 0.5f));
    }
    return std::bit_cast<uint64_t>(codes);
  }
  const std::vector<float>& w = network_.weights();
  const size_t at = 2 * (word - rows_.size());
  return std::bit_cast<uint64_t>(
      std::array<float, 2>{w[at] - first_[at], at + 1 < w.size() ? w[at + 1] - first_[at + 1] : 0});
}

void DeepWeights::take(size_t word, uint64_t bits) {
  if (word < rows_.size()) {
    const auto codes = std::bit_cast<std::array<int8_t, kDim>>(bits);
    for (size_t d = 0; d < kDim; ++d)
      rows_[word].v[d] = std::clamp(static_cast<float>(codes[d]) * kStep, -kMost, kMost);
    return;
  }
  std::vector<float>& w = network_.weights();
  const auto two = std::bit_cast<std::array<float, 2>>(bits);
  const size_t at = 2 * (word - rows_.size());
  for (size_t i = 0; i < 2 && at + i < w.size(); ++i)
    w[at + i] = first_[at + i] + (std::isfinite(two[i]) ? two[i] : 0);
}

void DeepWeights::serve(size_t word) {
  if (direct_) {
    served_.write(word, word_of(word));
  } else {
    served_.change(word);
  }
}

void DeepWeights::serve_network() {
  for (size_t word = rows_.size(); word < served_.size(); ++word) serve(word);
}

void DeepWeights::catch_up() {
  served_.catch_up([&](size_t word) { return word_of(word); });
}

void DeepWeights::freeze() {
  served_.freeze([&](size_t word) { return word_of(word); });
}

void DeepWeights::go_back() {
  served_.go_back([&](size_t word, uint64_t bits) { take(word, bits); });
}

std::vector<uint64_t> DeepWeights::version() const {
  if (served_.good() == nullptr) return std::vector<uint64_t>(served_.size());
  return {served_.good(), served_.good() + served_.size()};
}

void DeepWeights::replace(std::span<const uint64_t> words) {
  make();
  served_.replace(words.data(), [&](size_t word, uint64_t bits) { take(word, bits); });
}

void DeepWeights::fetch(std::span<const uint32_t> row) const {
  const uint64_t* live = served_.live();
  if (live == nullptr) return;
  for (const uint32_t cell : row) __builtin_prefetch(&live[at(cell)]);
}

std::vector<uint64_t> DeepWeights::trained_words() const {
  std::vector<uint64_t> words(served_.size());
  for (size_t word = rows_.empty() ? words.size() : 0; word < words.size(); ++word)
    words[word] = word_of(word);
  return words;
}

bool DeepWeights::fits(std::span<const uint64_t> words) const {
  if (words.size() != served_.size()) return false;
  for (const uint64_t word : words.subspan(size_t{1} << config_.bits))
    for (const float weight : std::bit_cast<std::array<float, 2>>(word))
      if (!std::isfinite(weight)) return false;
  return true;
}

bool DeepWeights::Asked::begin(const DeepWeights& weights, RankCopy copy) {
  weights_ = &weights;
  trained_ = copy == RankCopy::kTrained;
  const ServedWords& served = weights.served_;
  words_ = trained_                       ? nullptr
           : copy == RankCopy::kLive      ? served.live()
           : copy == RankCopy::kCandidate ? served.candidate()
                                          : served.good();
  if (trained_ ? weights.rows_.empty() : words_ == nullptr) return false;
  if (network_ == nullptr || network_->parameters() != weights.network_.parameters())
    network_ = std::make_unique<CrossNetwork>(weights.network_config());
  std::vector<float>& w = network_->weights();
  if (trained_) {
    w = weights.network_.weights();
    return true;
  }
  const uint64_t* words = words_ + (size_t{1} << weights.config_.bits);
  for (size_t i = 0; i < w.size(); i += 2) {
    const auto two = std::bit_cast<std::array<float, 2>>(ServedWords::word_at(words, i / 2));
    w[i] = weights.first_[i] + two[0];
    if (i + 1 < w.size()) w[i + 1] = weights.first_[i + 1] + two[1];
  }
  return true;
}

void DeepWeights::Asked::score(std::span<const RankRow> rows, std::vector<Logits>& out) {
  out.assign(rows.size(), {});
  if (!trained_ && words_ == nullptr) return;
  x_.resize(rows.size() * kInputs);
  logits_.resize(rows.size() * kWide);
  for (size_t i = 0; i < rows.size(); ++i) {
    float* x = &x_[i * kInputs];
    trained_ ? weights_->pool(rows[i].all(), x) : pool(rows[i].all(), x);
  }
  network_->score(rows.size(), x_.data(), logits_.data(), space_);
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t head = 0; head < kHeads; ++head) {
      const float logit = logits_[i * kWide + head];
      out[i][head] = std::abs(logit) <= kLogitMax ? logit
                     : logit > 0                  ? kLogitMax
                     : logit < 0                  ? -kLogitMax
                                                  : 0;
    }
}

void DeepWeights::Asked::pool(std::span<const uint32_t> row, float* x) const {
  std::array<std::array<int16_t, kDim>, kRankGroups> sums{};  // 112 cells of at most 127
  std::array<uint32_t, kRankGroups> count{};
  for (const uint32_t cell : row) {
    const auto group = static_cast<size_t>(group_of(cell));
    const auto codes =
        std::bit_cast<std::array<int8_t, kDim>>(ServedWords::word_at(words_, weights_->at(cell)));
    ++count[group];
    for (size_t d = 0; d < kDim; ++d) sums[group][d] = static_cast<int16_t>(sums[group][d] + codes[d]);
  }
  for (size_t group = 0; group < kRankGroups; ++group) {
    const float scale = group == static_cast<size_t>(RankGroup::kPlace) ? 0 : kStep * share_of(count[group]);
    for (size_t d = 0; d < kDim; ++d) x[group * kDim + d] = static_cast<float>(sums[group][d]) * scale;
  }
  std::fill(x + kRankGroups * kDim, x + kInputs, 0.0f);
}

// ---- snapshots

size_t DeepWeights::bytes() const {
  return rows_.size() * sizeof(Row) + network_.bytes() + served_.bytes();
}

void DeepWeights::clear() {
  rows_.clear();
  served_.clear();
  pending_.clear();
  cells_.clear();
  network_ = CrossNetwork(network_config());
}

void DeepWeights::save(Writer& out) const {
  CHECK(pending_.empty());
  network_.save(out);
  const auto used = [](const Row& row) {
    return row.sum != 0 || std::any_of(row.v.begin(), row.v.end(), [](float w) { return w != 0; });
  };
  out.u8(rows_.empty() ? 0 : 1);
  out.varint(static_cast<uint64_t>(std::count_if(rows_.begin(), rows_.end(), used)));
  size_t last = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (!used(rows_[i])) continue;
    out.varint(i - last);
    last = i;
    out.array(rows_[i].v.data(), kDim);
    out.f32(rows_[i].sum);
  }
  out.u8(static_cast<uint8_t>((direct_ ? 1 : 0) | (served_.marking() ? 2 : 0)));
  served_.save(out);
}

Status DeepWeights::load(Reader& in) {
  clear();
  network_.load(in);
  if (in.u8() != 0) rows_.resize(size_t{1} << config_.bits);
  const uint64_t used = in.varint();
  size_t at = 0;
  for (uint64_t n = 0; n < used && in.ok(); ++n) {
    at += in.varint();
    if (at >= rows_.size()) return corrupt("ranker: a vector outside its table");
    in.array(rows_[at].v.data(), kDim);
    rows_[at].sum = in.f32();
    for (const float w : rows_[at].v)
      if (!(std::abs(w) <= kMost)) return corrupt("ranker: a vector that is out of range");
  }
  const uint8_t flags = in.u8();
  direct_ = (flags & 1) != 0;
  served_.set_marking((flags & 2) != 0);
  TRY_STATUS(served_.load(in));
  return in.ok() ? Status() : Status(corrupt("ranker: vectors cut short"));
}

}  // namespace freshet
