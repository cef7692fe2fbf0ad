#include "log/log_tools.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr uint64_t kProgressEvery = 4096;

void count_event(const Event& event, size_t record_bytes, LogStats* stats) {
  ++stats->events;
  stats->record_bytes += record_bytes;
  ++stats->by_type[static_cast<size_t>(event.type)];
  if (event.time_ms == kNoTime) return;
  if (stats->time_ms_min == kNoTime || event.time_ms < stats->time_ms_min) stats->time_ms_min = event.time_ms;
  stats->time_ms_max = std::max(stats->time_ms_max, event.time_ms);
}

}  // namespace

Result<LogStats> verify_log(FileLog& log, const LogProgress& progress) {
  LogStats stats;
  stats.segments = log.segments();
  stats.begin = stats.segments.front().begin;
  stats.end = stats.segments.back().end;
  for (const SegmentInfo& segment : stats.segments) stats.file_bytes += segment.bytes;
  TRY(auto cursor, log.read(stats.begin));
  Event event;
  for (Offset at = stats.begin; at < stats.end; ++at) {
    TRY(const bool more, cursor->next());
    if (!more || cursor->offset() != at) return corrupt("log: offset " + std::to_string(at) + " is missing");
    if (const Status decoded = cursor->decode(event); !decoded.ok())
      return corrupt("log offset " + std::to_string(at) + ": " + decoded.error().what);
    count_event(event, cursor->record().size(), &stats);
    if (progress && stats.events % kProgressEvery == 0) progress(stats.events, stats.end - stats.begin);
  }
  if (progress) progress(stats.events, stats.end - stats.begin);
  return stats;
}

Result<uint64_t> export_log(EventLog& log, Offset from, Offset to,
                            const std::function<bool(Offset, const Event&)>& each) {
  TRY(auto cursor, log.read(from));
  Event event;
  uint64_t count = 0;
  while (from + count < to) {
    TRY(const bool more, cursor->next());
    if (!more) break;
    TRY_STATUS(cursor->decode(event));
    ++count;
    if (!each(cursor->offset(), event)) break;
  }
  return count;
}

}  // namespace freshet
