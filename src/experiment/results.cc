#include "experiment/results.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace freshet {
namespace {

// Shoppers who are not shared out as they should be are a fault of the set-up: believed only when it is
// plain.
constexpr double kMismatchAlpha = 0.001;
constexpr double kRatioWeight = 100;  // Of the prior of the ratio, in shoppers.

struct MetricKind {
  std::string_view name, unit;
  Measure measure;
  bool guardrail, more_is_better;
};
constexpr MetricKind kMetrics[] = {
    {"click_through", "share", Measure::kClicked, false, true},
    {"cart_rate", "share", Measure::kCarted, false, true},
    {"purchase_rate", "share", Measure::kBought, false, true},
    {"revenue", "money", Measure::kRevenue, false, true},
    {"no_result_rate", "share", Measure::kEmpty, true, false},
    {"latency_ms", "ms", Measure::kTookMs, true, false},
};

constexpr Arm kArms[] = {Arm::kControl, Arm::kVariant};

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.1f %%", 100 * share);
  return text;
}

double searches_of(const ExperimentTally& tally) {
  return tally.sum(Arm::kControl, Measure::kSearches) + tally.sum(Arm::kVariant, Measure::kSearches);
}

bool enough(const ExperimentTally& tally, const Ratio& control, const Ratio& variant) {
  for (const Arm arm : kArms)
    if (tally.sum(arm, Measure::kSearches) < ExperimentMinimum::kSearches ||
        tally.clusters(arm) < ExperimentMinimum::kClusters)
      return false;
  return std::min(control.answered, variant.answered) >= ExperimentMinimum::kAnswered;
}

std::optional<Difference> difference_between(const ExperimentDefinition& of, const ExperimentTally& tally,
                                             const Ratio& control, const Ratio& variant) {
  if (!enough(tally, control, variant)) return std::nullopt;
  const MeanTest test(of.alpha);
  const double variance = control.variance + variant.variance, n = searches_of(tally);
  if (!(variance > 0)) return std::nullopt;
  Difference out;
  out.value = variant.value - control.value;
  const double radius = test.radius(variance, n);
  out.interval = {out.value - radius, out.value + radius};
  out.p = test.p(out.value, variance, n);
  out.significant = out.interval.low > 0 || out.interval.high < 0;
  return out;
}

MetricResult metric_of(const MetricKind& kind, const ExperimentDefinition& of, const ExperimentTally& tally) {
  MetricResult out;
  out.name = kind.name;
  out.unit = kind.unit;
  out.guardrail = kind.guardrail;
  out.more_is_better = kind.more_is_better;
  out.goal = kind.measure == measure_of(of.goal);
  const Ratio control = tally.ratio(Arm::kControl, kind.measure),
              variant = tally.ratio(Arm::kVariant, kind.measure);
  out.control = control.value;
  out.variant = variant.value;
  out.difference = difference_between(of, tally, control, variant);
  if (out.guardrail && out.difference && out.difference->significant)
    out.broken = (out.difference->value > 0) != out.more_is_better;
  return out;
}

void say_split(const ExperimentDefinition& of, ExperimentResults& out) {
  const auto goal =
      std::find_if(out.metrics.begin(), out.metrics.end(), [](const auto& m) { return m.goal; });
  const std::string name(goal->name);
  if (out.ratio_mismatch) {
    out.finding = Finding::kMismatch;
    out.reason = "shoppers are not shared out as defined (" + percent(out.ratio_observed).substr(1) +
                 " instead of " + percent(of.share).substr(1) +
                 " got the variant): something in the set-up is wrong, and no number below can be trusted";
    return;
  }
  if (!goal->difference) {
    out.finding = Finding::kTooEarly;
    out.reason = "too little was seen of " + name + " to say anything";
    return;
  }
  const Difference& found = *goal->difference;
  const double base = goal->control > 0 ? goal->control : 1;
  const std::string reach = "from " + percent(found.interval.low / base) + " to " +
                            percent(found.interval.high / base) + " of the control's";
  if (!found.significant) {
    out.finding = Finding::kUndecided;
    out.reason = name + " differs by " + reach + ": no difference is proved";
  } else {
    out.finding =
        (found.value > 0) == goal->more_is_better ? Finding::kVariantBetter : Finding::kVariantWorse;
    out.reason = name + " of the variant is " + (found.value > 0 ? "higher: " : "lower: ") + reach;
  }
  for (const MetricResult& one : out.metrics)
    if (one.broken) out.reason += "; the guardrail " + std::string(one.name) + " is worse";
}

