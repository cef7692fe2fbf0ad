#include "learn/halving.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/result.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr double kRates = 8, kShrinks = 10;
constexpr uint64_t kWeighted = uint64_t{1} << 63;  // Saved with learned_: weights_ follows.
constexpr double kTrust = 100;  // Rows that the loss of the rung before counts as, at least.

double halton(size_t i, size_t base) {
  double out = 0, digit = 1;
  for (; i > 0; i /= base) out += static_cast<double>(i % base) * (digit /= static_cast<double>(base));
  return out;
}

double loss_of(Task task, float score, float label) {
  if (task == Task::kRegression) return (score - label) * static_cast<double>(score - label);
  const float p = std::clamp(sigmoid_f32(score), 1e-6f, 1 - 1e-6f);
  return -log_f32(label > 0.5f ? p : 1 - p);
}

}  // namespace

Knobs halving_knobs(const LearnerEntry& entry, size_t i) {
  if (i == 0) return {};
  Knobs out;
  if (entry.rate) out.rate = static_cast<float>(std::pow(kRates, 2 * halton(i, 2) - 1));
  if (entry.shrink) out.shrink = static_cast<float>(std::pow(kShrinks, 2 * halton(i, 3) - 1));
  return out;
}

Halving::Halving(const LearnerEntry& entry, const LearnerShape& shape, const HalvingConfig& config)
    : entry_(entry),
      task_(shape.task),
      rows_(std::max<uint64_t>(config.rows, 1)),
      left_(config.configurations) {
  CHECK(left_ >= 2 && left_ <= kHalvingMax && (entry.rate || entry.shrink));
  LearnerShape one = shape;
  one.bytes_max = shape.bytes_max / left_;
  for (size_t i = 0; i < left_; ++i) {
    one.knobs = halving_knobs(entry, i);
    learners_.push_back(entry.make(one));
    trials_.push_back({.knobs = one.knobs});
  }
  sums_.resize(left_);
  scores_.resize(left_);
}

float Halving::score(const Sample& sample) {
  for (size_t i = 0; i < learners_.size(); ++i) scores_[i] = learners_[i] ? learners_[i]->score(sample) : 0;
  return scores_[best_];
}

// By what was said when the row was predicted, so that a label that came late judges what was answered.
void Halving::learn(const Sample& sample) {
  if (left_ > 1) {
    const bool kept = sample.scores.size() == learners_.size();
    for (size_t i = 0; i < learners_.size(); ++i) {
      if (!learners_[i]) continue;
      const float said = kept ? sample.scores[i] : learners_[i]->score(sample);
      sums_[i] += sample.importance * loss_of(task_, said, sample.label);
    }
    ++learned_;
    weights_ += double{sample.importance};
  }
  for (size_t i = 0; i < learners_.size(); ++i) {
    if (!learners_[i]) continue;
    learners_[i]->learn(sample);
    ++trials_[i].rows;
  }
  if (left_ == 1) return;
  choose();
  if (learned_ == rows_ << rung_) end_rung();
}

void Halving::choose() {
  if (weights_ == 0) return;
  const auto rows = static_cast<double>(learned_);
  const auto now = [&](size_t i) {
    const double before = rung_ == 0 ? 0 : std::max(kTrust, static_cast<double>(rows_ << (rung_ - 1)));
    return (rows * sums_[i] / weights_ + before * trials_[i].loss) / (rows + before);
  };
  for (size_t i = 0; i < learners_.size(); ++i)
    if (learners_[i] && (!learners_[best_] || now(i) < now(best_))) best_ = i;
}

void Halving::end_rung() {
  std::vector<size_t> order;
  for (size_t i = 0; i < learners_.size(); ++i) {
    if (!learners_[i]) continue;
    if (weights_ > 0) trials_[i].loss = sums_[i] / weights_;
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double one = trials_[a].loss, other = trials_[b].loss;
    return std::isfinite(one) && (!std::isfinite(other) || one < other);
  });
  left_ = (order.size() + 1) / 2;
  for (size_t at = left_; at < order.size(); ++at) {
    learners_[order[at]].reset();
    trials_[order[at]].stopped = true;
  }
  best_ = order[0];
  std::fill(sums_.begin(), sums_.end(), 0.0);
  learned_ = 0;
  weights_ = 0;
  ++rung_;
}

Status Halving::status() const {
  for (const auto& one : learners_)
    if (one) TRY_STATUS(one->status());
  return {};
}

size_t Halving::bytes() const {
  return std::accumulate(learners_.begin(), learners_.end(), size_t{0},
                         [](size_t sum, const auto& one) { return sum + (one ? one->bytes() : 0); });
}

void Halving::save(Writer& out) const {
  out.varint(learners_.size());
  out.u64(rung_);
  const bool weighted = weights_ != static_cast<double>(learned_);
  out.u64(learned_ | (weighted ? kWeighted : 0));
  if (weighted) out.f64(weights_);
  out.varint(best_);
  for (size_t i = 0; i < learners_.size(); ++i) {
    out.u8(trials_[i].stopped ? 1 : 0);
    out.u64(trials_[i].rows);
    out.f64(trials_[i].loss);
    out.f64(sums_[i]);
    if (learners_[i]) learners_[i]->save(out);
  }
}

void Halving::load(Reader& in) {
  if (in.varint() != learners_.size()) return in.fail();
  rung_ = in.u64();
  learned_ = in.u64();
  const bool weighted = (learned_ & kWeighted) != 0;
  learned_ &= ~kWeighted;
  weights_ = weighted ? in.f64() : static_cast<double>(learned_);
  best_ = in.varint();
  left_ = 0;
  for (size_t i = 0; i < learners_.size() && in.ok(); ++i) {
    trials_[i].stopped = in.u8() != 0;
    trials_[i].rows = in.u64();
    trials_[i].loss = in.f64();
    sums_[i] = in.f64();
    if (trials_[i].stopped) {
      learners_[i].reset();
    } else {
      learners_[i]->load(in);
      ++left_;
    }
  }
  if (best_ >= learners_.size() || !learners_[best_] || rung_ > 40) in.fail();
}

}  // namespace freshet
