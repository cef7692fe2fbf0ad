#include "eval/freshness_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "env/process.h"

namespace freshet {
namespace {

constexpr double kJudgedFrom = 0.6;  // Of what comes before half: hours after it choose the ways.
constexpr size_t kJudgedShare = 6;   // So many sampled hours for one that is judged, but not fewer than four.

double log_loss(float score, float label) {
  const double s = std::clamp(static_cast<double>(score), -12.0, 12.0);
  return std::log1p(std::exp(label > 0.5f ? -s : s));
}

class RowMeasurement {
 public:
  explicit RowMeasurement(const RowFreshnessOptions& options) : options_(options), trainer_(options.trainer) {
    trainer_.on_learned([this](const Sample& sample) {
      lessons_.push_back(sample);
      lessons_.back().scores.clear();  // Others judge by themselves what experts say.
      lesson_hours_.push_back(hour_);
    });
  }

  Status start(RowReader& reader, std::span<const Row> rows);
  Status step(const Row& row);
  Result<FreshnessReport> finish();

 private:
  struct Trial {
    std::unique_ptr<Learner> anew, once;  // Retrained for this hour; frozen since the first judged one.
    double anew_loss = 0, once_loss = 0;
  };
  int64_t hour_of(double time) const { return static_cast<int64_t>(std::floor(time / options_.hour)); }
  std::unique_ptr<Learner> trained(const FreshnessTraining& training, double* cpu_s) const;
  void begin_hour(int64_t hour);
  void freeze();
  void take_the_better();

