// What the learned ranker is worth, measured on the generated shop, whose truth is known: shoppers play
// against the server's own folds and recommendations in this process, and every list is scored by its
// expected clicks (eval/simulate_judge.h).
//
//   worth      the game twice from an empty server, with the ranker and without
//   freshness  in the second half of the game with it, on a sample of hours: what lists are worth that
//              other rankers make of the same candidates: one that was frozen at half of the game, one that
//              is trained anew at the beginning of each such hour by one pass over everything up to it,
//              and one trained in the way (once or twice, over all or the last seven days) that has the least
//              loss on the last six hours. Features and what shoppers were shown are the live ones for all.
//
//     gap closed = (live - frozen) / (the better of the retrained ones - frozen)
//
//   Costs are of learning from examples whose features are made: of the live one for all that came since
//   half, of retraining for one hour times the hours.
//
// Threads: one.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eval/simulate_judge.h"
#include "settings/ranker_settings.h"

namespace freshet {

struct RankEvalOptions {
  simulate::Options shop;
  uint64_t visits = 3000;
  double visits_per_day = 350;
  size_t k = 10;
  size_t hours = 24;  // Sampled for freshness; 0: not measured.
  RankerSettings settings;
  bool without = true;  // Also the game without the ranker.
};

struct RankEvalReport {
  RankEvalOptions options;
  simulate::Verdict with, without;
  std::string ranker;  // A line for people.
  // Freshness. Expected clicks of the lists of the sampled hours.
  enum Arm : uint8_t { kLive, kFrozen, kRetrained, kTuned, kOff };
  static constexpr size_t kArms = 5;
  std::array<double, kArms> clicks{};
  double best = 0;
  uint64_t lists = 0, hours = 0, lessons = 0;
  Arm better = kRetrained;  // Of the two that are retrained: what the gap is measured by.
  double closed = 0, closed_low = 0, closed_high = 0;  // With the interval of 95 % by bootstrap over hours.
  double difference_deviation = 0;                     // Of the better - frozen, of `clicks`
  double live_cpu_s = 0, retrained_cpu_s = 0;
  std::vector<std::array<double, kArms + 1>> by_hour;  // Shares of the best; last: hours since the half
};

Result<RankEvalReport> evaluate_ranker(const RankEvalOptions& options);
std::string rank_report_json(const RankEvalReport& report);
std::string rank_report_text(const RankEvalReport& report);
std::string rank_report_svg(const RankEvalReport& report);

}  // namespace freshet
