// What a numeric column was lately: decayed means over about 2, 12, 48 and 336 rows. Rows without a value
// count as rows: the next value moves the means as far as it would have in all of them, had it been there (an
// exponential mean of a series with gaps, "next point" of Eckner, "Algorithms for unevenly spaced time
// series: moving averages and other rolling operators", 2012). Threads: one.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace freshet {

class RecentMeans {
 public:
  static constexpr std::array<double, 4> kHorizons = {2, 12, 48, 336};

  // The value less the mean of that horizon; null, a missing one: the last value less it, which is where the
  // column was when it was last seen. NaN: nothing seen yet.
  float apart(const double* value, size_t horizon) const;
  void learn(const double* value);  // Null: a row without one.

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  bool seen_ = false;
  uint32_t gap_ = 0;  // Rows since the last value.
  double last_ = 0;
  std::array<double, kHorizons.size()> means_{};
};

}  // namespace freshet
