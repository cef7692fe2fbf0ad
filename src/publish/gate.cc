#include "publish/gate.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr uint64_t kWindowsFirst = 2;  // Until then nothing is known of what models usually gain.
constexpr double kFade = 0.8;          // Of the expected gain, a window.
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
      live_poor_(config.alpha_suspect),
      learner_poor_(config.alpha_suspect),
      learner_gains_(config.alpha_suspect),
      candidate_better_(config.alpha_suspect) {}

void PublishGate::restart() {
  learner_was_worse_ = learner_worse_.proved();
  for (BettingTest* test : {&worse_, &learner_worse_, &live_poor_, &learner_poor_}) test->restart();
  n_ = 0;
  live_ = candidate_ = learner_ = 0;
  live_gain_ = learner_gain_ = 0;
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
  const double clip = config_.clip;
  worse_.add((losses.candidate - losses.live) / clip);
  learner_worse_.add((losses.learner - losses.live) / clip);
  if (gain_ > 0) {
    live_poor_.add((config_.kept * gain_ - live_gain) / config_.gain_range);
    learner_poor_.add((config_.kept * gain_ - learner_gain) / config_.gain_range);
  }
  learner_gains_.add(learner_gain / config_.gain_range);
  candidate_better_.add((losses.live - losses.candidate) / clip);
  if (suspect_) return add_suspect();
  if (live_poor_.proved() && learner_poor_.proved()) {
    suspect_ = true;
    world_windows_ = trusted_windows_ = 0;
    for (BettingTest* test : {&behind_, &learner_gains_, &candidate_better_}) test->restart();
    return end(GateVerdict::kSuspect);
  }
  if (behind_.add((losses.live - losses.good) / clip)) {
    behind_.restart();
    good_windows_ = 0;
    return end(GateVerdict::kRollback);
  }
  if (n_ < config_.judge) return GateVerdict::kNone;
  return at_judge();
}

double PublishGate::doubt() const {
  return std::max({0.0, behind_.log_wealth(), std::min(live_poor_.log_wealth(), learner_poor_.log_wealth())});
}

void PublishGate::save(Writer& out) const {
  for (const BettingTest* test :
       {&worse_, &learner_worse_, &behind_, &live_poor_, &learner_poor_, &learner_gains_, &candidate_better_})
    test->save(out);
  for (const uint64_t number : {config_.judge, n_, good_windows_, world_windows_, windows_, trusted_windows_})
    out.u64(number);
  for (const double number : {live_, candidate_, learner_, live_gain_, learner_gain_, gain_}) out.f64(number);
  out.u8(static_cast<uint8_t>((suspect_ ? 1 : 0) | (good_moves_ ? 2 : 0) | (learner_was_worse_ ? 4 : 0)));
}

void PublishGate::load(Reader& in) {
  for (BettingTest* test :
       {&worse_, &learner_worse_, &behind_, &live_poor_, &learner_poor_, &learner_gains_, &candidate_better_})
    test->load(in);
  for (uint64_t* number :
       {&config_.judge, &n_, &good_windows_, &world_windows_, &windows_, &trusted_windows_})
    *number = in.u64();
  for (double* number : {&live_, &candidate_, &learner_, &live_gain_, &learner_gain_, &gain_})
    *number = in.f64();
  const uint8_t flags = in.u8();
  suspect_ = (flags & 1) != 0;
  good_moves_ = (flags & 2) != 0;
  learner_was_worse_ = (flags & 4) != 0;
}

// A suspicion ends with a window whose labels can be told again, or with a world proved to be another one.
GateVerdict PublishGate::add_suspect() {
  if (n_ < config_.judge) return GateVerdict::kNone;
  const double gain = gain_now();
  const bool as_before = gain >= config_.kept * gain_ && !(live_poor_.proved() && learner_poor_.proved());
  const bool another = learner_gains_.proved() && candidate_better_.proved();
  world_windows_ = another ? world_windows_ + 1 : 0;
  trusted_windows_ = as_before ? trusted_windows_ + 1 : 0;
  learner_gains_.restart();
  candidate_better_.restart();
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
  if (++windows_ >= kWindowsFirst)
    gain_ = gain_ > 0 ? kFade * gain_ + (1 - kFade) * gain : std::max(gain, 0.0);
  if (!as_good) return end(GateVerdict::kDiscard);
  if (++good_windows_ >= config_.good_after) {
    good_windows_ = 0;
    good_moves_ = true;
    behind_.restart();
  }
  return end(GateVerdict::kPublish);
}

}  // namespace freshet
