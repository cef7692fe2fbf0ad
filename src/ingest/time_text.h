// Times as senders write them: numbers in some unit since 1970, or ISO 8601 text.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "ingest/file_options.h"

namespace freshet {

// The unit that a number of this size must have to mean a time between 1973 and 5138: below 1e11 seconds,
// below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
TimeUnit unit_by_magnitude(double number);
constexpr TimeMs kEarliestBySizeMs = 100'000'000'000;  // 1973-03-03: the earliest that all but seconds mean.

// `unit` kAuto: by magnitude. False: outside the years 1 to 9999.
bool time_from_number(double number, TimeUnit unit, TimeMs& time);
bool time_from_integer(int64_t number, TimeUnit unit, TimeMs& time);

// ISO 8601 / RFC 3339: 2026-01-02, 2026-01-02T03:04, 2026-01-02 03:04:05.678+01:00, 20260102T030405Z; without
// a zone it is UTC.
bool time_from_iso(std::string_view text, TimeMs& time);

// A number or ISO text. kAuto decides by its looks; any other unit takes nothing else.
bool time_from_text(std::string_view text, TimeUnit unit, TimeMs& time);
// The unit that `text` shows itself to have (kIso for text that is no number).
TimeUnit unit_of_text(std::string_view text);

// "2026-01-02T03:04:05.678Z"
std::string iso_time(TimeMs time);

}  // namespace freshet
