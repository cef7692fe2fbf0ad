#include "ingest/internal/rows.h"

#include <algorithm>
#include <cstring>

namespace freshet {
namespace {

constexpr size_t kBlockBytes = 512 << 10;
// A row over several lines ends somewhere near; a lone quote must not swallow the file.
constexpr size_t kQuotedBytesMax = 64 << 10;

}  // namespace

TableRowReader::TableRowReader(Input& input, size_t line_bytes_max, size_t columns_max)
    : input_(input), line_bytes_max_(line_bytes_max), columns_max_(columns_max), buffer_(2 * kBlockBytes) {}

// Moves the current row to the front and reads more behind it. False: there is no more.
Result<bool> TableRowReader::fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    next_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kBlockBytes) buffer_.resize(buffer_.size() * 2);
  TRY(const size_t count, input_.read(buffer_.data() + end_, buffer_.size() - end_));
  end_ += count;
  at_end_ = count == 0;
  return count > 0;
}

RowState TableRowReader::bad(RejectReason reason, std::string expected) {
  fault_ = Rejection();
  fault_.reason = reason;
  fault_.expected = std::move(expected);
  return RowState::kBad;
}

// Ends the row at the first line end at or behind begin_ + from.
Result<RowState> TableRowReader::find_line_end(size_t from) {
  const bool extending = from > 0;  // A row over several lines: it must not move.
  while (true) {
    const char* const start = buffer_.data() + begin_ + from;
    const auto* const found = static_cast<const char*>(
        std::memchr(start, '\n', static_cast<size_t>(buffer_.data() + end_ - start)));
    if (found != nullptr) {
      next_ = static_cast<size_t>(found - buffer_.data()) + 1;
      size_ = next_ - 1 - begin_;
      break;
    }
    from = end_ - begin_;
    if (from > line_bytes_max_) {
      if (extending) return bad(RejectReason::kTooLong, "a shorter row");
      return skip_long_line();
    }
    TRY(const bool more, fill());
    if (more) continue;
    size_ = end_ - begin_;
    next_ = end_;
    if (size_ == 0) return RowState::kEnd;
    break;
  }
  ++lines_seen_;
  if (size_ > line_bytes_max_)
    return bad(RejectReason::kTooLong, "a line of at most " + std::to_string(line_bytes_max_) + " bytes");
  if (size_ > 0 && buffer_[begin_ + size_ - 1] == '\r') --size_;
  return RowState::kRow;
}

// Drops what cannot be a line. Its beginning stays for the dead letter.
Result<RowState> TableRowReader::skip_long_line() {
  constexpr size_t kKept = 1024;
  std::string head(buffer_.data() + begin_, std::min(kKept, end_ - begin_));
  bool found = false;
  while (!found) {
    begin_ = end_;
    next_ = end_;
    TRY(const bool more, fill());
    if (!more) break;
    const auto* const line_end = static_cast<const char*>(std::memchr(buffer_.data(), '\n', end_));
    found = line_end != nullptr;
    if (found) next_ = static_cast<size_t>(line_end - buffer_.data()) + 1;
  }
  ++lines_seen_;
  unescaped_ = std::move(head);
  size_ = 0;
  const RowState state =
      bad(RejectReason::kTooLong, "a line of at most " + std::to_string(line_bytes_max_) + " bytes");
  fault_.got = unescaped_.substr(0, 64) + "...";
  return state;
}

