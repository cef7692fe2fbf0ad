#include "http/api.h"

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

class ShopApi : public ApiServer {
 public:
  ShopApi(const ApiOptions& options, Engine& engine, StaticFiles files)
      : feed_(engine),
        parts_{engine, metrics_, feed_, options.body_bytes_max, options.version, monotonic_ns()},
        guard_(options.guard, options.guard.keys_required ? &engine.keys() : nullptr),
        files_(std::move(files)),
        dispatcher_(router_, guard_, metrics_, files_, options.body_bytes_max) {}
  ~ShopApi() override { stop(); }

  Status start(const ServerOptions& options);
  uint16_t port() const override { return server_->port(); }
  void stop() override;

 private:
  ServerMetrics metrics_;
  LiveFeed feed_;
  ApiParts parts_;
  Guard guard_;
  Router router_;
  StaticFiles files_;
  Dispatcher dispatcher_;
  std::unique_ptr<Server> server_;
};

Status ShopApi::start(const ServerOptions& options) {
  add_event_routes(router_, parts_);
  add_recommend_routes(router_, parts_);
  add_letter_routes(router_, parts_);
  add_search_routes(router_, parts_);
  add_settings_routes(router_, parts_);
  add_suggest_routes(router_, parts_);
  add_status_routes(router_, parts_);
  metrics_.add_source(
      [this](std::vector<MetricSample>& out) { http_internal::sample_engine(parts_.engine, out); });
  parts_.engine.observe_freshness([this](double seconds) { metrics_.freshness(seconds, monotonic_ns()); });
  parts_.engine.observe_events([this](Offset at, const Event& event) { feed_.note(at, event); });
  feed_.start([this] { return http_internal::status_json(parts_, false); });
  TRY(server_, Server::start(options, dispatcher_));
  metrics_.add_source(
      [this](std::vector<MetricSample>& out) { http_internal::sample_server(server_->stats(), out); });
  return {};
}

void ShopApi::stop() {
  parts_.stopping = true;
  feed_.stop();
  if (server_) server_->stop();
  parts_.engine.observe_freshness(nullptr);
  parts_.engine.observe_events(nullptr);
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(const ApiOptions& options, Engine& engine) {
  TRY_STATUS(check(options));
  StaticFiles files;
  if (!options.console_dir.empty()) {
    TRY(files, StaticFiles::load(options.console_dir));
  }
  auto api = std::make_unique<ShopApi>(options, engine, std::move(files));
  TRY_STATUS(api->start(options.server));
  return std::unique_ptr<ApiServer>(std::move(api));
}

}  // namespace freshet
