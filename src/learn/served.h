// The served copy of a learner, and who decides about it: the learner trains; every `publish_every` labelled
// rows a candidate is frozen (publish/publisher.h), judged on the rows that follow (publish/gate.h), and
// published as a delta, which a replica applies (publish/delta.h); answers come from the replica's image.
//
//   held      the candidate was worse; when the learner itself is by then, too, or its weights are not
//             finite, it goes back to the state that what is live was made of
//   rollback  what is live was worse than the last good version, which is served again; the learner goes back
//   suspect   the labels teach nothing: nothing is published; labels of the last `quarantine` rows and of
//             those that come are not given on to features that are made of labels
//
// Without a gate every candidate is published at once. Deterministic given the rows. Threads: one.
#pragma once

#include <deque>
#include <functional>

#include "learn/learner.h"
#include "learn/progressive.h"
#include "publish/controller.h"
#include "publish/drift.h"
#include "publish/gate.h"

namespace freshet {

struct ServedConfig {
  uint64_t publish_every = 0;  // Rows; 0: the learner itself answers.
  bool gate = false;
  bool control = false;  // Interval, rate and fusion move (publish/controller.h).
  bool compare = false;  // Beside it, float rows published at the same moments: what rounding costs.
  uint64_t quarantine = 0;
  GateConfig limits;
};

struct ServedEvent {
  uint64_t row = 0;
  GateVerdict verdict = GateVerdict::kNone;
  uint64_t version = 0;
  size_t delta_bytes = 0;
  std::string note;
};

class Served {
 public:
  // make: a learner as the one given, for `compare`. kInvalid: the learner cannot be served apart.
  static Result<std::unique_ptr<Served>> make(const ServedConfig& config, Task task, Learner& learner,
                                              const std::function<std::unique_ptr<Learner>()>& make_learner);

  float score(const Sample& sample);  // What is answered.
  // A label has come, and the learner has not learned it yet; label: as the learner gets it.
  void observe(const Sample& sample, const std::string& segment);
  // Labels to be given on to features now, oldest first.
  void release(const std::function<void(const Sample&, double)>& give);
  void hold(const Sample& sample, double label) { held_.emplace_back(sample, label); }

  // Factor on the learner's rates, and on what the controller makes of them.
  void set_rate(float factor) {
    factor_ = factor;
    parameters_.set_rate(factor_ * controller_.rate());
  }

  bool gated() const { return config_.gate; }
  bool suspect() const { return gate_.suspect(); }
  const std::vector<ServedEvent>& events() const { return events_; }
  const std::vector<DriftAlarm>& drifts() const { return drifts_; }
  const Publisher& publisher() const { return publisher_; }
  const Replica& replica() const { return replica_; }
  const Controller& controller() const { return controller_; }
  const Progressive* compared() const { return compared_.get(); }  // Null: not asked for.
  float compared_score(const Sample& sample);
  void judge_compared(double score, double label, float weight) { compared_->add(score, label, weight); }
  uint64_t count(GateVerdict verdict) const { return counts_[static_cast<size_t>(verdict)]; }
  // Greatest and root mean square difference of served weights to those of the learner, now.
  struct RoundingError {
    double greatest = 0, rms = 0;
    size_t weights = 0;
  };
  RoundingError rounding_error() const;

 private:
  Served(const ServedConfig& config, Task task, Learner& learner, Publishable& parameters)
      : config_(config),
        task_(task),
        learner_(learner),
        parameters_(parameters),
        publisher_({.model = "learn"}, parameters.tables()),
        replica_(publisher_.model()),
        gate_(config.limits),
        controller_({.interval = config.publish_every}) {}

  double loss(float score, float label) const;
  double rate_loss(float label) const;
  void freeze();
  void drop_candidate();
  void publish();
  void decide(GateVerdict verdict);
  void go_back(const std::string& state);
  void note(GateVerdict verdict, size_t delta_bytes, std::string text);
  void send(const std::string& frame);
  void load(Learner& learner, const std::string& state) const;

  const ServedConfig config_;
  const Task task_;
  Learner& learner_;
  Publishable& parameters_;
  Publisher publisher_;
  Replica replica_;
  PublishGate gate_;
  Controller controller_;
  DriftMonitor drift_;
  std::vector<DriftAlarm> drifts_;
  std::vector<ServedEvent> events_;
  uint64_t counts_[8] = {};
  uint64_t row_ = 0, since_ = 0;  // Labelled rows; since the candidate was frozen, or since the last try.
  double rate_ = 0, rate_n_ = 0;  // Running mean of labels.
  std::shared_ptr<const Image> candidate_, other_, good_;
  std::string candidate_state_, live_state_, good_state_;  // Of the learner, when it was frozen.
  std::deque<std::pair<Sample, double>> held_;             // Labels in quarantine.
  std::unique_ptr<Learner> exact_;
  std::unique_ptr<Progressive> compared_;
  double live_sum_ = 0, learner_sum_ = 0;
  float factor_ = 1;
};

}  // namespace freshet
