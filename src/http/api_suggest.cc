// What shoppers might want to ask: completions of what is being typed, popular and trending queries.
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

void write_list(JsonWriter& json, std::string_view name, const std::vector<Suggestion>& list) {
  json.key(name).array();
  for (const Suggestion& one : list) {
    json.object().field("text", std::string_view(one.text)).field("weight", one.weight);
    if (one.typo) json.field("typo", true);
    json.end();
  }
  json.end();
}

// Arguments in the query, or as JSON in the body.
Response suggestions(ApiParts& parts, const Request& from) {
  Fields fields = Fields::of(from);
  SuggestRequest request;
  fields.text("query", request.query, SuggestRequest::kQueryBytesMax);
  fields.whole("count", request.count, 1, SuggestRequest::kCountMax);
  fields.flag("typos", request.typos);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const SuggestPage page = parts.engine.suggest(request);
  JsonWriter json;
  json.object();
  write_list(json, "completions", page.completions);
  write_list(json, "popular", page.popular);
  write_list(json, "trending", page.trending);
  json.field("state_offset", page.state_offset).end();
  return json_response(json);
}

}  // namespace

void add_suggest_routes(Router& router, ApiParts& parts) {
  const auto answer = [&parts](const Request& request) { return suggestions(parts, request); };
  router.add({Method::kGet, "/api/v1/suggestions", Access::kRead, 0, false, answer});
  router.add({Method::kPost, "/api/v1/suggestions", Access::kRead, kSmallBody, false, answer});
}

}  // namespace freshet::http_internal
