// What a door answers: how much it took, and exactly what was wrong with the rest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace freshet {

// Why something was refused. Names are part of the API and of the dead letters: never renumber, only add.
enum class RejectReason : uint8_t {
  kMalformed = 0,  // "malformed": not JSON, not a row of this file, wrong quotes.
  kType = 1,       // "type": a field has the wrong type ("price": "cheap").
  kUnknown = 2,    // "unknown": an event type or enumerated value we do not know.
  kMissing = 3,    // "missing": a field that this event needs is not there.
  kRange = 4,      // "range": a number outside its limits, or not finite.
  kTooLong = 5,    // "too_long": id, text, line or list above its limit.
  kTooMany = 6,    // "too_many": fields, attributes or list elements above their limit.
  kTooDeep = 7,    // "too_deep": nesting above the limit.
  kEncoding = 8,   // "encoding": not valid UTF-8.
  kControl = 9,    // "control_character": in an id.
  kTime = 10,      // "time": not a time we can read.
  kTooOld = 11,    // "too_old": later than the door waits for.
  kFuture = 12,    // "future": event time ahead of the door's clock.
  kQuota = 13,     // "quota": this source sent more than its share; retry after retry_after_ms.
  kRobot = 14,     // "robot": part of a burst no shopper makes.
  kColumns = 15,   // "columns": the row has more or fewer columns than its header.
  kReserved = 16,  // "reserved": a name that only Freshet may write.
};
constexpr int kReasonCount = 17;

std::string_view reason_name(RejectReason reason);
bool parse_reason(std::string_view name, RejectReason& reason);

struct Rejection {
  uint64_t index = 0;  // Position of the event in the body or file, from 0.
  uint64_t line = 0;   // Line of the body or file, from 1; 0: not line based.
  RejectReason reason = RejectReason::kMalformed;
  std::string field;     // "price", "attributes.size.width", "byte 17"; may be empty.
  std::string expected;  // "a number from 0 to 1e+09"
  std::string got;       // The offending value, cut to 64 bytes; may be empty.

  std::string message() const;  // "line 3: price: expected a number from 0 to 1e+09, got -1 (range)"
};

constexpr size_t kRejectionsShown = 100;  // The rest is only counted.

struct IngestResult {
  uint64_t received = 0;    // Objects or rows seen (rows dropped by a filter included).
  uint64_t accepted = 0;    // Events on the log. One object may be several events (an order of three lines).
  uint64_t duplicates = 0;  // Events already taken: same source and id.
  uint64_t rejected = 0;    // Objects or rows refused, each a dead letter.
  uint64_t filtered = 0;    // Rows dropped by --where.
  uint64_t marked = 0;      // Accepted, but marked as robot-like.
  uint64_t reasons[kReasonCount] = {};  // rejected, by reason.
  std::vector<Rejection> errors;        // The first kRejectionsShown of them.
  TimeMs retry_after_ms = 0;            // Set when a quota refused something.

  void add(const Rejection& rejection);
  void merge(const IngestResult& other);
};

}  // namespace freshet
