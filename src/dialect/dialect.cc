#include "dialect/dialect.h"

#include <cstdio>

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

// The civil calendar from days since 1970: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::string iso_time(TimeMs time_ms) {
  const long long days = (time_ms >= 0 ? time_ms : time_ms - 86'399'999) / 86'400'000;
  const long long of_day = time_ms - days * 86'400'000;
  const long long z = days + 719'468;
  const long long era = (z >= 0 ? z : z - 146'096) / 146'097;
  const long long doe = z - era * 146'097;
  const long long yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const long long doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const long long mp = (5 * doy + 2) / 153;
  const long long month = mp < 10 ? mp + 3 : mp - 9;
  const long long year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  const long long day = doy - (153 * mp + 2) / 5 + 1;
  char text[160];
  std::snprintf(text, sizeof(text), "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ", year, month, day,
                of_day / 3'600'000, of_day / 60'000 % 60, of_day / 1000 % 60, of_day % 1000);
  return text;
}

namespace {

struct StorefrontDialect : Mount {
  explicit StorefrontDialect(const MountParts& from) : parts(from) {}
  void stop() override { parts.background.stop(); }
  Parts parts;
};

}  // namespace
}  // namespace dialect_internal

std::unique_ptr<Mount> make_storefront_dialect(const MountParts& from) {
  auto mount = std::make_unique<StorefrontDialect>(from);
  mount->first_segments = {"1"};
  mount->gate = std::make_unique<StorefrontGate>(from.guard);
  add_search_routes(mount->router, mount->parts);
  add_record_routes(mount->router, mount->parts);
  add_merchandising_routes(mount->router, mount->parts);
  add_key_routes(mount->router, mount->parts);
  add_index_routes(mount->router, mount->parts);
  add_event_routes(mount->router, mount->parts);
  return mount;
}

}  // namespace freshet
