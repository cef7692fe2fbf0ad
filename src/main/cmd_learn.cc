// freshet learn: labelled rows through an online learner; every row is predicted before it is learned.
// docs/learn.md.
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/hash.h"
#include "base/text_table.h"
#include "env/file.h"
#include "env/process.h"
#include "learn/trainer.h"
#include "main/command.h"
#include "main/learn_compare.h"
#include "main/poison.h"
#include "main/version.h"
#include "publish/version_store.h"

namespace freshet {
namespace {

struct Flags {
  std::string file, format = "auto", task = "binary", time_unit = "auto", load, save, poison, trace, models;
  uint64_t every = 0;
  size_t keep = 10;
  bool json = false;
  TrainerConfig config;
  size_t fresh_hours = 0;  // 0: freshness is not measured.
  double fresh_hour = 0;
  std::string plot;
  bool late_labels = false;
};

struct Tally {
  uint64_t bad = 0, line = 0;
  std::vector<std::string> errors;             // The first few.
  size_t served_events = 0, drift_alarms = 0;  // Said so far.
  double learn_s = 0;
};

std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

void bad_row(Tally& run, const Error& error) {
  if (++run.bad <= 5) run.errors.push_back("line " + std::to_string(run.line) + ": " + error.what);
}

void print_progress(const Flags& flags, const Trainer& trainer) {
  const Progressive& j = trainer.judged();
  if (flags.config.encoder.task == Task::kBinary)
    std::fprintf(stderr, "%12llu rows  log loss %.4f  auc %.4f  accuracy %.4f  drifts %llu\n",
                 static_cast<unsigned long long>(trainer.rows()), j.log_loss(), j.auc(), j.accuracy(),
                 static_cast<unsigned long long>(trainer.drifts()));
  else
    std::fprintf(stderr, "%12llu rows  rmse %.6g  drifts %llu\n",
                 static_cast<unsigned long long>(trainer.rows()), j.rmse(),
                 static_cast<unsigned long long>(trainer.drifts()));
}

// What was live after this event, into the folder of versions.
Status keep_version(const Flags& flags, const Trainer& trainer, const ServedEvent& event) {
  const bool changed = event.verdict == GateVerdict::kPublish || event.verdict == GateVerdict::kRollback;
  if (flags.models.empty() || !changed) return {};
  TRY(VersionStore store, VersionStore::open(real_files(), flags.models, flags.keep));
  const Progressive& judged = trainer.judged();
  std::map<std::string, std::string> facts = {
      {"code", std::string(version())},
      {"learner", flags.config.learner},
      {"config", "label " + flags.config.encoder.label + ", seed " + std::to_string(flags.config.seed) +
                     ", publish every " + std::to_string(flags.config.served.publish_every) +
                     (flags.config.served.gate ? ", gate" : "")},
      {"file", flags.file},
      {"offset", std::to_string(event.row)},
      {"why", std::string(verdict_name(event.verdict))},
      {"n", std::to_string(judged.n())}};
  if (flags.task == "binary") {
    facts["log_loss"] = json_number(judged.log_loss());
    facts["auc"] = json_number(judged.auc());
  } else {
    facts["rmse"] = json_number(judged.rmse());
  }
  TRY(const uint64_t number, store.save(trainer.served()->publisher().full(), facts));
  (void)number;
  return {};
}

// What was published and what was not, as it happens.
Status print_events(const Flags& flags, const Trainer& trainer, Tally& run) {
  const Served& served = *trainer.served();
  for (; run.served_events < served.events().size(); ++run.served_events) {
    const ServedEvent& event = served.events()[run.served_events];
    TRY_STATUS(keep_version(flags, trainer, event));
    if (event.verdict == GateVerdict::kPublish && flags.every == 0) continue;
    std::fprintf(stderr, "row %llu: %s, version %llu%s%s\n", static_cast<unsigned long long>(event.row),
                 std::string(verdict_name(event.verdict)).c_str(),
                 static_cast<unsigned long long>(event.version), event.note.empty() ? "" : ": ",
                 event.note.c_str());
  }
  for (; run.drift_alarms < served.drifts().size(); ++run.drift_alarms) {
    const DriftAlarm& alarm = served.drifts()[run.drift_alarms];
    if (alarm.segment == "all") continue;
    std::fprintf(stderr, "drift in %s=%s: loss %.3f, was %.3f\n", flags.config.segment.c_str(),
                 alarm.segment.c_str(), alarm.after * 4, alarm.before * 4);
  }
  return {};
}

std::string served_report(const Trainer& trainer) {
  const Served& served = *trainer.served();
  const PublishTotals& totals = served.publisher().totals();
  const Served::RoundingError error = served.rounding_error();
  const auto count = [&](GateVerdict verdict) { return std::to_string(served.count(verdict)); };
  std::string out = ",\"served\":{\"version\":" + std::to_string(served.replica().version());
  out += ",\"published\":" + count(GateVerdict::kPublish) + ",\"held\":" + count(GateVerdict::kWorse) +
         ",\"discarded\":" + count(GateVerdict::kDiscard) +
         ",\"rolled_back\":" + count(GateVerdict::kRollback) +
         ",\"suspected\":" + count(GateVerdict::kSuspect) +
         ",\"refused\":" + std::to_string(served.replica().refused());
  out += ",\"delta_bytes\":" + std::to_string(totals.bytes) +
         ",\"delta_rows\":" + std::to_string(totals.rows) +
         ",\"raw_rows\":" + std::to_string(totals.raw_rows) +
         ",\"raw_bytes\":" + std::to_string(totals.raw_bytes);
  out += ",\"times_smaller\":" + json_number(totals.bytes == 0 ? 0
                                                               : static_cast<double>(totals.raw_bytes) /
                                                                     static_cast<double>(totals.bytes));
  out += ",\"image_bytes\":" + std::to_string(served.publisher().served()->bytes());
  out +=
      ",\"rounding_greatest\":" + json_number(error.greatest) + ",\"rounding_rms\":" + json_number(error.rms);
  out += ",\"interval\":" + std::to_string(served.controller().interval()) +
         ",\"fusion\":" + json_number(served.controller().fusion());
  if (const Progressive* raw = served.compared())
    out += ",\"raw_log_loss\":" + json_number(raw->log_loss()) + ",\"raw_auc\":" + json_number(raw->auc());
  return out + "}";
}

std::string search_report(const Halving& search) {
  std::string out = ",\"search\":{\"best\":" + std::to_string(search.best()) +
                    ",\"rungs\":" + std::to_string(search.rungs());
  out += ",\"configurations\":[";
  for (size_t i = 0; i < search.trials().size(); ++i) {
    const HalvingTrial& trial = search.trials()[i];
    out += std::string(i == 0 ? "" : ",") + "{\"rate\":" + json_number(trial.knobs.rate) +
           ",\"shrink\":" + json_number(trial.knobs.shrink) + ",\"rows\":" + std::to_string(trial.rows) +
           ",\"loss\":" + json_number(trial.loss) + ",\"stopped\":" + (trial.stopped ? "true" : "false") +
           "}";
  }
  return out + "]}";
}

void print_search(const Halving& search) {
  TextTable table({"rate", "shrink", "rows learned", "loss of its last rung", ""});
  for (size_t i = 0; i < search.trials().size(); ++i) {
    const HalvingTrial& trial = search.trials()[i];
    table.row({"x " + format_number(trial.knobs.rate, 3), "x " + format_number(trial.knobs.shrink, 3),
               format_count(trial.rows), format_number(trial.loss, 4),
               i == search.best() ? "answers"
               : trial.stopped    ? "stopped"
                                  : "still learns"});
  }
  std::fprintf(stderr, "%s", table.text().c_str());
}

std::string report(const Flags& flags, const Trainer& trainer, const Tally& run,
                   std::span<const double> losses, std::string_view state) {
  const Progressive& j = trainer.judged();
  const bool binary = flags.config.encoder.task == Task::kBinary;
  std::string out = "{\"n\":" + std::to_string(j.n());
  const auto add = [&](const char* name, double value) {
    out += std::string(",\"") + name + "\":" + json_number(value);
  };
  if (binary) {
    add("log_loss", j.log_loss());
    add("auc", j.auc());
    add("accuracy", j.accuracy());
    add("f1", j.f1());
  }
  add("rmse", j.rmse());
  add("calibration", j.calibration());
  out += ",\"by_quarter\":[";
  for (size_t q = 0; q < 4; ++q) {  // Means of a quarter of the judged rows each, log loss or squared error.
    const size_t begin = losses.size() * q / 4;
    const size_t end = losses.size() * (q + 1) / 4;
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += losses[i];
    out += (q == 0 ? "" : ",") + json_number(end > begin ? sum / static_cast<double>(end - begin) : 0);
  }
  out += "]";
  add("examples_per_second", run.learn_s > 0 ? static_cast<double>(j.n()) / run.learn_s : 0);
  out += ",\"peak_rss_bytes\":" + std::to_string(peak_rss_bytes());
  char hash[20];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(hash_bytes(state)));
  out += ",\"state_hash\":\"" + std::string(hash) + "\",\"rows\":" + std::to_string(trainer.rows()) +
         ",\"rows_bad\":" + std::to_string(run.bad) +
         ",\"labels_waiting\":" + std::to_string(trainer.waiting()) +
         ",\"drifts\":" + std::to_string(trainer.drifts());
  if (trainer.served() != nullptr) out += served_report(trainer);
  if (trainer.search() != nullptr) out += search_report(*trainer.search());
  out += "}\n";
  return out;
}

// Seconds; 0: to be told from the values.
Result<double> parse_time_unit(std::string_view name) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"auto", 0.0}, {"ms", 1e-3},  {"s", 1.0},
                                                            {"min", 60.0}, {"h", 3600.0}, {"day", 86400.0}};
  for (const auto& [unit, seconds] : kUnits)
    if (name == unit) return seconds;
  return invalid("--time-unit: expected auto, ms, s, min, h or day, got '" + std::string(name) + "'");
}

