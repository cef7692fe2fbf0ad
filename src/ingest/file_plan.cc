#include "ingest/internal/file_plan.h"

#include <algorithm>
#include <charconv>

namespace freshet {
namespace {

// An expression is tried on no more than this: the library's matcher recurses with the length of the text.
constexpr size_t kMatchedBytesMax = 1024;

void upper_ascii(std::string& text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_position(std::string_view text, size_t& position) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  return error == std::errc() && end == text.data() + text.size() && position >= 1;
}

// The column of a name or 1-based number.
Result<size_t> find_column(std::string_view name, const std::vector<std::string>& header,
                           std::string_view what) {
  for (size_t i = 0; i < header.size(); ++i)
    if (header[i] == name) return i;
  for (size_t i = 0; i < header.size(); ++i)
    if (same_name(header[i], name)) return i;
  size_t position = 0;
  if (is_position(name, position)) {
    if (header.empty() || position <= header.size()) return position - 1;
    return invalid(std::string(what) + ": column " + std::string(name) + " of " +
                   std::to_string(header.size()));
  }
  if (header.empty())
    return invalid(std::string(what) + ": \"" + std::string(name) +
                   "\": a file without header has columns by number, from 1");
  std::string names;
  for (const std::string& column : header) names += (names.empty() ? "" : ", ") + column;
  return invalid(std::string(what) + ": no column \"" + std::string(name) + "\"; the header has " + names);
}

bool is_upsert_field(Field field) {
  return field == Field::kTime || field == Field::kTimeMs || field == Field::kId || field == Field::kSource ||
         field == Field::kItem || field == Field::kUser;
}

Status add_map(RowPlan& plan, const FileOptions& options) {
  for (const ColumnMap& map : options.map) {
    const std::string what = "--map " + map.field + "=" + map.column;
    const Field field = field_of(map.field);
    std::string column = map.column;
    if (field == Field::kItems && column.size() > 1 && column.back() == '-') {
      column.pop_back();
      plan.items_to_end = true;
    }
    TRY(const size_t at, find_column(column, plan.header, what));
    plan.columns_needed = std::max(plan.columns_needed, at + 1);
    if (field == Field::kType) {
      plan.type_column = at;
    } else if (field == Field::kItems) {
      plan.items_column = at;
    } else if (field == Field::kPropensity || field == Field::kPropensities || field == Field::kAttributes) {
      return invalid(what + ": this field cannot come from a column");
    } else {
      plan.columns.push_back({at, field, field == Field::kNone ? map.field : std::string(field_name(field))});
    }
  }
  return {};
}

// No --map: the names of the header speak for themselves.
Status guess_map(RowPlan& plan) {
  for (size_t i = 0; i < plan.header.size(); ++i) {
    const Field field = field_of(plan.header[i]);
    const auto known = [&](const RowPlan::Column& column) { return column.field == field; };
    if (field == Field::kNone || std::any_of(plan.columns.begin(), plan.columns.end(), known)) continue;
    if (field == Field::kType) {
      if (plan.type_column == kNoColumn) plan.type_column = i;
    } else if (field == Field::kItems) {
      if (plan.items_column == kNoColumn) plan.items_column = i;
    } else if (field < Field::kPropensity) {
      plan.columns.push_back({i, field, std::string(field_name(field))});
    }
  }
  const bool found = !plan.columns.empty() || plan.items_column != kNoColumn;
  if (found) return {};
  std::string names;
  for (const std::string& column : plan.header) names += (names.empty() ? "" : ", ") + column;
  return invalid(plan.header.empty() ? "a file without header needs --map, as in --map user=1,item=2"
                                     : "no column of the header (" + names +
                                           ") is named like a field; say --map user=...,item=...");
}

Status add_set(RowPlan& plan, const FileOptions& options) {
  for (const ColumnMap& set : options.set) {
    const Field field = field_of(set.field);
    if (field == Field::kType) {
      for (const auto& [value, type] : options.types)
        if (value == set.column) plan.type = type;
      if (!plan.type) plan.type = parse_event_type(set.column);
      if (!plan.type) return invalid("--set type=" + set.column + ": expected " + event_type_list());
    } else if (field == Field::kNone) {
      plan.set_attributes.emplace_back(set.field, set.column);
    } else {
      Event event;
      Rejection rejection;
      if (!set_field(event, field, set.column, options.time_unit, rejection))
        return invalid("--set " + set.field + "=" + set.column + ": expected " + rejection.expected);
      plan.has_time |= field == Field::kTime || field == Field::kTimeMs;
      plan.set.emplace_back(field, set.column);
    }
  }
  return {};
}

Status add_where(RowPlan& plan, const FileOptions& options) {
  for (const Condition& condition : options.where) {
    RowPlan::ColumnTest test;
    TRY(test.test, Test::make(condition));
    const Field field = field_of(condition.column);
    for (const RowPlan::Column& column : plan.columns) {
      const bool mapped = field != Field::kNone ? column.field == field : column.name == condition.column;
      if (mapped) test.column = column.column;
    }
    if (field == Field::kType) test.column = plan.type_column;
    if (plan.items_column != kNoColumn && (field == Field::kItems || field == Field::kItem))
      return invalid("--where " + condition.column + ": cannot look into a list of items");
    bool constant = false;
    for (const ColumnMap& set : options.set) {
      if (test.column != kNoColumn || field == Field::kNone || field_of(set.field) != field) continue;
      test.constant = set.column;
      constant = true;
    }
    if (test.column == kNoColumn && !constant) {
      TRY(test.column, find_column(condition.column, plan.header, "--where " + condition.column));
    }
    if (test.column != kNoColumn) plan.columns_needed = std::max(plan.columns_needed, test.column + 1);
    plan.where.push_back(std::move(test));
  }
  return {};
}

Status add_upper(RowPlan& plan, const FileOptions& options) {
  for (const std::string& name : options.upper) {
    const Field field = field_of(name);
    size_t at = kNoColumn;
    for (const RowPlan::Column& column : plan.columns)
      if (field != Field::kNone ? column.field == field : column.name == name) at = column.column;
    if (at == kNoColumn && plan.items_column != kNoColumn && !plan.items_to_end &&
        (field == Field::kItems || field == Field::kItem))
      at = plan.items_column;
    if (at == kNoColumn) {
      TRY(at, find_column(name, plan.header, "--upper " + name));
    }
    plan.columns_needed = std::max(plan.columns_needed, at + 1);
    plan.upper.push_back(at);
  }
  return {};
}

void add_upsert_columns(RowPlan& plan) {
  plan.upsert_columns = plan.columns;
  for (RowPlan::Column& column : plan.upsert_columns)
    if (!is_upsert_field(column.field)) column.field = Field::kNone;
  for (size_t i = 0; i < plan.header.size(); ++i) {
    const auto used = [&](const RowPlan::Column& column) { return column.column == i; };
    if (i == plan.type_column || i == plan.items_column) continue;
    if (std::any_of(plan.columns.begin(), plan.columns.end(), used)) continue;
    plan.upsert_columns.push_back({i, Field::kNone, plan.header[i]});
  }
}

}  // namespace

Result<Test> Test::make(const Condition& condition) {
  Test test;
  test.op_ = condition.op;
  test.value_ = condition.value;
  test.is_number_ = parse_number(condition.value, test.number_);
  if (condition.op != Condition::Op::kMatch && condition.op != Condition::Op::kNoMatch) return test;
  try {
    test.regex_ = std::regex(condition.value, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& error) {  // The library's way to say it.
    return invalid("--where " + condition.column + "~" + condition.value +
                   ": not an expression: " + error.what());
  }
  return test;
}

bool Test::holds(std::string_view text) const {
  using Op = Condition::Op;
  if (op_ == Op::kMatch || op_ == Op::kNoMatch) {
    bool found = false;
    try {
      found = text.size() <= kMatchedBytesMax && std::regex_search(text.begin(), text.end(), regex_);
    } catch (const std::regex_error&) {  // Too complex for this text: no match.
    }
    return found == (op_ == Op::kMatch);
  }
  double number = 0;
  if (is_number_ && parse_number(text, number)) {
    switch (op_) {
      case Op::kEqual:
        return number == number_;
      case Op::kNotEqual:
        return number != number_;
      case Op::kLess:
        return number < number_;
      case Op::kLessEqual:
        return number <= number_;
      case Op::kGreater:
        return number > number_;
      default:
        return number >= number_;
    }
  }
  if (op_ == Op::kEqual) return text == value_;
  return op_ == Op::kNotEqual && text != value_;  // What is no number is neither less nor greater.
}

Result<RowPlan> RowPlan::make(const FileOptions& options, std::vector<std::string> header) {
  RowPlan plan;
  plan.header = std::move(header);
  plan.columns_expected = plan.header.size();
  plan.types = options.types;
  plan.time_unit = options.time_unit;
  TRY_STATUS(options.map.empty() ? guess_map(plan) : add_map(plan, options));
  TRY_STATUS(add_set(plan, options));
  TRY_STATUS(add_where(plan, options));
  TRY_STATUS(add_upper(plan, options));
  for (const Column& column : plan.columns) {
    plan.has_time |= column.field == Field::kTime || column.field == Field::kTimeMs;
    plan.columns_needed = std::max(plan.columns_needed, column.column + 1);
  }
  for (const size_t column : {plan.type_column, plan.items_column})
    if (column != kNoColumn) plan.columns_needed = std::max(plan.columns_needed, column + 1);
  if (plan.items_to_end) plan.columns_expected = 0;
  add_upsert_columns(plan);
  return plan;
}

EventType RowPlan::type_of(std::string_view text, bool& known) const {
  known = true;
  for (const auto& [value, mapped] : types)
    if (value == text) return mapped;
  const std::optional<EventType> parsed = parse_event_type(text);
  if (parsed) return *parsed;
  known = false;
  return EventType::kView;
}

Result<LinePlan> LinePlan::make(const FileOptions& options) {
  LinePlan plan;
  plan.json.types = options.types;
  plan.json.time_unit = options.time_unit;
  bool type_given = false;
  for (const ColumnMap& map : options.map) {
    const Field field = field_of(map.field);
    type_given |= field == Field::kType;
    plan.json.keys.emplace_back(map.column, field);
  }
  for (const ColumnMap& set : options.set) {
    const Field field = field_of(set.field);
    Event event;
    Rejection rejection;
    if (field == Field::kNone || field >= Field::kPropensity)
      return invalid("--set " + set.field + ": not a field of events");
    if (field == Field::kType && !parse_event_type(set.column))
      return invalid("--set type=" + set.column + ": expected " + event_type_list());
    if (field != Field::kType && !set_field(event, field, set.column, options.time_unit, rejection))
      return invalid("--set " + set.field + "=" + set.column + ": expected " + rejection.expected);
    type_given |= field == Field::kType;
    plan.json.set.emplace_back(field, set.column);
  }
  // A mapped file whose map names no type is a file of views; one without map must say what it holds.
  if (!type_given && !options.map.empty()) plan.json.set.emplace_back(Field::kType, "view");
  for (const Condition& condition : options.where) {
    TRY(Test test, Test::make(condition));
    plan.where.push_back({condition.column, std::move(test)});
  }
  for (const std::string& name : options.upper) {
    const Field field = field_of(name);
    if (!is_text(field)) return invalid("--upper " + name + ": not a text field of events");
    plan.upper.push_back(field);
  }
  return plan;
}

bool LinePlan::holds(Event& event) const {
  for (const Field field : upper) upper_ascii(*text_of(event, field));
  for (const FieldTest& where_test : where) {
    const Field field = field_of(where_test.name);
    std::string text;
    if (field == Field::kType) {
      text = event_type_name(event.type);
    } else if (const std::string* const value = text_of(event, field)) {
      text = *value;
    } else if (const double* const number = number_of(event, field)) {
      if (has_number(*number)) append_number(*number, text);
    } else if (field == Field::kTime || field == Field::kTimeMs) {
      text = std::to_string(event.time_ms);
    } else {
      for (const Attribute& attribute : event.attributes) {
        if (attribute.name != where_test.name) continue;
        if (const auto* s = std::get_if<std::string>(&attribute.value)) text = *s;
        if (const auto* n = std::get_if<int64_t>(&attribute.value)) text = std::to_string(*n);
        if (const auto* d = std::get_if<double>(&attribute.value)) append_number(*d, text);
        if (const auto* b = std::get_if<bool>(&attribute.value)) text = *b ? "true" : "false";
      }
    }
    if (!where_test.test.holds(text)) return false;
  }
  return true;
}

bool is_no_value(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  for (const std::string_view none : {"nan", "null", "na", "n/a", "none", "\\n"})
    if (same_name(text, none)) return true;
  return false;
}

char guess_delimiter(std::string_view line) {
  char best = ',';
  ptrdiff_t most = 0;
  for (const char c : {',', '\t', ';', '|'}) {
    const ptrdiff_t count = std::count(line.begin(), line.end(), c);
    if (count <= most) continue;
    most = count;
    best = c;
  }
  return most == 0 && line.find(' ') != std::string_view::npos ? ' ' : best;
}

FileFormat guess_format(std::string_view path, std::string_view first_line) {
  std::string name(path);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const auto ends = [&](std::string_view end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  for (const std::string_view packed : {".gz", ".zst", ".zstd"})
    if (ends(packed)) name.resize(name.size() - packed.size());
  if (ends(".csv")) return FileFormat::kCsv;
  if (ends(".tsv")) return FileFormat::kTsv;
  if (ends(".jsonl") || ends(".ndjson") || ends(".json")) return FileFormat::kJsonLines;
  const size_t first = first_line.find_first_not_of(" \t");
  if (first != std::string_view::npos && (first_line[first] == '{' || first_line[first] == '['))
    return FileFormat::kJsonLines;
  return FileFormat::kCsv;
}

}  // namespace freshet
