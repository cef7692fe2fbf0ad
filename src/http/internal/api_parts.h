// The API's routes, a file for each subject, and what they share.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/json_writer.h"
#include "engine/engine.h"
#include "http/fields.h"
#include "http/guard.h"
#include "http/live_feed.h"
#include "http/metrics.h"
#include "http/router.h"
#include "json/json.h"

namespace freshet::http_internal {

struct ApiParts {
  Engine& engine;
  ServerMetrics& metrics;
  LiveFeed& feed;
  size_t body_bytes_max;
  std::string version;
  uint64_t started_ns;
  std::atomic<bool> stopping{false};
  const Guard* guard = nullptr;
};

void add_event_routes(Router& router, ApiParts& parts);       // events, items
void add_recommend_routes(Router& router, ApiParts& parts);   // recommend, trending, users
void add_letter_routes(Router& router, ApiParts& parts);      // dead letters
void add_search_routes(Router& router, ApiParts& parts);      // search, browse, facet values
void add_rule_routes(Router& router, ApiParts& parts);        // rules over searches
void add_settings_routes(Router& router, ApiParts& parts);    // search settings, synonyms
void add_experiment_routes(Router& router, ApiParts& parts);  // what is compared on live traffic
void add_model_routes(Router& router, ApiParts& parts);       // versions of what the ranker serves
void add_suggest_routes(Router& router, ApiParts& parts);     // completions, popular, trending
void add_ranker_routes(Router& router, ApiParts& parts);      // features, contexts
void add_status_routes(Router& router, ApiParts& parts);      // status, stream, health, metrics, admin

void sample_server(const ServerStats& stats, std::vector<MetricSample>& out);
// Why answers from state must wait, while the tail of the log is folded; nullopt: they need not.
std::optional<std::string> still_folding(const Engine& engine);
std::string status_json(ApiParts& parts, bool with_curves);
void sample_engine(const Engine& engine, std::vector<MetricSample>& out);  // For /metrics.

inline Response json_response(JsonWriter& json, int status = 200) {
  Response response;
  response.status = status;
  response.body = json.take() + "\n";
  return response;
}
// The document of a request whose id is in the path; in the body it may be left out.
std::optional<Problem> read_with_id(const Request& request, const JsonLimits& limits, std::string& document);
// What a door took, once it is durable; `status`: of an answer in which something was taken.
Response accepted_response(Engine& engine, Accepted accepted);
void write_result(JsonWriter& json, const IngestResult& result);  // Fields of the object that is open.
void write_counts(JsonWriter& json, const CounterView& counts);
void write_attributes(JsonWriter& json, const std::vector<Attribute>& attributes);

constexpr size_t kSmallBody = 64 << 10;  // Of requests that bear arguments, not data.

}  // namespace freshet::http_internal