void print_trace(std::FILE* to, const Trainer& trainer, float label, float score) {
  const Served* served = trainer.served();
  std::fprintf(to, "%llu,%g,%.6g,%.6g,%llu,%d\n", static_cast<unsigned long long>(trainer.rows()), label,
               score, trainer.learner_score(),
               static_cast<unsigned long long>(served != nullptr ? served->replica().version() : 0),
               served != nullptr && served->suspect() ? 1 : 0);
}

Status write_model(const Flags& flags, std::string_view state) {
  if (flags.save.empty()) return {};
  const size_t slash = flags.save.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : flags.save.substr(0, slash);
  return write_file_atomically(real_files(), dir,
                               flags.save.substr(slash == std::string::npos ? 0 : slash + 1), state);
}

// Flags that are well-formed alone but make no sense together.
Status check_flags(Flags& flags) {
  if (flags.task != "binary" && flags.task != "regression")
    usage_error("--task: expected binary or regression, got '" + flags.task + "'");
  flags.config.encoder.task = flags.task == "binary" ? Task::kBinary : Task::kRegression;
  if (!flags.config.encoder.label_at.empty() && flags.config.encoder.time.empty())
    usage_error("--label-at needs --time: labels are learned when the rows' time reaches theirs");
  if (flags.time_unit != "auto" && flags.config.encoder.time.empty())
    usage_error("--time-unit needs --time: it says what one unit of that column is");
  TRY(flags.config.encoder.time_unit_s, parse_time_unit(flags.time_unit));
  const ServedConfig& serving = flags.config.served;
  if (serving.publish_every > 0 && flags.config.search.configurations > 0)
    usage_error(
        "--search and --publish-every: search first, then publish with the --rate and --shrink it found");
  if (serving.publish_every == 0 &&
      (serving.gate || serving.control || serving.compare || !flags.models.empty()))
    usage_error(
        "--gate, --control, --compare-raw and --models need --publish-every: they are about published "
        "versions");
  if (serving.publish_every > 0 && (!flags.load.empty() || !flags.save.empty()))
    usage_error(
        "--publish-every keeps its versions with --models; --load and --save are for a learner alone");
  return {};
}

