#include "learn/row_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/hash.h"
#include "base/utf8.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr float kImportanceMax = 1e6f;
constexpr float kValueMax = 1e15f;  // Of a feature: squares of it are summed.

bool number_in(std::string_view text, float& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() && std::isfinite(out);
}

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// A file that is one JSON array: "[{...", or "[" alone on its line.
bool begins_json_list(std::string_view line) {
  if (!line.starts_with('[')) return false;
  const std::string_view rest = without_blanks(line.substr(1));
  return rest.empty() || rest.starts_with('{');
}

// Spreadsheets that separate by semicolons write 0,5 for a half.
void with_point(std::string& cell) {
  const size_t comma = cell.find(',');
  if (comma != std::string::npos && comma > 0 && comma + 1 < cell.size() &&
      cell.find_first_not_of("0123456789", comma + 1) == std::string::npos &&
      cell.find_first_not_of("+-0123456789") == comma)
    cell[comma] = '.';
}

// Text has no control characters but tabs (and line feeds within quotes).
Status check_text(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\0')
      return invalid("byte " + std::to_string(i + 1) + " is zero: not text, or UTF-16; expected UTF-8");
    if (c == '\r')
      return invalid("a carriage return at byte " + std::to_string(i + 1) +
                     ": expected lines that end with a line feed");
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n')
      return invalid("a control character at byte " + std::to_string(i + 1) + ": not text");
  }
  if (const size_t bad = first_bad_utf8(line); bad != std::string_view::npos)
    return invalid("byte " + std::to_string(bad + 1) + " is not UTF-8 (Latin-1?); expected UTF-8");
  return {};
}

// One row of CSV; quotes as in RFC 4180. False: a quote that is not closed.
bool split(std::string_view line, char delimiter, bool quotes, std::vector<std::string>& out) {
  out.clear();
  std::string word;
  bool quoted = false, was_quoted = false;
  const auto end_word = [&] {
    if (!was_quoted) word = std::string(without_blanks(word));
    out.push_back(std::move(word));
    word.clear();
    was_quoted = false;
  };
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"') {
        word.push_back(c);
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        word.push_back('"');
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == delimiter) {
      end_word();
    } else if (quotes && c == '"' && !was_quoted && without_blanks(word).empty()) {
      word.clear();
      quoted = was_quoted = true;
    } else if (!was_quoted || (c != ' ' && c != '\t')) {
      word.push_back(c);
    }
  }
  end_word();
  return !quoted;
}

std::string text_of(const Json& value) {
  if (const std::string* text = value.text()) return *text;
  if (const bool* flag = value.flag()) return *flag ? "1" : "0";
  double number = 0;
  if (value.number(number)) {
    char buffer[40];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr};
  }
  if (const Json::List* list = value.list()) {  // A list of words is a text of words.
    std::string joined;
    for (const Json& each : *list) joined += (joined.empty() ? "" : " ") + text_of(each);
    return joined;
  }
  return {};
}

}  // namespace

Result<RowFormat> parse_row_format(std::string_view name) {
  constexpr std::string_view kNames[] = {"auto", "csv", "tsv", "jsonl", "libsvm", "vw", "ssv"};
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<RowFormat>(i);
  return invalid("'" + std::string(name) + "': expected auto, csv, tsv, jsonl, libsvm, vw or ssv");
}

size_t RowReader::column(std::string_view name) {
  const auto [at, is_new] = number_of_.try_emplace(std::string(name), columns_.size());
  if (is_new) columns_.emplace_back(name);
  return at->second;
}

void RowReader::set_columns(const std::vector<std::string>& names, RowFormat format) {
  for (const std::string& name : names) column(name);
  if (format_ == RowFormat::kAuto) format_ = format;
}

