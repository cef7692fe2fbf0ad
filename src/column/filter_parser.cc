#include <algorithm>
#include <charconv>
#include <cmath>

#include "column/internal/filter_node.h"

namespace freshet {
namespace {

using Node = Filter::Node;
using Parsed = Result<std::shared_ptr<Node>>;

constexpr std::string_view kSpace = " \t\r\n", kEndsWord = " \t\r\n():=!<>,\"";

std::shared_ptr<Node> make(Node::Kind kind) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  return node;
}

// Recursive descent over the grammar of filter.h.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Parsed parse() {
    TRY(std::shared_ptr<Node> root, list(0, Node::Kind::kOr));
    skip_space();
    if (at_ != text_.size()) return expected("AND, OR or the end");
    return root;
  }

 private:
  Parsed list(int depth, Node::Kind kind) {
    auto node = make(kind);
    do {
      Parsed child = kind == Node::Kind::kOr ? list(depth, Node::Kind::kAnd) : one(depth);
      if (!child.ok()) return child.error();
      node->children.push_back(std::move(child).value());
    } while (keyword(kind == Node::Kind::kOr ? "OR" : "AND"));
    if (node->children.size() == 1) return std::const_pointer_cast<Node>(node->children.front());
    return node;
  }

  Parsed one(int depth) {
    if (depth > Filter::kDepthMax) return expected("at most 20 levels of NOT and parentheses");
    if (keyword("NOT")) {
      TRY(std::shared_ptr<Node> child, one(depth + 1));
      return negated(std::move(child));
    }
    if (symbol("(")) {
      TRY(std::shared_ptr<Node> inner, list(depth + 1, Node::Kind::kOr));
      if (!symbol(")")) return expected("\")\"");
      return inner;
    }
    if (++conditions_ > Filter::kConditionsMax) return expected("at most 100 conditions");
    if (call("GEO_RADIUS")) return place(Node::Kind::kRadius, {"latitude", "longitude", "metres"});
    if (call("GEO_BOX")) return place(Node::Kind::kBox, {"south", "west", "north", "east"});
    if (call("EXISTS")) {
      auto node = make(Node::Kind::kExists);
      TRY(node->name, value("a name"));
      if (!symbol(")")) return expected("\")\"");
      return node;
    }
    return condition();
  }

  static std::shared_ptr<Node> negated(std::shared_ptr<Node> child) {
    auto node = make(Node::Kind::kNot);
    node->children.push_back(std::move(child));
    return node;
  }

  Parsed condition() {
    TRY(std::string name, value("a name, NOT or \"(\""));
    if (keyword("EXISTS")) {
      auto node = make(Node::Kind::kExists);
      node->name = std::move(name);
      return node;
    }
    const size_t before = at_;
    if (keyword("NOT")) {
      if (!keyword("IN")) {
        at_ = before;
        return expected("one of : = != < <= > >= IN EXISTS");
      }
      TRY(std::shared_ptr<Node> node, set(std::move(name)));
      return negated(std::move(node));
    }
    if (keyword("IN")) return set(std::move(name));
    return compare(std::move(name));
  }

  Parsed set(std::string name) {
    if (!symbol("(")) return expected("\"(\" after IN");
    auto node = make(Node::Kind::kOneOf);
    node->name = std::move(name);
    do {
      TRY(std::string text, value("a value"));
      add(*node, std::move(text));
    } while (symbol(","));
    if (!symbol(")")) return expected("\",\" or \")\"");
    return node;
  }

  Parsed compare(std::string name) {
    static constexpr std::string_view kOperators[] = {"!=", "<=", ">=", "<", ">", "=", ":"};
    std::string_view op;
    for (const std::string_view each : kOperators)
      if (op.empty() && symbol(each)) op = each;
    if (op.empty()) return expected("one of : = != < <= > >= IN EXISTS");
    if (op[0] == '<' || op[0] == '>') {
      TRY(const double bound, number());
      auto node = make(Node::Kind::kRange);
      node->name = std::move(name);
      const double away = op[0] == '<' ? -HUGE_VAL : HUGE_VAL;
      (op[0] == '<' ? node->high : node->low) = op.size() == 2 ? bound : std::nextafter(bound, away);
      return node;
    }
    const size_t value_at = at_;
    TRY(std::string text, value("a value"));
    if (op != "!=" && keyword("TO")) return range(std::move(name), value_at);
    auto node = make(Node::Kind::kOneOf);
    node->name = std::move(name);
    add(*node, std::move(text));
    return op == "!=" ? negated(std::move(node)) : std::move(node);
  }

  Parsed range(std::string name, size_t low_at) {
    at_ = low_at;
    auto node = make(Node::Kind::kRange);
    node->name = std::move(name);
    TRY(node->low, number());
    (void)keyword("TO");
    const size_t high_at = at_;
    TRY(node->high, number());
    if (node->high < node->low) {
      at_ = high_at;
      skip_space();
      return expected("a number not below the one before TO");
    }
    return node;
  }

  // The numbers of a call whose "(" has been read.
  Parsed place(Node::Kind kind, std::initializer_list<std::string_view> names) {
    auto node = make(kind);
    size_t i = 0;
    for (const std::string_view name : names) {
      if (i != 0 && !symbol(",")) return expected("\",\" and the " + std::string(name));
      skip_space();
      const size_t begin = at_;
      TRY(const double got, number());
      const bool metres = name == "metres";
      const double limit = name == "latitude" || name == "south" || name == "north" ? 90 : 180;
      if (metres ? !(got >= 0 && got <= 1e8) : !(got >= -limit && got <= limit)) {
        at_ = begin;
        return expected("the " + std::string(name) +
                        (metres        ? ", 0 to 100000000"
                         : limit == 90 ? ", -90 to 90"
                                       : ", -180 to 180"));
      }
      node->place[i++] = got;
    }
    if (!symbol(")")) return expected("\")\"");
    return node;
  }

  Result<double> number() {
    skip_space();
    const size_t begin = at_;
    TRY(const std::string text, value("a value"));
    const double got = filter_number(text);
    if (has_number(got)) return got;
    at_ = begin;
    return expected("a number");
  }

  static void add(Node& node, std::string text) {
    node.numbers.push_back(filter_number(text));
    node.texts.push_back(std::move(text));
  }

  Result<std::string> value(std::string_view what) {
    skip_space();
    std::string text;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const char quote = text_[at_];
      const size_t begin = at_++;
      for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
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
    while (at_ < text_.size() && kEndsWord.find(text_[at_]) == std::string_view::npos)
      text.push_back(text_[at_++]);
    if (text.empty()) return expected(what);
    return text;
  }

  bool letters(std::string_view word) {
    skip_space();
    if (text_.size() - at_ < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i)
      if ((text_[at_ + i] & ~0x20) != (word[i] & ~0x20)) return false;
    return true;
  }

  bool keyword(std::string_view word) {
    if (!letters(word)) return false;
    const size_t end = at_ + word.size();
    if (end < text_.size() && kSpace.find(text_[end]) == std::string_view::npos && text_[end] != '(' &&
        text_[end] != ')')
      return false;
    at_ = end;
    return true;
  }

  // A keyword and the "(" behind it.
  bool call(std::string_view word) {
    const size_t before = at_;
    if (keyword(word) && symbol("(")) return true;
    at_ = before;
    return false;
  }

  bool symbol(std::string_view s) {
    skip_space();
    if (text_.substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) ++at_;
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

}  // namespace

