// Experiments: definitions in, results out. docs/experiments.md.
#include "experiment/results.h"
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

void write_arm(JsonWriter& json, const char* name, uint64_t version) {
  json.key(name).object().field("settings_version", version).end();
}

// `history`: the curve too.
void write_experiment(JsonWriter& json, const ExperimentView& view, bool history) {
  const Experiment& one = view.experiment;
  json.object().field("name", std::string_view(one.of.name)).field("kind", kind_name(one.of.kind));
  json.field("on", on_name(one.of.on)).field("state", state_name(one.state));
  if (!one.of.note.empty()) json.field("note", valid_utf8(one.of.note));
  if (!one.by.empty()) json.field("by", std::string_view(one.by));
  json.field("run", one.run).field("created_ms", one.created_ms);
  if (one.started_ms != 0) json.field("started_ms", one.started_ms);
  if (one.ended_ms != 0) json.field("stopped_ms", one.ended_ms);
  if (!one.ended_because.empty()) json.field("stopped_because", valid_utf8(one.ended_because));
  write_arm(json, "control", one.of.control);
  write_arm(json, "variant", one.of.variant);
  json.key("changes").array();
  for (const SettingsChange& change : view.changes) {
    json.object().field("name", std::string_view(change.name));
    json.key("before").json(change.before).key("after").json(change.after).end();
  }
  json.end();
  json.field("share", one.of.share).field("traffic", one.of.traffic).field("goal", goal_name(one.of.goal));
  json.field("alpha", one.of.alpha).field("minimum_effect", one.of.minimum_effect);
  if (view.results) {
    json.key("results");
    write_results(json, one.of, *view.results, history);
  }
  json.end();
}

Response answer(ApiParts& parts, const std::string& name, const Status& done = {}) {
  if (!done.ok()) return problem(done.error());
  const Result<ExperimentView> view = parts.engine.experiment(name);
  if (!view.ok()) return problem(view.error());
  JsonWriter json;
  write_experiment(json, *view, true);
  return json_response(json);
}

Response list(ApiParts& parts, const Request&) {
  JsonWriter json;
  json.object().key("experiments").array();
  for (const ExperimentView& view : parts.engine.experiments()) write_experiment(json, view, false);
  json.end().end();
  return json_response(json);
}

Response get(ApiParts& parts, const Request& request) {
  return answer(parts, request.params[0]);
}

Response define(ApiParts& parts, const Request& request) {
  const std::string& name = request.params[0];
  return answer(parts, name, parts.engine.define_experiment(name, request.body, request.caller));
}

// These take no arguments.
std::optional<Response> refuse_fields(const Request& request) {
  Fields fields = Fields::of(request);
  if (auto wrong = fields.finish()) return problem(*wrong);
  return std::nullopt;
}

Response start(ApiParts& parts, const Request& request) {
  if (auto refused = refuse_fields(request)) return *refused;
  const std::string& name = request.params[0];
  return answer(parts, name, parts.engine.start_experiment(name, request.caller));
}

Response stop(ApiParts& parts, const Request& request) {
  Fields fields = Fields::of(request);
  std::string reason;
  fields.text("reason", reason, ExperimentLimits::kNoteBytes);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const std::string& name = request.params[0];
  return answer(parts, name, parts.engine.stop_experiment(name, reason, request.caller));
}

Response ship(ApiParts& parts, const Request& request) {
  if (auto refused = refuse_fields(request)) return *refused;
  const std::string& name = request.params[0];
  return answer(parts, name, parts.engine.ship_experiment(name, request.caller));
}

Response remove(ApiParts& parts, const Request& request) {
  const std::string& name = request.params[0];
  if (const Status done = parts.engine.delete_experiment(name, request.caller); !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

}  // namespace

void add_experiment_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  const std::string all = "/api/v1/experiments", one = all + "/{name}";
  router.add({Method::kGet, all, Access::kRead, 0, true, bind(list)});
  router.add({Method::kGet, one, Access::kRead, 0, true, bind(get)});
  router.add({Method::kPut, one, Access::kAdmin, ExperimentLimits::kJsonBytes, true, bind(define)});
  router.add({Method::kDelete, one, Access::kAdmin, 0, true, bind(remove)});
  router.add({Method::kPost, one + "/start", Access::kAdmin, kSmallBody, true, bind(start)});
  router.add({Method::kPost, one + "/stop", Access::kAdmin, kSmallBody, true, bind(stop)});
  router.add({Method::kPost, one + "/ship", Access::kAdmin, kSmallBody, true, bind(ship)});
}

}  // namespace freshet::http_internal
