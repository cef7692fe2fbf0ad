#include "eval/rank_eval.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>

#include "base/epoch.h"
#include "base/hash.h"
#include "engine/shop_state.h"
#include "env/process.h"
#include "serve/recommend_service.h"
#include "settings/settings.h"

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

// The shop's folds and its recommendations, as the judge plays against them.
class Play final : public simulate::Recommending {
 public:
  static Result<std::unique_ptr<Play>> open(const Shop& shop, const RankEvalOptions& options, bool with) {
    std::unique_ptr<Play> play(new Play(shop, options));
    StateConfig config;
    config.search.background = false;
    TRY(play->state_, ShopState::open(config));
    ShopState& state = *play->state_;
    SearchSettings settings;
    settings.ranker = options.settings;
    if (!with) settings.ranker.weight = 0;
    play->apply(stage_event(settings, "", ""));
    play->apply(settings_event("publish", std::to_string(state.settings().book().next - 1), ""));
    play->service_.emplace(state.catalog(), state.profiles(), state.recommender());
    play->service_->rank_with(state.ranker(), state.settings());
    if (with && options.hours > 0) play->watch();
    return play;
  }

  Status send(const std::vector<Event>& events) override {
    for (const Event& event : events) apply(is_poisoned(event) ? poisoned(event) : event);
    return {};
  }

  Result<List> recommend(const Question& asked) override {
    now_ = asked.now;
    stock(asked.now);
    RecommendRequest request;
    TRY(request.surface, parse_surface(asked.surface));
    request.user = asked.user;
    request.session = asked.session;
    request.region = asked.region;
    request.k = asked.k;
    request.now_ms = asked.now;
    others_.clear();
    if (watching_) TRY_STATUS(ask_others(request));
    if (poison_to_ms_ != 0) TRY_STATUS(ask_guarded(request));
    List list;
    list.query_id = "page-" + std::to_string(pages_++);
    request.explore = std::max<uint64_t>(1, hash_bytes(list.query_id));
    TRY(const RecommendAnswer answer, service_->recommend(request, asked.now));
    Event event;
    event.type = EventType::kImpression;
    event.time_ms = asked.now;
    event.id = list.query_id;
    event.source = "freshet";
    event.user = asked.user;
    event.session = asked.session;
    event.region = asked.region;
    event.query_id = list.query_id;
    event.surface = asked.surface;
    put_shown(answer, event);
    for (const RecommendedItem& item : answer.items) list.items.push_back(item.id);
    if (poison_to_ms_ != 0) lists_[list.query_id] = list.items;
    apply(event);
    return list;
  }

  // What the lists of the others would have brought.
  void looked(const Shop& shop, const simulate::Visit& visit) {
    if (poison_to_ms_ != 0) return looked_poisoned(shop, visit);
    if (others_.empty()) return;
    Hour& hour = hours_.back();
    ++hour.lists;
    hour.best += expected_clicks(shop, visit, best_list(shop, visit, options_.k));
    for (size_t arm = 0; arm < others_.size(); ++arm) {
      std::vector<uint32_t> items;
      for (const std::string& id : others_[arm])
        if (const auto number = Shop::item_number(id)) items.push_back(*number);
      hour.clicks[arm] += expected_clicks(shop, visit, items);
    }
  }

  void poison(const RankPoison& when, RankPoisonReport& out) {
    const double span_ms =
        static_cast<double>(options_.visits) / options_.visits_per_day * static_cast<double>(kDayMs);
    const auto at = [&](double share) {
      return shop_.options().start_ms + static_cast<TimeMs>(share * span_ms);
    };
    poison_from_ms_ = at(when.from);
    poison_to_ms_ = at(when.to);
    poison_end_ms_ = at(1);
    out.days = static_cast<double>(poison_to_ms_ - poison_from_ms_) / static_cast<double>(kDayMs);
    out.curve.resize(when.points);
    poisoned_ = &out;
  }
  void report(RankEvalReport& out) const;
  void report_poison() const;

 private:
  Play(const Shop& shop, const RankEvalOptions& options) : shop_(shop), options_(options) {}

