// Text lines into rows of named cells: CSV (RFC 4180; a quoted cell may go over several lines), the same with
// semicolons (0,5 is read as 0.5), TSV, JSONL (objects; nested names joined by a dot), libsvm (`1 3:0.5 7:1`)
// and VW text (`1 0.5 tag|ns word other:0.5`; the second number is the example's importance, one after a
// namespace multiplies its values). Columns are numbered as they first appear; a column nobody has seen
// is a new one, a missing one is an empty cell; of two with one name the second is called "name (2)". Blanks
// around unquoted cells do not count. Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace freshet {

enum class RowFormat : uint8_t { kAuto, kCsv, kTsv, kJsonl, kLibsvm, kVw, kSsv };
Result<RowFormat> parse_row_format(std::string_view name);  // auto, csv, tsv, jsonl, libsvm, vw, ssv

struct Row {
  std::vector<std::string> cells;  // By column; "" is missing. May be shorter than the columns.
  std::vector<std::pair<uint64_t, float>> sparse;  // libsvm and VW: (key of the name, value).
  float weight = 1;                                // VW: the example's importance.
};

class RowReader {
 public:
  explicit RowReader(RowFormat format = RowFormat::kAuto) : format_(format) {}

  // Reads a line into `out`. False: the line was a header, empty, or the beginning of a row. kInvalid: what
  // is wrong with it and what was expected; the next line can be read all the same. kCorrupt: the file is of
  // another kind, there are no rows in it.
  Result<bool> read(std::string_view line, Row& out);
  // After the last line. kInvalid: a row was begun and not ended.
  Status end() const;
  const std::vector<std::string>& columns() const { return columns_; }
  // The number of the column, made when it is new.
  size_t column(std::string_view name);
  RowFormat format() const { return format_; }
  // Columns of this file's header; empty: it has none, or none was read yet.
  const std::vector<std::string>& header() const { return header_; }
  // JSONL: a list or an object is an error in this column.
  void expect_plain(std::string name) { plain_.push_back(std::move(name)); }
  // Of a saved model; its format counts where none was told.
  void set_columns(const std::vector<std::string>& names, RowFormat format);
  static constexpr size_t kLineBytesMax = 1 << 20;
  static constexpr size_t kColumnsMax = 16384;
  static constexpr size_t kLinesMax = 200;  // Of one row.

 private:
  void guess(std::string_view line);
  Result<bool> read_delimited(std::string_view line, Row& out);
  Status read_json(std::string_view line, Row& out);
  Status read_sparse(std::string_view line, Row& out);
  Status read_vw_head(std::string_view word, size_t place, Row& out);
  static Status begin_namespace(std::string_view name, uint64_t& space, float& factor);
  bool is_plain(std::string_view name) const;

  RowFormat format_;
  bool first_line_ = true, header_read_ = false, json_begun_ = false;
  std::vector<std::string> header_;  // Of this file: the columns' names in its order.
  std::vector<std::string> columns_, plain_;
  std::unordered_map<std::string, size_t> number_of_;
  std::vector<std::string> words_;
  std::string begun_;  // Lines of a row whose last quote is open.
  size_t begun_lines_ = 0;
};

}  // namespace freshet
