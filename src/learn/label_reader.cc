#include "learn/label_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "learn/cells.h"

namespace freshet {
namespace {

constexpr size_t kValuesKept = 20;

// Not "none", which is a fine name of a class.
bool is_missing_label(const std::string& text) {
  if (text.size() > 4) return false;
  for (const std::string_view word : {"", "na", "n/a", "null", "nan", "?", "\\n"})
    if (same_word(text, word)) return true;
  return false;
}

// What a label says by itself: 1, 0, or nothing that is known.
std::optional<bool> truth_of(const std::string& text) {
  double number = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto end = std::from_chars(begin, text.data() + text.size(), number);
  if (end.ec == std::errc{} && end.ptr == text.data() + text.size()) {
    if (number == 1) return true;
    if (number == 0 || number == -1) return false;
    return {};
  }
  if (text.size() > 8) return {};
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const std::string_view yes : {"true", "t", "yes", "y", "up", "on", "positive", "pos"})
    if (lower == yes) return true;
  for (const std::string_view no : {"false", "f", "no", "n", "down", "off", "negative", "neg"})
    if (lower == no) return false;
  return {};
}

// Numbers by value, before texts, which are ordered by bytes.
bool smaller_label(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) -> std::optional<double> {
    double value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec != std::errc{} || end.ptr != text.data() + text.size()) return {};
    return value;
  };
  const auto x = number(a), y = number(b);
  if (x && y) return *x < *y;
  return x.has_value() != y.has_value() ? x.has_value() : a < b;
}

std::string text_of(const Row& row, size_t cell) {
  return cell < row.cells.size() ? row.cells[cell] : "";
}

}  // namespace

Status read_row_number(const Row& row, size_t cell, const std::string& name, double& out) {
  const std::string text = text_of(row, cell);
  if (!number_in_cell(text, out))
    return invalid(name + ": expected a number within 1e20, got '" + text.substr(0, 40) + "'");
  return {};
}

Status LabelReader::plan(std::span<const Row> rows, size_t cell) {
  if (task_ != Task::kBinary) return {};
  std::set<std::string> values;
  size_t there = 0;
  size_t known = 0;
  std::set<bool> plain;
  for (const Row& row : rows) {
    const std::string text = text_of(row, cell);
    if (is_missing_label(text)) continue;
    ++there;
    if (const std::optional<bool> truth = truth_of(text); truth.has_value()) {
      ++known;
      plain.insert(*truth);
    }
    if (values.size() < kValuesKept || text == positive_) values.insert(text);
  }
  if (positive_.empty() && (there == 0 || known * 10 >= there * 9)) return {};
  std::string list;
  for (const std::string& each : values) list += (list.empty() ? "'" : ", '") + each.substr(0, 40) + "'";
  unseen_ = !positive_.empty() && !values.contains(positive_);
  if (unseen_) {
    // Rare ones may come later. Beside a yes and a no there is nothing else to come.
    if (plain.size() == 2 && known * 10 >= there * 9)
      return invalid("--positive " + positive_ + ": the first rows have the labels " + list);
    seen_ = list;
    yes_ = positive_;
    return {};
  }
  if (values.size() == 2) {
    yes_ = positive_.empty() ? *std::max_element(values.begin(), values.end(), smaller_label) : positive_;
    no_ = *values.begin() == yes_ ? *values.rbegin() : *values.begin();
    return {};
  }
  yes_ = positive_;  // Against all the others.
  if (!yes_.empty()) return {};
  return invalid("--label " + name_ + ": expected two values such as 0 and 1, got " + list +
                 (values.size() >= kValuesKept ? ", ..." : "") +
                 "; --positive V makes V 1 and the others 0, --task regression learns numbers");
}

Status LabelReader::read(const Row& row, size_t cell, double& label, bool& there) const {
  const std::string text = text_of(row, cell);
  there = !is_missing_label(text);
  if (!there) return {};
  if (task_ == Task::kRegression) {
    return read_row_number(row, cell, name_, label);
  }
  if (!yes_.empty()) {
    label = text == yes_ ? 1.0 : 0.0;
    if (text == yes_ || no_.empty() || text == no_) return {};
    return invalid(name_ + ": expected '" + yes_ + "' or '" + no_ + "', got '" + text.substr(0, 40) +
                   "'; --positive " + yes_ + " makes all others 0");
  }
  const std::optional<bool> truth = truth_of(text);
  if (!truth)
    return invalid(name_ + ": expected 0 or 1 (or -1, true, false), got '" + text.substr(0, 40) +
                   "'; --positive " + text.substr(0, 40) + " makes it the 1");
  label = *truth ? 1.0 : 0.0;
  return {};
}

std::string LabelReader::unseen() const {
  if (!unseen_) return "";
  return "--positive " + positive_ + ": no label of the first rows is it" +
         (seen_.empty() ? "" : ", they have " + seen_) + "; expected later, and all others are 0";
}

std::string LabelReader::describe() const {
  if (yes_.empty()) return "";
  return "'" + yes_ + "' is 1, " + (no_.empty() ? "all else" : "'" + no_ + "'") + " is 0";
}

void LabelReader::save(Writer& out) const {
  out.str(yes_);
  out.str(no_);
}

void LabelReader::load(Reader& in) {
  yes_ = std::string(in.str());
  no_ = std::string(in.str());
}

}  // namespace freshet
