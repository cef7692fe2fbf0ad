// Which labels come first? Where a 1 is known when it happens and a 0 only when the time for it is over
// (conversions, returns, defaults), those that have come are nearly all 1, and learning them alone is
// learning that everything is 1. Then a row that waits is better taken for a 0 until it is known.
//
// Ones come first when a 1 comes before a 0 in nine of ten pairs, by counts of their delays; and while fewer
// than three zeros have come, when many more rows wait for longer than the middle of the delays of ones
// than labels have come. It is taken back below seven of ten pairs. Before four ones or three zeros have
// come nothing is known: silence may be a zero's time that has to pass, or the time of all labels. Then, when
// 48 times as many rows wait as labels have come, no row is taken for anything, but answers bet that ones are
// rare (kRare), which they are in most streams that are waited for. Deterministic. Threads: one.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/bytes.h"

namespace freshet {

class Arrivals {
 public:
  void add(bool one, double delay) {
    ++counts_[one ? 1 : 0][bin(delay)];
    ++n_[one ? 1 : 0];
  }
  uint64_t n(bool one) const { return n_[one ? 1 : 0]; }
  // Share of pairs of a 1 and a 0 in which the 1 came before; equal: half.
  double ones_before() const {
    double before = 0;
    double ones = 0;
    for (size_t b = 0; b < kBins; ++b) {
      before += static_cast<double>(counts_[0][b]) * (ones + static_cast<double>(counts_[1][b]) / 2);
      ones += static_cast<double>(counts_[1][b]);
    }
    return n_[0] == 0 || n_[1] == 0 ? 0.5 : before / static_cast<double>(n_[0]) / static_cast<double>(n_[1]);
  }
  // A delay that at least half of the ones did not exceed; 0: none has come.
  double middle_of_ones() const {
    uint64_t sum = 0;
    for (size_t b = 0; b < kBins && n_[1] > 0; ++b)
      if (sum += counts_[1][b]; 2 * sum >= n_[1]) return std::exp2(static_cast<double>(b + 1) / 4) - 1;
    return 0;
  }
  // waiting_longer(d): rows that have waited for longer than d; asked only while few zeros have come.
  template <class WaitingLonger>
  void decide(WaitingLonger waiting_longer) {
    constexpr uint64_t kOnes = 4, kZeros = 3, kBoth = 20, kTimes = 3, kSilence = 48;
    silent_ = n_[1] < kOnes && n_[0] < kZeros && waiting_longer(0) > kSilence * (1 + n_[0] + n_[1]);
    if (n_[1] < kOnes)
      first_ = false;
    else if (n_[0] >= kZeros)
      first_ = n_[0] + n_[1] >= kBoth && ones_before() > (first_ ? 0.7 : 0.9);
    else
      first_ = waiting_longer(middle_of_ones()) > kTimes * (n_[0] + n_[1]);
  }
  bool ones_first() const { return first_; }
  bool silent() const { return silent_; }
  // Logit of what is answered meanwhile: .12. Where ones are half it costs .43 nats a row against a half,
  // where they are 2 % it saves .55.
  static constexpr float kRare = -2;

  void save(Writer& out) const {
    for (const auto& counts : counts_) out.array(counts.data(), counts.size());
    out.u8(static_cast<uint8_t>((first_ ? 1 : 0) | (silent_ ? 2 : 0)));
  }
  void load(Reader& in) {
    n_ = {};
    for (size_t label = 0; label < 2; ++label) {
      in.array(counts_[label].data(), kBins);
      for (const uint64_t count : counts_[label]) n_[label] += count;
    }
    const uint8_t flags = in.u8();
    first_ = (flags & 1) != 0;
    silent_ = (flags & 2) != 0;
  }

 private:
  static constexpr size_t kBins = 280;  // Of log2(1 + delay), a step 1/4.
  static size_t bin(double delay) {
    return static_cast<size_t>(std::fmin(4 * std::log2(1 + std::fmax(delay, 0.0)), kBins - 1));
  }
  std::array<std::array<uint64_t, kBins>, 2> counts_{};
  std::array<uint64_t, 2> n_{};
  bool first_ = false, silent_ = false;
};

}  // namespace freshet
