// Another configuration of the ranker's linear learner, or another choice among its learners
// (rank/experts.h), in the shadow: it begins where the linear learner is, learns every lesson that it learns,
// and is asked by nobody. On each page with a click, before that is learned, both say how likely the clicked
// place was; always-valid tests (publish/betting.h) of the difference say when it is proved better, or worse,
// however often one looks. While the publication stands still (rank/publication.h), because answers are not
// believed or what is live may have become worse, it neither learns nor is compared: who learns poison faster
// foretells poison better.
//
//   difference   loss of what is live - loss of the challenger, nats a page, within +-kClip
//
// Threads: one; report() of a copy by any. Memory: as the ranker's weights, while there is a challenger.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "publish/betting.h"
#include "rank/gauss_weights.h"
#include "rank/lesson.h"
#include "settings/ranker_settings.h"

namespace freshet {

struct ChallengerReport {
  RankerChallenger of;
  uint64_t pages = 0;
  double difference = 0;  // Mean; above 0: the challenger is better.
  double log_wealth_better = 0, log_wealth_worse = 0, log_wealth_needed = 0;
  bool better = false, worse = false;  // Proved
};

class Challenger {
 public:
  static constexpr double kAlpha = 0.01, kClip = 0.5;

  const RankerChallenger& of() const { return of_; }
  bool on() const { return weights_ != nullptr; }
  // A learner of this configuration that begins with `words` (GaussWeights::trained_words); an empty name:
  // none.
  void begin(const RankerChallenger& of, GaussWeights::Config config, std::span<const uint64_t> words);
  void end() { *this = Challenger(); }

  void learn(const RankLesson& lesson, float offset) {
    weights_->learn(lesson.row, lesson.head, offset, lesson.label, lesson.weight, lesson.taken);
  }
  void learn_pair(std::span<const uint32_t> chosen, std::span<const uint32_t> other, float weight) {
    weights_->learn_pair(chosen, other, 0, weight);
  }
  // Set to 0 for a pass over old lessons, as the learner's own is.
  float drift() const { return on() ? weights_->drift() : 0; }
  void set_drift(float drift) {
    if (on()) weights_->set_drift(drift);
  }
  GaussWeights::Said say(std::span<const uint32_t> row) const {
    return weights_->say(row, 0, copy_bit(RankCopy::kTrained))[static_cast<size_t>(RankCopy::kTrained)];
  }
  void page(double live_loss, double own_loss);  // Log losses of the clicked place.
  bool better() const { return better_.proved(); }
  const GaussWeights& weights() const { return *weights_; }
  ChallengerReport report() const;

  void save(Writer& out) const;
  Status load(Reader& in, const GaussWeights::Config& config);
  size_t bytes() const { return on() ? weights_->bytes() : 0; }

 private:
  RankerChallenger of_;
  std::unique_ptr<GaussWeights> weights_;
  BettingTest better_{kAlpha}, worse_{kAlpha};
};

// The ranker's configuration with what the challenger has instead.
GaussWeights::Config challenger_config(GaussWeights::Config base, const RankerChallenger& of);

}  // namespace freshet
