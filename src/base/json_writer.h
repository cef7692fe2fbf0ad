// Writes JSON text, for --json output and for files other programs read. Writing only: reading JSON belongs
// to the doors (ingest/, http/).
//
//   JsonWriter json;
//   json.object();  json.field("n", 3);  json.key("recall").array(); json.value(0.5); json.end(); json.end();
//   json.text()  ->  {"n": 3, "recall": [0.5]}
//
// Numbers: the shortest text that reads back to the same double; what JSON cannot say (NaN, infinity) is
// null. Strings are taken as UTF-8; control characters, quotes and backslashes are escaped. Commas and
// nesting are the writer's care; ending more than was begun is a CHECK.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet {

class JsonWriter {
 public:
  // indent > 0: pretty, that many spaces a level; 0: one line.
  explicit JsonWriter(int indent = 0) : indent_(indent) {}

  JsonWriter& object() { return open('{', '}'); }
  JsonWriter& array() { return open('[', ']'); }
  JsonWriter& end() {
    CHECK(!open_.empty());
    const Level level = open_.back();
    open_.pop_back();
    if (level.count > 0) new_line();
    text_.push_back(level.close);
    return *this;
  }

  JsonWriter& key(std::string_view name) {
    separate();
    quote(name);
    text_.append(": ");
    after_key_ = true;
    return *this;
  }
  JsonWriter& value(std::string_view text) {
    separate();
    quote(text);
    return *this;
  }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool b) { return raw(b ? "true" : "false"); }
  JsonWriter& value(std::integral auto n) { return number(n); }
  JsonWriter& value(std::floating_point auto x) { return std::isfinite(x) ? number(x) : null(); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& json(std::string_view text) { return raw(text); }  // One whole value, written elsewhere.
  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  struct Level {
    char close;
    size_t count;
  };

  JsonWriter& open(char begin, char close) {
    separate();
    text_.push_back(begin);
    open_.push_back({close, 0});
    return *this;
  }
  void separate() {
    if (after_key_) {
      after_key_ = false;
      return;
    }
    if (open_.empty()) return;
    if (open_.back().count++ > 0) text_.append(indent_ > 0 ? "," : ", ");
    new_line();
  }
  void new_line() {
    if (indent_ <= 0) return;
    text_.push_back('\n');
    text_.append(open_.size() * static_cast<size_t>(indent_), ' ');
  }
  JsonWriter& raw(std::string_view literal) {
    separate();
    text_.append(literal);
    return *this;
  }
  template <class T>
  JsonWriter& number(T n) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
    return raw({digits, static_cast<size_t>(end - digits)});
  }
  void quote(std::string_view s) {
    text_.push_back('"');
    for (const char c : s) {
      if (c == '"' || c == '\\') {
        text_.push_back('\\');
        text_.push_back(c);
      } else if (c == '\n') {
        text_.append("\\n");
      } else if (c == '\t') {
        text_.append("\\t");
      } else if (static_cast<unsigned char>(c) < 0x20) {
        constexpr char kHex[] = "0123456789abcdef";
        text_.append("\\u00");
        text_.push_back(kHex[(c >> 4) & 15]);
        text_.push_back(kHex[c & 15]);
      } else {
        text_.push_back(c);
      }
    }
    text_.push_back('"');
  }

  const int indent_;
  std::string text_;
  std::vector<Level> open_;
  bool after_key_ = false;
};

}  // namespace freshet
