// The doors: events and items.
#include "env/clock.h"
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

// By content-type: nullopt and a response when it is one that cannot be events.
std::optional<Response> body_kind(const Request& request, BodyKind& kind) {
  std::string_view type = request.header("content-type");
  type = type.substr(0, std::min(type.find(';'), type.size()));
  kind = BodyKind::kAuto;
  if (type == "application/x-ndjson" || type == "application/jsonl") kind = BodyKind::kJsonLines;
  // What curl says of --data-binary when it is told nothing.
  const bool known = type.empty() || type == "application/json" || kind == BodyKind::kJsonLines ||
                     type == "text/plain" || type == "application/octet-stream" ||
                     type == "application/x-www-form-urlencoded";
  if (known) return std::nullopt;
  return problem(
      Problem{415, "content_type", "expected application/json or application/x-ndjson", "content-type"});
}

// The source of events that bear none: ?source=, else the key's name, else "api".
struct DoorOf {
  explicit DoorOf(const Request& request) {
    const auto given = request.argument("source");
    source = given ? std::string(*given) : request.caller.empty() ? "api" : request.caller;
    door = {.door = "http", .source = source, .now_ms = now_ms()};
  }
  std::string source;
  Door door;
};

std::optional<Problem> only_source(const Request& request) {
  Fields fields = Fields::from_query(request);
  std::string source;
  fields.text("source", source, 64);
  return fields.finish();
}

Response answer_door(ApiParts& parts, Result<Accepted> taken) {
  if (taken.ok()) return accepted_response(parts.engine, std::move(taken).value());
  const Error& error = taken.error();
  if (error.code == Code::kExhausted) return problem(Problem{413, "body_too_large", error.what});
  return problem(error);
}

// ?check=true: what would become of the body; nothing of it is kept.
Response checked(ApiParts& parts, const Request& request, bool items, const Door& door, BodyKind kind) {
  const Result<IngestResult> found = parts.engine.check(request.body, items, door, kind);
  if (!found.ok()) return answer_door(parts, found.error());
  JsonWriter json;
  json.object();
  write_result(json, *found);
  json.end();
  return json_response(json);
}

// ?history=true: actions of any age.
Response post_events(ApiParts& parts, const Request& request) {
  BodyKind kind;
  if (auto refusal = body_kind(request, kind)) return *refusal;
  Fields fields = Fields::from_query(request);
  std::string source;
  bool check = false, history = false;
  fields.text("source", source, 64);
  fields.flag("check", check);
  fields.flag("history", history);
  if (auto wrong = fields.finish()) return problem(*wrong);
  DoorOf of(request);
  of.door.history = history;
  if (check) return checked(parts, request, false, of.door, kind);
  return answer_door(parts, parts.engine.events(request.body, of.door, kind));
}

// ?catalogue=next: into one that waits beside the live one.
Response post_items(ApiParts& parts, const Request& request) {
  BodyKind kind;
  if (auto refusal = body_kind(request, kind)) return *refusal;
  Fields fields = Fields::from_query(request);
  std::string source, catalogue;
  fields.text("source", source, 64);
  fields.text("catalogue", catalogue, 64);
  bool check = false;
  fields.flag("check", check);
  if (auto wrong = fields.finish()) return problem(*wrong);
  DoorOf of(request);
  if (check) return checked(parts, request, true, of.door, kind);
  // The same item may come again for another catalogue, or after one was discarded: it is no duplicate then.
  if (!catalogue.empty()) of.source += "/" + catalogue + "@" + std::to_string(now_ms());
  of.door.source = of.source;
  return answer_door(parts, parts.engine.items(request.body, ItemChange::kUpsert, of.door, kind, catalogue));
}

Response list_catalogues(ApiParts& parts, const Request&) {
  const auto waiting = parts.engine.waiting_catalogues();
  if (!waiting.ok()) return problem(waiting.error());
  JsonWriter json;
  json.object().key("waiting").array();
  for (const auto& one : *waiting)
    json.object().field("name", std::string_view(one.name)).field("items", one.items).end();
  json.end().end();
  return json_response(json);
}

Response swap_catalogue(ApiParts& parts, const Request& request) {
  if (const Status done = parts.engine.swap_catalogue(request.params[0], request.caller); !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("swapped", std::string_view(request.params[0])).end();
  return json_response(json);
}

Response discard_catalogue(ApiParts& parts, const Request& request) {
  if (const Status done = parts.engine.discard_catalogue(request.params[0], request.caller); !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

Response patch_item(ApiParts& parts, const Request& request) {
  if (auto wrong = only_source(request)) return problem(*wrong);
  const DoorOf of(request);
  return answer_door(parts, parts.engine.item(request.params[0], request.body, ItemChange::kUpdate, of.door));
}

Response delete_item(ApiParts& parts, const Request& request) {
  if (auto wrong = only_source(request)) return problem(*wrong);
  const DoorOf of(request);
  return answer_door(parts, parts.engine.delete_item(request.params[0], of.door));
}

Response get_item(ApiParts& parts, const Request& request) {
  const Result<ItemView> found = parts.engine.item(request.params[0]);
  if (!found.ok()) return problem(found.error());
  const ItemRecord& record = found->record;
  JsonWriter json;
  json.object().field("id", std::string_view(record.id));
  if (!record.title.empty()) json.field("title", std::string_view(record.title));
  if (has_number(record.price)) json.field("price", record.price);
  json.field("available", record.available).field("listed", record.listed).field("deleted", record.deleted);
  json.field("created_ms", record.created_ms).field("updated_ms", record.updated_ms);
  json.key("facets").array();
  for (const std::string& facet : found->facets) json.value(std::string_view(facet));
  json.end().key("attributes");
  write_attributes(json, record.attributes);
  json.key("counts");
  write_counts(json, found->counts);
  json.end();
  return json_response(json);
}

}  // namespace

void add_event_routes(Router& router, ApiParts& parts) {
  const size_t large = parts.body_bytes_max;
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  router.add({Method::kPost, "/api/v1/events", Access::kWrite, large, true, bind(post_events), true});
  router.add({Method::kPost, "/api/v1/items", Access::kWrite, large, true, bind(post_items), true});
  const std::string catalogues = "/api/v1/catalogues";
  router.add({Method::kGet, catalogues, Access::kRead, 0, true, bind(list_catalogues)});
  router.add({Method::kDelete, catalogues + "/{name}", Access::kAdmin, 0, true, bind(discard_catalogue)});
  router.add({Method::kPost, catalogues + "/{name}/swap", Access::kAdmin, 0, true, bind(swap_catalogue)});
  router.add({Method::kGet, "/api/v1/items/{id}", Access::kRead, 0, false, bind(get_item)});
  router.add({Method::kPatch, "/api/v1/items/{id}", Access::kWrite, 1 << 20, true, bind(patch_item), true});
  router.add({Method::kDelete, "/api/v1/items/{id}", Access::kWrite, 0, true, bind(delete_item), true});
}

}  // namespace freshet::http_internal
