// freshet learn: labelled rows through an online learner; every row is predicted before it is learned.
// docs/learn.md.
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/text_table.h"
#include "env/file.h"
#include "env/output_file.h"
#include "env/process.h"
#include "learn/model_file.h"
#include "main/command.h"
#include "main/learn_compare.h"
#include "main/learn_report.h"
#include "main/models_folder.h"
#include "main/poison.h"
#include "main/version.h"
#include "publish/version_store.h"

namespace freshet {
namespace {

constexpr size_t kErrorsKept = 5;

// One run: flags checked, outputs opened, rows through the trainer, the report.
class LearnRun {
 public:
  explicit LearnRun(LearnFlags& flags) : flags_(flags), trainer_(flags.config) {}
  Status run();

 private:
  Status open_outputs();
  Status open_models() const;
  Status go_on();
  Status begin_with_first();
  Status take(std::string_view line);
  void step(uint64_t line, Row& row);
  void spoil(Row& row);
  void bad_row(const Error& error);
  void say(const std::string& text) const;  // Unless --quiet.
  void say_warnings();
  void say_events();
  void say_drifts();
  Status keep_version(const ServedEvent& event);
  void trace(double label, double score);
  Status report();

  LearnFlags& flags_;
  Trainer trainer_;
  std::unique_ptr<RowReader> reader_;
  std::unique_ptr<ProgressTable> table_;
  std::optional<Poison> poison_;
  std::optional<OutputFile> save_;
  std::optional<OutputStream> trace_;
  LearnTally tally_;
  uint64_t line_ = 0;                            // Of the row in hand.
  uint64_t lines_ = 0;                           // Read.
  bool begun_ = false;                           // It is known what the columns are.
  size_t decided_by_ = 0;                        // Rows, fewer than kRowsFirst; 0: by those.
  bool ended_ = false;                           // All rows were read.
  std::vector<std::pair<uint64_t, Row>> first_;  // Rows kept until then, with their lines.
  Row row_;
  std::vector<size_t> spared_;  // Columns that poison does not touch.
  size_t events_said_ = 0, alarms_said_ = 0, warnings_said_ = 0;
  Status kept_;  // Of the folder of versions.
};

Error about(const std::string& flag, const Error& error) {
  return {error.code, flag + " " + error.what};
}

// Versions of two learners in one folder would be rolled back to one another.
Status LearnRun::open_models() const {
  if (const Status status = check_output_folder(flags_.models); !status.ok())
    return about("--models", status.error());
  const Status status = check_versions_of(flags_.models, flags_.config.learner);
  if (status.ok()) return {};
  if (status.error().code == Code::kInvalid) usage_error("--models " + status.error().what);
  return about("--models", status.error());
}

Status LearnRun::open_outputs() {
  if (!flags_.save.empty()) {
    auto file = OutputFile::open(flags_.save);
    if (!file.ok()) return about("--save", file.error());
    save_.emplace(std::move(*file));
  }
  if (!flags_.models.empty()) TRY_STATUS(open_models());
  if (!flags_.config.rows.cold.empty())
    if (const Status status = check_output_folder(flags_.config.rows.cold); !status.ok())
      return about("--cold", status.error());
  if (flags_.trace.empty()) return {};
  auto stream = OutputStream::open(flags_.trace);
  if (!stream.ok()) return about("--trace", stream.error());
  trace_.emplace(std::move(*stream));
  trace_->write("row,label,served,learner,version,suspect\n");
  return {};
}

// What does not fit the flags is a usage error, what does not fit itself is not.
Status LearnRun::go_on() {
  const std::string what = "--load " + flags_.load + ": ";
  auto bytes = read_file(real_files(), flags_.load);
  if (!bytes.ok()) return about("--load", bytes.error());
  const auto state = read_model_file(*bytes, settings_of(flags_.config));
  const Status loaded = state.ok() ? trainer_.load(*state, *reader_) : Status(state.error());
  if (loaded.ok()) return {};
  if (loaded.error().code == Code::kInvalid) usage_error(what + loaded.error().what);
  return Error{loaded.error().code, what + loaded.error().what + "; expected is what --save wrote"};
}

void LearnRun::say(const std::string& text) const {
  if (!flags_.quiet) std::fprintf(stderr, "%s\n", text.c_str());
}

void LearnRun::say_warnings() {
  const auto say_more = [this](const std::vector<std::string>& warnings) {
    for (; warnings_said_ < warnings.size(); ++warnings_said_)
      std::fprintf(stderr, "warning: %s\n", warnings[warnings_said_].c_str());
  };
  say_more(trainer_.notes());
  if (!ended_) return;
  tally_.warnings = trainer_.warnings();
  if (decided_by_ > 0 && !flags_.save.empty() && flags_.load.empty())
    tally_.warnings.push_back("--save: what the columns are was decided by " + std::to_string(decided_by_) +
                              " rows; expected " + std::to_string(kRowsFirst) + ": the model keeps it");
  say_more(tally_.warnings);
}

void LearnRun::bad_row(const Error& error) {
  if (++tally_.bad <= kErrorsKept)
    tally_.errors.push_back(flags_.file + ": line " + std::to_string(line_) + ": " + error.what);
}

// What was live after this event, into the folder of versions.
Status LearnRun::keep_version(const ServedEvent& event) {
  const bool changed = event.verdict == GateVerdict::kPublish || event.verdict == GateVerdict::kRollback;
  if (flags_.models.empty() || !changed) return {};
  TRY(VersionStore store, VersionStore::open(real_files(), flags_.models, flags_.keep));
  std::string config;
  for (const auto& [name, value] : settings_of(flags_.config))
    if (!value.empty()) config += (config.empty() ? "" : ", ") + name + " " + value;
  const Progressive& judged = trainer_.judged();
  std::map<std::string, std::string> facts = {{"code", std::string(version())},
                                              {"learner", flags_.config.learner},
                                              {"config", config},
                                              {"file", flags_.file},
                                              {"offset", std::to_string(event.row)},
                                              {"why", std::string(verdict_name(event.verdict))},
                                              {"n", std::to_string(judged.n())}};
  if (judged.task() == Task::kBinary) {
    facts["log_loss"] = format_number(judged.log_loss(), 6);
    facts["auc"] = format_number(judged.auc(), 6);
  } else {
    facts["rmse"] = format_number(judged.rmse(), 6);
  }
  TRY(const uint64_t number, store.save(trainer_.served()->publisher().full(), facts));
  (void)number;
  return {};
}

// What was published and what was not, as it happens.
void LearnRun::say_events() {
  const Served& served = *trainer_.served();
  for (; events_said_ < served.events().size(); ++events_said_) {
    const ServedEvent& event = served.events()[events_said_];
    if (kept_.ok()) kept_ = keep_version(event);
    if (event.verdict == GateVerdict::kPublish && flags_.every == 0) continue;
    say("row " + std::to_string(event.row) + ": " + std::string(verdict_name(event.verdict)) + ", version " +
        std::to_string(event.version) + (event.note.empty() ? "" : ": " + event.note));
  }
}

void LearnRun::say_drifts() {
  const auto alarm = [this](const std::string& segment, double before, double after) {
    const std::string where = segment == "all" ? "" : " in " + flags_.config.segment + "=" + segment;
    say("row " + std::to_string(trainer_.rows()) + ": drift" + where + ": loss " + format_number(after, 3) +
        ", was " + format_number(before, 3));
    if (tally_.alarms.size() < LearnTally::kAlarmsKept)
      tally_.alarms.push_back({trainer_.rows(), segment, before, after});
  };
  if (trainer_.drifted()) alarm("all", trainer_.drift_losses().first, trainer_.drift_losses().second);
  if (trainer_.served() == nullptr) return;
  const std::vector<DriftAlarm>& drifts = trainer_.served()->drifts();
  for (; alarms_said_ < drifts.size(); ++alarms_said_)
    if (drifts[alarms_said_].segment != "all")
      alarm(drifts[alarms_said_].segment, drifts[alarms_said_].before * 4, drifts[alarms_said_].after * 4);
}

void LearnRun::trace(double label, double score) {
  const Served* served = trainer_.served();
  const int digits = trainer_.judged().task() == Task::kBinary ? 6 : 12;
  char line[160];
  const int size = std::snprintf(
      line, sizeof line, "%llu,%.12g,%.*g,%.*g,%llu,%d\n", static_cast<unsigned long long>(trainer_.rows()),
      label, digits, score, digits, trainer_.learner_score(),
      static_cast<unsigned long long>(served != nullptr ? served->replica().version() : 0),
      served != nullptr && served->suspect() ? 1 : 0);
  trace_->write({line, static_cast<size_t>(size)});
}

void LearnRun::spoil(Row& row) {
  trainer_.set_rate(poison_->rate(trainer_.rows() + 1));
  poison_->apply(trainer_.rows() + 1, reader_->column(flags_.config.encoder.label), spared_, row);
}

void LearnRun::step(uint64_t line, Row& row) {
  line_ = line;
  double score = 0;
  double label = 0;
  const Result<bool> labelled = trainer_.label_of(row, label);  // As it was before any poison.
  if (poison_) spoil(row);
  const uint64_t n = trainer_.judged().n();
  const double total = trainer_.judged().total();
  if (const Status status = trainer_.step(row, &score); !status.ok()) return bad_row(status.error());
  ++tally_.rows;
  if (trainer_.judged().n() > n) tally_.losses.add(trainer_.judged().total() - total, row.weight);
  if (trace_ && labelled.ok() && *labelled) trace(label, score);
  if (trainer_.served() != nullptr) say_events();
  say_drifts();
  if (trainer_.notes().size() > warnings_said_) say_warnings();
  table_->at(trainer_);
}

Status LearnRun::begin_with_first() {
  begun_ = true;
  std::vector<Row> rows;
  rows.reserve(first_.size());
  for (const auto& [line, row] : first_) rows.push_back(row);
  const Status started = trainer_.start(*reader_, rows);
  if (!started.ok() && started.error().code == Code::kInvalid)
    usage_error(flags_.file + ": " + started.error().what);
  TRY_STATUS(Status(started));
  for (const std::string* name : {&flags_.config.encoder.time, &flags_.config.encoder.label_at})
    if (!name->empty()) spared_.push_back(reader_->column(*name));
  say("columns: " + trainer_.encoder().describe());
  if (const std::string labels = trainer_.labels().describe(); !labels.empty()) say("labels: " + labels);
  say_warnings();
  table_ = std::make_unique<ProgressTable>(!flags_.quiet && (flags_.every > 0 || !flags_.json), flags_.every,
                                           trainer_);
  for (auto& [line, row] : first_) step(line, row);
  first_.clear();
  return {};
}

Status LearnRun::take(std::string_view line) {
  line_ = ++lines_;
  const Result<bool> read = reader_->read(line, row_);
  if (!read.ok()) {
    bad_row(read.error());
    return read.error().code == Code::kCorrupt ? invalid(tally_.errors.back()) : Status();
  }
  if (!*read) return {};
  if (begun_) {
    trainer_.watch_new(*reader_);
    step(lines_, row_);
    return {};
  }
  first_.emplace_back(lines_, row_);
  return first_.size() < kRowsFirst ? Status() : begin_with_first();
}

Status LearnRun::report() {
  ended_ = true;
  say_warnings();
  for (const std::string& error : tally_.errors) std::fprintf(stderr, "%s\n", error.c_str());
  if (tally_.bad > 0)
    std::fprintf(stderr, "%s: %llu rows left out\n", flags_.file.c_str(),
                 static_cast<unsigned long long>(tally_.bad));
  if (tally_.rows == 0) return invalid(flags_.file + ": no row could be learned");
  const std::string state = trainer_.save(*reader_);
  const auto text = flags_.json ? learn_report_json : learn_report_text;
  std::fputs(text(flags_, trainer_, tally_, state).c_str(), stdout);
  // The numbers are out: now what may fail.
  const Status printed =
      std::fflush(stdout) == 0 ? Status() : unavailable("standard output: cannot be written");
  const Status saved = save_ ? save_->write(write_model_file(settings_of(flags_.config), state)) : Status();
  const Status traced = trace_ ? trace_->close() : Status();
  TRY_STATUS(trainer_.status());
  if (!saved.ok()) return about("--save", saved.error());
  if (!traced.ok()) return about("--trace", traced.error());
  if (!kept_.ok()) return about("--models", kept_.error());
  return printed;
}

Status LearnRun::run() {
  if (!flags_.poison.empty()) {
    auto poison = Poison::parse(flags_.poison);
    if (!poison.ok()) usage_error(poison.error().what);
    poison_ = *poison;
  }
  TRY(const RowFormat format, parse_row_format(flags_.format));
  reader_ = std::make_unique<RowReader>(format);
  for (const std::string* name :
       {&flags_.config.encoder.label, &flags_.config.encoder.time, &flags_.config.encoder.label_at})
    if (!name->empty()) reader_->expect_plain(*name);
  if (!flags_.load.empty()) TRY_STATUS(go_on());
  TRY_STATUS(open_outputs());
  const double begin = thread_cpu_seconds();
  TRY_STATUS(each_line(flags_.file, [this](std::string_view line) { return take(line); }));
  line_ = lines_;
  if (const Status ended = reader_->end(); !ended.ok()) bad_row(ended.error());
  if (!begun_ && first_.empty())
    return invalid(tally_.errors.empty() ? flags_.file + ": no rows"
                                         : tally_.errors[0] + "; and no row besides");
  if (!begun_) {
    decided_by_ = first_.size();
    TRY_STATUS(begin_with_first());
  }
  tally_.learn_s = thread_cpu_seconds() - begin;
  return report();
}

}  // namespace

Run add_learn(FlagSet app) {
  auto flags = std::make_shared<LearnFlags>();
  add_learn_flags(app, *flags);
  return [flags]() -> Status {
    check_learn_flags(*flags);
    if (!flags->late_labels && flags->fresh_hours == 0) return LearnRun(*flags).run();
    TRY(const RowFormat format, parse_row_format(flags->format));
    if (flags->late_labels) return compare_late_labels(flags->file, format, flags->config, flags->json);
    return compare_freshness(flags->file, format, flags->config,
                             {flags->fresh_hours, flags->fresh_hour, flags->plot}, flags->json);
  };
}

}  // namespace freshet