void split_results(const ExperimentDefinition& of, const ExperimentTally& tally, ExperimentResults& out) {
  for (const Arm arm : kArms) {
    out.searches[static_cast<size_t>(arm)] = tally.sum(arm, Measure::kSearches);
    out.shoppers[static_cast<size_t>(arm)] = tally.shoppers(arm);
  }
  for (const MetricKind& kind : kMetrics)  // Recommendations without anything are no pages.
    if (of.on == ExperimentOn::kSearch || kind.measure != Measure::kEmpty)
      out.metrics.push_back(metric_of(kind, of, tally));
  const uint64_t control = tally.shoppers_marked(Arm::kControl),
                 variant = tally.shoppers_marked(Arm::kVariant);
  if (control + variant > 0)
    out.ratio_observed = static_cast<double>(variant) / static_cast<double>(control + variant);
  out.ratio_p = ShareTest(of.share, kRatioWeight).p(variant, control, of.share);
  out.ratio_mismatch = out.ratio_p < kMismatchAlpha;

  const Measure measure = measure_of(of.goal);
  const Ratio base = tally.ratio(Arm::kControl, measure), other = tally.ratio(Arm::kVariant, measure);
  const MeanTest test(of.alpha);
  if (enough(tally, base, other) && base.value > 0)
    out.needed =
        test.needed(of.minimum_effect * base.value, (base.variance + other.variance) * searches_of(tally));
  for (const HistoryPoint& point : tally.history()) {
    if (!(point.variance > 0)) continue;
    const double radius = test.radius(point.variance, point.n);
    out.history.push_back(
        {point.time_ms, point.n, point.difference, {point.difference - radius, point.difference + radius}});
  }
  say_split(of, out);
}

void interleaving_results(const ExperimentDefinition& of, const ExperimentTally& tally,
                          ExperimentResults& out) {
  const ShareTest test(0.5, kWinsWeight);
  out.pages = tally.pages();
  const uint64_t control = out.wins[0] = tally.wins(Arm::kControl);
  const uint64_t variant = out.wins[1] = tally.wins(Arm::kVariant);
  if (control + variant > 0)
    out.preference = static_cast<double>(variant) / static_cast<double>(control + variant);
  out.preference_interval = test.interval(variant, control, of.alpha);
  out.preference_p = test.p(variant, control, 0.5);
  constexpr double kVarianceOfWin = 0.25;
  out.needed = MeanTest(of.alpha).needed(of.minimum_effect / 2, kVarianceOfWin);
  for (const HistoryPoint& point : tally.history()) {
    const auto wins = static_cast<uint64_t>(point.difference), all = static_cast<uint64_t>(point.n);
    out.history.push_back(
        {point.time_ms, point.n, point.difference / point.n, test.interval(wins, all - wins, of.alpha)});
  }
  const std::string wins = "the variant wins " + percent(out.preference).substr(1) + " of " +
                           std::to_string(control + variant) + " answered pages";
  if (control + variant == 0) {
    out.finding = Finding::kTooEarly;
    out.reason = "no page on which the two differ was answered yet";
  } else if (out.preference_interval.low > 0.5) {
    out.finding = Finding::kVariantBetter;
    out.reason = wins;
  } else if (out.preference_interval.high < 0.5) {
    out.finding = Finding::kVariantWorse;
    out.reason = wins;
  } else {
    out.finding = Finding::kUndecided;
    out.reason = wins + ": no preference is proved";
  }
}

