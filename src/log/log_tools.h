// Looking at a log: what `freshet log verify|stats|export|tail` print. None of them changes the log; all work
// on a log that another process has open (FileLogOptions::read_only).
#pragma once

#include <array>
#include <functional>

#include "log/file_log.h"

namespace freshet {

struct LogStats {
  Offset begin = 0;
  Offset end = 0;
  uint64_t events = 0;
  uint64_t record_bytes = 0;     // Encoded events alone.
  uint64_t file_bytes = 0;       // With headers and checksums.
  TimeMs time_ms_min = kNoTime;  // Event time.
  TimeMs time_ms_max = kNoTime;
  std::array<uint64_t, kEventTypeCount> by_type{};
  std::vector<SegmentInfo> segments;
};

// Called now and then with events seen and events in all.
using LogProgress = std::function<void(uint64_t done, uint64_t total)>;

// Reads every block of every segment, checks all checksums and that offsets have no gap, and decodes every
// event. kCorrupt: the first damage, naming segment and byte.
Result<LogStats> verify_log(FileLog& log, const LogProgress& progress = {});

// Calls `each` for the events [from, to) in order until it returns false. Returns how many it was called for.
Result<uint64_t> export_log(EventLog& log, Offset from, Offset to,
                            const std::function<bool(Offset, const Event&)>& each);

}  // namespace freshet
