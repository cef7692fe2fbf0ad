#include "ingest/time_text.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "ingest/internal/fields.h"

namespace freshet {
namespace {

constexpr TimeMs kYear1Ms = -62135596800000;      // 0001-01-01T00:00:00Z
constexpr TimeMs kYear10000Ms = 253402300800000;  // 10000-01-01T00:00:00Z

bool in_range(TimeMs time) {
  return time >= kYear1Ms && time < kYear10000Ms;
}

// Milliseconds = number * mul / div.
struct Scale {
  int64_t mul;
  int64_t div;
};
Scale scale_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return {1000, 1};
    case TimeUnit::kMicros:
      return {1, 1000};
    case TimeUnit::kNanos:
      return {1, 1'000'000};
    case TimeUnit::kMinutes:
      return {kMinuteMs, 1};
    case TimeUnit::kHours:
      return {kHourMs, 1};
    case TimeUnit::kDays:
      return {kDayMs, 1};
    default:
      return {1, 1};
  }
}

// Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant 2021, "chrono-compatible low-level date
// algorithms", days_from_civil).
int64_t days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

int days_in_month(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : text_(text) {}
  bool digits(int count, int& value) {
    value = 0;
    if (text_.size() < static_cast<size_t>(count)) return false;
    for (int i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return true;
  }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool done() const { return text_.empty(); }
  char next() const { return text_.empty() ? '\0' : text_.front(); }
  void skip() { text_.remove_prefix(1); }

 private:
  std::string_view text_;
};

bool read_fraction(IsoReader& in, int& millis) {
  int scale = 100;
  int count = 0;
  for (; in.next() >= '0' && in.next() <= '9'; in.skip(), ++count) {
    millis += (in.next() - '0') * scale;
    scale /= 10;  // Past the third digit: 0.
  }
  return count > 0;
}

// "Z", "+01:00", "+0100", "+01" or nothing.
bool read_zone(IsoReader& in, TimeMs& offset) {
  offset = 0;
  if (in.done() || in.take('Z') || in.take('z')) return true;
  const bool minus = in.next() == '-';
  if (!minus && in.next() != '+') return false;
  in.skip();
  int hours = 0, minutes = 0;
  if (!in.digits(2, hours) || hours > 23) return false;
  in.take(':');
  if (!in.done() && (!in.digits(2, minutes) || minutes > 59)) return false;
  offset = (minus ? -1 : 1) * (hours * kHourMs + minutes * kMinuteMs);
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

TimeUnit unit_by_magnitude(double number) {
  const double size = std::fabs(number);
  if (size < 1e11) return TimeUnit::kSeconds;
  if (size < 1e14) return TimeUnit::kMillis;
  return size < 1e17 ? TimeUnit::kMicros : TimeUnit::kNanos;
}

bool time_from_integer(int64_t number, TimeUnit unit, TimeMs& time) {
  if (unit == TimeUnit::kAuto) unit = unit_by_magnitude(static_cast<double>(number));
  if (unit == TimeUnit::kIso) return false;
  const Scale scale = scale_of(unit);
  TimeMs scaled = 0;
  if (__builtin_mul_overflow(number, scale.mul, &scaled)) return false;
  scaled = scaled / scale.div - (scaled % scale.div < 0 ? 1 : 0);
  if (!in_range(scaled)) return false;
  time = scaled;
  return true;
}

bool time_from_number(double number, TimeUnit unit, TimeMs& time) {
  if (unit == TimeUnit::kAuto) unit = unit_by_magnitude(number);
  if (unit == TimeUnit::kIso || !std::isfinite(number)) return false;
  const Scale scale = scale_of(unit);
  const double scaled =
      std::floor(number * static_cast<double>(scale.mul) / static_cast<double>(scale.div) + 1e-6);
  if (scaled < static_cast<double>(kYear1Ms) || scaled >= static_cast<double>(kYear10000Ms)) return false;
  time = static_cast<TimeMs>(scaled);
  return true;
}

bool time_from_iso(std::string_view text, TimeMs& time) {
  IsoReader in(trimmed(text));
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millis = 0;
  TimeMs offset = 0;
  if (!in.digits(4, year)) return false;
  const bool dashes = in.take('-');
  if (!in.digits(2, month) || (dashes && !in.take('-')) || !in.digits(2, day)) return false;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
  if (in.take('T') || in.take('t') || in.take(' ')) {
    if (!in.digits(2, hour)) return false;
    const bool colons = in.take(':');
    if (!in.digits(2, minute)) return false;
    if (colons ? in.take(':') : in.next() >= '0' && in.next() <= '9') {
      if (!in.digits(2, second)) return false;
      if ((in.take('.') || in.take(',')) && !read_fraction(in, millis)) return false;
    }
    while (in.take(' ')) {
    }
    if (in.take('U')) {  // "2026-01-02 03:04:05 UTC", as databases print it.
      if (!in.take('T') || !in.take('C')) return false;
    } else if (!read_zone(in, offset)) {
      return false;
    }
  }
  if (!in.done() || hour > 24 || minute > 59 || second > 60) return false;
  if (hour == 24 && (minute > 0 || second > 0)) return false;
  const TimeMs parsed = days_from_civil(year, month, day) * kDayMs + hour * kHourMs + minute * kMinuteMs +
                        second * kSecondMs + millis - offset;
  if (!in_range(parsed)) return false;
  time = parsed;
  return true;
}

TimeUnit unit_of_text(std::string_view text) {
  double number = 0;
  if (!parse_number(text, number)) return TimeUnit::kIso;
  // 20260102 is a date, not a moment of August 1970; no sender counts such seconds.
  if (trimmed(text).size() == 8 && number >= 19000101 && number < 21000101) {
    TimeMs ignored = 0;
    if (time_from_iso(text, ignored)) return TimeUnit::kIso;
  }
  return unit_by_magnitude(number);
}

bool time_from_text(std::string_view text, TimeUnit unit, TimeMs& time) {
  if (unit == TimeUnit::kIso) return time_from_iso(text, time);
  int64_t integer = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (unit == TimeUnit::kAuto && text.size() == 8 && unit_of_text(text) == TimeUnit::kIso)
      return time_from_iso(text, time);
    return time_from_integer(integer, unit, time);
  }
  double number = 0;
  if (parse_number(text, number)) return time_from_number(number, unit, time);
  return unit == TimeUnit::kAuto && time_from_iso(text, time);
}

std::string iso_time(TimeMs time) {
  int64_t days = time / kDayMs;
  int64_t rest = time % kDayMs;
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  // civil_from_days, the inverse of days_from_civil above.
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  char text[64];
  std::snprintf(text, sizeof(text), "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ",
                static_cast<long long>(year), static_cast<long long>(month), static_cast<long long>(day),
                static_cast<long long>(rest / kHourMs), static_cast<long long>(rest / kMinuteMs % 60),
                static_cast<long long>(rest / kSecondMs % 60), static_cast<long long>(rest % 1000));
  return text;
}

}  // namespace freshet
