// Other configurations of the ranker's linear learner, or other choices among its learners (rank/experts.h),
// in the shadow: each begins where the linear learner is, learns every lesson that it learns, and is asked by
// nobody. On each page with a click, before that is learned, all say how likely the clicked place was;
// always-valid tests (publish/betting.h) of each one's difference to what is live say when it is proved
// better, or worse, however often one looks. That any of n is called better without being so has a
// probability of at most kAlpha: each has kAlpha / n (Bonferroni). While the publication stands still
// (rank/publication.h), because answers are not believed or what is live may have become worse, they neither
// learn nor are compared: who learns poison faster foretells poison better.
//
//   difference   loss of what is live - loss of the challenger, nats a page, within +-kClip
//
// One of them may take the place of what is live. The others are compared anew from then on, with what they
// have learned; who had the place before challenges again.
//
// Threads: one; reports() of a copy by any. Memory: as the ranker's weights, for each.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

  // A learner of this configuration that begins with `words` (GaussWeights::trained_words).
  Challenger(RankerChallenger of, const GaussWeights::Config& config, std::span<const uint64_t> words);

  const RankerChallenger& of() const { return of_; }
  const GaussWeights& weights() const { return *weights_; }
  void learn(const RankLesson& lesson, float offset) {
    weights_->learn(lesson.row, lesson.head, offset, lesson.label, lesson.weight, lesson.taken);
  }
  void learn_pair(std::span<const uint32_t> chosen, std::span<const uint32_t> other, float weight) {
    weights_->learn_pair(chosen, other, 0, weight);
  }
  float drift() const { return weights_->drift(); }
  void set_drift(float drift) { weights_->set_drift(drift); }
  GaussWeights::Said say(std::span<const uint32_t> row) const {
    return weights_->say(row, 0, copy_bit(RankCopy::kTrained))[static_cast<size_t>(RankCopy::kTrained)];
  }

  void page(double learner_loss, double own_loss);  // Log losses of the clicked place.
  void compare_anew();
  // Of so many that are compared at once.
  bool better(size_t of) const { return better_most_ >= needed(of); }
  bool worse(size_t of) const { return worse_most_ >= needed(of); }
  ChallengerReport report(size_t of) const;

  void save(Writer& out) const;
  // What follows its name; has_most: files of version 6 on.
  static Result<Challenger> load(Reader& in, const GaussWeights::Config& config, std::string name,
                                 bool has_most);
  size_t bytes() const { return weights_->bytes(); }

 private:
  static double needed(size_t of);  // Log wealth.

  RankerChallenger of_;
  std::unique_ptr<GaussWeights> weights_;
  BettingTest better_{kAlpha}, worse_{kAlpha};
  double better_most_ = 0, worse_most_ = 0;  // Log wealth: what was proved stays proved.
};

// All that the settings name, but the one that has the place.
class Challengers {
 public:
  bool any() const { return !learning_.empty(); }
  auto begin() { return learning_.begin(); }
  auto end() { return learning_.end(); }
  auto begin() const { return learning_.begin(); }
  auto end() const { return learning_.end(); }
  size_t size() const { return learning_.size(); }
  const Challenger* find(std::string_view name) const;
  bool asks_deep() const;
  const std::string& promoted() const { return promoted_; }  // Who has the place; empty: who was declared.

  // Who is named from now on. Those that were go on; others begin where `from` is.
  void name(std::vector<RankerChallenger> named, const GaussWeights::Config& config,
            const GaussWeights& from);
  // Has the place, and is still named like this?
  bool promoted_among(std::span<const RankerChallenger> named) const;
  void promote(std::string name, const GaussWeights::Config& config, const GaussWeights& from);
  void take_back() { promoted_.clear(); }  // name() begins it again.

  // The one that is proved better and may take the place by itself, of several the one with most evidence.
  const Challenger* winner() const;
  std::vector<ChallengerReport> reports() const;

  void save(Writer& out) const;
  Status load(Reader& in, const GaussWeights::Config& config);
  // Of a file that knew one at most, and not who has the place: it is the one that is named and does not
  // learn.
  Status load_one(Reader& in, const GaussWeights::Config& config, std::vector<RankerChallenger> named);
  size_t bytes() const;

 private:
  std::vector<RankerChallenger> named_;
  std::string promoted_;
  std::vector<Challenger> learning_;
};

// The ranker's configuration with what the challenger has instead.
GaussWeights::Config challenger_config(GaussWeights::Config base, const RankerChallenger& of);

}  // namespace freshet
