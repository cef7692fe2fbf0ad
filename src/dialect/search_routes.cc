// Queries: several at once, one, values of a facet, records by id, recommendations.
#include "dialect/internal/bound.h"
#include "dialect/internal/parts.h"
#include "dialect/internal/records.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kRequestsMax = 100;

Result<const Json::List*> requests_of(const Json& body) {
  const Json* requests = body.find("requests");
  if (requests == nullptr || requests->list() == nullptr) return invalid("requests: expected a list");
  if (requests->list()->size() > kRequestsMax)
    return Error{Code::kInvalid, "requests: expected at most " + std::to_string(kRequestsMax)};
  return requests->list();
}

Error at_request(size_t i, const Error& error) {
  return {error.code, "requests[" + std::to_string(i) + "]: " + error.what};
}

Status answer_one(Parts& parts, const Request& request, const Json& asked, JsonWriter& json) {
  TRY(Params params, Params::of(asked));
  TRY_STATUS(bind_query(request, params));
  TRY(const Index index, parts.book.find(params.text("indexName")));
  if (params.text("type") == "facet")
    return answer_facet_values(parts, index, params.text("facet"), params, json);
  return answer_query(parts, index, params, json);
}

// {"results": [...]}, in the order of "requests".
template <class One>
Response answer_each(const Request& request, const One& one) {
  const Result<Json> body = parse_json(request.body, {kQueryBody, 24});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  const auto requests = requests_of(*body);
  if (!requests.ok()) return refusal(requests.error());
  JsonWriter json;
  json.object().key("results").array();
  for (size_t i = 0; i < (*requests)->size(); ++i) {
    const Status done = one((**requests)[i], json);
    if (!done.ok()) return refusal(at_request(i, done.error()));
  }
  json.end().end();
  return json_answer(json);
}

Response queries(Parts& parts, const Request& request) {
  return answer_each(
      request, [&](const Json& asked, JsonWriter& json) { return answer_one(parts, request, asked, json); });
}

Response recommendations(Parts& parts, const Request& request) {
  return answer_each(request, [&](const Json& asked, JsonWriter& json) -> Status {
    TRY(Params params, Params::of(asked));
    TRY_STATUS(bind_recommendation(request, params));
    return answer_recommendation(parts, params, json);
  });
}

Response query(Parts& parts, const Request& request) {
  const auto index = parts.book.find(request.params[0]);
  if (!index.ok()) return refusal(index.error());
  auto params = Params::of_body(request.body, kQueryBody);
  if (!params.ok()) return refusal(params.error());
  for (const auto& [name, value] : request.query)  // A GET has them in its query string.
    if (params->find(name) == nullptr) params->set(name, json_text(value));
  params->set("indexName", json_text(request.params[0]));
  if (const Status bound = bind_query(request, *params); !bound.ok()) return refusal(bound.error());
  JsonWriter json;
  const Status done = answer_query(parts, *index, *params, json);
  return done.ok() ? json_answer(json) : refusal(done.error());
}

Response facet_values(Parts& parts, const Request& request) {
  const auto index = parts.book.find(request.params[0]);
  if (!index.ok()) return refusal(index.error());
  auto params = Params::of_body(request.body, kQueryBody);
  if (!params.ok()) return refusal(params.error());
  params->set("indexName", json_text(request.params[0]));
  if (const Status bound = bind_query(request, *params); !bound.ok()) return refusal(bound.error());
  JsonWriter json;
  const Status done = answer_facet_values(parts, *index, request.params[1], *params, json);
  return done.ok() ? json_answer(json) : refusal(done.error());
}

// null where there is no such record.
Status write_object(Parts& parts, const Request& request, const Json& asked, JsonWriter& json) {
  TRY(const Params params, Params::of(asked));
  if (is_bound_by_filters(request) || !index_allowed(request, params.text("indexName")))
    return invalid("indexName: this key may not read records by their ids here");
  TRY(const Index index, parts.book.find(params.text("indexName")));
  const std::string id = params.text("objectID");
  const Result<ItemView> found = parts.engine.item(id);
  if (!found.ok() || !found->record.listed) {
    json.null();
    return {};
  }
  const auto names = params.texts("attributesToRetrieve");
  json.object();
  write_record(json, found->record.attributes, names ? Selection(*names) : Selection());
  json.field("objectID", std::string_view(id)).end();
  return {};
}

Response objects(Parts& parts, const Request& request) {
  return answer_each(request, [&](const Json& asked, JsonWriter& json) {
    return write_object(parts, request, asked, json);
  });
}

}  // namespace

void add_search_routes(Router& router, Parts& parts) {
  const auto add = [&](Method method, std::string pattern, size_t body, Answer answer) {
    router.add(route(parts, method, std::move(pattern), Access::kRead, body, false, answer));
  };
  add(Method::kPost, "/1/indexes/*/queries", kQueryBody, queries);
  add(Method::kPost, "/1/indexes/*/recommendations", kQueryBody, recommendations);
  add(Method::kPost, "/1/indexes/*/objects", kQueryBody, objects);
  add(Method::kPost, "/1/indexes/{index}/query", kQueryBody, query);
  add(Method::kGet, "/1/indexes/{index}", 0, query);
  add(Method::kPost, "/1/indexes/{index}/facets/{facet}/query", kQueryBody, facet_values);
}

}  // namespace freshet::dialect_internal
