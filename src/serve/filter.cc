#include "serve/filter.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace freshet {

struct Filter::Node {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kCompare };
  enum class Op : uint8_t { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
  Kind kind = Kind::kCompare;
  std::vector<std::unique_ptr<Node>> children;
  std::string name;
  Op op = Op::kEqual;
  std::vector<std::string> texts;  // kEqual: any of them
  std::vector<double> numbers;     // beside texts; NaN where a text is no number
};

namespace {

using Node = Filter::Node;

constexpr size_t kBytesMax = 4096;
constexpr int kConditionsMax = 100;
constexpr int kDepthMax = 20;

double to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : kNoNumber;
}

// Recursive descent over: or := and (OR and)* ; and := not (AND not)* ; not := NOT not | ( or ) | name op
// value
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::unique_ptr<Node>> parse() {
    TRY(std::unique_ptr<Node> root, any(0));
    skip_space();
    if (at_ != text_.size()) return expected("AND, OR or the end");
    return root;
  }

 private:
  using Parsed = Result<std::unique_ptr<Node>>;

  Parsed any(int depth) { return list(depth, Node::Kind::kOr, "OR"); }
  Parsed all(int depth) { return list(depth, Node::Kind::kAnd, "AND"); }

  Parsed list(int depth, Node::Kind kind, std::string_view word) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    do {
      Parsed child = kind == Node::Kind::kOr ? all(depth) : one(depth);
      if (!child.ok()) return child.error();
      node->children.push_back(std::move(child).value());
    } while (keyword(word));
    if (node->children.size() == 1) return std::move(node->children.front());
    return node;
  }

  Parsed one(int depth) {
    if (depth > kDepthMax) return expected("at most 20 levels of NOT and parentheses");
    if (keyword("NOT")) {
      TRY(std::unique_ptr<Node> child, one(depth + 1));
      auto node = std::make_unique<Node>();
      node->kind = Node::Kind::kNot;
      node->children.push_back(std::move(child));
      return node;
    }
    if (symbol("(")) {
      TRY(std::unique_ptr<Node> inner, any(depth + 1));
      if (!symbol(")")) return expected("\")\"");
      return inner;
    }
    return compare();
  }

  Parsed compare() {
    if (++conditions_ > kConditionsMax) return expected("at most 100 conditions");
    auto node = std::make_unique<Node>();
    TRY(node->name, value("a name, NOT or \"(\""));
    bool negated = false;
    if (keyword("IN")) {
      if (!symbol("(")) return expected("\"(\" after IN");
      do {
        TRY(std::string text, value("a value"));
        add(*node, std::move(text));
      } while (symbol(","));
      if (!symbol(")")) return expected("\",\" or \")\"");
      return node;
    }
    if (symbol("!=")) {
      negated = true;
    } else if (symbol("<=")) {
      node->op = Node::Op::kLessEqual;
    } else if (symbol(">=")) {
      node->op = Node::Op::kGreaterEqual;
    } else if (symbol("<")) {
      node->op = Node::Op::kLess;
    } else if (symbol(">")) {
      node->op = Node::Op::kGreater;
    } else if (!symbol("=") && !symbol(":")) {
      return expected("one of : = != < <= > >= IN");
    }
    const size_t value_at = at_;
    TRY(std::string text, value("a value"));
    add(*node, std::move(text));
    if (node->op != Node::Op::kEqual && !has_number(node->numbers.front())) {
      at_ = value_at;
      skip_space();
      return expected("a number");
    }
    if (!negated) return node;
    auto outer = std::make_unique<Node>();
    outer->kind = Node::Kind::kNot;
    outer->children.push_back(std::move(node));
    return outer;
  }

  static void add(Node& node, std::string text) {
    node.numbers.push_back(to_number(text));
    node.texts.push_back(std::move(text));
  }

  Result<std::string> value(std::string_view what) {
    skip_space();
    std::string text;
    if (at_ < text_.size() && text_[at_] == '"') {
      const size_t begin = at_++;
      for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        text.push_back(text_[at_]);
      }
      if (at_ == text_.size()) {
        at_ = begin;
        return expected("a closing quote for the one that opens here");
      }
      ++at_;
      return text;
    }
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n():=!<>,\"").find(text_[at_]) == std::string_view::npos)
      text.push_back(text_[at_++]);
    if (text.empty()) return expected(what);
    return text;
  }

  bool keyword(std::string_view word) {
    skip_space();
    if (text_.size() - at_ < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i)
      if ((text_[at_ + i] & ~0x20) != word[i]) return false;
    const size_t end = at_ + word.size();
    if (end < text_.size() && text_[end] != '(' && text_[end] != ' ' && text_[end] != '\t' &&
        text_[end] != '\n')
      return false;
    at_ = end;
    return true;
  }

  bool symbol(std::string_view s) {
    skip_space();
    if (text_.substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  Error expected(std::string_view what) const {
    return invalid(
        "filter: at byte " + std::to_string(at_) + ": expected " + std::string(what) +
        (at_ < text_.size() ? ", got \"" + std::string(text_.substr(at_, 16)) + "\"" : ", got the end"));
  }

  const std::string_view text_;
  size_t at_ = 0;
  int conditions_ = 0;
};

bool compare_number(Node::Op op, double have, double want) {
  switch (op) {
    case Node::Op::kEqual:
      return have == want;
    case Node::Op::kLess:
      return have < want;
    case Node::Op::kLessEqual:
      return have <= want;
    case Node::Op::kGreater:
      return have > want;
    case Node::Op::kGreaterEqual:
      return have >= want;
  }
  return false;
}

bool number_matches(const Node& node, double have) {
  if (!has_number(have)) return false;
  return std::any_of(node.numbers.begin(), node.numbers.end(),
                     [&](double want) { return compare_number(node.op, have, want); });
}

bool text_matches(const Node& node, std::string_view have) {
  if (node.op != Node::Op::kEqual) return number_matches(node, to_number(have));
  return std::find(node.texts.begin(), node.texts.end(), have) != node.texts.end();
}

bool value_matches(const Node& node, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text_matches(node, *text);
  if (const auto* flag = std::get_if<bool>(&value)) return text_matches(node, *flag ? "true" : "false");
  if (const auto* whole = std::get_if<int64_t>(&value))
    return number_matches(node, static_cast<double>(*whole));
  if (const auto* real = std::get_if<double>(&value)) return number_matches(node, *real);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return std::any_of(list->begin(), list->end(),
                       [&](const std::string& text) { return text_matches(node, text); });
  return false;
}

bool facet_matches(const Node& node, const ItemRecord& item, const Catalog& catalog, std::string_view kind) {
  return std::any_of(item.facets.begin(), item.facets.end(), [&](uint32_t facet) {
    const std::string_view name = catalog.facet_name(facet);
    return name.substr(0, kind.size()) == kind && text_matches(node, name.substr(kind.size()));
  });
}

bool compare(const Node& node, const ItemRecord& item, const Catalog& catalog) {
  if (node.name == "id") return text_matches(node, item.id);
  if (node.name == "price") return number_matches(node, item.price);
  if (node.name == "available") return text_matches(node, item.available ? "true" : "false");
  if (node.name == "created") return number_matches(node, static_cast<double>(item.created_ms));
  if (node.name == "category") return facet_matches(node, item, catalog, "category:");
  if (node.name == "brand") return facet_matches(node, item, catalog, "brand:");
  const Value* value = item.attribute(node.name);
  return value != nullptr && value_matches(node, *value);
}

bool passes_node(const Node& node, const ItemRecord& item, const Catalog& catalog) {
  const auto test = [&](const std::unique_ptr<Node>& child) { return passes_node(*child, item, catalog); };
  switch (node.kind) {
    case Node::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), test);
    case Node::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), test);
    case Node::Kind::kNot:
      return !test(node.children.front());
    case Node::Kind::kCompare:
      return compare(node, item, catalog);
  }
  return false;
}

}  // namespace

Result<Filter> Filter::parse(std::string_view text) {
  Filter filter;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return filter;
  if (text.size() > kBytesMax)
    return invalid("filter: expected at most 4096 bytes, got " + std::to_string(text.size()));
  auto root = Parser(text).parse();
  if (!root.ok()) return root.error();
  filter.root_ = std::shared_ptr<const Node>(std::move(root).value().release());
  return filter;
}

bool Filter::passes(const ItemRecord& item, const Catalog& catalog) const {
  return root_ == nullptr || passes_node(*root_, item, catalog);
}

}  // namespace freshet
