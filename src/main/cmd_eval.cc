// freshet eval search, clicks: judged queries through the served ranking. docs/benchmarks.md has one command
// a set.
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "base/json_writer.h"
#include "eval/click_eval.h"
#include "eval/plot.h"
#include "eval/search_shop.h"
#include "eval/settings_file.h"
#include "main/command.h"

namespace freshet {
namespace {

struct EvalFlags {
  SearchDataOptions data;
  std::string gain_min_max, settings, against, dump, world = "moderate", traffic = "uniform";
  SearchEvalOptions eval;
  ClickEvalOptions clicks;
  std::string plot;
  bool json = false;
  size_t table = 20;
};

void say(uint64_t count, const char* what) {
  if (count > 0) std::fprintf(stderr, "%llu %s\n", static_cast<unsigned long long>(count), what);
}

Result<SearchReport> run(const SearchData& data, const EvalFlags& flags, const std::string& settings_path) {
  TRY(const std::string settings, read_settings_file(settings_path));
  TRY(const auto shop, SearchShop::open(data, settings));
  TRY(SearchReport report, evaluate_search(data, flags.eval, [&](const std::string& query, size_t k) {
        return shop->search(query, k);
      }));
  say(shop->items_unnamed(), "items have no id and were left out");
  say(shop->items_replaced(), "items came again under the same id: the last counts");
  for (const QueryReport& row : report.by_query)
    if (!row.refused.empty()) std::fprintf(stderr, "query %s: %s\n", row.id.c_str(), row.refused.c_str());
  return report;
}

Status dump(const SearchData& data, const SearchReport& report, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  for (const QueryReport& row : report.by_query) {
    JsonWriter line;
    line.object();
    line.field("query_id", row.id);
    line.field("query", row.asked);
    line.key("items").array();
    for (const RankedItem& one : row.ranked)
      line.value(data.items.rows[one.item][static_cast<size_t>(data.item_id)]);
    line.end();
    line.key("scores").array();
    for (const RankedItem& one : row.ranked) line.value(one.score);
    line.end();
    line.field("ndcg10", row.scores.ndcg10);
    line.field("mrr", row.scores.mrr);
    line.field("recall100", row.scores.recall100);
    line.end();
    out << line.text() << "\n";
  }
  out.close();
  if (!out) return unavailable(path + ": cannot be written; check the directory and its space");
  return {};
}

void read_gain(EvalFlags& flags) {
  if (!flags.gain_min_max.empty()) {
    double low = 0, high = 0;
    char end = 0;
    if (std::sscanf(flags.gain_min_max.c_str(), "%lf,%lf%c", &low, &high, &end) != 2 || !(low < high))
      usage_error("--gain-min-max: expected two numbers A,B with A < B, got '" + flags.gain_min_max + "'");
    flags.data.gain_min = low;
    flags.data.gain_max = high;
  }
}

Status no_judged_query(const SearchData& data) {
  return invalid("no judged query: " + std::to_string(data.labels_unknown) +
                 " labels name queries or items that are not in the files; check the id columns");
}

Status run_clicks(EvalFlags flags) {
  read_gain(flags);
  const auto world = parse_click_world(flags.world);
  if (!world.ok()) usage_error("--" + world.error().what);
  flags.clicks.world = *world;
  flags.clicks.traffic = flags.traffic == "zipf" ? ClickTraffic::kZipf : ClickTraffic::kUniform;
  flags.clicks.seed = flags.eval.seed;
  TRY(const SearchData data, read_search_data(flags.data));
  TRY(const std::string settings, read_settings_file(flags.settings));
  TRY(const auto shop, SearchShop::open(data, settings));
  const ClickShop played{
      .search = [&](const std::string& query, size_t k) { return shop->search(query, k); },
      .serve = [&](const std::string& query, const std::string& shopper,
                   TimeMs time_ms) { return shop->serve(query, shopper, time_ms); },
      .click = [&](uint32_t item, TimeMs time_ms) { shop->click(item, time_ms); },
      .examination = [&](uint32_t place) { return shop->clicks().examination().measured(place); },
      .learned = [&] { return shop->clicks().describe() + "\nranker: " + shop->ranker().describe(); },
  };
  TRY(const ClickReport report, evaluate_clicks(data, flags.clicks, played, [](const ClickCheckpoint& point) {
        std::fprintf(stderr, "%u searches of each: exploit %+.4f, served %+.4f, never shown %+.4f\n",
                     point.impressions, point.exploit, point.served, point.never_shown);
      }));
  if (report.seen == 0) return no_judged_query(data);
  if (!flags.plot.empty()) TRY_STATUS(write_plot(flags.plot, click_report_svg(report)));
  std::fputs((flags.json ? click_report_json(report) : click_report_text(report)).c_str(), stdout);
  return {};
}

Status run_search(EvalFlags flags) {
  read_gain(flags);
  TRY(const SearchData data, read_search_data(flags.data));
  TRY(const SearchReport report, run(data, flags, flags.settings));
  say(data.labels_unknown, "labels name unknown queries or items and were left out");
  say(data.labels_empty, "labels have no value and were left out");
  if (report.queries == 0) return no_judged_query(data);
  if (!flags.dump.empty()) TRY_STATUS(dump(data, report, flags.dump));
  if (!flags.against.empty()) {
    TRY(const SearchReport other, run(data, flags, flags.against));
    const std::string text = flags.json ? "{\"before\": " + search_report_json(report) +
                                              ", \"after\": " + search_report_json(other) + "}\n"
                                        : search_diff_text(report, other, flags.table);
    std::fputs(text.c_str(), stdout);
    return {};
  }
  const std::string text = flags.json ? search_report_json(report) : search_report_text(report, flags.table);
  std::fputs(text.c_str(), stdout);
  return {};
}

// What the first two commands read; the option for the label from which an item is relevant.
Flag add_data(FlagSet app, EvalFlags& flags) {
  app.add_option("--items", flags.data.items, "The catalogue: TSV, CSV or JSON lines, plain or gzip")
      .required();
  app.add_option("--queries", flags.data.queries, "Query ids and texts, in the same forms").required();
  app.add_option("--labels", flags.data.labels, "Query id, item id, label, in the same forms").required();
  const Flag gain =
      app.add_option("--gain", flags.data.gain, "Gain of a label, e.g. (relevance-1)/2; x: the label");
  app.add_option("--gain-min-max", flags.gain_min_max,
                 "A,B: gain = (label-A)/(B-A); default: from the labels")
      .excludes(gain);
  const Flag relevant =
      app.add_option("--relevant-min", flags.data.relevant_min,
                     "Label from which an item is relevant (MRR, R@100); default: a gain of 2/3");
  app.add_option("--settings", flags.settings, "Search settings as JSON; default: the defaults");
  app.add_flag("--json", flags.json, "The report as JSON");
  return relevant;
}

}  // namespace

Run add_eval_policy(FlagSet app);     // cmd_eval_policy.cc
Run add_eval_freshness(FlagSet app);  // cmd_eval_freshness.cc
Run add_eval_late(FlagSet app);       // cmd_eval_late.cc
Run add_eval_rank(FlagSet app);       // cmd_eval_rank.cc

Run add_eval(FlagSet app) {
  auto flags = std::make_shared<EvalFlags>();
  app.require_subcommand();
  const FlagSet search =
      app.add_subcommand("search", "Judged queries through the ranking that the server serves");
  const Flag relevant = add_data(search, *flags);
  search.add_option("--against", flags->against, "Other settings: print what they change");
  search.add_option("--typos", flags->eval.typos, "Random edits in one word of each query: 1 or 2")
      .check(number_within(0, 2));
  search.add_option("--seed", flags->eval.seed, "Of the edits").capture_default_str();
  search.add_option("--table", flags->table, "Rows of the table of queries").capture_default_str();
  search.add_option("--dump", flags->dump, "Write every ranking as JSON lines");
  const FlagSet clicks =
      app.add_subcommand("clicks", "Simulated clicks by the judgements: what the ranking learns from them");
  add_data(clicks, *flags);
  clicks.add_option("--world", flags->world, "How shoppers click: moderate, cascade or noisy")
      .capture_default_str();
  clicks.add_option("--traffic", flags->traffic, "How often queries are searched: uniform or zipf")
      .capture_default_str()
      .check(one_of({"uniform", "zipf"}));
  clicks.add_option("--impressions", flags->clicks.impressions, "Searches of each query that is searched")
      .capture_default_str()
      .check(number_within(1, 10'000));
  clicks
      .add_option("--shoppers", flags->clicks.shoppers,
                  "Searches come from so many shoppers, known by name, who click alike; 0: nobody is known")
      .capture_default_str()
      .check(number_within(0, 100'000'000));
  clicks.add_option("--seen", flags->clicks.seen_share, "Share of the queries that are searched")
      .capture_default_str()
      .check(number_within(0.0, 1.0));
  clicks.add_option("--queries-max", flags->clicks.queries_max, "Judged queries taken, at random; 0: all")
      .capture_default_str();
  clicks.add_option("--seed", flags->eval.seed, "Of shoppers and of the choice of queries")
      .capture_default_str();
  clicks.add_option("--plot", flags->plot, "The curves as an SVG file");
  const FlagSet policy = app.add_subcommand(
      "policy", "What other search settings would have earned, from the clicks on a shop's own pages");
  const Run run_policy = add_eval_policy(policy);
  const FlagSet fresh = app.add_subcommand(
      "freshness",
      "Frozen, retrained every hour, and online: what each would have listed for the same events");
  const Run run_freshness = add_eval_freshness(fresh);
  const FlagSet late = app.add_subcommand(
      "late",
      "Purchases that come days later: what waiting, correcting and believing cost, beside an oracle");
  const Run run_late = add_eval_late(late);
  const FlagSet rank = app.add_subcommand(
      "rank",
      "A generated shop: what its lists are worth with the learned ranker and without, and how fresh it is");
  const Run run_rank = add_eval_rank(rank);
  return [flags, relevant, clicks, policy, run_policy, fresh, run_freshness, late, run_late, rank, run_rank] {
    if (policy.parsed()) return run_policy();
    if (fresh.parsed()) return run_freshness();
    if (late.parsed()) return run_late();
    if (rank.parsed()) return run_rank();
    flags->data.has_relevant_min = relevant.count() > 0;
    return clicks.parsed() ? run_clicks(*flags) : run_search(*flags);
  };
}

}  // namespace freshet
