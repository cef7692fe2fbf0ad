// What eval/rank_eval.h measured, for people and programs.
#include <algorithm>
#include <cstdio>

#include "base/json_writer.h"
#include "eval/plot.h"
#include "eval/rank_eval.h"

namespace freshet {
namespace {

constexpr const char* kArms[] = {"live", "frozen", "retrained", "tuned", "without"};

std::string format(const char* text, auto... values) {
  char out[256];
  std::snprintf(out, sizeof out, text, values...);
  return out;
}

double share(const simulate::Score& score) {
  return score.share(score.served);
}

void write_game(JsonWriter& json, const simulate::Verdict& verdict) {
  json.object().field("share", share(verdict.total)).field("last_quarter", share(verdict.last_quarter));
  if (verdict.search.lists == 0)
    json.field("for_you", share(verdict.for_you)).field("next", share(verdict.next));
  json.field("clicks", verdict.clicks).field("purchases", verdict.purchases).end();
}

// The least share of the frozen one's clicks while the poison lasts, over points with enough lists to tell.
constexpr uint64_t kListsMin = 50;
double lowest(const RankPoisonReport& report, double RankPoisonReport::Point::*arm) {
  double least = 1;
  for (const auto& point : report.curve)
    if (point.lists >= kListsMin && point.frozen > 0 && point.day <= report.days)
      least = std::min(least, point.*arm / point.frozen);
  return least;
}

void write_span(JsonWriter& json, const RankPoisonReport::Span& span) {
  json.object()
      .field("lists", span.lists)
      .field("live", span.live)
      .field("live_deviation", span.live_deviation);
  json.field("without_gate", span.open).field("without_gate_deviation", span.open_deviation).end();
}

std::string span_text(const char* name, const RankPoisonReport::Span& span) {
  return format("%s (%llu lists): live %.2f%% (deviation %.2f), without the gate %.2f%% (%.2f)\n", name,
                static_cast<unsigned long long>(span.lists), 100 * span.live, 100 * span.live_deviation,
                100 * span.open, 100 * span.open_deviation);
}

}  // namespace

std::string rank_report_json(const RankEvalReport& report) {
  JsonWriter json;
  json.object();
  json.field("visits", report.options.visits).field("seed", report.options.shop.seed);
  json.field("searches", report.options.searches).key("with");
  write_game(json, report.with);
  if (report.options.without) {
    json.key("without");
    write_game(json, report.without);
  }
  json.field("ranker", report.ranker);
  if (report.hours > 0) {
    json.key("freshness").object();
    json.field("hours", report.hours).field("lists", report.lists).field("examples", report.lessons);
    for (size_t arm = 0; arm < RankEvalReport::kArms; ++arm)
      json.field(kArms[arm], report.best > 0 ? report.clicks[arm] / report.best : 0);
    json.field("gap_closed", report.closed).field("gap_closed_low", report.closed_low);
    json.field("gap_closed_high", report.closed_high);
    json.field("gap_clicks", report.clicks[report.better] - report.clicks[RankEvalReport::kFrozen]);
    json.field("gap_clicks_deviation", report.difference_deviation);
    json.field("live_cpu_s", report.live_cpu_s).field("retrained_cpu_s", report.retrained_cpu_s);
    json.field("cpu_share", report.retrained_cpu_s > 0 ? report.live_cpu_s / report.retrained_cpu_s : 0);
    json.end();
  }
  json.end();
  return json.take() + "\n";
}

std::string rank_report_text(const RankEvalReport& report) {
  const bool searches = report.options.searches;
  std::string out = searches
                        ? "share of the best expected clicks of searches      all   last quarter\n"
                        : "share of the best expected clicks      all   last quarter   for you      next\n";
  const auto line = [&](const char* name, const simulate::Verdict& verdict) {
    out += format("  %-30s %*.2f%% %13.2f%%", name, searches ? 21 : 9, 100 * share(verdict.total),
                  100 * share(verdict.last_quarter));
    if (!searches) out += format(" %8.2f%% %8.2f%%", 100 * share(verdict.for_you), 100 * share(verdict.next));
    out += "\n";
  };
  if (report.options.without) line("without the ranker", report.without);
  line("with it", report.with);
  out += "  " + report.ranker + "\n";
  if (report.hours == 0) return out;
  out +=
      format("\nfreshness, %llu hours of the second half, %llu lists of the same candidates, %llu examples\n",
             static_cast<unsigned long long>(report.hours), static_cast<unsigned long long>(report.lists),
             static_cast<unsigned long long>(report.lessons));
  for (size_t arm = 0; arm < RankEvalReport::kArms; ++arm)
    out += format("  %-12s %7.2f%% of the best\n", kArms[arm],
                  report.best > 0 ? 100 * report.clicks[arm] / report.best : 0);
  out += format("  gap closed %.0f%% (%.0f%% to %.0f%%); the gap is %.2f clicks, %.1f times its deviation\n",
                100 * report.closed, 100 * report.closed_low, 100 * report.closed_high,
                report.clicks[report.better] - report.clicks[RankEvalReport::kFrozen],
                report.difference_deviation > 0
                    ? (report.clicks[report.better] - report.clicks[RankEvalReport::kFrozen]) /
                          report.difference_deviation
                    : 0);
  out += format("  CPU: live %.2f s, retraining each hour %.1f s: %.2f%%\n", report.live_cpu_s,
                report.retrained_cpu_s,
                report.retrained_cpu_s > 0 ? 100 * report.live_cpu_s / report.retrained_cpu_s : 0);
  return out;
}

std::string rank_report_svg(const RankEvalReport& report) {
  Plot plot;
  plot.title = "What the learned ranker is worth";
  plot.subtitle = "expected clicks / those of the best list; a generated shop, from its first visit on";
  plot.x_label = "visits";
  plot.y_label = "share of the best";
  const auto add = [&](const char* name, const simulate::Verdict& verdict) {
    PlotLine& line = plot.lines.emplace_back(PlotLine{name, {}});
    for (const simulate::ScorePoint& point : verdict.curve)
      if (point.score.lists > 0)
        line.points.emplace_back(static_cast<double>(point.visit), share(point.score));
  };
  add("with the ranker", report.with);
  if (report.options.without) add("without", report.without);
  return plot_svg(plot);
}

std::string poison_report_json(const RankPoisonReport& report) {
  JsonWriter json;
  json.object().field("visits", report.options.visits).field("seed", report.options.shop.seed);
  json.field("searches", report.options.searches);
  json.field("poison_days", report.days).field("lowest_live", lowest(report, &RankPoisonReport::Point::live));
  json.field("lowest_open", lowest(report, &RankPoisonReport::Point::open));
  json.field("acted_day", report.acted_day);
  write_span(json.key("before"), report.before);
  write_span(json.key("lasting"), report.lasting);
  write_span(json.key("clean_before"), report.clean_before);
  write_span(json.key("clean_lasting"), report.clean_lasting);
  json.key("curve").array();
  for (const auto& point : report.curve) {
    json.object().field("day", point.day).field("lists", point.lists).field("live", point.live);
    json.field("without_gate", point.open).field("frozen", point.frozen).field("best", point.best).end();
  }
  json.end().field("publication", report.publication).end();
  return json.take() + "\n";
}

std::string poison_report_text(const RankPoisonReport& report) {
  std::string out = format(
      "clicks of a program at random places for %.1f days; expected clicks against the ranker%s frozen when "
      "it began\n",
      report.days, report.options.searches ? " and the click model" : "");
  out += "   day    lists     live   without the gate\n";
  for (const auto& point : report.curve)
    if (point.frozen > 0)
      out += format("%6.2f %8llu %7.2f%% %15.2f%%\n", point.day, static_cast<unsigned long long>(point.lists),
                    100 * point.live / point.frozen, 100 * point.open / point.frozen);
  out +=
      format("lowest while it lasts, of those with %llu lists: live %.2f%%, without the gate %.2f%%\n",
             static_cast<unsigned long long>(kListsMin), 100 * lowest(report, &RankPoisonReport::Point::live),
             100 * lowest(report, &RankPoisonReport::Point::open));
  out +=
      span_text(format("until day %.2f, when the gate first acts", report.acted_day).c_str(), report.before);
  out += span_text("  the same without poison", report.clean_before);
  out += span_text("while it lasts", report.lasting);
  out += span_text("  the same without poison", report.clean_lasting);
  return out + report.publication;
}

std::string poison_report_svg(const RankPoisonReport& report) {
  Plot plot;
  plot.title = "Clicks of a program at random places";
  plot.subtitle = format(
      "for %.1f days; expected clicks of the same lists against a ranker frozen when it began", report.days);
  plot.x_label = "days";
  plot.y_label = "of the frozen one";
  PlotLine live{"live", {}}, open{"without the gate", {}};
  for (const auto& point : report.curve) {
    if (point.frozen <= 0) continue;
    live.points.emplace_back(point.day, point.live / point.frozen);
    open.points.emplace_back(point.day, point.open / point.frozen);
  }
  plot.lines = {live, open};
  return plot_svg(plot);
}

}  // namespace freshet