  struct Hour {
    int64_t number = 0;
    std::array<double, RankEvalReport::kArms> clicks{};
    double best = 0;
    uint64_t lists = 0;
  };

  void apply(Event event) {
    if (event.id.empty()) event.id = "shop-" + std::to_string(next_);
    if (event.source.empty()) event.source = "shop";
    if (event.time_ms == kNoTime) event.time_ms = shop_.options().start_ms;
    state_->apply(next_++, event);
    if (frozen_ != nullptr) frozen_->apply(next_, event);
    if (retrained_ != nullptr) retrained_->apply(next_, event);
    if (tuned_ != nullptr) tuned_->apply(next_, event);
  }

  bool is_poisoned(const Event& event) const {
    return event.type == EventType::kClick && event.time_ms >= poison_from_ms_ &&
           event.time_ms < poison_to_ms_ && lists_.contains(event.query_id);
  }
  Event poisoned(Event event) const {
    const std::vector<std::string>& items = lists_.at(event.query_id);
    event.user = "program";
    event.item = items[Draw(hash_bytes(event.id)).below(items.size())];
    return event;
  }

  // Lists of this moment by the live ranker, the one without a gate, and the one that was frozen.
  Status ask_guarded(const RecommendRequest& request) {
    if (request.now_ms < poison_from_ms_) return {};
    if (frozen_ == nullptr) {
      frozen_ = copy_of_live();
      tuned_ = new_ranker();
      Writer out;
      state_->ranker().save(out);
      Reader in(out.bytes());
      TRY_STATUS(tuned_->load(in));
      RankerUpdates open = options_.settings.updates;
      open.gate = false;
      tuned_->configure(open);
    }
    for (const Ranker* ranker :
         {static_cast<const Ranker*>(&state_->ranker()), static_cast<const Ranker*>(tuned_.get()),
          static_cast<const Ranker*>(frozen_.get())}) {
      RecommendService service(state_->catalog(), state_->profiles(), state_->recommender());
      service.rank_with(*ranker, state_->settings());
      TRY(const RecommendAnswer answer, service.recommend(request, request.now_ms));
      std::vector<std::string>& ids = others_.emplace_back();
      for (const RecommendedItem& item : answer.items) ids.push_back(item.id);
    }
    return {};
  }

  void looked_poisoned(const Shop& shop, const simulate::Visit& visit) {
    if (others_.empty()) return;
    const double way = static_cast<double>(now_ - poison_from_ms_) /
                       static_cast<double>(std::max<TimeMs>(poison_end_ms_ - poison_from_ms_, 1));
    auto& curve = poisoned_->curve;
    RankPoisonReport::Point& point =
        curve[std::min(curve.size() - 1, static_cast<size_t>(way * static_cast<double>(curve.size())))];
    point.day = static_cast<double>(now_ - poison_from_ms_) / static_cast<double>(kDayMs);
    ++point.lists;
    point.best += expected_clicks(shop, visit, best_list(shop, visit, options_.k));
    PoisonedList& list = poisoned_lists_.emplace_back();
    list.day = point.day;
    for (size_t arm = 0; arm < list.clicks.size(); ++arm) {
      std::vector<uint32_t> items;
      for (const std::string& id : others_[arm])
        if (const auto number = Shop::item_number(id)) items.push_back(*number);
      list.clicks[arm] = expected_clicks(shop, visit, items);
    }
    point.live += list.clicks[0];
    point.open += list.clicks[1];
    point.frozen += list.clicks[2];
  }

  // The shop's feed: everything there is, once a day.
  void stock(TimeMs now) {
    if (now / kDayMs == day_) return;
    const bool first = day_ < 0;
    day_ = now / kDayMs;
    for (Event& event : simulate::context_events(shop_, day_ * kDayMs, first)) {
      event.time_ms = std::max(event.time_ms, shop_.options().start_ms);
      apply(std::move(event));
    }
    Event event;
    for (uint32_t item = 0; item < shop_.items().size(); ++item) {
      if (shop_.items()[item].born_ms > now) continue;
      shop_.describe(item, now, event);
      event.time_ms = now;
      event.source.clear();
      apply(event);
    }
  }

