#include "eval/rank_eval.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/epoch.h"
#include "base/hash.h"
#include "env/process.h"
#include "eval/rank_play.h"

namespace freshet {
namespace {

using simulate::Shop;
constexpr uint64_t kHour = 0x686f7572, kBootstrap = 0x626f6f74;
constexpr int kResamples = 2000;
constexpr TimeMs kJudgedMs = 6 * kHourMs;  // By these lessons ways of training are compared,
constexpr size_t kCompareEvery = 6;        // at so many sampled hours.
constexpr TimeMs kRecentMs = 7 * kDayMs;

// Lessons as they came, with features.
class Lessons {
 public:
  void add(const RankLesson& lesson, TimeMs at) {
    one_.push_back({lesson, at, cells_.size()});
    cells_.insert(cells_.end(), lesson.row.begin(), lesson.row.end());
  }
  size_t size() const { return one_.size(); }
  RankLesson lesson(size_t i) const {
    RankLesson out = one_[i].lesson;
    const size_t end = i + 1 < one_.size() ? one_[i + 1].from : cells_.size();
    out.row = std::span(cells_).subspan(one_[i].from, end - one_[i].from);
    return out;
  }
  size_t since(TimeMs at) const {  // The first of that time or later.
    return static_cast<size_t>(
        std::lower_bound(one_.begin(), one_.end(), at, [](const One& one, TimeMs t) { return one.at < t; }) -
        one_.begin());
  }

 private:
  struct One {
    RankLesson lesson;
    TimeMs at;
    size_t from;
  };
  std::vector<One> one_;
  std::vector<uint32_t> cells_;
};

struct Training {
  bool recent = false;
  int epochs = 1;
};
constexpr Training kTrainings[] = {{false, 1}, {false, 2}, {true, 1}, {true, 2}};

// What lists are worth, and in the second half what other rankers would have made of the same candidates.
class FreshnessPlay final : public RankPlay {
 public:
  using RankPlay::RankPlay;
  Status open(bool with) {
    TRY_STATUS(RankPlay::open(with));
    if (with && options_.hours > 0) watch();
    return {};
  }
  void looked(const simulate::Visit& visit, double best) override {
    if (others_.empty()) return;
    Hour& hour = hours_.back();
    ++hour.lists;
    hour.best += best;
    for (size_t arm = 0; arm < others_.size(); ++arm) hour.clicks[arm] += clicks_of(others_[arm], visit);
  }
  void report(RankEvalReport& out) const;

 private:
  struct Hour {
    int64_t number = 0;
    std::array<double, RankEvalReport::kArms> clicks{};
    double best = 0;
    uint64_t lists = 0;
  };

  std::vector<Ranker*> followers() const override {
    std::vector<Ranker*> out;
    for (Ranker* one : {frozen_.get(), retrained_.get(), tuned_.get()})
      if (one != nullptr) out.push_back(one);
    return out;
  }

  void watch() {
    state_->ranker().on_lesson(
        [this](const RankLesson& lesson) { lessons_.add(lesson, state_->moment().now_ms); });
    half_ms_ = start_ms() + static_cast<TimeMs>(span_ms() / 2);
    share_ = static_cast<double>(options_.hours) / (span_ms() / 2 / static_cast<double>(kHourMs));
  }

  bool sampled(int64_t hour) const {
    return Draw(mix64(mix64(shop_.options().seed, kHour), static_cast<uint64_t>(hour))).uniform() < share_;
  }

  Status ask_others(const Request& request) override {
    others_.clear();
    if (half_ms_ == 0 || now_ < half_ms_) return {};
    if (frozen_ == nullptr) {
      frozen_ = copy_of_live();
      frozen_->freeze();
      half_lessons_ = lessons_.size();
    }
    const int64_t hour = now_ / kHourMs;
    if (!sampled(hour)) {
      retrained_.reset();
      tuned_.reset();
      return {};
    }
    if (hours_.empty() || hours_.back().number != hour) {
      hours_.push_back({.number = hour, .clicks = {}});
      retrain(hour * kHourMs);
    }
    const Ranker* const rankers[] = {&state_->ranker(), frozen_.get(), retrained_.get(), tuned_.get(),
                                     nullptr};
    for (const Ranker* ranker : rankers) {
      TRY(std::vector<std::string> list, list_of(ranker, request));
      others_.push_back(std::move(list));
    }
    return {};
  }

  // cpu_s: what learning took.
  std::unique_ptr<Ranker> trained(const Training& training, TimeMs from, size_t end,
                                  double* cpu_s = nullptr) const {
    auto ranker = copy_of_live();
    ranker->freeze();
    ranker->forget();
    const double begun = thread_cpu_seconds();
    const size_t begin = training.recent ? std::min(end, lessons_.since(from - kRecentMs)) : 0;
    for (int epoch = 0; epoch < training.epochs; ++epoch)
      for (size_t i = begin; i < end; ++i) ranker->study(lessons_.lesson(i));
    if (cpu_s != nullptr) *cpu_s += thread_cpu_seconds() - begun;
    return ranker;
  }

