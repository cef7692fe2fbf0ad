// A small blocking client of the API, for commands that play against a running server. One keep-alive
// connection, opened again when the server closed it. HTTP, or HTTPS whose certificate the system trusts; no
// proxies, no redirects.
//
// Errors: kInvalid (not a URL we speak; the server refused what was sent), kUnavailable (no answer, 5xx);
// each names the URL and what the server said. Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet {

struct ClientOptions {
  std::string url;  // "http://127.0.0.1:8080", "https://search.shop.example"
  std::string key;  // API key; empty: none is sent.
  std::vector<std::pair<std::string, std::string>> headers;  // Sent with each request.
  bool probe = true;            // Ask for /healthz at once; false: it is another kind of server.
  int timeout_ms_max = 30'000;  // For each request.
};

struct ClientPage {
  std::string query_id;
  std::vector<std::string> items;
  uint64_t state_offset = 0;  // Events below were in the state that answered.
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> connect(const ClientOptions& options);
  virtual ~Client() = default;

  // The body of a 2xx answer.
  virtual Result<std::string> request(std::string_view method, std::string_view path,
                                      std::string_view body) = 0;

  // Lines of JSON. The offset below which the log now holds them, acknowledged; 0: all were known before.
  Result<uint64_t> post_events(std::string_view lines);
  // Catalogue documents, as lines of JSON.
  Result<uint64_t> post_items(std::string_view lines);
  // `ask`: the JSON body of POST /api/v1/recommend; "explain" must be true for state_offset.
  Result<ClientPage> recommend(std::string_view ask);
};

}  // namespace freshet
