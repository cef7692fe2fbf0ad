// Who may live. A candidate (frozen parameters, as they would be served) and what is live score the same
// fresh examples, none of which the candidate has learned; so do the last good version and the learner
// itself. Every comparison is an always-valid sequential test (betting.h) of differences of progressive
// losses:
//
//   worse      candidate - live has a mean above 0: hold, alarm; the learner goes back
//   rollback   live - last good has a mean above 0: the last good version lives again
//   suspect    neither live nor learner gain half of what they used to over the running rate of labels: the
//              labels teach nothing. Hold, alarm, until they do again. Labels made up or mixed up make every
//              model look bad and the most timid the least; comparing losses alone would publish it. Asked of
//              every example on (ChangeDetector), not from the window's first one.
//   publish    after `judge` examples none of it, the mean is not above 0 by more than `margin`, and half of
//              the usual gain was there
//   discard    that stayed undecided for four times as long, without proof: a newer candidate, please
//
// Gains count within +-`gain_range`, so that a few rare labels cannot make or hide a proof.
// The last good version moves on to the live one after `good_after` judged candidates without a rollback.
// A world that changed for good ends a suspicion, too: when the learner, which goes on learning meanwhile, is
// proved better than the running rate and the candidate better than what is live, `new_world` windows long.
// Deterministic: a fold over the losses. Threads: one.
#pragma once

#include <cmath>
#include <string_view>

#include "publish/betting.h"

namespace freshet {

struct GateConfig {
  uint64_t judge = 1000;         // Examples a candidate is looked at.
  double alpha = 0.01;           // Of worse and rollback: of every good candidate or version at most so many.
  double alpha_suspect = 0.001;  // Of suspect: of every window of `judge` examples at most so many.
  double clip = 0.25;            // Differences of losses beyond it count as it.
  double margin = 0.002;         // Of live's loss.
  double gain_range = 1;
  double kept = 0.5;  // Share of the gain that is still believed.
  // Of the running rate's loss: who usually gains less knows nothing that labels could cease to tell.
  double gain_least = 0.02;
  uint64_t good_after = 8;
  uint64_t new_world = 8;
  uint64_t trust_after = 1;  // Windows in a row with labels as before, that end a suspicion.
};

// Losses of one example, as each would have answered before it was known.
struct GateLosses {
  double live = 0, candidate = 0, good = 0, learner = 0;
  double rate = 0;  // Of the running rate of labels.
};

enum class GateVerdict : uint8_t { kNone, kPublish, kDiscard, kWorse, kRollback, kSuspect, kTrusted };
std::string_view verdict_name(GateVerdict verdict);

class PublishGate {
 public:
  explicit PublishGate(const GateConfig& config);

  // One example; what follows from it. After kPublish, kDiscard, kWorse and kTrusted a new candidate is
  // judged from the next example on; after kRollback and kSuspect too.
  GateVerdict add(const GateLosses& losses);
  bool learner_worse() const { return learner_was_worse_; }  // When the last verdict fell.
  bool live_tells() const { return live_tells_; }            // Then, as well as it used to.
  bool suspect() const { return suspect_; }
  // At a publication: what was live is now the last good version.
  bool good_moves() const { return good_moves_; }
  // A new candidate is judged from the next example on.
  void begin() {
    restart();
    restart_poor();
  }
  // Logarithm of how much the evidence speaks against what is live, short of proof: worse than the last good
  // version, or labels that teach nothing; 0: nothing does. Where nothing is wrong a window comes to x with
  // probability exp(-x) at most.
  double doubt() const;
  // Nothing speaks for it now that labels teach both, live and learner, less than they used to: if they turn
  // out to, then since a later example. Where what is live is merely old, the learner tells them.
  bool calm() const { return live_poor_.calm() || learner_poor_.calm(); }
  void save(Writer& out) const;
  // by_window: as it was saved when poor labels were tested anew in each window (ranker sections before 9).
  void load(Reader& in, bool by_window = false);
  void set_judge(uint64_t examples) { config_.judge = std::max<uint64_t>(examples, 1); }

  uint64_t n() const { return n_; }                               // Examples of this candidate.
  double difference() const { return mean(candidate_ - live_); }  // Its mean loss less live's.
  double gain_expected() const { return gain_; }                  // Over the running rate; 0: not known yet.
  double live_loss() const { return mean(live_); }
  double learner_loss() const { return mean(learner_); }
  const BettingTest& worse() const { return worse_; }    // Of the candidate against live.
  const BettingTest& behind() const { return behind_; }  // Of live against the last good version.

 private:
  double mean(double sum) const { return n_ == 0 ? 0 : sum / static_cast<double>(n_); }
  double gain_of(double loss, double rate) const {
    return std::clamp(rate - loss, -config_.gain_range, config_.gain_range);
  }
  bool gains() const { return gain_ > config_.gain_least * usual_rate_; }
  double gain_now() const { return mean(std::max(live_gain_, learner_gain_)); }
  double log_poor() const { return std::min(live_poor_.log_wealth(), learner_poor_.log_wealth()); }
  double log_window() const { return std::log(static_cast<double>(config_.judge)); }
  // What a test a window would need, wherever in it the change falls.
  double log_suspect() const { return log_window() - std::log(config_.alpha_suspect); }
  GateVerdict end(GateVerdict verdict);
  void restart();
  void restart_poor();
  GateVerdict add_suspect();
  GateVerdict at_judge();

  GateConfig config_;
  BettingTest worse_, learner_worse_, behind_;
  ChangeDetector live_poor_, learner_poor_;
  BettingTest learner_gains_, candidate_better_;
  uint64_t n_ = 0, good_windows_ = 0, world_windows_ = 0, windows_ = 0, trusted_windows_ = 0;
  double live_ = 0, candidate_ = 0, learner_ = 0;
  double live_gain_ = 0, learner_gain_ = 0, rate_ = 0;
  double gain_ = 0, usual_rate_ = 0;  // Of windows before: gain, and loss of the running rate.
  bool suspect_ = false, good_moves_ = false, learner_was_worse_ = false, live_tells_ = false;
};

}  // namespace freshet
