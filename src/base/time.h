// Time is event time: milliseconds since 1970-01-01T00:00:00Z, carried by the events. Folds know no clock.
#pragma once

#include <cstdint>

namespace freshet {

using TimeMs = int64_t;

constexpr TimeMs kSecondMs = 1000;
constexpr TimeMs kMinuteMs = 60 * kSecondMs;
constexpr TimeMs kHourMs = 60 * kMinuteMs;
constexpr TimeMs kDayMs = 24 * kHourMs;

}  // namespace freshet
