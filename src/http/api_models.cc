// What the learned ranker serves: what is live and why, its versions, and what people decide about them.
// docs/roll-back.md.
#include <charconv>
#include <cstdio>

#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

constexpr size_t kImportBytes = 64 << 20;

std::string hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::optional<Response> unknown(const Request& request) {
  if (request.params[0] == kRankModel) return std::nullopt;
  return problem(not_found("model \"" + valid_utf8(request.params[0].substr(0, 64)) +
                           "\" is not known; there is \"ranker\""));
}

// Of requests that bear no arguments: who sends one all the same means something else than is done.
std::optional<Response> unexpected(const Request& request) {
  if (auto refused = unknown(request)) return refused;
  Fields query = Fields::from_query(request);
  if (auto wrong = query.finish()) return problem(*wrong);
  const bool read = request.method == Method::kGet || request.method == Method::kHead;
  if (read || request.body.empty()) return std::nullopt;
  Fields body = Fields::from_json(request.body);
  if (auto wrong = body.finish()) return problem(*wrong);
  return std::nullopt;
}

// Of the words that mean another version in time, the number; else nullopt.
std::optional<uint64_t> number_now(const std::string& name, const PublicationReport& now) {
  if (name == "live") return now.live;
  if (name == "good") return now.good;
  return std::nullopt;
}

// Why the version that is live, or good, is none that can be shown, sent or pinned.
Error not_kept(ApiParts& parts, const std::string& name, uint64_t number) {
  if (number == 0) return not_found("no version is " + name + " yet");
  const Result<uint64_t> newest = parts.engine.models().number_of("newest");
  return not_found(name + " is " + std::to_string(number) + ", which is not kept: at most one an hour is; " +
                   (newest.ok() ? "the newest kept is " + std::to_string(*newest) : "none is kept yet"));
}

// A number, a name, "newest", "live" or "good".
Result<uint64_t> number_of(ApiParts& parts, const std::string& name) {
  const std::optional<uint64_t> now = number_now(name, parts.engine.ranker_publication());
  if (!now) return parts.engine.models().number_of(name);
  Result<uint64_t> found = parts.engine.models().number_of(std::to_string(*now));
  if (!found.ok() && found.error().code == Code::kNotFound) return not_kept(parts, name, *now);
  return found;
}

Result<VersionInfo> version_of(ApiParts& parts, const std::string& name) {
  TRY(const uint64_t number, number_of(parts, name));
  return parts.engine.models().find(std::to_string(number));
}

void write_version(JsonWriter& json, const VersionInfo& info, const PublicationReport& now,
                   bool removed = false) {
  json.object().field("version", info.number);
  if (!info.name.empty()) json.field("name", valid_utf8(info.name));
  json.field("live", info.number == now.live).field("good", info.number == now.good);
  json.field("imported", info.number >= ModelVersions::kImported);
  json.field("bytes", info.bytes)
      .field("rows", uint64_t{info.header.rows})
      .field("hash", hex(info.header.after));
  if (!info.damage.empty()) json.field("damage", valid_utf8(info.damage));
  if (removed) json.field("removed", true);
  json.key("facts").object();
  for (const auto& [name, value] : info.facts) json.field(valid_utf8(name), valid_utf8(value));
  json.end().end();
}

void write_challenger(JsonWriter& json, const ChallengerReport& now) {
  json.object().field("name", valid_utf8(now.of.name));
  json.field("learner", rank_learner_name(now.of.learner)).field("prior", now.of.prior);
  json.field("caution", now.of.caution).field("promote", now.of.promote).field("pages", now.pages);
  json.field("difference", now.difference).field("better", now.log_wealth_better);
  json.field("worse", now.log_wealth_worse).field("proof_at", now.log_wealth_needed);
  json.field("verdict", now.better ? "better" : now.worse ? "worse" : "open").end();
}

void write_learner(JsonWriter& json, const PublicationReport::Learner& one) {
  json.field("learner", rank_learner_name(one.learner)).field("prior", one.prior);
  json.field("caution", one.caution);
}

void write_kind(JsonWriter& json, const Engine::RankedKind& kind) {
  json.object().field("name", kind.name).field("pages", kind.pages).field("clicks", kind.clicks);
  json.field("of", kind.of == RankHeard::kAll ? "all" : "shopper").field("heard", kind.believed.heard);
  json.field("evidence", kind.believed.evidence()).key("believed").object();
  json.field("linear", kind.believed.weight[0]).field("deep", kind.believed.weight[1]);
  json.field("sum", kind.believed.weight[2]).end().end();
}

