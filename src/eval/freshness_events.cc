#include "eval/freshness_events.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "env/process.h"
#include "eval/replay.h"
#include "eval/shop_model.h"

namespace freshet {
namespace {

constexpr size_t kOnlineArm = 0, kFrozenArm = 1, kRetrainedArm = 2;  // Update policies of the replay.
constexpr size_t kFirstTrial = 3;    // Then, before half: one retrained in each way, one frozen.
constexpr double kJudgedFrom = 0.6;  // Of what comes before half: hours after it choose the ways.
constexpr size_t kJudgedHours = 4;

// Lessons as they were learned. What a shopper did before is kept once, as long as it only grows.
class Lessons {
 public:
  void add(const Lesson& lesson, int64_t hour) {
    std::vector<Step>& kept = kept_[lesson.before.shopper];
    const std::span<const Step> before = lesson.before.steps;
    size_t fresh = 0;  // Steps at the end of `before` that are not kept yet: none, one, or all.
    for (; fresh < before.size(); fresh = fresh == 0 ? 1 : before.size()) {
      const size_t old = before.size() - fresh;
      if (old <= kept.size() &&
          std::equal(kept.end() - static_cast<ptrdiff_t>(old), kept.end(), before.begin()))
        break;
    }
    kept.insert(kept.end(), before.end() - static_cast<ptrdiff_t>(fresh), before.end());
    one_.push_back({lesson, hour, kept.size() - before.size(), before.size()});
    one_.back().lesson.before.steps = {};
  }
  size_t size() const { return one_.size(); }
  Lesson get(size_t i) const {
    Lesson out = one_[i].lesson;
    out.before.steps = std::span(kept_.at(out.before.shopper)).subspan(one_[i].from, one_[i].count);
    return out;
  }
  size_t since(int64_t hour) const {  // Late ones stand where they came.
    return static_cast<size_t>(
        std::partition_point(one_.begin(), one_.end(), [&](const One& one) { return one.hour < hour; }) -
        one_.begin());
  }

 private:
  struct One {
    Lesson lesson;
    int64_t hour;
    size_t from, count;
  };
  std::vector<One> one_;
  std::unordered_map<uint64_t, std::vector<Step>> kept_;  // By shopper; only looked up.
};

class Measurement {
 public:
  Measurement(ShopModel& model, const FreshnessOptions& options) : model_(model), options_(options) {
    model_.state().learning().on_lesson([this](const Lesson& lesson) { lessons_.add(lesson, hour_); });
  }

  Status plan(EventSource& source);
  Status before(TimeMs time_ms, Evaluator& evaluator);
  void close_hour(const Evaluator& evaluator);
  Status finish(const Evaluator& evaluator, FreshnessReport& report);

 private:
  int64_t hour_of(TimeMs time_ms) const {
    return time_ms / options_.hour_ms - (time_ms % options_.hour_ms < 0 ? 1 : 0);
  }
  bool useful(const FreshnessTraining& training) const {
    return training.hours == 0 || training.hours < half_ - first_hour_;
  }
  Result<std::unique_ptr<Answerer>> trained(const FreshnessTraining& training, double* cpu_s = nullptr);
  Status judge(Evaluator& evaluator);
  FreshnessTraining best(size_t first_update, const Evaluator& evaluator) const;
  void say(const std::string& what) const {
    if (options_.progress) options_.progress(what);
  }