void RowReader::guess(std::string_view line) {
  const size_t bar = line.find('|');
  const size_t space = line.find(' ');
  if (line.starts_with('{') || begins_json_list(line))
    format_ = RowFormat::kJsonl;
  else if (line.find('\t') != std::string_view::npos)
    format_ = RowFormat::kTsv;
  else if (bar != std::string_view::npos && line.find(',') == std::string_view::npos)
    format_ = RowFormat::kVw;
  else if (space != std::string_view::npos && line.find(':', space) != std::string_view::npos &&
           line.find(',') == std::string_view::npos)
    format_ = RowFormat::kLibsvm;
  else if (std::count(line.begin(), line.end(), ';') > std::count(line.begin(), line.end(), ','))
    format_ = RowFormat::kSsv;
  else
    format_ = RowFormat::kCsv;
}

Result<bool> RowReader::read(std::string_view line, Row& out) {
  if (std::exchange(first_line_, false) && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > kLineBytesMax)
    return invalid("a line of " + std::to_string(line.size()) + " bytes, at most " +
                   std::to_string(kLineBytesMax));
  const bool more = !begun_.empty();
  if (!more && without_blanks(line).empty()) return false;
  TRY_STATUS(check_text(line));
  if (format_ == RowFormat::kAuto) guess(line);
  for (std::string& cell : out.cells) cell.clear();
  out.sparse.clear();
  out.weight = 1;
  if (format_ == RowFormat::kTsv) return read_delimited(line, out);
  if (format_ == RowFormat::kCsv || format_ == RowFormat::kSsv) {
    if (!more) return read_delimited(line, out);
    std::string whole = std::move(begun_);
    begun_.clear();
    whole.append("\n").append(line);
    return read_delimited(whole, out);
  }
  TRY_STATUS(format_ == RowFormat::kJsonl ? read_json(line, out) : read_sparse(line, out));
  return true;
}

Result<bool> RowReader::read_delimited(std::string_view line, Row& out) {
  const char delimiter = format_ == RowFormat::kCsv ? ',' : format_ == RowFormat::kSsv ? ';' : '\t';
  if (!split(line, delimiter, delimiter != '\t', words_)) {
    if (++begun_lines_ >= kLinesMax || line.size() > kLineBytesMax) {
      begun_lines_ = 0;
      return invalid("a quote that is not closed within " + std::to_string(kLinesMax) + " lines or " +
                     std::to_string(kLineBytesMax) + " bytes");
    }
    begun_ = line;
    return false;
  }
  begun_lines_ = 0;
  if (!header_read_) {
    if (line.starts_with("{\""))
      return corrupt("begins with '{\"', JSONL; expected a header of names; --format jsonl reads it");
    header_read_ = true;
    if (words_.size() > kColumnsMax) return invalid("more than " + std::to_string(kColumnsMax) + " columns");
    header_.clear();
    std::set<std::string> taken;
    for (const std::string& word : words_) {
      std::string name = word;
      for (size_t n = 2; !taken.insert(name).second; ++n) name = word + " (" + std::to_string(n) + ")";
      header_.push_back(name);
      column(name);
    }
    return false;
  }
  if (words_.size() != header_.size())
    return invalid(std::to_string(words_.size()) + " cells, expected " + std::to_string(header_.size()) +
                   " as in the header");
  out.cells.resize(columns_.size());
  if (format_ == RowFormat::kSsv)
    for (std::string& word : words_) with_point(word);
  for (size_t i = 0; i < words_.size(); ++i) out.cells[column(header_[i])] = std::move(words_[i]);
  return true;
}

Status RowReader::end() const {
  if (begun_.empty()) return {};
  return invalid("a quote that is not closed when the file ends, " + std::to_string(begun_lines_) +
                 " lines after it was opened");
}

bool RowReader::is_plain(std::string_view name) const {
  return std::find(plain_.begin(), plain_.end(), name) != plain_.end();
}

