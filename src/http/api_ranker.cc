// What the learned ranker's features are worth, and what goes on around the shop. docs/ranking.md.
#include "http/internal/api_parts.h"

namespace freshet::http_internal {
namespace {

std::string_view state_of(const RankerFeatures& all, size_t feature) {
  const auto named = [feature](const std::vector<std::string>& names) {
    const std::string_view name = rank_feature_name(static_cast<RankFeature>(feature));
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (named(all.settings.drop)) return "dropped";
  if (named(all.settings.keep)) return "kept";
  return (all.made >> feature & 1) != 0 ? "made" : "retired";
}

void write_feature(JsonWriter& json, const RankerFeatures& all, size_t feature) {
  const auto which = static_cast<RankFeature>(feature);
  const Importance::Worth worth = all.importance->worth(which);
  json.object().field("name", rank_feature_name(which));
  json.field("group", rank_group_name(kGroupOf[feature])).field("state", state_of(all, feature));
  json.field("ablation", worth.ablation).field("deviation", worth.deviation);
  json.field("gain", worth.gain).field("looked", worth.looked).end();
}

Response features(ApiParts& parts, const Request&) {
  const RankerFeatures all = parts.engine.ranker_features();
  JsonWriter json;
  json.object().field("examples", all.importance->examples()).field("whole", all.importance->whole());
  json.field("retire", all.settings.retire).key("features").array();
  for (size_t feature = 0; feature < kRankFeatures; ++feature) write_feature(json, all, feature);
  json.end().key("changes").array();
  for (const FeatureChange& change : all.importance->changes()) {
    json.object().field("name", rank_feature_name(change.feature)).field("retired", change.retired);
    json.field("time_ms", change.time_ms).field("examples", change.examples);
    json.field("worth", change.worth).field("least", change.least).end();
  }
  json.end().end();
  return json_response(json);
}

Response contexts(ApiParts& parts, const Request& request) {
  Fields fields = Fields::from_query(request);
  std::string region;
  fields.text("region", region, 64);
  if (auto wrong = fields.finish()) return problem(*wrong);
  const EngineContexts now = parts.engine.contexts(region);
  JsonWriter json;
  json.object().field("now_ms", now.now_ms).field("busy", now.busy);
  if (!now.scenario.empty()) json.field("scenario", valid_utf8(now.scenario));
  json.key("contexts").array();
  for (const EngineContexts::One& one : now.spans) {
    json.object().field("name", valid_utf8(one.span.name)).field("value", valid_utf8(one.span.value));
    if (!one.span.region.empty()) json.field("region", valid_utf8(one.span.region));
    json.field("from_ms", one.span.from_ms).field("until_ms", one.span.until_ms);
    json.field("active", one.active).end();
  }
  json.end().end();
  return json_response(json);
}

}  // namespace

void add_ranker_routes(Router& router, ApiParts& parts) {
  const auto bind = [&parts](Response (*handler)(ApiParts&, const Request&)) {
    return [&parts, handler](const Request& request) { return handler(parts, request); };
  };
  router.add({Method::kGet, "/api/v1/ranker/features", Access::kRead, 0, false, bind(features)});
  router.add({Method::kGet, "/api/v1/contexts", Access::kRead, 0, false, bind(contexts)});
}

}  // namespace freshet::http_internal
