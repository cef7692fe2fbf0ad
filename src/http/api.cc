#include "http/api.h"

#include <atomic>

#include "env/clock.h"
#include "env/log.h"
#include "http/dispatcher.h"
#include "http/internal/api_parts.h"

namespace freshet {
namespace {

using http_internal::ApiParts;

Status check(const ApiOptions& options) {
  if (!options.guard.keys_required && !is_loopback(options.server.host)) {
    return invalid("keys are off but host \"" + options.server.host +
                   "\" is not a loopback address; expected 127.0.0.1 or ::1, or keys");
  }
  if (options.guard.requests_per_second > 0 && options.guard.burst < 1)
    return invalid("burst: expected at least 1 request");
  return {};
}

// What is behind the doors once there is an engine.
class Doors {
 public:
  Doors(const ApiOptions& options, Engine& engine, StaticFiles files, const ServerStats& server);
  ~Doors() { leave(); }
  void stop();   // The parts that push by themselves.
  void leave();  // The engine calls no more.
  Handler& handler() { return switchboard_; }

 private:
  void add(const MakeMount& make, size_t body_bytes_max);

  ServerMetrics metrics_;
  LiveFeed feed_;
  ApiParts parts_;
  Guard guard_;
  Router router_;
  StaticFiles files_;
  Dispatcher dispatcher_;

  struct Mounted {
    std::unique_ptr<Mount> mount;
    std::unique_ptr<Dispatcher> dispatcher;
  };
  const StaticFiles no_files_{};
  std::vector<std::unique_ptr<Mounted>> mounted_;
  Switchboard switchboard_{dispatcher_};
};

Doors::Doors(const ApiOptions& options, Engine& engine, StaticFiles files, const ServerStats& server)
    : feed_(engine),
      parts_{engine, metrics_, feed_, options.body_bytes_max, options.version, monotonic_ns()},
      guard_(options.guard, options.guard.keys_required ? &engine.keys() : nullptr),
      files_(std::move(files)),
      dispatcher_(router_, guard_, metrics_, files_, options.body_bytes_max,
                  [&engine] { return http_internal::still_folding(engine); }) {
  parts_.guard = &guard_;
  add_event_routes(router_, parts_);
  add_recommend_routes(router_, parts_);
  add_letter_routes(router_, parts_);
  add_search_routes(router_, parts_);
  add_settings_routes(router_, parts_);
  add_rule_routes(router_, parts_);
  add_experiment_routes(router_, parts_);
  add_model_routes(router_, parts_);
  add_suggest_routes(router_, parts_);
  add_ranker_routes(router_, parts_);
  add_status_routes(router_, parts_);
  for (const MakeMount& make : options.mounts) add(make, options.body_bytes_max);
  metrics_.add_source(
      [this](std::vector<MetricSample>& out) { http_internal::sample_engine(parts_.engine, out); });
  metrics_.add_source(
      [&server](std::vector<MetricSample>& out) { http_internal::sample_server(server, out); });
  engine.observe_freshness([this](double seconds) { metrics_.freshness(seconds, monotonic_ns()); });
  engine.observe_events([this](Offset at, const Event& event) { feed_.note(at, event); });
  feed_.start([this] { return http_internal::status_json(parts_, false); });
}

void Doors::add(const MakeMount& make, size_t body_bytes_max) {
  Engine& engine = parts_.engine;
  Mounted& mounted = *mounted_.emplace_back(std::make_unique<Mounted>());
  mounted.mount = make({engine, guard_, metrics_, body_bytes_max});
  mounted.dispatcher = std::make_unique<Dispatcher>(
      mounted.mount->router, *mounted.mount->gate, metrics_, no_files_, body_bytes_max,
      [&engine] { return http_internal::still_folding(engine); });
  for (const std::string& prefix : mounted.mount->prefixes) switchboard_.add(prefix, *mounted.dispatcher);
}

void Doors::leave() {
  for (const auto& mounted : mounted_) mounted->mount->stop();
  parts_.engine.observe_freshness(nullptr);
  parts_.engine.observe_events(nullptr);
}

void Doors::stop() {
  parts_.stopping = true;
  feed_.stop();
}

// The server's handler from its first moment: says that it is starting, and once the doors are open hands all
// to them.
class FrontDoor : public Handler {
 public:
  FrontDoor(GuardOptions guard, std::function<std::string()> step)
      : guard_(std::move(guard), nullptr), step_(std::move(step)) {}

  void open(Handler& behind) { behind_.store(&behind, std::memory_order_release); }

  Plan plan(Request& head) override {
    if (Handler* behind = behind_.load(std::memory_order_acquire)) return behind->plan(head);
    Plan plan;  // Refused from the header: answer() is never asked.
    plan.refuse = guard_.check(head, Access::kOpen, monotonic_ns());
    if (!plan.refuse) plan.refuse = starting(head);
    guard_.allow_origin(head, *plan.refuse);
    return plan;
  }
  Response answer(Request& request, const Plan& plan) override {
    return behind_.load(std::memory_order_acquire)->answer(request, plan);
  }
  void done(const Plan& plan, int status, size_t bytes_in, size_t bytes_out, const Timing& timing) override {
    if (Handler* behind = behind_.load(std::memory_order_acquire))
      behind->done(plan, status, bytes_in, bytes_out, timing);
  }

 private:
  Response starting(const Request& head) const {
    const bool reads = head.method == Method::kGet || head.method == Method::kHead;
    if (!reads || head.path != "/healthz") return not_ready(step_());
    Response alive;
    alive.content_type = "text/plain; charset=utf-8";
    alive.body = "ok\n";
    return alive;
  }

  Guard guard_;
  const std::function<std::string()> step_;
  std::atomic<Handler*> behind_{nullptr};
};

class ShopApi : public ApiServer {
 public:
  ShopApi(const ApiOptions& options, StaticFiles files, std::function<std::string()> step)
      : options_(options), files_(std::move(files)), front_(options.guard, std::move(step)) {}
  ~ShopApi() override { stop(); }

  Status listen() {
    TRY(server_, Server::start(options_.server, front_));
    return {};
  }
  Status open(Engine& engine) override {
    if (doors_ != nullptr) return invalid("the doors are open already");
    doors_ = std::make_unique<Doors>(options_, engine, std::move(files_), server_->stats());
    front_.open(doors_->handler());
    return {};
  }
  uint16_t port() const override { return server_->port(); }
  void stop() override {
    if (doors_ != nullptr) doors_->stop();
    if (server_ != nullptr) server_->stop();
    if (doors_ != nullptr) doors_->leave();
  }

 private:
  const ApiOptions options_;
  StaticFiles files_;  // Until open().
  FrontDoor front_;
  std::unique_ptr<Doors> doors_;
  std::unique_ptr<Server> server_;
};

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::listen(const ApiOptions& options,
                                                     std::function<std::string()> step) {
  TRY_STATUS(check(options));
  StaticFiles files;
  if (!options.console_dir.empty()) {
    TRY(files, StaticFiles::load(options.console_dir));
  }
  auto api = std::make_unique<ShopApi>(options, std::move(files), std::move(step));
  TRY_STATUS(api->listen());
  return std::unique_ptr<ApiServer>(std::move(api));
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(const ApiOptions& options, Engine& engine) {
  TRY(auto api, listen(options, [] { return std::string("opening the doors"); }));
  TRY_STATUS(api->open(engine));
  return api;
}

}  // namespace freshet
