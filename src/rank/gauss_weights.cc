#include "rank/gauss_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/math.h"

namespace freshet {
namespace {

constexpr float kMeanMax = 6;          // Of one weight
constexpr float kVarianceMin = 1e-3f;  // Of the prior's
constexpr float kSteps = 4096;         // Of served means, to 1.
static_assert(kMeanMax * kSteps < 32767);
constexpr uint32_t kMeanBits = 16, kShareBits = 5, kShareAt = kMeanBits * GaussWeights::kHeads;
constexpr uint32_t kShareMost = (1u << kShareBits) - 1;
// The exponent of a float and the first two bits behind it: four steps an octave.
constexpr uint32_t kShareShift = 21, kWhole = std::bit_cast<uint32_t>(1.0f) >> kShareShift;

uint64_t share_code(float share) {
  const uint32_t near = (std::bit_cast<uint32_t>(share) + (1u << (kShareShift - 1))) >> kShareShift;
  return std::min(kWhole - std::min(near, kWhole), kShareMost);
}
float share_of(uint64_t code) {
  return std::bit_cast<float>((kWhole - static_cast<uint32_t>(code)) << kShareShift);
}

// What GaussWeights::say tells apart: 0: a place, 1: a score, 2: the scenario, 3: the shopper, 4: all else.
constexpr std::array<uint8_t, kRankGroups> kSaidOf = [] {
  std::array<uint8_t, kRankGroups> out{};
  for (size_t g = 0; g < kRankGroups; ++g) out[g] = (kOfShopper >> g & 1) != 0 ? 3 : 4;
  out[static_cast<size_t>(RankGroup::kPage)] = out[static_cast<size_t>(RankGroup::kPlace)] = 0;
  out[static_cast<size_t>(RankGroup::kScore)] = 1;
  out[static_cast<size_t>(RankGroup::kScenario)] = 2;
  return out;
}();

int32_t steps_of(uint64_t word, size_t head) {
  return static_cast<int16_t>(static_cast<uint16_t>(word >> kMeanBits * head));
}

}  // namespace

uint64_t GaussWeights::word_of(const Cell& cell) {
  uint64_t word = 0;
  for (size_t head = 0; head < kHeads; ++head) {
    const float steps = cell[head].mean * kSteps;  // To the nearest, halves away from 0.
    const auto mean = static_cast<int16_t>(static_cast<int32_t>(steps + (steps < 0 ? -0.5f : 0.5f)));
    word |= static_cast<uint64_t>(static_cast<uint16_t>(mean)) << kMeanBits * head;
    word |= share_code(1 - cell[head].gone) << (kShareAt + kShareBits * head);
  }
  return word;
}

GaussWeights::Weight GaussWeights::weight_of(uint64_t word, size_t head) {
  return {static_cast<float>(steps_of(word, head)) * (1 / kSteps),
          1 - share_of(word >> (kShareAt + kShareBits * head) & kShareMost)};
}

void GaussWeights::make() {
  const size_t size = size_t{1} << config_.bits;
  cells_.reset(static_cast<Cell*>(std::calloc(size, sizeof(Cell))));  // Zeros, given as they are touched.
  CHECK(cells_ != nullptr);
}

void GaussWeights::fetch(std::span<const uint32_t> row) const {
  const uint64_t* words = served_.live();
  if (words == nullptr) return;
  for (const uint32_t cell : row) __builtin_prefetch(&words[index_of(cell)]);
}

template <class At>
void GaussWeights::add_up(std::span<const uint32_t> row, uint32_t counted, Sums& out, At&& at) const {
  for (const uint32_t cell : row) {
    const auto group = static_cast<size_t>(group_of(cell));
    const Weight weight = at(index_of(cell));
    out.mean[group] += weight.mean;
    if ((counted >> group & 1) == 0) continue;
    float& prior = const_cast<float&>(config_.prior[group]);  // NOLINT: atomic_ref takes no const; read only.
    out.variance += std::atomic_ref(prior).load(std::memory_order_relaxed) * (1 - weight.gone);
  }
}

void GaussWeights::sum(std::span<const uint32_t> row, size_t head, uint32_t counted, Sums& out,
                       RankCopy copy) const {
  out = {};
  const uint64_t* live = served_.live();
  if (live == nullptr) {
    add_up(row, counted, out, [](uint32_t) { return Weight{}; });
  } else if (copy == RankCopy::kLive) {
    add_up(row, counted, out, [&](uint32_t i) { return weight_of(ServedWords::word_at(live, i), head); });
  } else if (copy == RankCopy::kTrained) {
    add_up(row, counted, out, [&](uint32_t i) { return cells_[i][head]; });
  } else {
    const bool good = copy == RankCopy::kGood;
    add_up(row, counted, out,
           [&](uint32_t i) { return weight_of(good ? served_.good(i) : served_.candidate(i), head); });
  }
}

void GaussWeights::parts(std::span<const uint32_t> row, size_t head, std::span<float> out) const {
  std::fill(out.begin(), out.end(), 0.0f);
  if (cells_ == nullptr) return;
  for (const uint32_t cell : row)
    out[static_cast<size_t>(feature_of(cell))] += cells_[index_of(cell)][head].mean;
}

std::array<GaussWeights::Said, kRankCopies> GaussWeights::say(std::span<const uint32_t> row, size_t head,
                                                              uint32_t copies) const {
  std::array<Said, kRankCopies> out{};
  const uint64_t* live = served_.live();
  if (live == nullptr) return out;
  const bool trained = (copies & copy_bit(RankCopy::kTrained)) != 0;
  struct Apart {  // Of one of what is told apart.
    float trained = 0;
    int32_t live = 0, candidate = 0, good = 0;  // In steps; the latter two beyond what is live.
  };
  std::array<Apart, 5> sums{};
  for (const uint32_t cell : row) {
    const uint32_t i = index_of(cell);
    Apart& sum = sums[kSaidOf[static_cast<size_t>(group_of(cell))]];
    const int32_t mean = steps_of(ServedWords::word_at(live, i), head);
    sum.live += mean;
    if (served_.candidate_differs(i)) sum.candidate += steps_of(served_.candidate(i), head) - mean;
    if (served_.good_differs(i)) sum.good += steps_of(served_.good(i), head) - mean;
    if (trained) sum.trained += cells_[i][head].mean;
  }
  float Said::*const parts[] = {&Said::place, &Said::score, &Said::scenario, &Said::shopper, &Said::rest};
  for (size_t part = 0; part < sums.size(); ++part) {
    const Apart& sum = sums[part];
    const auto at = [&](RankCopy copy) -> float& { return out[static_cast<size_t>(copy)].*parts[part]; };
    at(RankCopy::kTrained) = sum.trained;
    at(RankCopy::kLive) = static_cast<float>(sum.live) / kSteps;
    at(RankCopy::kCandidate) = static_cast<float>(sum.live + sum.candidate) / kSteps;
    at(RankCopy::kGood) = static_cast<float>(sum.live + sum.good) / kSteps;
  }
  return out;
}

float GaussWeights::learn(std::span<const uint32_t> row, size_t head, float offset, float label, float weight,
                          float taken) {
  if (cells_ == nullptr) make();
  float logit = offset, variance = 0;
  for (const uint32_t cell : row) {
    const Weight& one = cells_[index_of(cell)][head];
    logit += one.mean;
    variance += config_.prior[static_cast<size_t>(group_of(cell))] * (1 - one.gone);
  }
  const float p = sigmoid_f32(std::clamp(logit, -30.0f, 30.0f));
  const float h = config_.caution * weight * p * (1 - p);
  const float down = 1 / (1 + h * variance);
  const float step = (weight * (label - p) + taken * (label > 0 ? p : p - 1)) * down;
  const float shrink = weight > 0 ? h * down * std::max(0.0f, 1 - taken / weight) : 0;
  for (const uint32_t cell : row) move(cell, head, step, shrink);
  return logit;
}

// m += s step,   s -= s^2 shrink
void GaussWeights::move(uint32_t cell, size_t head, float step, float shrink) {
  const uint32_t i = index_of(cell);
  Weight& one = cells_[i][head];
  const float prior = config_.prior[static_cast<size_t>(group_of(cell))];
  const float s = prior * (1 - one.gone);
  one.mean = std::clamp(one.mean + s * step, -kMeanMax, kMeanMax);
  const float left = (1 - one.gone) * std::max(1 - s * shrink, 0.0f) + config_.drift;
  one.gone = 1 - std::clamp(left, kVarianceMin, 1.0f);
  if (direct_) {
    served_.write(i, word_of(cells_[i]));
  } else {
    served_.change(i);
  }
}

float GaussWeights::learn_pair(std::span<const uint32_t> chosen, std::span<const uint32_t> other, size_t head,
                               float weight) {
  if (cells_ == nullptr) make();
  const auto each = [&](auto&& act) {  // act(cell, +1 or -1), of those that only one of them has.
    size_t a = 0, b = 0;
    while (a < chosen.size() || b < other.size()) {
      if (b == other.size() || (a < chosen.size() && chosen[a] < other[b])) {
        act(chosen[a++], 1.0f);
      } else if (a == chosen.size() || other[b] < chosen[a]) {
        act(other[b++], -1.0f);
      } else {
        ++a, ++b;
      }
    }
  };
  float logit = 0, variance = 0;
  each([&](uint32_t cell, float sign) {
    const Weight& one = cells_[index_of(cell)][head];
    logit += sign * one.mean;
    variance += config_.prior[static_cast<size_t>(group_of(cell))] * (1 - one.gone);
  });
  const float p = sigmoid_f32(std::clamp(logit, -30.0f, 30.0f));
  const float h = config_.caution * weight * p * (1 - p);
  const float down = 1 / (1 + h * variance);
  const float step = weight * (1 - p) * down;
  each([&](uint32_t cell, float sign) { move(cell, head, sign * step, h * down); });
  return logit;
}

void GaussWeights::freeze() {
  served_.freeze([&](size_t i) { return word_of(cells_[i]); });
}

void GaussWeights::go_back() {
  served_.go_back([&](size_t i, uint64_t word) {
    for (size_t head = 0; head < kHeads; ++head) cells_[i][head] = weight_of(word, head);
  });
}

void GaussWeights::catch_up() {
  served_.catch_up([&](size_t i) { return word_of(cells_[i]); });
}

std::vector<uint64_t> GaussWeights::trained_words() const {
  std::vector<uint64_t> out;
  for (size_t i = 0; cells_ != nullptr && i <= mask(); ++i) out.push_back(word_of(cells_[i]));
  return out;
}

std::vector<uint64_t> GaussWeights::version() const {
  if (served_.good() == nullptr) return std::vector<uint64_t>(served_.size());
  return {served_.good(), served_.good() + served_.size()};
}

void GaussWeights::replace(std::span<const uint64_t> words) {
  if (cells_ == nullptr) make();
  served_.replace(words.data(), [&](size_t i, uint64_t word) {
    for (size_t head = 0; head < kHeads; ++head) cells_[i][head] = weight_of(word, head);
  });
}

GaussWeights::Error GaussWeights::serving_error() const {
  Error out;
  double squares = 0;
  for (size_t i = 0; cells_ != nullptr && i <= mask(); ++i)
    for (size_t head = 0; head < kHeads; ++head) {
      const Weight& trained = cells_[i][head];
      if (trained.gone == 0) continue;
      const auto apart = static_cast<double>(std::fabs(trained.mean - weight_of(served_.live(i), head).mean));
      out.greatest = std::max(out.greatest, apart);
      squares += apart * apart;
      ++out.weights;
    }
  if (out.weights > 0) out.rms = std::sqrt(squares / static_cast<double>(out.weights));
  return out;
}

void GaussWeights::clear() {
  cells_.reset();
  served_.clear();
}

void GaussWeights::save(Writer& out) const {
  const size_t size = cells_ == nullptr ? 0 : size_t{1} << config_.bits;
  const auto used = [&](const Cell& cell) {
    return std::any_of(cell.begin(), cell.end(),
                       [](const Weight& one) { return one.mean != 0 || one.gone != 0; });
  };
  size_t live = 0;
  for (size_t i = 0; i < size; ++i) live += used(cells_[i]) ? 1 : 0;
  out.varint(live);
  size_t last = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!used(cells_[i])) continue;
    out.varint(i - last);
    last = i;
    out.array(cells_[i].data(), kHeads);
  }
  out.f32(config_.drift);
  out.u8(static_cast<uint8_t>((direct_ ? 1 : 0) | (served_.marking() ? 2 : 0)));
  served_.save(out);
}

Status GaussWeights::load(Reader& in) {
  clear();
  const uint64_t live = in.varint();
  const size_t size = size_t{1} << config_.bits;
  size_t at = 0;
  for (uint64_t n = 0; n < live && in.ok(); ++n) {
    at += in.varint();
    if (at >= size) return corrupt("ranker: a weight outside its table");
    if (cells_ == nullptr) make();
    in.array(cells_[at].data(), kHeads);
  }
  config_.drift = in.f32();
  const uint8_t flags = in.u8();
  direct_ = (flags & 1) != 0;
  served_.set_marking((flags & 2) != 0);
  if (!in.ok()) return corrupt("ranker: weights cut short");
  TRY_STATUS(served_.load(in));
  if (served_.bytes() != 0 && cells_ == nullptr) make();
  return {};
}

}  // namespace freshet
