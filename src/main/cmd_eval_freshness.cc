// freshet eval freshness: how much of what hourly retraining wins does learning online win.
// docs/benchmarks.md.
#include <cstdio>
#include <memory>

#include "eval/file_source.h"
#include "eval/freshness_events.h"
#include "eval/plot.h"
#include "main/command.h"
#include "main/file_flags.h"

namespace freshet {
namespace {

struct EvalFreshnessFlags {
  std::shared_ptr<FileFlags> files;
  std::string eval = "next-item", group = "session", repeats = "allow", hour = "1h", gap = "30min", plot;
  uint64_t seed = 1, memory_mb = 2048;
  size_t hours = 24, k = 20;
  bool json = false;
};

template <class T>
T parsed(std::string_view flag, Result<T> result) {
  if (!result.ok()) usage_error(std::string(flag) + ": " + result.error().what);
  return std::move(result).value();
}

FreshnessOptions options_of(const EvalFreshnessFlags& flags) {
  FreshnessOptions options;
  Protocol& protocol = options.protocol;
  protocol.task = parsed("--eval", parse_task(flags.eval));
  if (protocol.task == EvalTask::kLastItem) usage_error("--eval: expected next-item or basket");
  protocol.group =
      protocol.task == EvalTask::kBasket ? Grouping::kUser : parsed("--group", parse_grouping(flags.group));
  if (flags.repeats != "allow" && flags.repeats != "exclude")
    usage_error("--repeats: expected allow or exclude, got '" + flags.repeats + "'");
  protocol.allow_repeats = flags.repeats == "allow";
  protocol.k = flags.k;
  protocol.session_gap_ms = parsed("--session-gap", parse_duration(flags.gap));
  options.hour_ms = parsed("--hour", parse_duration(flags.hour));
  options.hours = flags.hours;
  options.state.recommender.seed = flags.seed;
  options.state.recommender.memory_bytes = static_cast<size_t>(flags.memory_mb) << 20;
  options.state.profiles.session_gap_ms = protocol.session_gap_ms;
  options.progress = [](std::string_view what) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  };
  return options;
}

Status run(const EvalFreshnessFlags& flags) {
  const FreshnessOptions options = options_of(flags);
  FileSource source(flags.files->files, parsed("files", flags.files->options()));
  if (!source.repeatable()) return invalid("-: standard input cannot be read twice; name a file");
  TRY(FreshnessReport report, freshness_of_events(source, options));
  report.title = flags.files->files.front();
  if (!flags.plot.empty()) TRY_STATUS(write_plot(flags.plot, freshness_svg(report)));
  std::fputs((flags.json ? freshness_json(report) : freshness_text(report)).c_str(), stdout);
  return {};
}

}  // namespace

Run add_eval_freshness(FlagSet app) {
  auto flags = std::make_shared<EvalFreshnessFlags>();
  flags->files = add_file_flags(app);
  app.add_option("--eval", flags->eval, "next-item or basket").capture_default_str();
  app.add_option("--group", flags->group, "What the next item is predicted within: session or user")
      .capture_default_str();
  app.add_option("--repeats", flags->repeats, "allow, or exclude: what the group already had is no candidate")
      .capture_default_str();
  app.add_option("--hours", flags->hours, "Hours sampled after half of the stream, each with a retraining")
      .capture_default_str()
      .check(number_within(2, 100'000));
  app.add_option("--hour", flags->hour, "What counts as an hour: 1h; for streams without a clock e.g. 220s")
      .capture_default_str();
  app.add_option("--k", flags->k, "Length of the list judged")
      .capture_default_str()
      .check(number_within(1, 1000));
  app.add_option("--session-gap", flags->gap, "A pause this long ends a visit where events name no session")
      .capture_default_str();
  app.add_option("--seed", flags->seed, "Of every random draw").capture_default_str();
  app.add_option("--memory-mb", flags->memory_mb, "Bound of the recommenders' memory").capture_default_str();
  app.add_option("--plot", flags->plot, "The curve as an SVG file");
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags] { return run(*flags); };
}

}  // namespace freshet
