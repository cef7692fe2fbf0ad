// Who may do what: API keys, where requests may come from, and how often.
//
// With keys: a request bears one as `Authorization: Bearer fk_...` or `X-API-Key: fk_...`. No key or an
// unknown one: 401; a key of too small a role: 403. Without keys (only possible on a loopback address) a
// request must name a loopback host and, when a browser sent it, come from a page of ours: so no page of
// another site can use the open door of somebody's own machine. Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/api_keys.h"
#include "http/message.h"
#include "http/request_gate.h"
#include "http/router.h"

namespace freshet {

struct GuardOptions {
  bool keys_required = true;
  std::vector<std::string>
      cors_origins;                // "https://shop.example"; "*": any (keys are then the only protection)
  double requests_per_second = 0;  // Each key; 0: no limit.
  double burst = 100;
};

bool is_loopback(std::string_view host);  // "127.0.0.1", "::1", "localhost:8080", "[::1]:80"

class Guard : public RequestGate {
 public:
  // `keys` must outlive this; null only when options.keys_required is false.
  Guard(GuardOptions options, const ApiKeys* keys) : options_(std::move(options)), keys_(keys) {}

  std::optional<Response> check(Request& request, Access access, uint64_t now_ns) override;
  void allow_origin(const Request& request, Response& response) const override;
  Response preflight(const Request& request, const std::string& allow) const override;

  bool origin_allowed(std::string_view origin) const;  // May its pages ask? By cors_origins alone.

  // For other gates in front of the same keys.
  bool keys_required() const { return options_.keys_required; }
  const ApiKeys* keys() const { return keys_; }
  std::optional<Response> check_open_door(const Request& request) const;  // When no keys are required.
  std::optional<Response> check_rate(const std::string& key_id, uint64_t now_ns);

 private:
  struct Bucket {
    double tokens = 0;
    uint64_t at_ns = 0;
  };

  const GuardOptions options_;
  const ApiKeys* const keys_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;  // By key id: as many as there are keys.
};

}  // namespace freshet
