#include "dialect/internal/params.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "http/message.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kDepth = 24;

// A value of the URL-encoded form: JSON where it looks like a list or an object, else the text itself.
Json decoded_value(const std::string& text) {
  if (text.starts_with('[') || text.starts_with('{')) {
    Result<Json> json = parse_json(text, {text.size(), kDepth});
    if (json.ok()) return std::move(json).value();
  }
  return json_text(text);
}

Status decode_params(std::string_view encoded, Json::Object& out) {
  while (!encoded.empty()) {
    const size_t end = std::min(encoded.find('&'), encoded.size());
    const std::string_view pair = encoded.substr(0, end);
    encoded.remove_prefix(std::min(end + 1, encoded.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name.ok() || !value.ok())
      return invalid("params: expected URL-encoded name=value pairs, got \"" +
                     valid_utf8(pair.substr(0, 60)) + "\"");
    out.push_back({std::move(name).value(), decoded_value(*value)});
  }
  return {};
}

}  // namespace

Json json_text(std::string_view text) {
  Json out;
  out.value = std::string(text);
  return out;
}

std::string json_line(const Json& value) {
  JsonWriter out;
  write_json(out, value);
  return out.take();
}

Result<Params> Params::of(const Json& object) {
  const Json::Object* members = object.object();
  if (members == nullptr) return invalid("body: expected an object, got " + std::string(object.kind()));
  Params out;
  std::string encoded;
  for (const auto& [name, value] : *members) {
    if (name == "params" && value.text() != nullptr) {
      encoded = *value.text();
    } else if (!value.is_null()) {
      out.members_.push_back({name, value});
    }
  }
  Json::Object more;
  TRY_STATUS(decode_params(encoded, more));
  for (Json::Member& one : more)
    if (out.find(one.name) == nullptr) out.members_.push_back(std::move(one));
  return out;
}

Result<Params> Params::of_body(std::string_view body, size_t bytes_max) {
  if (body.empty()) return Params();
  TRY(const Json json, parse_json(body, {bytes_max, kDepth}));
  return of(json);
}

const Json* Params::find(std::string_view name) const {
  for (const Json::Member& one : members_)
    if (one.name == name) return &one.value;
  return nullptr;
}

std::string Params::text(std::string_view name, std::string_view otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return std::string(otherwise);
  if (const std::string* text = value->text()) return *text;
  double number = 0;
  if (value->flag() != nullptr || value->number(number)) return json_line(*value);
  return std::string(otherwise);
}

std::optional<double> Params::number(std::string_view name) const {
  const Json* value = find(name);
  double out = 0;
  if (value == nullptr) return std::nullopt;
  if (value->number(out)) return out;
  const std::string* text = value->text();
  if (text == nullptr) return std::nullopt;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (error != std::errc() || stop != text->data() + text->size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

std::optional<int64_t> Params::whole(std::string_view name) const {
  const std::optional<double> value = number(name);
  if (!value || std::abs(*value) > 1e15) return std::nullopt;
  return static_cast<int64_t>(*value);
}

std::optional<bool> Params::flag(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const bool* flag = value->flag()) return *flag;
  if (const std::string* text = value->text()) {
    if (*text == "true" || *text == "1") return true;
    if (*text == "false" || *text == "0") return false;
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> Params::texts(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> out;
  if (const Json::List* list = value->list()) {
    for (const Json& one : *list)
      if (one.text() != nullptr) out.push_back(*one.text());
    return out;
  }
  const std::string* text = value->text();
  if (text == nullptr) return std::nullopt;
  for (size_t at = 0; at <= text->size();) {
    const size_t end = std::min(text->find(',', at), text->size());
    const size_t first = std::min(text->find_first_not_of(' ', at), end);
    if (end > first) out.push_back(text->substr(first, end - first));
    at = end + 1;
  }
  return out;
}

void Params::merge(const Json& defaults) {
  const Json::Object* members = defaults.object();
  if (members == nullptr) return;
  for (const Json::Member& one : *members)
    if (!one.value.is_null() && find(one.name) == nullptr) members_.push_back(one);
}

void Params::set(std::string_view name, Json value) {
  for (Json::Member& one : members_) {
    if (one.name != name) continue;
    one.value = std::move(value);
    return;
  }
  members_.push_back({std::string(name), std::move(value)});
}

}  // namespace freshet::dialect_internal
