// How the server is doing: status for people and pages, health for whoever starts and stops it, metrics, and
// the few things only an administrator may do.
#include <algorithm>

#include "env/clock.h"
#include "env/process.h"
#include "http/internal/api_parts.h"
#include "http/openapi.h"

namespace freshet::http_internal {
namespace {

void write_snapshot(JsonWriter& json, const SnapshotInfo& info) {
  char hash[20];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(info.state_hash));
  json.object()
      .field("file", std::string_view(info.file))
      .field("offset", info.offset)
      .field("bytes", info.bytes);
  json.field("created_ms", info.created_ms).field("state_hash", std::string_view(hash)).end();
}

void write_log(JsonWriter& json, const EngineStats& stats) {
  json.key("log").object().field("begin", stats.log_begin).field("end", stats.log_end);
  json.field("durable", stats.log_durable).field("applied", stats.applied);
  json.field("lag", stats.log_end - std::min(stats.applied, stats.log_end)).end();
}

void write_memory(JsonWriter& json, const EngineStats& stats) {
  uint64_t total = 0;
  json.key("memory").object().key("parts").array();
  for (const PartBytes& part : stats.memory) {
    json.object().field("part", std::string_view(part.name)).field("bytes", part.bytes).end();
    total += part.bytes;
  }
  json.end().field("total_bytes", total).field("resident_bytes", rss_bytes()).end();
}

void write_state(JsonWriter& json, const EngineStats& stats) {
  json.key("state").object().field("now_ms", stats.now_ms).field("events", stats.events_counted);
  json.field("duplicates", stats.duplicates_folded)
      .field("items", stats.items)
      .field("items_max", stats.items_max);
  json.field("items_evicted", stats.items_evicted).field("shoppers", stats.shoppers);
  json.field("shoppers_max", stats.shoppers_max).field("shoppers_evicted", stats.shoppers_evicted);
  json.field("counter_rows", stats.counter_rows);
  const auto& lost = stats.impressions_lost;
  json.key("impressions").object().field("waiting", stats.impressions).field("lost_open", lost.open);
  json.field("lost_late", lost.late).field("lost_places", lost.places);
  json.field("lost_features", lost.features).field("lost_notes", stats.notes_lost).end().end();
}

void write_ingested(JsonWriter& json, const IngestResult& ingested) {
  json.key("ingested").object().field("accepted", ingested.accepted).field("duplicates", ingested.duplicates);
  json.field("rejected", ingested.rejected).field("marked", ingested.marked).key("by_reason").object();
  for (int i = 0; i < kReasonCount; ++i) {
    if (ingested.reasons[i] > 0) json.field(reason_name(static_cast<RejectReason>(i)), ingested.reasons[i]);
  }
  json.end().end();
}

void write_numbers(JsonWriter& json, std::string_view name, const std::vector<double>& numbers) {
  json.key(name).array();
  for (const double number : numbers) json.value(number);
  json.end();
}

void write_curves(JsonWriter& json, const std::vector<LiveFeed::Point>& curves) {
  json.key("curves").array();
  for (const LiveFeed::Point& point : curves) {
    json.object().field("wall_ms", point.wall_ms).field("applied", point.applied);
    json.field("events_per_second", point.events_per_second);
    json.field("requests_per_second", point.requests_per_second);
    write_numbers(json, "log_loss", point.log_loss);
    write_numbers(json, "share", point.share);
    json.end();
  }
  json.end();
}

Response status(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  bool curves = false;
  fields.flag("curves", curves);
  if (auto wrong = fields.finish()) return problem(*wrong);
  Response response;
  response.body = status_json(parts, curves) + "\n";
  return response;
}

Response stream(ApiParts& parts, const Request&) {
  Response response;
  response.stream = parts.feed.subscribe();
  if (!response.stream) {
    return problem(Problem{503, "too_many_streams",
                           std::to_string(LiveFeed::kStreamsMax) + " streams are open, which is the limit"});
  }
  response.content_type = "text/event-stream";
  response.headers.emplace_back("cache-control", "no-store");
  response.headers.emplace_back("x-accel-buffering", "no");
  response.stream->push("status", status_json(parts, false));
  return response;
}

Response text_response(int code, std::string text, std::string type = "text/plain; charset=utf-8") {
  Response response;
  response.status = code;
  response.content_type = std::move(type);
  response.body = std::move(text);
  return response;
}

Response healthz(ApiParts&, const Request&) {
  return text_response(200, "ok\n");
}

Response readyz(ApiParts& parts, const Request&) {
  if (parts.stopping) return problem(Problem{503, "stopping", "the server is stopping"});
  const EngineStats stats = parts.engine.stats();
  if (!stats.fold.ok()) return problem(Problem{503, "fold_stopped", stats.fold.error().what});
  if (const auto why = still_folding(parts.engine)) return not_ready(*why);
  return text_response(200, "ready\n");
}

Response metrics(ApiParts& parts, const Request&) {
  return text_response(200, parts.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
}

Response openapi(ApiParts&, const Request&) {
  return text_response(200, std::string(openapi_yaml()), "application/yaml");
}

Response snapshot(ApiParts& parts, const Request&) {
  const Result<SnapshotInfo> taken = parts.engine.snapshot();
  if (!taken.ok()) return problem(taken.error());
  JsonWriter json;
  write_snapshot(json, *taken);
  return json_response(json);
}

// Who changed what of the shop; newest first. ?below: what is before the last line of a page.
Response audit(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  uint64_t limit = 100, below = UINT64_MAX;
  fields.whole("limit", limit, 1, Audit::kEntries);
  fields.whole("below", below, 0, UINT64_MAX / 2);
  if (auto wrong = fields.finish()) return problem(*wrong);
  JsonWriter json;
  json.object().key("entries").array();
  for (const AuditEntry& one : parts.engine.audit(limit, below)) {
    json.object().field("offset", one.offset).field("time_ms", one.time_ms);
    if (!one.by.empty()) json.field("by", std::string_view(one.by));
    json.field("action", std::string_view(one.action));
    if (!one.what.empty()) json.field("what", std::string_view(one.what));
    json.end();
  }
  json.end().end();
  return json_response(json);
}

// Whether pages of an origin ("https://shop.example") may ask this server, and whether a key is needed.
Response connect(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  std::string origin;
  fields.text("origin", origin, 256);
  const size_t scheme = origin.find("://");
  const bool shaped = (origin.starts_with("http://") || origin.starts_with("https://")) &&
                      scheme + 3 < origin.size() &&
                      origin.find_first_of("/ ?#", scheme + 3) == std::string::npos;
  if (!shaped)
    fields.wrong("origin", "expected scheme and host of a page, as https://shop.example, without a path");
  if (auto wrong = fields.finish()) return problem(*wrong);
  const bool listed = parts.guard->origin_allowed(origin), keys = parts.guard->keys_required();
  JsonWriter json;
  json.object().field("origin", std::string_view(origin)).field("api", listed);
  // The storefront dialect is made for browsers: its keys are its protection.
  json.field("storefront", listed || keys).field("keys_required", keys).end();
  return json_response(json);
}

void write_clicks(JsonWriter& json, const ClickStats& clicks) {
  json.key("clicks")
      .object()
      .field("learned", clicks.clicks)
      .field("ready", clicks.ready)
      .key("examined")
      .array();
  for (const float share : clicks.examined) json.value(static_cast<double>(share));
  json.end()
      .field("doubt", clicks.doubt)
      .field("strength", clicks.strength)
      .field("trust", clicks.trust)
      .end();
}

void write_key(JsonWriter& json, const ApiKeyInfo& info) {
  json.field("id", std::string_view(info.id)).field("name", std::string_view(info.name));
  json.field("role", role_name(info.role)).field("created_ms", info.created_ms);
}

Response list_keys(ApiParts& parts, const Request&) {
  JsonWriter json;
  json.object().key("keys").array();
  for (const ApiKeyInfo& info : parts.engine.keys().list()) {
    json.object();
    write_key(json, info);
    json.end();
  }
  json.end().end();
  return json_response(json);
}

Response create_key(ApiParts& parts, const Request& request) {
  Fields fields = Fields::of(request);
  std::string name, role_text;
  fields.text("name", name, 100);
  fields.text("role", role_text, 16);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const Result<Role> role = parse_role(role_text);
  if (!role.ok()) return problem(role.error());
  Result<std::string> key = parts.engine.keys().create(name, *role, now_ms());
  if (!key.ok()) return problem(key.error());
  JsonWriter json;
  json.object().field("key", std::string_view(*key));  // The only time it is shown.
  if (const auto info = parts.engine.keys().find(*key)) write_key(json, *info);
  json.end();
  parts.engine.note_key("key-create", name + " (" + std::string(role_name(*role)) + ")", request.caller);
  return json_response(json, 201);
}

Response delete_key(ApiParts& parts, const Request& request) {
  std::string name;
  for (const ApiKeyInfo& info : parts.engine.keys().list())
    if (info.id == request.params[0]) name = info.name;
  if (const Status done = parts.engine.keys().remove(request.params[0]); !done.ok())
    return problem(done.error());
  parts.engine.note_key("key-remove", name, request.caller);
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

}  // namespace

std::optional<std::string> still_folding(const Engine& engine) {
  if (engine.ready()) return std::nullopt;
  return "folding the log, " + std::to_string(engine.applied()) + " of " + std::to_string(engine.ready_at()) +
         " events";
}

std::string status_json(ApiParts& parts, bool with_curves) {
  const EngineStats stats = parts.engine.stats();
  JsonWriter json;
  json.object().field("version", std::string_view(parts.version)).field("ready", stats.ready);
  json.field("uptime_s", static_cast<double>(monotonic_ns() - parts.started_ns) * 1e-9);
  if (!stats.fold.ok()) json.field("fold_error", std::string_view(stats.fold.error().what));
  write_log(json, stats);
  write_state(json, stats);
  write_memory(json, stats);
  json.key("sources").array();
  for (const SourceStats& source : stats.sources) {
    json.object().field("name", source.name).field("bytes", source.bytes);
    json.field("log_loss", source.log_loss).field("share", source.share);
    if (has_number(source.index_recall)) json.field("index_recall", source.index_recall);
    json.end();
  }
  json.end();
  write_ingested(json, stats.ingested);
  json.key("search")
      .object()
      .field("items", stats.search.indexed)
      .field("generation", stats.search.generation);
  json.field("rebuilding", stats.search.rebuilding).field("refused", stats.search.refused);
  json.field("searched", stats.searched).key("parts").array();
  for (const auto& [part, bytes] : stats.search.bytes)
    json.object().field("part", std::string_view(part)).field("bytes", bytes).end();
  json.end().end();
  write_clicks(json, stats.clicks);
  json.field("recommended", stats.recommended).field("erasing", stats.erasing);
  const uint64_t now_ns = monotonic_ns();
  json.key("freshness_ms").object().field("p50", parts.metrics.freshness_quantile(0.5, now_ns) * 1e3);
  json.field("p99", parts.metrics.freshness_quantile(0.99, now_ns) * 1e3).end();
  if (stats.snapshot) {
    json.key("snapshot");
    write_snapshot(json, *stats.snapshot);
  }
  if (with_curves) write_curves(json, parts.feed.curves());
  json.end();
  return json.take();
}

void add_status_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  router.add({Method::kGet, "/api/v1/status", Access::kRead, 0, false, bind(status), true});
  router.add({Method::kGet, "/api/v1/stream", Access::kAdmin, 0, false, bind(stream), true});
  router.add({Method::kGet, "/healthz", Access::kOpen, 0, false, bind(healthz), true});
  router.add({Method::kGet, "/readyz", Access::kOpen, 0, false, bind(readyz), true});
  router.add({Method::kGet, "/metrics", Access::kRead, 0, false, bind(metrics), true});
  router.add({Method::kGet, "/openapi.yaml", Access::kOpen, 0, false, bind(openapi), true});
  router.add({Method::kGet, "/api/v1/connect", Access::kRead, 0, false, bind(connect)});
  router.add({Method::kGet, "/api/v1/audit", Access::kAdmin, 0, false, bind(audit)});
  router.add({Method::kPost, "/api/v1/admin/snapshot", Access::kAdmin, 0, true, bind(snapshot), true});
  router.add({Method::kGet, "/api/v1/admin/keys", Access::kAdmin, 0, true, bind(list_keys), true});
  router.add({Method::kPost, "/api/v1/admin/keys", Access::kAdmin, kSmallBody, true, bind(create_key), true});
  router.add({Method::kDelete, "/api/v1/admin/keys/{id}", Access::kAdmin, 0, true, bind(delete_key), true});
}

}  // namespace freshet::http_internal
