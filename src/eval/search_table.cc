// Files as tables.
#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "base/json_writer.h"
#include "env/file.h"
#include "eval/search_data.h"
#include "ingest/compression.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr size_t kBytesMax = size_t{4} << 30;
constexpr size_t kJsonArrayMax = size_t{1} << 30;

std::string text_of(const Json& value) {
  if (value.is_null()) return {};
  if (const std::string* text = value.text()) return *text;
  if (const Json::List* list = value.list()) {
    std::string out;
    for (const Json& one : *list) out += (out.empty() ? "" : "\n") + text_of(one);
    return out;
  }
  JsonWriter writer;
  write_json(writer, value);
  return writer.text();
}

using Columns = std::unordered_map<std::string, size_t>;

Status add_object(const Json& json, const std::string& place, Columns& columns, SearchTable& table) {
  const Json::Object* const object = json.object();
  if (object == nullptr) return invalid(place + ": expected an object");
  std::vector<std::string>& row = table.rows.emplace_back(table.columns.size());
  for (const auto& [key, value] : *object) {
    const auto [found, fresh] = columns.emplace(key, table.columns.size());
    if (fresh) {
      table.columns.push_back(key);
      row.emplace_back();
    }
    row[found->second] = text_of(value);
  }
  return {};
}

Status parse_json_array(std::string_view bytes, const std::string& name, SearchTable& table) {
  auto json = parse_json(bytes, {.bytes_max = kJsonArrayMax});
  if (!json.ok()) return invalid(name + ": " + json.error().what);
  Columns columns;
  const Json::List& list = *json->list();
  for (size_t i = 0; i < list.size(); i++)
    TRY_STATUS(add_object(list[i], name + " [" + std::to_string(i) + "]", columns, table));
  return {};
}

Status parse_json_lines(std::string_view bytes, const std::string& name, SearchTable& table) {
  Columns columns;
  size_t line = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view text = bytes.substr(at, end - at);
    at = end + 1;
    line++;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto json = parse_json(text, {.bytes_max = size_t{16} << 20});
    if (!json.ok()) return invalid(name + " line " + std::to_string(line) + ": " + json.error().what);
    TRY_STATUS(add_object(*json, name + " line " + std::to_string(line), columns, table));
  }
  return {};
}

// Rows of delimited text. In CSV a field that begins with a quote goes on to the quote that closes it, over
// line ends too. In TSV quotes are letters, unless a field is quoted as a whole, within its line (as
// spreadsheets do).
class Rows {
 public:
  Rows(std::string_view bytes, char delimiter) : bytes_(bytes), delimiter_(delimiter) {}
  bool more() const { return at_ < bytes_.size(); }

  // False: a quote was opened and never closed.
  bool read(std::vector<std::string>& row) {
    row.assign(1, {});
    while (more()) {
      if (bytes_[at_] == '"' && row.back().empty()) {
        if (quoted(row.back())) continue;
        if (delimiter_ != '\t') return false;
      }
      const char c = bytes_[at_++];
      if (c == '\n') break;
      if (c == delimiter_) {
        row.emplace_back();
      } else if (c != '\r' || (more() && bytes_[at_] != '\n')) {
        row.back().push_back(c);
      }
    }
    return true;
  }

 private:
  // Moves behind the closing quote; false, and nothing is moved: there is none.
  bool quoted(std::string& out) {
    const bool tabs = delimiter_ == '\t';
    for (size_t i = at_ + 1; i < bytes_.size(); i++) {
      if (tabs && (bytes_[i] == '\n' || bytes_[i] == '\t')) break;
      if (bytes_[i] != '"') {
        out.push_back(bytes_[i]);
      } else if (i + 1 < bytes_.size() && bytes_[i + 1] == '"') {
        out.push_back(bytes_[i++]);
      } else if (!tabs || i + 1 == bytes_.size() || bytes_[i + 1] == '\t' || bytes_[i + 1] == '\n' ||
                 bytes_[i + 1] == '\r') {
        at_ = i + 1;
        return true;
      } else {
        break;
      }
    }
    out.clear();
    return false;
  }

  const std::string_view bytes_;
  const char delimiter_;
  size_t at_ = 0;
};

// The first of those that stand in the header.
char delimiter_of(std::string_view header) {
  for (const char c : {'\t', ',', ';', '|'})
    if (header.find(c) != std::string_view::npos) return c;
  return ',';
}

std::string plain_name(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) out.push_back(static_cast<char>(std::tolower(c)));
  return out;
}

}  // namespace

int SearchTable::column(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names)
    for (size_t i = 0; i < columns.size(); i++)
      if (plain_name(columns[i]) == plain_name(name)) return static_cast<int>(i);
  return -1;
}

Result<SearchTable> parse_table(std::string_view bytes, const std::string& name) {
  SearchTable table;
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    return invalid(name + ": is UTF-16; expected UTF-8");
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return invalid(name + ": is empty; expected a header line and rows");
  if (bytes[first] == '{' || bytes[first] == '[') {
    TRY_STATUS(bytes[first] == '{' ? parse_json_lines(bytes, name, table)
                                   : parse_json_array(bytes, name, table));
    for (auto& row : table.rows) row.resize(table.columns.size());
    return table;
  }
  Rows rows(bytes, delimiter_of(bytes.substr(0, bytes.find('\n'))));
  const auto unclosed = [&](size_t row) {
    return invalid(name + " row " + std::to_string(row) + ": a quote is opened and never closed");
  };
  if (!rows.read(table.columns)) return unclosed(1);
  size_t row_number = 1;
  std::vector<std::string> row;
  while (rows.more()) {
    row_number++;
    if (!rows.read(row)) return unclosed(row_number);
    if (row.size() == 1 && row.front().empty()) continue;
    if (row.size() > table.columns.size())
      return invalid(name + " row " + std::to_string(row_number) + ": " + std::to_string(row.size()) +
                     " fields; expected the header's " + std::to_string(table.columns.size()));
    row.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  return table;
}

Result<SearchTable> read_table(const std::string& path) {
  TRY(std::string bytes, read_file(real_files(), path));
  if (bytes.starts_with("\x1f\x8b")) {
    auto plain = gunzip(bytes, kBytesMax);
    if (!plain.ok()) return Error{plain.error().code, path + ": " + plain.error().what};
    bytes = std::move(plain).value();
  }
  return parse_table(bytes, path);
}

}  // namespace freshet
