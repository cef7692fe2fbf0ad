// What an experiment says so far: metrics by arm, always-valid intervals, a verdict. docs/experiments.md says
// it for people.
//
// Values; no thread rules. Cost: 20 us.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "experiment/sequential.h"
#include "experiment/tally.h"

namespace freshet {

// Before there is so much in each arm, nothing is said: the intervals of sequential.h hold for large numbers.
struct ExperimentMinimum {
  static constexpr double kSearches = 100;
  static constexpr size_t kClusters = 30;  // Shoppers.
  static constexpr size_t kAnswered = 15;  // Of them, those in whom the metric is not 0.
};

enum class Finding : uint8_t { kTooEarly, kUndecided, kVariantBetter, kVariantWorse, kMismatch };
std::string_view finding_name(Finding finding);  // "too_early"

struct Difference {
  double value = 0;  // variant - control
  Interval interval;
  double p = 1;
  bool significant = false;
};

struct MetricResult {
  std::string_view name, unit;  // "share", "money", "ms"
  bool goal = false, guardrail = false, more_is_better = true;
  double control = 0, variant = 0;
  std::optional<Difference> difference;  // None: too early.
  bool broken = false;                   // A guardrail that is significantly worse.
};

struct HistoryView {
  TimeMs time_ms = 0;
  double n = 0, value = 0;
  Interval interval;
};

struct ExperimentResults {
  Finding finding = Finding::kTooEarly;
  std::string reason;
  double needed = 0;  // ab: searches, interleaving: answered pages, to find minimum_effect; 0: not known
  std::vector<HistoryView> history;
  // ab
  double searches[2] = {}, shoppers[2] = {};  // Searches, or pages of recommendations.
  std::vector<MetricResult> metrics;
  double ratio_observed = 0, ratio_p = 1;  // Share of shoppers in the variant.
  bool ratio_mismatch = false;
  // interleaving
  uint64_t pages = 0, wins[2] = {};
  double preference = 0, preference_p = 1;  // Share of wins of the variant.
  Interval preference_interval{0, 1};
};

// Weight of the prior of wins of interleaving, around one half: preferences are mostly between .4 and .6.
constexpr double kWinsWeight = 40;

// ab: variant - control, per search; none: too early.
std::optional<Difference> difference_of(const ExperimentDefinition& of, const ExperimentTally& tally,
                                        Measure measure);
ExperimentResults results_of(const ExperimentDefinition& of, const ExperimentTally& tally);
void write_results(JsonWriter& json, const ExperimentDefinition& of, const ExperimentResults& results,
                   bool history);

}  // namespace freshet