  void watch() {
    watching_ = true;
    state_->ranker().on_lesson(
        [this](const RankLesson& lesson) { lessons_.add(lesson, state_->moment().now_ms); });
    const double span_ms =
        static_cast<double>(options_.visits) / options_.visits_per_day * static_cast<double>(kDayMs);
    half_ms_ = shop_.options().start_ms + static_cast<TimeMs>(span_ms / 2);
    share_ = static_cast<double>(options_.hours) / (span_ms / 2 / static_cast<double>(kHourMs));
  }

  std::unique_ptr<Ranker> new_ranker() const {
    return std::make_unique<Ranker>(state_->moment(), state_->catalog(), state_->profiles(), state_->joiner(),
                                    state_->clicks(), state_->contexts(), state_->settings());
  }
  std::unique_ptr<Ranker> copy_of_live() const {
    Writer out;
    state_->ranker().save(out);
    auto copy = new_ranker();
    Reader in(out.bytes());
    CHECK(copy->load(in).ok());
    copy->freeze();
    return copy;
  }

  bool sampled(int64_t hour) const {
    return Draw(mix64(mix64(shop_.options().seed, kHour), static_cast<uint64_t>(hour))).uniform() < share_;
  }

  Status ask_others(const RecommendRequest& request) {
    if (request.now_ms < half_ms_) return {};
    if (frozen_ == nullptr) {
      frozen_ = copy_of_live();
      half_lessons_ = lessons_.size();
    }
    const int64_t hour = request.now_ms / kHourMs;
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
      RecommendService service(state_->catalog(), state_->profiles(), state_->recommender());
      if (ranker != nullptr) service.rank_with(*ranker, state_->settings());
      TRY(const RecommendAnswer answer, service.recommend(request, request.now_ms));
      std::vector<std::string>& ids = others_.emplace_back();
      for (const RecommendedItem& item : answer.items) ids.push_back(item.id);
    }
    return {};
  }

  std::unique_ptr<Ranker> trained(const Training& training, TimeMs from, size_t end) const {
    auto ranker = copy_of_live();
    ranker->forget();
    const size_t begin = training.recent ? std::min(end, lessons_.since(from - kRecentMs)) : 0;
    for (int epoch = 0; epoch < training.epochs; ++epoch)
      for (size_t i = begin; i < end; ++i) ranker->study(lessons_.lesson(i));
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
    const double begun = thread_cpu_seconds();
    retrained_ = trained({}, hour_ms, end);
    retrained_cpu_s_ += thread_cpu_seconds() - begun;
    tuned_ = trained(training_, hour_ms, end);
  }

  const Shop& shop_;
  const RankEvalOptions options_;
  std::unique_ptr<ShopState> state_;
  std::optional<RecommendService> service_;
  Offset next_ = 0;
  uint64_t pages_ = 0;
  TimeMs now_ = 0, day_ = -1;

  bool watching_ = false;
  Lessons lessons_;
  TimeMs half_ms_ = 0;
  double share_ = 0, retrained_cpu_s_ = 0;
  size_t half_lessons_ = 0;
  Training training_;
  std::unique_ptr<Ranker> frozen_, retrained_, tuned_;
  TimeMs poison_from_ms_ = 0, poison_to_ms_ = 0, poison_end_ms_ = 0;  // 0: there is none.
  std::map<std::string, std::vector<std::string>> lists_;             // By query id, while there is.
  RankPoisonReport* poisoned_ = nullptr;
  struct PoisonedList {
    double day = 0;
    std::array<double, 3> clicks{};  // Of live, the one without a gate, the frozen one.
  };
  std::vector<PoisonedList> poisoned_lists_;
  std::deque<Hour> hours_;
  std::vector<std::vector<std::string>> others_;  // By arm: the list of this moment.
};

double gap_of(const std::array<double, RankEvalReport::kArms>& clicks, RankEvalReport::Arm better) {
  const double gap = clicks[better] - clicks[RankEvalReport::kFrozen];
  return gap == 0 ? 0 : (clicks[RankEvalReport::kLive] - clicks[RankEvalReport::kFrozen]) / gap;
}

