// What a replay measures: the flags of `freshet replay` as values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace freshet {

enum class EvalTask : uint8_t {
  kNone,      // Fold and learn only.
  kNextItem,  // From the second positive action of a group on: the item of the next one. Test, then learn.
  kBasket,    // One list per order of a known shopper who bought before; then its lines are learned.
  kLastItem,  // Everything but each group's last action is learned, then those are the targets. No clock.
};
enum class Grouping : uint8_t { kSession, kUser };

// Groups (or events) learned but not evaluated; all that is given must hold.
struct Warmup {
  uint64_t groups = 0;  // The first so many groups, in order of first appearance.
  double percent = 0;   // The same as a share of all groups, rounded down.
  uint64_t events = 0;  // The first so many positive item actions (lines, for baskets).
};

// How often what was learned reaches the recommender that answers. Shoppers' own sequences are always live:
// they are the question, not the answer.
struct UpdatePolicy {
  enum class Kind : uint8_t { kLive, kEvery, kFrozen, kGiven };  // kGiven: Evaluator::serve() says who.
  Kind kind = Kind::kLive;
  TimeMs every_ms = 0;        // kEvery: served as of the last full multiple of it, in event time.
  std::string name = "live";  // As written: "every=1h"
};

struct SampleShare {
  uint64_t keep = 1, of = 1;  // A fixed hash of the action's number keeps about keep / of of the targets.
  bool operator==(const SampleShare&) const = default;
};

struct Protocol {
  EvalTask task = EvalTask::kNone;
  Grouping group = Grouping::kSession;
  Warmup warmup;
  TimeMs eval_from_ms = INT64_MIN;
  bool allow_repeats = true;  // false: what the group already had is no candidate (as a target it is a miss).
  SampleShare sample;
  size_t k = 20;
  std::vector<UpdatePolicy> updates = {UpdatePolicy{}};  // The first one is reported in full.
  bool by_group = false;  // Groups are replayed whole, in order of first appearance, not as they interleaved.
  TimeMs session_gap_ms = 30 * kMinuteMs;  // Grouping by session when events name none.
};

Result<EvalTask> parse_task(std::string_view text);                      // next-item | basket | last-item
Result<Grouping> parse_grouping(std::string_view text);                  // session | user
Result<Warmup> parse_warmup(std::string_view text);                      // 5000 | 80% (of groups)
Result<SampleShare> parse_sample(std::string_view text);                 // 1/20 | 1
Result<TimeMs> parse_duration(std::string_view text);                    // 90s | 15min | 1h | 7d | 500ms
Result<std::vector<UpdatePolicy>> parse_updates(std::string_view text);  // live,every=1h,frozen
// Seconds, milliseconds (from 10^11 on) or ISO 8601 (2011-05-22, 2011-05-22T08:00:00Z).
Result<TimeMs> parse_moment(std::string_view text);

std::string_view task_name(EvalTask task);

}  // namespace freshet
