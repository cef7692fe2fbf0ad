// The wall clock and the stopwatch. Folds never ask either: their time is the event's.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace freshet {

TimeMs now_ms();          // Wall clock, milliseconds since 1970-01-01T00:00:00Z.
uint64_t monotonic_ns();  // Since some fixed moment of this boot; for durations only.

}  // namespace freshet
