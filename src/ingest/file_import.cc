// A file from its first byte to the sink: rows to events, in portions.
#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/json_writer.h"
#include "ingest/foreign_events.h"
#include "ingest/ingest.h"
#include "ingest/internal/feed.h"
#include "ingest/internal/file_plan.h"
#include "ingest/internal/input.h"
#include "ingest/internal/rows.h"
#include "ingest/internal/workspace.h"
#include "ingest/time_text.h"

namespace freshet {
namespace {

bool is_upsert(EventType type) {
  return type == EventType::kItemUpsert || type == EventType::kItemUpdate || type == EventType::kUserUpsert;
}

std::optional<EventDialect> dialect_of(FileFormat format) {
  switch (format) {
    case FileFormat::kSegment:
      return EventDialect::kSegment;
    case FileFormat::kGa4:
      return EventDialect::kGa4;
    case FileFormat::kRetail:
      return EventDialect::kRetail;
    case FileFormat::kUbi:
      return EventDialect::kUbi;
    case FileFormat::kMetarank:
      return EventDialect::kMetarank;
    default:
      return std::nullopt;
  }
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// A cell as an attribute: integer, number, truth value or text.
Value typed_value(std::string_view text) {
  double number = 0;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  // A leading zero belongs to a code ("00123"), not to a number.
  const bool is_code = text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
  if (is_code || !parse_number(text, number)) return std::string(text);
  const bool integer = text.find_first_of(".eE") == std::string_view::npos && std::fabs(number) < 9e15;
  if (integer) return static_cast<int64_t>(number);
  return number;
}

class FileImport {
 public:
  FileImport(Ingest::Rep& rep, const FileOptions& options, const Door& door, EventSink& sink,
             IngestResult& result)
      : rep_(rep), options_(options), door_(door), sink_(sink), result_(result), work_(rep.borrow()) {
    if (door_.source.empty()) door_.source = options.source;  // Dead letters are replayed with it.
  }
  ~FileImport() { rep_.give_back(std::move(work_)); }

  Status run(const std::string& path, Input& input, const Ingest::Progress& progress);

 private:
  Status open(const std::string& path, TableRowReader& reader);
  Status read_header(TableRowReader& reader);
  void read_row(TableRowReader& reader);
  bool fill_event(const std::vector<std::string_view>& fields, Event& event, Rejection& why);
  bool fill_attributes(const std::vector<std::string_view>& fields, Event& event, Rejection& why);
  bool set_time(Event& event, Field field, std::string_view text, Rejection& why);
  std::string expected_time() const;
  bool expand_items(const std::vector<std::string_view>& fields, size_t first, Rejection& why);
  void read_line(std::string_view text, uint64_t line);
  void read_foreign(std::string_view text, uint64_t line);
  Staged& stage(std::string_view text, uint64_t line);
  void refuse_row(Staged& staged, const std::vector<std::string_view>* fields);
  Status flush();

  Ingest::Rep& rep_;
  const FileOptions& options_;
  Door door_;
  EventSink& sink_;
  IngestResult& result_;
  std::unique_ptr<Workspace> work_;
  bool lines_ = false;                   // JSON, and then
  bool values_ = false;                  // not one object a line.
  std::optional<EventDialect> dialect_;  // Of its objects, if they are not our own.
  std::string foreign_;                  // One of them as our own lines.
  RowPlan rows_;
  LinePlan line_plan_;
  uint64_t file_ = 0;  // Hash of its name: the same row of another file is another event.
  uint64_t index_ = 0;
  uint64_t filtered_ = 0;
  TimeMs clockless_ms_ = kClocklessStartMs;
  TimeUnit unit_ = TimeUnit::kAuto;  // Of the time column: as its first good value shows.
  std::string type_text_;            // The last text of the type column, and what it means.
  EventType type_ = EventType::kView;
  bool type_known_ = false;
  bool has_secrets_ = false;  // A column named like a secret: rows are not kept as they came.
  std::vector<std::string> uppered_;
};

Status FileImport::read_header(TableRowReader& reader) {
  std::vector<std::string> header;
  if (options_.header) {
    TRY(RowState state, reader.next_row());
    while (state == RowState::kRow && is_blank(reader.line_text())) {
      TRY(state, reader.next_row());
    }
    if (state == RowState::kBad) return invalid("header: expected " + reader.fault().expected);
    for (const std::string_view name : reader.fields()) {
      std::string& column = header.emplace_back(name);
      while (!column.empty() && column.back() == ' ') column.pop_back();
      while (!column.empty() && column.front() == ' ') column.erase(0, 1);
    }
  }
  for (const std::string& name : header) has_secrets_ |= is_secret_name(name);
  TRY(rows_, RowPlan::make(options_, std::move(header)));
  unit_ = rows_.time_unit;
  uppered_.resize(rows_.upper.size());
  return {};
}

Status FileImport::open(const std::string& path, TableRowReader& reader) {
  TRY(const std::string_view first, reader.peek_line());
  const size_t slash = path.rfind('/');
  file_ = hash_bytes(std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1));
  FileFormat format = options_.format;
  if (options_.delimiter) format = FileFormat::kCsv;
  if (format == FileFormat::kAuto) format = guess_format(path, first);
  dialect_ = dialect_of(format);
  lines_ = format == FileFormat::kJsonLines || dialect_;
  if (lines_ && options_.format == FileFormat::kAuto && options_.map.empty())
    if (const Result<Json> json = parse_json(first); json.ok()) dialect_ = guess_dialect(*json);
  if (lines_) {
    TRY(const TableRowReader::Layout layout, reader.open_json());
    values_ = layout != TableRowReader::Layout::kLines;
    TRY(line_plan_, LinePlan::make(options_));
    return {};
  }
  char delimiter = '\t';
  if (options_.delimiter) {
    delimiter = *options_.delimiter;
  } else if (format == FileFormat::kCsv) {
    delimiter = guess_delimiter(first);
  }
  reader.set_delimiter(delimiter);
  return read_header(reader);
}

Staged& FileImport::stage(std::string_view text, uint64_t line) {
  Staged& staged = work_->stage();
  staged.first = work_->events.size();
  staged.count = 0;
  staged.index = index_++;
  staged.line = line;
  staged.content = mix64(hash_bytes(text), mix64(staged.index, file_));
  staged.raw_at = work_->raw.size();
  staged.raw_size = text.size();
  work_->raw_bytes += text.size();
  if (has_secrets_) {
    staged.raw_size = 0;
  } else {
    work_->raw.append(text);
  }
  return staged;
}

// The row as the JSON it stands for, with the values as they came: that is what can be fixed and replayed.
void FileImport::refuse_row(Staged& staged, const std::vector<std::string_view>* fields) {
  staged.refused = true;
  work_->events.drop_to(staged.first);
  staged.count = 0;
  if (fields == nullptr) return;
  JsonWriter json;
  json.object();
  const auto put = [&](std::string_view name, size_t column) {
    if (column < fields->size() && !(*fields)[column].empty()) json.field(name, (*fields)[column]);
  };
  if (rows_.type) {
    json.field("type", event_type_name(*rows_.type));
  } else if (rows_.type_column != kNoColumn) {
    put("type", rows_.type_column);
  } else {
    json.field("type", "view");
  }
  for (const RowPlan::Column& column : rows_.columns) put(column.name, column.column);
  for (const auto& [field, value] : rows_.set) json.field(field_name(field), value);
  if (rows_.items_column != kNoColumn) put("items", rows_.items_column);
  json.end();
  staged.body = json.take();
}

// A column of times has one unit: that of its first good value, unless the options say it.
bool FileImport::set_time(Event& event, Field field, std::string_view text, Rejection& why) {
  if (is_no_value(text) || text == "0") return true;  // Zero is what is written when the time is not known.
  const bool guess = rows_.time_unit == TimeUnit::kAuto && field == Field::kTime;
  const TimeUnit unit = guess && unit_ == TimeUnit::kAuto ? unit_of_text(text) : unit_;
  if (!set_field(event, field, text, unit, why)) {
    if (guess && unit_ != TimeUnit::kAuto) why.expected = expected_time();
    return false;
  }
  if (!guess) return true;
  unit_ = unit;
  // Seconds among milliseconds would pass for a day of 1970: by its size the number has another unit.
  const bool by_size = unit != TimeUnit::kIso && unit != TimeUnit::kSeconds;
  if (!by_size || event.time_ms >= kEarliestBySizeMs || event.time_ms < 0) return true;
  why.reason = RejectReason::kTime;
  why.field = "time";
  why.expected = expected_time();
  why.got = shown_value(text);
  return false;
}

std::string FileImport::expected_time() const {
  return "a time in " + std::string(time_unit_name(unit_)) +
         " like the first of this file (--time-unit names another unit)";
}

bool FileImport::fill_attributes(const std::vector<std::string_view>& fields, Event& event, Rejection& why) {
  for (const RowPlan::Column& column : rows_.upsert_columns) {
    const std::string_view text = column.column < fields.size() ? fields[column.column] : std::string_view();
    if (is_no_value(text)) continue;
    if (column.field == Field::kNone) {
      event.attributes.push_back({column.name, typed_value(text)});
    } else if (column.field == Field::kTime || column.field == Field::kTimeMs) {
      if (!set_time(event, column.field, text, why)) return false;
    } else if (!set_field(event, column.field, text, unit_, why)) {
      return false;
    }
  }
  // An item file often calls the item's own id just "id".
  if (event.item.empty() && event.type != EventType::kUserUpsert) std::swap(event.item, event.id);
  if (event.user.empty() && event.type == EventType::kUserUpsert) std::swap(event.user, event.id);
  return true;
}

bool FileImport::fill_event(const std::vector<std::string_view>& fields, Event& event, Rejection& why) {
  if (rows_.type) {
    event.type = *rows_.type;
  } else if (rows_.type_column != kNoColumn) {
    const std::string_view text = fields[rows_.type_column];
    if (text != type_text_ || !type_known_) {
      type_text_ = text;
      type_ = rows_.type_of(text, type_known_);
    }
    if (!type_known_) {
      why.reason = text.empty() ? RejectReason::kMissing : RejectReason::kUnknown;
      why.field = "type";
      why.expected = event_type_list();
      why.got = shown_value(text);
      return false;
    }
    event.type = type_;
  }
  for (const auto& [field, value] : rows_.set)
    if (!set_field(event, field, value, unit_, why)) return false;
  for (const auto& [name, value] : rows_.set_attributes)
    event.attributes.push_back({name, typed_value(value)});
  if (!rows_.has_time) event.time_ms = clockless_ms_ += kSecondMs;
  if (is_upsert(event.type)) return fill_attributes(fields, event, why);
  for (const RowPlan::Column& column : rows_.columns) {
    const std::string_view text = fields[column.column];
    bool good = true;
    if (std::string* const target = text_of(event, column.field)) {
      if (text != "\\N") target->assign(text);
    } else if (column.field == Field::kNone) {
      if (!is_no_value(text)) event.attributes.push_back({column.name, typed_value(text)});
    } else if (is_number(column.field)) {
      good = is_no_value(text) || set_field(event, column.field, text, unit_, why);
    } else {
      good = set_time(event, column.field, text, why);
    }
    if (!good) return false;
  }
  return true;
}

// One event an item of the list, each a second after the other when there is no clock.
bool FileImport::expand_items(const std::vector<std::string_view>& fields, size_t first, Rejection& why) {
  Event& base = work_->events[first];
  const size_t list_max = rep_.cleaner.config().limits.list_max * 10;  // A long life, not one request.
  const size_t repeated = repeated_bytes(base);
  size_t count = 0;
  const auto add = [&](std::string_view item) {
    if (item.empty()) return true;
    const bool too_long = repeated * count > kRepeatedBytesMax;
    if (count == list_max || too_long) {
      why.reason = too_long ? RejectReason::kTooLong : RejectReason::kTooMany;
      why.field = "items";
      why.expected = too_long
                         ? "at most " + std::to_string(kRepeatedBytesMax) + " bytes repeated for each item"
                         : "at most " + std::to_string(list_max) + " items";
      return false;
    }
    Event& event = count == 0 ? base : work_->events.add();
    if (count > 0) {
      event = base;
      if (!rows_.has_time) event.time_ms = clockless_ms_ += kSecondMs;
      if (!event.id.empty()) event.id.resize(event.id.rfind('#'));
    }
    event.item = item;
    ++count;
    if (!event.id.empty()) event.id += "#" + std::to_string(count);
    return true;
  };
  const size_t last = rows_.items_to_end ? fields.size() : rows_.items_column + 1;
  for (size_t i = rows_.items_column; i < last; ++i) {
    std::string_view list = fields[i];
    while (!list.empty()) {
      const size_t space = rows_.items_to_end ? list.size() : std::min(list.find(' '), list.size());
      if (!add(list.substr(0, space))) return false;
      list.remove_prefix(std::min(space + 1, list.size()));
    }
  }
  if (count > 0) return true;
  why.reason = RejectReason::kMissing;
  why.field = "items";
  why.expected = "at least one item";
  return false;
}

void FileImport::read_row(TableRowReader& reader) {
  std::vector<std::string_view>& fields = reader.fields();
  const std::string_view text = reader.line_text();
  const size_t want = rows_.columns_expected;
  if ((want != 0 && fields.size() != want) || fields.size() < rows_.columns_needed) {
    Staged& staged = stage(text, reader.line());
    staged.why = {0, 0, RejectReason::kColumns, "", "", std::to_string(fields.size())};
    staged.why.expected = want != 0 ? std::to_string(want) + " columns as in the header"
                                    : "at least " + std::to_string(rows_.columns_needed) + " columns";
    refuse_row(staged, nullptr);
    return;
  }
  for (size_t i = 0; i < rows_.upper.size(); ++i) {
    uppered_[i].assign(fields[rows_.upper[i]]);
    for (char& c : uppered_[i]) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    fields[rows_.upper[i]] = uppered_[i];
  }
  for (const RowPlan::ColumnTest& where : rows_.where) {
    if (where.test.holds(where.column == kNoColumn ? std::string_view(where.constant) : fields[where.column]))
      continue;
    ++filtered_;
    ++index_;
    return;
  }
  Staged& staged = stage(text, reader.line());
  Event& event = work_->events.add();
  staged.why = Rejection();
  if (!fill_event(fields, event, staged.why) ||
      (rows_.items_column != kNoColumn && !expand_items(fields, staged.first, staged.why))) {
    refuse_row(staged, &fields);
    return;
  }
  default_source(work_->events, staged.first, door_.source);
  staged.count = work_->events.size() - staged.first;
}

void FileImport::read_line(std::string_view text, uint64_t line) {
  Staged& staged = stage(text, line);
  staged.why = Rejection();
  if (!work_->reader.read_event(text, line_plan_.json, work_->events, staged.why)) {
    staged.refused = true;
    return;
  }
  for (size_t i = staged.first; i < work_->events.size(); ++i) {
    Event& event = work_->events[i];
    if (event.time_ms == kNoTime) event.time_ms = clockless_ms_ += kSecondMs;
    clockless_ms_ = event.time_ms;
    if (line_plan_.holds(event)) continue;
    ++filtered_;
    work_->events.drop_to(staged.first);
    --work_->used;
    work_->raw.resize(staged.raw_at);
    return;
  }
  default_source(work_->events, staged.first, door_.source);
  staged.count = work_->events.size() - staged.first;
}

// What the log has no word for counts as filtered; what cannot be read is refused as it came.
void FileImport::read_foreign(std::string_view text, uint64_t line) {
  const IngestLimits& limits = rep_.cleaner.config().limits;
  const Result<Json> json = parse_json(text, {limits.line_bytes_max, limits.depth_max});
  if (!json.ok() || json->object() == nullptr) return read_line(text, line);
  foreign_.clear();
  if (translate_event(*dialect_, *json, foreign_) == 0) {
    ++filtered_;
    ++index_;
    return;
  }
  for (std::string_view rest = foreign_; !rest.empty();) {
    const size_t end = rest.find('\n');
    read_line(rest.substr(0, end), line);
    rest.remove_prefix(end + 1);
  }
}

Status FileImport::flush() {
  // What is read as text can only be replayed as JSON: the row's body, or the line itself.
  TRY_STATUS(rep_.take(*work_, work_->raw, lines_ ? "event" : "row", door_, sink_, result_));
  result_.received += filtered_;
  result_.filtered += filtered_;
  filtered_ = 0;
  return {};
}

Status FileImport::run(const std::string& path, Input& input, const Ingest::Progress& progress) {
  const IngestLimits& limits = rep_.cleaner.config().limits;
  TableRowReader reader(input, limits.line_bytes_max, limits.columns_max);
  {
    const std::lock_guard<std::mutex> lock(rep_.mutex);
    clockless_ms_ = rep_.clockless_ms;
  }
  TRY_STATUS(open(path, reader));
  const auto report = [&] {
    if (progress) progress({input.bytes_read(), input.bytes_total(), result_.received, result_.accepted});
  };
  Status failed;
  uint64_t rows = 0;
  while (options_.rows_max == 0 || rows < options_.rows_max) {
    Result<RowState> state = values_ ? reader.next_value() : lines_ ? reader.next_line() : reader.next_row();
    if (!state.ok()) failed = state.error();  // What came before it is good.
    if (!state.ok() || *state == RowState::kEnd) break;
    if (*state == RowState::kBad) {
      Staged& staged = stage(reader.line_text(), reader.line());
      staged.refused = true;
      staged.why = reader.fault();
    } else if (is_blank(reader.line_text())) {
      continue;  // An empty line.
    } else if (dialect_) {
      read_foreign(reader.line_text(), reader.line());
    } else if (lines_) {
      read_line(reader.line_text(), reader.line());
    } else {
      read_row(reader);
    }
    ++rows;
    if (!work_->full() && filtered_ < 16 * kPortion) continue;
    TRY_STATUS(flush());
    report();
  }
  TRY_STATUS(flush());
  {
    const std::lock_guard<std::mutex> lock(rep_.mutex);
    rep_.clockless_ms = clockless_ms_;
  }
  report();
  return failed;
}

}  // namespace

Status Ingest::import_file(const std::string& path, const FileOptions& options, const Door& door,
                           EventSink& sink, IngestResult& result, const Progress& progress) {
  TRY(const std::unique_ptr<Input> input, open_input(path));
  CatalogueSink aside(sink, options.catalogue);
  const Status done =
      is_feed(options.format)
          ? import_feed(*this, *input, options.format, feed_door(door, options), aside, result, progress)
          : FileImport(*rep_, options, door, aside, result).run(path, *input, progress);
  // Of several files given at once, which one it was.
  if (!done.ok() && !done.error().what.starts_with(path))
    return Error{done.error().code, path + ": " + done.error().what};
  return done;
}

Status Ingest::import_text(std::string_view text, const FileOptions& options, const Door& door,
                           EventSink& sink, IngestResult& result) {
  TRY(const std::unique_ptr<Input> input, open_text(text));
  CatalogueSink aside(sink, options.catalogue);
  if (is_feed(options.format))
    return import_feed(*this, *input, options.format, feed_door(door, options), aside, result, {});
  return FileImport(*rep_, options, door, aside, result).run("text", *input, {});
}

}  // namespace freshet
