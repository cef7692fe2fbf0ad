// The k best of rows that come in ascending order of their slots, for scans.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "model/row_scan.h"
#include "vector/vector_set.h"

namespace freshet {

// What beats the bar is put by, and now and then most of it is dropped, which lifts the bar. (A heap lifts it
// at once; its branches cost more than the few rows they save.)
class Best {
 public:
  // `room`: rows that are added at once, at most.
  Best(uint32_t k, uint32_t room)
      : k_(k), full_(size_t{4} * k), slots_(full_ + room + kRowSlack), scores_(full_ + room + kRowSlack) {}

  // Where the next ones are written, with room for as many as were named. Slots must come in ascending order:
  // then a tie with the k-th never enters.
  uint32_t* slots() { return slots_.data() + count_; }
  float* scores() { return scores_.data() + count_; }
  void added(uint32_t count) {
    count_ += count;
    if (count_ >= full_) drop();
  }
  void offer(uint32_t slot, float score) {
    *slots() = slot;
    *scores() = score;
    added(score > bar_);
  }
  float bar() const { return bar_; }
  void finish(std::vector<VectorHit>& out) {  // Best first.
    take(out);
    std::sort(out.begin(), out.end(), better);
  }

 private:
  void take(std::vector<VectorHit>& out) {
    out.resize(count_);
    for (size_t i = 0; i < count_; ++i) out[i] = {slots_[i], scores_[i]};
    if (count_ <= k_) return;
    std::nth_element(out.begin(), out.begin() + (k_ - 1), out.end(), better);
    out.resize(k_);
  }

  // Keeps a few more than k by a histogram of the scores, without a branch that depends on one.
  void drop() {
    const auto [low, high] = std::minmax_element(scores_.begin(), scores_.begin() + count_);
    const float least = *low, width = kBins / (*high - least);
    if (!(width < 1e30f)) return drop_exactly();
    const auto bin = [&](float score) { return static_cast<uint32_t>((score - least) * width); };
    std::array<uint32_t, kBins + 2> bins = {};
    for (size_t i = 0; i < count_; ++i) ++bins[bin(scores_[i])];
    uint32_t lowest = kBins + 1, above = bins[kBins + 1];
    while (above < k_) above += bins[--lowest];
    if (2 * size_t{above} > full_) return drop_exactly();
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i) {
      slots_[kept] = slots_[i];
      scores_[kept] = scores_[i];
      kept += bin(scores_[i]) >= lowest;
    }
    count_ = kept;
    bar_ = *std::min_element(scores_.begin(), scores_.begin() + count_);
  }
  void drop_exactly() {
    take(kept_);
    count_ = kept_.size();
    for (size_t i = 0; i < count_; ++i) {
      slots_[i] = kept_[i].slot;
      scores_[i] = kept_[i].score;
    }
    bar_ = kept_.back().score;
  }

  static constexpr uint32_t kBins = 256;
  const uint32_t k_;
  const size_t full_;
  size_t count_ = 0;
  std::vector<uint32_t> slots_;
  std::vector<float> scores_;
  std::vector<VectorHit> kept_;
  float bar_ = -__builtin_inff();
};

}  // namespace freshet
