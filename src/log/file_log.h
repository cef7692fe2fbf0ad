// The event log of one node: checksummed segment files in one directory. Format: docs/formats/log.md.
//
// Group commit: appends write into the operating system's cache under one short lock; commits wait for an
// fdatasync, and all that wait while one runs share the next. Why files of our own and not a key-value store:
// docs/decisions/0030-segment-files-for-the-log.md.
//
// Failure: an append that cannot be written is taken back (truncated) and answered with kUnavailable; the log
// goes on when space is there again. After a failed fdatasync nothing is known of what the disk holds, so the
// log refuses appends and commits until it is opened again (Rebello et al. 2020, "Can applications recover
// from fsync failures?"). A directory is open in one process at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/file.h"
#include "log/event_log.h"

namespace freshet {

enum class Durability : uint8_t {
  kSync,      // commit() returns after fdatasync.
  kInterval,  // commit() returns at once; fdatasync every sync_interval_ms.
  kNone,      // commit() returns at once; the operating system writes when it likes.
};
// kInvalid: not one of sync, interval, none, naming it.
Result<Durability> parse_durability(std::string_view text);

struct FileLogOptions {
  Durability durability = Durability::kSync;
  int64_t sync_interval_ms = 1000;
  uint64_t segment_bytes = 256u << 20;   // A segment that reached this is closed and the next begun.
  uint64_t event_bytes_max = 1u << 20;   // Of one encoded event.
  uint64_t batch_bytes_max = 64u << 20;  // Of one append.
  bool read_only = false;                // For tools: takes no lock, repairs nothing, refuses appends.
};

struct SegmentInfo {
  std::string file;  // Name within the directory.
  Offset begin = 0;  // First event.
  Offset end = 0;    // One past its last event.
  uint64_t bytes = 0;
  int64_t created_ms = 0;  // Wall clock.
};

struct RetentionPolicy {
  int64_t age_ms_max = 0;  // 0: no limit. A segment is as old as its newest event is in this log.
  uint64_t bytes_max = 0;  // 0: no limit
};

// True for an event that names the person to be erased.
using NamesPerson = std::function<bool(const Event&)>;

struct EraseReport {
  uint64_t events_erased = 0;
  uint64_t segments_rewritten = 0;
  uint64_t segments_scanned = 0;
};

class FileLog : public EventLog {
 public:
  // Opens or creates. A torn tail (bytes of appends that were never acknowledged) is cut off with a line in
  // the diary. kCorrupt: damage elsewhere, naming segment and byte. kUnavailable: another process has it.
  static Result<std::unique_ptr<FileLog>> open(FileSystem& files, const std::string& dir,
                                               const FileLogOptions& options = {});

  virtual std::vector<SegmentInfo> segments() const = 0;

  // Removes whole segments from the front while the policy says so and all their events lie below
  // `snapshot` (what a snapshot already contains). Returns the new begin().
  virtual Result<Offset> retain(const RetentionPolicy& policy, Offset snapshot, int64_t now_ms) = 0;

  // Replaces every event that `names` by a kErased placeholder; offsets stay. Begins a new segment first, so
  // all that was appended before the call is covered. Each segment is replaced atomically: after a crash
  // erase() is simply called again. Appends go on meanwhile. Cursors opened earlier may still see the old.
  virtual Result<EraseReport> erase(const NamesPerson& names) = 0;

  // The proof: how many events of the whole log `names`; 0 after erase().
  virtual Result<uint64_t> count_named(const NamesPerson& names) = 0;

  // fdatasync calls so far, and how long the last one took; for metrics.
  virtual uint64_t syncs() const = 0;
};

// The predicate for one shopper: the event's user or user_to is `user`, or its session is in `sessions`.
NamesPerson names_person(std::string user, std::vector<std::string> sessions = {});

}  // namespace freshet
