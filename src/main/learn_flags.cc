#include "main/learn_flags.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "main/command.h"

namespace freshet {
namespace {

constexpr double kFactorMax = 1e6;

// Seconds; 0: to be told from the values.
double time_unit_of(std::string_view name) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"auto", 0.0}, {"ns", 1e-9},    {"us", 1e-6},
                                                            {"ms", 1e-3},  {"s", 1.0},      {"min", 60.0},
                                                            {"h", 3600.0}, {"day", 86400.0}};
  for (const auto& [unit, seconds] : kUnits)
    if (name == unit) return seconds;
  usage_error("--time-unit: expected auto, ns, us, ms, s, min, h or day, got '" + std::string(name) + "'");
}

void add_rows(FlagSet app, LearnFlags& flags) {
  EncoderConfig& encoder = flags.config.encoder;
  app.add_option("file", flags.file,
                 "Rows in order of time: CSV, TSV, JSONL, libsvm, VW text; .gz; - is standard input")
      .required();
  app.add_option("--format", flags.format, "auto, csv, ssv (semicolons), tsv, jsonl, libsvm or vw")
      .capture_default_str();
  app.add_option("--label", encoder.label, "Column of the label").capture_default_str();
  app.add_option(
      "--positive", flags.config.positive,
      "The label that counts as 1, all others as 0; default: 1, true, yes, or the greater of two values");
  app.add_option("--task", flags.task, "binary or regression").capture_default_str();
  app.add_option("--numeric", encoder.numeric, "Columns that are numbers").delimiter(',');
  app.add_option("--categorical", encoder.categorical, "Columns that are categories").delimiter(',');
  app.add_option("--ignore", encoder.ignore, "Columns not to use").delimiter(',');
  app.add_option("--time", encoder.time, "Column of the row's time, a number");
  app.add_option("--time-unit", flags.time_unit,
                 "One unit of --time: ns, us, ms, s, min, h or day; auto: those of them up to s since 1970, "
                 "else no hours "
                 "and days")
      .capture_default_str();
  app.add_option("--label-at", encoder.label_at, "Column of the time at which the label is known");
}

std::string learners_text() {
  std::string text;
  for (const LearnerEntry& entry : learners())
    text += (text.empty() ? "" : "; ") + std::string(entry.name) + ": " + std::string(entry.what);
  return text;
}

void add_learner(FlagSet app, LearnFlags& flags) {
  TrainerConfig& config = flags.config;
  app.add_option("--learner", config.learner, learners_text()).capture_default_str();
  app.add_option("--rate", config.knobs.rate, "Times the learning rates that the learner comes with")
      .check(number_within(1 / kFactorMax, kFactorMax))
      .capture_default_str();
  app.add_option("--shrink", config.knobs.shrink, "Times the L2 penalty that it comes with")
      .check(number_within(0, kFactorMax))
      .capture_default_str();
  const Flag search =
      app.add_option(
             "--search", config.search.configurations,
             "Learn with so many rates and penalties beside each other; the worse half stops after each rung")
          .check(number_within(2, kHalvingMax));
  app.add_option("--search-rows", config.search.rows,
                 "Rows of the first rung; each further one is twice as long")
      .check(number_within(10, uint64_t{1} << 32))
      .needs(search)
      .capture_default_str();
  app.add_option("--warmup", config.warmup, "Rows learned but not judged").capture_default_str();
  app.add_option("--seed", config.seed, "Of every random draw").capture_default_str();
  app.add_option("--bits", config.encoder.bits, "log2 of the weights of a linear model")
      .check(number_within(10, 28))
      .capture_default_str();
  app.add_option("--load", flags.load, "Go on from this model");
  app.add_option("--save", flags.save, "Write the model here at the end");
}