void write_model(JsonWriter& json, const Engine& engine) {
  const PublicationReport now = engine.ranker_publication();
  json.object().field("name", kRankModel).field("mode", update_mode_name(now.updates.mode));
  write_learner(json, now.learner);
  json.key("declared").object();
  write_learner(json, now.declared);
  json.end();
  if (!now.promoted.empty()) json.field("promoted", valid_utf8(now.promoted));
  json.field("gate", now.updates.gate).field("live", now.live).field("good", now.good);
  if (now.candidate != 0) json.field("candidate", now.candidate);
  json.field("held", now.held).field("suspect", now.suspect);
  json.field("pages", now.pages).field("published", now.published).field("refused", now.held_count);
  json.field("discarded", now.discarded);
  json.field("rollbacks", now.rollbacks).field("suspicions", now.suspicions).field("drifts", now.drifts);
  json.key("test").object().field("pages", now.window_pages).field("of", now.window);
  json.field("candidate_worse", now.log_wealth_worse).field("live_worse", now.log_wealth_behind);
  json.field("proof_at", now.log_wealth_needed).field("live_loss", now.live_loss);
  json.field("difference", now.difference).end();
  json.key("kinds").array();
  for (const Engine::RankedKind& kind : engine.ranked_kinds()) write_kind(json, kind);
  json.end().key("challengers").array();
  for (const ChallengerReport& one : engine.challengers()) write_challenger(json, one);
  json.end().key("notes").array();
  for (auto note = now.notes.rbegin(); note != now.notes.rend(); ++note) {
    json.object().field("offset", note->at).field("time_ms", note->time_ms).field("what", note->what);
    json.field("version", note->version);
    if (!note->text.empty()) json.field("text", valid_utf8(note->text));
    json.end();
  }
  json.end().end();
}

Response models(ApiParts& parts, const Request&) {
  JsonWriter json;
  json.object().key("models").array();
  write_model(json, parts.engine);
  json.end().end();
  return json_response(json);
}

Response answer_model(ApiParts& parts, const Status& done) {
  if (!done.ok()) return problem(done.error());
  JsonWriter json;
  write_model(json, parts.engine);
  return json_response(json);
}

Response answer_version(ApiParts& parts, const std::string& name, const Status& done = {}) {
  if (!done.ok()) return problem(done.error());
  const Result<VersionInfo> info = version_of(parts, name);
  if (!info.ok()) return problem(info.error());
  JsonWriter json;
  write_version(json, *info, parts.engine.ranker_publication());
  return json_response(json);
}

Response versions(ApiParts& parts, const Request& request) {
  if (auto refused = unexpected(request)) return *refused;
  const Result<std::vector<VersionInfo>> all = parts.engine.models().list();
  if (!all.ok()) return problem(all.error());
  const PublicationReport now = parts.engine.ranker_publication();
  JsonWriter json;
  json.object().key("versions").array();
  for (const VersionInfo& info : *all) write_version(json, info, now);
  json.end().end();
  return json_response(json);
}

Response version(ApiParts& parts, const Request& request) {
  if (auto refused = unexpected(request)) return *refused;
  return answer_version(parts, request.params[1]);
}

Response diff(ApiParts& parts, const Request& request) {
  if (auto refused = unknown(request)) return *refused;
  Fields fields = Fields::of(request);
  std::string other;
  fields.text("with", other, 64);
  if (other.empty()) fields.wrong("with", "expected the other version");
  if (auto wrong = fields.finish()) return problem(*wrong);
  const Result<VersionInfo> a = version_of(parts, request.params[1]), b = version_of(parts, other);
  if (!a.ok()) return problem(a.error());
  if (!b.ok()) return problem(b.error());
  const Result<ModelDiff> found = parts.engine.models().diff(a->number, b->number);
  if (!found.ok()) return problem(found.error());
  JsonWriter json;
  json.object().field("a", a->number).field("b", b->number).field("equal", found->rows.equal);
  json.key("facts").object();
  for (const auto& [name, values] : found->rows.facts)
    json.key(name).array().value(valid_utf8(values.first)).value(valid_utf8(values.second)).end();
  json.end().key("tables").array();
  for (const VersionDiff::Table& table : found->rows.tables) {
    json.object().field("name", std::string_view(table.name)).field("rows_a", uint64_t{table.rows_a});
    json.field("rows_b", uint64_t{table.rows_b}).field("only_a", uint64_t{table.only_a});
    json.field("only_b", uint64_t{table.only_b}).field("changed", uint64_t{table.changed}).end();
  }
  json.end().key("weights").object().field("changed", uint64_t{found->weights.changed});
  json.field("greatest", found->weights.greatest).field("rms", found->weights.rms).end().end();
  return json_response(json);
}

