#include "eval/search_data.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace freshet {
namespace {

using Op = GainExpression::Step::Op;

constexpr int kDepthMax = 64;

// Recursive descent into postfix.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, const std::vector<std::string>& names)
      : text_(text), names_(names) {}

  Status parse(std::vector<GainExpression::Step>& steps) {
    steps_ = &steps;
    TRY_STATUS(sum(0));
    space();
    if (at_ < text_.size()) return wrong("an operator or the end");
    return {};
  }

 private:
  Status wrong(std::string_view expected) const {
    return invalid("gain expression, byte " + std::to_string(at_) + ": expected " + std::string(expected));
  }
  void space() {
    while (at_ < text_.size() && text_[at_] == ' ') at_++;
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }
  void push(Op op, double number = 0, size_t name = 0) { steps_->push_back({op, number, name}); }

  Status sum(int depth) {
    if (depth > kDepthMax) return wrong("fewer parentheses");
    TRY_STATUS(product(depth));
    for (;;) {
      const Op op = take('+') ? Op::kAdd : take('-') ? Op::kSubtract : Op::kNumber;
      if (op == Op::kNumber) return {};
      TRY_STATUS(product(depth));
      push(op);
    }
  }
  Status product(int depth) {
    TRY_STATUS(power(depth));
    for (;;) {
      const Op op = take('*') ? Op::kMultiply : take('/') ? Op::kDivide : Op::kNumber;
      if (op == Op::kNumber) return {};
      TRY_STATUS(power(depth));
      push(op);
    }
  }
  Status power(int depth) {
    TRY_STATUS(value(depth));
    if (!take('^')) return {};
    TRY_STATUS(value(depth));
    push(Op::kPower);
    return {};
  }
  Status value(int depth) {
    if (depth > kDepthMax) return wrong("fewer signs and parentheses");
    if (take('-')) {
      TRY_STATUS(value(depth + 1));
      push(Op::kNegate);
      return {};
    }
    if (take('(')) {
      TRY_STATUS(sum(depth + 1));
      return take(')') ? Status() : wrong("')'");
    }
    space();
    double number = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
    if (error == std::errc()) {
      at_ = static_cast<size_t>(end - text_.data());
      push(Op::kNumber, number);
      return {};
    }
    size_t end_of_name = at_;
    while (end_of_name < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[end_of_name])) != 0 || text_[end_of_name] == '_'))
      end_of_name++;
    return name(text_.substr(at_, end_of_name - at_), depth);
  }
  Status name(std::string_view name, int depth) {
    struct Function {
      std::string_view name;
      Op op;
      int arguments;
    };
    static constexpr Function kFunctions[] = {{"min", Op::kMin, 2},
                                              {"max", Op::kMax, 2},
                                              {"pow", Op::kPower, 2},
                                              {"exp", Op::kExp, 1},
                                              {"log", Op::kLog, 1}};
    if (name.empty()) return wrong("a number, a name or '('");
    const size_t start = at_;
    at_ += name.size();
    for (const Function& function : kFunctions) {
      if (name != function.name || !take('(')) continue;
      TRY_STATUS(sum(depth + 1));
      if (function.arguments == 2) {
        if (!take(',')) return wrong("','");
        TRY_STATUS(sum(depth + 1));
      }
      push(function.op);
      return take(')') ? Status() : wrong("')'");
    }
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) {
      push(Op::kName, 0, static_cast<size_t>(found - names_.begin()));
    } else if (name == "x") {
      push(Op::kLabel);
    } else {
      at_ = start;
      std::string known = "x";
      for (const std::string& one : names_) known += ", " + one;
      return wrong("one of " + known);
    }
    return {};
  }

  const std::string_view text_;
  const std::vector<std::string>& names_;
  std::vector<GainExpression::Step>* steps_ = nullptr;
  size_t at_ = 0;
};

double number_of(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::numeric_limits<double>::quiet_NaN();
  text = text.substr(first, text.find_last_not_of(" \t") + 1 - first);
  if (text.starts_with('+')) text.remove_prefix(1);
  double x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(x)
             ? x
             : std::numeric_limits<double>::quiet_NaN();
}

using Numbers = std::unordered_map<std::string_view, size_t>;

// The column with the most known ids in the first rows; of equal ones the first, but none that is `taken`.
int column_of(const SearchTable& table, const Numbers& known, std::initializer_list<int> taken) {
  constexpr size_t kLook = 1000;
  int best = -1;
  size_t best_known = 0;
  for (size_t c = 0; c < table.columns.size(); c++) {
    if (std::find(taken.begin(), taken.end(), static_cast<int>(c)) != taken.end()) continue;
    size_t here = 0;
    for (size_t r = 0; r < std::min(kLook, table.rows.size()); r++) here += known.contains(table.rows[r][c]);
    if (here > best_known || best < 0) best = static_cast<int>(c), best_known = here;
  }
  return best;
}

struct LabelColumns {
  int query, item, label;
};

LabelColumns label_columns(const SearchTable& table, const Numbers& queries, const Numbers& items) {
  LabelColumns out{
      table.column({"query_id", "qid", "query"}),
      table.column(
          {"item_id", "item", "product_id", "product_uid", "doc_id", "sku", "asin", "object_id", "id"}),
      table.column({"relevance", "median_relevance", "label", "rating", "grade", "gain", "score"})};
  if (out.query < 0) out.query = column_of(table, queries, {out.item, out.label});
  if (out.item < 0) out.item = column_of(table, items, {out.query, out.label});
  for (int c = static_cast<int>(table.columns.size()) - 1; out.label < 0; c--)
    if (c != out.query && c != out.item) out.label = c;
  return out;
}

