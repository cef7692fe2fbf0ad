// Text lines into rows of named cells: CSV (RFC 4180, one line a row), TSV, JSONL (objects; nested names
// joined by a dot), libsvm (`1 3:0.5 7:1`) and VW text (`1 |ns word other:0.5`). Columns are numbered as they
// first appear; a column nobody has seen is a new one, a missing one is an empty cell. Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace freshet {

enum class RowFormat : uint8_t { kAuto, kCsv, kTsv, kJsonl, kLibsvm, kVw };
Result<RowFormat> parse_row_format(std::string_view name);  // auto, csv, tsv, jsonl, libsvm, vw

struct Row {
  std::vector<std::string> cells;  // By column; "" is missing. May be shorter than the columns.
  std::vector<std::pair<uint64_t, float>> sparse;  // libsvm and VW: (key of the name, value).
};

class RowReader {
 public:
  explicit RowReader(RowFormat format) : format_(format) {}

  // Reads a line into `out`. False: the line was a header or empty. kInvalid: what is wrong with it and what
  // was expected; the next line can be read all the same.
  Result<bool> read(std::string_view line, Row& out);
  const std::vector<std::string>& columns() const { return columns_; }
  // The number of the column, made when it is new.
  size_t column(std::string_view name);
  RowFormat format() const { return format_; }
  void set_columns(const std::vector<std::string>& names, RowFormat format);  // Of a saved model.
  static constexpr size_t kLineBytesMax = 1 << 20;
  static constexpr size_t kColumnsMax = 4096;

 private:
  void guess(std::string_view line);
  Result<bool> read_delimited(std::string_view line, Row& out);
  Status read_json(std::string_view line, Row& out);
  Status read_sparse(std::string_view line, Row& out);

  RowFormat format_;
  bool header_read_ = false;
  std::vector<std::string> header_;  // Of this file: the columns' names in its order.
  std::vector<std::string> columns_;
  std::unordered_map<std::string, size_t> number_of_;
  std::vector<std::string> words_;
};

}  // namespace freshet
