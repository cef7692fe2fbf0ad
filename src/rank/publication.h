// When what the ranker has learned goes live, and whether: one fold over how well it knew what was clicked.
//
//   event      with every lesson. What is live is compared with the last good version, which follows two
//              windows behind
//   batch      every window of clicked pages a candidate is frozen, judged on the next window, and published
//   interval   the same every so many seconds of event time;  nightly: once a day, at an hour (UTC)
//   hybrid     batch, and each night what is trained is led back over a sample of all that was ever learned
//              (the reservoir), a few lessons with each one that comes; then judged as any candidate
//
// The gate (publish/gate.h) compares candidate, live, last good version and learner on each page that is
// clicked, before that is learned: not worse: published; worse: held, and the learner goes back when it is
// worse itself; live worse than the last good version: that lives again; labels that teach nothing: nothing
// is published, and nothing is counted of them, until they do. In `event`, what is live stands still as soon
// as the evidence against it is e^2 to 1, long before it is proof.
//
// The controller (publish/controller.h) moves the window and, for a while after an alarm of the drift monitor
// (publish/drift.h; segment: the kind of page), how fast weights may change. Everything by event time and
// counts, so that every fold of a log decides the same. Threads: one; report() from any.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "fold/fold.h"
#include "publish/controller.h"
#include "publish/drift.h"
#include "publish/gate.h"
#include "rank/served_part.h"
#include "settings/ranker_settings.h"

namespace freshet {

// What happened to what is live.
struct PublicationNote {
  Offset at = 0;
  TimeMs time_ms = 0;
  std::string what;      // "publish", "worse", "rollback", "suspect", "trusted", "hold", "drift", "promote",
                         // "configured"
  uint64_t version = 0;  // That is live after it.
  std::string text;      // For people; may be empty.
};

struct PublicationReport {
  RankerUpdates updates;
  struct Learner {  // Who is asked, and how the linear one learns.
    RankLearner learner = RankLearner::kLinear;
    double prior = 1, caution = 1.3;
  };
  // What is in force, and what the settings say; a challenger that has taken the place: its name. Told by who
  // has the ranker.
  Learner learner, declared;
  std::string promoted;
  uint64_t live = 0, candidate = 0, good = 0;  // Versions; 0: none. Live: the last number given.
  bool held = false, suspect = false;
  uint64_t pages = 0, published = 0, held_count = 0, rollbacks = 0, suspicions = 0, drifts = 0, words = 0;
  uint64_t discarded = 0;                 // Candidates that stayed undecided too long.
  uint64_t window = 0, window_pages = 0;  // Of the window now: its length, and how far it is.
  double log_wealth_worse = 0, log_wealth_behind = 0, log_wealth_needed = 0;
  double live_loss = 0, difference = 0;  // Of the window: mean log loss of live; the candidate's less it
  double recent_loss = 0;                // Of live, of about the last 200 pages; judged or not
  uint64_t replaying = 0, reservoir = 0;
  std::vector<PublicationNote> notes;  // Oldest first.
};

class Publication {
 public:
  static constexpr size_t kNotes = 100;
  static constexpr double kHoldAt = 2;  // Of the logarithm of the evidence.

  // parts: live as long as this. base_drift: as the weights have it; set_drift: tells them another one.
  Publication(std::vector<ServedPart*> parts, std::function<void(double)> set_drift);

  // The setting, as often as it is said; a change takes effect at once.
  void configure(const RankerUpdates& updates);
  const RankerUpdates& updates() const { return updates_; }

  struct When {
    Offset at = 0;
    TimeMs now_ms = 0;
  };
  // A page with its first click, before that is learned: log losses of the place that was clicked, given that
  // one was; .rate: of who takes all places to be alike. segment: what moves together (kind of page).
  void page(const GateLosses& losses, std::string_view segment, When when);
  // After an event: schedules. True: a pass over the reservoir begins.
  bool tick(When when);
  void replayed(When when);  // The pass is through.
  // What people decide. kInvalid: there is no good version yet.
  Status roll_back(When when);
  void promoted(When when, std::string text);    // Another version was put there.
  void configured(When when, std::string text);  // Something else answers or learns: only noted.

  bool direct() const { return direct_; }
  bool replaying() const { return replaying_; }
  bool suspect() const { return gate_.suspect(); }
  bool standing() const { return held_ || gate_.suspect(); }  // Nothing of what comes in goes live.
  // Nothing speaks against what came in so far.
  bool calm() const { return !updates_.gate || (!standing() && gate_.calm()); }
  bool has_candidate() const { return candidate_ != 0; }
  uint64_t good() const { return good_; }
  // Called when the last good version has moved: its number.
  void on_good(std::function<void(uint64_t version, When when)> observer) { on_good_ = std::move(observer); }
  void on_note(std::function<void(const PublicationNote&)> observer) { on_note_ = std::move(observer); }
  PublicationReport report() const;

  void save(Writer& out) const;
  // form: 1 as in the ranker's sections before 9, 2 in those of 9, 3 as it is saved now.
  Status load(Reader& in, int form = 3);
  size_t bytes() const { return notes_.size() * sizeof(PublicationNote); }

 private:
  void each(void (ServedPart::*act)()) {
    for (ServedPart* part : parts_) (part->*act)();
  }
  bool event_mode() const { return updates_.mode == RankerUpdates::Mode::kEvent; }
  bool batches() const {
    return updates_.mode == RankerUpdates::Mode::kBatch || updates_.mode == RankerUpdates::Mode::kHybrid;
  }
  void note(When when, std::string what, std::string text);
  void freeze();
  void drop();
  void go_live(When when);
  void good_moves(When when);
  void put_on_probation();
  void stand(bool still);
  void hold(bool held, When when);
  void decide(GateVerdict verdict, When when);
  void end_window(When when);
  void schedule(TimeMs now_ms);
  void tell();

  const std::vector<ServedPart*> parts_;
  const std::function<void(double)> set_drift_;
  std::function<void(uint64_t, When)> on_good_;
  std::function<void(const PublicationNote&)> on_note_;
  RankerUpdates updates_;
  PublishGate gate_;
  Controller controller_;
  DriftMonitor drift_;
  bool direct_ = true, held_ = false;
  uint64_t live_ = 0, candidate_ = 0, good_ = 0, newest_ = 0, stepped_ = 0;
  uint64_t pages_ = 0, since_ = 0, frozen_words_ = 0;
  TimeMs next_ms_ = kNoTime, night_ms_ = kNoTime;  // When a candidate, a pass over the reservoir is due.
  bool replaying_ = false;
  bool probation_ = false;  // Of `event`, after going back: held until a window was as good as usual.
  bool due_ = false;        // Without a gate: a batch is full.
  double live_sum_ = 0, learner_sum_ = 0;
  double trial_ = 0;  // The learner's losses less live's, since it is on probation.
  uint64_t trial_n_ = 0;
  uint64_t published_ = 0, held_count_ = 0, rollbacks_ = 0, suspicions_ = 0, drifts_ = 0, words_ = 0;
  uint64_t discarded_ = 0;
  std::deque<PublicationNote> notes_;
  mutable std::mutex mutex_;  // Of reported_, held for a copy.
  PublicationReport reported_;
};

}  // namespace freshet
