#include "dialect/internal/filters.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <vector>

namespace freshet::dialect_internal {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t first = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

bool is_number(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

// "objectID" is the item's id here.
std::string native_name(std::string_view name) {
  return name == "objectID" ? "id" : quoted(name);
}

std::string negated(std::string condition) {
  return "NOT (" + std::move(condition) + ")";
}

std::string equals(std::string_view name, std::string_view value) {
  return native_name(name) + ":" + quoted(value);
}

std::string between(std::string_view name, std::string_view low, std::string_view high) {
  const std::string of = native_name(name);
  return "(" + of + " >= " + std::string(low) + " AND " + of + " <= " + std::string(high) + ")";
}

// "3 TO 5" -> {"3", "5"}
bool read_range(std::string_view text, std::string_view& low, std::string_view& high) {
  const size_t to = text.find(" TO ");
  if (to == std::string_view::npos) return false;
  low = trimmed(text.substr(0, to));
  high = trimmed(text.substr(to + 4));
  return is_number(low) && is_number(high);
}

// "price>=50", "price >= 50", "price:10 TO 20", "price=5"
Result<std::string> from_numeric_atom(std::string_view text, std::string_view where) {
  const auto wrong = [&]() -> Error {
    return invalid(std::string(where) +
                   ": expected a name, one of < <= = != > >= or \":low TO high\", and a "
                   "number, got \"" +
                   std::string(text.substr(0, 60)) + "\"");
  };
  text = trimmed(text);
  const size_t sign = text.find_first_of("<>=!");
  const size_t colon = text.find(':');
  if (sign == std::string_view::npos || (colon != std::string_view::npos && colon < sign)) {
    if (colon == std::string_view::npos || colon == 0) return wrong();
    std::string_view low, high;
    const std::string_view value = trimmed(text.substr(colon + 1));
    if (read_range(value, low, high)) return between(trimmed(text.substr(0, colon)), low, high);
    if (!is_number(value)) return wrong();
    return native_name(trimmed(text.substr(0, colon))) + " = " + std::string(value);
  }
  const std::string_view name = trimmed(text.substr(0, sign));
  const size_t end = std::min(text.find_first_not_of("<>=!", sign), text.size());
  const std::string_view comparison = text.substr(sign, end - sign);
  const std::string_view value = trimmed(text.substr(end));
  static constexpr std::string_view kComparisons[] = {"<", "<=", "=", "!=", ">", ">="};
  const bool known =
      std::find(std::begin(kComparisons), std::end(kComparisons), comparison) != std::end(kComparisons);
  if (!known || name.empty() || !is_number(value)) return wrong();
  return native_name(name) + " " + std::string(comparison) + " " + std::string(value);
}

using Atom = std::function<Result<std::string>(std::string_view, std::string_view where)>;

// A text, or lists of lists of texts: outer AND, inner OR.
Result<std::string> from_nested(const Json& given, const std::string& where, const Atom& atom, bool outer) {
  if (const std::string* text = given.text()) {
    if (trimmed(*text).empty()) return std::string();
    return atom(*text, where);
  }
  const Json::List* list = given.list();
  if (list == nullptr)
    return invalid(where + ": expected a text or a list, got " + std::string(given.kind()));
  std::string joined;
  size_t count = 0;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string inner = where + "[" + std::to_string(i) + "]";
    if (!outer && (*list)[i].list() != nullptr && !(*list)[i].list()->empty())
      return invalid(inner + ": expected a text, at most two levels of lists");
    TRY(std::string one, from_nested((*list)[i], inner, atom, false));
    if (one.empty()) continue;
    joined += (count++ == 0 ? "" : outer ? " AND " : " OR ") + one;
  }
  return count > 1 ? "(" + joined + ")" : joined;
}

// facetFilters may come as one text that is a list in JSON, or several with commas between.
Json opened(const Json& given) {
  const std::string* text = given.text();
  if (text != nullptr && trimmed(*text).starts_with('[')) {
    Result<Json> parsed = parse_json(trimmed(*text), {text->size(), 8});
    if (parsed.ok()) return std::move(parsed).value();
  }
  return given;
}

// The expression of "filters", rewritten condition by condition.
class Rewriter {
 public:
  explicit Rewriter(std::string_view text) : text_(text) {}

  Result<std::string> all() {
    int open = 0;
    for (bool operand = true;;) {
      skip();
      if (at_ == text_.size()) {
        if (operand || open > 0) return expected(operand ? "a condition" : "\")\"");
        return std::move(out_);
      }
      if (operand && take("(")) {
        ++open;
        out_ += "(";
      } else if (!operand && open > 0 && take(")")) {
        --open;
        out_ += ")";
      } else if (operand && keyword("NOT")) {
        out_ += "NOT ";
      } else if (operand) {
        TRY_STATUS(condition());
        operand = false;
      } else if (keyword("AND")) {
        out_ += " AND ";
        operand = true;
      } else if (keyword("OR")) {
        out_ += " OR ";
        operand = true;
      } else {
        return expected("AND, OR or the end");
      }
    }
  }

