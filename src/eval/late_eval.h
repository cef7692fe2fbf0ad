// What conversions that come days later cost a learner of the purchase head, by what is done about them, on
// the real delays of a shop's own orders.
//
// Every order of a known customer is followed, about `after_ms` later, by a page that shows what was in it
// (buy again); the joiner (sample/joiner.h) attributes later purchases to it by last touch, within `late_ms`.
// (A page at once would come right after the 1s of its own order's purchases, every time, and be taken in by
// them.) Each arm is a linear learner of the ranker (rank/gauss_weights.h) with the ranker's own features of
// that moment, predicts each place before anything is learned of it, and learns:
//
//   oracle     the label it will turn out to have, at once
//   all        the label when it is certain for all: after `late_ms`
//   ones       a 1 when it comes, a 0 after `late_ms`
//   weighted   the joiner's examples: a 0 after `window_ms`, a late 1 besides, with the importance weights of
//              ES-DFM
//   taken      a 0 after `window_ms`, which a late 1 takes back (gradient of the wrong 0 subtracted: Ktena et
//              al. 2019, as the ranker does in searches)
//   at-once    a 0 as soon as it is shown, which each 1 takes back: the ranker's way in searches itself
//   believing  a 0 after `window_ms`, a late 1 besides, as they come
//
// Judged are the places of pages whose `late_ms` is over before the events end: progressive log loss.
// Threads: one. Cost: two passes over the events.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "eval/event_source.h"

namespace freshet {

struct LateEvalOptions {
  TimeMs window_ms = kDayMs, late_ms = 30 * kDayMs, after_ms = 3 * kDayMs;
  size_t places_max = 20;  // Of a page.
  uint32_t weight_bits = 18;
  double rate = 0.05;   // Of ones, from which all arms start.
  double drift = 1e-4;  // Of the learners (settings: ranker.updates.drift).
};

struct LateEvalReport {
  enum Arm : uint8_t { kOracle, kAll, kOnes, kWeighted, kTaken, kAtOnce, kBelieving };
  static constexpr size_t kArms = 7;
  struct Half {
    uint64_t places = 0, ones = 0;
    std::array<double, kArms> loss{};  // Sums of log losses,
    std::array<double, kArms> said{};  // and of probabilities.
  };
  LateEvalOptions options;
  uint64_t pages = 0;
  Half all, second;             // second: of the latter half of the judged pages
  uint64_t ones = 0, late = 0;  // Of all pages; those after the window.
  double delay_days[3] = {};    // Quartiles of ones.
  double entropy() const;       // Log loss of who knows the share of ones and nothing else.
  double loss(size_t arm) const {
    return all.places == 0 ? 0 : all.loss[arm] / static_cast<double>(all.places);
  }
};
const char* late_arm_name(size_t arm);

// kInvalid: no order that anything could be learned of. `source`: repeatable.
Result<LateEvalReport> evaluate_late(EventSource& source, const LateEvalOptions& options);
std::string late_report_text(const LateEvalReport& report);
std::string late_report_json(const LateEvalReport& report);

}  // namespace freshet
