// The values of a JSON document, one at a time: what is between them is checked, what is in them is not.
#include <algorithm>
#include <cstring>

#include "ingest/internal/rows.h"

namespace freshet {
namespace {

constexpr size_t kLookedAt = 256;  // Bytes that tell how a document is laid out.

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Behind `[` of {"events": [, or 0.
size_t wrapper_end(std::string_view text) {
  size_t at = 0;
  for (const std::string_view token : {"{", "\"events\"", ":", "["}) {
    while (at < text.size() && is_space(text[at])) ++at;
    if (!text.substr(at).starts_with(token)) return 0;
    at += token.size();
  }
  return at;
}

// Finds the end of a value, however its bytes are cut into blocks.
class ValueScan {
 public:
  // Bytes of `text` that belong to the value; done() when it ends within or right behind them.
  size_t feed(const char* text, size_t size, uint64_t& lines) {
    for (size_t i = 0; i < size; ++i) {
      const char c = text[i];
      if (c == '\n') ++lines;
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
          if (depth_ == 0) return end(i + 1);
        }
        continue;
      }
      if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (c == '}' || c == ']') {
        if (depth_ == 0) return end(i);  // Of a number or a word: the bracket belongs to what is around.
        if (--depth_ == 0) return end(i + 1);
      } else if (depth_ == 0 && (c == ',' || is_space(c))) {
        if (c == '\n') --lines;  // It is read again.
        return end(i);
      }
    }
    return size;
  }
  bool done() const { return done_; }
  bool open() const { return in_string_ || depth_ > 0; }

 private:
  size_t end(size_t at) {
    done_ = true;
    return at;
  }
  bool in_string_ = false, escaped_ = false, done_ = false;
  size_t depth_ = 0;
};

}  // namespace

Result<TableRowReader::Layout> TableRowReader::open_json() {
  TRY(const bool some, skip_space());
  if (!some) return layout_;
  for (bool more = true; more && end_ - next_ < kLookedAt;) {
    begin_ = next_;
    TRY(more, fill());
  }
  const std::string_view text(buffer_.data() + next_, end_ - next_);
  if (text[0] == '[') {
    layout_ = Layout::kArray;
    ++next_;
  } else if (const size_t behind = wrapper_end(text); behind > 0) {
    layout_ = Layout::kWrapped;
    lines_seen_ += static_cast<uint64_t>(
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(behind), '\n'));
    next_ += behind;
  } else if (text[0] == '{') {
    // A line that could not be the whole of an object, as programs that lay JSON out for people end it.
    const std::string_view first = text.substr(0, text.find('\n'));
    const size_t last = first.find_last_not_of(" \t\r");
    if (first[last] == '{' || first[last] == '[' || first[last] == ',') layout_ = Layout::kSpread;
  }
  return layout_;
}

Result<bool> TableRowReader::skip_space() {
  for (;; ++next_) {
    if (next_ == end_) {
      begin_ = next_;
      TRY(const bool more, fill());
      if (!more) return false;
    }
    if (!is_space(buffer_[next_])) return true;
    if (buffer_[next_] == '\n') ++lines_seen_;
  }
}

Error TableRowReader::misplaced(std::string_view expected) {
  return invalid("line " + std::to_string(lines_seen_ + 1) + ": expected " + std::string(expected) +
                 (values_ == 0 ? "" : " after value " + std::to_string(values_) + " of the array"));
}

// Behind the bracket that closes the array.
Status TableRowReader::expect_end() {
  TRY(bool more, skip_space());
  if (layout_ == Layout::kWrapped) {
    if (!more || buffer_[next_] != '}') return misplaced("'}' behind the array");
    ++next_;
    TRY(more, skip_space());
  }
  return more ? misplaced("nothing more behind the array,") : Status();
}

// Up to the next value; false: there is none.
Result<bool> TableRowReader::next_separator() {
  TRY(const bool more, skip_space());
  if (layout_ == Layout::kSpread) {
    if (more && buffer_[next_] != '{') return misplaced("an object");
    return more;
  }
  if (!more) return misplaced("']' before the end of the file,");
  if (buffer_[next_] == ']') {
    ++next_;
    TRY_STATUS(expect_end());
    return false;
  }
  if (values_ > 0) {
    if (buffer_[next_] != ',') return misplaced("',' or ']'");
    ++next_;
    TRY(const bool value, skip_space());
    if (!value) return misplaced("a value before the end of the file,");
  }
  const char c = buffer_[next_];
  if (c == ',' || c == ']' || c == '}' || c == ':') return misplaced("a value");
  return true;
}

// The value that begins at begin_. Of one that is too long only the beginning is kept.
Result<RowState> TableRowReader::find_value_end() {
  constexpr size_t kKept = 64;
  ValueScan scan;
  bool too_long = false;
  for (size_t from = 0;;) {
    const char* const text = buffer_.data() + begin_ + from;
    from += scan.feed(text, end_ - begin_ - from, lines_seen_);
    if (scan.done()) {
      next_ = begin_ + from;
      size_ = from;
      break;
    }
    if (from > line_bytes_max_) {
      if (!too_long) unescaped_.assign(buffer_.data() + begin_, kKept);
      too_long = true;
      begin_ = end_;
      from = 0;
    }
    next_ = end_;
    TRY(const bool more, fill());
    if (more) continue;
    size_ = from;
    next_ = end_;
    if (!scan.open()) break;
    return misplaced("the end of the value that begins in line " + std::to_string(line_) + ",");
  }
  if (!too_long && size_ <= line_bytes_max_) return RowState::kRow;
  if (!too_long) unescaped_.assign(buffer_.data() + begin_, kKept);
  size_ = 0;
  const RowState state =
      bad(RejectReason::kTooLong, "an object of at most " + std::to_string(line_bytes_max_) + " bytes");
  fault_.got = unescaped_ + "...";
  return state;
}

Result<RowState> TableRowReader::next_value() {
  size_ = 0;
  begin_ = next_;
  TRY(const bool more, next_separator());
  if (!more) return RowState::kEnd;
  begin_ = next_;
  line_ = lines_seen_ + 1;
  ++values_;
  return find_value_end();
}

}  // namespace freshet
