// Test, then learn: asks the model for the target before the model sees it, and keeps score.
//
// The order of calls for next-item, in stream order:
//   evaluator.next_item(event);  model.apply(event);  evaluator.learned(event);
// for baskets, in order of (first timestamp, order id):
//   evaluator.basket(lines);  for each line: model.apply(line), evaluator.learned(line);
// for last-item: learned() and apply() for all but the last of each group; then last_item() for each group.
//
// Publishing: a copy of the learned state answers for each update policy that is not live. `every`: the state
// as of the last full hour (day, ...) of event time, taken before the first event of the new hour is learned.
// `frozen`: the state when the first target past the warm-up comes. `given`: whom serve() named.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eval/groups.h"
#include "eval/metrics.h"
#include "eval/protocol.h"
#include "eval/replay_model.h"

namespace freshet {

// One target (or basket) as scored.
struct Outcome {
  uint64_t at = 0;  // Number of the target in the stream, from 1.
  Scores all;
  Scores novel;
  bool has_novel = false;  // Whether `novel` counts: the target was new to the group.
};

struct UpdateScores {
  std::string name;
  MeanScores all, novel;
  std::vector<Outcome> outcomes;
};

struct SourceScores {
  std::string name;
  MeanScores all, novel;    // The source's own list, alone.
  uint64_t credited = 0;    // Hits of the mixture in which this source spoke loudest.
  double log_loss_sum = 0;  // Over seen targets that the source knew.
  uint64_t log_loss_n = 0;
};

// One evaluated target, for the dump.
struct Judgement {
  uint64_t at = 0;
  const Event* event = nullptr;  // The target, or a line of the basket.
  uint64_t position = 0;         // In the group, from 1.
  std::vector<std::string_view> targets;
  const std::vector<Recommended>* items = nullptr;
  const std::vector<Recommended>* new_items = nullptr;  // Baskets: without what the customer had.
};

struct Evaluation {
  uint64_t eligible = 0;  // Targets past the warm-up, before sampling.
  uint64_t unseen = 0;    // Evaluated targets never seen before: misses.
  std::vector<UpdateScores> updates;
  std::vector<SourceScores> sources;
  std::vector<std::pair<size_t, MeanScores>> at_k;  // Of the first update policy, at smaller k.
  double log_loss_sum = 0;                          // Natural log; over seen targets, first update policy.
  uint64_t log_loss_n = 0;
  double predict_seconds = 0;
};

class Evaluator {
 public:
  Evaluator(const Protocol& protocol, ReplayModel& model, uint64_t warmup_groups);

  Status next_item(const Event& event, uint64_t group);
  Status basket(std::span<const Event> lines, uint64_t group);
  Status last_item(const Event& event, uint64_t group);
  // After the model applied a target: its group had it.
  void learned(const Event& event, uint64_t group);

  // Nothing is evaluated before this time: publications of earlier periods, which nobody would see, are left
  // out.
  void publish_from(TimeMs time_ms) { publish_from_ms_ = time_ms; }
  // Who answers for an update policy of kind kGiven from now on; null: nobody, and nothing is recorded for
  // it.
  void serve(size_t update, const Answerer* who) { servers_[update].given = who; }
  // Targets are evaluated while this is set (which it is at first).
  void evaluating(bool on) { evaluating_ = on; }
  void on_judgement(std::function<void(const Judgement&)> listener) { listener_ = std::move(listener); }
  const Evaluation& result() const { return result_; }
  const Groups& groups() const { return groups_; }
  // The share of hits among the last few thousand targets, for the progress line.
  double recent_recall() const { return recent_; }

 private:
  struct Server {                    // Who answers for one update policy.
    std::unique_ptr<Answerer> copy;  // null: the live one
    std::string learned;             // Published, not opened yet.
    int64_t period = INT64_MIN;
    bool published = false;
    const Answerer* given = nullptr;  // kGiven
  };

  static int64_t period_of(const UpdatePolicy& policy, TimeMs time_ms);
  void publish_due(TimeMs time_ms);
  void freeze();
  bool evaluated(const EventGroup* group, TimeMs time_ms);
  bool sampled() const;
  Result<const Answerer*> answerer(size_t update);
  RecommendQuery query(const Event& event, const EventGroup& group, bool allow_repeats, TimeMs now_ms);
  void mark_had(const EventGroup& group, bool had);
  Status judge_single(const Event& event, const EventGroup& group, TimeMs now_ms);
  void record(size_t update, const Outcome& outcome);
  void score_sources(const Inspection& seen, std::span<const ItemSlot> wanted, size_t relevant,
                     std::span<const size_t> ranks, MeanScores SourceScores::*mean);
  void score_losses(const Inspection& seen, ItemSlot target);
  void score_at_k(std::span<const size_t> ranks, size_t relevant);
  void sort_ties(std::vector<Recommended>& items) const;

  const Protocol protocol_;
  ReplayModel& model_;
  const uint64_t warmup_groups_;
  Groups groups_;
  std::vector<Server> servers_;  // One a policy of the protocol.
  std::vector<uint8_t> had_;     // By slot, set while one query is asked.
  TimeMs publish_from_ms_ = INT64_MIN;
  bool evaluating_ = true;
  uint64_t targets_ = 0;  // Learned so far.
  uint64_t type_counts_[kEventTypeCount] = {};
  EventType usual_type_ = EventType::kView;
  double recent_ = 0;
  std::function<void(const Judgement&)> listener_;
  Evaluation result_;
};

// Position of `target` in `items`, from 1; 0: not there.
size_t rank_of(std::span<const Recommended> items, ItemSlot target);

}  // namespace freshet