Status RowReader::read_json(std::string_view line, Row& out) {
  if (!std::exchange(json_begun_, true) && begins_json_list(line))
    return corrupt(
        "begins with '[', a JSON array; expected JSONL: one object a line, no brackets or commas around");
  TRY(const Json json, parse_json(line));
  if (json.object() == nullptr) return invalid("expected an object, got " + std::string(json.kind()));
  std::vector<std::pair<std::string, const Json*>> open{{"", &json}};
  while (!open.empty()) {
    const auto [path, value] = open.back();
    open.pop_back();
    if ((value->object() != nullptr || value->list() != nullptr) && is_plain(path))
      return invalid(path + ": expected a text, a number, true or false, got " + std::string(value->kind()));
    if (const Json::Object* object = value->object()) {
      for (const auto& [name, inner] : *object)
        open.emplace_back(path.empty() ? name : path + "." + name, &inner);
      continue;
    }
    if (columns_.size() >= kColumnsMax && !number_of_.contains(path)) continue;
    const size_t at = column(path);
    if (out.cells.size() <= at) out.cells.resize(at + 1);
    out.cells[at] = text_of(*value);
  }
  return {};
}

// VW, before the first bar: label, importance, what the prediction begins with (not used), tag. A tag begins
// with ' or touches the bar.
Status RowReader::read_vw_head(std::string_view word, size_t place, Row& out) {
  if (place == 0) {
    out.cells[column("label")] = std::string(word);
    return {};
  }
  if (word.starts_with('\'')) return {};
  float number = 0;
  const bool is_number = number_in(word, number);
  if (is_number && (place > 1 || (number >= 0 && number <= kImportanceMax))) {
    if (place == 1) out.weight = number;
    return {};
  }
  const std::string got = "'" + std::string(word.substr(0, 40)) + "'";
  if (place > 1) return invalid("initial prediction " + got + ": expected a number");
  return invalid("importance " + got +
                 ": expected a number from 0 to 1000000, or a tag that begins with ' or touches the bar");
}

// VW: |name, or |name:factor of its values. Nothing: the bar stands alone.
Status RowReader::begin_namespace(std::string_view name, uint64_t& space, float& factor) {
  const size_t colon = name.find(':');
  space = hash_bytes(name.substr(0, colon));
  factor = 1;
  if (colon == std::string_view::npos || number_in(name.substr(colon + 1), factor)) return {};
  return invalid("namespace '" + std::string(name.substr(0, 40)) + "': expected name:number");
}

// libsvm: label name:value ...; VW: label [importance [base]] [tag]|namespace[:factor] name[:value] ...
Status RowReader::read_sparse(std::string_view line, Row& out) {
  const size_t label = column("label");
  if (out.cells.size() <= label) out.cells.resize(label + 1);
  const bool vw = format_ == RowFormat::kVw;
  uint64_t space = 0;
  float factor = 1;
  bool features = false;
  size_t place = 0;  // Of the words before the features.
  for (size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t') {
      ++at;
      continue;
    }
    const size_t end = std::min(line.find_first_of(" \t", at), line.size());
    const std::string_view word = line.substr(at, end - at);
    at = end;
    if (!vw && word.starts_with('#')) break;
    if (const size_t bar = word.find('|'); vw && bar != std::string_view::npos) {
      features = true;
      TRY_STATUS(begin_namespace(word.substr(bar + 1), space, factor));
      continue;
    }
    if (!features) {
      TRY_STATUS(read_vw_head(word, place++, out));
      features = !vw;
      continue;
    }
    const size_t colon = word.rfind(':');
    float value = 1;
    if (colon != std::string_view::npos && !number_in(word.substr(colon + 1), value))
      return invalid("feature '" + std::string(word.substr(0, 40)) + "': expected name:number");
    value *= factor;
    if (!(std::fabs(value) <= kValueMax))
      return invalid("feature '" + std::string(word.substr(0, 40)) +
                     "': expected a value from -1e15 to 1e15");
    out.sparse.emplace_back(hash_bytes(word.substr(0, colon), space), value);
  }
  return {};
}

}  // namespace freshet
