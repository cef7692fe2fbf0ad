#include "publish/gate.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr uint64_t kWindowsFirst = 2;  // Until then nothing is known of what models usually gain.
constexpr double kFade = 0.8;          // Of the expected gain, a window.
constexpr double kFirst = 0.5;         // Of the first one that is known: one window says little.
constexpr uint64_t kPatience = 4;      // Windows a candidate without proof is looked at.

}  // namespace

std::string_view verdict_name(GateVerdict verdict) {
  constexpr std::string_view kNames[] = {"none",     "publish", "discard", "worse",
                                         "rollback", "suspect", "trusted"};
  return kNames[static_cast<size_t>(verdict)];
}

PublishGate::PublishGate(const GateConfig& config)
    : config_(config),
      worse_(config.alpha),
      learner_worse_(config.alpha),
      behind_(config.alpha),
      learner_gains_(config.alpha_suspect),
      candidate_better_(config.alpha_suspect) {}

void PublishGate::restart() {
  learner_was_worse_ = learner_worse_.proved();
  live_tells_ = mean(live_gain_) >= config_.kept * gain_;
  for (BettingTest* test : {&worse_, &learner_worse_}) test->restart();
  n_ = 0;
  live_ = candidate_ = learner_ = 0;
  live_gain_ = learner_gain_ = rate_ = 0;
}

void PublishGate::restart_poor() {
  live_poor_.restart();
  learner_poor_.restart();
}

GateVerdict PublishGate::end(GateVerdict verdict) {
  restart();
  return verdict;
}

GateVerdict PublishGate::add(const GateLosses& losses) {
  good_moves_ = false;
  ++n_;
  live_ += losses.live;
  candidate_ += losses.candidate;
  learner_ += losses.learner;
  const double live_gain = gain_of(losses.live, losses.rate);
  const double learner_gain = gain_of(losses.learner, losses.rate);
  live_gain_ += live_gain;
  learner_gain_ += learner_gain;
  rate_ += losses.rate;
  const double clip = config_.clip;
  worse_.add((losses.candidate - losses.live) / clip);
  learner_worse_.add((losses.learner - losses.live) / clip);
  if (gains()) {
    const double most = log_suspect() + 1;
    live_poor_.add((config_.kept * gain_ - live_gain) / config_.gain_range, most);
    learner_poor_.add((config_.kept * gain_ - learner_gain) / config_.gain_range, most);
  } else if (!suspect_) {
    restart_poor();
  }
  learner_gains_.add(learner_gain / config_.gain_range);
  candidate_better_.add((losses.live - losses.candidate) / clip);
  if (suspect_) return add_suspect();
  if (log_poor() >= log_suspect()) {
    suspect_ = true;
    world_windows_ = trusted_windows_ = 0;
    restart_poor();
    for (BettingTest* test : {&behind_, &learner_gains_, &candidate_better_}) test->restart();
    return end(GateVerdict::kSuspect);
  }
  if (behind_.add((losses.live - losses.good) / clip)) {
    behind_.restart();
    restart_poor();
    good_windows_ = 0;
    return end(GateVerdict::kRollback);
  }
  if (n_ < config_.judge) return GateVerdict::kNone;
  return at_judge();
}

double PublishGate::doubt() const {
  return std::max({0.0, behind_.log_wealth(), log_poor() - log_window()});
}

void PublishGate::save(Writer& out) const {
  for (const BettingTest* test : {&worse_, &learner_worse_, &behind_}) test->save(out);
  for (const ChangeDetector* one : {&live_poor_, &learner_poor_}) one->save(out);
  for (const BettingTest* test : {&learner_gains_, &candidate_better_}) test->save(out);
  for (const uint64_t number : {config_.judge, n_, good_windows_, world_windows_, windows_, trusted_windows_})
    out.u64(number);
  for (const double number :
       {live_, candidate_, learner_, live_gain_, learner_gain_, gain_, rate_, usual_rate_})
    out.f64(number);
  out.u8(static_cast<uint8_t>((suspect_ ? 1 : 0) | (good_moves_ ? 2 : 0) | (learner_was_worse_ ? 4 : 0) |
                              (live_tells_ ? 8 : 0)));
}

void PublishGate::load(Reader& in, bool by_window) {
  for (BettingTest* test : {&worse_, &learner_worse_, &behind_}) test->load(in);
  if (by_window) {
    BettingTest before(config_.alpha_suspect);
    for (int i = 0; i < 2; ++i) before.load(in);
    restart_poor();
  } else {
    for (ChangeDetector* one : {&live_poor_, &learner_poor_}) one->load(in);
  }
  for (BettingTest* test : {&learner_gains_, &candidate_better_}) test->load(in);
  for (uint64_t* number :
       {&config_.judge, &n_, &good_windows_, &world_windows_, &windows_, &trusted_windows_})
    *number = in.u64();
  for (double* number : {&live_, &candidate_, &learner_, &live_gain_, &learner_gain_, &gain_})
    *number = in.f64();
  rate_ = usual_rate_ = 0;
  if (!by_window)
    for (double* number : {&rate_, &usual_rate_}) *number = in.f64();
  const uint8_t flags = in.u8();
  suspect_ = (flags & 1) != 0;
  good_moves_ = (flags & 2) != 0;
  learner_was_worse_ = (flags & 4) != 0;
  live_tells_ = (flags & 8) != 0;
}

// A suspicion ends with a window whose labels can be told again, or with a world proved to be another one.
GateVerdict PublishGate::add_suspect() {
  if (n_ < config_.judge) return GateVerdict::kNone;
  const double gain = gain_now();
  const bool as_before = gain >= config_.kept * gain_ && log_poor() < log_suspect();
  const bool another = learner_gains_.proved() && candidate_better_.proved();
  world_windows_ = another ? world_windows_ + 1 : 0;
  trusted_windows_ = as_before ? trusted_windows_ + 1 : 0;
  learner_gains_.restart();
  candidate_better_.restart();
  restart_poor();
  const bool trusted = trusted_windows_ >= config_.trust_after;
  if (!trusted && world_windows_ < config_.new_world) {
    restart();
    return GateVerdict::kNone;
  }
  if (!trusted) gain_ = mean(learner_gain_);
  suspect_ = false;
  return end(GateVerdict::kTrusted);
}

GateVerdict PublishGate::at_judge() {
  if (worse_.proved()) return end(GateVerdict::kWorse);
  const double gain = gain_now();
  const bool as_good =
      mean(candidate_ - live_) <= config_.margin * mean(live_) && gain >= config_.kept * gain_;
  if (!as_good && n_ < kPatience * config_.judge) return GateVerdict::kNone;
  usual_rate_ = mean(rate_);
  // What is usual is not learned of labels that are in doubt: it would fade until nothing is missed.
  if (++windows_ >= kWindowsFirst && (as_good || log_poor() <= log_window()))
    gain_ = gain_ > 0 ? kFade * gain_ + (1 - kFade) * gain : kFirst * std::max(gain, 0.0);
  if (!as_good) return end(GateVerdict::kDiscard);
  if (++good_windows_ >= config_.good_after) {
    good_windows_ = 0;
    good_moves_ = true;
    behind_.restart();
  }
  return end(GateVerdict::kPublish);
}

}  // namespace freshet
