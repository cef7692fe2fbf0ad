// Lines and delimited rows (RFC 4180) out of an Input, in place: a field is a view into the read buffer,
// copied only when it holds an escaped quote. Lines and fields are found by memchr.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/internal/input.h"
#include "ingest/report.h"

namespace freshet {

enum class RowState : uint8_t { kRow, kEnd, kBad };

class RowReader {
 public:
  // Memory: at most about line_bytes_max and one block.
  RowReader(Input& input, size_t line_bytes_max, size_t columns_max);

  // A space as delimiter stands for any run of spaces.
  void set_delimiter(char delimiter) { delimiter_ = delimiter; }

  // The first line, which the next call will give again (without a byte order mark). Only before all else.
  Result<std::string_view> peek_line();

  // kBad: fault() says what is wrong with this line or row; the next call goes on behind it.
  Result<RowState> next_line();  // line_text() is the line without its end.
  Result<RowState> next_row();   // fields() too. A quoted field may hold line ends.

  // Valid until the next call.
  std::string_view line_text() const { return {buffer_.data() + begin_, size_}; }
  const std::vector<std::string_view>& fields() const { return fields_; }
  std::vector<std::string_view>& fields() { return fields_; }
  uint64_t line() const { return line_; }  // From 1, where the row begins.
  const Rejection& fault() const { return fault_; }

 private:
  Result<bool> fill();
  Result<RowState> find_line_end(size_t from);
  Result<RowState> skip_long_line();
  RowState bad(RejectReason reason, std::string expected);
  RowState split_plain();
  Result<RowState> read_quoted();
  RowState split_quoted();

  Input& input_;
  const size_t line_bytes_max_;
  const size_t columns_max_;
  char delimiter_ = ',';
  std::vector<char> buffer_;
  size_t begin_ = 0;  // Of the current row, size_ long,
  size_t size_ = 0;
  size_t next_ = 0;  // where the next one begins,
  size_t end_ = 0;   // and where what was read ends.
  bool at_end_ = false;
  uint64_t line_ = 0;
  uint64_t lines_seen_ = 0;
  std::vector<std::string_view> fields_;
  std::string unescaped_;
  Rejection fault_;
};

}  // namespace freshet
