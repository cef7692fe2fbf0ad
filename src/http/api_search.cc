// Search over HTTP: which handler answers what; the JSON is search_json.h's.
#include "http/internal/api_parts.h"
#include "http/search_json.h"

namespace freshet::http_internal {
namespace {

// `path`: which of several searches.
Response wrong_search(const Error& error, const std::string& path) {
  if (path.empty() || error.what.starts_with(path)) return problem(error);
  return problem(Error{error.code, path + "." + error.what});
}

// One object, or {"searches": [...]}: each is answered as if it had come alone.
Response search(ApiParts& parts, const Request& from) {
  const Result<Json> body = parse_json(from.body.empty() ? "{}" : from.body, {kSearchBodyMax, 10});
  if (!body.ok()) return problem(Problem{400, "malformed_json", body.error().what});
  const bool several = body->find("searches") != nullptr;
  const auto asked = parse_searches(*body);
  if (!asked.ok()) return wrong_search(asked.error(), "");
  JsonWriter json;
  if (several) json.object().key("answers").array();
  for (size_t i = 0; i < asked->size(); ++i) {
    const AskedSearch& one = (*asked)[i];
    const Result<SearchPage> page = parts.engine.search(one.request, one.record);
    if (!page.ok()) return wrong_search(page.error(), several ? "searches[" + std::to_string(i) + "]" : "");
    parts.metrics.search(page->took_us, page->answer.found == 0);
    write_search_answer(json, one.request, *page);
  }
  if (several) json.end().end();
  return json_response(json);
}

Response browse(ApiParts& parts, const Request& from) {
  const Result<Json> body = parse_json(from.body.empty() ? "{}" : from.body, {kSearchBodyMax, 10});
  if (!body.ok()) return problem(Problem{400, "malformed_json", body.error().what});
  BrowseRequest request;
  JsonFields fields(*body, "");
  fields.text("filter", request.filter, 0, SearchRequest::kFilterBytesMax);
  fields.text("cursor", request.cursor, 0, 64);
  fields.whole("count", request.count, 1u, SearchRequest::kCountMax);
  fields.texts("attributes", request.attributes, SearchRequest::kAttributesMax, 128);
  if (const Status read = fields.finish(); !read.ok()) return wrong_search(read.error(), "");
  const Result<BrowseAnswer> answer = parts.engine.browse(request);
  if (!answer.ok()) return wrong_search(answer.error(), "");
  JsonWriter json;
  json.object().key("items").array();
  for (const SearchHit& hit : answer->hits) write_search_hit(json, hit);
  json.end();
  if (!answer->cursor.empty()) json.field("cursor", std::string_view(answer->cursor));
  json.end();
  return json_response(json);
}

// Values of one facet, as the shopper types into the box above a long list.
Response facet_values(ApiParts& parts, const Request& from) {
  const Result<Json> body = parse_json(from.body.empty() ? "{}" : from.body, {kSearchBodyMax, 10});
  if (!body.ok()) return problem(Problem{400, "malformed_json", body.error().what});
  SearchRequest request;
  FacetRequest facet{};
  facet.name = from.params[0];
  facet.values_max = 10;
  JsonFields fields(*body, "");
  fields.text("contains", facet.contains, 0, 256);
  fields.whole("values_max", facet.values_max, 1u, 1000u);
  fields.text("query", request.query, 0, SearchRequest::kQueryBytesMax);
  fields.text("filter", request.filter, 0, SearchRequest::kFilterBytesMax);
  read_refinements(fields, request);
  if (const Status read = fields.finish(); !read.ok()) return wrong_search(read.error(), "");
  request.facets = {facet};
  request.count = 0;
  const Result<SearchPage> page = parts.engine.search(request, false);
  if (!page.ok()) return wrong_search(page.error(), "");
  JsonWriter json;
  if (page->answer.facets.empty())
    return problem(not_found("facet \"" + valid_utf8(facet.name) + "\" is not known"));
  write_search_facet(json, page->answer.facets.front());
  return json_response(json);
}

}  // namespace

void add_search_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  router.add({Method::kPost, "/api/v1/search", Access::kRead, kSearchBodyMax, false, bind(search)});
  router.add({Method::kPost, "/api/v1/browse", Access::kRead, kSearchBodyMax, false, bind(browse)});
  router.add(
      {Method::kPost, "/api/v1/facets/{name}", Access::kRead, kSearchBodyMax, false, bind(facet_values)});
}

}  // namespace freshet::http_internal
