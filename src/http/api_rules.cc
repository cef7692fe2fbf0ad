// Rules over searches: documents in, documents out.
#include "http/internal/api_parts.h"
#include "json/json.h"
#include "rules/rules.h"

namespace freshet::http_internal {
namespace {

constexpr size_t kRulesBody = 16 << 20;

Response list_rules(ApiParts& parts, const Request&) {
  JsonWriter json;
  json.object().key("rules").array();
  for (const auto& one : parts.engine.documents(kRules)->documents) json.json(one->json);
  json.end().end();
  return json_response(json);
}

Response get_rule(ApiParts& parts, const Request& request) {
  const auto rules = parts.engine.documents(kRules);
  const Document* found = rules->find(request.params[0]);
  if (found == nullptr)
    return problem(not_found("rule \"" + request.params[0].substr(0, 64) + "\" is not known"));
  JsonWriter json;
  json.json(found->json);
  return json_response(json);
}

Response put_rule(ApiParts& parts, const Request& request) {
  std::string rule;
  if (const auto wrong =
          read_with_id(request, {.bytes_max = DocumentLimits::kJsonBytes, .depth_max = 40}, rule))
    return problem(*wrong);
  if (const Status done = parts.engine.put_rules({rule}, request.caller); !done.ok())
    return problem(done.error());
  return get_rule(parts, request);
}

Response delete_rule(ApiParts& parts, const Request& request) {
  if (const Status done = parts.engine.delete_documents(kRules, {request.params[0]}, request.caller);
      !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("removed", 1).end();
  return json_response(json);
}

Response replace_rules(ApiParts& parts, const Request& request) {
  const auto body = parse_json(request.body, {.bytes_max = kRulesBody, .depth_max = 40});
  if (!body.ok()) return problem(Problem{400, "malformed_json", body.error().what});
  if (body->list() == nullptr) return problem(Problem{400, "invalid", "body: expected a list of rules"});
  std::vector<std::string> all;
  for (const Json& one : *body->list()) {
    JsonWriter text;
    write_json(text, one);
    all.push_back(text.take());
  }
  if (const Status done = parts.engine.put_rules(all, request.caller, true); !done.ok())
    return problem(done.error());
  JsonWriter json;
  json.object().field("rules", all.size()).end();
  return json_response(json);
}

}  // namespace

void add_rule_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  const std::string rules = "/api/v1/rules";
  constexpr size_t kOne = DocumentLimits::kJsonBytes;
  router.add({Method::kGet, rules, Access::kRead, 0, false, bind(list_rules)});
  router.add({Method::kPut, rules, Access::kAdmin, kRulesBody, true, bind(replace_rules)});
  router.add({Method::kGet, rules + "/{id}", Access::kRead, 0, false, bind(get_rule)});
  router.add({Method::kPut, rules + "/{id}", Access::kAdmin, kOne, true, bind(put_rule)});
  router.add({Method::kDelete, rules + "/{id}", Access::kAdmin, 0, true, bind(delete_rule)});
}

}  // namespace freshet::http_internal
