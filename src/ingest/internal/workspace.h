// Buffers of one call of a door, reused by the next: a portion of events on their way to the log, and what
// refused ones become.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/dead_letters.h"
#include "ingest/ingest.h"
#include "ingest/internal/json_reader.h"
#include "ingest/internal/json_text.h"

namespace freshet {

constexpr size_t kPortion = 256;  // Objects or rows cleaned under one lock.
constexpr size_t kPortionBytes = 4 << 20;

// One object or row, read but not yet cleaned.
struct Staged {
  size_t first = 0;  // Its events in the pool.
  size_t count = 0;
  uint64_t content = 0;  // Identity of content and place, for events without id.
  uint64_t index = 0;
  uint64_t line = 0;
  size_t raw_at = 0;  // Its text: in the body, or in Workspace::raw.
  size_t raw_size = 0;
  bool refused = false;  // By the reader; `why` says so.
  Rejection why;
  std::string body;  // For a refused row: what to replay.
};

struct Workspace {
  explicit Workspace(const IngestLimits& limits) : reader(limits) {}

  Staged& stage() {
    if (used == staged.size()) staged.emplace_back();
    Staged& next = staged[used++];
    next.refused = false;
    next.body.clear();
    return next;
  }
  // Portions are bounded in bytes too: the log takes each as one append.
  bool full() const {
    return used >= kPortion || events.size() >= 4 * kPortion || raw_bytes >= kPortionBytes;
  }
  void clear() {
    used = 0;
    raw_bytes = 0;
    events.clear();
    raw.clear();
    letters.clear();
  }

  JsonReader reader;
  std::vector<JsonPiece> pieces;
  EventPool events;
  std::vector<Staged> staged;
  size_t used = 0;
  size_t raw_bytes = 0;  // Of what is staged.
  std::string raw;       // Texts of rows, which the read buffer does not keep.
  std::vector<DeadLetter> letters;
  bool keeps_letters = true;
};

// A letter that is sent again must not become a second letter.
enum class Letters : uint8_t { kKeep, kNone };

// What the shared state of all doors is.
struct Ingest::Rep {
  Rep(CleanerConfig config, DeadLetters* dead_letters) : cleaner(std::move(config)), letters(dead_letters) {}

  // Workspaces are as many as there are calls at once.
  std::unique_ptr<Workspace> borrow();
  void give_back(std::unique_ptr<Workspace> workspace);

  // Cleans what is staged, hands it to the sink, sets the refused aside, adds to `result`, clears the
  // workspace. `texts`: what raw_at points into. `kind`: what a letter is replayed as.
  Status take(Workspace& work, std::string_view texts, std::string_view kind, const Door& door,
              EventSink& sink, IngestResult& result);

  Result<IngestResult> take_body(std::string_view body, BodyKind kind, const Door& door, EventSink& sink,
                                 std::string_view letter_kind, std::string_view list_name,
                                 EventType item_type, Letters keep);

  Cleaner cleaner;  // Under mutex.
  TimeMs clockless_ms =
      kClocklessStartMs;  // Last time given to an event of a file without a clock. Under mutex.
  IngestResult totals;    // Under mutex.
  mutable std::mutex mutex;
  DeadLetters* const letters;
  std::mutex spare_mutex;
  std::vector<std::unique_ptr<Workspace>> spare;

 private:
  bool take_one(Workspace& work, Staged& staged, const Door& door, EventSink& sink, IngestResult& result,
                Status& failed);
  void set_aside(Workspace& work, const Staged& staged, std::string_view texts, std::string_view kind,
                 const Door& door);
};

// Sources of events that bear none.
inline void default_source(EventPool& events, size_t first, std::string_view source) {
  if (source.empty()) return;
  for (size_t i = first; i < events.size(); ++i)
    if (events[i].source.empty()) events[i].source = source;
}

}  // namespace freshet
