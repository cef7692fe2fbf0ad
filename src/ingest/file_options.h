// How a file of events is read: which column is which field, what to keep. These are the flags of
// `freshet import` and `freshet replay`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace freshet {

// One target of --map: user, item, type, time, id, source, session, order, price, quantity, currency, rating,
// query, query_id, surface, region, result_count, user_to, name, value, until, items (a list: one event
// each). Any other name is an attribute.
struct ColumnMap {
  std::string field;
  std::string
      column;  // Name in the header, or a number from 1; for items also "2-": from the 2nd to the last.
};
// "user=visitorid,item=itemid,type=event,time=timestamp"
Result<std::vector<ColumnMap>> parse_map(std::string_view text);

// One --where condition, on a mapped field or, when there is no such field, on a raw column.
//   item~^[0-9]{5}   quantity>0   order!~^C   country=France   price>=0.5   type!=view
struct Condition {
  enum class Op : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kMatch, kNoMatch };
  std::string column;
  Op op = Op::kEqual;
  std::string value;  // ECMAScript expression for ~ and !~, found anywhere in the text.
};
// One condition. A comma does not separate: give the flag several times, all must hold. Numbers compare as
// numbers when both sides are.
Result<Condition> parse_condition(std::string_view text);

// kMerchant and kJsonLd are feeds of products: Google Merchant Center (tab-separated, RSS, Atom) and
// schema.org JSON-LD (documents, or the pages they stand in); what maps, sets or keeps rows does not hold for
// them. The last five are JSON in the words of other programs (ingest/foreign_events.h).
enum class FileFormat : uint8_t {
  kAuto,
  kJsonLines,
  kCsv,
  kTsv,
  kMerchant,
  kJsonLd,
  kSegment,
  kGa4,
  kRetail,
  kUbi,
  kMetarank
};
// auto | json (the same as jsonl: the layout shows) | jsonl | csv | tsv | merchant | json-ld | segment | ga4
// | retail | ubi | metarank
Result<FileFormat> parse_file_format(std::string_view text);

enum class TimeUnit : uint8_t { kAuto, kSeconds, kMillis, kMicros, kNanos, kMinutes, kHours, kDays, kIso };
Result<TimeUnit> parse_time_unit(std::string_view text);  // auto | s | ms | us | ns | min | h | d | iso
std::string_view time_unit_name(TimeUnit unit);  // "ms since 1970", "ISO 8601", ...: as an error names it.

constexpr TimeMs kClocklessStartMs = 1577836800000;  // 2020-01-01T00:00:00Z

struct FileOptions {
  FileFormat format =
      FileFormat::kAuto;          // By name (.csv, .tsv, .json, .jsonl before .gz or .zst), then by content.
  std::optional<char> delimiter;  // Of a CSV; given: the format is CSV.
  bool header = true;
  std::vector<ColumnMap> map;  // Empty: columns whose names are fields or their synonyms (docs/events.md).
  std::vector<ColumnMap> set;  // --set type=view: constants, in .column.
  std::vector<std::pair<std::string, EventType>>
      types;  // --types 1=view,2=purchase: values of the type column.
  std::vector<Condition> where;
  std::vector<std::string> upper;  // Fields put in upper case (ASCII) before --where sees them.
  TimeUnit time_unit = TimeUnit::kAuto;
  std::string source = "import";  // Of events that bear none.
  std::string catalogue;          // Items go into one that waits beside the live one; empty: the live one.
  uint64_t rows_max = 0;          // Stop after so many rows; 0: all.
};
// "1=view,2=add-to-cart"
Result<std::vector<std::pair<std::string, EventType>>> parse_types(std::string_view text);

}  // namespace freshet
