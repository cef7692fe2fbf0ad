#include "eval/protocol.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace freshet {
namespace {

template <class T>
bool whole_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Error expected(std::string_view what, std::string_view got) {
  return invalid("expected " + std::string(what) + ", got '" + std::string(got) + "'");
}

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (Hinnant 2013, days_from_civil).
int64_t days_from_civil(int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<int64_t>(doe) - 719468;
}

}  // namespace

Result<EvalTask> parse_task(std::string_view text) {
  if (text == "next-item") return EvalTask::kNextItem;
  if (text == "basket") return EvalTask::kBasket;
  if (text == "last-item") return EvalTask::kLastItem;
  return expected("next-item, basket or last-item", text);
}

std::string_view task_name(EvalTask task) {
  switch (task) {
    case EvalTask::kNone:
      return "none";
    case EvalTask::kNextItem:
      return "next-item";
    case EvalTask::kBasket:
      return "basket";
    case EvalTask::kLastItem:
      return "last-item";
  }
  return "";
}

Result<Grouping> parse_grouping(std::string_view text) {
  if (text == "session") return Grouping::kSession;
  if (text == "user") return Grouping::kUser;
  return expected("session or user", text);
}

Result<Warmup> parse_warmup(std::string_view text) {
  Warmup warmup;
  if (text.ends_with('%')) {
    if (whole_number(text.substr(0, text.size() - 1), warmup.percent) && warmup.percent >= 0 &&
        warmup.percent <= 100)
      return warmup;
  } else if (whole_number(text, warmup.groups)) {
    return warmup;
  }
  return expected("a number of groups (5000) or a share of them (80%)", text);
}

Result<SampleShare> parse_sample(std::string_view text) {
  SampleShare sample;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    if (text == "1") return sample;
  } else if (whole_number(text.substr(0, slash), sample.keep) &&
             whole_number(text.substr(slash + 1), sample.of) && sample.keep > 0 && sample.keep <= sample.of) {
    return sample;
  }
  return expected("a share like 1/20", text);
}

Result<TimeMs> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    TimeMs ms;
  };
  const Unit units[] = {{"ms", 1}, {"min", kMinuteMs}, {"s", kSecondMs}, {"h", kHourMs}, {"d", kDayMs}};
  for (const Unit& unit : units) {
    int64_t count = 0;
    if (text.ends_with(unit.name) && whole_number(text.substr(0, text.size() - unit.name.size()), count) &&
        count > 0 && count <= 36500 * kDayMs / unit.ms)
      return count * unit.ms;
  }
  return expected("a duration like 90s, 15min, 1h or 7d", text);
}

Result<std::vector<UpdatePolicy>> parse_updates(std::string_view text) {
  std::vector<UpdatePolicy> policies;
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    UpdatePolicy policy;
    policy.name = word;
    if (word == "frozen") {
      policy.kind = UpdatePolicy::Kind::kFrozen;
    } else if (word.starts_with("every=")) {
      policy.kind = UpdatePolicy::Kind::kEvery;
      TRY(policy.every_ms, parse_duration(word.substr(6)));
    } else if (word != "live") {
      return expected("live, frozen or every=<duration>, separated by commas", word);
    }
    policies.push_back(std::move(policy));
    if (comma == text.size()) return policies;
    text.remove_prefix(comma + 1);
  }
}

Result<TimeMs> parse_moment(std::string_view text) {
  int64_t number = 0;
  if (whole_number(text, number)) return number >= 100'000'000'000 ? number : number * kSecondMs;
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int used = 0;
  const std::string copy(text);
  const int fields = std::sscanf(copy.c_str(), "%4d-%2u-%2u%n%*1[T ]%2u:%2u:%2u%n", &year, &month, &day,
                                 &used, &hour, &minute, &second, &used);
  const std::string_view rest = text.substr(static_cast<size_t>(used));
  const bool date_only = fields == 3 && rest.empty();
  if ((date_only || (fields == 6 && (rest.empty() || rest == "Z"))) && month >= 1 && month <= 12 &&
      day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60)
    return days_from_civil(year, month, day) * kDayMs + hour * kHourMs + minute * kMinuteMs +
           second * kSecondMs;
  return expected("seconds, milliseconds or a date like 2011-05-22", text);
}

}  // namespace freshet
