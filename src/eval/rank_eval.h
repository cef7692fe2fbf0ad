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
#include <string_view>
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
  bool searches = false;                 // Shoppers search instead of looking at lists.
  bool without = true;                   // Also the game without the ranker.
  std::function<void(double)> progress;  // Told at each list: the share of all games that is played.
};

// Of search settings as JSON (docs/search.md), the member "ranker". kInvalid: as parse_settings().
Result<RankerSettings> read_ranker_settings(std::string_view json);

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

// Safety: in the middle of the game the shoppers' clicks on lists come from a program at random places of
// them instead. From then on each list is also made by a ranker that was frozen when it began, and by one
// that learns on without a gate, of the same candidates and for the same shopper; all three are worth their
// expected clicks. Then the same game is played with nobody's clicks replaced: what the frozen one would have
// lost or won by standing still is no work of the poison.
struct RankPoison {
  double from = 0.5, to = 0.7;  // Of the game.
  size_t points = 30;           // Of the curve, over what is left of the game.
};
struct RankPoisonReport {
  struct Point {
    double day = 0;                                   // Since the poison began; negative: none.
    double live = 0, open = 0, frozen = 0, best = 0;  // Expected clicks.
    uint64_t lists = 0;
  };
  // Expected clicks over a span, as a share of those of the frozen one, with the deviation of that share over
  // lists.
  struct Span {
    uint64_t lists = 0;
    double live = 0, live_deviation = 0, open = 0, open_deviation = 0;
  };
  RankEvalOptions options;
  RankPoison poison;
  double days = 0;       // Of poison.
  double acted_day = 0;  // When what is live was first held or led back; days, if that did not happen.
  Span before, lasting;  // Until then; while the poison lasts.
  Span clean_before, clean_lasting;  // The same days of the game without poison.
  std::vector<Point> curve;
  std::string publication;  // What was done about it, a line each.
};
Result<RankPoisonReport> evaluate_poison(const RankEvalOptions& options, const RankPoison& poison);
std::string poison_report_json(const RankPoisonReport& report);
std::string poison_report_text(const RankPoisonReport& report);
std::string poison_report_svg(const RankPoisonReport& report);

Result<RankEvalReport> evaluate_ranker(const RankEvalOptions& options);
std::string rank_report_json(const RankEvalReport& report);
std::string rank_report_text(const RankEvalReport& report);
std::string rank_report_svg(const RankEvalReport& report);

}  // namespace freshet
