// Records in and out: one, many, changed in part, deleted, browsed.
#include <algorithm>
#include <atomic>
#include <map>

#include "dialect/internal/bound.h"
#include "dialect/internal/filters.h"
#include "dialect/internal/parts.h"
#include "dialect/internal/records.h"
#include "dialect/internal/writes.h"
#include "env/clock.h"
#include "env/secret.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kBrowseMax = 1000;

std::string id_of(const Json& record) {
  const Json* id = record.find("objectID");
  if (id == nullptr) return {};
  if (id->text() != nullptr) return *id->text();
  double number = 0;
  return id->number(number) ? json_line(*id) : std::string();
}

// {"taskID": n, ...} once the writes are on the disk.
Response task_answer(Parts& parts, Offset end, std::function<void(JsonWriter&)> more, int status = 200) {
  Response response;
  response.later = [&parts, end, more = std::move(more), status](std::function<void(Response)> give) {
    parts.engine.commit(end, [end, more, status, give = std::move(give)](const Status& durable) {
      if (!durable.ok()) return give(refusal(durable.error()));
      JsonWriter json;
      json.object();
      more(json);
      json.field("taskID", end).end();
      give(json_answer(json, status));
    });
  };
  return response;
}

void write_ids(JsonWriter& json, const std::vector<std::string>& ids) {
  json.key("objectIDs").array();
  for (const std::string& id : ids) json.value(std::string_view(id));
  json.end();
}

// One entry of a batch. `id`: of the record written, empty when none is.
Status apply_action(RecordWrites& writes, const std::string& action, const Json& body, std::string& id) {
  id = id_of(body);
  if (action == "clear" || action == "delete") {
    id.clear();
    return writes.clear();
  }
  if (id.empty() && action == "addObject") id = random_hex(10);
  if (id.empty()) return invalid("objectID: expected a text, 1 to 256 bytes");
  if (action == "addObject" || action == "updateObject") return writes.put(id, body);
  if (action == "partialUpdateObject") return writes.change(id, body, true);
  if (action == "partialUpdateObjectNoCreate") return writes.change(id, body, false);
  if (action == "deleteObject") return writes.remove(id);
  return invalid(
      "action: expected addObject, updateObject, partialUpdateObject, partialUpdateObjectNoCreate, "
      "deleteObject, delete or clear, got \"" +
      action.substr(0, 40) + "\"");
}

const Json::List* batch_of(const Result<Json>& body) {
  const Json* requests = body.ok() ? body->find("requests") : nullptr;
  return requests == nullptr ? nullptr : requests->list();
}

Result<std::string> text_member(const Json& object, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr || value->text() == nullptr) return invalid(std::string(name) + ": expected a text");
  return *value->text();
}

// The actions of one index, in their order.
struct Batch {
  std::vector<std::pair<std::string, const Json*>> actions;
  std::vector<std::string> ids;
  Offset end = 0;
};

Status run_batch(Parts& parts, const std::string& name, const std::string& caller, Batch& batch) {
  TRY(const Index index, parts.book.find_to_write(name, caller));
  RecordWrites writes(parts, index, caller);
  for (size_t i = 0; i < batch.actions.size(); ++i) {
    const auto& [action, body] = batch.actions[i];
    std::string id;
    static const Json kNothing;
    const Status done = apply_action(writes, action, body == nullptr ? kNothing : *body, id);
    if (!done.ok())
      return Error{done.error().code, "requests[" + std::to_string(i) + "]: " + done.error().what};
    if (!id.empty()) batch.ids.push_back(std::move(id));
  }
  TRY(batch.end, writes.finish());
  return {};
}

Response batch(Parts& parts, const Request& request) {
  const Result<Json> body = parse_json(request.body, {parts.body_bytes_max, 32});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  const Json::List* requests = batch_of(body);
  if (requests == nullptr) return refusal(400, "requests: expected a list");
  const bool several = request.params.empty();
  std::map<std::string, Batch> batches;
  for (size_t i = 0; i < requests->size(); ++i) {
    const auto action = text_member((*requests)[i], "action");
    const auto name =
        several ? text_member((*requests)[i], "indexName") : Result<std::string>(request.params[0]);
    if (!action.ok() || !name.ok())
      return refusal(400,
                     "requests[" + std::to_string(i) + "]." + (action.ok() ? name : action).error().what);
    if (!index_allowed(request, *name)) return refusal(403, "this key may not write to " + *name);
    batches[*name].actions.emplace_back(*action, (*requests)[i].find("body"));
  }
  if (batches.empty() && !several) batches[request.params[0]];
  std::vector<std::string> ids;
  std::map<std::string, Offset> tasks;
  Offset end = parts.engine.log().end();
  for (auto& [name, one] : batches) {
    const Status done = run_batch(parts, name, request.caller, one);
    if (!done.ok()) return refusal(done.error());
    ids.insert(ids.end(), one.ids.begin(), one.ids.end());
    tasks[name] = std::max(one.end, end);
    end = std::max(end, one.end);
  }
  if (!several) return task_answer(parts, end, [ids](JsonWriter& json) { write_ids(json, ids); });
  Response response;
  response.later = [&parts, end, ids, tasks](std::function<void(Response)> give) {
    parts.engine.commit(end, [ids, tasks, give = std::move(give)](const Status& durable) {
      if (!durable.ok()) return give(refusal(durable.error()));
      JsonWriter json;
      json.object();
      write_ids(json, ids);
      json.key("taskID").object();
      for (const auto& [name, task] : tasks) json.field(name, task);
      json.end().end();
      give(json_answer(json));
    });
  };
  return response;
}

