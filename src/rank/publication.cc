#include "rank/publication.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace freshet {
namespace {

constexpr double kAlarmBoost = 10;  // Of the drift of weights, for two windows after an alarm.
constexpr double kWordsMax = 200;   // A lesson: what publishing may cost.
constexpr double kDriftRange = 2;   // Of log loss over that of the rate, as the drift monitor takes it.
constexpr double kSumKeeps = 0.995;
constexpr size_t kSegments = 16;
// The learner has to be as good as what is live over about two windows: each window halves what was before.
constexpr double kTrialWindows = 1.5;

GateConfig gate_config(uint64_t judge) {
  GateConfig config;
  config.judge = judge;
  config.trust_after = 2;
  return config;
}

ControllerConfig controller_config() {
  ControllerConfig config;
  config.boost = static_cast<float>(kAlarmBoost);
  config.words_max = kWordsMax;
  return config;
}

std::string change_text(const DriftAlarm& alarm) {
  char text[120];
  std::snprintf(text, sizeof text, "%s: log loss less that of the rate %.4f to %.4f", alarm.segment.c_str(),
                (alarm.before - 0.5) * kDriftRange, (alarm.after - 0.5) * kDriftRange);
  return text;
}

TimeMs next_hour(TimeMs now_ms, uint32_t hour) {
  const TimeMs shift = static_cast<TimeMs>(hour) * kHourMs;
  TimeMs day = (now_ms - shift) / kDayMs;
  if (day * kDayMs + shift <= now_ms) ++day;
  return day * kDayMs + shift;
}

}  // namespace

Publication::Publication(std::vector<ServedPart*> parts, std::function<void(double)> set_drift)
    : parts_(std::move(parts)),
      set_drift_(std::move(set_drift)),
      gate_(gate_config(updates_.pages)),
      controller_(controller_config()),
      drift_(0.0005, kSegments) {
  controller_.set_interval(updates_.pages);
  set_drift_(updates_.drift);
}

void Publication::configure(const RankerUpdates& updates) {
  if (updates == updates_) return;
  const bool was_event = event_mode(), learns_otherwise = updates.drift != updates_.drift;
  updates_ = updates;
  drop();
  held_ = false;
  // How it learns now has to show itself before what it learns is live.
  const bool proven = updates_.gate && live_ != 0 && (learns_otherwise || probation_);
  probation_ = false;
  if (proven) put_on_probation();
  if (event_mode()) {
    direct_ = !updates_.gate || (!probation_ && !gate_.suspect());
    held_ = !direct_;
    if (direct_) each(&ServedPart::catch_up);
  } else {
    direct_ = false;
    if (was_event) stepped_ = 0;
  }
  for (ServedPart* part : parts_) part->set_direct(direct_);
  each(&ServedPart::unmark);
  controller_.set_interval(updates_.pages);
  gate_.set_judge(updates_.pages);
  gate_.begin();
  set_drift_(updates_.drift * static_cast<double>(controller_.rate()));
  next_ms_ = night_ms_ = kNoTime;
  due_ = true;
  replaying_ = replaying_ && updates_.mode == RankerUpdates::Mode::kHybrid;
  tell();
}

void Publication::note(When when, std::string what, std::string text) {
  notes_.push_back({when.at, when.now_ms, std::move(what), live_, std::move(text)});
  if (on_note_) on_note_(notes_.back());
  if (notes_.size() > kNotes) notes_.pop_front();
  const std::lock_guard lock(mutex_);
  reported_.notes.assign(notes_.begin(), notes_.end());
}

void Publication::drop() {
  each(&ServedPart::discard);
  candidate_ = 0;
}

void Publication::freeze() {
  each(&ServedPart::freeze);
  frozen_words_ = 0;
  for (const ServedPart* part : parts_) frozen_words_ += part->frozen();
  candidate_ = ++newest_;
  since_ = 0;
  gate_.begin();
}

// The candidate lives.
void Publication::go_live(When when) {
  each(&ServedPart::publish);
  live_ = candidate_;
  candidate_ = 0;
  ++published_;
  words_ += frozen_words_;
  if (!batches()) note(when, "publish", "");
}

