// One JSON object -> one or more events. The only file pair that knows simdjson.
//
// Nothing is checked here but shape: types of values, nesting, counts. What the values may be is the
// cleaner's to say. One reader per thread: it keeps its buffers.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/event.h"
#include "ingest/file_options.h"
#include "ingest/internal/fields.h"
#include "ingest/limits.h"
#include "ingest/report.h"

namespace freshet {

// Events that keep their capacity from one use to the next.
class EventPool {
 public:
  void clear() { used_ = 0; }
  size_t size() const { return used_; }
  Event& add() {
    if (used_ == events_.size()) events_.emplace_back();
    Event& event = events_[used_++];
    event.clear();
    return event;
  }
  void drop_to(size_t size) { used_ = size; }
  Event& operator[](size_t i) { return events_[i]; }

 private:
  std::deque<Event> events_;  // A deque: an event does not move while others are added.
  size_t used_ = 0;
};

// What a file says about its objects beyond their own names.
struct JsonPlan {
  std::vector<std::pair<std::string, Field>> keys;  // --map: key -> field; kNone: attribute of that name.
  std::vector<std::pair<Field, std::string>> set;   // --set: used where the object says nothing.
  std::vector<std::pair<std::string, EventType>> types;
  TimeUnit time_unit = TimeUnit::kAuto;
};

class JsonReader {
 public:
  explicit JsonReader(const IngestLimits& limits);
  ~JsonReader();

  // Adds the events of `json` to `out`: one, or one a line for an order with several. False: `rejection` has
  // reason, field, expected, got, and `out` is as it was.
  bool read_event(std::string_view json, const JsonPlan& plan, EventPool& out, Rejection& rejection);

  // An item object: `type` is kItemUpsert or kItemUpdate. A non-empty `id` names it; else its own id does.
  bool read_item(std::string_view json, EventType type, std::string_view id, EventPool& out,
                 Rejection& rejection);

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// Sets one field from text (a column, a constant). Lists and attributes are not fields in this sense.
bool set_field(Event& event, Field field, std::string_view text, TimeUnit unit, Rejection& rejection);

// Roughly the bytes of `event` in the log: what each line of an order, each item of a list repeats.
size_t repeated_bytes(const Event& event);
constexpr size_t kRepeatedBytesMax = 4 << 20;  // Of all lines of one order together.

// "view, click, ..." for errors.
std::string event_type_list();

}  // namespace freshet
