// Indexes as such: settings, tasks, the list, copies and moves.
#include <algorithm>

#include "dialect/internal/parts.h"
#include "dialect/internal/records.h"
#include "dialect/internal/settings_map.h"
#include "dialect/internal/writes.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kSettingsBody = 1 << 20;

Response task_now(Parts& parts, std::string_view time_name) {
  JsonWriter json;
  json.object().field(time_name, iso_time(now_ms())).field("taskID", parts.engine.log().end()).end();
  return json_answer(json);
}

// `given` over what `settings` has; null takes a name away.
void merge_over(const Json& given, Json& settings) {
  auto& members = std::get<Json::Object>(settings.value);
  for (const Json::Member& one : *given.object()) {
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const Json::Member& m) { return m.name == one.name; });
    if (at != members.end()) members.erase(at);
    if (!one.value.is_null()) members.push_back(one);
  }
}

// The catalogue's search settings, as far as `given` has any.
Status publish(Parts& parts, const Json& given, const std::string& by) {
  const SettingsBook book = parts.engine.settings();
  TRY(const SearchSettings next, apply_settings(given, book.published->settings));
  if (next == book.published->settings) return {};
  TRY(const uint64_t version, parts.engine.stage_settings(settings_json(next), by, "storefront"));
  return parts.engine.publish_settings(version, by);
}

void write_settings(const Index& index, JsonWriter& json) {
  static constexpr std::pair<std::string_view, int> kDefaults[] = {{"minWordSizefor1Typo", 4},
                                                                   {"minWordSizefor2Typos", 8},
                                                                   {"hitsPerPage", 20},
                                                                   {"maxValuesPerFacet", 100},
                                                                   {"paginationLimitedTo", 1000}};
  json.object();
  for (const auto& [name, value] : kDefaults)
    if (index.settings.find(name) == nullptr) json.field(name, value);
  for (const Json::Member& one : *index.settings.object()) write_json(json.key(one.name), one.value);
  if (index.kind == IndexKind::kReplica) json.field("primary", std::string_view(index.primary));
  if (index.settings.find("version") == nullptr) json.field("version", 2);
  json.end();
}

Response get_settings(Parts& parts, const Request& request) {
  const auto index = parts.book.find(request.params[0]);
  if (!index.ok()) return refusal(index.error());
  JsonWriter json;
  write_settings(*index, json);
  return json_answer(json);
}

Status put_index_settings(Parts& parts, Index index, const Json& given, const std::string& by) {
  if (index.kind == IndexKind::kPrimary) TRY_STATUS(publish(parts, given, by));
  merge_over(given, index.settings);
  return parts.book.put(index, by);
}

Response set_settings(Parts& parts, const Request& request) {
  const Result<Json> given = parse_json(request.body, {kSettingsBody, 24});
  if (!given.ok()) return refusal(400, "body: " + given.error().what);
  if (given->object() == nullptr) return refusal(400, "body: expected an object");
  const std::lock_guard lock(parts.writing);
  auto index = parts.book.find(request.params[0]);
  if (!index.ok() || index->kind == IndexKind::kSuggestions)
    index = parts.book.find_to_write(request.params[0], request.caller);
  if (!index.ok()) return refusal(index.error());
  if (const Status done = put_index_settings(parts, *index, *given, request.caller); !done.ok())
    return refusal(done.error());
  if (request.argument("forwardToReplicas").value_or("false") == "true") {
    for (const std::string& name : parts.book.replicas(*index)) {
      const auto replica = parts.book.find(name);
      if (!replica.ok()) continue;
      if (const Status done = put_index_settings(parts, *replica, *given, request.caller); !done.ok())
        return refusal(done.error());
    }
  }
  return task_now(parts, "updatedAt");
}

// A task is the place of its last event on the log: done when answers know of that event.
Response task(Parts& parts, const Request& request) {
  const std::string& text = request.params.back();
  const uint64_t id = std::strtoull(text.c_str(), nullptr, 10);
  const bool published =
      id >= Background::kFirstTask ? parts.background.done(id) : parts.engine.applied() >= id;
  JsonWriter json;
  json.object()
      .field("status", published ? "published" : "notPublished")
      .field("pendingTask", !published)
      .end();
  return json_answer(json);
}

