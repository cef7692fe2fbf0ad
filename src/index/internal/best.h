// The best k hits so far. Better: the higher score, then the smaller slot.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "index/search_index.h"

namespace freshet::index {

inline bool better(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.slot < b.slot;
}

class Best {
 public:
  // `hits` is cleared and used as the heap, the worst on top.
  Best(uint32_t k, std::vector<Hit>& hits) : k_(k), hits_(hits) { hits_.clear(); }

  // What a hit must beat; score -1 until k hits are there.
  Hit worst() const { return worst_; }
  bool full() const { return hits_.size() == k_; }
  bool takes(const Hit& hit) const { return better(hit, worst_); }

  void add(const Hit& hit) {
    if (!takes(hit)) return;
    if (full()) {
      std::pop_heap(hits_.begin(), hits_.end(), better);
      hits_.back() = hit;
    } else {
      hits_.push_back(hit);
    }
    std::push_heap(hits_.begin(), hits_.end(), better);
    if (full()) worst_ = hits_.front();
  }
  void finish() { std::sort_heap(hits_.begin(), hits_.end(), better); }

 private:
  const uint32_t k_;
  std::vector<Hit>& hits_;
  Hit worst_{std::numeric_limits<uint32_t>::max(), -1};
};

}  // namespace freshet::index
