// What stands between what was sent and the log: each event is checked, brought to one form, completed by
// policy, and counted once. docs/events.md says every rule for people.
//
// State is bounded and depends only on the events and the times passed in (never on a clock): the same calls
// give the same verdicts. Threads: one at a time (Ingest holds its lock). Cost: about 0.3 us for an event of
// five short ASCII fields; no allocation once warm.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "ingest/limits.h"
#include "ingest/report.h"

namespace freshet {

// What to do when a field that the event could bear is absent.
enum class MissingAction : uint8_t {
  kKeep,      // It stays absent.
  kReject,    // Refused, reason "missing".
  kDefault,   // The value declared.
  kPrevious,  // The last value of the field in an event of this type: of the same item if remembered, else
              // any.
  kMean,  // Running mean of the field in events of this type: of the same item, else of all. Numbers only.
};
struct MissingPolicy {
  std::string
      field;  // price, quantity, rating, result_count, currency, region, source, surface, session, time
  MissingAction action = MissingAction::kKeep;
  std::string value;  // kDefault: the value as text.
};
// "price=previous,quantity=default:1,currency=default:EUR,rating=reject,session=keep"
Result<std::vector<MissingPolicy>> parse_missing_policies(std::string_view text);

enum class RobotPolicy : uint8_t {
  kOff,
  kMark,        // Taken, with the attribute "freshet.robot" = true.
  kDeadLetter,  // Refused, reason "robot".
};
Result<RobotPolicy> parse_robot_policy(std::string_view text);  // off | mark | dead-letter

constexpr std::string_view kRobotMark = "freshet.robot";
// The catalogue beside the live one that an item belongs to, in our own export (Event::catalogue).
constexpr std::string_view kCatalogueMark = "freshet.catalogue";

struct CleanerConfig {
  IngestLimits limits;
  std::vector<MissingPolicy> missing = {{"quantity", MissingAction::kDefault, "1"}};  // Of carts and orders.
  bool require_shopper = true;  // Actions need a user or a session.
  // Attributes named "freshet.*" are taken, and what administrators did: only for our own export.
  bool take_reserved = false;
  // How many numbers an item's "_vector" must have; 0, or no function: any. Called on the threads that check.
  std::function<uint32_t()> vector_dim;
  double price_max = 1e9;
  double quantity_max = 1e6;
  double rating_min = -1000;
  double rating_max = 1000;
  // Event time against the door's clock; 0: no limit. Refused as "too_old" and "future".
  TimeMs late_ms_max = 30 * kDayMs;
  TimeMs future_ms_max = 10 * kMinuteMs;
  // The same without a clock: nothing may happen after this moment. One event of a wrong year would make
  // every decayed count before it look ages old.
  TimeMs latest_ms = kNoTime;
  // Duplicates: the last this many event ids are known; 0: none. 24 bytes each.
  size_t duplicate_window = 1 << 20;
  // An action with neither id nor time cannot be told from a true repetition: the same content at the same
  // place of a batch counts as a retry for this long at least, and twice as long at most.
  TimeMs retry_ms = 10 * kSecondMs;
  // Events a second and source, token bucket; 0: no quota.
  double quota_per_second = 0;
  double quota_burst = 10'000;
  // A shopper (or session) with at least robot_events item events within robot_window_ms of event time, at
  // least robot_distinct_share of them of different items, acts too fast to have looked at any.
  RobotPolicy robots = RobotPolicy::kMark;
  uint32_t robot_events = 120;
  TimeMs robot_window_ms = kMinuteMs;
  double robot_distinct_share = 0.5;
  size_t shoppers_watched = 1 << 16;  // 40 bytes each; the less active of two that collide is forgotten.

  // For the doors that take events as they happen.
  static CleanerConfig live();
  // For history: no clock to be late by, no quota, no robot marks, a shopper may be unknown.
  static CleanerConfig history();
};

enum class Verdict : uint8_t { kTake, kDuplicate, kReject };

class Cleaner {
 public:
  explicit Cleaner(CleanerConfig config);
  ~Cleaner();
  Cleaner(const Cleaner&) = delete;
  Cleaner& operator=(const Cleaner&) = delete;

  // First half: fills in what is missing by policy, brings every field to its final form, and checks it all.
  // now_ms is the door's clock, kNoTime: none. False: `rejection` gets reason, field, expected and got (index
  // and line are the caller's). Changes no memory of ids: an order of several lines is checked whole first.
  // `any_age`: whatever late_ms_max says.
  bool check(Event& event, TimeMs now_ms, Rejection& rejection, bool any_age = false);

  // Second half, for a checked event: quota, id, duplicates, robots. `content` identifies content and place
  // of an event without id: hash of the batch and position in it, so that an identical batch sent again
  // counts once.
  Verdict admit(Event& event, uint64_t content, TimeMs now_ms, Rejection& rejection);

  // The ids admitted since the last settle() become final, or are taken back when the log did not take
  // the events: their retry must not look like a duplicate.
  void settle(bool appended);

  // Knows the id of an event that is already on the log: called for the tail of the log at start, so that a
  // retry of an acknowledged batch counts once also across a restart.
  void remember(const Event& event);

  uint64_t marked() const;        // Robot marks so far.
  TimeMs retry_after_ms() const;  // After a quota rejection: when a token will be there.
  size_t bytes() const;
  const CleanerConfig& config() const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace freshet
