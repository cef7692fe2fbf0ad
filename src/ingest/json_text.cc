#include "ingest/internal/json_text.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace freshet {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr int kDepthMax = 1000;  // Of what is looked at here at all; events have a limit far below.

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

size_t skip_space(std::string_view text, size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// One past the closing quote of the string that begins at `at`; kNone: it does not close.
size_t skip_string(std::string_view text, size_t at) {
  ++at;
  while (at < text.size()) {
    const auto* quote = static_cast<const char*>(std::memchr(text.data() + at, '"', text.size() - at));
    if (quote == nullptr) return kNone;
    const size_t found = static_cast<size_t>(quote - text.data());
    size_t slashes = 0;
    while (found - slashes > at && text[found - slashes - 1] == '\\') ++slashes;
    at = found + 1;
    if (slashes % 2 == 0) return at;
  }
  return kNone;
}

// One past the value that begins at `at`, by brackets and quotes alone; kNone: it does not end (see fault).
size_t skip_value(std::string_view text, size_t at, JsonFault& fault) {
  std::string open;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      const size_t end = skip_string(text, at);
      if (end == kNone) {
        fault = {at, "the string that begins here to be closed"};
        return kNone;
      }
      at = end;
    } else if (c == '{' || c == '[') {
      open.push_back(c == '{' ? '}' : ']');
      ++at;
    } else if (c == '}' || c == ']') {
      if (open.empty() || open.back() != c) {
        fault = {at, open.empty() ? "a value" : std::string("'") + open.back() + "'"};
        return kNone;
      }
      open.pop_back();
      ++at;
    } else if (open.empty() && (c == ',' || is_space(c))) {
      return at;
    } else {
      ++at;
      continue;
    }
    if (open.empty()) return at;
  }
  if (open.empty()) return at;
  fault = {text.size(), std::string("'") + open.back() + "' before the end"};
  return kNone;
}

bool split_array(std::string_view text, size_t at, std::vector<JsonPiece>& pieces, size_t& end,
                 JsonFault& fault) {
  at = skip_space(text, at + 1);
  if (at < text.size() && text[at] == ']') {
    end = at + 1;
    return true;
  }
  while (at < text.size()) {
    const size_t begin = at;
    if (text[at] == ',' || text[at] == ']' || text[at] == '}') {
      fault = {at, "a value"};
      return false;
    }
    // A scalar is cut at the bracket that closes the array; skip_value would take that as its own fault.
    const bool scalar = text[at] != '{' && text[at] != '[' && text[at] != '"';
    at = scalar ? std::min(text.find_first_of(",]} \t\r\n", at), text.size()) : skip_value(text, at, fault);
    if (at == kNone) return false;
    pieces.push_back({text.substr(begin, at - begin), 0});
    at = skip_space(text, at);
    if (at == text.size()) break;
    if (text[at] == ']') {
      end = at + 1;
      return true;
    }
    if (text[at] != ',') {
      fault = {at, "',' or ']'"};
      return false;
    }
    at = skip_space(text, at + 1);
  }
  fault = {text.size(), "']' before the end"};
  return false;
}

// Where the array under `name` begins in the object at the start of `text`, if the object does not look like
// an event or item itself; else kNone.
size_t find_list(std::string_view text, std::string_view name) {
  size_t found = kNone;
  size_t at = skip_space(text, 1);
  JsonFault ignored;
  while (at < text.size() && text[at] == '"') {
    const size_t key_end = skip_string(text, at);
    if (key_end == kNone) return kNone;
    const std::string_view key = text.substr(at + 1, key_end - at - 2);
    at = skip_space(text, key_end);
    if (at == text.size() || text[at] != ':') return kNone;
    at = skip_space(text, at + 1);
    if (key == name && at < text.size() && text[at] == '[') found = at;
    if (key == "type" || key == "event" || key == "id" || key == "item") return kNone;
    at = skip_value(text, at, ignored);
    if (at == kNone) return kNone;
    at = skip_space(text, at);
    if (at < text.size() && text[at] == ',') at = skip_space(text, at + 1);
  }
  return found;
}

void split_lines(std::string_view body, std::vector<JsonPiece>& pieces) {
  uint64_t line = 0;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    std::string_view text = body.substr(at, end - at);
    ++line;
    at = end + 1;
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    if (!text.empty()) pieces.push_back({text, line});
  }
}

// Lines of objects, one of them broken, rather than one broken object over several lines?
bool looks_like_lines(std::string_view body) {
  const size_t end = body.find('\n');
  if (end == kNone) return false;
  const size_t next = skip_space(body, end);
  return next < body.size() && body[next] == '{';
}

// A strict reader of one value; remembers the first fault.
class Checker {
 public:
  Checker(std::string_view text, JsonFault& fault) : text_(text), fault_(fault) {}

  bool whole() {
    space();
    if (!value(0)) return false;
    space();
    return at_ == text_.size() || wrong("the end");
  }

