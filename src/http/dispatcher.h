// From a request to the handler of its route, through everything that is the same for all of them: the gate,
// the body's coding, CORS, compression, metrics. Anything no route answers is looked for among the console's
// files.
#pragma once

#include <functional>

#include "http/metrics.h"
#include "http/request_gate.h"
#include "http/router.h"
#include "http/server.h"
#include "http/static_files.h"

namespace freshet {

class Dispatcher : public Handler {
 public:
  // Why routes that are not `early` cannot answer yet; nullopt: they can. Asked once a request: quick.
  using NotYet = std::function<std::optional<std::string>()>;

  // All must outlive this. `body_decoded_max`: what a compressed body may grow to.
  Dispatcher(const Router& router, RequestGate& gate, ServerMetrics& metrics, const StaticFiles& files,
             size_t body_decoded_max, NotYet not_yet = {})
      : router_(router),
        gate_(gate),
        metrics_(metrics),
        files_(files),
        body_decoded_max_(body_decoded_max),
        not_yet_(std::move(not_yet)) {}

  Plan plan(Request& head) override;
  Response answer(Request& request, const Plan& plan) override;
  void done(const Plan& plan, int status, size_t bytes_in, size_t bytes_out, const Timing& timing) override;

 private:
  Plan refuse(const Request& head, Response response, int route) const;
  std::optional<Response> decode_body(Request& request) const;

  const Router& router_;
  RequestGate& gate_;
  ServerMetrics& metrics_;
  const StaticFiles& files_;
  const size_t body_decoded_max_;
  const NotYet not_yet_;
};

// Hands each request to the API that its path's first segments name ("1", "api/items"), or to the native one.
class Switchboard : public Handler {
 public:
  explicit Switchboard(Handler& native) : native_(native) {}
  void add(std::string prefix, Handler& handler) { others_.emplace_back(std::move(prefix), &handler); }
  Plan plan(Request& head) override;
  Response answer(Request& request, const Plan& plan) override { return plan.handler->answer(request, plan); }
  void done(const Plan& plan, int status, size_t bytes_in, size_t bytes_out, const Timing& timing) override;

 private:
  Handler& native_;
  std::vector<std::pair<std::string, Handler*>> others_;
};

}  // namespace freshet