void Publication::good_moves(When when) {
  each(&ServedPart::good_moves);
  good_ = live_;
  if (on_good_) on_good_(good_, when);
}

void Publication::put_on_probation() {
  probation_ = event_mode();
  trial_ = 0;
  trial_n_ = 0;
}

// Of `event`: does what is learned go live?
void Publication::stand(bool still) {
  held_ = still;
  direct_ = !still;
  // What came since answers began to be in doubt is not answered from.
  each(direct_ ? &ServedPart::catch_up : &ServedPart::back_to_mark);
  for (ServedPart* part : parts_) part->set_direct(direct_);
}

void Publication::hold(bool held, When when) {
  if (held == held_) return;
  stand(held);
  if (held) {
    ++held_count_;
    note(when, "hold",
         probation_ ? "what it learns has to show itself; what is live stands still"
                    : "answers are in doubt; what is live stands still, as it was before they were");
  }
}

void Publication::end_window(When when) {
  (void)when;
  if (updates_.adapt && !event_mode()) {
    const double words = since_ == 0 ? 0 : static_cast<double>(frozen_words_) / static_cast<double>(since_);
    if (batches()) controller_.window(live_sum_, learner_sum_, words);
    gate_.set_judge(controller_.interval());
  } else if (updates_.adapt) {
    controller_.calm();
  }
  if (updates_.adapt) set_drift_(updates_.drift * static_cast<double>(controller_.rate()));
}

void Publication::decide(GateVerdict verdict, When when) {
  // After a suspicion: where what is live still tells answers as it used to, the world is as before, and what
  // was learned meanwhile is of answers that taught nothing. Pages would not say so: they show what is live,
  // not what the learner would have put in front. In another world the learner has to be better.
  const bool back =
      gate_.learner_worse() || (verdict == GateVerdict::kTrusted &&
                                (gate_.live_tells() || (event_mode() && learner_sum_ >= live_sum_)));
  const auto go_back = [&] {
    drop();
    each(&ServedPart::go_back);
  };
  switch (verdict) {
    case GateVerdict::kNone:
      return;
    case GateVerdict::kPublish:
      if (event_mode()) {
        if (probation_ && static_cast<double>(trial_n_) >= kTrialWindows * updates_.pages && trial_ <= 0)
          probation_ = false;
        trial_ /= 2;
        trial_n_ /= 2;
        if (held_) break;
        each(&ServedPart::step);
        const bool known = stepped_ != 0;
        good_ = stepped_;
        stepped_ = live_ = ++newest_;
        ++published_;
        if (known && on_good_) on_good_(good_, when);
        break;
      }
      if (gate_.good_moves() && live_ != 0) good_moves(when);
      if (candidate_ != 0) go_live(when);
      break;
    case GateVerdict::kDiscard:
      discarded_ += candidate_ != 0 ? 1 : 0;
      break;
    case GateVerdict::kWorse:
      ++held_count_;
      note(when, "worse",
           std::string("the candidate is worse than what is live") +
               (back ? "; the learner goes back to that" : ""));
      if (back) go_back();
      break;
    case GateVerdict::kRollback:
      ++rollbacks_;
      each(&ServedPart::roll_back);
      candidate_ = 0;
      each(&ServedPart::go_back);
      live_ = stepped_ = good_;
      put_on_probation();
      note(when, "rollback", "what was live was worse than the last good version");
      break;
    case GateVerdict::kSuspect:
      ++suspicions_;
      put_on_probation();
      note(when, "suspect", "answers teach nothing any more: nothing of them goes live");
      break;
    case GateVerdict::kTrusted:
      note(
          when, "trusted",
          std::string("answers can be told again") + (back ? "; the learner goes back to what is live" : ""));
      if (back) {
        go_back();
        controller_.no_drift();
        if (updates_.adapt) set_drift_(updates_.drift);
      }
      break;
  }
  if (!event_mode()) drop();
}

