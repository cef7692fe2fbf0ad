// freshet learn: labelled rows through an online learner; every row is predicted before it is learned.
// docs/learn.md.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "base/hash.h"
#include "env/file.h"
#include "env/process.h"
#include "ingest/compression.h"
#include "learn/trainer.h"
#include "main/command.h"

namespace freshet {
namespace {

constexpr size_t kFirstRows = 1000;

struct Flags {
  std::string file, format = "auto", task = "binary", time_unit = "auto", load, save;
  uint64_t every = 0;
  bool json = false;
  TrainerConfig config;
};

struct Tally {
  uint64_t bad = 0, line = 0;
  std::vector<std::string> errors;  // The first few.
  double learn_s = 0;
};

std::string json_number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

void bad_row(Tally& run, const Error& error) {
  if (++run.bad <= 5) run.errors.push_back("line " + std::to_string(run.line) + ": " + error.what);
}

// Gives each line of the file (gzip too) or of standard input to `take` until it says stop.
Status each_line(const std::string& path, const std::function<Status(std::string_view)>& take) {
  std::string line;
  if (path == "-") {
    while (std::getline(std::cin, line)) TRY_STATUS(take(line));
    return {};
  }
  if (!path.ends_with(".gz")) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return not_found(path + ": cannot be opened; check the path");
    while (std::getline(in, line)) TRY_STATUS(take(line));
    return {};
  }
  TRY(const std::string packed, read_file(real_files(), path));
  TRY(const std::string text, gunzip(packed, size_t{8} << 30));
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    TRY_STATUS(take(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return {};
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
         ",\"drifts\":" + std::to_string(trainer.drifts()) + "}\n";
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

Status run_learn(Flags& flags) {
  if (flags.task != "binary" && flags.task != "regression")
    usage_error("--task: expected binary or regression, got '" + flags.task + "'");
  flags.config.encoder.task = flags.task == "binary" ? Task::kBinary : Task::kRegression;
  if (!flags.config.encoder.label_at.empty() && flags.config.encoder.time.empty())
    usage_error("--label-at needs --time: labels are learned when the rows' time reaches theirs");
  if (flags.time_unit != "auto" && flags.config.encoder.time.empty())
    usage_error("--time-unit needs --time: it says what one unit of that column is");
  TRY(flags.config.encoder.time_unit_s, parse_time_unit(flags.time_unit));
  TRY(const RowFormat format, parse_row_format(flags.format));
  RowReader reader(format);
  Trainer trainer(flags.config);
  if (!flags.load.empty()) {
    TRY(const std::string bytes, read_file(real_files(), flags.load));
    TRY_STATUS(trainer.load(bytes, reader));
  }
  Tally run;
  std::vector<std::pair<uint64_t, Row>> first;  // Rows kept until it is known what the columns are.
  std::vector<double> losses;
  const double begin = thread_cpu_seconds();
  const auto step = [&](uint64_t line, const Row& row) {
    run.line = line;
    float score = 0;
    const double n = static_cast<double>(trainer.judged().n());
    const bool binary = flags.config.encoder.task == Task::kBinary;
    const auto total = [&] {
      const Progressive& j = trainer.judged();
      return (binary ? j.log_loss() : j.rmse() * j.rmse()) * static_cast<double>(j.n());
    };
    const double before = total();
    if (const Status status = trainer.step(row, &score); !status.ok()) return bad_row(run, status.error());
    if (static_cast<double>(trainer.judged().n()) > n) losses.push_back(total() - before);
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
    std::fprintf(stderr, "columns: %s\n", trainer.encoder().describe().c_str());
    for (const auto& [line, row] : first) step(line, row);
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
    if (first.size() < kFirstRows) return {};
    begun = true;
    return begin_with_first();
  }));
  if (!begun && first.empty())
    return invalid(flags.file + ": no rows" + (run.errors.empty() ? "" : "; " + run.errors[0]));
  if (!begun) TRY_STATUS(begin_with_first());
  run.learn_s = thread_cpu_seconds() - begin;
  for (const std::string& error : run.errors) std::fprintf(stderr, "%s\n", error.c_str());
  if (run.bad > 0) std::fprintf(stderr, "%llu rows left out\n", static_cast<unsigned long long>(run.bad));
  const std::string state = trainer.save(reader);
  if (!flags.save.empty()) {
    const size_t slash = flags.save.rfind('/');
    const std::string dir = slash == std::string::npos ? "." : flags.save.substr(0, slash);
    TRY_STATUS(write_file_atomically(real_files(), dir,
                                     flags.save.substr(slash == std::string::npos ? 0 : slash + 1), state));
  }
  if (flags.json)
    std::fputs(report(flags, trainer, run, losses, state).c_str(), stdout);
  else
    print_progress(flags, trainer);
  return {};
}

}  // namespace

Run add_learn(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  TrainerConfig& config = flags->config;
  app.add_option("file", flags->file,
                 "Rows in order of time: CSV, TSV, JSONL, libsvm, VW text; .gz; - is standard input")
      ->required();
  app.add_option("--format", flags->format, "auto, csv, tsv, jsonl, libsvm or vw")->capture_default_str();
  app.add_option("--label", config.encoder.label, "Column of the label")->capture_default_str();
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
  app.add_option("--warmup", config.warmup, "Rows learned but not judged")->capture_default_str();
  app.add_option("--seed", config.seed, "Of every random draw")->capture_default_str();
  app.add_option("--bits", config.encoder.bits, "log2 of the weights of a linear model")
      ->check(CLI::Range(10, 28))
      ->capture_default_str();
  app.add_option("--load", flags->load, "Go on from this model");
  app.add_option("--save", flags->save, "Write the model here at the end");
  app.add_option("--every", flags->every, "Print the numbers so far every N rows");
  app.add_flag("--json", flags->json, "The report as JSON");
  return [flags] { return run_learn(*flags); };
}

}  // namespace freshet