 private:
  bool wrong(const char* expected) {
    fault_ = {at_, expected};
    return false;
  }
  void space() { at_ = skip_space(text_, at_); }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (next() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    if (depth > kDepthMax) return wrong("less nesting");
    switch (next()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool word(std::string_view want) {
    if (text_.substr(at_, want.size()) != want)
      return wrong("a value (true, false and null in small letters)");
    at_ += want.size();
    return true;
  }
  bool digits() {
    if (next() < '0' || next() > '9') return wrong("a digit");
    while (next() >= '0' && next() <= '9') ++at_;
    return true;
  }
  bool number() {
    const size_t begin = at_;
    take('-');
    if (next() < '0' || next() > '9') {
      at_ = begin;
      return wrong("a value: an object, array, string, number, true, false or null");
    }
    if (take('0')) {
      if (next() >= '0' && next() <= '9') return wrong("no digit after a leading 0");
    } else if (!digits()) {
      return false;
    }
    if (take('.') && !digits()) return false;
    if (next() == 'e' || next() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }
  bool hex4(unsigned& code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (!std::isxdigit(static_cast<unsigned char>(next())))
        return wrong("four hexadecimal digits after \\u");
      const char c = next();
      code = code * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
  }
  // Behind "\u": characters above U+FFFF are two escapes, a high surrogate and a low one.
  bool escaped_character() {
    unsigned code = 0;
    if (!hex4(code)) return false;
    if (code < 0xd800 || code > 0xdfff) return true;
    const bool high = code < 0xdc00;
    if (!high || !take('\\') || !take('u')) return wrong("a surrogate pair, not a lone surrogate");
    if (!hex4(code)) return false;
    return (code >= 0xdc00 && code <= 0xdfff) || wrong("the low half of a surrogate pair");
  }
  bool string() {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20)
        return wrong("no raw control character in a string (\\n, \\t)");
      ++at_;
      if (c != '\\') continue;
      if (take('u')) {
        if (!escaped_character()) return false;
      } else if (std::strchr("\"\\/bfnrt", next()) == nullptr || next() == '\0') {
        return wrong("one of \" \\ / b f n r t u after a backslash");
      } else {
        ++at_;
      }
    }
    return wrong("the end of the string");
  }
  bool array(int depth) {
    ++at_;
    space();
    if (take(']')) return true;
    while (true) {
      space();
      if (!value(depth + 1)) return false;
      space();
      if (take(']')) return true;
      if (!take(',')) return wrong("',' or ']'");
    }
  }
  bool object(int depth) {
    ++at_;
    space();
    if (take('}')) return true;
    while (true) {
      space();
      if (next() != '"') return wrong("a name in double quotes");
      if (!string()) return false;
      space();
      if (!take(':')) return wrong("':'");
      space();
      if (!value(depth + 1)) return false;
      space();
      if (take('}')) return true;
      if (!take(',')) return wrong("',' or '}'");
    }
  }

  std::string_view text_;
  JsonFault& fault_;
  size_t at_ = 0;
};

}  // namespace

bool split_body(std::string_view body, BodyKind kind, std::string_view list_name,
                std::vector<JsonPiece>& pieces, JsonFault& fault) {
  pieces.clear();
  const size_t bom = body.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;
  const size_t begin = skip_space(body, bom);
  if (begin == body.size()) {
    fault = {begin, "an object, an array or lines of objects; the body is empty"};
    return false;
  }
  if (kind == BodyKind::kJsonLines) {
    split_lines(body.substr(bom), pieces);
    return true;
  }
  if (body[begin] == '[') {
    size_t end = 0;
    if (!split_array(body, begin, pieces, end, fault)) return false;
    end = skip_space(body, end);
    if (end != body.size()) fault = {end, "nothing after the array"};
    return end == body.size();
  }
  if (body[begin] != '{') {
    fault = {begin, "'{' or '['"};
    return false;
  }
  const size_t end = skip_value(body, begin, fault);
  const bool one = end != kNone && skip_space(body, end) == body.size();
  if (!one && kind == BodyKind::kAuto && (end != kNone || looks_like_lines(body))) {
    split_lines(body.substr(bom), pieces);
    return true;
  }
  if (end == kNone) return false;
  if (!one) {
    fault = {end, "nothing after the object"};
    return false;
  }
  const std::string_view object = body.substr(begin, end - begin);
  const size_t list = find_list(object, list_name);
  if (list == kNone) {
    pieces.push_back({object, 0});
    return true;
  }
  size_t list_end = 0;
  if (split_array(object, list, pieces, list_end, fault)) return true;
  fault.at += begin;
  return false;
}

bool find_fault(std::string_view json, JsonFault& fault) {
  return !Checker(json, fault).whole();
}

std::string place_in(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  const size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const size_t last = before.rfind('\n');
  const size_t column = before.size() - (last == kNone ? 0 : last + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace freshet
