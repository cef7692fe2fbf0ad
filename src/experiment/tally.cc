#include "experiment/tally.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr double kHistoryFrom = 20, kHistoryStep = 1.04;  // Points stand at n, 1.04 n, ...: 400 reach 10^8.

}  // namespace

Measure measure_of(Goal goal) {
  constexpr Measure kOf[] = {Measure::kClicked, Measure::kCarted, Measure::kBought, Measure::kRevenue};
  return kOf[static_cast<size_t>(goal)];
}

bool SeenSet::add(uint64_t hash) {
  if (words_.empty()) words_.resize(kBits / 64);
  const uint64_t bit = mix64(hash) % kBits;
  uint64_t& word = words_[bit / 64];
  if ((word >> (bit % 64) & 1) != 0) return false;
  word |= uint64_t{1} << (bit % 64);
  ++marked_;
  return true;
}

double SeenSet::count() const {
  constexpr double kAll = kBits;
  return -kAll * std::log1p(-std::min(static_cast<double>(marked_), kAll - 1) / kAll);
}

void SeenSet::save(Writer& out) const {
  out.u64(marked_);
  out.u8(words_.empty() ? 0 : 1);
  out.array(words_.data(), words_.size());
}

Status SeenSet::load(Reader& in) {
  marked_ = in.u64();
  words_.assign(in.u8() != 0 ? kBits / 64 : 0, 0);
  in.array(words_.data(), words_.size());
  return in.ok() ? Status() : Status(corrupt("experiments: cut short"));
}

bool RecentSet::add(uint64_t hash) {
  constexpr int kHashes = 4;
  if (now_.empty()) now_.resize(kBits / 64);
  const uint64_t first = mix64(hash), step = mix64(first) | 1;
  bool in_now = true, in_before = !before_.empty();
  for (uint64_t i = 0; i < kHashes; ++i) {
    const uint64_t at = (first + i * step) % kBits;
    const uint64_t bit = uint64_t{1} << (at % 64);
    in_now = in_now && (now_[at / 64] & bit) != 0;
    in_before = in_before && (before_[at / 64] & bit) != 0;
  }
  if (in_now || in_before) return false;
  for (uint64_t i = 0; i < kHashes; ++i) {
    const uint64_t at = (first + i * step) % kBits;
    now_[at / 64] |= uint64_t{1} << (at % 64);
  }
  if (++count_ == kOf) {
    before_ = std::move(now_);
    now_.assign(kBits / 64, 0);
    count_ = 0;
  }
  return true;
}

void RecentSet::save(Writer& out) const {
  out.u32(count_);
  for (const std::vector<uint64_t>* words : {&now_, &before_}) {
    out.u8(words->empty() ? 0 : 1);
    out.array(words->data(), words->size());
  }
}

Status RecentSet::load(Reader& in) {
  count_ = in.u32();
  for (std::vector<uint64_t>* words : {&now_, &before_}) {
    words->assign(in.u8() != 0 ? kBits / 64 : 0, 0);
    in.array(words->data(), words->size());
  }
  if (count_ >= kOf) return corrupt("experiments: more pages than are remembered");
  return in.ok() ? Status() : Status(corrupt("experiments: cut short"));
}

ExperimentTally::ExperimentTally(const ExperimentDefinition& of) : kind_(of.kind), goal_(of.goal) {
  if (kind_ == ExperimentKind::kSplit) buckets_.resize(size_t{2} * kBuckets);
}

void ExperimentTally::search(Arm arm, uint32_t bucket, uint64_t shopper, bool empty, double took_ms,
                             TimeMs now_ms) {
  const auto add = [&](Measure measure, double value) {
    sums(arm, bucket)[static_cast<size_t>(measure)] += value;
    total_[static_cast<size_t>(arm)][static_cast<size_t>(measure)] += value;
  };
  add(Measure::kSearches, 1);
  add(Measure::kEmpty, empty ? 1 : 0);
  add(Measure::kTookMs, took_ms);
  if (seen_.add(shopper)) ++marked_[static_cast<size_t>(arm)];
  note(sum(Arm::kControl, Measure::kSearches) + sum(Arm::kVariant, Measure::kSearches), now_ms);
}

