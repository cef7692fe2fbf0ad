// Values of sparse features (libsvm, VW text) in units of their own root mean square, so that no unit is too
// large or too small to be learned. A feature that is always 1 stays exactly 1. Scales are by hash, in a
// table of 2^bits that is made when a value is not 1. A value of more than 1,000 of them counts as two until
// such have become usual. Threads: one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace freshet {

class ValueScales {
 public:
  explicit ValueScales(uint32_t bits) : bits_(bits) {}

  // The value in its unit, within kMost of it. seen: it counts for the unit.
  float scaled(uint64_t hash, float value, bool seen) {
    if (value == 1 && table_.empty()) return 1;
    if (value == 0) return 0;
    if (table_.empty()) table_.resize(size_t{1} << bits_);
    Scale& kept = table_[hash & (table_.size() - 1)];
    Scale scale = kept;
    double square = double{value} * value;
    if (scale.n >= kKnown && square > kMad * kMad * scale.square) square = 4 * double{scale.square};
    scale.n = std::min(scale.n + 1, kMemory);
    scale.square += static_cast<float>((square - scale.square) / scale.n);
    if (seen) kept = scale;
    const double root = std::sqrt(double{scale.square});
    return root > 0 ? static_cast<float>(std::clamp(value / root, -kMost, kMost)) : 0;
  }

  // Which of the steps, half a power of two each, a scaled value is in; by sign.
  static uint64_t step(float scaled) {
    constexpr double kLowest = -8, kHighest = 4;
    const double step =
        std::clamp(std::floor(2 * std::log2(std::fabs(double{scaled}) + 1e-9)), kLowest, kHighest);
    return static_cast<uint64_t>(step - kLowest) * 2 + (scaled < 0 ? 1 : 0);
  }

  void save(Writer& out) const {
    out.varint(static_cast<uint64_t>(
        std::count_if(table_.begin(), table_.end(), [](const Scale& scale) { return scale.n > 0; })));
    for (size_t i = 0; i < table_.size(); ++i) {
      if (table_[i].n == 0) continue;
      out.varint(i);
      out.f32(table_[i].n);
      out.f32(table_[i].square);
    }
  }
  void load(Reader& in) {
    table_.clear();
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      if (table_.empty()) table_.resize(size_t{1} << bits_);
      const uint64_t at = in.varint();
      if (at >= table_.size()) return in.fail();
      table_[at].n = in.f32();
      table_[at].square = in.f32();
    }
  }

 private:
  static constexpr float kMemory = 20000, kKnown = 100;  // Values.
  static constexpr double kMad = 1000, kMost = 5;
  struct Scale {
    float n = 0, square = 0;
  };
  uint32_t bits_;
  std::vector<Scale> table_;
};

}  // namespace freshet