 private:
  Error expected(std::string_view what) const {
    return invalid("filters: expected " + std::string(what) + " at byte " + std::to_string(at_) + ", got \"" +
                   std::string(text_.substr(at_, 40)) + "\"");
  }
  void skip() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }
  bool take(std::string_view symbol) {
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  bool keyword(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    const size_t end = at_ + word.size();
    if (end < text_.size() && kSpace.find(text_[end]) == std::string_view::npos && text_[end] != '(')
      return false;
    at_ = end;
    return true;
  }
  // A quoted text, or everything up to one of `ends`.
  bool word(std::string_view ends, std::string& out) {
    out.clear();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const char quote = text_[at_++];
      while (at_ < text_.size() && text_[at_] != quote) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        out.push_back(text_[at_++]);
      }
      if (at_ == text_.size()) return false;
      ++at_;
      return true;
    }
    const size_t end = std::min(text_.find_first_of(ends, at_), text_.size());
    out = text_.substr(at_, end - at_);
    at_ = end;
    return !out.empty();
  }
  void score() {  // "<score=3>" after a facet's value weighs it elsewhere; it filters nothing.
    if (text_.substr(at_).starts_with("<score=")) at_ = std::min(text_.find('>', at_), text_.size() - 1) + 1;
  }

  Status condition() {
    std::string name;
    const size_t begun = at_;
    if (!word(" \t\r\n:<>=!()", name) || name == "AND" || name == "OR") {
      at_ = begun;
      return expected("the name of an attribute");
    }
    skip();
    if (take(":")) {
      skip();
      return value(name);
    }
    const size_t end = std::min(text_.find_first_not_of("<>=!", at_), text_.size());
    if (end == at_) {  // A bare word is a tag.
      out_ += equals("_tags", name);
      return {};
    }
    const std::string comparison(text_.substr(at_, end - at_));
    at_ = end;
    skip();
    std::string number;
    const size_t before = at_;
    if (!word(" \t\r\n)", number) || !is_number(number)) {
      at_ = before;
      return expected("a number");
    }
    TRY(const std::string atom, from_numeric_atom(name + comparison + number, "filters"));
    out_ += atom;
    return {};
  }

  Status value(const std::string& name) {
    const bool bare = at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\'';
    std::string low;
    if (!word(bare ? " \t\r\n)<" : "", low)) return expected("a value");
    score();
    const size_t before = at_;
    skip();
    if (bare && is_number(low) && keyword("TO")) {
      skip();
      std::string high;
      if (!word(" \t\r\n)", high) || !is_number(high)) return expected("a number");
      out_ += between(name, low, high);
      return {};
    }
    at_ = before;
    out_ += equals(name, low);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

Result<std::string> from_facet_atom(std::string_view text, std::string_view where) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return invalid(std::string(where) + ": expected \"attribute:value\", got \"" +
                   std::string(text.substr(0, 60)) + "\"");
  std::string_view name = trimmed(text.substr(0, colon)), value = text.substr(colon + 1);
  const bool negative = value.starts_with('-') || name.starts_with('-');
  if (value.starts_with('-')) value.remove_prefix(1);
  if (name.starts_with('-')) name.remove_prefix(1);
  if (value.starts_with("\\-")) value.remove_prefix(1);
  value = value.substr(0, value.rfind("<score="));
  std::string condition = equals(name, value);
  return negative ? negated(std::move(condition)) : condition;
}

Result<std::string> from_facet_filters(const Json& given, std::string_view parameter) {
  return from_nested(opened(given), std::string(parameter), from_facet_atom, true);
}

Result<std::string> from_numeric_filters(const Json& given) {
  return from_nested(opened(given), "numericFilters", from_numeric_atom, true);
}

Result<std::string> from_tag_filters(const Json& given) {
  const Atom tag = [](std::string_view text, std::string_view) -> Result<std::string> {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::string condition = equals("_tags", trimmed(text));
    return negative ? negated(std::move(condition)) : condition;
  };
  return from_nested(opened(given), "tagFilters", tag, true);
}

Result<std::string> from_filters(std::string_view text) {
  if (trimmed(text).empty()) return std::string();
  return Rewriter(text).all();
}

Result<std::string> native_filter(const Params& params) {
  std::string joined;
  const auto add = [&](const std::string& condition) {
    if (condition.empty()) return;
    joined += (joined.empty() ? "(" : " AND (") + condition + ")";
  };
  if (const Json* given = params.find("filters"); given != nullptr && given->text() != nullptr) {
    TRY(const std::string condition, from_filters(*given->text()));
    add(condition);
  }
  if (const Json* given = params.find("facetFilters")) {
    TRY(const std::string condition, from_facet_filters(*given, "facetFilters"));
    add(condition);
  }
  if (const Json* given = params.find("numericFilters")) {
    TRY(const std::string condition, from_numeric_filters(*given));
    add(condition);
  }
  if (const Json* given = params.find("tagFilters")) {
    TRY(const std::string condition, from_tag_filters(*given));
    add(condition);
  }
  return joined;
}

}  // namespace freshet::dialect_internal
