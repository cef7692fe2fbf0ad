// API keys in the dialect's form. Only digests are kept (engine/api_keys.h): a key is shown once, when it is
// made, and after that by its id.
#include <algorithm>

#include "dialect/internal/bound.h"
#include "dialect/internal/parts.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kNameBytes = 100;

std::string encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      out.push_back(c);
    } else {
      out += {'%', kHex[(c >> 4) & 15], kHex[c & 15]};
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ",") + text;
  return out;
}

Role role_of(const std::vector<std::string>& acl) {
  static constexpr std::string_view kReading[] = {"search", "recommendation"};
  static constexpr std::string_view kWriting[] = {
      "browse",          "addObject", "deleteObject", "settings",
      "listIndexes",     "analytics", "logs",         "seeUnretrievableAttributes",
      "personalization", "inference"};
  Role role = Role::kRead;
  for (const std::string& one : acl) {
    if (std::find(std::begin(kReading), std::end(kReading), one) != std::end(kReading)) continue;
    const bool writes = std::find(std::begin(kWriting), std::end(kWriting), one) != std::end(kWriting);
    role = std::max(role, writes ? Role::kWrite : Role::kAdmin);
  }
  return role;
}

struct Wanted {
  std::string name;
  Role role = Role::kRead;
  std::string limits;
};

Result<Wanted> read_wanted(const Request& request) {
  TRY(const Params params, Params::of_body(request.body, kQueryBody));
  const auto acl = params.texts("acl");
  if (!acl) return invalid("acl: expected a list of what the key is for");
  if (params.find("referers") != nullptr &&
      !params.texts("referers").value_or(std::vector<std::string>{"?"}).empty())
    return invalid("referers: cannot be checked, as a client may say what it likes; leave it out");
  if (params.whole("maxQueriesPerIPPerHour").value_or(0) != 0)
    return invalid(
        "maxQueriesPerIPPerHour: expected 0; keys.requests_per_second of the server holds for each key");
  Wanted out;
  out.name = params.text("description").substr(0, kNameBytes);
  if (out.name.empty()) out.name = "storefront";
  out.role = role_of(*acl);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty())
      out.limits += (out.limits.empty() ? "" : "&") + std::string(name) + "=" + encoded(value);
  };
  add("acl", joined(*acl));
  add("restrictIndices", joined(params.texts("indexes").value_or(std::vector<std::string>())));
  if (const int64_t seconds = params.whole("validity").value_or(0); seconds > 0)
    add("validUntil", std::to_string(now_ms() / 1000 + seconds));
  if (const int64_t hits = params.whole("maxHitsPerQuery").value_or(0); hits > 0)
    add("maxHitsPerQuery", std::to_string(hits));
  const std::string query = params.text("queryParameters");
  if (!query.empty()) out.limits += (out.limits.empty() ? "" : "&") + query;
  return out;
}

void write_key(JsonWriter& json, const ApiKeyInfo& info, std::string_view value) {
  Json object;
  object.value = Json::Object{{"params", json_text(info.limits)}};
  const Result<Params> limits = Params::of(object);
  std::vector<std::string> acl;
  if (limits.ok()) acl = limits->texts("acl").value_or(std::vector<std::string>());
  if (acl.empty()) {
    acl = {"search", "recommendation"};
    if (info.role >= Role::kWrite)
      acl.insert(acl.end(), {"browse", "addObject", "deleteObject", "settings", "listIndexes"});
    if (info.role == Role::kAdmin) acl.insert(acl.end(), {"editSettings", "deleteIndex"});
  }
  json.object().field("value", value).field("description", std::string_view(info.name));
  json.field("createdAt", info.created_ms / 1000).key("acl").array();
  for (const std::string& one : acl) json.value(std::string_view(one));
  json.end();
  if (limits.ok()) {
    if (const auto indexes = limits->texts("restrictIndices")) {
      json.key("indexes").array();
      for (const std::string& one : *indexes) json.value(std::string_view(one));
      json.end();
    }
    if (const auto hits = limits->whole("maxHitsPerQuery")) json.field("maxHitsPerQuery", *hits);
    const int64_t until = limits->whole("validUntil").value_or(0);
    json.field("validity", until == 0 ? 0 : std::max<int64_t>(until - now_ms() / 1000, 0));
  }
  json.end();
}

Response list_keys(Parts& parts, const Request&) {
  JsonWriter json;
  json.object().key("keys").array();
  for (const ApiKeyInfo& info : parts.engine.keys().list()) write_key(json, info, info.id);
  json.end().end();
  return json_answer(json);
}

Response get_key(Parts& parts, const Request& request) {
  const auto info = parts.engine.keys().find(request.params[0]);
  if (!info) return refusal(404, "the key does not exist");
  JsonWriter json;
  write_key(json, *info, request.params[0]);
  return json_answer(json);
}

Response add_key(Parts& parts, const Request& request) {
  const auto wanted = read_wanted(request);
  if (!wanted.ok()) return refusal(wanted.error());
  const auto key = parts.engine.keys().create(wanted->name, wanted->role, now_ms(), wanted->limits);
  if (!key.ok()) return refusal(key.error());
  parts.engine.note_key("key-create", wanted->name + " (" + std::string(role_name(wanted->role)) + ")",
                        request.caller);
  JsonWriter json;
  json.object().field("key", std::string_view(*key)).field("createdAt", iso_time(now_ms())).end();
  return json_answer(json, 201);
}

Response update_key(Parts& parts, const Request& request) {
  const std::string& key = request.params[0];
  if (!parts.engine.keys().find(key)) return refusal(404, "the key does not exist");
  const auto wanted = read_wanted(request);
  if (!wanted.ok()) return refusal(wanted.error());
  const Status done = parts.engine.keys().put(key, wanted->name, wanted->role, now_ms(), wanted->limits);
  if (!done.ok()) return refusal(done.error());
  parts.engine.note_key("key-change", wanted->name + " (" + std::string(role_name(wanted->role)) + ")",
                        request.caller);
  JsonWriter json;
  json.object().field("key", std::string_view(key)).field("updatedAt", iso_time(now_ms())).end();
  return json_answer(json);
}

Response delete_key(Parts& parts, const Request& request) {
  const auto info = parts.engine.keys().find(request.params[0]);
  const Status done = parts.engine.keys().remove(info ? info->id : request.params[0]);
  if (!done.ok()) return refusal(done.error());
  parts.engine.note_key("key-remove", info ? info->name : "", request.caller);
  JsonWriter json;
  json.object().field("deletedAt", iso_time(now_ms())).end();
  return json_answer(json);
}

}  // namespace

void add_key_routes(Router& router, Parts& parts) {
  const auto add = [&](Method method, std::string pattern, size_t body, Answer answer) {
    router.add(route(parts, method, std::move(pattern), Access::kAdmin, body, true, answer));
  };
  add(Method::kGet, "/1/keys", 0, list_keys);
  add(Method::kPost, "/1/keys", kQueryBody, add_key);
  add(Method::kGet, "/1/keys/{key}", 0, get_key);
  add(Method::kPut, "/1/keys/{key}", kQueryBody, update_key);
  add(Method::kDelete, "/1/keys/{key}", 0, delete_key);
}

}  // namespace freshet::dialect_internal