Response pin(ApiParts& parts, const Request& request) {
  if (auto refused = unknown(request)) return *refused;
  Fields fields = Fields::of(request);
  std::string name;
  fields.text("name", name, 64);
  if (name.empty()) fields.wrong("name", "expected a name to keep the version under");
  if (auto wrong = fields.finish()) return problem(*wrong);
  const Result<VersionInfo> info = version_of(parts, request.params[1]);
  if (!info.ok()) return problem(info.error());
  return answer_version(parts, std::to_string(info->number),
                        parts.engine.pin_model(info->number, name, request.caller));
}

Response unpin(ApiParts& parts, const Request& request) {
  if (auto refused = unexpected(request)) return *refused;
  const Result<uint64_t> number = number_of(parts, request.params[1]);
  if (!number.ok()) return problem(number.error());
  VersionInfo info = parts.engine.models().look(*number);
  if (const Status done = parts.engine.unpin_model(*number, request.caller); !done.ok())
    return problem(done.error());
  info.name.clear();
  JsonWriter json;
  write_version(json, info, parts.engine.ranker_publication(), *number >= ModelVersions::kImported);
  return json_response(json);
}

Response promote(ApiParts& parts, const Request& request) {
  if (auto refused = unexpected(request)) return *refused;
  const Result<VersionInfo> info = version_of(parts, request.params[1]);
  if (!info.ok()) return problem(info.error());
  return answer_model(parts, parts.engine.promote_model(info->number, request.caller));
}

Response roll_back(ApiParts& parts, const Request& request) {
  if (auto refused = unexpected(request)) return *refused;
  return answer_model(parts, parts.engine.roll_back_model(request.caller));
}

Response promote_challenger(ApiParts& parts, const Request& request) {
  if (auto refused = unknown(request)) return *refused;
  Fields fields = Fields::of(request);
  std::string name;
  fields.text("name", name, 64);
  if (auto wrong = fields.finish()) return problem(*wrong);
  return answer_model(parts, parts.engine.promote_challenger(name, request.caller));
}

Response export_version(ApiParts& parts, const Request& request) {
  if (auto refused = unexpected(request)) return *refused;
  const Result<VersionInfo> info = version_of(parts, request.params[1]);
  if (!info.ok()) return problem(info.error());
  Result<std::string> bytes = parts.engine.models().export_bytes(info->number);
  if (!bytes.ok()) return problem(bytes.error());
  Response response;
  response.content_type = "application/octet-stream";
  response.body = std::move(*bytes);
  return response;
}

Response import_version(ApiParts& parts, const Request& request) {
  if (auto refused = unknown(request)) return *refused;
  Fields fields = Fields::from_query(request);
  if (auto wrong = fields.finish()) return problem(*wrong);
  Result<uint64_t> number = parts.engine.import_model(request.body, request.caller);
  if (!number.ok()) {  // Of the sender's bytes, not of stored ones.
    Error error = number.error();
    if (error.code == Code::kCorrupt) error.code = Code::kInvalid;
    return problem(error);
  }
  return answer_version(parts, std::to_string(*number));
}

}  // namespace

void add_model_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  const std::string all = "/api/v1/models", model = all + "/{model}", list = model + "/versions",
                    one = list + "/{version}";
  router.add({Method::kGet, all, Access::kRead, 0, false, bind(models)});
  router.add({Method::kGet, list, Access::kAdmin, 0, true, bind(versions)});
  router.add({Method::kGet, one, Access::kAdmin, 0, true, bind(version)});
  router.add({Method::kGet, one + "/diff", Access::kAdmin, 0, true, bind(diff)});
  router.add({Method::kGet, one + "/export", Access::kAdmin, 0, true, bind(export_version)});
  router.add({Method::kPost, one + "/pin", Access::kAdmin, kSmallBody, true, bind(pin)});
  router.add({Method::kPost, one + "/unpin", Access::kAdmin, kSmallBody, true, bind(unpin)});
  router.add({Method::kPost, one + "/promote", Access::kAdmin, kSmallBody, true, bind(promote)});
  router.add({Method::kPost, model + "/rollback", Access::kAdmin, kSmallBody, true, bind(roll_back)});
  router.add({Method::kPost, model + "/challenger/promote", Access::kAdmin, kSmallBody, true,
              bind(promote_challenger)});
  router.add({Method::kPost, model + "/import", Access::kAdmin, kImportBytes, true, bind(import_version)});
}

}  // namespace freshet::http_internal
