// The answers: recommendations, what trends, and a shopper as the program knows them.
#include "http/internal/api_parts.h"
#include "http/search_json.h"

namespace freshet::http_internal {
namespace {

constexpr uint64_t kTimeMsMax = 1ull << 52;  // Above any time an engine takes.

struct Asked {
  RecommendRequest request;
  bool record = true;  // The page becomes an impression on the log.
};

std::optional<Problem> read(const Request& from, Asked& out) {
  Fields fields = Fields::of(from);
  RecommendRequest& request = out.request;
  std::string surface;
  uint64_t k = request.k, time_ms = 0;
  std::vector<std::string> item;
  fields.text("surface", surface, 64);
  fields.text("user", request.user);
  fields.text("session", request.session);
  fields.text("region", request.region, 64);
  fields.text("device", request.device, 32);
  fields.texts("item", item, RecommendService::kItemsMax);
  fields.texts("items", request.items, RecommendService::kItemsMax);
  fields.whole("k", k, 1, RecommendService::kItemsMax);
  fields.text("filter", request.filter, 4096);
  fields.texts("exclude", request.exclude, RecommendService::kExcludeMax);
  fields.flag("include_unavailable", request.include_unavailable);
  fields.flag("allow_repeats", request.allow_repeats);
  fields.flag("exclude_bought", request.exclude_bought);
  fields.text("facet", request.facet);
  fields.flag("explain", request.explain);
  fields.flag("record", out.record);
  fields.whole("time_ms", time_ms, 1, kTimeMsMax);
  fields.flag("rules", request.rules);
  fields.texts("contexts", request.contexts, 32);
  fields.whole("settings_version", request.settings_version, 0, UINT64_MAX / 2);
  request.items.insert(request.items.end(), item.begin(), item.end());
  request.k = k;
  if (time_ms > 0) request.now_ms = static_cast<TimeMs>(time_ms);
  if (!surface.empty()) {
    const Result<Surface> parsed = parse_surface(surface);
    if (parsed.ok()) {
      request.surface = *parsed;
    } else {
      return Problem{400, "invalid", parsed.error().what, "surface"};
    }
  }
  return fields.finish();
}

// A part each: what belongs to none of the sources, or a source with its evidence.
void write_parts(JsonWriter& json, std::span<const RecommendPart> parts) {
  json.key("explain").array();
  for (size_t i = 0, end = 0; i < parts.size(); i = end) {
    double sum = 0;
    for (end = i; end < parts.size() && parts[end].part == parts[i].part; ++end) sum += parts[end].value;
    json.object().field("part", parts[i].part).field("value", sum);
    if (!parts[i].evidence.empty()) {
      json.key("evidence").object();
      for (size_t e = i; e < end; ++e) json.field(parts[e].evidence, parts[e].value);
      json.end();
    }
    json.end();
  }
  json.end();
}

void write_item(JsonWriter& json, const RecommendedItem& item, bool explain) {
  json.object().field("item", std::string_view(item.id));
  if (explain) {
    json.field("score", double{item.score});  // All its digits, which its parts add up to.
  } else {
    json.field("score", item.score);
  }
  if (!item.title.empty()) json.field("title", std::string_view(item.title));
  if (has_number(item.price)) json.field("price", item.price);
  json.field("reason", std::string_view(item.reason));
  if (explain) {
    json.field("source", std::string_view(item.source))
        .field("reason_kind", std::string_view(item.reason_kind));
    if (!item.reason_item.empty()) json.field("reason_item", std::string_view(item.reason_item));
    write_parts(json, item.parts);
  }
  json.end();
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).array();
  for (const std::string& text : texts) json.value(std::string_view(text));
  json.end();
}

void write_rules(JsonWriter& json, const RecommendAnswer& answer) {
  if (answer.rules_applied.empty()) return;
  write_texts(json, "rules", answer.rules_applied);
  if (answer.rule_data.empty()) return;
  json.key("data").array();
  for (const std::string& one : answer.rule_data) json.json(one);
  json.end();
}

Response recommend(ApiParts& parts, const Request& from) {
  Asked asked;
  if (auto wrong = read(from, asked)) return problem(*wrong);
  const Result<RecommendPage> page = parts.engine.recommend(asked.request, asked.record);
  if (!page.ok()) return problem(page.error());
  JsonWriter json;
  json.object().field("query_id", std::string_view(page->query_id));
  json.field("surface", surface_name(asked.request.surface));
  json.key("items").array();
  const bool explain = asked.request.explain;
  for (const RecommendedItem& item : page->answer.items) write_item(json, item, explain);
  json.end();
  write_rules(json, page->answer);
  if (page->experiment.run != 0) write_part(json, page->experiment);
  if (explain) {
    json.field("context_steps", page->answer.context_steps).field("state_offset", page->state_offset);
  }
  json.end();
  return json_response(json);
}

Response trending(ApiParts& parts, const Request& from) {
  Fields fields = Fields::from_query(from);
  uint64_t k = 10;
  fields.whole("k", k, 1, RecommendService::kItemsMax);
  if (auto wrong = fields.finish()) return problem(*wrong);
  JsonWriter json;
  json.object().key("facets").array();
  for (const TrendingFacet& facet : parts.engine.trending_facets(k))
    json.object().field("facet", std::string_view(facet.name)).field("score", facet.score).end();
  json.end().end();
  return json_response(json);
}

Response get_user(ApiParts& parts, const Request& from) {
  const Result<UserView> found = parts.engine.user(from.params[0]);
  if (!found.ok()) return problem(found.error());
  JsonWriter json;
  json.object().field("id", std::string_view(found->id));
  if (found->last_ms != kNoTime) json.field("last_ms", found->last_ms);
  json.key("actions").array();
  for (const UserView::Action& action : found->actions) {
    json.object().field("type", event_type_name(action.type)).field("item", std::string_view(action.item));
    json.field("time_ms", action.time_ms).field("in_session", action.in_session).end();
  }
  json.end();
  write_texts(json, "dismissed", found->dismissed);
  write_texts(json, "linked", found->linked);
  json.key("attributes");
  write_attributes(json, found->attributes);
  json.key("counts");
  write_counts(json, found->counts);
  json.end();
  return json_response(json);
}

Response erase_user(ApiParts& parts, const Request& from) {
  if (const Status begun = parts.engine.erase_user(from.params[0]); !begun.ok())
    return problem(begun.error());
  JsonWriter json;
  json.object().field("user", std::string_view(from.params[0])).field("status", "erasing").end();
  return json_response(json, 202);
}

}  // namespace

void add_recommend_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  router.add({Method::kGet, "/api/v1/recommend", Access::kRead, 0, false, bind(recommend)});
  router.add({Method::kPost, "/api/v1/recommend", Access::kRead, kSmallBody, false, bind(recommend)});
  router.add({Method::kGet, "/api/v1/recommend/trending", Access::kRead, 0, false, bind(trending)});
  router.add({Method::kGet, "/api/v1/users/{id}", Access::kRead, 0, false, bind(get_user)});
  router.add({Method::kDelete, "/api/v1/users/{id}", Access::kAdmin, 0, true, bind(erase_user)});
}

}  // namespace freshet::http_internal
