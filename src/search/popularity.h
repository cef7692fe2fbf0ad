// An exponentially decayed count as one double that needs no touching as time goes by: the count at time t is
// m * 2^e / 2^(t / half life), kept as the key e + (m - 1) with m in [1, 2). Keys compare as the counts do,
// at any time. Sources: Cormode, Korn, Tirthapura 2008, "Exponentially decayed aggregates on data streams"
// (forward decay); the key is the usual piecewise linear log2. IEEE operations only: the same on every
// machine.
#pragma once

#include <cmath>
#include <limits>

#include "base/decay.h"
#include "base/time.h"

namespace freshet {

constexpr double kNoPopularity = -std::numeric_limits<double>::infinity();

// The key after `weight` (> 0) was added at `time_ms`.
inline double popularity_add(double key, double weight, TimeMs time_ms, double half_life_ms) {
  const double age = static_cast<double>(time_ms) / half_life_ms;
  const double whole = std::floor(age);
  double value = weight * 2 * decayed(1 - (age - whole));  // In units of 2^whole.
  if (key != kNoPopularity) {
    const double e = std::floor(key);
    if (e - whole > 1000) return key;
    value += std::ldexp(1 + (key - e), static_cast<int>(std::fmax(e - whole, -1000)));
  }
  int exponent = 0;
  const double m = 2 * std::frexp(value, &exponent);  // [1, 2)
  return whole + exponent - 1 + (m - 1);
}

// The count at `now_ms`.
inline double popularity_at(double key, TimeMs now_ms, double half_life_ms) {
  if (key == kNoPopularity) return 0;
  const double age = static_cast<double>(now_ms) / half_life_ms;
  const double whole = std::floor(age), e = std::floor(key);
  if (e - whole < -1000) return 0;
  return std::ldexp((1 + (key - e)) * decayed(age - whole), static_cast<int>(std::fmin(e - whole, 1000)));
}

}  // namespace freshet