void add_embedding(FlagSet app, LearnFlags& flags) {
  const std::string group = "Embedding rows (--learner dcn, auto)";
  RowsConfig& rows = flags.config.rows;
  app.add_option("--optimizer", flags.optimizer,
                 "How a row steps: rowwise (Adagrad, one sum a row), adagrad, adam, momentum, sgd or ftrl")
      .group(group)
      .capture_default_str();
  app.add_flag("--bf16", rows.bf16, "Rows of 16-bit weights, rounded by chance").group(group);
  app.add_option("--admit", rows.admit, "A value gets its row when it is seen for the Nth time")
      .check(number_within(1, 65535))
      .group(group)
      .capture_default_str();
  app.add_option("--expire", rows.expire,
                 "A row goes when its value was not seen for so long: units of --time, or rows without it")
      .check(number_above(0))
      .group(group);
  app.add_option("--row-bytes", rows.bytes_max,
                 "Memory of each table of rows, at least 1048576; beyond it the row of least value goes")
      .check(number_within(1 << 20, 1e15))
      .group(group);
  app.add_option("--cold", rows.cold,
                 "Keep the rows that go for want of memory in this folder, until they are needed again")
      .group(group);
}

void add_output(FlagSet app, LearnFlags& flags) {
  app.add_option(
      "--every", flags.every,
      "Print the numbers so far every N rows; default: after 1,000, 2,000, 4,000, ... rows, and not "
      "with --json");
  app.add_flag("--quiet", flags.quiet, "Nothing but the report, warnings and errors");
  app.add_option("--trace", flags.trace, "Write every labelled row's answers here, as CSV");
  app.add_flag("--json", flags.json, "The report as JSON");
}

void add_served(FlagSet app, LearnFlags& flags) {
  TrainerConfig& config = flags.config;
  app.add_option("--publish-every", config.served.publish_every,
                 "Answer from a served copy, published by delta every N labelled rows (--learner dcn, ftrl)");
  app.add_flag(
      "--gate", config.served.gate,
      "Publish only what is judged not worse on rows that came later; roll back what turns out worse");
  app.add_option("--quarantine", config.served.quarantine,
                 "With --gate: labels wait until so many more have come before features are made of them")
      .capture_default_str();
  app.add_flag("--control", config.served.control,
               "Let the measured loss move interval, learning rate and fusion (with --gate)");
  app.add_flag("--compare-raw", config.served.compare,
               "Beside it answer from float rows published at the same moments: what rounding costs");
  const Flag models =
      app.add_option("--models", flags.models, "Keep published versions in this folder: freshet models");
  app.add_option("--keep", flags.keep, "How many of them, beside named ones")
      .needs(models)
      .capture_default_str();
  app.add_option("--segment", config.segment,
                 "Column whose values drift is watched for (with --publish-every)");
  app.add_option("--poison", flags.poison,
                 "Spoil rows FROM to TO, to see the gate act: KIND@FROM:TO with a KIND of shuffle-labels, "
                 "flip-labels, bots, nan, huge or bad-config");
}

