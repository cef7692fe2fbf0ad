// An experiment: two versions of the settings on live traffic, one the control, one the variant. Its
// definition, its JSON form, its limits, and who takes part.
//
//   ab             each shopper gets one of the two, always the same
//   interleaving   each page is drafted from both (draft.h)
//
// Its pages are those of searches, or those of recommendations. Who takes part is a hash of the shopper, so
// it needs no memory and every server says the same:
//   place of the shopper     [0, 1) by hash: experiments that run on the same pages have disjoint spans of
//                            `traffic`, so that no shopper is in two of them
//   arm                      [0, 1) by another hash, salted by the experiment's name: below `share`, the
//   variant
//
// Values; no thread rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace freshet {

enum class ExperimentKind : uint8_t { kSplit, kInterleaving };
enum class ExperimentOn : uint8_t { kSearch, kRecommendations };
enum class ExperimentState : uint8_t { kDraft, kRunning, kStopped, kShipped };
enum class Goal : uint8_t { kClickThrough, kCartRate, kPurchaseRate, kRevenue };
enum class Arm : uint8_t { kControl, kVariant };

struct ExperimentDefinition {
  std::string name;  // a-z 0-9 - _ . ; 1 to 64 of them
  std::string note;  // For people: why.
  ExperimentKind kind = ExperimentKind::kSplit;
  ExperimentOn on = ExperimentOn::kSearch;
  uint64_t control = 0, variant = 0;  // Versions of the settings.
  double share = 0.5;                 // Of those who take part: who gets the variant. kSplit
  double traffic = 1;                 // Share of all shoppers who take part.
  Goal goal = Goal::kClickThrough;
  double alpha = 0.05;           // Of wrong findings.
  double minimum_effect = 0.05;  // The least relative difference worth finding.
  bool operator==(const ExperimentDefinition&) const = default;
};

struct Experiment {
  ExperimentDefinition of;
  ExperimentState state = ExperimentState::kDraft;
  uint64_t run = 0;  // 1, 2, ... over all starts of all experiments: what impressions bear; 0: never started
  double from = 0;   // Running: takes part whose place is in [from, from + traffic).
  TimeMs created_ms = 0, started_ms = 0, ended_ms = 0;
  std::string by;             // Name of the key that defined it.
  std::string ended_because;  // Empty: somebody stopped it without saying why.
};

struct ExperimentLimits {
  static constexpr size_t kExperiments = 64, kRunning = 8;
  static constexpr size_t kNameBytes = 64, kNoteBytes = 1024, kJsonBytes = 300 << 10;
  static constexpr uint32_t kDraftMax =
      100;  // Pages are drafted of so many first places; then the control's.
};

// What a door is asked to define. Either `variant_settings` is empty and of.variant names a version, or it is
// the JSON object of the settings that differ from the control's.
struct AskedExperiment {
  ExperimentDefinition of;
  bool control_given = false;
  std::string variant_settings;
};

Status check_experiment_name(std::string_view name);
// kInvalid: the member and what was expected.
Result<AskedExperiment> parse_experiment(std::string_view name, std::string_view json);
std::string experiment_json(const ExperimentDefinition& definition);  // parse_experiment() reads it.

std::string_view kind_name(ExperimentKind kind);  // "ab", "interleaving"
std::string_view on_name(ExperimentOn on);        // "search", "recommendations"
std::string_view pages_name(ExperimentOn on);     // What is counted: "searches", "recommendations"
std::string_view state_name(ExperimentState state);
std::string_view goal_name(Goal goal);  // "click_through"

double shopper_place(std::string_view shopper);  // [0, 1)
Arm arm_of(std::string_view shopper, const ExperimentDefinition& definition);
// Of the clusters that sums are kept by; independent of place and arm.
uint32_t shopper_bucket(std::string_view shopper, uint32_t buckets);

}  // namespace freshet
