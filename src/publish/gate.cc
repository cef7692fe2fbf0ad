#include "publish/gate.h"

namespace freshet {
namespace {

constexpr uint64_t kWindowsFirst = 2;  // Until then nothing is known of what models usually gain.
constexpr double kFade = 0.8;          // Of the expected gain, a window.
constexpr uint64_t kPatience = 4;      // Windows a candidate without proof is looked at.

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr std::string_view kNames[] = {"none",     "publish", "discard", "worse",
                                         "rollback", "suspect", "trusted"};
  return kNames[static_cast<size_t>(verdict)];
}

Gate::Gate(const GateConfig& config)
    : config_(config),
      worse_(config.alpha),
      learner_worse_(config.alpha),
      behind_(config.alpha),
      live_poor_(config.alpha_suspect),
      learner_poor_(config.alpha_suspect),
      learner_gains_(config.alpha_suspect),
      candidate_better_(config.alpha_suspect) {}

void Gate::restart() {
  learner_was_worse_ = learner_worse_.proved();
  for (BettingTest* test : {&worse_, &learner_worse_, &live_poor_, &learner_poor_}) test->restart();
  n_ = 0;
  live_ = candidate_ = learner_ = 0;
  live_gain_ = learner_gain_ = 0;
}

Verdict Gate::end(Verdict verdict) {
  restart();
  return verdict;
}

Verdict Gate::add(const GateLosses& losses) {
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
    world_windows_ = 0;
    behind_.restart();
    return end(Verdict::kSuspect);
  }
  if (behind_.add((losses.live - losses.good) / clip)) {
    behind_.restart();
    good_windows_ = 0;
    return end(Verdict::kRollback);
  }
  if (n_ < config_.judge) return Verdict::kNone;
  return at_judge();
}

// A suspicion ends with a window whose labels can be told again, or with a world proved to be another one.
Verdict Gate::add_suspect() {
  if (n_ < config_.judge) return Verdict::kNone;
  const double gain = gain_now();
  const bool as_before = gain >= config_.kept * gain_ && !(live_poor_.proved() && learner_poor_.proved());
  const bool another = learner_gains_.proved() && candidate_better_.proved();
  world_windows_ = another ? world_windows_ + 1 : 0;
  learner_gains_.restart();
  candidate_better_.restart();
  if (!as_before && world_windows_ < config_.new_world) {
    restart();
    return Verdict::kNone;
  }
  if (!as_before) gain_ = mean(learner_gain_);
  suspect_ = false;
  return end(Verdict::kTrusted);
}

Verdict Gate::at_judge() {
  if (worse_.proved()) return end(Verdict::kWorse);
  const double gain = gain_now();
  const bool as_good =
      mean(candidate_ - live_) <= config_.margin * mean(live_) && gain >= config_.kept * gain_;
  if (!as_good && n_ < kPatience * config_.judge) return Verdict::kNone;
  if (++windows_ >= kWindowsFirst)
    gain_ = gain_ > 0 ? kFade * gain_ + (1 - kFade) * gain : std::max(gain, 0.0);
  if (!as_good) return end(Verdict::kDiscard);
  if (++good_windows_ >= config_.good_after) {
    good_windows_ = 0;
    good_moves_ = true;
    behind_.restart();
  }
  return end(Verdict::kPublish);
}

}  // namespace freshet