double filter_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : kNoNumber;
}

std::vector<std::string> Filter::names() const {
  std::vector<std::string> out;
  std::vector<const Node*> open = {root_.get()};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (node == nullptr) continue;
    if (!node->name.empty() && std::find(out.begin(), out.end(), node->name) == out.end())
      out.push_back(node->name);
    for (auto child = node->children.rbegin(); child != node->children.rend(); ++child)
      open.push_back(child->get());
  }
  return out;
}

Result<Filter> Filter::parse(std::string_view text) {
  Filter filter;
  if (text.find_first_not_of(kSpace) == std::string_view::npos) return filter;
  if (text.size() > kBytesMax)
    return invalid("filter: expected at most 4096 bytes, got " + std::to_string(text.size()));
  TRY(std::shared_ptr<Node> root, Parser(text).parse());
  filter.root_ = std::move(root);
  return filter;
}

Filter Filter::one_of(std::string name, std::vector<std::string> values) {
  auto node = make(Node::Kind::kOneOf);
  node->name = std::move(name);
  for (const std::string& value : values) node->numbers.push_back(filter_number(value));
  node->texts = std::move(values);
  Filter filter;
  filter.root_ = std::move(node);
  return filter;
}

Filter Filter::between(std::string name, double low, double high) {
  auto node = make(Node::Kind::kRange);
  node->name = std::move(name);
  node->low = low;
  node->high = high;
  Filter filter;
  filter.root_ = std::move(node);
  return filter;
}

Filter Filter::all_of(std::span<const Filter> filters) {
  auto node = make(Node::Kind::kAnd);
  for (const Filter& each : filters)
    if (!each.empty()) node->children.push_back(each.root_);
  Filter filter;
  if (node->children.size() == 1)
    filter.root_ = node->children.front();
  else if (!node->children.empty())
    filter.root_ = std::move(node);
  return filter;
}

}  // namespace freshet