void spoil(Poison& poison, Trainer& trainer, size_t label, const std::vector<size_t>& spared, Row& row) {
  trainer.set_rate(poison.rate(trainer.rows() + 1));
  poison.apply(trainer.rows() + 1, label, spared, row);
}

Status say_bad_rows(const Flags& flags, const Trainer& trainer, const Tally& run) {
  for (const std::string& error : run.errors) std::fprintf(stderr, "%s\n", error.c_str());
  if (run.bad > 0) std::fprintf(stderr, "%llu rows left out\n", static_cast<unsigned long long>(run.bad));
  if (trainer.rows() == 0) return invalid(flags.file + ": no row could be learned");
  return {};
}

Status go_on_from(const std::string& path, Trainer& trainer, RowReader& reader) {
  TRY(const std::string bytes, read_file(real_files(), path));
  const Status loaded = trainer.load(bytes, reader);
  if (loaded.ok()) return {};
  return Error{loaded.error().code, "--load " + path + ": " + loaded.error().what +
                                        "; expected is what --save wrote, with the flags it was made with"};
}

Status run_learn(Flags& flags) {
  TRY_STATUS(check_flags(flags));
  std::optional<Poison> poison;
  if (!flags.poison.empty()) {
    TRY(poison, Poison::parse(flags.poison));
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> trace(nullptr, std::fclose);
  if (!flags.trace.empty()) {
    trace.reset(std::fopen(flags.trace.c_str(), "w"));
    if (!trace) return unavailable(flags.trace + ": cannot be written; check the path");
    std::fputs("row,label,served,learner,version,suspect\n", trace.get());
  }
  TRY(const RowFormat format, parse_row_format(flags.format));
  RowReader reader(format);
  Trainer trainer(flags.config);
  if (!flags.load.empty()) TRY_STATUS(go_on_from(flags.load, trainer, reader));
  Tally run;
  std::vector<std::pair<uint64_t, Row>> first;  // Rows kept until it is known what the columns are.
  std::vector<double> losses;
  const double begin = thread_cpu_seconds();
  std::vector<size_t> spared;
  Status kept;  // Of the folder of versions.
  const auto step = [&](uint64_t line, Row& row) {
    run.line = line;
    float score = 0;
    float label = 0;
    const Result<bool> labelled = trainer.label_of(row, label);  // As it was before any poison.
    if (poison) spoil(*poison, trainer, reader.column(flags.config.encoder.label), spared, row);
    const double n = static_cast<double>(trainer.judged().n());
    const bool binary = flags.config.encoder.task == Task::kBinary;
    const auto total = [&] {
      const Progressive& j = trainer.judged();
      return (binary ? j.log_loss() : j.rmse() * j.rmse()) * static_cast<double>(j.n());
    };
    const double before = total();
    if (const Status status = trainer.step(row, &score); !status.ok()) return bad_row(run, status.error());
    if (static_cast<double>(trainer.judged().n()) > n) losses.push_back(total() - before);
    if (trace && labelled.ok() && *labelled) print_trace(trace.get(), trainer, label, score);
    if (trainer.served() != nullptr && kept.ok()) kept = print_events(flags, trainer, run);
    if (trainer.drifted())
      std::fprintf(stderr, "drift at row %llu: the loss has grown\n",
                   static_cast<unsigned long long>(trainer.rows()));
    if (flags.every > 0 && trainer.rows() % flags.every == 0) print_progress(flags, trainer);
  };
  const auto begin_with_first = [&]() -> Status {
    std::vector<Row> rows;
    rows.reserve(first.size());
    for (const auto& [line, row] : first) rows.push_back(row);
    TRY_STATUS(trainer.start(reader, rows));
    for (const std::string* name : {&flags.config.encoder.time, &flags.config.encoder.label_at})
      if (!name->empty()) spared.push_back(reader.column(*name));
    std::fprintf(stderr, "columns: %s\n", trainer.encoder().describe().c_str());
    if (const std::string labels = trainer.labels().describe(); !labels.empty())
      std::fprintf(stderr, "labels: %s\n", labels.c_str());
    for (auto& [line, row] : first) step(line, row);
    first.clear();
    return {};
  };
  bool begun = false;
  uint64_t line_number = 0;
  Row row;
  TRY_STATUS(each_line(flags.file, [&](std::string_view line) -> Status {
    run.line = ++line_number;
    const Result<bool> read = reader.read(line, row);
    if (!read.ok()) return bad_row(run, read.error()), Status();
    if (!*read) return {};
    if (begun) return step(line_number, row), Status();
    first.emplace_back(line_number, row);
    if (first.size() < kRowsFirst) return {};
    begun = true;
    return begin_with_first();
  }));
  if (const Status ended = reader.end(); !ended.ok()) bad_row(run, ended.error());
  if (!begun && first.empty())
    return invalid(flags.file + ": no rows" + (run.errors.empty() ? "" : "; " + run.errors[0]));
  if (!begun) TRY_STATUS(begin_with_first());
  run.learn_s = thread_cpu_seconds() - begin;
  TRY_STATUS(say_bad_rows(flags, trainer, run));
  TRY_STATUS(Status(kept));
  const std::string state = trainer.save(reader);
  TRY_STATUS(write_model(flags, state));
  if (flags.json)
    std::fputs(report(flags, trainer, run, losses, state).c_str(), stdout);
  else
    print_progress(flags, trainer);
  if (!flags.json && trainer.search() != nullptr) print_search(*trainer.search());
  return {};
}

void add_compare(CLI::App& app, Flags& flags) {
  TrainerConfig& config = flags.config;
  app.add_option("--delay-mean", config.delay_mean,
                 "Let labels come so much later, exponentially: units of --time, or rows without it")
      ->check(CLI::PositiveNumber);
  app.add_option("--late-window", config.late_window,
                 "With --late-labels: how long others wait before they take a row for a 0")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--late-labels", flags.late_labels,
               "Instead: the log loss of an oracle that has labels at once, ours, and what others do");
  CLI::Option* const fresh =
      app.add_option("--freshness", flags.fresh_hours,
                     "Instead: frozen at half, retrained each hour and online, on so many sampled hours")
          ->check(CLI::Range(2, 100'000));
  app.add_option("--freshness-hour", flags.fresh_hour,
                 "How long an hour is, in units of --time, or in rows without it")
      ->check(CLI::PositiveNumber);
  app.add_option("--plot", flags.plot, "With --freshness: the curve as an SVG file")->needs(fresh);
}

}  // namespace

Run add_learn(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  TrainerConfig& config = flags->config;
  app.add_option("file", flags->file,
                 "Rows in order of time: CSV, TSV, JSONL, libsvm, VW text; .gz; - is standard input")
      ->required();
  app.add_option("--format", flags->format, "auto, csv, ssv (semicolons), tsv, jsonl, libsvm or vw")
      ->capture_default_str();
  app.add_option("--label", config.encoder.label, "Column of the label")->capture_default_str();
  app.add_option(
      "--positive", config.positive,
      "The label that counts as 1, all others as 0; default: 1, true, yes, or the greater of two values");
  app.add_option("--task", flags->task, "binary or regression")->capture_default_str();
  app.add_option("--numeric", config.encoder.numeric, "Columns that are numbers")->delimiter(',');
  app.add_option("--categorical", config.encoder.categorical, "Columns that are categories")->delimiter(',');
  app.add_option("--ignore", config.encoder.ignore, "Columns not to use")->delimiter(',');
  app.add_option("--time", config.encoder.time, "Column of the row's time, a number");
  app.add_option("--time-unit", flags->time_unit,
                 "One unit of --time: ms, s, min, h or day; auto: s or ms since 1970, else no hours and days")
      ->capture_default_str();
  app.add_option("--label-at", config.encoder.label_at, "Column of the time at which the label is known");
  app.add_option("--learner", config.learner, "auto, ftrl, factor, gauss, dcn or forest")
      ->capture_default_str();
  app.add_option("--rate", config.knobs.rate, "Times the learning rates that the learner comes with")
      ->check(CLI::Range(1e-6, 1e6))
      ->capture_default_str();
  app.add_option("--shrink", config.knobs.shrink, "Times the L2 penalty that it comes with")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option(
         "--search", config.search.configurations,
         "Learn with so many rates and penalties beside each other; the worse half stops after each rung")
      ->check(CLI::Range(2, static_cast<int>(kHalvingMax)));
  app.add_option("--search-rows", config.search.rows,
                 "Rows of the first rung; each further one is twice as long")
      ->check(CLI::Range(uint64_t{10}, uint64_t{1} << 32))
      ->capture_default_str();
  app.add_option("--warmup", config.warmup, "Rows learned but not judged")->capture_default_str();
  app.add_option("--seed", config.seed, "Of every random draw")->capture_default_str();
  app.add_option("--bits", config.encoder.bits, "log2 of the weights of a linear model")
      ->check(CLI::Range(10, 28))
      ->capture_default_str();
  app.add_option("--load", flags->load, "Go on from this model");
  app.add_option("--save", flags->save, "Write the model here at the end");
  app.add_option("--every", flags->every, "Print the numbers so far every N rows");
  app.add_option("--publish-every", config.served.publish_every,
                 "Answer from a served copy, published by delta every N labelled rows (--learner dcn)");
  app.add_flag(
      "--gate", config.served.gate,
      "Publish only what is judged not worse on rows that came later; roll back what turns out worse");
  app.add_option("--quarantine", config.served.quarantine,
                 "With --gate: labels wait until so many more have come before features are made of them")
      ->capture_default_str();
  app.add_flag("--control", config.served.control,
               "Let the measured loss move interval, learning rate and fusion (with --gate)");
  app.add_flag("--compare-raw", config.served.compare,
               "Beside it answer from float rows published at the same moments: what rounding costs");
  app.add_option("--models", flags->models, "Keep published versions in this folder: freshet models");
  app.add_option("--keep", flags->keep, "How many of them, beside named ones")->capture_default_str();
  app.add_option("--segment", config.segment,
                 "Column whose values drift is watched for (with --publish-every)");
  app.add_option("--poison", flags->poison,
                 "Spoil rows FROM to TO, to see the gate act: KIND@FROM:TO with a KIND of shuffle-labels, "
                 "flip-labels, bots, nan, huge or bad-config");
  app.add_option("--trace", flags->trace, "Write every labelled row's answers here, as CSV");
  add_compare(app, *flags);
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags]() -> Status {
    if (!flags->late_labels && flags->fresh_hours == 0) return run_learn(*flags);
    TRY_STATUS(check_flags(*flags));
    TRY(const RowFormat format, parse_row_format(flags->format));
    if (flags->config.served.publish_every > 0 || flags->config.search.configurations > 0 ||
        !flags->load.empty())
      usage_error(
          "--freshness and --late-labels measure a learner alone: without --publish-every, --search, --load");
    if (flags->late_labels) return compare_late_labels(flags->file, format, flags->config, flags->json);
    if (flags->fresh_hour <= 0)
      usage_error("--freshness needs --freshness-hour: how long an hour is, in units of --time, or in rows");
    return compare_freshness(flags->file, format, flags->config,
                             {flags->fresh_hours, flags->fresh_hour, flags->plot}, flags->json);
  };
}

}  // namespace freshet