void Play::report(RankEvalReport& out) const {
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
  Writer saved;
  state_->ranker().save(saved);
  auto ranker = new_ranker();
  Reader in(saved.bytes());
  CHECK(ranker->load(in).ok());
  const double begun = thread_cpu_seconds();
  for (size_t i = half_lessons_; i < lessons_.size(); ++i) ranker->study(lessons_.lesson(i));
  out.live_cpu_s = thread_cpu_seconds() - begun;
  const double span_hours = static_cast<double>(now_ - half_ms_) / static_cast<double>(kHourMs);
  out.retrained_cpu_s = retrained_cpu_s_ / static_cast<double>(hours_.size()) * span_hours;
}

// What was done about the poison, and what the lists were worth until then and while it lasted.
void Play::report_poison() const {
  RankPoisonReport& out = *poisoned_;
  out.acted_day = out.days;
  for (const PublicationNote& note : state_->ranker().publication().report().notes) {
    if (note.time_ms < poison_from_ms_) continue;
    const double day = static_cast<double>(note.time_ms - poison_from_ms_) / static_cast<double>(kDayMs);
    if (note.what == "hold" || note.what == "suspect" || note.what == "rollback" || note.what == "worse")
      out.acted_day = std::min(out.acted_day, day);
    char text[32];
    std::snprintf(text, sizeof text, "  day %.2f ", day);
    out.publication += text + note.what + (note.text.empty() ? "" : ": ") + note.text + "\n";
  }
  const auto share = [&](size_t arm, double until, double& deviation) {
    double sum = 0, frozen = 0, squares = 0;
    for (const PoisonedList& list : poisoned_lists_) {
      if (list.day > until) continue;
      sum += list.clicks[arm];
      frozen += list.clicks[2];
    }
    const double ratio = frozen > 0 ? sum / frozen : 1;
    for (const PoisonedList& list : poisoned_lists_) {
      const double off = list.clicks[arm] - ratio * list.clicks[2];
      if (list.day <= until) squares += off * off;
    }
    deviation = frozen > 0 ? std::sqrt(squares) / frozen : 0;
    return ratio;
  };
  const auto span = [&](double until) {
    RankPoisonReport::Span one;
    for (const PoisonedList& list : poisoned_lists_) one.lists += list.day <= until ? 1 : 0;
    one.live = share(0, until, one.live_deviation);
    one.open = share(1, until, one.open_deviation);
    return one;
  };
  out.before = span(out.acted_day);
  out.lasting = span(out.days);
}

Result<simulate::Verdict> play(const RankEvalOptions& options, bool with, RankEvalReport& report) {
  Shop shop(options.shop);
  TRY(const std::unique_ptr<Play> game, Play::open(shop, options, with));
  simulate::JudgeOptions judging{
      .visits = options.visits, .visits_per_day = options.visits_per_day, .k = options.k};
  judging.looked = [&](const Shop& truth, const simulate::Visit& visit) { game->looked(truth, visit); };
  TRY(simulate::Verdict verdict, simulate::judge(shop, judging, *game));
  if (with) game->report(report);
  return verdict;
}

}  // namespace

Result<RankPoisonReport> evaluate_poison(const RankEvalOptions& asked, const RankPoison& poison) {
  RankEvalOptions options = asked;
  options.hours = 0;
  RankPoisonReport report{.options = options,
                          .poison = poison,
                          .days = 0,
                          .acted_day = 0,
                          .before = {},
                          .lasting = {},
                          .curve = {},
                          .publication = {}};
  Shop shop(options.shop);
  TRY(const std::unique_ptr<Play> game, Play::open(shop, options, true));
  game->poison(poison, report);
  simulate::JudgeOptions judging{
      .visits = options.visits, .visits_per_day = options.visits_per_day, .k = options.k};
  judging.looked = [&](const Shop& truth, const simulate::Visit& visit) { game->looked(truth, visit); };
  TRY(const simulate::Verdict verdict, simulate::judge(shop, judging, *game));
  game->report_poison();
  return report;
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
