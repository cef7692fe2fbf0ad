// Who may pass, in the dialect's way: the key comes as X-Algolia-API-Key, in a header or in the query string,
// in any case of letters; a wrong one is 403; errors are {"message", "status"}; and pages of any origin may
// ask when keys are required, for then the key is what protects.
//
// Threads: any.
#pragma once

#include "http/guard.h"
#include "http/request_gate.h"

namespace freshet::dialect_internal {

class StorefrontGate : public RequestGate {
 public:
  explicit StorefrontGate(Guard& guard) : guard_(guard) {}
  std::optional<Response> check(Request& request, Access access, uint64_t now_ns) override;
  void allow_origin(const Request& request, Response& response) const override;
  Response preflight(const Request& request, const std::string& allow) const override;
  Response refusal(const Problem& what) const override;

 private:
  Guard& guard_;
};

// A credential by its name without "x-algolia-", in the header or the query; empty: not there.
std::string_view credential(const Request& request, std::string_view name);

}  // namespace freshet::dialect_internal
