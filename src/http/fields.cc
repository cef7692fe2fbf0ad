#include "http/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <boost/json.hpp>

namespace freshet {
namespace {

namespace json = boost::json;

constexpr size_t kNamesMax = 64;
constexpr size_t kListMax = 1000;
constexpr size_t kDepthMax = 8;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

}  // namespace

struct FieldsReader {
  using Given = Fields::Given;
  using Kind = Fields::Kind;

  static Given given(std::string_view name, const json::value& value) {
    Given out;
    out.name = name;
    switch (value.kind()) {
      case json::kind::null:
        break;
      case json::kind::bool_:
        out.kind = Kind::kFlag;
        out.flag = value.get_bool();
        break;
      case json::kind::int64:
      case json::kind::uint64:
      case json::kind::double_:
        out.kind = Kind::kNumber;
        out.number = value.to_number<double>();
        break;
      case json::kind::string:
        out.kind = Kind::kText;
        out.text = value.get_string();
        break;
      case json::kind::array:
        out.kind = Kind::kList;
        for (const json::value& one : value.get_array()) {
          if (!one.is_string()) out.kind = Kind::kOther;
          if (out.kind == Kind::kList) out.list.emplace_back(one.get_string());
        }
        break;
      case json::kind::object:
        out.kind = Kind::kOther;
    }
    return out;
  }
};

Fields Fields::from_query(const Request& request) {
  Fields fields;
  fields.query_ = true;
  for (const Header& pair : request.query) {
    if (Given* known = fields.find(pair.first)) {  // Repeated: a list.
      known->list.push_back(pair.second);
      known->kind = Kind::kList;
      continue;
    }
    Given given;
    given.name = pair.first;
    given.kind = Kind::kText;
    given.text = pair.second;
    given.list = {pair.second};
    fields.given_.push_back(std::move(given));
  }
  fields.known_.clear();
  for (Given& given : fields.given_) given.asked = false;
  return fields;
}

Fields Fields::from_json(std::string_view body) {
  Fields fields;
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::parser parser({}, options);
  boost::system::error_code error;
  const size_t read = parser.write_some(body.data(), body.size(), error);
  const size_t after = std::min(body.find_first_not_of(" \t\r\n", read), body.size());
  if (error || after != body.size()) {
    const std::string why = error ? error.message() : "text after the object";
    fields.problem_ = Problem{400, "malformed_json",
                              "the body is not JSON from byte " + std::to_string(read) + " on (" + why + ")",
                              "", static_cast<int64_t>(read)};
    return fields;
  }
  const json::value value = parser.release();
  if (!value.is_object()) {
    fields.problem_ = Problem{400, "malformed_json", "expected a JSON object", "", 0};
    return fields;
  }
  if (value.get_object().size() > kNamesMax) {
    fields.problem_ =
        Problem{400, "too_many", "more than " + std::to_string(kNamesMax) + " names in the object"};
    return fields;
  }
  for (const auto& [name, one] : value.get_object()) {
    const std::string_view key(name.data(), name.size());
    fields.given_.push_back(FieldsReader::given(key, one));
  }
  return fields;
}

Fields Fields::of(const Request& request) {
  if (request.method == Method::kGet || request.method == Method::kHead || request.body.empty())
    return from_query(request);
  return from_json(request.body);
}

Fields::Given* Fields::find(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
  for (Given& given : given_) {
    if (given.name != name) continue;
    given.asked = true;
    return given.kind == Kind::kNull ? nullptr : &given;
  }
  return nullptr;
}

void Fields::wrong(std::string_view name, std::string message) {
  if (problem_) return;
  problem_ = Problem{400, "invalid", std::string(name) + ": " + std::move(message), std::string(name)};
}

void Fields::text(std::string_view name, std::string& out, size_t bytes_max) {
  const Given* given = find(name);
  if (given == nullptr) return;
  if (given->kind != Kind::kText) return wrong(name, "expected one text");
  if (given->text.size() > bytes_max)
    return wrong(name, "expected at most " + std::to_string(bytes_max) + " bytes");
  out = given->text;
}

void Fields::texts(std::string_view name, std::vector<std::string>& out, size_t count_max, size_t bytes_max) {
  const Given* given = find(name);
  if (given == nullptr) return;
  std::vector<std::string> list;
  if (query_) {
    for (const std::string& one : given->list) {
      for (std::string& part : split(one)) list.push_back(std::move(part));
    }
  } else if (given->kind == Kind::kText) {
    list = {given->text};
  } else if (given->kind == Kind::kList) {
    list = given->list;
  } else {
    return wrong(name, "expected a list of texts");
  }
  if (list.size() > std::min(count_max, kListMax))
    return wrong(name, "expected at most " + std::to_string(std::min(count_max, kListMax)) + " of them");
  for (const std::string& one : list) {
    if (one.size() > bytes_max)
      return wrong(name, "expected at most " + std::to_string(bytes_max) + " bytes in each");
  }
  out = std::move(list);
}

void Fields::whole(std::string_view name, uint64_t& out, uint64_t min, uint64_t max) {
  const Given* given = find(name);
  if (given == nullptr) return;
  const std::string expected =
      "expected a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  uint64_t value = 0;
  if (query_ && given->kind == Kind::kText) {
    const char* end = given->text.data() + given->text.size();
    const auto [stop, error] = std::from_chars(given->text.data(), end, value);
    if (error != std::errc() || stop != end) return wrong(name, expected);
  } else if (given->kind == Kind::kNumber) {
    const double x = given->number;
    if (!(x >= 0) || x > 9e15 || x != std::floor(x)) return wrong(name, expected);
    value = static_cast<uint64_t>(x);
  } else {
    return wrong(name, expected);
  }
  if (value < min || value > max) return wrong(name, expected);
  out = value;
}

void Fields::flag(std::string_view name, bool& out) {
  const Given* given = find(name);
  if (given == nullptr) return;
  if (given->kind == Kind::kFlag) {
    out = given->flag;
  } else if (query_ && given->kind == Kind::kText && (given->text == "true" || given->text == "1")) {
    out = true;
  } else if (query_ && given->kind == Kind::kText && (given->text == "false" || given->text == "0")) {
    out = false;
  } else {
    wrong(name, "expected true or false");
  }
}

std::optional<Problem> Fields::finish() {
  if (problem_) return problem_;
  for (const Given& given : given_) {
    if (given.asked) continue;
    std::string names;
    for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
    const std::string shown = valid_utf8(std::string_view(given.name).substr(0, 64));
    return Problem{400, "unknown_field",
                   "unknown field \"" + shown + "\"; expected " + (names.empty() ? "none" : names), shown};
  }
  return std::nullopt;
}

}  // namespace freshet