void ExperimentTally::answer(Arm arm, uint32_t bucket, Measure measure, double value) {
  sums(arm, bucket)[static_cast<size_t>(measure)] += value;
  total_[static_cast<size_t>(arm)][static_cast<size_t>(measure)] += value;
}

bool ExperimentTally::page(uint64_t draft) {
  if (!drafts_.add(draft)) return false;
  ++pages_;
  return true;
}

void ExperimentTally::win(Arm arm, TimeMs now_ms) {
  ++wins_[static_cast<size_t>(arm)];
  note(static_cast<double>(wins_[0] + wins_[1]), now_ms);
}

void ExperimentTally::note(double n, TimeMs now_ms) {
  const double due = history_.empty() ? kHistoryFrom : history_.back().n * kHistoryStep;
  if (n < due || history_.size() == kHistoryMax) return;
  HistoryPoint point{.time_ms = now_ms, .n = n};
  if (kind_ == ExperimentKind::kSplit) {
    const Measure measure = measure_of(goal_);
    const Ratio control = ratio(Arm::kControl, measure), variant = ratio(Arm::kVariant, measure);
    point.difference = variant.value - control.value;
    point.variance = variant.variance + control.variance;
  } else {
    point.difference = static_cast<double>(wins(Arm::kVariant));
  }
  history_.push_back(point);
}

double ExperimentTally::sum(Arm arm, Measure measure) const {
  return total_[static_cast<size_t>(arm)][static_cast<size_t>(measure)];
}

Ratio ExperimentTally::ratio(Arm arm, Measure measure) const {
  const double n = sum(arm, Measure::kSearches);
  if (n <= 0 || buckets_.empty()) return {};
  Ratio out{.value = sum(arm, measure) / n};
  double squares = 0;
  for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    const Sums& of = sums(arm, bucket);
    const double x = of[static_cast<size_t>(measure)];
    const double off = x - out.value * of[static_cast<size_t>(Measure::kSearches)];
    squares += off * off;
    out.answered += x != 0 ? 1 : 0;
  }
  out.variance = squares / (n * n) * kBuckets / (kBuckets - 1);
  return out;
}

size_t ExperimentTally::clusters(Arm arm) const {
  size_t count = 0;
  for (uint32_t bucket = 0; bucket < kBuckets && !buckets_.empty(); ++bucket)
    count += sums(arm, bucket)[static_cast<size_t>(Measure::kSearches)] > 0 ? 1 : 0;
  return count;
}

double ExperimentTally::shoppers(Arm arm) const {
  if (seen_.marked() == 0) return 0;
  return seen_.count() * static_cast<double>(shoppers_marked(arm)) / static_cast<double>(seen_.marked());
}

void ExperimentTally::save(Writer& out) const {
  out.array(buckets_.data(), buckets_.size());
  out.raw(total_);
  seen_.save(out);
  drafts_.save(out);
  out.raw(marked_);
  out.u64(pages_);
  out.raw(wins_);
  out.varint(history_.size());
  for (const HistoryPoint& point : history_) {
    out.i64(point.time_ms);
    out.f64(point.n);
    out.f64(point.difference);
    out.f64(point.variance);
  }
}

Status ExperimentTally::load(Reader& in) {
  in.array(buckets_.data(), buckets_.size());
  total_ = in.raw<std::array<Sums, 2>>();
  TRY_STATUS(seen_.load(in));
  TRY_STATUS(drafts_.load(in));
  marked_ = in.raw<std::array<uint64_t, 2>>();
  pages_ = in.u64();
  wins_ = in.raw<std::array<uint64_t, 2>>();
  const uint64_t points = in.varint();
  if (points > kHistoryMax) return corrupt("experiments: a longer history than there can be");
  history_.resize(points);
  for (HistoryPoint& point : history_) {
    point.time_ms = in.i64();
    point.n = in.f64();
    point.difference = in.f64();
    point.variance = in.f64();
  }
  return in.ok() ? Status() : Status(corrupt("experiments: cut short"));
}

size_t ExperimentTally::bytes() const {
  return sizeof *this + buckets_.size() * sizeof(Sums) + (seen_.marked() > 0 ? SeenSet::kBits / 8 : 0) +
         drafts_.bytes() + history_.capacity() * sizeof(HistoryPoint);
}

}  // namespace freshet
