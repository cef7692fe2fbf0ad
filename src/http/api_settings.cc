// Search settings (staged, published, rolled back, compared) and synonyms.
#include <algorithm>
#include <charconv>

#include "http/internal/api_parts.h"
#include "json/json.h"
#include "settings/settings.h"

namespace freshet::http_internal {
namespace {

void write_version(JsonWriter& json, const SettingsVersion& version, bool whole) {
  json.field("version", version.number);
  if (version.staged_ms != 0) json.field("staged_ms", version.staged_ms);
  if (version.published_ms != 0) json.field("published_ms", version.published_ms);
  if (!version.by.empty()) json.field("by", std::string_view(version.by));
  if (!version.note.empty()) json.field("note", std::string_view(version.note));
  if (whole) json.key("settings").json(settings_json(version.settings));
}

void write_diff(JsonWriter& json, const SearchSettings& before, const SearchSettings& after) {
  json.key("changes").array();
  for (const SettingsChange& change : diff_settings(before, after)) {
    json.object().field("name", std::string_view(change.name));
    json.key("before").json(change.before).key("after").json(change.after).end();
  }
  json.end().field("rebuilds_index", needs_rebuild(before, after));
}

Response answer_published(ApiParts& parts) {
  const SettingsBook book = parts.engine.settings();
  JsonWriter json;
  json.object();
  write_version(json, *book.published, true);
  json.key("staged").array();
  for (const auto& version : book.versions)
    if (version->published_ms == 0) json.value(version->number);
  json.end().end();
  return json_response(json);
}

Response get_settings(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  uint64_t number = UINT64_MAX;
  fields.whole("version", number, 0, UINT64_MAX / 2);
  if (auto wrong = fields.finish()) return problem(*wrong);
  if (number == UINT64_MAX) return answer_published(parts);
  const auto version = parts.engine.settings().version(number);
  if (version == nullptr)
    return problem(
        not_found("version " + std::to_string(number) + " of the settings is not known (any more)"));
  JsonWriter json;
  json.object();
  write_version(json, *version, true);
  json.end();
  return json_response(json);
}

struct Staged {
  uint64_t number = 0;
  std::optional<Response> refusal;
};

Staged stage_body(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  std::string note;
  fields.text("note", note, 1024);
  if (auto wrong = fields.finish()) return {0, problem(*wrong)};
  const Result<uint64_t> staged = parts.engine.stage_settings(request.body, request.caller, note);
  if (!staged.ok()) return {0, problem(staged.error())};
  return {*staged, std::nullopt};
}

Response put_settings(ApiParts& parts, const Request& request) {
  const Staged staged = stage_body(parts, request);
  if (staged.refusal) return *staged.refusal;
  if (const Status done = parts.engine.publish_settings(staged.number, request.caller); !done.ok())
    return problem(done.error());
  return answer_published(parts);
}

// What the body names is changed, all else stays as it is.
Response patch_settings(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  std::string note;
  fields.text("note", note, 1024);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const Result<uint64_t> done = parts.engine.patch_settings(request.body, request.caller, note);
  return done.ok() ? answer_published(parts) : problem(done.error());
}

// What it would change, without using it.
Response stage_settings(ApiParts& parts, const Request& request) {
  const Staged staged = stage_body(parts, request);
  if (staged.refusal) return *staged.refusal;
  const SettingsBook book = parts.engine.settings();
  const auto version = book.version(staged.number);
  JsonWriter json;
  json.object().field("version", staged.number).field("published", book.published->number);
  if (version != nullptr) write_diff(json, book.published->settings, version->settings);
  json.end();
  return json_response(json, 201);
}

Response publish(ApiParts& parts, const Request& request) {
  Fields fields = Fields::of(request);
  uint64_t number = UINT64_MAX;
  fields.whole("version", number, 0, UINT64_MAX / 2);
  if (number == UINT64_MAX) fields.wrong("version", "expected the number of a version");
  if (auto wrong = fields.finish()) return problem(*wrong);
  if (const Status done = parts.engine.publish_settings(number, request.caller); !done.ok())
    return problem(done.error());
  return answer_published(parts);
}

// Back to what was published before, or to the version named.
Response rollback(ApiParts& parts, const Request& request) {
  Fields fields = Fields::of(request);
  const SettingsBook book = parts.engine.settings();
  uint64_t number = book.before == nullptr ? UINT64_MAX : book.before->number;
  fields.whole("version", number, 0, UINT64_MAX / 2);
  if (auto wrong = fields.finish()) return problem(*wrong);
  if (number == UINT64_MAX) return problem(not_found("nothing was published before: there is no way back"));
  if (const Status done = parts.engine.publish_settings(number, request.caller); !done.ok())
    return problem(done.error());
  return answer_published(parts);
}

Response versions(ApiParts& parts, const Request&) {
  const SettingsBook book = parts.engine.settings();
  JsonWriter json;
  json.object().field("published", book.published->number).key("versions").array();
  for (auto at = book.versions.rbegin(); at != book.versions.rend(); ++at) {
    json.object();
    write_version(json, **at, false);
    json.end();
  }
  json.end().end();
  return json_response(json);
}

Response diff(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  const SettingsBook book = parts.engine.settings();
  uint64_t from = book.published->number, to = book.versions.empty() ? from : book.versions.back()->number;
  fields.whole("from", from, 0, UINT64_MAX / 2);
  fields.whole("to", to, 0, UINT64_MAX / 2);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const auto before = book.version(from), after = book.version(to);
  if (before == nullptr || after == nullptr)
    return problem(not_found("version " + std::to_string(before == nullptr ? from : to) +
                             " of the settings is not known (any more)"));
  JsonWriter json;
  json.object().field("from", from).field("to", to);
  write_diff(json, before->settings, after->settings);
  json.end();
  return json_response(json);
}

Response discard(ApiParts& parts, const Request& request) {
  uint64_t number = 0;
  const std::string& text = request.params[0];
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size())
    return problem(Problem{400, "invalid", "version: expected a whole number", "version"});
  if (const Status done = parts.engine.discard_settings(number, request.caller); !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

// ---- synonyms

Response list_synonyms(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  uint64_t from = 0, limit = 1000;
  std::string contains;
  fields.whole("from", from, 0, SettingsLimits::kSynonyms);
  fields.whole("limit", limit, 1, SettingsLimits::kSynonyms);
  fields.text("contains", contains, 256);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const SettingsBook book = parts.engine.settings();
  JsonWriter json;
  json.object().key("synonyms").array();
  uint64_t found = 0;
  for (const Synonym& synonym : *book.synonyms) {
    const std::string text = synonym_json(synonym);
    if (!contains.empty() && text.find(contains) == std::string::npos) continue;
    if (found >= from && found < from + limit) json.json(text);
    ++found;
  }
  json.end().field("found", found).end();
  return json_response(json);
}

Response get_synonym(ApiParts& parts, const Request& request) {
  const SettingsBook book = parts.engine.settings();
  for (const Synonym& synonym : *book.synonyms) {
    if (synonym.id != request.params[0]) continue;
    JsonWriter json;
    json.json(synonym_json(synonym));
    return json_response(json);
  }
  return problem(not_found("synonym \"" + valid_utf8(request.params[0].substr(0, 64)) + "\" is not known"));
}

Response put_synonym(ApiParts& parts, const Request& request) {
  std::string synonym;
  if (const auto wrong = read_with_id(request, {.bytes_max = kSmallBody, .depth_max = 4}, synonym))
    return problem(*wrong);
  if (const Status done = parts.engine.put_synonym(synonym, request.caller); !done.ok())
    return problem(done.error());
  return get_synonym(parts, request);
}

Response delete_synonym(ApiParts& parts, const Request& request) {
  if (const Status done = parts.engine.delete_synonym(request.params[0], request.caller); !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

Response replace_synonyms(ApiParts& parts, const Request& request) {
  const Result<size_t> done = parts.engine.replace_synonyms(request.body, request.caller);
  if (!done.ok()) return problem(done.error());
  JsonWriter json;
  json.object().field("synonyms", *done).end();
  return json_response(json);
}

}  // namespace

void add_settings_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  constexpr size_t kBody = SettingsLimits::kJsonBytes + 1;
  const std::string all = "/api/v1/settings";
  router.add({Method::kGet, all, Access::kRead, 0, false, bind(get_settings)});
  router.add({Method::kPut, all, Access::kAdmin, kBody, true, bind(put_settings)});
  router.add({Method::kPatch, all, Access::kAdmin, kBody, true, bind(patch_settings)});
  router.add({Method::kPost, all + "/staged", Access::kAdmin, kBody, true, bind(stage_settings)});
  router.add({Method::kDelete, all + "/staged/{version}", Access::kAdmin, 0, true, bind(discard)});
  router.add({Method::kPost, all + "/publish", Access::kAdmin, kSmallBody, true, bind(publish)});
  router.add({Method::kPost, all + "/rollback", Access::kAdmin, kSmallBody, true, bind(rollback)});
  router.add({Method::kGet, all + "/versions", Access::kRead, 0, false, bind(versions)});
  router.add({Method::kGet, all + "/diff", Access::kRead, 0, false, bind(diff)});
  const std::string synonyms = "/api/v1/synonyms";
  router.add({Method::kGet, synonyms, Access::kRead, 0, false, bind(list_synonyms)});
  router.add({Method::kPut, synonyms, Access::kAdmin, 8 << 20, true, bind(replace_synonyms)});
  router.add({Method::kGet, synonyms + "/{id}", Access::kRead, 0, false, bind(get_synonym)});
  router.add({Method::kPut, synonyms + "/{id}", Access::kAdmin, kSmallBody, true, bind(put_synonym)});
  router.add({Method::kDelete, synonyms + "/{id}", Access::kAdmin, 0, true, bind(delete_synonym)});
}

}  // namespace freshet::http_internal