using Write = Status (*)(RecordWrites&, const Json& body, std::string& id);

Response write_one(Parts& parts, const Request& request, const std::string& named, int status,
                   std::string_view time_name, const Write& write) {
  const Result<Json> body =
      request.body.empty() ? Result<Json>(Json()) : parse_json(request.body, {parts.body_bytes_max, 32});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  const auto index = parts.book.find_to_write(request.params[0], request.caller);
  if (!index.ok()) return refusal(index.error());
  RecordWrites writes(parts, *index, request.caller);
  std::string id = named;
  const Status done = write(writes, *body, id);
  if (!done.ok()) return refusal(done.error());
  const auto end = writes.finish();
  if (!end.ok()) return refusal(end.error());
  const std::string time = iso_time(now_ms()), name(time_name);
  return task_answer(
      parts, *end,
      [name, time, id](JsonWriter& json) {
        json.field(name, std::string_view(time)).field("objectID", std::string_view(id));
      },
      status);
}

Response save_object(Parts& parts, const Request& request) {
  return write_one(parts, request, "", 201, "createdAt",
                   [](RecordWrites& writes, const Json& body, std::string& id) {
                     id = id_of(body);
                     if (id.empty()) id = random_hex(10);
                     return writes.put(id, body);
                   });
}

Response put_object(Parts& parts, const Request& request) {
  return write_one(
      parts, request, request.params[1], 200, "updatedAt",
      [](RecordWrites& writes, const Json& body, std::string& id) { return writes.put(id, body); });
}

Response partial_object(Parts& parts, const Request& request) {
  const bool create = request.argument("createIfNotExists").value_or("true") != "false";
  return write_one(
      parts, request, request.params[1], 200, "updatedAt",
      create ? +[](RecordWrites& writes, const Json& body,
                   std::string& id) { return writes.change(id, body, true); }
             : +[](RecordWrites& writes, const Json& body, std::string& id) {
                 return writes.change(id, body, false);
               });
}

Response delete_object(Parts& parts, const Request& request) {
  return write_one(parts, request, request.params[1], 200, "deletedAt",
                   [](RecordWrites& writes, const Json&, std::string& id) { return writes.remove(id); });
}

Response get_object(Parts& parts, const Request& request) {
  const auto index = parts.book.find(request.params[0]);
  if (!index.ok()) return refusal(index.error());
  if (is_bound_by_filters(request)) return refusal(403, "this key may not read records by their ids");
  const std::string& id = request.params[1];
  const Result<ItemView> found = parts.engine.item(id);
  if (!found.ok() || !found->record.listed) return refusal(404, "object \"" + id + "\" does not exist");
  Params asked;
  if (const auto names = request.argument("attributesToRetrieve"))
    asked.set("attributesToRetrieve", json_text(*names));
  const auto names = asked.texts("attributesToRetrieve");
  JsonWriter json;
  json.object();
  write_record(json, found->record.attributes, names ? Selection(*names) : Selection());
  json.field("objectID", std::string_view(id)).end();
  return json_answer(json);
}

Response clear_objects(Parts& parts, const Request& request) {
  const auto index = parts.book.find_to_write(request.params[0], request.caller);
  if (!index.ok()) return refusal(index.error());
  RecordWrites writes(parts, *index, request.caller);
  const Status done = writes.clear();
  if (!done.ok()) return refusal(done.error());
  const auto end = writes.finish();
  if (!end.ok()) return refusal(end.error());
  const std::string time = iso_time(now_ms());
  return task_answer(parts, *end,
                     [time](JsonWriter& json) { json.field("updatedAt", std::string_view(time)); });
}

Response delete_by(Parts& parts, const Request& request) {
  const auto params = Params::of_body(request.body, kQueryBody);
  if (!params.ok()) return refusal(params.error());
  const auto filter = native_filter(*params);
  if (!filter.ok()) return refusal(filter.error());
  if (filter->empty())
    return refusal(400, "filters: expected a condition: clearing everything has its own path");
  const auto index = parts.book.find_to_write(request.params[0], request.caller);
  if (!index.ok()) return refusal(index.error());
  RecordWrites writes(parts, *index, request.caller);
  const Status done = writes.remove_matching(*filter);
  if (!done.ok()) return refusal(done.error());
  const auto end = writes.finish();
  if (!end.ok()) return refusal(end.error());
  const std::string time = iso_time(now_ms());
  return task_answer(parts, *end,
                     [time](JsonWriter& json) { json.field("updatedAt", std::string_view(time)); });
}

