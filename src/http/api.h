// The API of one shop over HTTP: every path, what it asks for and what it answers. docs/openapi.yaml says the
// same for people and is checked against the running server.
//
//   TRY(auto api, ApiServer::start(options, *engine));     // serves when this returns
//   ...
//   api->stop();                                           // then the engine may close
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "http/guard.h"
#include "http/server.h"

namespace freshet {

struct ApiOptions {
  ServerOptions server;
  GuardOptions guard;
  size_t body_bytes_max = 32 << 20;  // Of events and items, compressed or not.
  std::string console_dir;           // Files served at "/"; empty: none.
  std::string version;               // Shown in /api/v1/status.
};

class ApiServer {
 public:
  // kInvalid: keys are off and the host is no loopback address, among others; each names its option.
  static Result<std::unique_ptr<ApiServer>> start(const ApiOptions& options, Engine& engine);
  virtual ~ApiServer() = default;
  virtual uint16_t port() const = 0;
  virtual void stop() = 0;  // As Server::stop().
};

}  // namespace freshet
