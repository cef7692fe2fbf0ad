// The freshness gap (eval/freshness.h) of recommendations, on a stream of events: what the three arms would
// have listed for the same targets. The online arm is the server's fold; the others are recommenders of the
// same kind and settings, taught with the same lessons.
#pragma once

#include "engine/shop_state.h"
#include "eval/event_source.h"
#include "eval/freshness.h"
#include "eval/protocol.h"

namespace freshet {

struct FreshnessOptions {
  Protocol protocol;  // Task next-item or basket; its updates, warm-up and sample are not used.
  StateConfig state;
  TimeMs hour_ms = kHourMs;
  size_t hours = 24;  // Sampled after half of the targets.
  std::span<const FreshnessTraining> trainings = kFreshnessTrainings;
  std::function<void(std::string_view what)> progress;
};

// `source` is read twice. kInvalid: too little to measure.
Result<FreshnessReport> freshness_of_events(EventSource& source, const FreshnessOptions& options);

}  // namespace freshet