  const RowFreshnessOptions& options_;
  Trainer trainer_;
  RowReader* reader_ = nullptr;
  std::vector<Sample> lessons_;
  std::vector<int64_t> lesson_hours_;  // When they were learned; ascending.
  int64_t first_hour_ = 0, half_ = 0, hour_ = INT64_MIN;
  std::vector<int64_t> judged_, sampled_;
  bool judging_ = false, measuring_ = false;
  std::vector<Trial> trials_;
  std::unique_ptr<Learner> frozen_, retrained_;
  std::unique_ptr<Learner> whole_;  // What one pass over everything has learned: the online one, an hour old.
  std::vector<std::array<double, 2>> whole_sums_;  // By sampled hour: as of Hour::sums.
  uint64_t whole_lessons_ = 0;
  std::optional<Encoder> frozen_encoder_;
  size_t half_lessons_ = 0;
  std::string half_state_;
  FreshnessReport report_;
};

Status RowMeasurement::start(RowReader& reader, std::span<const Row> rows) {
  reader_ = &reader;
  TRY_STATUS(trainer_.start(reader, rows.subspan(0, std::min(rows.size(), options_.first_rows))));
  std::vector<int64_t> hours;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto time = trainer_.time_of(rows[i]);
    if (time.ok())
      hours.push_back(hour_of(options_.trainer.encoder.time.empty() ? static_cast<double>(i) : *time));
  }
  if (hours.size() < 100)
    return invalid(std::to_string(hours.size()) + " rows: too few to measure freshness");
  std::sort(hours.begin(), hours.end());
  first_hour_ = hours.front();
  half_ = hours[hours.size() / 2] + 1;
  const int64_t from = hours[static_cast<size_t>(kJudgedFrom * static_cast<double>(hours.size()) / 2)] + 1;
  hours.erase(std::unique(hours.begin(), hours.end()), hours.end());
  std::vector<int64_t> before, after;
  for (const int64_t hour : hours) {
    if (hour >= from && hour < half_) before.push_back(hour);
    if (hour >= half_) after.push_back(hour);
  }
  report_.hours_after = after.size();
  report_.metrics = {{"log_loss", true}, {"accuracy", false}};
  judged_ = sample_hours(before, std::max<size_t>(4, options_.hours / kJudgedShare));
  sampled_ = sample_hours(after, options_.hours);
  if (judged_.empty() || sampled_.size() < 2)
    return invalid("the rows span too few hours to measure freshness; see --freshness-hour");
  trials_.resize(options_.trainings.size());
  return {};
}

std::unique_ptr<Learner> RowMeasurement::trained(const FreshnessTraining& training, double* cpu_s) const {
  size_t begin = 0;
  if (training.hours > 0)
    begin = static_cast<size_t>(
        std::lower_bound(lesson_hours_.begin(), lesson_hours_.end(), hour_ - training.hours) -
        lesson_hours_.begin());
  const double begun = thread_cpu_seconds();
  auto learner = trainer_.new_learner();
  for (int pass = 0; pass < training.passes; ++pass)
    for (size_t i = begin; i < lessons_.size(); ++i) learner->learn(lessons_[i]);
  if (cpu_s != nullptr) *cpu_s += thread_cpu_seconds() - begun;
  return learner;
}

// What is frozen at half, in the way that was best among those frozen before; the same of what is retrained.
void RowMeasurement::freeze() {
  double anew = HUGE_VAL, once = HUGE_VAL;
  for (size_t t = 0; t < options_.trainings.size(); ++t) {
    if (trials_[t].anew == nullptr) continue;
    if (trials_[t].anew_loss < anew) anew = trials_[t].anew_loss, report_.retrained = options_.trainings[t];
    if (trials_[t].once_loss < once) once = trials_[t].once_loss, report_.frozen = options_.trainings[t];
  }
  trials_.clear();
  frozen_ = trained(report_.frozen, nullptr);
  Writer features;
  trainer_.encoder().save(features);
  frozen_encoder_.emplace(trainer_.encoder_config());
  Reader in(features.bytes());
  frozen_encoder_->load(in, *reader_);
  half_lessons_ = lessons_.size();
  Writer state;
  trainer_.learner().save(state);
  half_state_ = state.take();
}

void RowMeasurement::begin_hour(int64_t hour) {
  hour_ = hour;
  trainer_.catch_up(static_cast<double>(hour) * options_.hour);
  judging_ = std::binary_search(judged_.begin(), judged_.end(), hour);
  measuring_ = std::binary_search(sampled_.begin(), sampled_.end(), hour);
  if (hour >= half_ && frozen_ == nullptr) freeze();
  if (judging_)
    for (size_t t = 0; t < options_.trainings.size(); ++t) {
      const FreshnessTraining& training = options_.trainings[t];
      if (training.hours >= half_ - first_hour_) continue;
      trials_[t].anew = trained(training, nullptr);
      if (trials_[t].once == nullptr) trials_[t].once = trained(training, nullptr);
    }
  if (!measuring_) return;
  if (options_.progress)
    options_.progress("retraining for hour " + std::to_string(hour - half_) + " after half");
  retrained_ = trained(report_.retrained, &report_.retrained_cpu_s);
  whole_ = trainer_.new_learner();
  Writer state;
  trainer_.learner().save(state);
  Reader in(state.bytes());
  whole_->load(in);
  whole_sums_.push_back({});
  whole_lessons_ += lessons_.size();
  report_.hours.push_back({static_cast<double>(hour - half_), 0, {}});
  report_.hours.back().sums.resize(report_.metrics.size());
}

Status RowMeasurement::step(const Row& row) {
  TRY(const double time, trainer_.time_of(row));
  if (const int64_t hour = hour_of(time); hour > hour_) begin_hour(hour);
  Sample old;
  if (frozen_encoder_) frozen_encoder_->encode(row, time, old);
  double online = 0;
  TRY_STATUS(trainer_.step(row, &online));
  double given = 0;
  TRY(const bool there, trainer_.label_of(row, given));
  const auto label = static_cast<float>(given);
  if (!there || (!judging_ && !measuring_)) return {};
  if (judging_) {
    for (Trial& trial : trials_) {
      if (trial.anew == nullptr) continue;
      trial.anew_loss += log_loss(trial.anew->score(trainer_.sample()), label);
      trial.once_loss += log_loss(trial.once->score(trainer_.sample()), label);
    }
    return {};
  }
  FreshnessReport::Hour& hour = report_.hours.back();
  const float scores[] = {frozen_->score(old), retrained_->score(trainer_.sample()),
                          static_cast<float>(online)};
  const float whole = whole_->score(trainer_.sample());
  whole_sums_.back()[0] += log_loss(whole, label);
  whole_sums_.back()[1] += (whole > 0) == (label > 0.5f) ? 1 : 0;
  ++hour.targets;
  for (size_t arm = 0; arm < FreshnessReport::kArms; ++arm) {
    hour.sums[0][arm] += log_loss(scores[arm], label);
    hour.sums[1][arm] += (scores[arm] > 0) == (label > 0.5f) ? 1 : 0;
  }
  return {};
}

// Retraining by one pass over everything was not taken before half, but would have been better: it is taken.
void RowMeasurement::take_the_better() {
  double whole = 0;
  double taken = 0;
  for (size_t i = 0; i < report_.hours.size(); ++i) {
    whole += whole_sums_[i][0];
    taken += report_.hours[i].sums[0][FreshnessReport::kRetrained];
  }
  if (whole >= taken) return;
  for (size_t i = 0; i < report_.hours.size(); ++i)
    for (size_t m = 0; m < report_.metrics.size(); ++m)
      report_.hours[i].sums[m][FreshnessReport::kRetrained] = whole_sums_[i][m];
  report_.retrained = {};
  report_.retrained_cpu_s = report_.online_cpu_s /
                            static_cast<double>(std::max<uint64_t>(report_.lessons_after, 1)) *
                            static_cast<double>(whole_lessons_);
}

Result<FreshnessReport> RowMeasurement::finish() {
  const auto again = trainer_.new_learner();
  Reader in(half_state_);
  again->load(in);
  const double begun = thread_cpu_seconds();
  for (size_t i = half_lessons_; i < lessons_.size(); ++i) again->learn(lessons_[i]);
  report_.online_cpu_s = thread_cpu_seconds() - begun;
  report_.lessons = lessons_.size();
  report_.lessons_after = lessons_.size() - half_lessons_;
  take_the_better();
  std::erase_if(report_.hours, [](const FreshnessReport::Hour& hour) { return hour.targets == 0; });
  if (report_.hours.empty()) return invalid("no row of the sampled hours has a label");
  report_.retrained_cpu_s *= static_cast<double>(report_.hours_after) / static_cast<double>(sampled_.size());
  return std::move(report_);
}

}  // namespace

Result<FreshnessReport> freshness_of_rows(RowReader& reader, std::span<const Row> rows,
                                          const RowFreshnessOptions& options) {
  if (options.trainer.encoder.task != Task::kBinary) return invalid("--freshness: of binary labels only");
  RowMeasurement measurement(options);
  TRY_STATUS(measurement.start(reader, rows));
  for (const Row& row : rows) (void)measurement.step(row).ok();  // Those that cannot be read are left out.
  return measurement.finish();
}

}  // namespace freshet
