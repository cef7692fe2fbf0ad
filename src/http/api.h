// The API of one shop over HTTP: every path, what it asks for and what it answers. docs/openapi.yaml says the
// same for people and is checked against the running server.
//
//   TRY(auto api, ApiServer::listen(options, [&] { return opening.step(); }));
//   TRY(auto engine, Engine::open(config, &opening));      // meanwhile /healthz answers 200, all else 503
//   TRY_STATUS(api->open(*engine));                        // and now everything
//   ...
//   api->stop();                                           // then the engine may close
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "http/guard.h"
#include "http/mount.h"
#include "http/server.h"

namespace freshet {

struct ApiOptions {
  ServerOptions server;
  GuardOptions guard;
  size_t body_bytes_max = 32 << 20;  // Of events and items, compressed or not.
  std::string console_dir;           // Files served at "/"; empty: none.
  std::string version;               // Shown in /api/v1/status.
  std::vector<MakeMount> mounts;     // Other APIs on the same port.
};

class ApiServer {
 public:
  // Listens when this returns. Until open(), /healthz says that the process lives, /readyz that it is not
  // ready and at what `step` of starting it is; every other path answers 503 with Retry-After.
  // kInvalid: keys are off and the host is no loopback address, among others; each names its option.
  static Result<std::unique_ptr<ApiServer>> listen(const ApiOptions& options,
                                                   std::function<std::string()> step);
  // Opens the doors, once. While the tail of the log is folded, what answers from state still says 503; what
  // takes events does not. The engine must outlive this.
  virtual Status open(Engine& engine) = 0;
  // Both, for an engine that is open already.
  static Result<std::unique_ptr<ApiServer>> start(const ApiOptions& options, Engine& engine);
  virtual ~ApiServer() = default;
  virtual uint16_t port() const = 0;
  virtual void stop() = 0;  // As Server::stop().
};

}  // namespace freshet
