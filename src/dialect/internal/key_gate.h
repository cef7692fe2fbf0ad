// Who may pass through the doors that other programs' clients use: the same keys as everywhere, found where
// each client puts them, and errors in the words of each.
//
//   X-API-Key: KEY    Authorization: Bearer KEY    Authorization: Basic base64(KEY ":")    ?api_secret=KEY
//
// A key that is bound to searches (indexes, filters) opens none of these doors: what they read and write
// knows no such bounds. Pages of any origin may ask when keys are required. Threads: any.
#pragma once

#include "http/guard.h"
#include "http/request_gate.h"

namespace freshet::dialect_internal {

class KeyGate : public RequestGate {
 public:
  using Refuse = Response (*)(int status, std::string_view message);
  KeyGate(Guard& guard, Refuse refuse) : guard_(guard), refuse_(refuse) {}
  std::optional<Response> check(Request& request, Access access, uint64_t now_ns) override;
  // The same with a key that was found elsewhere; for open routes whose bodies bear it. `caller`: its name.
  std::optional<Response> admit(const std::string& key, Access access, uint64_t now_ns, std::string& caller);
  void allow_origin(const Request& request, Response& response) const override;
  Response preflight(const Request& request, const std::string& allow) const override;
  Response refusal(const Problem& what) const override { return refuse_(what.status, what.message); }

 private:
  Response translated(const Response& native, int status) const;

  Guard& guard_;
  const Refuse refuse_;
};

// The key of a request; empty: there is none.
std::string key_of(const Request& request);

Role least_role(Access access);
// The message of a native error.
std::string message_of(const Response& native, int status);
bool from_base64(std::string_view text, std::string& out);

}  // namespace freshet::dialect_internal