void write_interval(JsonWriter& json, const Interval& interval) {
  json.field("low", interval.low).field("high", interval.high);
}

void write_metric(JsonWriter& json, const MetricResult& metric) {
  json.object().field("name", metric.name).field("unit", metric.unit);
  json.field("goal", metric.goal).field("guardrail", metric.guardrail);
  json.field("better", metric.more_is_better ? "more" : "less");
  json.field("control", metric.control).field("variant", metric.variant).key("difference");
  if (metric.difference) {
    const Difference& found = *metric.difference;
    json.object().field("value", found.value);
    write_interval(json, found.interval);
    // JSON has no infinity: of a control of 0 nothing is a share.
    const double base = metric.control != 0 ? metric.control : std::nan("");
    json.field("relative", found.value / base).field("relative_low", found.interval.low / base);
    json.field("relative_high", found.interval.high / base);
    json.field("p", found.p).field("significant", found.significant).end();
  } else {
    json.null();
  }
  if (metric.guardrail) json.field("broken", metric.broken);
  json.end();
}

void write_arms(JsonWriter& json, std::string_view name, const auto& of) {
  json.key(name).object().field("control", std::round(of[0])).field("variant", std::round(of[1])).end();
}

}  // namespace

std::string_view finding_name(Finding finding) {
  constexpr std::string_view kNames[] = {"too_early", "undecided", "variant_better", "variant_worse",
                                         "mismatch"};
  return kNames[static_cast<size_t>(finding)];
}

std::optional<Difference> difference_of(const ExperimentDefinition& of, const ExperimentTally& tally,
                                        Measure measure) {
  return difference_between(of, tally, tally.ratio(Arm::kControl, measure),
                            tally.ratio(Arm::kVariant, measure));
}

ExperimentResults results_of(const ExperimentDefinition& of, const ExperimentTally& tally) {
  ExperimentResults out;
  (of.kind == ExperimentKind::kSplit ? split_results : interleaving_results)(of, tally, out);
  return out;
}

void write_results(JsonWriter& json, const ExperimentDefinition& of, const ExperimentResults& results,
                   bool history) {
  const bool split = of.kind == ExperimentKind::kSplit;
  const std::string_view unit = split ? pages_name(of.on) : "answered";
  json.object().field("verdict", finding_name(results.finding)).field("reason", results.reason);
  if (split) {
    write_arms(json, unit, results.searches);
    write_arms(json, "shoppers", results.shoppers);
    json.key("metrics").array();
    for (const MetricResult& metric : results.metrics) write_metric(json, metric);
    json.end().key("sample_ratio").object().field("expected", of.share);
    json.field("observed", results.ratio_observed).field("p", results.ratio_p);
    json.field("mismatch", results.ratio_mismatch).end();
  } else {
    json.field("pages", results.pages).field("answered", results.wins[0] + results.wins[1]);
    json.key("wins").object().field("control", results.wins[0]).field("variant", results.wins[1]).end();
    json.key("preference");
    if (results.wins[0] + results.wins[1] == 0) {
      json.null();
    } else {
      json.object().field("value", results.preference);
      write_interval(json, results.preference_interval);
      json.field("p", results.preference_p);
      json.field("significant",
                 results.preference_interval.low > 0.5 || results.preference_interval.high < 0.5);
      json.end();
    }
  }
  json.key("needed");
  if (results.needed > 0) {
    json.object().field(unit, std::ceil(results.needed)).field("minimum_effect", of.minimum_effect).end();
  } else {
    json.null();
  }
  if (history) {
    json.key("history").array();
    for (const HistoryView& point : results.history) {
      json.object().field("time_ms", point.time_ms).field(unit, point.n).field("value", point.value);
      write_interval(json, point.interval);
      json.end();
    }
    json.end();
  }
  json.end();
}

}  // namespace freshet
