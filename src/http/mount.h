// Another API on the same server and port: routes of its own behind a gate of its own, translated to the
// engine. The server hands it every request whose path begins with one of its prefixes.
//
//   options.mounts.push_back([](const MountParts& parts) { return make_my_api(parts); });
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "http/guard.h"
#include "http/metrics.h"
#include "http/request_gate.h"
#include "http/router.h"

namespace freshet {

struct Mount {
  virtual ~Mount() = default;
  virtual void stop() {}              // Nothing of it works by itself any more; the engine closes next.
  std::vector<std::string> prefixes;  // {"1"}: everything below /1/; {"api/items"}: that, and below it
  Router router;
  std::unique_ptr<RequestGate> gate;
};

// What a mount may use; all of it outlives the mount.
struct MountParts {
  Engine& engine;
  Guard& guard;
  ServerMetrics& metrics;
  size_t body_bytes_max;
};

using MakeMount = std::function<std::unique_ptr<Mount>(const MountParts&)>;

}  // namespace freshet
