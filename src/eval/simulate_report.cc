// What the judge found, as JSON, as text and as a picture.
#include <cstdio>

#include "base/json_writer.h"
#include "eval/plot.h"
#include "eval/simulate_judge.h"

namespace freshet::simulate {

namespace {

void write_score(JsonWriter& json, const Score& score) {
  json.object().field("lists", score.lists);
  json.field("share", score.share(score.served));
  json.field("share_popular", score.share(score.popular));
  json.field("share_random", score.share(score.random));
  json.field("expected_clicks", score.served).field("best_clicks", score.best);
  json.field("regret", score.best - score.served).end();
}

std::string line(const char* name, const Score& score) {
  char text[160];
  std::snprintf(text, sizeof text, "  %-28s %8.1f %%  %8.1f %%  %8.1f %%  %9llu\n", name,
                100 * score.share(score.served), 100 * score.share(score.popular),
                100 * score.share(score.random), static_cast<unsigned long long>(score.lists));
  return text;
}

}  // namespace

std::string verdict_json(const Verdict& verdict) {
  JsonWriter json(2);
  json.object()
      .field("visits", verdict.visits)
      .field("events", verdict.events)
      .field("clicks", verdict.clicks);
  json.field("carts", verdict.carts).field("purchases", verdict.purchases);
  json.field("unknown_items", verdict.unknown_items).field("seconds", verdict.seconds);
  const std::pair<const char*, const Score*> scores[] = {{"total", &verdict.total},
                                                         {"last_quarter", &verdict.last_quarter},
                                                         {"for_you", &verdict.for_you},
                                                         {"next", &verdict.next}};
  for (const auto& [name, score] : scores) {
    json.key(name);
    write_score(json, *score);
  }
  json.key("curve").array();
  for (const ScorePoint& point : verdict.curve) {
    json.object().field("visits", point.visit).key("score");
    write_score(json, point.score);
    json.end();
  }
  json.end();
  if (verdict.before.lists > 0) {
    json.key("taste_change").object().field("recovered_after_events", verdict.recovered_after).key("before");
    write_score(json, verdict.before);
    json.key("others");
    write_score(json, verdict.others);
    json.key("since").array();
    for (const Score& score : verdict.since) write_score(json, score);
    json.end().end();
  }
  json.end();
  return json.take() + "\n";
}

std::string verdict_text(const Verdict& verdict) {
  char text[320];
  std::snprintf(
      text, sizeof text,
      "%llu visits, %llu events, %llu clicks, %llu purchases in %.1f s; regret %.0f of %.0f possible "
      "clicks\n\n",
      static_cast<unsigned long long>(verdict.visits), static_cast<unsigned long long>(verdict.events),
      static_cast<unsigned long long>(verdict.clicks), static_cast<unsigned long long>(verdict.purchases),
      verdict.seconds, verdict.total.best - verdict.total.served, verdict.total.best);
  std::string out(text);
  out += "  share of the best clicks          served     popular      random      lists\n";
  out += line("all", verdict.total) + line("last quarter of the visits", verdict.last_quarter) +
         line("for you (visit begins)", verdict.for_you) + line("next in this visit", verdict.next);
  if (verdict.before.lists == 0) return out;
  out += "\n  a third of the shoppers change their taste at half of the visits\n";
  out += line("they, before", verdict.before);
  for (const size_t n :
       {size_t{0}, size_t{1}, size_t{2}, size_t{4}, size_t{8}, size_t{16}, verdict.since.size() - 1}) {
    std::snprintf(text, sizeof text, "they, %zu%s events after", n, n + 1 == verdict.since.size() ? "+" : "");
    if (verdict.since[n].lists > 0) out += line(text, verdict.since[n]);
  }
  out += line("the others, meanwhile", verdict.others);
  if (verdict.recovered_after >= 0)
    std::snprintf(text, sizeof text, "  back at 0.9 of before after %d events of theirs\n",
                  verdict.recovered_after);
  else
    std::snprintf(text, sizeof text, "  not back at 0.9 of before within this run\n");
  return out + text;
}

std::string verdict_svg(const Verdict& verdict) {
  Plot plot;
  plot.title = "Share of the best possible clicks";
  plot.lines = {{"Freshet", {}}, {"popular items", {}}, {"random items", {}}};
  const auto add = [&](double x, const Score& score) {
    if (score.lists == 0) return;
    plot.lines[0].points.emplace_back(x, score.share(score.served));
    plot.lines[1].points.emplace_back(x, score.share(score.popular));
    plot.lines[2].points.emplace_back(x, score.share(score.random));
  };
  if (verdict.before.lists > 0) {
    plot.subtitle = "expected clicks / those of the best list; shoppers whose taste changed";
    plot.x_label = "events since the change";
    for (size_t n = 0; n < verdict.since.size();
         ++n) {  // With its neighbours: one count alone has few lists.
      Score around = verdict.since[n];
      if (n > 1) around.add(verdict.since[n - 1]);
      if (n > 0 && n + 1 < verdict.since.size()) around.add(verdict.since[n + 1]);
      add(static_cast<double>(n), around);
    }
    plot.lines.push_back({"before", {}});
    for (const double x : {0.0, static_cast<double>(verdict.since.size() - 1)})
      plot.lines.back().points.emplace_back(x, verdict.before.share(verdict.before.served));
  } else {
    plot.subtitle = "expected clicks / those of the best list; a generated shop, from its first visit on";
    plot.x_label = "visits";
    for (const ScorePoint& point : verdict.curve) add(static_cast<double>(point.visit), point.score);
  }
  return plot_svg(plot);
}

}  // namespace freshet::simulate
