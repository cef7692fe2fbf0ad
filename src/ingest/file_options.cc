#include "ingest/file_options.h"

#include "ingest/internal/fields.h"

namespace freshet {
namespace {

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// Calls each("name", "value") for "name=value,name=value".
template <class Each>
Status for_pairs(std::string_view text, std::string_view what, const Each& each) {
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, comma);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == pair.size())
      return invalid(std::string(what) + ": expected name=value, got " + quoted(pair));
    TRY_STATUS(each(pair.substr(0, equals), pair.substr(equals + 1)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

template <class T, size_t N>
Result<T> parse_choice(std::string_view what, std::string_view text,
                       const std::pair<std::string_view, T> (&choices)[N]) {
  std::string expected;
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
    expected += (expected.empty() ? "" : ", ") + std::string(name);
  }
  return invalid(std::string(what) + ": expected one of " + expected + "; got " + quoted(text));
}

}  // namespace

Result<std::vector<ColumnMap>> parse_map(std::string_view text) {
  std::vector<ColumnMap> map;
  TRY_STATUS(for_pairs(text, "column map", [&](std::string_view field, std::string_view column) -> Status {
    for (const ColumnMap& earlier : map)
      if (earlier.field == field) return invalid("column map: " + quoted(field) + " is given twice");
    map.push_back({std::string(field), std::string(column)});
    return {};
  }));
  return map;
}

Result<std::vector<std::pair<std::string, EventType>>> parse_types(std::string_view text) {
  std::vector<std::pair<std::string, EventType>> types;
  TRY_STATUS(for_pairs(text, "types", [&](std::string_view value, std::string_view name) -> Status {
    const std::optional<EventType> type = parse_event_type(name);
    if (!type) return invalid("types: " + quoted(name) + " is no event type");
    types.emplace_back(std::string(value), *type);
    return {};
  }));
  return types;
}

Result<Condition> parse_condition(std::string_view text) {
  using Op = Condition::Op;
  constexpr std::pair<std::string_view, Op> kOps[] = {
      {"!~", Op::kNoMatch},      {"!=", Op::kNotEqual}, {"<=", Op::kLessEqual},
      {">=", Op::kGreaterEqual}, {"==", Op::kEqual},    {"~", Op::kMatch},
      {"=", Op::kEqual},         {"<", Op::kLess},      {">", Op::kGreater},
  };
  // The operator that begins first; of two that begin there, the longer one stands first in the table.
  size_t at = text.size();
  const std::pair<std::string_view, Op>* found = nullptr;
  for (const auto& op : kOps) {
    const size_t place = text.find(op.first);
    if (place != std::string_view::npos && place < at) {
      at = place;
      found = &op;
    }
  }
  if (found == nullptr || at == 0)
    return invalid("condition " + quoted(text) +
                   ": expected column and value with one of ~ !~ = != < <= > >= between");
  Condition condition;
  condition.column = text.substr(0, at);
  while (!condition.column.empty() && condition.column.back() == ' ') condition.column.pop_back();
  condition.op = found->second;
  std::string_view value = text.substr(at + found->first.size());
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  condition.value = value;
  const bool orders = condition.op == Op::kLess || condition.op == Op::kLessEqual ||
                      condition.op == Op::kGreater || condition.op == Op::kGreaterEqual;
  double ignored = 0;
  if (orders && !parse_number(condition.value, ignored))
    return invalid("condition " + quoted(text) + ": expected a number after " + std::string(found->first));
  return condition;
}

Result<FileFormat> parse_file_format(std::string_view text) {
  constexpr std::pair<std::string_view, FileFormat> kChoices[] = {
      {"auto", FileFormat::kAuto},       {"json", FileFormat::kJsonLines},
      {"jsonl", FileFormat::kJsonLines}, {"csv", FileFormat::kCsv},
      {"tsv", FileFormat::kTsv},         {"merchant", FileFormat::kMerchant},
      {"json-ld", FileFormat::kJsonLd},  {"segment", FileFormat::kSegment},
      {"ga4", FileFormat::kGa4},         {"retail", FileFormat::kRetail},
      {"ubi", FileFormat::kUbi},         {"metarank", FileFormat::kMetarank}};
  return parse_choice("file format", text, kChoices);
}

Result<TimeUnit> parse_time_unit(std::string_view text) {
  constexpr std::pair<std::string_view, TimeUnit> kChoices[] = {
      {"auto", TimeUnit::kAuto}, {"s", TimeUnit::kSeconds}, {"ms", TimeUnit::kMillis},
      {"us", TimeUnit::kMicros}, {"ns", TimeUnit::kNanos},  {"min", TimeUnit::kMinutes},
      {"h", TimeUnit::kHours},   {"d", TimeUnit::kDays},    {"iso", TimeUnit::kIso}};
  return parse_choice("time unit", text, kChoices);
}

std::string_view time_unit_name(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return "seconds since 1970";
    case TimeUnit::kMillis:
      return "ms since 1970";
    case TimeUnit::kMicros:
      return "us since 1970";
    case TimeUnit::kNanos:
      return "ns since 1970";
    case TimeUnit::kMinutes:
      return "minutes since 1970";
    case TimeUnit::kHours:
      return "hours since 1970";
    case TimeUnit::kDays:
      return "days since 1970";
    default:
      return "ISO 8601";
  }
}

}  // namespace freshet
