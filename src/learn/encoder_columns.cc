// What the columns of a file are: found out, told, or those of a model (encoder.h).
#include <algorithm>
#include <cmath>
#include <set>

#include "learn/cells.h"
#include "learn/encoder.h"

namespace freshet {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Seconds in a unit of which so many have passed since 1970; 0: of none that is known.
double unit_since_1970(double time) {
  return time > 1e17 ? 1e-9 : time > 1e14 ? 1e-6 : time > 1e11 ? 1e-3 : time > 1e8 ? 1 : 0;
}

// $5, 5%: a number to a person.
bool number_with_sign(std::string_view text) {
  for (const std::string_view sign : {"$", "\u20ac", "\u00a3"}) {
    if (text.starts_with(sign)) text.remove_prefix(sign.size());
    if (text.ends_with(sign)) text.remove_suffix(sign.size());
  }
  if (text.ends_with('%')) text.remove_suffix(1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double number = 0;
  return number_in_cell(text, number);
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 40;
  std::string list;
  for (size_t i = 0; i < names.size() && i < kShown; ++i) list += (list.empty() ? "" : ", ") + names[i];
  if (names.size() > kShown) list += " and " + std::to_string(names.size() - kShown) + " more";
  return list;
}

// What the first rows have in a column.
struct Seen {
  size_t present = 0, numbers = 0, whole = 0, words = 0, signs = 0;
  const std::string* no_number = nullptr;  // The first.
  size_t distinct = 0;
};

Seen look(std::span<const Row> rows, size_t cell) {
  Seen out;
  std::set<std::string_view> values;
  for (const Row& row : rows) {
    if (cell >= row.cells.size() || missing_cell(row.cells[cell])) continue;
    const std::string& text = row.cells[cell];
    ++out.present;
    double number = 0;
    if (number_shaped(text, number)) {
      ++out.numbers;
      out.whole += std::floor(number) == number ? 1 : 0;
    } else {
      out.signs += number_with_sign(text) ? 1 : 0;
      if (out.no_number == nullptr) out.no_number = &text;
    }
    out.words += text.find(' ') != std::string::npos ? 1 : 0;
    values.insert(text);
  }
  out.distinct = values.size();
  return out;
}

}  // namespace

Status known_column(const std::vector<std::string>& names, const std::string& name, std::string_view flag) {
  if (name.empty() || has(names, name)) return {};
  return invalid(std::string(flag) + ": there is no column '" + name + "'; there are: " + list_of(names));
}

Status Encoder::check_told(RowReader& reader) const {
  if (reader.format() == RowFormat::kJsonl)  // A field may come later.
    for (const std::vector<std::string>* told : {&config_.numeric, &config_.categorical})
      for (const std::string& name : *told) reader.column(name);
  const std::vector<std::string>& names = reader.columns();
  TRY_STATUS(known_column(names, config_.label, "--label"));
  TRY_STATUS(known_column(names, config_.time, "--time"));
  TRY_STATUS(known_column(names, config_.label_at, "--label-at"));
  for (const std::string& name : config_.numeric) TRY_STATUS(known_column(names, name, "--numeric"));
  for (const std::string& name : config_.categorical) TRY_STATUS(known_column(names, name, "--categorical"));
  for (const std::string& name : config_.ignore) TRY_STATUS(known_column(names, name, "--ignore"));
  return {};
}

Status Encoder::check_columns(const RowReader& reader, std::span<const Row> rows,
                              std::vector<std::string>& warnings) {
  const auto there = [&](const std::string& name, size_t cell) {
    if (!reader.header().empty()) return has(reader.header(), name);
    return std::any_of(rows.begin(), rows.end(),
                       [&](const Row& row) { return cell < row.cells.size() && !row.cells[cell].empty(); });
  };
  names_known_ = reader.columns().size();
  if (reader.header().empty() && rows.empty()) return {};
  if (!reader.header().empty()) {
    TRY_STATUS(known_column(reader.header(), config_.label, "--label"));
    TRY_STATUS(known_column(reader.header(), config_.time, "--time"));
    TRY_STATUS(known_column(reader.header(), config_.label_at, "--label-at"));
  }
  std::vector<std::string> absent;
  for (const Column& column : columns_)
    if (!there(column.name, column.cell)) absent.push_back(column.name);
  std::vector<std::string> more;
  for (size_t c = loaded_names_; c < reader.columns().size(); ++c)
    if (there(reader.columns()[c], c)) more.push_back(reader.columns()[c]);
  // Without a header a column may be empty for long.
  if (!absent.empty() && (!reader.header().empty() || absent.size() == columns_.size()))
    return invalid("the model has columns that this file has not: " + list_of(absent) +
                   (more.empty() ? "" : "; it has instead: " + list_of(more)));
  if (!absent.empty()) warnings.push_back("columns of the model without a value so far: " + list_of(absent));
  if (!more.empty())
    warnings.push_back("columns that the model does not have are not used: " + list_of(more));
  return {};
}

void Encoder::warn(std::vector<std::string>& warnings) const {
  for (const Column& column : columns_)
    if (column.not_numbers > 0)
      warnings.push_back("column '" + column.name + "': " + std::to_string(column.not_numbers) + " of " +
                         std::to_string(column.values) +
                         " values were not numbers within 1e20, and count as "
                         "missing; the first: '" +
                         column.not_a_number.substr(0, 40) + "'");
  for (const Column& column : columns_)
    if (const bool numeric = has(config_.numeric, column.name);
        !column.seen && (numeric || has(config_.categorical, column.name)))
      warnings.push_back(std::string(numeric ? "--numeric " : "--categorical ") + column.name +
                         ": the column had no value in any row");
}

void Encoder::watch_new(const RowReader& reader) {
  for (; names_known_ < reader.columns().size(); ++names_known_)
    idle_.push_back({.cell = names_known_, .name = reader.columns()[names_known_], .first = false});
}

void Encoder::watch(const Row& row) {
  std::erase_if(idle_, [&](const Idle& idle) {
    if (idle.cell >= row.cells.size() || missing_cell(row.cells[idle.cell])) return false;
    const std::string& value = row.cells[idle.cell];
    double number = 0;
    const std::string flag = number_in_cell(value, number) ? "--numeric " : "--categorical ";
    if (notes_made_++ < kNotesMax)
      notes_.push_back("column '" + idle.name + "' had no value in the first rows, has one now ('" +
                       value.substr(0, 40) + "'), and is not used; " + flag + idle.name + " uses it" +
                       (notes_made_ == kNotesMax ? "; of more such columns nothing is said" : ""));
    return true;
  });
}

Status Encoder::plan(RowReader& reader, std::span<const Row> rows) {
  TRY_STATUS(check_told(reader));
  const std::vector<std::string>& names = reader.columns();
  names_known_ = names.size();

  std::vector<size_t> distinct;  // Of each single.
  for (size_t c = 0; c < names.size(); ++c) {
    const std::string& name = names[c];
    if (name == config_.label || name == config_.time || name == config_.label_at ||
        has(config_.ignore, name))
      continue;
    const auto [present, numbers, whole, words, signs, no_number, distinct_values] = look(rows, c);
    if (present > 0 && numbers == 0 && has(config_.numeric, name)) {
      return invalid("--numeric " + name + ": none of its first " + std::to_string(present) +
                     " values is a number; the first: '" + no_number->substr(0, 40) + "'");
    }
    if (present == 0 && !has(config_.numeric, name) && !has(config_.categorical, name)) {
      idle_.push_back({.cell = c, .name = name});
      continue;
    }
    Column column{.cell = c, .name = name};
    const bool numeric = numbers * 100 >= present * 99;
    const bool mostly = numbers * 100 >= present * 80;
    const bool all_whole = whole == numbers;
    column.numeric = has(config_.numeric, name) || (mostly && !has(config_.categorical, name));
    column.categorical =
        has(config_.categorical, name) ||
        (!has(config_.numeric, name) && (!numeric || (all_whole && distinct_values * 10 <= present * 9)));
    column.words = column.categorical && !mostly && words * 5 > present && distinct_values > 20;
    if (!column.numeric && !has(config_.categorical, name) && 2 * (numbers + signs) >= present)
      notes_.push_back("column '" + name + "': " + std::to_string(numbers) + " of its first " +
                       std::to_string(present) + " values are numbers, and '" + no_number->substr(0, 40) +
                       "' is none: taken for categories; expected numbers without units, or an empty cell; "
                       "--numeric or --categorical " +
                       name + " says which");
    if (column.categorical && !column.words) distinct.push_back(distinct_values);
    columns_.push_back(std::move(column));
  }
  for (size_t single = 0; single < distinct.size(); ++single) {
    if (distinct[single] < kValuesOfWho) continue;
    if (who_ == kNoColumn || distinct[single] > distinct[who_])
      what_ = who_, who_ = single;
    else if (what_ == kNoColumn || distinct[single] > distinct[what_])
      what_ = single;
  }
  if (!config_.time.empty() && !rows.empty()) {
    const size_t cell = reader.column(config_.time);
    double first = 0;
    if (cell < rows[0].cells.size() && number_in_cell(rows[0].cells[cell], first))
      time_unit_s_ = config_.time_unit_s > 0 ? config_.time_unit_s : unit_since_1970(first);
  }
  size_t numeric = 0;
  for (const Column& column : columns_) {
    numeric += column.numeric ? 1 : 0;
    singles_ += column.categorical && !column.words ? 1 : 0;
  }
  horizons_ = numeric <= kNumbersWithMeans ? RecentMeans::kHorizons.size() : 0;
  const size_t crossed = std::min(singles_, kPairColumns);
  pairs_ = crossed * (crossed - 1) / 2;
  if (crossed == 0) pairs_ = 0;
  const size_t time_fields = time_unit_s_ > 0 ? 1 : 0;
  for (const Column& column : columns_) has_words_ = has_words_ || column.words;
  dense_ = numeric * (1 + horizons_) + singles_ * kDenseOfValue + pairs_ + time_fields +
           (has_words_ ? 2 * singles_ + 1 : 0) + (what_ != kNoColumn ? 2 : 0);
  if (config_.late) dense_ += (singles_ + 1) * kDenseOfLate;
  make_neighbours();
  scales_.resize(dense_);
  recent_.assign(horizons_ > 0 ? numeric : 0, {});
  planned_ = true;
  return {};
}

std::string Encoder::describe() const {
  constexpr size_t kShown = 60;
  std::string text;
  for (size_t c = 0; c < columns_.size() && c < kShown; ++c) {
    const Column& column = columns_[c];
    text += (text.empty() ? "" : "; ") + column.name + ":";
    if (column.numeric) text += " numeric";
    if (column.categorical) text += column.words ? " words" : " categorical";
  }
  if (columns_.size() > kShown) text += "; and " + std::to_string(columns_.size() - kShown) + " more";
  return text;
}

}  // namespace freshet