Result<std::string_view> TableRowReader::peek_line() {
  std::string_view line;
  for (;;) {
    TRY(const bool more, fill());
    if (end_ >= 3 && std::memcmp(buffer_.data(), "\xef\xbb\xbf", 3) == 0) begin_ = next_ = 3;
    const std::string_view text(buffer_.data() + begin_, end_ - begin_);
    line = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    const size_t end = line.find('\n');
    line = line.substr(0, end);
    if (!more || end_ > line_bytes_max_ || end != std::string_view::npos) break;
    begin_ = next_ = 0;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<RowState> TableRowReader::next_line() {
  begin_ = next_;
  line_ = lines_seen_ + 1;
  return find_line_end(0);
}

Result<RowState> TableRowReader::next_row() {
  TRY(const RowState state, next_line());
  if (state != RowState::kRow) return state;
  if (std::memchr(buffer_.data() + begin_, '"', size_) != nullptr) return read_quoted();
  return split_plain();
}

RowState TableRowReader::split_plain() {
  fields_.clear();
  const char* at = buffer_.data() + begin_;
  const char* const end = at + size_;
  if (delimiter_ == ' ') {
    while (at < end && *at == ' ') ++at;
  }
  while (true) {
    const auto* const found =
        static_cast<const char*>(std::memchr(at, delimiter_, static_cast<size_t>(end - at)));
    const char* const stop = found != nullptr ? found : end;
    if (fields_.size() >= columns_max_)
      return bad(RejectReason::kTooMany, "at most " + std::to_string(columns_max_) + " columns");
    fields_.emplace_back(at, static_cast<size_t>(stop - at));
    if (found == nullptr) return RowState::kRow;
    at = found + 1;
    if (delimiter_ != ' ') continue;
    while (at < end && *at == ' ') ++at;
    if (at == end) return RowState::kRow;  // Spaces at the end of the line.
  }
}

// Makes the row end where its quotes allow, then splits it.
Result<RowState> TableRowReader::read_quoted() {
  const size_t first_line = next_ - begin_;
  const uint64_t first_seen = lines_seen_;
  enum class In { kStart, kPlain, kQuotes, kAfter } in = In::kStart;
  size_t at = 0;
  while (true) {
    for (; at < size_; ++at) {
      const char c = buffer_[begin_ + at];
      switch (in) {
        case In::kStart:
          in = c == '"' ? In::kQuotes : c == delimiter_ ? In::kStart : In::kPlain;
          break;
        case In::kPlain:
          if (c == delimiter_) in = In::kStart;
          break;
        case In::kQuotes:
          if (c == '"') in = In::kAfter;
          break;
        case In::kAfter:  // A second quote is an escaped one; else the field has ended.
          in = c == '"' ? In::kQuotes : c == delimiter_ ? In::kStart : In::kPlain;
          break;
      }
    }
    if (in != In::kQuotes) return split_quoted();
    const size_t line_end = next_ - begin_;
    bool more = line_end < kQuotedBytesMax && line_end < line_bytes_max_;
    if (more) {
      TRY(const RowState state, find_line_end(line_end));
      more = state == RowState::kRow && next_ - begin_ > line_end;
    }
    if (!more) {  // Go on behind the line in which the quote was opened.
      next_ = begin_ + first_line;
      size_ = first_line - (buffer_[begin_ + first_line - 1] == '\n' ? 1 : 0);
      lines_seen_ = first_seen;
      return bad(RejectReason::kMalformed, "a closing quote");
    }
    // `at` stands where the carriage return of the line before was taken for its end: look at it again.
  }
}

RowState TableRowReader::split_quoted() {
  fields_.clear();
  unescaped_.clear();
  unescaped_.reserve(size_);  // Views into it must stay.
  const char* const data = buffer_.data() + begin_;
  size_t at = 0;
  while (true) {
    if (fields_.size() >= columns_max_)
      return bad(RejectReason::kTooMany, "at most " + std::to_string(columns_max_) + " columns");
    if (at < size_ && data[at] == '"') {
      const size_t begin = unescaped_.size();
      for (++at; at < size_; ++at) {
        if (data[at] == '"') {
          if (at + 1 == size_ || data[at + 1] != '"') break;
          ++at;
        }
        unescaped_.push_back(data[at]);
      }
      ++at;  // Behind the closing quote.
      if (at < size_ && data[at] != delimiter_) {
        const RowState state = bad(RejectReason::kMalformed, "a delimiter after a closing quote");
        fault_.field = "column " + std::to_string(fields_.size() + 1);
        return state;
      }
      fields_.push_back(std::string_view(unescaped_).substr(begin));
    } else {
      const auto* found = static_cast<const char*>(std::memchr(data + at, delimiter_, size_ - at));
      const size_t stop = found != nullptr ? static_cast<size_t>(found - data) : size_;
      fields_.emplace_back(data + at, stop - at);
      at = stop;
    }
    if (at >= size_) return RowState::kRow;
    ++at;
    if (delimiter_ == ' ') {
      while (at < size_ && data[at] == ' ') ++at;
      if (at >= size_) return RowState::kRow;
    }
  }
}

}  // namespace freshet