void Publication::page(const GateLosses& losses, std::string_view segment, When when) {
  ++pages_;
  ++since_;
  live_sum_ = kSumKeeps * live_sum_ + losses.live;
  learner_sum_ = kSumKeeps * learner_sum_ + losses.learner;
  std::vector<DriftAlarm> alarms;
  if (!segment.empty())
    drift_.add(std::string(segment), std::clamp(0.5 + (losses.live - losses.rate) / kDriftRange, 0.0, 1.0),
               alarms);
  for (const DriftAlarm& alarm : alarms) {
    if (alarm.segment == "all" && alarms.size() > 1) continue;  // The segment says it better.
    ++drifts_;
    note(when, "drift", change_text(alarm));
    if (!updates_.adapt) continue;
    controller_.drift();
    set_drift_(updates_.drift * static_cast<double>(controller_.rate()));
  }
  if (!updates_.gate) {
    if (since_ < controller_.interval()) return;
    end_window(when);
    since_ = 0;
    if (event_mode()) return decide(GateVerdict::kPublish, when);
    due_ = true;
    return;
  }
  trial_ += losses.learner - losses.live;
  ++trial_n_;
  GateLosses given = losses;
  // Of `event` under suspicion: what would be live, to tell another world by.
  if (candidate_ == 0) given.candidate = event_mode() && gate_.suspect() ? given.learner : given.live;
  const GateVerdict verdict = gate_.add(given);
  if (verdict != GateVerdict::kNone) {
    end_window(when);
    decide(verdict, when);
  } else if (gate_.suspect() && gate_.n() == 0) {  // A newer candidate for the next window.
    if (!event_mode()) drop();
  }
  if (event_mode())
    hold(probation_ || gate_.suspect() || gate_.doubt() >= (held_ ? kHoldAt / 2 : kHoldAt), when);
  if (direct_ && calm()) each(&ServedPart::mark);
}

void Publication::schedule(TimeMs now_ms) {
  if (updates_.mode == RankerUpdates::Mode::kNightly) {
    next_ms_ = next_hour(now_ms, updates_.hour);
  } else {
    next_ms_ = now_ms + static_cast<TimeMs>(updates_.seconds) * kSecondMs;
  }
}

bool Publication::tick(When when) {
  bool night = false;
  if (updates_.mode == RankerUpdates::Mode::kHybrid) {
    if (night_ms_ != kNoTime && when.now_ms >= night_ms_ && !replaying_) night = replaying_ = true;
    if (night_ms_ == kNoTime || night) night_ms_ = next_hour(when.now_ms, updates_.hour);
  }
  if (!event_mode() && candidate_ == 0) {
    bool due = batches() && (updates_.gate || due_);
    due_ = false;
    if (!batches()) {
      due = next_ms_ != kNoTime && when.now_ms >= next_ms_;
      if (due || next_ms_ == kNoTime) schedule(when.now_ms);
    }
    if (due) {
      freeze();
      if (!updates_.gate) {
        go_live(when);
        good_moves(when);
      }
    }
  }
  tell();
  return night;
}

void Publication::replayed(When when) {
  replaying_ = false;
  note(when, "replay", "what was learned was led back over the reservoir");
  if (event_mode()) return;
  drop();
  if (batches() && updates_.gate) freeze();
}

Status Publication::roll_back(When when) {
  if (good_ == 0) return invalid("models: there is no version that is known to be good yet");
  each(&ServedPart::roll_back);
  candidate_ = 0;
  each(&ServedPart::go_back);
  live_ = stepped_ = good_;
  ++rollbacks_;
  gate_.begin();
  note(when, "rollback", "by hand");
  if (updates_.gate && event_mode()) {  // What it learns from now on has to show itself.
    put_on_probation();
    if (!held_) stand(true);
  }
  tell();
  return {};
}

void Publication::configured(When when, std::string text) {
  note(when, "configured", std::move(text));
}

void Publication::promoted(When when, std::string text) {
  candidate_ = 0;
  live_ = stepped_ = ++newest_;
  gate_.begin();
  if (event_mode() && updates_.gate) each(&ServedPart::mark);
  note(when, "promote", std::move(text));
  tell();
}

