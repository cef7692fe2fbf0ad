#include "eval/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/json_writer.h"
#include "base/text_table.h"

namespace freshet {
namespace {

constexpr size_t kQuarters = 4;

std::string hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

void add_scores(JsonWriter& json, const MeanScores& scores) {
  json.field("n", scores.n()).field("recall", scores.recall()).field("mrr", scores.mrr());
  json.field("ndcg", scores.ndcg()).field("hit", scores.hit());
}

void add_both(JsonWriter& json, const MeanScores& all, const MeanScores& novel) {
  add_scores(json, all);
  json.key("novel").object();
  add_scores(json, novel);
  json.end();
}

struct Quarter {
  MeanScores all, novel;
};

// Evaluated targets in four equal parts, in order; the first ones take the rest.
std::vector<Quarter> quarters(const std::vector<Outcome>& outcomes) {
  std::vector<Quarter> parts(kQuarters);
  for (size_t i = 0; i < outcomes.size(); i++) {
    Quarter& part = parts[i * kQuarters / outcomes.size()];
    part.all.add(outcomes[i].all);
    if (outcomes[i].has_novel) part.novel.add(outcomes[i].novel);
  }
  return parts;
}

double mean(double sum, uint64_t n) {
  return n == 0 ? std::nan("") : sum / static_cast<double>(n);
}

bool is_on(const SourceScores& source, const std::vector<std::string>& sources) {
  return sources.empty() || std::find(sources.begin(), sources.end(), source.name) != sources.end();
}

double per_second(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

void add_evaluation(JsonWriter& json, const ReplayReport& report, const std::vector<std::string>& sources) {
  const Evaluation& evaluation = report.evaluation;
  const UpdateScores& first = evaluation.updates.front();
  add_both(json, first.all, first.novel);
  json.field("log_loss", mean(evaluation.log_loss_sum, evaluation.log_loss_n));
  json.field("unseen", evaluation.unseen).field("eligible", evaluation.eligible);
  json.key("at_k").object();
  for (const auto& [k, scores] : evaluation.at_k) {
    json.key(std::to_string(k)).object();
    add_scores(json, scores);
    json.end();
  }
  json.end();
  json.key("by_quarter").array();
  for (const Quarter& quarter : quarters(first.outcomes)) {
    json.object();
    add_both(json, quarter.all, quarter.novel);
    json.end();
  }
  json.end();
  json.key("by_source").object();
  for (const SourceScores& source : evaluation.sources) {
    if (!is_on(source, sources)) continue;
    json.key(source.name).object();
    add_both(json, source.all, source.novel);
    json.field("log_loss", mean(source.log_loss_sum, source.log_loss_n)).field("known", source.log_loss_n);
    json.field("credited", source.credited).end();
  }
  json.end();
  json.key("by_update").object();
  for (const UpdateScores& update : evaluation.updates) {
    json.key(update.name).object();
    add_both(json, update.all, update.novel);
    json.end();
  }
  json.end();
}

std::vector<std::string> score_cells(std::string name, const MeanScores& all, const MeanScores& novel) {
  return {std::move(name),
          format_count(all.n()),
          format_number(all.recall(), 4),
          format_number(all.mrr(), 4),
          format_number(all.ndcg(), 4),
          format_number(all.hit(), 4),
          format_number(novel.recall(), 4),
          format_number(novel.ndcg(), 4)};
}

}  // namespace

std::string report_json(const ReplayReport& report, const std::vector<std::string>& sources) {
  const Protocol& protocol = report.protocol;
  JsonWriter json(2);
  json.object();
  json.field("task", task_name(protocol.task));
  json.field("group", protocol.group == Grouping::kSession ? "session" : "user");
  json.field("repeats", protocol.allow_repeats ? "allow" : "exclude").field("k", protocol.k);
  json.field("update", protocol.updates.front().name);
  json.field("sample", static_cast<double>(protocol.sample.keep) / static_cast<double>(protocol.sample.of));
  if (!report.evaluation.updates.empty()) add_evaluation(json, report, sources);
  json.field("events", report.events).field("targets", report.targets).field("groups", report.groups);
  json.field("warmup_groups", report.warmup_groups);
  json.field("items", report.items).field("shoppers", report.shoppers);
  json.field("rejected", report.ingested.rejected).field("duplicates", report.ingested.duplicates);
  json.field("filtered", report.ingested.filtered);
  json.field("seconds", report.seconds).field("predict_seconds", report.evaluation.predict_seconds);
  json.field("events_per_second", per_second(report.events, report.seconds));
  json.field("learn_events_per_second",
             per_second(report.events, report.seconds - report.evaluation.predict_seconds));
  json.field("events_per_cpu_second", per_second(report.events, report.cpu_seconds));
  json.field("cpu_seconds", report.cpu_seconds).field("peak_rss_bytes", report.peak_rss_bytes);
  json.field("state_bytes", report.state_bytes).field("state_hash", hex(report.state_hash));
  return json.end().take() + "\n";
}

std::string report_text(const ReplayReport& report, const std::vector<std::string>& sources) {
  const Evaluation& evaluation = report.evaluation;
  std::string out;
  if (!evaluation.updates.empty()) {
    const std::string at = "@" + std::to_string(report.protocol.k);
    const std::vector<std::string> head = {"",          "n",        "recall" + at,  "mrr" + at,
                                           "ndcg" + at, "hit" + at, "novel recall", "novel ndcg"};
    TextTable table(head);
    for (const UpdateScores& update : evaluation.updates)
      table.row(score_cells(update.name, update.all, update.novel));
    table.rule();
    size_t number = 1;
    for (const Quarter& quarter : quarters(evaluation.updates.front().outcomes))
      table.row(score_cells("quarter " + std::to_string(number++), quarter.all, quarter.novel));
    table.rule();
    for (const SourceScores& source : evaluation.sources)
      if (is_on(source, sources) && source.all.n() > 0)
        table.row(score_cells(source.name + " alone", source.all, source.novel));
    out += table.text() + "\n";
    out += "log loss " + format_number(mean(evaluation.log_loss_sum, evaluation.log_loss_n), 4) +
           ", unseen targets " + format_count(evaluation.unseen) + ", evaluated " +
           format_count(evaluation.updates.front().all.n()) + " of " + format_count(evaluation.eligible) +
           "\n";
  }
  out += format_count(report.events) + " events, " + format_count(report.items) + " items, " +
         format_count(report.shoppers) + " shoppers in " + format_seconds(report.seconds) + ": " +
         format_count(static_cast<uint64_t>(per_second(report.events, report.seconds))) + " events/s";
  if (evaluation.predict_seconds > 0)
    out += " (" +
           format_count(static_cast<uint64_t>(
               per_second(report.events, report.seconds - evaluation.predict_seconds))) +
           "/s without the predictions)";
  out += "\n" + format_seconds(report.cpu_seconds) + " of CPU (" +
         format_count(static_cast<uint64_t>(per_second(report.events, report.cpu_seconds))) +
         " events/s of it), peak memory " + format_bytes(report.peak_rss_bytes) + ", state " +
         format_bytes(report.state_bytes) + ", state hash " + hex(report.state_hash) + "\n";
  const IngestResult& ingested = report.ingested;
  if (ingested.rejected + ingested.filtered + ingested.duplicates > 0)
    out += format_count(ingested.filtered) + " rows filtered, " + format_count(ingested.rejected) +
           " refused, " + format_count(ingested.duplicates) + " duplicates\n";
  for (size_t i = 0; i < std::min<size_t>(ingested.errors.size(), 3); i++)
    out += "  refused: " + ingested.errors[i].message() + "\n";
  return out;
}

Plot report_plot(const ReplayReport& report, const std::string& title) {
  const std::string metric = "recall@" + std::to_string(report.protocol.k);
  Plot plot{title, "", "evaluated targets, in the order of the stream", metric, {}};
  const auto& updates = report.evaluation.updates;
  const size_t n = updates.empty() ? 0 : updates.front().outcomes.size();
  const size_t window = std::clamp<size_t>(n / 12, 1, 5000);
  plot.subtitle = metric + ", mean over the last " + format_count(window) + " of " + format_count(n) +
                  " targets; each asked before it was learned";
  for (const UpdateScores& update : updates) {
    std::vector<float> recall;
    for (const Outcome& outcome : update.outcomes) recall.push_back(outcome.all.recall);
    plot.lines.push_back({update.name, sliding_mean(recall, window, 240)});
  }
  if (updates.size() == 1) {
    std::vector<float> recall;
    for (const Outcome& outcome : updates.front().outcomes)
      if (outcome.has_novel) recall.push_back(outcome.novel.recall);
    PlotLine line{"novel", sliding_mean(recall, window, 240)};
    const double stretch = recall.empty() ? 1 : static_cast<double>(n) / static_cast<double>(recall.size());
    for (auto& [x, y] : line.points) x *= stretch;
    plot.lines.push_back(std::move(line));
  }
  return plot;
}

std::string judgement_json(const Judgement& judged,
                           const std::function<std::string_view(ItemSlot)>& item_id) {
  const auto add_list = [&](JsonWriter& json, const std::vector<Recommended>& items) {
    json.array();
    for (const Recommended& item : items) json.array().value(item_id(item.item)).value(item.score).end();
    json.end();
  };
  const Event& event = *judged.event;
  JsonWriter json;
  json.object().field("at", judged.at).field("user", event.user).field("session", event.session);
  if (!event.order_id.empty()) json.field("order", event.order_id);
  json.field("position", judged.position).key("targets").array();
  for (const std::string_view target : judged.targets) json.value(target);
  json.end().key("items");
  add_list(json, *judged.items);
  if (judged.new_items != nullptr) {
    json.key("new_items");
    add_list(json, *judged.new_items);
  }
  return json.end().take() + "\n";
}

}  // namespace freshet
