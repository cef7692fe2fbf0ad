#include "model/adwin.h"

#include <cmath>

#include "model/math.h"

namespace freshet {

bool Adwin::add(double x) {
  buckets_.push_back({1, x, x * x});
  ++count_;
  sum_ += x;
  squares_ += x * x;
  compress();
  if (++seen_ % kCheckEvery != 0 || count_ < 2 * kCheckEvery) return false;
  const double sum = sum_;
  const uint64_t count = count_;
  while (cut()) {
  }
  if (count_ == count) return false;
  mean_before_ = (sum - sum_) / static_cast<double>(count - count_);
  return true;
}

void Adwin::compress() {
  constexpr size_t kSameSize = 5;
  size_t end = buckets_.size();
  while (end > kSameSize) {
    // buckets_[begin, end) have one size; more than kSameSize of them: the two oldest become one.
    const uint64_t size = buckets_[end - 1].count;
    size_t begin = end;
    while (begin > 0 && buckets_[begin - 1].count == size) --begin;
    if (end - begin <= kSameSize) return;
    Bucket& older = buckets_[begin];
    const Bucket& newer = buckets_[begin + 1];
    older = {older.count + newer.count, older.sum + newer.sum, older.squares + newer.squares};
    buckets_.erase(buckets_.begin() + static_cast<std::ptrdiff_t>(begin) + 1);
    end = begin + 1;
  }
}

bool Adwin::cut() {
  const double n = static_cast<double>(count_);
  if (buckets_.size() < 2) return false;
  const double variance = std::fmax(0.0, squares_ / n - (sum_ / n) * (sum_ / n));
  const double log_term = log_f32(static_cast<float>(2 * log_f32(static_cast<float>(n)) / delta_));
  double n0 = 0;
  double sum0 = 0;
  for (size_t i = 0; i + 1 < buckets_.size(); ++i) {
    n0 += static_cast<double>(buckets_[i].count);
    sum0 += buckets_[i].sum;
    const double n1 = n - n0;
    if (n0 < 5 || n1 < 5) continue;
    const double inverse_m = 1 / n0 + 1 / n1;
    const double bound = std::sqrt(2 * inverse_m * variance * log_term) + 2.0 / 3 * inverse_m * log_term;
    if (std::fabs(sum0 / n0 - (sum_ - sum0) / n1) < bound) continue;
    count_ -= buckets_.front().count;
    sum_ -= buckets_.front().sum;
    squares_ -= buckets_.front().squares;
    buckets_.erase(buckets_.begin());
    return true;
  }
  return false;
}

void Adwin::save(Writer& out) const {
  out.f64(delta_);
  out.u64(count_);
  out.u64(seen_);
  out.f64(sum_);
  out.f64(squares_);
  out.f64(mean_before_);
  out.varint(buckets_.size());
  for (const Bucket& bucket : buckets_) {
    out.varint(bucket.count);
    out.f64(bucket.sum);
    out.f64(bucket.squares);
  }
}

void Adwin::load(Reader& in) {
  delta_ = in.f64();
  count_ = in.u64();
  seen_ = in.u64();
  sum_ = in.f64();
  squares_ = in.f64();
  mean_before_ = in.f64();
  buckets_.clear();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const uint64_t count = in.varint();
    const double sum = in.f64();
    buckets_.push_back({count, sum, in.f64()});
  }
}

}  // namespace freshet
