#include "http/guard.h"

#include <algorithm>
#include <cmath>

namespace freshet {
namespace {

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  if (std::count(host.begin(), host.end(), ':') > 1) return host;  // A bare IPv6 address.
  return host.substr(0, std::min(host.find(':'), host.size()));
}

std::string_view key_of(const Request& request) {
  const std::string_view direct = request.header("x-api-key");
  if (!direct.empty()) return direct;
  std::string_view authorization = request.header("authorization");
  static constexpr std::string_view kBearer = "bearer ";
  if (authorization.size() <= kBearer.size()) return {};
  for (size_t i = 0; i < kBearer.size(); ++i) {
    if ((authorization[i] | 0x20) != (kBearer[i] | 0x20)) return {};
  }
  authorization.remove_prefix(kBearer.size());
  return authorization;
}

Role least_role(Access access) {
  return access == Access::kAdmin ? Role::kAdmin : access == Access::kWrite ? Role::kWrite : Role::kRead;
}

Response unauthorized(std::string message) {
  Response response = problem(Problem{401, "unauthorized", std::move(message)});
  response.headers.emplace_back("www-authenticate", "Bearer realm=\"freshet\"");
  return response;
}

}  // namespace

bool is_loopback(std::string_view host) {
  const std::string_view name = without_port(host);
  if (name == "localhost" || name == "::1") return true;
  if (!name.starts_with("127.")) return false;
  return name.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<Response> Guard::check(Request& request, Access access, uint64_t now_ns) {
  if (!options_.keys_required) return check_open_door(request);
  if (access == Access::kOpen) return std::nullopt;
  const std::string_view key = key_of(request);
  if (key.empty())
    return unauthorized("this path needs an API key: Authorization: Bearer <key>, or X-API-Key: <key>");
  const std::optional<ApiKeyInfo> info = keys_->find(key);
  if (!info) return unauthorized("the API key is not known");
  const Role least = least_role(access);
  if (info->role < least) {
    return problem(Problem{403, "forbidden",
                           "this path needs a key of role " + std::string(role_name(least)) +
                               ", this one has role " + std::string(role_name(info->role))});
  }
  request.caller = info->name;
  return check_rate(info->id, now_ns);
}

std::optional<Response> Guard::check_open_door(const Request& request) const {
  const std::string_view host = request.header("host");
  if (!host.empty() && !is_loopback(host)) {
    return problem(Problem{403, "host",
                           "without API keys the server answers only requests to a loopback name, not to \"" +
                               valid_utf8(host.substr(0, 100)) + "\"",
                           "host"});
  }
  const std::string_view origin = request.header("origin");
  if (origin.empty() || origin_allowed(origin)) return std::nullopt;
  const size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && origin.substr(scheme + 3) == host) return std::nullopt;
  return problem(
      Problem{403, "origin", "pages of this origin may not use the server: see cors_origins", "origin"});
}

std::optional<Response> Guard::check_rate(const std::string& key_id, uint64_t now_ns) {
  if (options_.requests_per_second <= 0) return std::nullopt;
  std::lock_guard lock(mutex_);
  const auto [entry, first] = buckets_.try_emplace(key_id, Bucket{options_.burst, now_ns});
  Bucket& bucket = entry->second;
  const double passed = static_cast<double>(now_ns - bucket.at_ns) * 1e-9;
  bucket.tokens = std::min(options_.burst, bucket.tokens + passed * options_.requests_per_second);
  bucket.at_ns = now_ns;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const double wait = (1 - bucket.tokens) / options_.requests_per_second;
  Response response =
      problem(Problem{429, "rate",
                      "more than requests_per_second = " + std::to_string(options_.requests_per_second) +
                          " (burst " + std::to_string(options_.burst) + ") with this key"});
  response.headers.emplace_back("retry-after", std::to_string(static_cast<int64_t>(std::ceil(wait))));
  return response;
}

bool Guard::origin_allowed(std::string_view origin) const {
  const auto& list = options_.cors_origins;
  return std::find(list.begin(), list.end(), origin) != list.end() ||
         std::find(list.begin(), list.end(), "*") != list.end();
}

void Guard::allow_origin(const Request& request, Response& response) const {
  if (options_.cors_origins.empty()) return;
  response.headers.emplace_back("vary", "origin");
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !origin_allowed(origin)) return;
  response.headers.emplace_back("access-control-allow-origin", origin);
  response.headers.emplace_back("access-control-expose-headers", "retry-after");
}

Response Guard::preflight(const Request& request, const std::string& allow) const {
  Response response;
  response.status = 204;
  response.headers.emplace_back("allow", allow);
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && origin_allowed(origin)) {
    response.headers.emplace_back("access-control-allow-methods", allow);
    response.headers.emplace_back("access-control-allow-headers",
                                  "authorization, content-encoding, content-type, x-api-key");
    response.headers.emplace_back("access-control-max-age", "600");
  }
  return response;
}

}  // namespace freshet