void Publication::tell() {
  const std::lock_guard lock(mutex_);
  PublicationReport& out = reported_;
  out.updates = updates_;
  out.live = live_;
  out.candidate = candidate_;
  out.good = good_;
  out.held = held_ || gate_.suspect();
  out.suspect = gate_.suspect();
  out.pages = pages_;
  out.published = published_;
  out.held_count = held_count_;
  out.rollbacks = rollbacks_;
  out.suspicions = suspicions_;
  out.drifts = drifts_;
  out.words = words_;
  out.discarded = discarded_;
  out.window = event_mode() ? updates_.pages : controller_.interval();
  out.window_pages = updates_.gate ? gate_.n() : since_;
  out.log_wealth_worse = gate_.worse().log_wealth();
  out.log_wealth_behind = gate_.behind().log_wealth();
  out.log_wealth_needed = -std::log(GateConfig().alpha);
  out.live_loss = gate_.live_loss();
  out.difference = gate_.difference();
  // Of the sum of shares that are kept of each page's loss: what they add up to.
  const double shares = (1 - std::pow(kSumKeeps, static_cast<double>(pages_))) / (1 - kSumKeeps);
  out.recent_loss = pages_ == 0 ? 0 : live_sum_ / shares;
  out.replaying = replaying_ ? 1 : 0;
}

PublicationReport Publication::report() const {
  const std::lock_guard lock(mutex_);
  return reported_;
}

void Publication::save(Writer& out) const {
  out.u8(static_cast<uint8_t>(updates_.mode));
  for (const uint32_t number : {updates_.pages, updates_.seconds, updates_.hour}) out.u32(number);
  for (const bool flag : {updates_.gate, updates_.adapt, direct_, held_, replaying_, due_, probation_})
    out.u8(flag ? 1 : 0);
  out.f64(updates_.drift);
  out.f64(updates_.replay);
  gate_.save(out);
  controller_.save(out);
  drift_.save(out);
  for (const uint64_t number : {live_, candidate_, good_, newest_, stepped_, pages_, since_, frozen_words_,
                                published_, held_count_, rollbacks_, suspicions_, drifts_, words_})
    out.u64(number);
  out.i64(next_ms_);
  out.i64(night_ms_);
  out.f64(live_sum_);
  out.f64(learner_sum_);
  out.f64(trial_);
  out.u64(trial_n_);
  out.u64(discarded_);
  out.varint(notes_.size());
  for (const PublicationNote& one : notes_) {
    out.varint(one.at);
    out.i64(one.time_ms);
    out.str(one.what);
    out.varint(one.version);
    out.str(one.text);
  }
}

Status Publication::load(Reader& in, int form) {
  updates_.mode = static_cast<RankerUpdates::Mode>(
      std::min<uint8_t>(in.u8(), static_cast<uint8_t>(RankerUpdates::Mode::kHybrid)));
  for (uint32_t* number : {&updates_.pages, &updates_.seconds, &updates_.hour}) *number = in.u32();
  for (bool* flag : {&updates_.gate, &updates_.adapt, &direct_, &held_, &replaying_, &due_, &probation_})
    *flag = in.u8() != 0;
  updates_.drift = in.f64();
  updates_.replay = in.f64();
  gate_.load(in, form < 2);
  controller_.load(in);
  drift_.load(in);
  for (uint64_t* number : {&live_, &candidate_, &good_, &newest_, &stepped_, &pages_, &since_, &frozen_words_,
                           &published_, &held_count_, &rollbacks_, &suspicions_, &drifts_, &words_})
    *number = in.u64();
  next_ms_ = in.i64();
  night_ms_ = in.i64();
  live_sum_ = in.f64();
  learner_sum_ = in.f64();
  trial_ = in.f64();
  trial_n_ = in.u64();
  discarded_ = form < 3 ? 0 : in.u64();
  notes_.clear();
  const uint64_t count = in.varint();
  for (uint64_t n = 0; n < count && in.ok(); ++n) {
    PublicationNote one;
    one.at = in.varint();
    one.time_ms = in.i64();
    one.what = in.str();
    one.version = in.varint();
    one.text = in.str();
    notes_.push_back(std::move(one));
  }
  if (!in.ok() || notes_.size() > kNotes) return corrupt("ranker: what was published is cut short");
  {
    const std::lock_guard lock(mutex_);
    reported_.notes.assign(notes_.begin(), notes_.end());
  }
  tell();
  return {};
}

}  // namespace freshet
