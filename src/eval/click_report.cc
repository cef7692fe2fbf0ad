// What eval/click_eval.h measured, for people and programs.
#include <cstdio>

#include "base/json_writer.h"
#include "eval/click_eval.h"
#include "eval/plot.h"

namespace freshet {
namespace {

std::string format(const char* text, auto... values) {
  char out[256];
  std::snprintf(out, sizeof out, text, values...);
  return out;
}

std::string traffic_name(ClickTraffic traffic) {
  return traffic == ClickTraffic::kZipf ? "zipf" : "uniform";
}

void write_checkpoint(JsonWriter& out, const ClickReport& report, const ClickCheckpoint& point) {
  out.object().field("impressions", uint64_t{point.impressions}).field("exploit_delta", point.exploit);
  out.field("served_delta", point.served).field("never_shown_delta", point.never_shown);
  out.field("known_same_clicks_delta", point.known_same_clicks);
  out.key("rivals").array();
  for (size_t i = 0; i < point.rivals.size(); ++i)
    out.object()
        .field("name", report.rivals[i])
        .field("exploit_delta", point.rivals[i].exploit)
        .field("served_delta", point.rivals[i].served)
        .end();
  out.end().end();
}

}  // namespace

std::string click_report_json(const ClickReport& report) {
  JsonWriter out;
  out.object();
  out.field("world", click_world_name(report.options.world));
  out.field("traffic", traffic_name(report.options.traffic));
  out.field("impressions", uint64_t{report.options.impressions});
  out.field("seed", report.options.seed);
  out.field("queries_seen", report.seen);
  out.field("queries_never_shown", report.never_shown);
  out.field("pages", report.pages);
  out.field("clicks", report.clicks);
  out.field("base_ndcg10", report.base_seen);
  out.field("base_ndcg10_never_shown", report.base_never_shown);
  out.key("checkpoints").array();
  for (const ClickCheckpoint& point : report.checkpoints) write_checkpoint(out, report, point);
  out.end();
  out.field("worst_delta", report.worst);
  out.field("worst_never_shown_delta", report.worst_never_shown);
  out.key("propensities").array();
  for (size_t k = 0; k < report.measured.size(); ++k)
    out.object()
        .field("place", uint64_t{k + 1})
        .field("measured", report.measured[k])
        .field("looked_at", report.looked_at[k])
        .end();
  out.end();
  out.field("propensity_error", report.propensity_error);
  out.end();
  return out.take() + "\n";
}

std::string click_report_text(const ClickReport& report) {
  const auto count = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::string out =
      format("world %s, traffic %s: %llu queries searched, nDCG@10 %.4f without clicks; ",
             std::string(click_world_name(report.options.world)).c_str(),
             traffic_name(report.options.traffic).c_str(), count(report.seen), report.base_seen) +
      format("%llu never, %.4f; %llu clicks\n\n", count(report.never_shown), report.base_never_shown,
             count(report.clicks));
  out +=
      "searches    nDCG@10 gained                            others, each on pages of its own: exploit "
      "(served)\n"
      "of each     exploit    served  never shown  same clicks*";
  for (const std::string& name : report.rivals) out += format("  %18s", name.c_str());
  for (const ClickCheckpoint& point : report.checkpoints) {
    out += format("\n%7u  %+10.4f%+10.4f%+13.4f%+14.4f", point.impressions, point.exploit, point.served,
                  point.never_shown, point.known_same_clicks);
    for (const ClickCheckpoint::Rival& one : point.rivals)
      out += format("   %+8.4f (%+.3f)", one.exploit, one.served);
  }
  out += "\n* who knows the world, and learns from the same pages and clicks\n";
  out += "\nplace looked at, measured / true:";
  for (size_t k = 0; k < report.measured.size(); ++k)
    out += format(" %.3f/%.3f", report.measured[k], report.looked_at[k]);
  out += "\n" + report.learned;
  return out + format("\nlargest error %.1f %%\n", 100 * report.propensity_error);
}

std::string click_report_svg(const ClickReport& report) {
  Plot plot;
  plot.title = "What the ranking learns from clicks";
  plot.subtitle = format("%s world, %s traffic, %llu queries, nDCG@10 %.3f without clicks",
                         std::string(click_world_name(report.options.world)).c_str(),
                         traffic_name(report.options.traffic).c_str(),
                         static_cast<unsigned long long>(report.seen), report.base_seen);
  plot.x_label = "searches of each query";
  plot.y_label = "nDCG@10 gained";
  const auto line = [&](const std::string& name, const auto& value) {
    PlotLine& out = plot.lines.emplace_back(PlotLine{name, {{0, 0}}});
    for (const ClickCheckpoint& point : report.checkpoints)
      out.points.emplace_back(point.impressions, value(point));
  };
  line("Freshet, exploit", [](const ClickCheckpoint& point) { return point.exploit; });
  line("Freshet, as served", [](const ClickCheckpoint& point) { return point.served; });
  line("never shown", [](const ClickCheckpoint& point) { return point.never_shown; });
  for (size_t i = 0; i < report.rivals.size(); ++i)
    line(report.rivals[i], [i](const ClickCheckpoint& point) { return point.rivals[i].exploit; });
  return plot_svg(plot);
}

}  // namespace freshet