Status read_labels(const SearchDataOptions& options, const SearchTable& table, SearchData& data) {
  if (table.columns.size() < 3)
    return invalid(options.labels + ": " + std::to_string(table.columns.size()) +
                   " columns; expected query id, item id and a label");
  if (table.rows.empty()) return invalid(options.labels + ": has a header and no rows; expected labels");
  Numbers queries, items;
  for (size_t i = 0; i < data.queries.size(); i++) queries.emplace(data.queries[i].id, i);
  for (size_t i = 0; i < data.items.rows.size(); i++)
    items.emplace(data.items.rows[i][static_cast<size_t>(data.item_id)], i);
  const auto [query_column, item_column, label_column] = label_columns(table, queries, items);

  GainExpression expression;
  if (!options.gain.empty()) {
    TRY(GainExpression parsed, GainExpression::parse(options.gain, table.columns));
    expression = std::move(parsed);
  }
  double low = options.gain_min, high = options.gain_max;
  std::vector<double> labels;  // NaN: there is none
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (size_t i = 0; i < table.rows.size(); i++) {
    const std::string& text = table.rows[i][static_cast<size_t>(label_column)];
    labels.push_back(number_of(text));
    if (std::isnan(labels.back()) && text.find_first_not_of(" \t") != std::string::npos)
      return invalid(options.labels + " row " + std::to_string(i + 2) + ", column " +
                     table.columns[static_cast<size_t>(label_column)] + ": expected a number, got '" +
                     text.substr(0, 40) + "'");
    if (std::isnan(labels.back())) continue;
    least = std::min(least, labels.back());
    most = std::max(most, labels.back());
  }
  if (low == high && least <= most) low = least, high = most;
  std::vector<double> values(table.columns.size());
  for (size_t i = 0; i < table.rows.size(); i++) {
    const auto& row = table.rows[i];
    if (std::isnan(labels[i])) {
      data.labels_empty++;
      continue;
    }
    const auto query = queries.find(row[static_cast<size_t>(query_column)]);
    const auto item = items.find(row[static_cast<size_t>(item_column)]);
    if (query == queries.end() || item == items.end()) {
      data.labels_unknown++;
      continue;
    }
    double gain = high > low ? (labels[i] - low) / (high - low) : labels[i];
    if (!options.gain.empty()) {
      for (size_t c = 0; c < row.size(); c++) values[c] = number_of(row[c]);
      gain = expression.value(values, labels[i]);
      if (!std::isfinite(gain))
        return invalid("--gain: row " + std::to_string(i + 2) + " of " + options.labels +
                       " gives no finite number");
    }
    data.queries[query->second].judged.push_back({static_cast<uint32_t>(item->second), labels[i], gain});
  }
  for (JudgedQuery& query : data.queries) {
    // The last label of a pair stays.
    std::stable_sort(query.judged.begin(), query.judged.end(),
                     [](const JudgedItem& a, const JudgedItem& b) { return a.item < b.item; });
    std::vector<JudgedItem> kept;
    for (const JudgedItem& one : query.judged) {
      if (!kept.empty() && kept.back().item == one.item) kept.pop_back();
      kept.push_back(one);
    }
    query.judged = std::move(kept);
  }
  return {};
}

}  // namespace

Result<GainExpression> GainExpression::parse(std::string_view text, const std::vector<std::string>& names) {
  GainExpression made;
  TRY_STATUS(ExpressionParser(text, names).parse(made.steps_));
  return made;
}

double GainExpression::value(const std::vector<double>& values, double x) const {
  std::vector<double> stack;
  for (const Step& step : steps_) {
    switch (step.op) {
      case Op::kNumber:
        stack.push_back(step.number);
        continue;
      case Op::kName:
        stack.push_back(values[step.name]);
        continue;
      case Op::kLabel:
        stack.push_back(x);
        continue;
      case Op::kNegate:
        stack.back() = -stack.back();
        continue;
      case Op::kExp:
        stack.back() = std::exp(stack.back());
        continue;
      case Op::kLog:
        stack.back() = std::log(stack.back());
        continue;
      default:
        break;
    }
    const double b = stack.back();
    stack.pop_back();
    double& a = stack.back();
    switch (step.op) {
      case Op::kAdd:
        a += b;
        break;
      case Op::kSubtract:
        a -= b;
        break;
      case Op::kMultiply:
        a *= b;
        break;
      case Op::kDivide:
        a /= b;
        break;
      case Op::kPower:
        a = std::pow(a, b);
        break;
      case Op::kMin:
        a = std::min(a, b);
        break;
      default:
        a = std::max(a, b);
    }
  }
  return stack.back();
}

Result<SearchData> read_search_data(const SearchDataOptions& options) {
  SearchData data;
  TRY(SearchTable items, read_table(options.items));
  data.items = std::move(items);
  data.item_id = std::max(0, data.items.column({"id", "item_id", "product_id", "product_uid", "doc_id",
                                                "item", "sku", "asin", "object_id"}));
  TRY(const SearchTable queries, read_table(options.queries));
  const int id = std::max(0, queries.column({"query_id", "qid", "id"}));
  int text = queries.column({"query", "text", "query_text", "search_term", "q"});
  if (text < 0) text = queries.columns.size() > 1 && id == 0 ? 1 : 0;
  for (const auto& row : queries.rows)
    data.queries.push_back({row[static_cast<size_t>(id)], row[static_cast<size_t>(text)], {}});
  TRY(const SearchTable labels, read_table(options.labels));
  data.by_gain = !options.has_relevant_min;
  data.relevant_min = options.has_relevant_min ? options.relevant_min : 2.0 / 3;
  TRY_STATUS(read_labels(options, labels, data));
  return data;
}

}  // namespace freshet
