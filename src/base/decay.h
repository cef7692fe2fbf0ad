// 2^-x for x >= 0, the same bits on every machine (multiply and add only; the C library picks variants by
// CPU).
#pragma once

#include <bit>
#include <cstdint>

namespace freshet {

// Relative error below 1e-15. x: age in half-lives. Beyond 1000 half-lives: 0.
inline double decayed(double x) {
  if (!(x > 0)) return 1.0;
  if (x > 1000) return 0.0;
  const auto whole = static_cast<int64_t>(x);
  const double y = -(x - static_cast<double>(whole)) * 0.6931471805599453094;  // in (-ln 2, 0]
  double sum = 1.0;  // Horner form of the Taylor series of e^y, 16 terms.
  for (int n = 16; n >= 1; --n) sum = 1.0 + sum * y / n;
  return sum * std::bit_cast<double>(static_cast<uint64_t>(1023 - whole) << 52);
}

}  // namespace freshet
