#include "json/json.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <boost/json.hpp>

namespace freshet {
namespace {

namespace bj = boost::json;

// Depth is bounded by the parser.
Json convert(const bj::value& from) {
  Json out;
  switch (from.kind()) {
    case bj::kind::null:
      break;
    case bj::kind::bool_:
      out.value = from.get_bool();
      break;
    case bj::kind::int64:
      out.value = from.get_int64();
      break;
    case bj::kind::uint64:
      out.value = static_cast<double>(from.get_uint64());  // Beyond int64: as near as a double comes.
      break;
    case bj::kind::double_:
      out.value = from.get_double();
      break;
    case bj::kind::string:
      out.value = std::string(from.get_string());
      break;
    case bj::kind::array: {
      Json::List list;
      list.reserve(from.get_array().size());
      for (const bj::value& one : from.get_array()) list.push_back(convert(one));
      out.value = std::move(list);
      break;
    }
    case bj::kind::object: {
      Json::Object object;
      object.reserve(from.get_object().size());
      for (const auto& [name, one] : from.get_object()) object.push_back({std::string(name), convert(one)});
      out.value = std::move(object);
      break;
    }
  }
  return out;
}

}  // namespace

bool Json::number(double& out) const {
  if (const auto* whole = std::get_if<int64_t>(&value)) {
    out = static_cast<double>(*whole);
    return true;
  }
  if (const auto* real = std::get_if<double>(&value)) {
    out = *real;
    return true;
  }
  return false;
}

const Json* Json::find(std::string_view name) const {
  if (const Object* members = object())
    for (const auto& [key, member] : *members)
      if (key == name) return &member;
  return nullptr;
}

const Json& Json::at(std::string_view name) const {
  static const Json kNull;
  const Json* found = find(name);
  return found == nullptr ? kNull : *found;
}
std::string Json::text_at(std::string_view name) const {
  const std::string* found = at(name).text();
  return found == nullptr ? std::string() : *found;
}
double Json::number_at(std::string_view name) const {
  double found = std::nan("");
  at(name).number(found);
  return found;
}
bool Json::flag_at(std::string_view name) const {
  const bool* found = at(name).flag();
  return found != nullptr && *found;
}
const Json::List& Json::list_at(std::string_view name) const {
  static const List kNone;
  const List* found = at(name).list();
  return found == nullptr ? kNone : *found;
}

std::string_view Json::kind() const {
  static constexpr std::string_view kNames[] = {"null",   "true or false", "a number", "a number",
                                                "a text", "a list",        "an object"};
  return kNames[value.index()];
}

std::string shown(const Json& value) {
  if (const std::string* text = value.text()) {
    JsonWriter json;
    size_t cut = std::min<size_t>(text->size(), 40);
    while (cut > 0 && cut < text->size() && (static_cast<unsigned char>((*text)[cut]) & 0xc0) == 0x80) --cut;
    json.value(std::string_view(*text).substr(0, cut));
    return json.take();
  }
  if (value.list() != nullptr || value.object() != nullptr) return std::string(value.kind());
  JsonWriter json;
  write_json(json, value);
  return json.take();
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max)
    return exhausted("expected at most " + std::to_string(limits.bytes_max) + " bytes of JSON, got " +
                     std::to_string(text.size()));
  bj::parse_options options;
  options.max_depth = limits.depth_max;
  try {
    bj::parser parser({}, options);
    boost::system::error_code error;
    const size_t read = parser.write_some(text.data(), text.size(), error);
    const size_t after = std::min(text.find_first_not_of(" \t\r\n", read), text.size());
    if (!error && after != text.size())
      return invalid("not JSON from byte " + std::to_string(after) + " on (text after the value)");
    if (error) return invalid("not JSON from byte " + std::to_string(read) + " on (" + error.message() + ")");
    return convert(parser.release());
  } catch (const std::exception& error) {  // Out of memory, or what the library thinks worth throwing.
    return invalid(std::string("not JSON: ") + error.what());
  }
}

void merge_patch(Json& target, const Json& patch) {
  const Json::Object* changes = patch.object();
  if (changes == nullptr) {
    target = patch;
    return;
  }
  if (target.object() == nullptr) target.value = Json::Object();
  auto& members = std::get<Json::Object>(target.value);
  for (const Json::Member& change : *changes) {
    auto there = std::find_if(members.begin(), members.end(),
                              [&](const Json::Member& one) { return one.name == change.name; });
    if (change.value.is_null()) {
      if (there != members.end()) members.erase(there);
      continue;
    }
    if (there == members.end()) there = members.insert(there, {change.name, {}});
    merge_patch(there->value, change.value);
  }
}

void write_json(JsonWriter& out, const Json& value) {
  if (const bool* flag = value.flag()) {
    out.value(*flag);
  } else if (const auto* whole = std::get_if<int64_t>(&value.value)) {
    out.value(*whole);
  } else if (const auto* real = std::get_if<double>(&value.value)) {
    out.value(*real);
  } else if (const std::string* text = value.text()) {
    out.value(std::string_view(*text));
  } else if (const Json::List* list = value.list()) {
    out.array();
    for (const Json& one : *list) write_json(out, one);
    out.end();
  } else if (const Json::Object* object = value.object()) {
    out.object();
    for (const auto& [name, one] : *object) {
      out.key(name);
      write_json(out, one);
    }
    out.end();
  } else {
    out.null();
  }
}