  ShopModel& model_;
  const FreshnessOptions& options_;
  Lessons lessons_;
  int64_t first_hour_ = 0, half_ = 0, hour_ = INT64_MIN;
  std::vector<int64_t> judged_, sampled_;
  uint64_t hours_after_ = 0;
  size_t half_lessons_ = 0;
  std::string half_state_;
  std::unique_ptr<Answerer> frozen_, retrained_;
  std::vector<std::unique_ptr<Answerer>> trials_;  // By update policy - kFirstTrial.
  bool measuring_ = false;
  std::vector<size_t> begun_;  // Outcomes of each arm when this hour began.
  FreshnessReport report_;
};

// Which hours there are, where half of the targets is, which hours are judged.
Status Measurement::plan(EventSource& source) {
  std::vector<int64_t> hours;
  TRY_STATUS(source.each([&](const Event& event) -> Status {
    if (is_target(event)) hours.push_back(hour_of(event.time_ms));
    return {};
  }));
  if (hours.size() < 100)
    return invalid(std::to_string(hours.size()) + " actions on items: too few to measure freshness");
  std::sort(hours.begin(), hours.end());
  first_hour_ = hours.front();
  half_ = hours[hours.size() / 2] + 1;
  const int64_t judged_from =
      hours[static_cast<size_t>(kJudgedFrom * static_cast<double>(hours.size()) / 2)] + 1;
  std::vector<int64_t> before, after;
  hours.erase(std::unique(hours.begin(), hours.end()), hours.end());
  for (const int64_t hour : hours) {
    if (hour >= judged_from && hour < half_) before.push_back(hour);
    if (hour >= half_) after.push_back(hour);
  }
  hours_after_ = after.size();
  judged_ = sample_hours(before, kJudgedHours);
  sampled_ = sample_hours(after, options_.hours);
  if (judged_.empty() || sampled_.size() < 2)
    return invalid("the actions span " + std::to_string(hours.size()) +
                   " hours: too few to measure freshness; see --hour");
  return {};
}

Result<std::unique_ptr<Answerer>> Measurement::trained(const FreshnessTraining& training, double* cpu_s) {
  const size_t begin = training.hours == 0 ? 0 : lessons_.since(hour_ - training.hours);
  return model_.open_taught("", [&](Recommender& recommender) {
    const double begun = thread_cpu_seconds();
    for (int pass = 0; pass < training.passes; ++pass)
      for (size_t i = begin; i < lessons_.size(); ++i) {
        Lesson lesson = lessons_.get(i);
        if (pass > 0) lesson.first_sight = false;
        recommender.learn(lesson);
      }
    if (cpu_s != nullptr) *cpu_s += thread_cpu_seconds() - begun;
  });
}

// An hour before half: each way of training answers, anew for this hour and once for all such hours.
Status Measurement::judge(Evaluator& evaluator) {
  trials_.resize(2 * options_.trainings.size());
  for (size_t t = 0; t < options_.trainings.size(); ++t) {
    if (!useful(options_.trainings[t])) continue;
    say("trying " + training_name(options_.trainings[t]));
    if (trials_[options_.trainings.size() + t] == nullptr) {
      TRY(trials_[options_.trainings.size() + t], trained(options_.trainings[t]));
    }
    TRY(trials_[t], trained(options_.trainings[t]));
  }
  for (size_t t = 0; t < trials_.size(); ++t) evaluator.serve(kFirstTrial + t, trials_[t].get());
  return {};
}

FreshnessTraining Measurement::best(size_t first_update, const Evaluator& evaluator) const {
  FreshnessTraining best;
  double most = -1;
  for (size_t t = 0; t < options_.trainings.size(); ++t) {
    const MeanScores& scores = evaluator.result().updates[first_update + t].all;
    if (scores.n() == 0 || scores.ndcg() <= most) continue;
    most = scores.ndcg();
    best = options_.trainings[t];
  }
  return best;
}

void Measurement::close_hour(const Evaluator& evaluator) {
  if (!measuring_) return;
  measuring_ = false;
  FreshnessReport::Hour hour{static_cast<double>(hour_ - half_), 0, {}};
  hour.sums.resize(report_.metrics.size());
  const size_t arms[] = {kFrozenArm, kRetrainedArm, kOnlineArm};
  for (size_t arm = 0; arm < std::size(arms); ++arm) {
    const std::vector<Outcome>& outcomes = evaluator.result().updates[arms[arm]].outcomes;
    hour.targets = outcomes.size() - begun_[arms[arm]];
    for (size_t i = begun_[arms[arm]]; i < outcomes.size(); ++i) {
      const Scores& all = outcomes[i].all;
      const double values[] = {all.recall, all.mrr, all.ndcg};
      for (size_t m = 0; m < std::size(values); ++m) hour.sums[m][arm] += values[m];
    }
  }
  if (hour.targets == 0) return;
  report_.hours.push_back(std::move(hour));
  say(freshness_so_far(report_));
}

Status Measurement::before(TimeMs time_ms, Evaluator& evaluator) {
  const int64_t hour = hour_of(time_ms);
  if (hour <= hour_) return {};
  close_hour(evaluator);
  hour_ = hour;
  const bool judging = std::binary_search(judged_.begin(), judged_.end(), hour);
  const bool sampled = std::binary_search(sampled_.begin(), sampled_.end(), hour);
  evaluator.evaluating(judging || sampled);
  if (judging) return judge(evaluator);
  if (hour >= half_ && frozen_ == nullptr) {
    for (size_t t = 0; t < trials_.size(); ++t) evaluator.serve(kFirstTrial + t, nullptr);
    trials_.clear();
    report_.retrained = best(kFirstTrial, evaluator);
    report_.frozen = best(kFirstTrial + options_.trainings.size(), evaluator);
    report_.metrics = {{"recall"}, {"mrr"}, {"ndcg"}};
    half_lessons_ = lessons_.size();
    half_state_ = model_.save_learned();
    TRY(frozen_, trained(report_.frozen));
    evaluator.serve(kFrozenArm, frozen_.get());
  }
  if (!sampled) return {};
  say("retraining for hour " + std::to_string(hour - half_) + " after half");
  TRY(retrained_, trained(report_.retrained, &report_.retrained_cpu_s));
  evaluator.serve(kRetrainedArm, retrained_.get());
  measuring_ = true;
  begun_.clear();
  for (const UpdateScores& scores : evaluator.result().updates) begun_.push_back(scores.outcomes.size());
  return {};
}

Status Measurement::finish(const Evaluator& evaluator, FreshnessReport& report) {
  close_hour(evaluator);
  report_.lessons = lessons_.size();
  report_.lessons_after = lessons_.size() - half_lessons_;
  report_.hours_after = hours_after_;
  report_.retrained_cpu_s *= static_cast<double>(hours_after_) / static_cast<double>(sampled_.size());
  const auto again = model_.open_taught(half_state_, [&](Recommender& recommender) {
    const double begun = thread_cpu_seconds();
    for (size_t i = half_lessons_; i < lessons_.size(); ++i) recommender.learn(lessons_.get(i));
    report_.online_cpu_s = thread_cpu_seconds() - begun;
  });
  if (!again.ok()) return again.error();
  report = std::move(report_);
  return {};
}

}  // namespace

Result<FreshnessReport> freshness_of_events(EventSource& source, const FreshnessOptions& options) {
  TRY(const std::unique_ptr<ShopModel> model, ShopModel::open(options.state));
  Measurement measurement(*model, options);
  TRY_STATUS(measurement.plan(source));
  ReplayOptions replaying;
  replaying.protocol = options.protocol;
  replaying.protocol.warmup = {};
  replaying.protocol.sample = {};
  replaying.protocol.updates = {UpdatePolicy{}};
  for (size_t i = 1; i < kFirstTrial + 2 * options.trainings.size(); ++i)
    replaying.protocol.updates.push_back({UpdatePolicy::Kind::kGiven, 0, "given"});
  replaying.before = [&](TimeMs time_ms, Evaluator& evaluator) {
    return measurement.before(time_ms, evaluator);
  };
  FreshnessReport report;
  replaying.after = [&](const Evaluator& evaluator) { return measurement.finish(evaluator, report); };
  ReplayReport whole;
  TRY_STATUS(replay(source, *model, replaying, whole));
  return report;
}

}  // namespace freshet