  void retrain(TimeMs hour_ms) {
    const size_t end = lessons_.size();
    if (hours_.size() % kCompareEvery == 1) {
      const size_t judged = lessons_.since(hour_ms - kJudgedMs);
      double least = HUGE_VAL;
      for (const Training& training : kTrainings) {
        const auto ranker = trained(training, hour_ms, judged);
        double loss = 0;
        for (size_t i = judged; i < end; ++i) loss += ranker->loss(lessons_.lesson(i));
        if (loss >= least) continue;
        least = loss;
        training_ = training;
      }
    }
    retrained_ = trained({}, hour_ms, end, &retrained_cpu_s_);
    tuned_ = trained(training_, hour_ms, end);
  }

  Lessons lessons_;
  TimeMs half_ms_ = 0;  // 0: nothing is watched.
  double share_ = 0, retrained_cpu_s_ = 0;
  size_t half_lessons_ = 0;
  Training training_;
  std::unique_ptr<Ranker> frozen_, retrained_, tuned_;
  std::deque<Hour> hours_;
  std::vector<std::vector<std::string>> others_;  // By arm: the list of this moment.
};

double gap_of(const std::array<double, RankEvalReport::kArms>& clicks, RankEvalReport::Arm better) {
  const double gap = clicks[better] - clicks[RankEvalReport::kFrozen];
  return gap == 0 ? 0 : (clicks[RankEvalReport::kLive] - clicks[RankEvalReport::kFrozen]) / gap;
}

void FreshnessPlay::report(RankEvalReport& out) const {
  {
    const EpochGuard guard;
    out.ranker = state_->ranker().describe();
  }
  out.hours = hours_.size();
  out.lessons = lessons_.size();
  if (hours_.empty()) return;
  for (const Hour& hour : hours_) {
    out.lists += hour.lists;
    out.best += hour.best;
    auto& row = out.by_hour.emplace_back();
    for (size_t arm = 0; arm < RankEvalReport::kArms; ++arm) {
      out.clicks[arm] += hour.clicks[arm];
      row[arm] = hour.best > 0 ? hour.clicks[arm] / hour.best : 0;
    }
    row.back() = static_cast<double>(hour.number * kHourMs - half_ms_) / static_cast<double>(kHourMs);
  }
  if (out.clicks[RankEvalReport::kTuned] > out.clicks[RankEvalReport::kRetrained])
    out.better = RankEvalReport::kTuned;
  out.closed = gap_of(out.clicks, out.better);
  std::vector<double> closed;
  double sum = 0, squares = 0;
  for (int n = 0; n < kResamples; ++n) {
    Draw draw(mix64(kBootstrap, static_cast<uint64_t>(n)));
    std::array<double, RankEvalReport::kArms> clicks{};
    for (size_t i = 0; i < hours_.size(); ++i) {
      const Hour& hour = hours_[draw.below(hours_.size())];
      for (size_t arm = 0; arm < clicks.size(); ++arm) clicks[arm] += hour.clicks[arm];
    }
    closed.push_back(gap_of(clicks, out.better));
    const double difference = clicks[out.better] - clicks[RankEvalReport::kFrozen];
    sum += difference;
    squares += difference * difference;
  }
  std::sort(closed.begin(), closed.end());
  out.closed_low = closed[kResamples / 40];
  out.closed_high = closed[kResamples - 1 - kResamples / 40];
  out.difference_deviation =
      std::sqrt(std::max(0.0, squares / kResamples - sum / kResamples * (sum / kResamples)));
  // Learning of the live one since half, once more and alone.
  const auto ranker = copy_of_live();
  const double begun = thread_cpu_seconds();
  for (size_t i = half_lessons_; i < lessons_.size(); ++i) ranker->study(lessons_.lesson(i));
  out.live_cpu_s = thread_cpu_seconds() - begun;
  const double span_hours = static_cast<double>(now_ - half_ms_) / static_cast<double>(kHourMs);
  out.retrained_cpu_s = retrained_cpu_s_ / static_cast<double>(hours_.size()) * span_hours;
}

Result<simulate::Verdict> play(const RankEvalOptions& options, bool with, RankEvalReport& report) {
  Shop shop(options.shop);
  const int games = options.without ? 2 : 1;
  FreshnessPlay game(shop, of_game(options, with ? games - 1 : 0, games));
  TRY_STATUS(game.open(with));
  TRY(const simulate::Verdict verdict, game.play());
  if (with) game.report(report);
  return verdict;
}

}  // namespace

Result<RankerSettings> read_ranker_settings(std::string_view json) {
  TRY(const SearchSettings settings, parse_settings(json));
  return settings.ranker;
}

Result<RankEvalReport> evaluate_ranker(const RankEvalOptions& options) {
  RankEvalReport report{.options = options, .with = {}, .without = {}, .ranker = {}};
  if (options.without) {
    RankEvalReport unused;
    TRY(report.without, play(options, false, unused));
  }
  TRY(report.with, play(options, true, report));
  return report;
}

}  // namespace freshet
