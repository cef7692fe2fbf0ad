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
  constexpr double kInverse[] = {0,        1.0,      1.0 / 2,  1.0 / 3,  1.0 / 4,  1.0 / 5,
                                 1.0 / 6,  1.0 / 7,  1.0 / 8,  1.0 / 9,  1.0 / 10, 1.0 / 11,
                                 1.0 / 12, 1.0 / 13, 1.0 / 14, 1.0 / 15, 1.0 / 16};
  double sum = 1.0;  // Horner form of the Taylor series of e^y, 16 terms, without divisions.
  for (int n = 16; n >= 1; --n) sum = 1.0 + sum * (y * kInverse[n]);
  return sum * std::bit_cast<double>(static_cast<uint64_t>(1023 - whole) << 52);
}

}  // namespace freshet
