#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "base/hash.h"
#include "eval/rank_play.h"

namespace freshet {
namespace {

using simulate::Shop;

// clean: watched in the same way, but with nobody's clicks replaced.
class PoisonPlay final : public RankPlay {
 public:
  PoisonPlay(Shop& shop, const RankEvalOptions& options, const RankPoison& poison, bool clean)
      : RankPlay(shop, options),
        clean_(clean),
        from_ms_(at(poison.from)),
        to_ms_(at(poison.to)),
        end_ms_(at(1)),
        curve_(poison.points) {}

  double days() const { return day_of(to_ms_); }  // Of poison.
  void looked(const simulate::Visit& visit, double best) override;
  void report(RankPoisonReport& out) const;
  RankPoisonReport::Span span_until(double day) const;  // Since the poison began.

 private:
  enum Arm : uint8_t { kLive, kOpen, kFrozen };  // The open one learns without a gate.
  static constexpr size_t kArms = 3;
  struct Judged {  // A list
    double day = 0;
    std::array<double, kArms> clicks{};
  };

  TimeMs at(double share) const { return start_ms() + static_cast<TimeMs>(share * span_ms()); }
  double day_of(TimeMs time) const {
    return static_cast<double>(time - from_ms_) / static_cast<double>(kDayMs);
  }
  std::vector<Ranker*> followers() const override {
    return frozen_ == nullptr ? std::vector<Ranker*>{} : std::vector<Ranker*>{frozen_.get(), open_.get()};
  }
  void shown(const List& list) override { pages_[list.query_id] = list.items; }
  Event as_sent(const Event& event) override;
  Status ask_others(const Request& request) override;

  const bool clean_;
  const TimeMs from_ms_, to_ms_, end_ms_;
  std::map<std::string, std::vector<std::string>> pages_;  // by query id
  std::unique_ptr<Ranker> frozen_, open_;
  std::unique_ptr<ClickModel> frozen_clicks_;          // What clicks say of searches stands still with it.
  std::array<std::vector<std::string>, kArms> asked_;  // The lists of this moment.
  std::vector<Judged> lists_;
  std::vector<RankPoisonReport::Point> curve_;
};

Event PoisonPlay::as_sent(const Event& event) {
  if (clean_ || event.type != EventType::kClick || event.time_ms < from_ms_ || event.time_ms >= to_ms_)
    return event;
  const auto page = pages_.find(event.query_id);
  if (page == pages_.end()) return event;
  Event out = event;
  out.user = "program";
  out.item = page->second[Draw(hash_bytes(event.id)).below(page->second.size())];
  return out;
}

Status PoisonPlay::ask_others(const Request& request) {
  if (now_ < from_ms_) return {};
  if (frozen_ == nullptr) {
    frozen_ = copy_of_live();
    frozen_->freeze();
    frozen_clicks_ = copy_of_clicks();
    open_ = copy_of_live();
    RankerUpdates open = options_.settings.updates;
    open.gate = false;
    open_->configure(open);
  }
  TRY(asked_[kLive], list_of(&state_->ranker(), request));
  TRY(asked_[kOpen], list_of(open_.get(), request));
  TRY(asked_[kFrozen], list_of(frozen_.get(), request, frozen_clicks_.get()));
  return {};
}

void PoisonPlay::looked(const simulate::Visit& visit, double best) {
  if (frozen_ == nullptr) return;
  const double way =
      static_cast<double>(now_ - from_ms_) / static_cast<double>(std::max<TimeMs>(end_ms_ - from_ms_, 1));
  RankPoisonReport::Point& point =
      curve_[std::min(curve_.size() - 1, static_cast<size_t>(way * static_cast<double>(curve_.size())))];
  Judged& list = lists_.emplace_back();
  point.day = list.day = day_of(now_);
  ++point.lists;
  point.best += best;
  for (size_t arm = 0; arm < kArms; ++arm) list.clicks[arm] = clicks_of(asked_[arm], visit);
  point.live += list.clicks[kLive];
  point.open += list.clicks[kOpen];
  point.frozen += list.clicks[kFrozen];
}

RankPoisonReport::Span PoisonPlay::span_until(double day) const {
  RankPoisonReport::Span out;
  std::array<double, kArms> clicks{};
  for (const Judged& list : lists_) {
    if (list.day > day) continue;
    ++out.lists;
    for (size_t arm = 0; arm < clicks.size(); ++arm) clicks[arm] += list.clicks[arm];
  }
  const double frozen = clicks[kFrozen];
  const auto share = [&](size_t arm, double& deviation) {
    const double ratio = frozen > 0 ? clicks[arm] / frozen : 1;
    double squares = 0;
    for (const Judged& list : lists_) {
      const double off = list.clicks[arm] - ratio * list.clicks[kFrozen];
      if (list.day <= day) squares += off * off;
    }
    deviation = frozen > 0 ? std::sqrt(squares) / frozen : 0;
    return ratio;
  };
  out.live = share(kLive, out.live_deviation);
  out.open = share(kOpen, out.open_deviation);
  return out;
}

// What was done about the poison, and what the lists were worth until then and while it lasted.
void PoisonPlay::report(RankPoisonReport& out) const {
  out.days = days();
  out.curve = curve_;
  out.acted_day = out.days;
  for (const PublicationNote& note : state_->ranker().publication().report().notes) {
    if (note.time_ms < from_ms_) continue;
    const double day = day_of(note.time_ms);
    if (note.what == "hold" || note.what == "suspect" || note.what == "rollback" || note.what == "worse")
      out.acted_day = std::min(out.acted_day, day);
    char text[32];
    std::snprintf(text, sizeof text, "  day %.2f ", day);
    out.publication += text + note.what + (note.text.empty() ? "" : ": ") + note.text + "\n";
  }
  out.before = span_until(out.acted_day);
  out.lasting = span_until(out.days);
}

}  // namespace

Result<RankPoisonReport> evaluate_poison(const RankEvalOptions& asked, const RankPoison& poison) {
  RankPoisonReport report;
  report.options = asked;
  report.options.hours = 0;
  report.poison = poison;
  for (const bool clean : {false, true}) {
    Shop shop(report.options.shop);
    PoisonPlay game(shop, of_game(report.options, clean ? 1 : 0, 2), poison, clean);
    TRY_STATUS(game.open(true));
    TRY(const simulate::Verdict verdict, game.play());
    if (!clean) {
      game.report(report);
      continue;
    }
    report.clean_before = game.span_until(report.acted_day);
    report.clean_lasting = game.span_until(report.days);
  }
  return report;
}

}  // namespace freshet
