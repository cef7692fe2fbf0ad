// freshet replay: event files through the server's own fold; with --eval, each target is predicted before it
// is learned. docs/benchmarks.md has one command for each protocol.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include "base/text_table.h"
#include "env/process.h"
#include "env/progress.h"
#include "eval/file_source.h"
#include "eval/plot.h"
#include "eval/report.h"
#include "eval/shop_model.h"
#include "main/command.h"
#include "main/file_flags.h"

namespace freshet {
namespace {

struct ReplayFlags {
  std::shared_ptr<FileFlags> files;
  std::string eval, group = "session", warmup, eval_from, repeats = "allow", sample, update = "live",
                    gap = "30min";
  uint64_t warmup_events = 0, seed = 1, memory_mb = 2048;
  size_t k = 20;
  bool by_group = false, json = false;
  std::string sources = "all", data_dir, plot, dump, title;
};

// Reads one flag's text; a mistake is a matter of usage.
template <class T>
T parsed(std::string_view flag, Result<T> result) {
  if (!result.ok()) usage_error(std::string(flag) + ": " + result.error().what);
  return std::move(result).value();
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    words.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return words;
}

Protocol protocol_of(const ReplayFlags& flags) {
  Protocol protocol;
  if (!flags.eval.empty()) protocol.task = parsed("--eval", parse_task(flags.eval));
  protocol.group = parsed("--group", parse_grouping(flags.group));
  if (protocol.task == EvalTask::kBasket) protocol.group = Grouping::kUser;
  if (!flags.warmup.empty()) protocol.warmup = parsed("--warmup", parse_warmup(flags.warmup));
  protocol.warmup.events = flags.warmup_events;
  if (!flags.eval_from.empty()) protocol.eval_from_ms = parsed("--eval-from", parse_moment(flags.eval_from));
  if (flags.repeats != "allow" && flags.repeats != "exclude")
    usage_error("--repeats: expected allow or exclude, got '" + flags.repeats + "'");
  protocol.allow_repeats = flags.repeats == "allow";
  if (!flags.sample.empty()) protocol.sample = parsed("--eval-sample", parse_sample(flags.sample));
  if (flags.k == 0 || flags.k > 1000) usage_error("--k: expected a number from 1 to 1000");
  protocol.k = flags.k;
  protocol.updates = parsed("--update", parse_updates(flags.update));
  protocol.by_group = flags.by_group;
  protocol.session_gap_ms = parsed("--session-gap", parse_duration(flags.gap));
  const bool clockless = protocol.task == EvalTask::kLastItem;
  for (const UpdatePolicy& policy : protocol.updates)
    if (clockless && policy.kind == UpdatePolicy::Kind::kEvery)
      usage_error("--update " + policy.name + ": last-item learns everything first; use live");
  return protocol;
}

StateConfig state_config(const ReplayFlags& flags) {
  StateConfig config;
  config.recommender.seed = flags.seed;
  config.recommender.memory_bytes = static_cast<size_t>(flags.memory_mb) << 20;
  if (flags.sources != "all") {
    config.recommender.sources = split(flags.sources);
    for (const std::string& name : config.recommender.sources) {
      std::string known;
      bool found = false;
      for (const std::string_view one : Recommender::source_names()) {
        found = found || one == name;
        known += (known.empty() ? "" : ", ") + std::string(one);
      }
      known.append("; got '").append(name).append("'");
      if (!found) usage_error("--sources: expected all or some of " + known);
    }
  }
  config.profiles.session_gap_ms = parsed("--session-gap", parse_duration(flags.gap));
  return config;
}

// The bar for whatever phase the replay is in.
class Bar {
 public:
  void at(std::string_view phase, EventSource::Position position, uint64_t events, double recall) {
    if (phase != phase_) {
      bar_.emplace(phase, position.total);
      phase_ = phase;
    }
    bar_->total(position.total);
    bar_->at(position.done, events);
    if (!std::isnan(recall)) bar_->note("recall " + format_number(recall, 3));
  }
  void done() { bar_.reset(); }

