// The one entry of all doors: bodies and files in, valid events to a sink, refusals to the dead letters.
//
//   Ingest ingest(CleanerConfig::live(), &dead_letters);
//   LogSink sink(log);                                            // one per request
//   TRY(IngestResult result, ingest.events(body, {.door = "http", .source = "web", .now_ms = now}, sink));
//   log.commit(sink.end(), answer);                               // acknowledged = durable
//
// Good events of a body are taken, bad ones become dead letters and are named in the result. An error means:
// nothing more of this body was taken (what was, is known by its id, so the sender simply retries).
//   kInvalid      not JSON at all, or not an object, array or lines of objects; `what` has line and column
//   kExhausted    body or batch above its limit
//   kUnavailable  the sink could not take the events; retry
// Threads: any thread; work on the shared state is under one lock in portions of 256 events, and nothing
// waits for a disk under it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "event/event.h"
#include "ingest/body_kind.h"
#include "ingest/cleaner.h"
#include "ingest/dead_letters.h"
#include "ingest/file_options.h"
#include "ingest/report.h"
#include "ingest/sink.h"
#include "log/event_log.h"

namespace freshet {

struct Door {
  std::string_view door = "http";  // Written into dead letters.
  std::string_view source;         // Of events that bear none.
  TimeMs now_ms = kNoTime;         // The door's clock; kNoTime: none (history).
  TimeMs letter_ms = kNoTime;      // Time of dead letters when now_ms says none.
  bool history = false;            // What happened is taken however long ago that is.
};

enum class ItemChange : uint8_t { kUpsert, kUpdate };

struct FileProgress {
  uint64_t bytes_read = 0;   // Of the file as stored: the share done is bytes_read / bytes_total.
  uint64_t bytes_total = 0;  // 0: not known (standard input).
  uint64_t rows = 0;
  uint64_t events = 0;
};

class Ingest {
 public:
  // `letters` may be null: refusals are then only counted and reported. It must outlive this.
  Ingest(CleanerConfig config, DeadLetters* letters);
  ~Ingest();
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  // Events as JSON: one object, an array, {"events": [...]}, or one object a line.
  Result<IngestResult> events(std::string_view body, const Door& door, EventSink& sink,
                              BodyKind kind = BodyKind::kAuto);

  // Catalogue items as JSON: one object, an array, {"items": [...]}, or one object a line. `id` (or `item`)
  // names the item, everything else becomes attributes. kUpdate changes only what is present; null removes.
  Result<IngestResult> items(std::string_view body, ItemChange change, const Door& door, EventSink& sink,
                             BodyKind kind = BodyKind::kAuto);
  // The same for one item named by the path of a request; `body` is its object.
  Result<IngestResult> item(std::string_view id, std::string_view body, ItemChange change, const Door& door,
                            EventSink& sink);
  Result<IngestResult> delete_item(std::string_view id, const Door& door, EventSink& sink);

  // One event made by the program itself (an impression, a context feed): the same cleaning.
  Result<IngestResult> event(Event& event, const Door& door, EventSink& sink);

  // A file of events; "-": standard input. Plain, gzip or zstd by content. An error after some rows (damage
  // in the middle) leaves what was taken before; `progress` sees it last. `result` is filled as far as it
  // came, also when an error is returned.
  using Progress = std::function<void(const FileProgress&)>;
  Status import_file(const std::string& path, const FileOptions& options, const Door& door, EventSink& sink,
                     IngestResult& result, const Progress& progress = {});
  // The same with columns of bytes already in memory (tests, request bodies of type text/csv).
  Status import_text(std::string_view text, const FileOptions& options, const Door& door, EventSink& sink,
                     IngestResult& result);

  // Sends a dead letter through the door again; taken: it is removed. Otherwise it stays, with the new
  // reason.
  Result<IngestResult> replay(uint64_t letter, TimeMs now_ms, EventSink& sink);

  // Knows an event that is already on the log (its tail, at start): a retry of it is a duplicate.
  void remember(const Event& event);

  // Totals since the start, for metrics.
  IngestResult totals() const;
  size_t bytes() const;  // Memory of the cleaner's windows.
  const CleanerConfig& config() const;

  struct Rep;  // Of this room.

 private:
  std::unique_ptr<Rep> rep_;
};

// Puts events on a log, encoded once. append() appends; it does not wait for the disk: commit(end()) does.
class LogSink : public EventSink {
 public:
  explicit LogSink(EventLog& log) : log_(log) {}
  Status add(const Event& event) override;
  Status append() override;
  bool appended() const { return end_ != 0; }
  Offset end() const { return end_; }  // One past the last event this sink appended; 0: none.

 private:
  EventLog& log_;
  EventBatch batch_;
  Offset end_ = 0;
};

}  // namespace freshet
