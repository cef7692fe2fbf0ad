#include "dialect/internal/key_gate.h"

#include <algorithm>

#include "json/json.h"

namespace freshet::dialect_internal {
namespace {

bool begins(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b | 0x20) : b);
         });
}

}  // namespace

Role least_role(Access access) {
  return access == Access::kAdmin ? Role::kAdmin : access == Access::kWrite ? Role::kWrite : Role::kRead;
}

std::string message_of(const Response& native, int status) {
  const Result<Json> body = parse_json(native.body);
  const Json* error = body.ok() ? body->find("error") : nullptr;
  const Json* message = error == nullptr ? nullptr : error->find("message");
  return message != nullptr && message->text() != nullptr ? *message->text()
                                                          : std::string(reason_phrase(status));
}

std::string key_of(const Request& request) {
  if (const std::string_view key = request.header("x-api-key"); !key.empty()) return std::string(key);
  const std::string_view given = request.header("authorization");
  if (begins(given, "bearer ")) return std::string(given.substr(7));
  if (std::string plain; begins(given, "basic ") && from_base64(given.substr(6), plain))
    return plain.substr(0, plain.find(':'));
  return std::string(request.argument("api_secret").value_or(""));
}

Response KeyGate::translated(const Response& native, int status) const {
  Response out = refuse_(status, message_of(native, status));
  for (const Header& header : native.headers)
    if (header.first == "retry-after") out.headers.push_back(header);
  return out;
}

std::optional<Response> KeyGate::check(Request& request, Access access, uint64_t now_ns) {
  if (!guard_.keys_required()) {
    const auto refused = guard_.check_open_door(request);
    return refused ? std::optional(translated(*refused, 403)) : std::nullopt;
  }
  if (access == Access::kOpen) return std::nullopt;
  return admit(key_of(request), access, now_ns, request.caller);
}

std::optional<Response> KeyGate::admit(const std::string& key, Access access, uint64_t now_ns,
                                       std::string& caller) {
  if (!guard_.keys_required()) return std::nullopt;
  if (key.empty()) return refuse_(401, "this path needs an API key");
  const std::optional<ApiKeyInfo> info = guard_.keys()->find(key);
  if (!info) return refuse_(401, "the API key is not known");
  if (!info->limits.empty()) return refuse_(403, "this key is bound to searches and opens no other door");
  const Role least = least_role(access);
  if (info->role < least)
    return refuse_(403, "this path needs a key of role " + std::string(role_name(least)) +
                            ", this one has role " + std::string(role_name(info->role)));
  caller = info->name;
  const auto refused = guard_.check_rate(info->id, now_ns);
  return refused ? std::optional(translated(*refused, 429)) : std::nullopt;
}

void KeyGate::allow_origin(const Request& request, Response& response) const {
  if (!guard_.keys_required()) return guard_.allow_origin(request, response);
  response.headers.emplace_back("access-control-allow-origin", "*");
  response.headers.emplace_back("access-control-expose-headers", "retry-after");
}

Response KeyGate::preflight(const Request& request, const std::string& allow) const {
  if (!guard_.keys_required()) return guard_.preflight(request, allow);
  Response response;
  response.status = 204;
  response.headers.emplace_back("allow", allow);
  response.headers.emplace_back("access-control-allow-methods", allow);
  response.headers.emplace_back("access-control-allow-headers",
                                "authorization, content-type, content-encoding, x-api-key");
  response.headers.emplace_back("access-control-max-age", "86400");
  return response;
}

}  // namespace freshet::dialect_internal
