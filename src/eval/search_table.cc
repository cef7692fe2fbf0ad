// Files as tables.
#include <algorithm>
#include <unordered_map>

#include "base/json_writer.h"
#include "env/file.h"
#include "eval/search_data.h"
#include "ingest/compression.h"
#include "json/json.h"

namespace freshet {
namespace {

constexpr size_t kBytesMax = size_t{4} << 30;

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

Status parse_json_lines(std::string_view bytes, const std::string& name, Table& table) {
  std::unordered_map<std::string, size_t> columns;
  size_t line = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view text = bytes.substr(at, end - at);
    at = end + 1;
    line++;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto json = parse_json(text, {.bytes_max = size_t{16} << 20});
    if (!json.ok()) return invalid(name + " line " + std::to_string(line) + ": " + json.error().what);
    const Json::Object* const object = json->object();
    if (object == nullptr) return invalid(name + " line " + std::to_string(line) + ": expected an object");
    std::vector<std::string>& row = table.rows.emplace_back(table.columns.size());
    for (const auto& [key, value] : *object) {
      const auto [found, fresh] = columns.emplace(key, table.columns.size());
      if (fresh) {
        table.columns.push_back(key);
        row.emplace_back();
      }
      row[found->second] = text_of(value);
    }
  }
  for (auto& row : table.rows) row.resize(table.columns.size());
  return {};
}

// One row of delimited text from `at`; quotes only in CSV. Moves `at` behind its line end.
std::vector<std::string> read_row(std::string_view bytes, char delimiter, bool quotes, size_t& at) {
  std::vector<std::string> row(1);
  while (at < bytes.size()) {
    const char c = bytes[at];
    if (quotes && c == '"' && row.back().empty()) {
      for (at++; at < bytes.size(); at++) {
        if (bytes[at] != '"') {
          row.back().push_back(bytes[at]);
        } else if (at + 1 < bytes.size() && bytes[at + 1] == '"') {
          row.back().push_back('"');
          at++;
        } else {
          break;
        }
      }
      at++;
      continue;
    }
    at++;
    if (c == '\n') break;
    if (c == delimiter) {
      row.emplace_back();
    } else if (c != '\r' || (at < bytes.size() && bytes[at] != '\n')) {
      row.back().push_back(c);
    }
  }
  return row;
}

}  // namespace

int Table::column(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names)
    for (size_t i = 0; i < columns.size(); i++)
      if (columns[i] == name) return static_cast<int>(i);
  return -1;
}

Result<Table> parse_table(std::string_view bytes, const std::string& name) {
  Table table;
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return invalid(name + ": is empty; expected a header line and rows");
  if (bytes[first] == '{') {
    TRY_STATUS(parse_json_lines(bytes, name, table));
    return table;
  }
  const std::string_view head = bytes.substr(0, bytes.find('\n'));
  const bool tabs = head.find('\t') != std::string_view::npos;
  const char delimiter = tabs ? '\t' : ',';
  size_t at = 0;
  table.columns = read_row(bytes, delimiter, !tabs, at);
  size_t row_number = 1;
  while (at < bytes.size()) {
    std::vector<std::string> row = read_row(bytes, delimiter, !tabs, at);
    row_number++;
    if (row.size() == 1 && row.front().empty()) continue;
    if (row.size() > table.columns.size())
      return invalid(name + " row " + std::to_string(row_number) + ": " + std::to_string(row.size()) +
                     " fields; expected the header's " + std::to_string(table.columns.size()));
    row.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  return table;
}

Result<Table> read_table(const std::string& path) {
  TRY(std::string bytes, read_file(real_files(), path));
  if (bytes.starts_with("\x1f\x8b")) {
    auto plain = gunzip(bytes, kBytesMax);
    if (!plain.ok()) return Error{plain.error().code, path + ": " + plain.error().what};
    bytes = std::move(plain).value();
  }
  return parse_table(bytes, path);
}

}  // namespace freshet
