// A replay: events in, the same fold as the server's, and what its predictions were worth.
//
//   ReplayReport report;
//   TRY_STATUS(replay(source, model, options, report));
//
// next-item in stream order streams; --by-group, baskets and standard input with a warm-up in percent keep
// the events (encoded) in memory. A warm-up in percent and last-item read the source twice, to count first.
#pragma once

#include <string>

#include "eval/evaluator.h"
#include "eval/event_source.h"
#include "eval/protocol.h"
#include "eval/replay_model.h"

namespace freshet {

struct ReplayOptions {
  Protocol protocol;
  std::function<void(const Judgement&)> judgement;  // Called for each evaluated target: the dump.
  // Called before each event or basket of a known group is judged: its time, and who judges.
  std::function<Status(TimeMs, Evaluator&)> before;
  std::function<Status(const Evaluator&)> after;  // Called at the end.
  // Called now and then: which phase, the position, events folded so far, recall lately (NaN: nothing yet).
  std::function<void(std::string_view phase, EventSource::Position, uint64_t events, double recall)> progress;
};

struct ReplayReport {
  Protocol protocol;
  Evaluation evaluation;
  IngestResult ingested;
  uint64_t events = 0;         // Folded.
  uint64_t targets = 0;        // Of them positive item actions.
  uint64_t groups = 0;         // Met while evaluating.
  uint64_t warmup_groups = 0;  // Resolved from percent.
  double seconds = 0;          // Wall time of the fold, with reading and evaluating.
  double cpu_seconds = 0;      // Of the process, for the same stretch.
  uint64_t peak_rss_bytes = 0;
  uint64_t state_hash = 0;
  // Filled by the caller, who knows the model.
  uint64_t items = 0, shoppers = 0, state_bytes = 0;
};

Status replay(EventSource& source, ReplayModel& model, const ReplayOptions& options, ReplayReport& report);

}  // namespace freshet
