// How one API of the server meets the outside: who may pass, what a browser is told, what an error looks
// like. The native API's is the Guard; an API that is mounted beside it brings its own.
//
// Threads: any.
#pragma once

#include <optional>
#include <string>

#include "http/message.h"
#include "http/router.h"

namespace freshet {

class RequestGate {
 public:
  virtual ~RequestGate() = default;
  // nullopt: let it pass; request.caller is then the name of the key. `now_ns`: monotonic.
  virtual std::optional<Response> check(Request& request, Access access, uint64_t now_ns) = 0;
  // Adds what a browser needs to hand the answer to the page that asked. Of a request whose answer came
  // later only the origin is known.
  virtual void allow_origin(const Request& request, Response& response) const = 0;
  virtual Response preflight(const Request& request, const std::string& allow) const = 0;  // OPTIONS
  virtual Response refusal(const Problem& what) const { return problem(what); }
};

}  // namespace freshet
