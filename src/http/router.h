// Which handler answers which method and path.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/message.h"

namespace freshet {

enum class Access : uint8_t { kOpen, kRead, kWrite, kAdmin };  // The least role of key a route asks for.

struct Route {
  Method method = Method::kGet;  // A GET route also answers HEAD.
  std::string pattern;           // "/api/v1/items/{id}": one segment each; also the label in metrics.
  Access access = Access::kAdmin;
  size_t body_bytes_max = 0;
  bool waits = false;  // May block: runs on a worker.
  std::function<Response(const Request&)> answer;
  bool early = false;  // Asks nothing of what is folded: answers while the log's tail is still being folded.
};

class Router {
 public:
  void add(Route route);

  struct Match {
    int route = -1;  // -1: none; then `allow` says which methods the path would have answered.
    std::vector<std::string> params;
    std::string allow;  // "DELETE, GET, HEAD, OPTIONS"; empty: nothing is at this path.
  };
  // A literal segment wins over a placeholder. Cost: a comparison for each route.
  Match match(Method method, const std::vector<std::string>& segments) const;

  const Route& route(int index) const { return routes_[static_cast<size_t>(index)].route; }
  size_t size() const { return routes_.size(); }

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
    int literals = 0;
  };
  std::vector<Entry> routes_;
};

}  // namespace freshet