void write_index(JsonWriter& json, const Index& index, size_t entries,
                 const std::vector<std::string>& replicas) {
  json.object().field("name", std::string_view(index.name));
  json.field("createdAt", iso_time(index.created_ms)).field("updatedAt", iso_time(index.updated_ms));
  json.field("entries", entries).field("dataSize", 0).field("fileSize", 0).field("lastBuildTimeS", 0);
  json.field("numberOfPendingTasks", 0).field("pendingTask", false);
  if (index.kind == IndexKind::kReplica) {
    json.field("primary", std::string_view(index.primary));
    if (index.is_virtual) json.field("virtual", true);
  }
  if (!replicas.empty()) {
    json.key("replicas").array();
    for (const std::string& name : replicas) json.value(std::string_view(name));
    json.end();
  }
  json.end();
}

Response list(Parts& parts, const Request&) {
  SearchRequest all;
  all.count = 0;
  all.group_by = "-";
  const auto counted = parts.engine.search(all, false);
  const size_t items = counted.ok() ? counted->answer.found : 0;
  const auto waiting = parts.engine.waiting_catalogues();
  JsonWriter json;
  json.object().key("items").array();
  for (const Index& index : parts.book.all()) {
    size_t entries = items;
    if (index.kind == IndexKind::kStaged) {
      entries = 0;
      if (waiting.ok())
        for (const auto& one : *waiting)
          if (one.name == index.catalogue) entries = one.items;
    }
    write_index(json, index, entries,
                index.kind == IndexKind::kPrimary ? parts.book.replicas(index) : std::vector<std::string>());
  }
  json.end().field("nbPages", 1).end();
  return json_answer(json);
}

// ---- copy, move, delete

struct Operation {
  bool move = false;
  std::string to;
  std::vector<std::string> scope;  // Empty: everything.
  bool has(std::string_view what) const {
    return scope.empty() || std::find(scope.begin(), scope.end(), what) != scope.end();
  }
};

Result<Operation> read_operation(const Request& request) {
  TRY(const Params params, Params::of_body(request.body, kQueryBody));
  Operation out;
  const std::string what = params.text("operation");
  if (what != "copy" && what != "move")
    return invalid("operation: expected \"copy\" or \"move\", got \"" + what.substr(0, 40) + "\"");
  out.move = what == "move";
  out.to = params.text("destination");
  if (out.to.empty()) return invalid("destination: expected the name of an index");
  out.scope = params.texts("scope").value_or(std::vector<std::string>());
  return out;
}

// Every record of the live catalogue into one that waits.
Status copy_records(Parts& parts, const Index& to, const std::string& by) {
  BrowseRequest request{"", "", 1000, {"*"}};
  RecordWrites writes(parts, to, by);
  do {
    TRY(const BrowseAnswer page, parts.engine.browse(request));
    for (const SearchHit& hit : page.hits) {
      Json record;
      record.value = record_of(hit.attributes);
      TRY_STATUS(writes.put(hit.id, record));
    }
    request.cursor = page.cursor;
  } while (!request.cursor.empty());
  TRY(const Offset end, writes.finish());
  return parts.engine.commit(end);
}

Status copy(Parts& parts, const std::string& from, const Operation& operation, const std::string& by) {
  const auto source = parts.book.find(from);
  if (!source.ok() && !operation.scope.empty()) return {};  // Of nothing, its settings: nothing.
  if (!source.ok()) return source.error();
  TRY(Index to, parts.book.find_to_write(operation.to, by));
  if (operation.scope.empty()) {
    if (source->kind == IndexKind::kStaged || to.kind != IndexKind::kStaged)
      return invalid("destination: records can be copied from " + parts.book.primary() +
                     " to a staged index");
    TRY_STATUS(copy_records(parts, to, by));
  }
  if (!operation.has("settings")) return {};
  Json settings = source->settings;
  auto& members = std::get<Json::Object>(settings.value);
  std::erase_if(members, [](const Json::Member& one) { return one.name == "replicas"; });
  return put_index_settings(parts, to, settings, by);
}

