// ADWIN: a window over a stream of numbers that shrinks when its mean has changed. Bifet and Gavalda 2007,
// "Learning from Time-Changing Data with Adaptive Windowing" (SDM), algorithm ADWIN2.
//
// The window is kept as buckets of 2^r numbers, at most 5 of a size, so memory is O(log window). A cut
// between the older part (n0, mean0) and the newer (n1, mean1) drops the older one when
//   |mean0 - mean1| >= sqrt(2/m * variance * ln(2/d)) + 2/(3 m) ln(2/d),  1/m = 1/n0 + 1/n1,  d = delta / ln
//   n.
// Numbers should be about within 0..1 (losses clipped). Checks every `kCheckEvery` numbers. Threads: one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace freshet {

class Adwin {
 public:
  explicit Adwin(double delta = 0.002) : delta_(delta) {}

  // True: the mean has changed, and what was older is forgotten.
  bool add(double x);

  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  double mean_before() const { return mean_before_; }  // Of what the last change dropped.
  uint64_t size() const { return count_; }
  uint64_t seen() const { return seen_; }  // All numbers so far.
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr uint64_t kCheckEvery = 32;
  struct Bucket {
    uint64_t count;
    double sum, squares;
  };
  void compress();
  bool cut();

  double delta_;
  std::vector<Bucket> buckets_;  // Oldest first; sizes never grow towards the newer end.
  uint64_t count_ = 0;
  uint64_t seen_ = 0;
  double sum_ = 0;
  double squares_ = 0;
  double mean_before_ = 0;
};

// Says of each rise of the mean that it is there, once. What was before a change is dropped bit by bit, as it
// becomes sure, and each bit is a change to Adwin; a rise is another one only when it came after what was
// said last: when the window begins there, or later.
class RiseAlarm {
 public:
  // After add() said that the mean has changed.
  bool risen(const Adwin& window) {
    if (!(window.mean() > window.mean_before()) || window.seen() - window.size() < said_) return false;
    said_ = window.seen();
    return true;
  }
  uint64_t said() const { return said_; }
  void set_said(uint64_t said) { said_ = said; }

 private:
  uint64_t said_ = 0;  // Numbers seen when it was said; 0: never.
};

}  // namespace freshet
