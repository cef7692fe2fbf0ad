// What a door's handler sees of HTTP: a request with everything decoded, and a response to fill.
//
// Values; no thread rules. Header names are lower case. `path` and the captured `params` are percent-decoded
// segment by segment, so an id that contains "/" (sent as %2F) stays one segment.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view method_name(Method method);  // "GET"

using Header = std::pair<std::string, std::string>;

struct Request {
  Method method = Method::kGet;
  std::string path;                   // Raw, without the query: "/api/v1/items/a%2Fb"
  std::vector<std::string> segments;  // Decoded: {"api", "v1", "items", "a/b"}
  std::vector<Header> query;          // Decoded, in the order sent.
  std::vector<std::string> params;    // What the route's {placeholders} matched, in order.
  std::vector<Header> headers;
  std::string body;
  std::string remote;  // Address of the peer, without the port.
  std::string caller;  // Name of the API key, set by the dispatcher; empty without one.

  std::string_view header(std::string_view name) const;                   // Empty when absent.
  std::optional<std::string_view> argument(std::string_view name) const;  // First of that name in the query.
};

class PushStream;

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers;  // Besides content-type, content-length, connection, date.
  std::string body;
  std::shared_ptr<PushStream> stream;  // Set: the answer is server-sent events until either side ends it.
  // Set: the answer is not known yet. Called once, with what to call with the answer: once, on any thread,
  // now or later. How a request waits for the disk without holding a thread.
  std::function<void(std::function<void(Response)>)> later;
};

std::string_view reason_phrase(int status);

// The one shape of an error: {"error":{"code","message","field","position"}}; field and position are left out
// when empty. `code` is for programs, `message` for people: what, where, what was expected.
struct Problem {
  int status = 400;
  std::string code = "invalid";
  std::string message;
  std::string field;
  int64_t position = -1;  // Byte or element of the body, whichever `message` says.
};
Response problem(const Problem& what);
Response not_ready(const std::string& why);  // 503 "not_ready" with Retry-After: the server is starting.
Response problem(
    const Error& error);  // Invalid 400, not found 404, corrupt 500, unavailable 503, exhausted 429

// Splits "/a/b%20c?x=1" into path, segments and query. kInvalid: not an absolute path, a bad escape, a NUL
// byte, a "." or ".." segment, more than 64 segments or 256 query arguments.
Status parse_target(std::string_view target, Request& out);
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::string valid_utf8(std::string_view text);  // What is not UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);  // With the quotes; bytes that are not UTF-8 become U+FFFD.

}  // namespace freshet