void add_compare(FlagSet app, LearnFlags& flags) {
  TrainerConfig& config = flags.config;
  app.add_option("--delay-mean", config.delay_mean,
                 "Let labels come so much later, exponentially: units of --time, or rows without it")
      .check(number_above(0));
  const Flag late =
      app.add_flag("--late-labels", flags.late_labels,
                   "Instead: the log loss of an oracle that has labels at once, ours, and what others do");
  app.add_option("--late-window", config.late_window,
                 "With --late-labels: how long others wait before they take a row for a 0")
      .check(number_within(0, 1e18))
      .needs(late);
  const Flag fresh =
      app.add_option("--freshness", flags.fresh_hours,
                     "Instead: frozen at half, retrained each hour and online, on so many sampled hours")
          .check(number_within(2, 100'000));
  app.add_option("--freshness-hour", flags.fresh_hour,
                 "How long an hour is, in units of --time, or in rows without it")
      .check(number_above(0))
      .needs(fresh);
  app.add_option("--plot", flags.plot, "With --freshness: the curve as an SVG file").needs(fresh);
}

void check_served(const LearnFlags& flags) {
  const ServedConfig& serving = flags.config.served;
  if (serving.publish_every > 0 && flags.config.search.configurations > 0)
    usage_error(
        "--search and --publish-every: search first, then publish with the --rate and --shrink it found");
  if (serving.publish_every == 0 && flags.poison.starts_with("bad-config"))
    usage_error(
        "--poison bad-config needs --publish-every: it spoils the rates of a learner that is served apart");
  if (serving.publish_every == 0 && !flags.models.empty())
    usage_error("--models needs --publish-every: it keeps published versions");
  if (serving.publish_every > 0 && (!flags.load.empty() || !flags.save.empty()))
    usage_error(
        "--publish-every keeps its versions with --models; --load and --save are for a learner alone");
}

void check_compare(const LearnFlags& flags) {
  if (!flags.config.encoder.label_at.empty() && flags.config.delay_mean > 0)
    usage_error("--label-at reads when labels come, --delay-mean draws it; expected one of them");
  if (!flags.late_labels && flags.fresh_hours == 0) return;
  if (flags.config.served.publish_every > 0 || flags.config.search.configurations > 0 ||
      !flags.load.empty() || !flags.save.empty() || !flags.trace.empty() || !flags.poison.empty() ||
      flags.every > 0)
    usage_error(
        "--freshness and --late-labels measure a learner alone: without --publish-every, --search, "
        "--load, --save, --trace, --poison, --every");
  if (flags.late_labels && flags.fresh_hours > 0)
    usage_error("--freshness and --late-labels are two measurements; expected one of them");
  if (flags.fresh_hours > 0 && flags.fresh_hour <= 0)
    usage_error("--freshness needs --freshness-hour: how long an hour is, in units of --time, or in rows");
  if (!flags.late_labels) return;
  if (flags.config.encoder.label_at.empty() && flags.config.delay_mean <= 0)
    usage_error("--late-labels needs --label-at, or --delay-mean to draw delays");
  if (flags.config.encoder.task != Task::kBinary) usage_error("--late-labels: of binary labels only");
}

}  // namespace

void add_learn_flags(FlagSet app, LearnFlags& flags) {
  add_rows(app, flags);
  add_learner(app, flags);
  add_embedding(app, flags);
  add_output(app, flags);
  add_served(app, flags);
  add_compare(app, flags);
}

// What is written is none of what is read, and each a file of its own.
void check_files(const LearnFlags& flags) {
  const std::pair<const char*, const std::string*> files[] = {
      {"FILE", &flags.file}, {"--save", &flags.save}, {"--trace", &flags.trace}, {"--plot", &flags.plot}};
  const auto same = [](const std::string& a, const std::string& b) {
    std::error_code error;
    if (std::filesystem::is_character_file(a, error) || std::filesystem::is_fifo(a, error)) return false;
    return std::filesystem::weakly_canonical(a, error) == std::filesystem::weakly_canonical(b, error) ||
           std::filesystem::equivalent(a, b, error);
  };
  for (size_t i = 0; i < std::size(files); ++i)
    for (size_t j = std::max<size_t>(i + 1, 1); j < std::size(files); ++j)
      if (!files[i].second->empty() && !files[j].second->empty() && same(*files[i].second, *files[j].second))
        usage_error(std::string(files[j].first) + " " + *files[j].second + ": is " + files[i].first +
                    ", too; expected another file");
  if (!flags.trace.empty() && !flags.load.empty() && same(flags.trace, flags.load))
    usage_error("--trace " + flags.trace + ": is --load, too; expected another file");
}

void check_learn_flags(LearnFlags& flags) {
  if (flags.task != "binary" && flags.task != "regression")
    usage_error("--task: expected binary or regression, got '" + flags.task + "'");
  flags.config.encoder.task = flags.task == "binary" ? Task::kBinary : Task::kRegression;
  if (const auto format = parse_row_format(flags.format); !format.ok())
    usage_error("--format: " + format.error().what);
  if (flags.time_unit != "auto" && flags.config.encoder.time.empty())
    usage_error("--time-unit needs --time: it says what one unit of that column is");
  flags.config.encoder.time_unit_s = time_unit_of(flags.time_unit);
  const auto optimizer = parse_optimizer(flags.optimizer);
  if (!optimizer.ok()) usage_error("--optimizer: " + optimizer.error().what);
  flags.config.rows.optimizer = *optimizer;
  check_usage(Trainer::check(flags.config));
  check_files(flags);
  check_served(flags);
  check_compare(flags);
}

}  // namespace freshet
