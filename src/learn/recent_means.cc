#include "learn/recent_means.h"

#include <algorithm>
#include <limits>

namespace freshet {
namespace {

constexpr uint32_t kGapMost = 10000;  // By then the oldest mean is forgotten.

// (1 - 1 / horizon) ^ rows by squaring: the same bits on every machine.
double kept_after(uint32_t rows, double horizon) {
  double kept = 1;
  for (double keep = 1 - 1 / horizon; rows > 0; rows >>= 1, keep *= keep)
    if ((rows & 1) != 0) kept *= keep;
  return kept;
}

}  // namespace

float RecentMeans::apart(const double* value, size_t horizon) const {
  if (!seen_) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>((value != nullptr ? *value : last_) - means_[horizon]);
}

void RecentMeans::learn(const double* value) {
  if (value == nullptr) {
    gap_ = std::min(gap_ + 1, kGapMost);
    return;
  }
  for (size_t h = 0; h < means_.size(); ++h) {
    const double step = gap_ == 0 ? 1 / kHorizons[h] : 1 - kept_after(gap_ + 1, kHorizons[h]);
    means_[h] = seen_ ? means_[h] + (*value - means_[h]) * step : *value;
  }
  seen_ = true;
  gap_ = 0;
  last_ = *value;
}

void RecentMeans::save(Writer& out) const {
  out.u8(seen_ ? 1 : 0);
  out.u32(gap_);
  out.f64(last_);
  for (const double mean : means_) out.f64(mean);
}

void RecentMeans::load(Reader& in) {
  seen_ = in.u8() != 0;
  gap_ = in.u32();
  last_ = in.f64();
  for (double& mean : means_) mean = in.f64();
}

}  // namespace freshet
