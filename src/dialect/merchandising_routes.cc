// Synonyms and rules: the shop's own at the native API, in the dialect's form. They are the catalogue's,
// whatever index they are written through.
#include <algorithm>
#include <map>

#include "dialect/internal/filters.h"
#include "dialect/internal/parts.h"
#include "env/clock.h"
#include "rules/rules.h"

namespace freshet::dialect_internal {
namespace {

constexpr size_t kManyBody = 16 << 20;

Json text_list(const std::vector<std::string>& texts) {
  Json out;
  Json::List list;
  for (const std::string& text : texts) list.push_back(json_text(text));
  out.value = std::move(list);
  return out;
}

std::string id_of(const Json& object) {
  const Json* id = object.find("objectID");
  return id != nullptr && id->text() != nullptr ? *id->text() : std::string();
}

Json with_id(Json object, const std::string& id) {
  if (auto* members = std::get_if<Json::Object>(&object.value);
      members != nullptr && object.find("objectID") == nullptr)
    members->push_back({"objectID", json_text(id)});
  return object;
}

Response changed(Parts& parts, std::string_view time_name, const std::string& id) {
  JsonWriter json;
  json.object().field(time_name, iso_time(now_ms())).field("taskID", parts.engine.log().end());
  if (!id.empty()) json.field("id", std::string_view(id)).field("objectID", std::string_view(id));
  json.end();
  return json_answer(json);
}

// Those that fit what is looked for, a page of them.
Response list_page(const Request& request, const std::vector<Json>& all) {
  const auto params = Params::of_body(request.body, kQueryBody);
  if (!params.ok()) return refusal(params.error());
  const std::string query = params->text("query"), type = params->text("type");
  const auto size = std::clamp<int64_t>(params->whole("hitsPerPage").value_or(20), 1, 1000);
  const int64_t page = std::max<int64_t>(params->whole("page").value_or(0), 0);
  std::vector<const Json*> found;
  for (const Json& one : all) {
    const Json* of_type = one.find("type");
    if (!type.empty() && (of_type == nullptr || of_type->text() == nullptr || *of_type->text() != type))
      continue;
    if (query.empty() || json_line(one).find(query) != std::string::npos) found.push_back(&one);
  }
  const auto count = static_cast<int64_t>(found.size());
  JsonWriter json;
  json.object().key("hits").array();
  for (int64_t i = page * size; i < std::min(count, (page + 1) * size); ++i)
    write_json(json, *found[static_cast<size_t>(i)]);
  json.end().field("nbHits", count).field("page", page).field("nbPages", (count + size - 1) / size).end();
  return json_answer(json);
}

// ---- synonyms

constexpr double kSecondCorrection = 0.4;  // What tells altcorrection2 from altcorrection1.

Result<std::string> native_synonym(const Json& given, const std::string& path_id) {
  TRY(const Params params, Params::of(given));
  const std::string id = path_id.empty() ? params.text("objectID") : path_id;
  std::string type = params.text("type");
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  Synonym out;
  out.id = id;
  if (type == "synonym") {
    out.words = params.texts("synonyms").value_or(std::vector<std::string>());
  } else if (type == "onewaysynonym") {
    out.kind = SynonymKind::kOneWay;
    out.from = params.text("input");
    out.words = params.texts("synonyms").value_or(std::vector<std::string>());
  } else if (type == "altcorrection1" || type == "altcorrection2") {
    out.kind = SynonymKind::kCorrection;
    out.from = params.text("word");
    out.words = params.texts("corrections").value_or(std::vector<std::string>());
    if (type == "altcorrection2") out.weight = kSecondCorrection;
  } else {
    return invalid("type: expected synonym, onewaysynonym, altcorrection1 or altcorrection2, got \"" +
                   type.substr(0, 40) + "\"");
  }
  return synonym_json(out);
}

Json dialect_synonym(const Synonym& synonym) {
  Json::Object out = {{"objectID", json_text(synonym.id)}};
  if (synonym.kind == SynonymKind::kCorrection) {
    out.push_back(
        {"type", json_text(synonym.weight == kSecondCorrection ? "altcorrection2" : "altcorrection1")});
    out.push_back({"word", json_text(synonym.from)});
    out.push_back({"corrections", text_list(synonym.words)});
  } else {
    const bool one_way = synonym.kind == SynonymKind::kOneWay;
    out.push_back({"type", json_text(one_way ? "onewaysynonym" : "synonym")});
    if (one_way) out.push_back({"input", json_text(synonym.from)});
    out.push_back({"synonyms", text_list(synonym.words)});
  }
  Json json;
  json.value = std::move(out);
  return json;
}

Response put_synonym(Parts& parts, const Request& request) {
  const Result<Json> body = parse_json(request.body, {kQueryBody, 8});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  const auto native = native_synonym(*body, request.params[1]);
  if (!native.ok()) return refusal(native.error());
  const Status done = parts.engine.put_synonym(*native, request.caller);
  return done.ok() ? changed(parts, "updatedAt", request.params[1]) : refusal(done.error());
}

Response get_synonym(Parts& parts, const Request& request) {
  for (const Synonym& one : *parts.engine.settings().synonyms) {
    if (one.id != request.params[1]) continue;
    JsonWriter json;
    write_json(json, dialect_synonym(one));
    return json_answer(json);
  }
  return refusal(404, "synonym \"" + request.params[1] + "\" does not exist");
}

Response delete_synonym(Parts& parts, const Request& request) {
  const Status done = parts.engine.delete_synonym(request.params[1], request.caller);
  if (!done.ok() && done.error().code != Code::kNotFound) return refusal(done.error());
  return changed(parts, "deletedAt", "");
}

Response batch_synonyms(Parts& parts, const Request& request) {
  const Result<Json> body = parse_json(request.body, {kManyBody, 8});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  if (body->list() == nullptr) return refusal(400, "body: expected a list of synonyms");
  const std::lock_guard lock(parts.writing);
  std::map<std::string, std::string> all;
  if (request.argument("replaceExistingSynonyms").value_or("false") != "true")
    for (const Synonym& one : *parts.engine.settings().synonyms) all[one.id] = synonym_json(one);
  for (const Json& one : *body->list()) {
    const auto native = native_synonym(one, "");
    if (!native.ok()) return refusal(Error{native.error().code, id_of(one) + ": " + native.error().what});
    all[id_of(one)] = *native;
  }
  std::string list = "[";
  for (const auto& [id, json] : all) list += (list.size() > 1 ? "," : "") + json;
  const auto done = parts.engine.replace_synonyms(list + "]", request.caller);
  return done.ok() ? changed(parts, "updatedAt", "") : refusal(done.error());
}

Response search_synonyms(Parts& parts, const Request& request) {
  std::vector<Json> all;
  for (const Synonym& one : *parts.engine.settings().synonyms) all.push_back(dialect_synonym(one));
  return list_page(request, all);
}

Response clear_synonyms(Parts& parts, const Request& request) {
  const auto done = parts.engine.replace_synonyms("[]", request.caller);
  return done.ok() ? changed(parts, "updatedAt", "") : refusal(done.error());
}

// ---- rules

void add(Json::Object& object, std::string_view name, Json value) {
  object.push_back({std::string(name), std::move(value)});
}

Json whole(int64_t value) {
  Json out;
  out.value = value;
  return out;
}

Result<Json> native_condition(const Json& given) {
  TRY(const Params params, Params::of(given));
  Json::Object out;
  if (const Json* pattern = params.find("pattern"); pattern != nullptr && pattern->text() != nullptr) {
    if (pattern->text()->find("{facet:") != std::string::npos)
      return invalid("pattern: values of facets as patterns are not there");
    add(out, "query", *pattern);
    const std::string anchoring = params.text("anchoring", "is");
    static constexpr std::pair<std::string_view, std::string_view> kMatches[] = {
        {"is", "is"}, {"startsWith", "starts"}, {"endsWith", "ends"}, {"contains", "contains"}};
    const auto* at = std::find_if(std::begin(kMatches), std::end(kMatches),
                                  [&](const auto& one) { return one.first == anchoring; });
    if (at == std::end(kMatches))
      return invalid("anchoring: expected is, startsWith, endsWith or contains, got \"" +
                     anchoring.substr(0, 40) + "\"");
    add(out, "match", json_text(at->second));
  }
  if (!params.text("context").empty()) add(out, "context", json_text(params.text("context")));
  if (!params.text("filters").empty()) {
    TRY(const std::string filter, from_filters(params.text("filters")));
    add(out, "filter", json_text(filter));
  }
  add(out, "page", json_text("search"));  // What it writes are rules over searches.
  Json json;
  json.value = std::move(out);
  return json;
}

Status put_query(const Json& query, Json::Object& then) {
  if (query.text() != nullptr) {
    add(then, "query", query);
    return {};
  }
  std::vector<std::string> removed;
  if (const Json* list = query.find("remove"); list != nullptr && list->list() != nullptr)
    for (const Json& one : *list->list())
      if (one.text() != nullptr) removed.push_back(*one.text());
  if (const Json* edits = query.find("edits"); edits != nullptr && edits->list() != nullptr) {
    for (const Json& edit : *edits->list()) {
      const Json *type = edit.find("type"), *word = edit.find("delete");
      if (type == nullptr || type->text() == nullptr || *type->text() != "remove" || word == nullptr ||
          word->text() == nullptr)
        return invalid("consequence.params.query.edits: expected {\"type\": \"remove\", \"delete\": a word}");
      removed.push_back(*word->text());
    }
  }
  if (!removed.empty()) add(then, "remove_words", text_list(removed));
  return {};
}

// Parameters of the search: words, conditions, what comes first, what the page shows.
Status put_params(const Json& given, Json::Object& then) {
  TRY(const Params params, Params::of(given));
  if (const Json* query = params.find("query")) TRY_STATUS(put_query(*query, then));
  Params conditions;
  for (const std::string_view name : {"filters", "facetFilters", "numericFilters", "tagFilters"})
    if (const Json* one = params.find(name)) conditions.set(name, *one);
  TRY(const std::string filter, native_filter(conditions));
  if (!filter.empty()) add(then, "filter", json_text(filter));
  if (const Json* optional = params.find("optionalFilters")) {
    TRY(const std::string lift, from_facet_filters(*optional, "optionalFilters"));
    if (!lift.empty()) add(then, "lift", json_text(lift));
  }
  if (const Json* rendering = params.find("renderingContent")) {
    add(then, "rendering", *rendering);
    const Json* redirect = rendering->find("redirect");
    const Json* url = redirect == nullptr ? nullptr : redirect->find("url");
    if (url != nullptr && url->text() != nullptr) add(then, "redirect", *url);
  }
  return {};
}

Status put_promoted(const Json& promote, Json::Object& then) {
  Json::List pins;
  if (promote.list() == nullptr) return invalid("consequence.promote: expected a list");
  for (const Json& one : *promote.list()) {
    TRY(const Params params, Params::of(one));
    std::vector<std::string> ids = params.texts("objectIDs").value_or(std::vector<std::string>());
    if (!params.text("objectID").empty()) ids.push_back(params.text("objectID"));
    int64_t position = params.whole("position").value_or(0);
    for (const std::string& id : ids) {
      Json pin;
      pin.value = Json::Object{{"item", json_text(id)}, {"position", whole(position++)}};
      pins.push_back(std::move(pin));
    }
  }
  Json list;
  list.value = std::move(pins);
  add(then, "pin", std::move(list));
  return {};
}

Result<Json> native_consequence(const Json& given) {
  Json::Object then;
  if (const Json* params = given.find("params")) TRY_STATUS(put_params(*params, then));
  if (const Json* promote = given.find("promote")) TRY_STATUS(put_promoted(*promote, then));
  if (const Json* follow = given.find("filterPromotes"); follow != nullptr && follow->flag() != nullptr)
    add(then, "pins_follow_filters", *follow);
  if (const Json* hide = given.find("hide"); hide != nullptr && hide->list() != nullptr) {
    std::vector<std::string> ids;
    for (const Json& one : *hide->list()) ids.push_back(id_of(one));
    add(then, "hide", text_list(ids));
  }
  if (const Json* data = given.find("userData")) add(then, "data", *data);
  Json json;
  json.value = std::move(then);
  return json;
}

Result<std::string> native_rule(const Json& given, const std::string& path_id) {
  if (given.object() == nullptr) return invalid("body: expected a rule, got " + std::string(given.kind()));
  const std::string id = path_id.empty() ? id_of(given) : path_id;
  Json::Object out = {{"id", json_text(id)}};
  if (const Json* enabled = given.find("enabled"); enabled != nullptr && enabled->flag() != nullptr)
    add(out, "enabled", *enabled);
  Json::List when;
  if (const Json* condition = given.find("condition");
      condition != nullptr && condition->object() != nullptr) {
    TRY(Json one, native_condition(*condition));
    when.push_back(std::move(one));
  }
  if (const Json* conditions = given.find("conditions");
      conditions != nullptr && conditions->list() != nullptr) {
    for (const Json& condition : *conditions->list()) {
      TRY(Json one, native_condition(condition));
      when.push_back(std::move(one));
    }
  }
  if (when.empty()) {
    TRY(Json always, native_condition(Json{Json::Object{}}));
    when.push_back(std::move(always));
  }
  Json list;
  list.value = std::move(when);
  add(out, "when", std::move(list));
  if (const Json* validity = given.find("validity"); validity != nullptr && validity->list() != nullptr) {
    Json::List spans;
    for (const Json& span : *validity->list()) {
      TRY(const Params seconds, Params::of(span));
      Json::Object one;
      if (const auto from = seconds.whole("from")) add(one, "from_ms", whole(*from * 1000));
      if (const auto until = seconds.whole("until")) add(one, "until_ms", whole(*until * 1000));
      Json json;
      json.value = std::move(one);
      spans.push_back(std::move(json));
    }
    Json json;
    json.value = std::move(spans);
    add(out, "valid", std::move(json));
  }
  if (const Json* consequence = given.find("consequence")) {
    TRY(Json then, native_consequence(*consequence));
    add(out, "then", std::move(then));
  }
  add(out, "origin", with_id(given, id));
  Json json;
  json.value = std::move(out);
  return json_line(json);
}

// As it was written here; of a rule written elsewhere its id and description.
Json dialect_rule(const Document& document) {
  const Result<Json> json = parse_json(document.json, {document.json.size(), 60});
  if (json.ok() && json->find("origin") != nullptr) return *json->find("origin");
  Json out;
  out.value = Json::Object{{"objectID", json_text(document.id)}};
  for (const std::string_view name : {"description", "enabled"})
    if (json.ok() && json->find(name) != nullptr)
      add(std::get<Json::Object>(out.value), name, *json->find(name));
  return out;
}

Response put_rule(Parts& parts, const Request& request) {
  const Result<Json> body = parse_json(request.body, {kQueryBody, 24});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  const auto native = native_rule(*body, request.params[1]);
  if (!native.ok()) return refusal(native.error());
  const Status done = parts.engine.put_rules({*native}, request.caller);
  return done.ok() ? changed(parts, "updatedAt", request.params[1]) : refusal(done.error());
}

Response get_rule(Parts& parts, const Request& request) {
  const auto rules = parts.engine.documents(kRules);
  const Document* found = rules->find(request.params[1]);
  if (found == nullptr) return refusal(404, "rule \"" + request.params[1] + "\" does not exist");
  JsonWriter json;
  write_json(json, dialect_rule(*found));
  return json_answer(json);
}

Response delete_rule(Parts& parts, const Request& request) {
  const Status done = parts.engine.delete_documents(kRules, {request.params[1]}, request.caller);
  if (!done.ok() && done.error().code != Code::kNotFound) return refusal(done.error());
  return changed(parts, "deletedAt", "");
}

Response batch_rules(Parts& parts, const Request& request) {
  const Result<Json> body = parse_json(request.body, {kManyBody, 24});
  if (!body.ok()) return refusal(400, "body: " + body.error().what);
  if (body->list() == nullptr) return refusal(400, "body: expected a list of rules");
  std::vector<std::string> rules;
  for (const Json& one : *body->list()) {
    auto native = native_rule(one, "");
    if (!native.ok()) return refusal(Error{native.error().code, id_of(one) + ": " + native.error().what});
    rules.push_back(std::move(native).value());
  }
  const bool replace = request.argument("clearExistingRules").value_or("false") == "true";
  const Status done = parts.engine.put_rules(rules, request.caller, replace);
  return done.ok() ? changed(parts, "updatedAt", "") : refusal(done.error());
}

Response search_rules(Parts& parts, const Request& request) {
  std::vector<Json> all;
  for (const auto& one : parts.engine.documents(kRules)->documents) all.push_back(dialect_rule(*one));
  return list_page(request, all);
}

Response clear_rules(Parts& parts, const Request& request) {
  const Status done = parts.engine.put_rules({}, request.caller, true);
  return done.ok() ? changed(parts, "updatedAt", "") : refusal(done.error());
}

}  // namespace

void add_merchandising_routes(Router& router, Parts& parts) {
  const auto put = [&](Method method, const std::string& pattern, Access access, size_t body, Answer answer) {
    const bool waits = access == Access::kAdmin;
    router.add(route(parts, method, "/1/indexes/{index}/" + pattern, access, body, waits, answer));
  };
  put(Method::kPut, "synonyms/{id}", Access::kAdmin, kQueryBody, put_synonym);
  put(Method::kGet, "synonyms/{id}", Access::kWrite, 0, get_synonym);
  put(Method::kDelete, "synonyms/{id}", Access::kAdmin, 0, delete_synonym);
  put(Method::kPost, "synonyms/batch", Access::kAdmin, kManyBody, batch_synonyms);
  put(Method::kPost, "synonyms/search", Access::kWrite, kQueryBody, search_synonyms);
  put(Method::kPost, "synonyms/clear", Access::kAdmin, kQueryBody, clear_synonyms);
  put(Method::kPut, "rules/{id}", Access::kAdmin, kQueryBody, put_rule);
  put(Method::kGet, "rules/{id}", Access::kWrite, 0, get_rule);
  put(Method::kDelete, "rules/{id}", Access::kAdmin, 0, delete_rule);
  put(Method::kPost, "rules/batch", Access::kAdmin, kManyBody, batch_rules);
  put(Method::kPost, "rules/search", Access::kWrite, kQueryBody, search_rules);
  put(Method::kPost, "rules/clear", Access::kAdmin, kQueryBody, clear_rules);
}

}  // namespace freshet::dialect_internal
