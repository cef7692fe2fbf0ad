// What may be done with experiments: asked by the doors before there is an event, and by the fold of each.
#include <algorithm>

#include "experiment/experiments.h"

namespace freshet {
namespace {

std::string quoted(std::string_view name) {
  return "experiment \"" + std::string(name.substr(0, ExperimentLimits::kNameBytes)) + "\"";
}

Error unknown(std::string_view name) {
  return not_found(quoted(name) + " is not known");
}

Status check_version(const SettingsBook& settings, const char* member, uint64_t number) {
  if (settings.version(number) != nullptr) return {};
  return invalid(std::string(member) + ".settings_version: " + std::to_string(number) +
                 " is not known (any more); /api/v1/settings/versions lists them");
}

Status check_settings(const SettingsBook& settings, const ExperimentDefinition& of) {
  TRY_STATUS(check_version(settings, "control", of.control));
  TRY_STATUS(check_version(settings, "variant", of.variant));
  const auto control_version = settings.version(of.control), variant_version = settings.version(of.variant);
  const SearchSettings &control = control_version->settings, &variant = variant_version->settings;
  if (control == variant) return invalid("variant: expected other settings than those of the control");
  for (const SearchSettings* one : {&control, &variant})
    if (needs_rebuild(settings.published->settings, *one))
      return invalid(
          "variant: the names or languages of searchable fields differ from what is published, which needs "
          "another index; weights of fields and everything else can be compared");
  for (const SearchSettings* one : {&control, &variant})
    if (const std::string_view member = learns_otherwise(settings.published->settings.ranker, one->ranker);
        !member.empty())
      return invalid(
          "variant: ranker." + std::string(member) +
          " differs from what is published, and says what is learned for all shoppers alike; expected "
          "the same: another learner is compared by ranker.challengers");
  if (of.on == ExperimentOn::kSearch && of.kind == ExperimentKind::kInterleaving &&
      !(control.distinct.empty() && variant.distinct.empty()))
    return invalid("kind: expected \"ab\" where distinct is set: groups are not interleaved");
  return {};
}

// Without what no search asks for. `whole`: all that the ranker knows is asked in both.
SearchSettings as_searched(SearchSettings settings, bool whole) {
  const RankerSettings defaults;
  settings.suggestions_hidden.clear();
  settings.ranker.weight = defaults.weight;
  settings.ranker.retire = defaults.retire;
  settings.ranker.keep.clear();
  settings.ranker.drop.clear();
  if (whole) settings.ranker.personal_weight = defaults.personal_weight;
  return settings;
}

// Of the ranker, what pages of recommendations ask for.
RankerSettings as_recommended(RankerSettings settings) {
  const RankerSettings defaults;
  settings.search_weight = defaults.search_weight;
  settings.personal_weight = defaults.personal_weight;
  settings.retire = defaults.retire;
  settings.keep.clear();
  settings.drop.clear();
  return settings;
}

// The first gap between the spans of those that run on the same pages.
bool find_gap(const ExperimentBook& book, ExperimentOn on, double traffic, double& from) {
  constexpr double kRounding = 1e-9;
  std::vector<std::pair<double, double>> spans;
  for (const auto& one : book.all)
    if (one->state == ExperimentState::kRunning && one->of.on == on)
      spans.emplace_back(one->from, one->from + one->of.traffic);
  std::sort(spans.begin(), spans.end());
  from = 0;
  for (const auto& [begin, end] : spans) {
    if (begin - from >= traffic - kRounding) return true;
    from = end;
  }
  return 1 - from >= traffic - kRounding;
}

}  // namespace

Status check_asked(const SettingsBook& settings, const ExperimentDefinition& of) {
  TRY_STATUS(check_version(settings, "control", of.control));
  TRY_STATUS(check_version(settings, "variant", of.variant));
  const auto control = settings.version(of.control), variant = settings.version(of.variant);
  if (of.on == ExperimentOn::kRecommendations) {
    if (as_recommended(control->settings.ranker) != as_recommended(variant->settings.ranker)) return {};
    return invalid(
        "variant: expected something that recommendations ask for: weight, click, cart, purchase, value, "
        "candidates, diversity, category_cap, exploration or control of ranker; what searches ask for is "
        "compared with \"on\": \"search\"");
  }
  const bool whole = control->settings.ranker.search_weight > 0 && variant->settings.ranker.search_weight > 0;
  if (as_searched(control->settings, whole) != as_searched(variant->settings, whole)) return {};
  return invalid(
      "variant: expected something that searches ask for; ranker.weight is of recommendations (\"on\": "
      "\"recommendations\" compares those), ranker.retire, keep and drop say what is learned for all "
      "shoppers alike, suggestions_hidden is of suggestions" +
      std::string(whole ? ", and ranker.personal_weight is not asked beside search_weight" : ""));
}

Status check_define(const ExperimentBook& book, const SettingsBook& settings,
                    const ExperimentDefinition& of) {
  const Experiment* there = book.find(of.name);
  if (there != nullptr && there->state == ExperimentState::kRunning)
    return invalid(quoted(of.name) + " is running: stop it before it is changed");
  if (there == nullptr && book.all.size() >= ExperimentLimits::kExperiments)
    return exhausted("experiments: there are " + std::to_string(ExperimentLimits::kExperiments) +
                     ", which is the limit; delete one");
  return check_settings(settings, of);
}

Status check_start(const ExperimentBook& book, const SettingsBook& settings, std::string_view name,
                   double& from) {
  const Experiment* one = book.find(name);
  if (one == nullptr) return unknown(name);
  if (one->state == ExperimentState::kRunning) return invalid(quoted(name) + " is running already");
  if (book.running >= ExperimentLimits::kRunning)
    return exhausted("experiments: " + std::to_string(ExperimentLimits::kRunning) +
                     " are running, which is the limit");
  TRY_STATUS(check_settings(settings, one->of));
  if (!find_gap(book, one->of.on, one->of.traffic, from))
    return invalid("traffic: what other running experiments on " + std::string(pages_name(one->of.on)) +
                   " leave is less; no shopper may be in two of them");
  return {};
}

Status check_stop(const ExperimentBook& book, std::string_view name) {
  const Experiment* one = book.find(name);
  if (one == nullptr) return unknown(name);
  if (one->state != ExperimentState::kRunning) return invalid(quoted(name) + " is not running");
  return {};
}

Status check_ship(const ExperimentBook& book, const SettingsBook& settings, std::string_view name) {
  const Experiment* one = book.find(name);
  if (one == nullptr) return unknown(name);
  if (one->run == 0) return invalid(quoted(name) + " has not run: publish its settings instead");
  return check_version(settings, "variant", one->of.variant);
}

Status check_delete(const ExperimentBook& book, std::string_view name) {
  const Experiment* one = book.find(name);
  if (one == nullptr) return unknown(name);
  if (one->state == ExperimentState::kRunning) return invalid(quoted(name) + " is running: stop it first");
  return {};
}

}  // namespace freshet