// ---- browse

struct Browsed {
  std::vector<SearchHit> hits;
  std::string cursor;
  uint64_t found = 0;
};

// With words: pages of a search, as deep as those reach. Without: everything, by the native browse.
Result<Browsed> browse_page(Parts& parts, const Params& params, const std::string& filter, size_t count) {
  Browsed out;
  SearchRequest search;
  search.query = params.text("query").substr(0, SearchRequest::kQueryBytesMax);
  search.filter = filter;
  search.group_by = "-";
  search.highlight = search.snippets = std::vector<std::string>();
  std::string cursor = params.text("cursor");
  if (search.query.empty()) {
    search.count = 0;
    TRY(const SearchPage all, parts.engine.search(search, false));
    out.found = all.answer.found;
    TRY(BrowseAnswer page, parts.engine.browse({filter, cursor, static_cast<uint32_t>(count), {"*"}}));
    out.hits = std::move(page.hits);
    out.cursor = std::move(page.cursor);
    return out;
  }
  search.attributes = {"*"};
  const uint32_t reach = parts.engine.settings().published->settings.pagination_max;
  search.from = cursor.empty() ? 0 : static_cast<uint32_t>(std::strtoul(cursor.c_str(), nullptr, 10));
  if (search.from >= reach) return out;
  search.count = std::min(static_cast<uint32_t>(count), reach - search.from);
  TRY(SearchPage page, parts.engine.search(search, false));
  out.found = page.answer.found;
  out.hits = std::move(page.answer.hits);
  const uint64_t next = search.from + out.hits.size();
  if (out.hits.size() == search.count && next < std::min<uint64_t>(out.found, reach))
    out.cursor = std::to_string(next);
  return out;
}

Response browse(Parts& parts, const Request& request) {
  const auto index = parts.book.find(request.params[0]);
  if (!index.ok()) return refusal(index.error());
  auto params = Params::of_body(request.body, kQueryBody);
  if (!params.ok()) return refusal(params.error());
  for (const auto& [name, value] : request.query)
    if (params->find(name) == nullptr) params->set(name, json_text(value));
  params->set("indexName", json_text(request.params[0]));
  if (const Status bound = bind_query(request, *params); !bound.ok()) return refusal(bound.error());
  if (index->kind == IndexKind::kStaged)
    return refusal(400, "a staged index cannot be read until it is moved");
  const auto filter = native_filter(*params);
  if (!filter.ok()) return refusal(filter.error());
  const auto count = static_cast<size_t>(
      std::clamp<int64_t>(params->whole("hitsPerPage").value_or(kBrowseMax), 1, kBrowseMax));
  const auto page = browse_page(parts, *params, *filter, count);
  if (!page.ok()) return refusal(page.error());
  const auto names = params->texts("attributesToRetrieve");
  const Selection shown = names ? Selection(*names) : Selection();
  JsonWriter json;
  json.object().key("hits").array();
  for (const SearchHit& hit : page->hits) {
    json.object();
    write_record(json, hit.attributes, shown);
    json.field("objectID", std::string_view(hit.id)).end();
  }
  json.end();
  if (!page->cursor.empty()) json.field("cursor", std::string_view(page->cursor));
  json.field("nbHits", page->found).field("page", params->whole("page").value_or(0));
  json.field("nbPages", (page->found + count - 1) / count).field("hitsPerPage", count);
  json.field("query", params->text("query")).field("params", "").field("processingTimeMS", 1).end();
  return json_answer(json);
}

}  // namespace

void add_record_routes(Router& router, Parts& parts) {
  const auto add = [&](Method method, std::string pattern, size_t body, Answer answer,
                       Access access = Access::kWrite) {
    const bool waits = method != Method::kGet && access != Access::kRead;
    router.add(route(parts, method, std::move(pattern), access, body, waits, answer));
  };
  const size_t large = parts.body_bytes_max;
  const std::string index = "/1/indexes/{index}";
  add(Method::kPost, "/1/indexes/*/batch", large, batch);
  add(Method::kPost, index + "/batch", large, batch);
  add(Method::kPost, index, large, save_object);
  add(Method::kPut, index + "/{object}", large, put_object);
  add(Method::kPost, index + "/{object}/partial", large, partial_object);
  add(Method::kDelete, index + "/{object}", 0, delete_object);
  add(Method::kGet, index + "/{object}", 0, get_object, Access::kRead);
  add(Method::kPost, index + "/clear", kQueryBody, clear_objects);
  add(Method::kPost, index + "/deleteByQuery", kQueryBody, delete_by);
  add(Method::kPost, index + "/browse", kQueryBody, browse);
  add(Method::kGet, index + "/browse", 0, browse);
}

}  // namespace freshet::dialect_internal