// The staged catalogue takes the place of the live one, with its settings; the replicas stay the target's.
Status move(Parts& parts, const std::string& from, const std::string& to, const std::string& by) {
  TRY(Index source, parts.book.find(from));
  if (source.kind == IndexKind::kReplica)
    return invalid("index \"" + from + "\" is a replica: it has no records");
  if (source.kind == IndexKind::kPrimary) {  // Nothing but a new name.
    TRY_STATUS(parts.book.remove(from, by));
    source.name = to;
    return parts.book.put(source, by);
  }
  const std::string primary = parts.book.primary();
  if (to != primary) return invalid("destination: expected " + primary + ", the index of the live catalogue");
  const Status swapped = parts.engine.swap_catalogue(source.catalogue, by);
  if (!swapped.ok() && swapped.error().code != Code::kNotFound) return swapped;
  TRY(Index target, parts.book.find(to));
  if (!swapped.ok()) {  // Nothing was written to it: the catalogue becomes empty.
    RecordWrites writes(parts, target, by);
    TRY_STATUS(writes.clear());
    TRY(const Offset end, writes.finish());
    TRY_STATUS(parts.engine.commit(end));
  }
  TRY_STATUS(put_index_settings(parts, target, source.settings, by));
  return parts.book.remove(from, by);
}

Response operation(Parts& parts, const Request& request) {
  const auto asked = read_operation(request);
  if (!asked.ok()) return refusal(asked.error());
  const std::string &from = request.params[0], &by = request.caller;
  if (!asked->move && !asked->scope.empty()) {
    const Status done = copy(parts, from, *asked, by);
    return done.ok() ? task_now(parts, "updatedAt") : refusal(done.error());
  }
  // Whole catalogues take longer than clients wait.
  const auto source = parts.book.find(from);
  if (!source.ok()) return refusal(source.error());
  const auto task = parts.background.start(
      (asked->move ? "move " : "copy ") + from + " to " + asked->to, [&parts, from, by, asked = *asked] {
        return asked.move ? move(parts, from, asked.to, by) : copy(parts, from, asked, by);
      });
  if (!task.ok()) return refusal(task.error());
  JsonWriter json;
  json.object().field("updatedAt", iso_time(now_ms())).field("taskID", *task).end();
  return json_answer(json);
}

Response delete_index(Parts& parts, const Request& request) {
  const std::string& name = request.params[0];
  const auto index = parts.book.find(name);
  if (index.ok() && index->kind != IndexKind::kReplica) {
    RecordWrites writes(parts, *index, request.caller);
    const Status done = writes.clear();
    if (!done.ok()) return refusal(done.error());
    const auto end = writes.finish();
    if (!end.ok()) return refusal(end.error());
    if (const Status kept = parts.engine.commit(*end); !kept.ok()) return refusal(kept.error());
  }
  if (const Status done = parts.book.remove(name, request.caller); !done.ok()) return refusal(done.error());
  return task_now(parts, "deletedAt");
}

}  // namespace

void add_index_routes(Router& router, Parts& parts) {
  const auto add = [&](Method method, std::string pattern, Access access, size_t body, bool waits,
                       Answer answer) {
    router.add(route(parts, method, std::move(pattern), access, body, waits, answer));
  };
  const std::string index = "/1/indexes/{index}";
  add(Method::kGet, "/1/indexes", Access::kWrite, 0, true, list);
  add(Method::kDelete, index, Access::kAdmin, 0, true, delete_index);
  add(Method::kGet, index + "/settings", Access::kWrite, 0, false, get_settings);
  add(Method::kPut, index + "/settings", Access::kAdmin, kSettingsBody, true, set_settings);
  add(Method::kPost, index + "/operation", Access::kAdmin, kQueryBody, true, operation);
  add(Method::kGet, index + "/task/{task}", Access::kWrite, 0, false, task);
  add(Method::kGet, "/1/task/{task}", Access::kWrite, 0, false, task);
}

}  // namespace freshet::dialect_internal