// ---- fields

JsonFields::JsonFields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (object.object() == nullptr)
    problem_ = invalid((path_.empty() ? "" : path_ + ": ") + "expected an object, got " + shown(object));
}

const Json* JsonFields::find(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
  const Json* found = object_.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

bool JsonFields::has(std::string_view name) {
  return find(name) != nullptr;
}

const Json* JsonFields::any(std::string_view name) {
  return find(name);
}

void JsonFields::wrong(std::string_view name, std::string_view expected, const Json* got) {
  if (!problem_.ok()) return;
  problem_ = invalid(path(name) + ": expected " + std::string(expected) +
                     (got == nullptr ? std::string() : ", got " + shown(*got)));
}

void JsonFields::fail(const Status& status) {
  if (problem_.ok() && !status.ok()) problem_ = status;
}

void JsonFields::flag(std::string_view name, bool& out) {
  const Json* found = find(name);
  if (found == nullptr) return;
  if (const bool* flag = found->flag()) {
    out = *flag;
  } else {
    wrong(name, "true or false", found);
  }
}

void JsonFields::text(std::string_view name, std::string& out, size_t bytes_min, size_t bytes_max) {
  const Json* found = find(name);
  if (found == nullptr) return;
  const std::string* text = found->text();
  if (text == nullptr) return wrong(name, "a text", found);
  if (text->size() < bytes_min || text->size() > bytes_max)
    return wrong(name,
                 "a text of " + std::to_string(bytes_min) + " to " + std::to_string(bytes_max) + " bytes",
                 found);
  out = *text;
}

void JsonFields::texts(std::string_view name, std::vector<std::string>& out, size_t count_max,
                       size_t bytes_max) {
  const Json* found = find(name);
  if (found == nullptr) return;
  const Json::List* items = found->list();
  if (items == nullptr) return wrong(name, "a list of texts", found);
  if (items->size() > count_max)
    return wrong(name,
                 "at most " + std::to_string(count_max) + " texts, got " + std::to_string(items->size()));
  std::vector<std::string> texts;
  for (size_t i = 0; i < items->size(); ++i) {
    const std::string* text = (*items)[i].text();
    if (text == nullptr || text->empty() || text->size() > bytes_max)
      return wrong(std::string(name) + "[" + std::to_string(i) + "]",
                   "a text of 1 to " + std::to_string(bytes_max) + " bytes", &(*items)[i]);
    texts.push_back(*text);
  }
  out = std::move(texts);
}

void JsonFields::number(std::string_view name, double& out, double min, double max) {
  const Json* found = find(name);
  if (found == nullptr) return;
  double number = 0;
  if (!found->number(number) || !(number >= min && number <= max)) {
    char expected[96];
    std::snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
    return wrong(name, expected, found);
  }
  out = number;
}

void JsonFields::whole(std::string_view name, uint64_t& out, uint64_t min, uint64_t max) {
  const Json* found = find(name);
  if (found == nullptr) return;
  double number = 0;
  if (!found->number(number) || number != std::floor(number) || !(number >= static_cast<double>(min)) ||
      !(number <= static_cast<double>(max)))
    return wrong(name, "a whole number from " + std::to_string(min) + " to " + std::to_string(max), found);
  out = static_cast<uint64_t>(number);
}

void JsonFields::whole(std::string_view name, uint32_t& out, uint32_t min, uint32_t max) {
  uint64_t wide = out;
  whole(name, wide, min, max);
  out = static_cast<uint32_t>(wide);
}

const Json::List* JsonFields::list(std::string_view name, size_t count_max) {
  const Json* found = find(name);
  if (found == nullptr) return nullptr;
  const Json::List* items = found->list();
  if (items == nullptr) {
    wrong(name, "a list", found);
  } else if (items->size() > count_max) {
    wrong(name, "at most " + std::to_string(count_max) + " entries, got " + std::to_string(items->size()));
    return nullptr;
  }
  return items;
}

size_t JsonFields::place_of(std::string_view name, std::span<const std::string_view> names) {
  const Json* given = any(name);
  if (given == nullptr) return names.size();
  const std::string* text = given->text();
  const auto at = text == nullptr ? names.end() : std::find(names.begin(), names.end(), *text);
  if (at == names.end()) {
    std::string expected = "one of ";
    for (size_t i = 0; i < names.size(); ++i)
      expected += (i == 0 ? "\"" : ", \"") + std::string(names[i]) + "\"";
    wrong(name, expected, given);
  }
  return static_cast<size_t>(at - names.begin());
}

Status JsonFields::finish() {
  if (!problem_.ok()) return problem_;
  for (const auto& [name, value] : *object_.object()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    std::string names;
    for (const std::string& known : known_) names += (names.empty() ? "" : ", ") + known;
    Json key;
    key.value = name;
    const std::string quoted = shown(key);
    return invalid(path(quoted.substr(1, quoted.size() - 2)) + ": unknown name; expected one of " + names);
  }
  return {};
}

}  // namespace freshet
