// FileOptions made ready for the rows: names resolved to columns once, so that a row costs only its fields.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "ingest/file_options.h"
#include "ingest/internal/fields.h"
#include "ingest/internal/json_reader.h"

namespace freshet {

// One --where condition on a text, ready to be asked.
class Test {
 public:
  static Result<Test> make(const Condition& condition);
  bool holds(std::string_view text) const;

 private:
  Condition::Op op_ = Condition::Op::kEqual;
  std::string value_;
  double number_ = 0;
  bool is_number_ = false;
  std::regex regex_;
};

constexpr size_t kNoColumn = static_cast<size_t>(-1);

// For delimited files.
struct RowPlan {
  struct Column {
    size_t column = kNoColumn;
    Field field = Field::kNone;  // kNone: an attribute.
    std::string name;            // Of the attribute, or the field's own.
  };
  struct ColumnTest {
    size_t column = kNoColumn;  // kNoColumn: of `constant`.
    std::string constant;
    Test test;
  };

  std::vector<Column> columns;
  std::vector<Column> upsert_columns;  // The same for item-upsert and user-upsert: with the unmapped ones.
  std::vector<std::pair<Field, std::string>> set;
  std::vector<std::pair<std::string, std::string>> set_attributes;
  std::optional<EventType> type;  // Constant; else by `type_column`, else view.
  size_t type_column = kNoColumn;
  std::vector<std::pair<std::string, EventType>> types;
  std::vector<ColumnTest> where;
  std::vector<size_t> upper;
  size_t items_column = kNoColumn;  // A list of items: one column, or all from here on.
  bool items_to_end = false;
  TimeUnit time_unit = TimeUnit::kAuto;
  bool has_time = false;
  size_t columns_needed = 0;
  size_t columns_expected = 0;  // As the header has; 0: any number.
  std::vector<std::string> header;

  // `header` has the names, or (no header) is empty. kInvalid: a column that is not there, naming those that
  // are; an expression that cannot be read.
  static Result<RowPlan> make(const FileOptions& options, std::vector<std::string> header);

  EventType type_of(std::string_view text, bool& known) const;
};

// For files of JSON lines.
struct LinePlan {
  struct FieldTest {
    std::string name;  // A field or an attribute.
    Test test;
  };
  JsonPlan json;
  std::vector<FieldTest> where;
  std::vector<Field> upper;
  bool holds(Event& event) const;  // Upper case first, then all conditions.

  static Result<LinePlan> make(const FileOptions& options);
};

// What text of a table stands for "no value": empty, NaN, NULL, NA, N/A, None, \N.
bool is_no_value(std::string_view text);

// The delimiter that a first line shows itself to use: tab, comma, semicolon, bar or space.
char guess_delimiter(std::string_view line);
// What the name and the first line say.
FileFormat guess_format(std::string_view path, std::string_view first_line);

}  // namespace freshet
