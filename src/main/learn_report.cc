#include "main/learn_report.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "env/process.h"

namespace freshet {
namespace {

constexpr uint64_t kFirstLine = 1000;
constexpr int kDigits = 4;

bool is_binary(const LearnFlags& flags) {
  return flags.config.encoder.task == Task::kBinary;
}

double per_second(const LearnTally& tally) {
  return tally.learn_s > 0 ? static_cast<double>(tally.rows) / tally.learn_s : 0;
}

std::string hash_text(std::string_view state) {
  char hash[20];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(hash_bytes(state)));
  return hash;
}

void add_served(JsonWriter& out, const Served& served) {
  const PublishTotals& totals = served.publisher().totals();
  const Served::RoundingError error = served.rounding_error();
  const double smaller =
      totals.bytes == 0 ? 0 : static_cast<double>(totals.raw_bytes) / static_cast<double>(totals.bytes);
  out.key("served").object();
  out.field("version", served.replica().version());
  out.field("published", served.count(GateVerdict::kPublish))
      .field("held", served.count(GateVerdict::kWorse));
  out.field("discarded", served.count(GateVerdict::kDiscard));
  out.field("rolled_back", served.count(GateVerdict::kRollback));
  out.field("suspected", served.count(GateVerdict::kSuspect)).field("refused", served.replica().refused());
  out.field("delta_bytes", totals.bytes).field("delta_rows", totals.rows);
  out.field("raw_rows", totals.raw_rows).field("raw_bytes", totals.raw_bytes).field("times_smaller", smaller);
  out.field("image_bytes", served.publisher().served()->bytes());
  out.field("rounding_greatest", error.greatest).field("rounding_rms", error.rms);
  out.field("interval", served.controller().interval()).field("fusion", served.controller().fusion());
  if (const Progressive* raw = served.compared())
    out.field("raw_log_loss", raw->log_loss()).field("raw_auc", raw->auc());
  out.end();
}

void add_search(JsonWriter& out, const Halving& search) {
  out.key("search").object();
  out.field("best", search.best()).field("rungs", search.rungs()).key("configurations").array();
  for (const HalvingTrial& trial : search.trials()) {
    out.object().field("rate", trial.knobs.rate).field("shrink", trial.knobs.shrink);
    out.field("rows", trial.rows).field("loss", trial.loss).field("stopped", trial.stopped).end();
  }
  out.end().end();
}

void add_rows(JsonWriter& out, const RowCounts& counts) {
  out.key("table").object().field("rows", counts.rows).field("rows_cold", counts.cold);
  out.field("rows_evicted", counts.evicted).field("rows_returned", counts.returned);
  out.field("rows_expired", counts.expired).field("bytes", counts.bytes).end();
}

void add_alarms(JsonWriter& out, const LearnTally& tally) {
  out.key("drift_alarms").array();
  for (const LearnTally::Alarm& alarm : tally.alarms) {
    out.object().field("row", alarm.row).field("segment", alarm.segment);
    out.field("before", alarm.before).field("after", alarm.after).end();
  }
  out.end();
}

std::string search_text(const Halving& search) {
  TextTable table({"rate", "shrink", "rows learned", "loss of its last rung", ""});
  for (size_t i = 0; i < search.trials().size(); ++i) {
    const HalvingTrial& trial = search.trials()[i];
    table.row({"x " + format_number(trial.knobs.rate, 3), "x " + format_number(trial.knobs.shrink, 3),
               format_count(trial.rows), format_number(trial.loss, kDigits),
               i == search.best() ? "answers"
               : trial.stopped    ? "stopped"
                                  : "still learns"});
  }
  return table.text();
}

std::string rows_text(const RowCounts& counts) {
  return "embedding rows: " + format_count(counts.rows) + " in " + format_bytes(counts.bytes) + ", " +
         format_count(counts.cold) + " on disk, " + format_count(counts.evicted) + " evicted, " +
         format_count(counts.returned) + " came back, " + format_count(counts.expired) + " expired";
}

std::string served_text(const Served& served) {
  const auto count = [&](GateVerdict verdict) { return format_count(served.count(verdict)); };
  return "version " + std::to_string(served.replica().version()) + ": " + count(GateVerdict::kPublish) +
         " published, " + count(GateVerdict::kWorse) + " held, " + count(GateVerdict::kRollback) +
         " rolled back, " + format_bytes(served.publisher().totals().bytes) + " of deltas";
}

}  // namespace

void LossSums::add(double loss, double weight) {
  if (buckets_.empty() || rows_of_last_ == rows_each_) {
    if (buckets_.size() == most_) {
      for (size_t i = 0; i < most_ / 2; ++i)
        buckets_[i] = {buckets_[2 * i].first + buckets_[2 * i + 1].first,
                       buckets_[2 * i].second + buckets_[2 * i + 1].second};
      buckets_.resize(most_ / 2);
      rows_each_ *= 2;
    }
    buckets_.emplace_back();
    rows_of_last_ = 0;
  }
  buckets_.back().first += loss;
  buckets_.back().second += weight;
  ++rows_of_last_;
}

double LossSums::quarter(size_t q) const {
  double sum = 0;
  double weights = 0;
  for (size_t i = buckets_.size() * q / 4; i < buckets_.size() * (q + 1) / 4; ++i) {
    sum += buckets_[i].first;
    weights += buckets_[i].second;
  }
  return weights > 0 ? sum / weights : std::numeric_limits<double>::quiet_NaN();
}

