// Lines, delimited rows (RFC 4180) and the values of a JSON document out of an Input, in place: a field is a
// view into the read buffer, copied only when it holds an escaped quote. Lines and fields are found by
// memchr.
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

class TableRowReader {
 public:
  // Memory: at most about line_bytes_max and one block.
  TableRowReader(Input& input, size_t line_bytes_max, size_t columns_max);

  // A space as delimiter stands for any run of spaces.
  void set_delimiter(char delimiter) { delimiter_ = delimiter; }

  // The first line that is not blank (of a very long one only the beginning); a byte order mark before it is
  // skipped, nothing else. Only before all else.
  Result<std::string_view> peek_line();

  // How the JSON that comes is laid out, as its first bytes show; only right after peek_line().
  enum class Layout : uint8_t {
    kLines,    // one value a line
    kArray,    // [value, ...]
    kWrapped,  // {"events": [value, ...]}
    kSpread    // values one after another, each over several lines
  };
  Result<Layout> open_json();

  // kBad: fault() says what is wrong with this line or row; the next call goes on behind it.
  Result<RowState> next_line();  // line_text() is the line without its end.
  Result<RowState> next_row();   // fields() too. A quoted field may hold line ends.
  // The next value of a layout that is not kLines; line_text() is it. kInvalid: the document is broken
  // between two values, so that what comes after cannot be trusted.
  Result<RowState> next_value();

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
  Result<bool> skip_space();  // False: the end of the input.
  Status expect_end();
  Result<bool> next_separator();
  Result<RowState> find_value_end();
  Error misplaced(std::string_view expected);
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
  Layout layout_ = Layout::kLines;
  uint64_t values_ = 0;
  uint64_t line_ = 0;
  uint64_t lines_seen_ = 0;
  std::vector<std::string_view> fields_;
  std::string unescaped_;
  Rejection fault_;
};

}  // namespace freshet
