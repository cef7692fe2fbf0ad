#include "http/dispatcher.h"

#include "env/clock.h"
#include "env/log.h"
#include "http/coding.h"
#include "ingest/compression.h"

namespace freshet {
namespace {

constexpr int kNoRoute = -1;
constexpr int kFileRoute = -2;

}  // namespace

Plan Dispatcher::refuse(const Request& head, Response response, int route) const {
  gate_.allow_origin(head, response);
  Plan plan;
  plan.refuse = std::move(response);
  plan.route = route;
  return plan;
}

Plan Dispatcher::plan(Request& head) {
  Router::Match match = router_.match(head.method, head.segments);
  const bool reads = head.method == Method::kGet || head.method == Method::kHead;
  const bool file = match.allow.empty() && files_.has(head);
  if (file) match.allow = "GET, HEAD, OPTIONS";
  if (match.allow.empty()) {
    return refuse(head,
                  gate_.refusal(Problem{404, "not_found", "nothing is at this path; see /openapi.yaml"}),
                  kNoRoute);
  }
  if (head.method == Method::kOptions) return refuse(head, gate_.preflight(head, match.allow), kNoRoute);
  if (match.route < 0 && !(file && reads)) {
    Response response = gate_.refusal(
        Problem{405, "method",
                "this path answers " + match.allow + ", not " + std::string(method_name(head.method))});
    response.headers.emplace_back("allow", match.allow);
    return refuse(head, std::move(response), kNoRoute);
  }
  const Access access = file ? Access::kOpen : router_.route(match.route).access;
  const int route = file ? kFileRoute : match.route;
  if (auto refusal = gate_.check(head, access, monotonic_ns()))
    return refuse(head, std::move(*refusal), route);
  if (!file && not_yet_ && !router_.route(route).early)
    if (const auto why = not_yet_()) return refuse(head, not_ready(*why), route);
  Plan plan;
  plan.route = route;
  if (file) return plan;
  head.params = std::move(match.params);
  plan.body_bytes_max = router_.route(route).body_bytes_max;
  plan.waits = router_.route(route).waits;
  return plan;
}

// Undoes content-encoding in place; a response says why it cannot be.
std::optional<Response> Dispatcher::decode_body(Request& request) const {
  const std::string_view coding = request.header("content-encoding");
  if (coding.empty() || coding == "identity" || request.body.empty()) return std::nullopt;
  if (coding != "gzip" && coding != "x-gzip") {
    return gate_.refusal(Problem{415, "content_encoding", "expected gzip or identity", "content-encoding"});
  }
  Result<std::string> plain = gunzip(request.body, body_decoded_max_);
  if (plain.ok()) {
    request.body = std::move(plain).value();
    return std::nullopt;
  }
  if (plain.error().code == Code::kExhausted) {
    return gate_.refusal(
        Problem{413, "body_too_large",
                "the body is larger than " + std::to_string(body_decoded_max_) + " bytes when decompressed"});
  }
  return gate_.refusal(Problem{400, "content_encoding", plain.error().what, "content-encoding"});
}

Response Dispatcher::answer(Request& request, const Plan& plan) {
  Response response;
  if (plan.route == kFileRoute) {
    response = files_.answer(request);
  } else if (auto refusal = decode_body(request)) {
    response = std::move(*refusal);
  } else {
    const Route& route = router_.route(plan.route);
    response = route.answer(request);
    if (response.status == 500)
      log_error("http: {} {}: {}", method_name(route.method), route.pattern, response.body);
    if (route.access != Access::kOpen && !response.stream)
      response.headers.emplace_back("cache-control", "no-store");  // What a shop knows of people.
    compress(request, response);
  }
  if (!response.later) {
    gate_.allow_origin(request, response);
    return response;
  }
  // The request is gone when a later answer comes: keep of it what the answer's headers need.
  Request origin;
  origin.headers.emplace_back("origin", request.header("origin"));
  response.later = [this, origin, inner = std::move(response.later)](std::function<void(Response)> give) {
    inner([this, origin, give = std::move(give)](Response known) {
      gate_.allow_origin(origin, known);
      give(std::move(known));
    });
  };
  return response;
}

void Dispatcher::done(const Plan& plan, int status, size_t bytes_in, size_t bytes_out, const Timing& timing) {
  const bool api = plan.route >= 0;
  const std::string_view route = api ? std::string_view(router_.route(plan.route).pattern)
                                 : plan.route == kFileRoute ? "(file)"
                                                            : "(none)";
  const std::string_view method = api ? method_name(router_.route(plan.route).method) : "(any)";
  metrics_.request(route, method, status, bytes_in, bytes_out, timing);
}

// `prefix`: one segment, or two with a slash between.
static bool begins_with(const std::vector<std::string>& segments, std::string_view prefix) {
  const size_t slash = prefix.find('/');
  if (segments.empty() || segments[0] != prefix.substr(0, slash)) return false;
  return slash == std::string_view::npos || (segments.size() > 1 && segments[1] == prefix.substr(slash + 1));
}

Plan Switchboard::plan(Request& head) {
  Handler* handler = &native_;
  for (const auto& [prefix, other] : others_)
    if (begins_with(head.segments, prefix)) handler = other;
  Plan plan = handler->plan(head);
  plan.handler = handler;
  return plan;
}

void Switchboard::done(const Plan& plan, int status, size_t bytes_in, size_t bytes_out,
                       const Timing& timing) {
  Handler& handler = plan.handler == nullptr ? native_ : *plan.handler;
  handler.done(plan, status, bytes_in, bytes_out, timing);
}

}  // namespace freshet