 private:
  std::string phase_;
  std::optional<Progress> bar_;
};

Status run_replay(const ReplayFlags& flags) {
  const Protocol protocol = protocol_of(flags);
  const StateConfig config = state_config(flags);
  FileSource source(flags.files->files, parsed("files", flags.files->options()));
  TRY(const std::unique_ptr<ShopModel> model, ShopModel::open(config, flags.data_dir));

  ReplayOptions options;
  options.protocol = protocol;
  std::ofstream dump;
  if (!flags.dump.empty()) {
    dump.open(flags.dump, std::ios::binary);
    if (!dump) return unavailable(flags.dump + ": cannot be written; check the directory");
    options.judgement = [&](const Judgement& judged) {
      dump << judgement_json(judged, [&](ItemSlot item) { return model->item_id(item); });
    };
  }
  Bar bar;
  if (stderr_is_terminal())
    options.progress = [&](std::string_view phase, EventSource::Position position, uint64_t events,
                           double recall) { bar.at(phase, position, events, recall); };

  ReplayReport report;
  TRY_STATUS(replay(source, *model, options, report));
  bar.done();
  report.items = model->state().catalog().items();
  report.shoppers = model->state().profiles().shoppers();
  report.state_bytes = model->bytes();
  TRY_STATUS(model->close());
  if (report.events == 0 && report.ingested.rejected > 0)
    return invalid("no event could be read: " + report.ingested.errors.front().message() +
                   "; see --map and --set");

  if (!flags.dump.empty()) {
    dump.close();
    if (!dump) return unavailable(flags.dump + ": not written whole; check the space");
  }
  if (!flags.plot.empty()) {
    const std::string title = flags.title.empty() ? flags.files->files.front() : flags.title;
    TRY_STATUS(write_plot(flags.plot, plot_svg(report_plot(report, title))));
  }
  const std::string text = flags.json ? report_json(report, config.recommender.sources)
                                      : report_text(report, config.recommender.sources);
  std::fputs(text.c_str(), stdout);
  return {};
}

}  // namespace

Run add_replay(FlagSet app) {
  auto flags = std::make_shared<ReplayFlags>();
  flags->files = add_file_flags(app);
  app.add_option("--data", flags->data_dir, "Keep log and state in this directory; default: in memory");
  app.add_option("--sources", flags->sources, "all, or some candidate sources: a,b").capture_default_str();
  app.add_option("--seed", flags->seed, "Of every random draw").capture_default_str();
  app.add_option("--memory-mb", flags->memory_mb, "Bound of the recommenders' memory").capture_default_str();
  app.add_flag("--json", flags->json, "The report as JSON");

  const std::string group = "Evaluation";
  const auto option = [&](const char* name, auto& into, const char* what) {
    return app.add_option(name, into, what).group(group);
  };
  option("--eval", flags->eval, "next-item, basket or last-item; default: fold and learn only");
  option("--group", flags->group, "What the next item is predicted within: session or user")
      .capture_default_str();
  option("--warmup", flags->warmup, "Groups learned but not evaluated: N, or P% of them");
  option("--warmup-events", flags->warmup_events, "The same for the first N actions");
  option("--eval-from", flags->eval_from, "Evaluate from this event time on: seconds, ms or 2011-05-22");
  option("--repeats", flags->repeats, "allow, or exclude: what the group already had is no candidate")
      .capture_default_str();
  option("--eval-sample", flags->sample, "Share of the targets to evaluate, e.g. 1/20, by a fixed hash");
  option("--k", flags->k, "Length of the list judged").capture_default_str();
  option("--update", flags->update,
         "How often what was learned is served: live, frozen, every=1h; several with commas are compared in "
         "one pass")
      .capture_default_str();
  option("--session-gap", flags->gap, "A pause this long ends a visit where events name no session")
      .capture_default_str();
  app.add_flag("--by-group", flags->by_group, "Replay groups whole, in order of first appearance")
      .group(group);
  option("--plot", flags->plot, "Write recall over the stream as SVG");
  option("--title", flags->title, "Of the plot");
  option("--dump", flags->dump, "Write every evaluated target with its list as JSON lines");
  return [flags] { return run_replay(*flags); };
}

}  // namespace freshet
