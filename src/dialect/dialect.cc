#include "dialect/dialect.h"

#include "dialect/internal/gate.h"
#include "dialect/internal/parts.h"

namespace freshet {

using namespace dialect_internal;

namespace dialect_internal {

Response refusal(int status, std::string_view message) {
  JsonWriter json;
  json.object().field("message", valid_utf8(message)).field("status", status).end();
  return json_answer(json, status);
}

Response refusal(const Error& error) {
  static constexpr int kStatus[] = {400, 404, 500, 503, 413};
  return refusal(kStatus[static_cast<size_t>(error.code)], error.what);
}

Response json_answer(JsonWriter& json, int status) {
  Response response;
  response.status = status;
  response.body = json.take();
  return response;
}

namespace {

struct StorefrontDialect : Mount {
  explicit StorefrontDialect(const MountParts& from) : parts(from) {}
  void stop() override {
    parts.background.stop();
    parts.analytics.stop();
  }
  Parts parts;
};

}  // namespace
}  // namespace dialect_internal

std::unique_ptr<Mount> make_storefront_dialect(const MountParts& from) {
  auto mount = std::make_unique<StorefrontDialect>(from);
  mount->prefixes = {"1", "2"};
  mount->gate = std::make_unique<StorefrontGate>(from.guard);
  add_search_routes(mount->router, mount->parts);
  add_record_routes(mount->router, mount->parts);
  add_merchandising_routes(mount->router, mount->parts);
  add_key_routes(mount->router, mount->parts);
  add_index_routes(mount->router, mount->parts);
  add_event_routes(mount->router, mount->parts);
  add_analytics_routes(mount->router, mount->parts);
  mount->parts.analytics.start();
  return mount;
}

}  // namespace freshet
