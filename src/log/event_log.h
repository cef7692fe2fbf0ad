// The one source of truth: events numbered 0, 1, 2, ... without gaps. All other state may be deleted and
// folded again from here. Format: docs/formats/log.md.
//
// Implementations: FileLog (log/file_log.h), MemLog (log/mem_log.h, tests); each passes
// log/testing/event_log_suite.h. Threads: any thread may call anything; a Cursor belongs to one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "event/event.h"

namespace freshet {

// Events encoded once, into one contiguous buffer, as the log keeps them: each record behind its length
// (varint). A door fills one, appends it, clears it (capacity stays). Not thread-safe.
class EventBatch {
 public:
  void add(const Event& event);
  void add_record(std::string_view record);  // As encode_event() made it.
  void clear();

  size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  size_t bytes() const { return framed_.size(); }
  size_t largest() const { return largest_; }  // Bytes of the largest record.
  std::string_view framed() const { return framed_.bytes(); }

 private:
  Writer framed_;
  Writer scratch_;
  size_t count_ = 0;
  size_t largest_ = 0;
};

// Yields events in order, each once, and follows the tail. Must not outlive the log.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // Moves to the next event. At the tail it waits up to `timeout` for one to be appended; false: none came,
  // or the log was closed. kCorrupt: the stored bytes are damaged, with segment and byte; the cursor stays
  // where it is. kNotFound: retention dropped what comes next.
  virtual Result<bool> next(std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) = 0;
  // Of the event next() moved to. The view lives until the next call of next().
  virtual Offset offset() const = 0;
  virtual std::string_view record() const = 0;
  Status decode(Event& event) const;  // Reuses the capacity of `event`.
};

class EventLog {
 public:
  virtual ~EventLog() = default;

  // Appends all of `batch` or nothing; returns the offset of its first event. Cursors see it at once; it is
  // kept for certain only after commit() or sync(). An empty batch appends nothing and returns end().
  // kInvalid: an event or the batch is larger than the limit. kUnavailable: disk full, closed, or an earlier
  // write could not be made durable (then until reopened: what the disk holds is not known any more).
  virtual Result<Offset> append(const EventBatch& batch) = 0;

  // Acknowledgement: calls done() once every event below `upto` is as durable as the configured policy
  // promises, with kUnavailable if that cannot be. On another thread, or before commit() returns; done()
  // must be quick. Many waiting commits share one disk write (group commit).
  virtual void commit(Offset upto, std::function<void(Status)> done) = 0;
  // The same, waiting.
  virtual Status commit(Offset upto);

  // Returns when everything appended before the call survives loss of power, whatever the policy.
  virtual Status sync() = 0;

  // A cursor at `from` (at most end()). kNotFound: `from` was dropped by retention, or lies beyond the end.
  virtual Result<std::unique_ptr<Cursor>> read(Offset from) = 0;

  virtual Offset begin() const = 0;    // The first offset still kept.
  virtual Offset end() const = 0;      // The offset the next event will get.
  virtual Offset durable() const = 0;  // Every event below survives loss of power.

  // Makes everything durable, wakes waiting cursors and refuses further appends. Reading goes on.
  virtual Status close() = 0;
};

}  // namespace freshet
