// Importances as shares of the greatest of late, which fades to 1: for steps that are taken at a rate and
// would be too long times an importance. At importances of 1 and below it is the importance itself. Threads:
// one.
#pragma once

#include <algorithm>

#include "base/bytes.h"

namespace freshet {

class ImportanceScale {
 public:
  explicit ImportanceScale(double fade) : fade_(fade) {}  // Of what is above 1, a row.

  double share(double importance) {
    most_ = std::max(importance, most_ + fade_ * (1 - most_));
    return importance / most_;
  }
  void save(Writer& out) const { out.f64(most_); }
  void load(Reader& in) {
    most_ = in.f64();
    if (!(most_ >= 1)) in.fail();
  }

 private:
  const double fade_;
  double most_ = 1;
};

}  // namespace freshet