ProgressTable::ProgressTable(bool shown, uint64_t every, const Trainer& trainer)
    : shown_(shown),
      every_(every),
      next_(kFirstLine),
      total_(trainer.judged().total()),
      weights_(trainer.judged().weights()) {
  const uint64_t seen = trainer.rows();
  if (every_ > 0) next_ = (seen / every_ + 1) * every_;
  while (every_ == 0 && next_ <= seen) next_ *= 2;
}

void ProgressTable::at(const Trainer& trainer) {
  if (!shown_ || trainer.rows() < next_) return;
  next_ = every_ > 0 ? next_ + every_ : next_ * 2;
  print(trainer);
}

void ProgressTable::print(const Trainer& trainer) {
  const Progressive& j = trainer.judged();
  const bool binary = j.task() == Task::kBinary;
  if (!std::exchange(head_, true))
    std::fputs(binary ? "        rows   log loss  of these      auc   accuracy  drifts\n"
                      : "        rows         rmse     of these  drifts\n",
               stderr);
  double since = (j.total() - total_) / (j.weights() - weights_);
  if (!binary) since = std::sqrt(since);
  total_ = j.total();
  weights_ = j.weights();
  const auto drifts = static_cast<unsigned long long>(trainer.drifts());
  if (binary)
    std::fprintf(stderr, "%12s %10s %9s %8s %10s %7llu\n", format_count(trainer.rows()).c_str(),
                 format_number(j.log_loss(), kDigits).c_str(), format_number(since, kDigits).c_str(),
                 format_number(j.auc(), kDigits).c_str(), format_number(j.accuracy(), kDigits).c_str(),
                 drifts);
  else
    std::fprintf(stderr, "%12s %12.6g %12.6g %7llu\n", format_count(trainer.rows()).c_str(), j.rmse(), since,
                 drifts);
}

std::string learn_report_json(const LearnFlags& flags, const Trainer& trainer, const LearnTally& tally,
                              std::string_view state) {
  const Progressive& j = trainer.judged();
  JsonWriter out;
  out.object().field("n", j.n()).field("weight", j.weights());
  if (is_binary(flags)) {
    out.field("log_loss", j.log_loss()).field("auc", j.auc());
    out.field("accuracy", j.accuracy()).field("f1", j.f1());
  }
  out.field("rmse", j.rmse()).field("calibration", j.calibration()).key("by_quarter").array();
  for (size_t q = 0; q < 4; ++q) out.value(tally.losses.quarter(q));
  out.end().field("examples_per_second", per_second(tally)).field("peak_rss_bytes", peak_rss_bytes());
  out.field("state_hash", hash_text(state)).field("rows", trainer.rows()).field("rows_bad", tally.bad);
  out.field("rows_unlabelled", trainer.unlabelled());
  out.field("labels_waiting", trainer.waiting()).field("drifts", trainer.drifts());
  if (is_binary(flags)) {
    const std::string labels = trainer.labels().describe();
    out.field("labels", labels.empty() ? "1, true, yes, ... is 1" : labels);
  }
  add_alarms(out, tally);
  out.key("warnings").array();
  for (const std::string& warning : tally.warnings) out.value(warning);
  out.end();
  if (trainer.counts_rows()) add_rows(out, trainer.row_counts());
  if (trainer.served() != nullptr) add_served(out, *trainer.served());
  if (trainer.search() != nullptr) add_search(out, *trainer.search());
  out.end();
  return out.take() + "\n";
}

std::string learn_report_text(const LearnFlags& flags, const Trainer& trainer, const LearnTally& tally,
                              std::string_view state) {
  const Progressive& j = trainer.judged();
  const auto number = [](double x) { return format_number(x, kDigits); };
  TextTable table({"", "", "by quarter of this run"});
  std::string quarters;
  for (size_t q = 0; q < 4; ++q) quarters += (q == 0 ? "" : "  ") + number(tally.losses.quarter(q));
  table.row({"rows", format_count(trainer.rows()), ""});
  table.row({"judged", format_count(j.n()), ""});
  if (is_binary(flags)) {
    table.row({"log loss", number(j.log_loss()), quarters});
    table.row({"auc", number(j.auc()), ""});
    table.row({"accuracy", number(j.accuracy()), ""});
    table.row({"f1", number(j.f1()), ""});
    table.row({"rmse", number(j.rmse()), ""});
  } else {
    table.row({"rmse", number(j.rmse()), "squared: " + quarters});
  }
  table.row({"calibration", number(j.calibration()), ""});
  table.row({"drifts", format_count(trainer.drifts()), ""});
  table.row({"rows without label", format_count(trainer.unlabelled()), ""});
  table.row({"labels that wait", format_count(trainer.waiting()), ""});
  table.row({"rows a CPU second", format_count(static_cast<uint64_t>(per_second(tally))), ""});
  table.row({"peak memory", format_bytes(peak_rss_bytes()), ""});
  table.row({"state", hash_text(state), ""});
  std::string out = table.text();
  if (trainer.counts_rows()) out += rows_text(trainer.row_counts()) + "\n";
  if (trainer.served() != nullptr) out += served_text(*trainer.served()) + "\n";
  if (trainer.search() != nullptr) out += search_text(*trainer.search());
  return out;
}

}  // namespace freshet
