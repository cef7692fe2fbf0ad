// freshet eval rank: games on the generated shop. docs/benchmarks.md.
#include <cstdio>
#include <memory>

#include "env/progress.h"
#include "eval/plot.h"
#include "eval/rank_eval.h"
#include "eval/settings_file.h"
#include "main/command.h"

namespace freshet {
namespace {

constexpr uint64_t kProgressSteps = 10'000;

struct EvalRankFlags {
  RankEvalOptions rank{.settings = {}};
  std::string settings, plot;
  bool only_with = false, poison = false, json = false;
};

Status run(EvalRankFlags flags) {
  if (!flags.settings.empty()) {
    TRY(const std::string text, read_settings_file(flags.settings));
    TRY(flags.rank.settings, read_ranker_settings(text));
  }
  flags.rank.without = !flags.only_with;
  flags.rank.shop.days = static_cast<double>(flags.rank.visits) / flags.rank.visits_per_day;
  Progress progress("eval rank", kProgressSteps, "lists");
  uint64_t lists = 0;
  flags.rank.progress = [&](double share) {
    progress.at(static_cast<uint64_t>(share * kProgressSteps), ++lists);
  };
  const auto print = [&](const std::string& text, const std::string& svg) -> Status {
    progress.done();
    if (!flags.plot.empty()) TRY_STATUS(write_plot(flags.plot, svg));
    std::fputs(text.c_str(), stdout);
    return {};
  };
  if (flags.poison) {
    TRY(const RankPoisonReport report, evaluate_poison(flags.rank, {}));
    return print(flags.json ? poison_report_json(report) : poison_report_text(report),
                 poison_report_svg(report));
  }
  TRY(const RankEvalReport report, evaluate_ranker(flags.rank));
  return print(flags.json ? rank_report_json(report) : rank_report_text(report), rank_report_svg(report));
}

}  // namespace

Run add_eval_rank(FlagSet app) {
  auto flags = std::make_shared<EvalRankFlags>();
  RankEvalOptions& ranked = flags->rank;
  app.add_option("--visits", ranked.visits, "Visits of each game")
      .capture_default_str()
      .check(number_within(1, 100'000'000));
  app.add_option("--visits-per-day", ranked.visits_per_day, "How fast they come")
      .capture_default_str()
      .check(number_within(1.0, 1e9));
  app.add_option("--items", ranked.shop.items, "Items in the catalogue")
      .capture_default_str()
      .check(number_within(100, 100'000'000));
  app.add_option("--shoppers", ranked.shop.shoppers, "Shoppers")
      .capture_default_str()
      .check(number_within(1, 100'000'000));
  app.add_option("--taste-days", ranked.shop.taste_days,
                 "Mean days between abrupt changes of a taste; 0: none")
      .capture_default_str()
      .check(number_within(0.0, 36500.0));
  app.add_option("--fashion-days", ranked.shop.fashion_days,
                 "Days in which what all shoppers like goes over into something else; 0: no fashion")
      .capture_default_str()
      .check(number_within(0.0, 36500.0));
  app.add_option("--new-items", ranked.shop.new_items, "Share of the items that arrive during the game")
      .capture_default_str()
      .check(number_within(0.0, 1.0));
  app.add_option("--k", ranked.k, "Length of the lists").capture_default_str().check(number_within(1, 100));
  app.add_option("--hours", ranked.hours, "Hours sampled to measure freshness; 0: not measured")
      .capture_default_str()
      .check(number_within(0, 10'000));
  app.add_flag("--only-with", flags->only_with, "No game without the ranker");
  app.add_flag("--searches", ranked.searches,
               "Shoppers search instead of looking at lists: what the order is worth that knows whom it is "
               "for (ranker.personal_weight)");
  app.add_flag("--poison", flags->poison,
               "Instead: clicks of a program for a fifth of the game; what is live with the gate and "
               "without it, and without poison");
  app.add_option("--settings", flags->settings, "Search settings as JSON: of them, \"ranker\"");
  app.add_option("--seed", ranked.shop.seed, "The same seed gives the same shop, on every machine")
      .capture_default_str();
  app.add_option("--plot", flags->plot, "The curve as an SVG file");
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags] { return run(*flags); };
}

}  // namespace freshet
