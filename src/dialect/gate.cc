#include "dialect/internal/gate.h"

#include <algorithm>

#include "dialect/internal/bound.h"
#include "dialect/internal/key_gate.h"
#include "dialect/internal/parts.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr std::string_view kPrefix = "x-algolia-";

bool same_name(std::string_view given, std::string_view lower) {
  return given.size() == lower.size() &&
         std::equal(given.begin(), given.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
         });
}

// The native refusal in the dialect's shape.
Response translated(const Response& native, int status) {
  Response out = refusal(status, message_of(native, status));
  for (const Header& header : native.headers)
    if (header.first == "retry-after") out.headers.push_back(header);
  return out;
}

}  // namespace

std::string_view credential(const Request& request, std::string_view name) {
  const std::string whole = std::string(kPrefix) + std::string(name);
  const std::string_view header = request.header(whole);
  if (!header.empty()) return header;
  for (const auto& [given, value] : request.query)
    if (same_name(given, whole)) return value;
  return {};
}

std::optional<Response> StorefrontGate::check(Request& request, Access access, uint64_t now_ns) {
  if (!guard_.keys_required()) {
    const auto refused = guard_.check_open_door(request);
    return refused ? std::optional(translated(*refused, 403)) : std::nullopt;
  }
  if (access == Access::kOpen) return std::nullopt;
  const std::string_view key = credential(request, "api-key");
  if (key.empty()) return refusal(Problem{403, "", "this path needs an API key in x-algolia-api-key"});
  std::optional<ApiKeyInfo> info = guard_.keys()->find(key);
  std::string bound = info ? info->limits : std::string();
  if (DerivedKey derived; !info && read_derived_key(key, derived)) {
    info = guard_.keys()->find_signer(derived.mac, derived.restrictions);
    if (info) {
      bound = derived.restrictions + (info->limits.empty() ? "" : "&") + info->limits;
      info->role = Role::kRead;  // Whatever its parent may do: it was made to be given away.
    }
  }
  if (!info) return refusal(Problem{403, "", "the API key is not known"});
  if (const std::string why = not_now(bound, request.remote, now_ms()); !why.empty())
    return refusal(Problem{403, "", why});
  if (!bound.empty()) request.headers.emplace_back(kBoundHeader, bound);
  const std::vector<std::string>& path = request.segments;
  if (path.size() > 2 && path[1] == "indexes" && path[2] != "*" && !index_allowed(request, path[2]))
    return refusal(Problem{403, "", "this key may not use index " + path[2]});
  const Role least = least_role(access);
  if (info->role < least)
    return refusal(Problem{403, "",
                           "this path needs a key of role " + std::string(role_name(least)) +
                               ", this one has role " + std::string(role_name(info->role))});
  request.caller = info->name;
  const auto refused = guard_.check_rate(info->id, now_ns);
  return refused ? std::optional(translated(*refused, 429)) : std::nullopt;
}

void StorefrontGate::allow_origin(const Request& request, Response& response) const {
  if (!guard_.keys_required()) return guard_.allow_origin(request, response);
  response.headers.emplace_back("access-control-allow-origin", "*");
  response.headers.emplace_back("access-control-expose-headers", "retry-after, correlation-id");
}

Response StorefrontGate::preflight(const Request& request, const std::string& allow) const {
  if (!guard_.keys_required()) return guard_.preflight(request, allow);
  Response response;
  response.status = 204;
  response.headers.emplace_back("allow", allow);
  response.headers.emplace_back("access-control-allow-methods", allow);
  response.headers.emplace_back("access-control-allow-headers",
                                "content-type, content-encoding, x-algolia-api-key, "
                                "x-algolia-application-id, x-algolia-agent, x-algolia-usertoken");
  response.headers.emplace_back("access-control-max-age", "86400");
  return response;
}

Response StorefrontGate::refusal(const Problem& what) const {
  return dialect_internal::refusal(what.status, what.message);
}

}  // namespace freshet::dialect_internal
