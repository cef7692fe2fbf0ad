// Recommendations: the models' names mapped to our surfaces; hits are whole records.
#include <algorithm>

#include "dialect/internal/filters.h"
#include "dialect/internal/parts.h"
#include "dialect/internal/records.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr int64_t kRecommendationsMax = 30;

struct Model {
  std::string_view name;
  Surface surface;
};
constexpr Model kModels[] = {
    {"bought-together", Surface::kBoughtTogether}, {"related-products", Surface::kRelated},
    {"looking-similar", Surface::kRelated},        {"trending-items", Surface::kTrending},
    {"recommended-for-you", Surface::kForYou},
};

std::string model_names() {
  std::string out;
  for (const Model& model : kModels) out += std::string(model.name) + ", ";
  return out + "trending-facets";
}

// Facets the shop trends in, as {facetName, facetValue, _score}.
void write_trending_facets(Parts& parts, const std::string& facet, size_t count, double threshold,
                           JsonWriter& json) {
  size_t written = 0;
  for (const TrendingFacet& one : parts.engine.trending_facets(100)) {
    const size_t colon = one.name.find(':');
    if (colon == std::string::npos || one.name.substr(0, colon) != facet || written == count) continue;
    if (100 * one.score < threshold) continue;
    json.object().field("facetName", std::string_view(facet));
    json.field("facetValue", std::string_view(one.name).substr(colon + 1));
    json.field("_score", one.score * 100).end();
    ++written;
  }
}

// Text attributes with the tags asked for around nothing: what widgets show a name from.
void write_unmarked(JsonWriter& json, const std::vector<Attribute>& attributes) {
  std::vector<std::string_view> names;
  std::vector<const Value*> values;
  for (const Attribute& one : attributes) {
    const bool text = std::holds_alternative<std::string>(one.value) ||
                      std::holds_alternative<std::vector<std::string>>(one.value);
    if (!text || one.name == kKept) continue;
    names.push_back(one.name);
    values.push_back(&one.value);
  }
  const auto write_one = [&](const std::string& text) {
    json.object().field("value", std::string_view(text)).field("matchLevel", "none");
    json.key("matchedWords").array().end().end();
  };
  json.key("_highlightResult").object();
  write_nested(json, names, [&](size_t i) {
    if (const auto* text = std::get_if<std::string>(values[i])) return write_one(*text);
    json.array();
    for (const std::string& text : std::get<std::vector<std::string>>(*values[i])) write_one(text);
    json.end();
  });
  json.end();
}

float best_of(const std::vector<RecommendedItem>& items) {
  float best = 1e-12F;
  for (const RecommendedItem& item : items) best = std::max(best, item.score);
  return best;
}

// `best`: what has this score has 100 in _score.
void write_hits(Parts& parts, const std::vector<RecommendedItem>& items, float best, const Selection& shown,
                JsonWriter& json) {
  for (const RecommendedItem& item : items) {
    const Result<ItemView> view = parts.engine.item(item.id);
    if (!view.ok()) continue;
    json.object();
    write_record(json, view->record.attributes, shown);
    json.field("objectID", std::string_view(item.id));
    json.field("_score", std::clamp(100.0F * item.score / best, 0.0F, 100.0F));
    write_unmarked(json, view->record.attributes);
    json.end();
  }
}

Result<RecommendRequest> read_request(const Model& model, const Params& params, const Params& query) {
  RecommendRequest out;
  out.surface = model.surface;
  out.user = query.text("userToken").substr(0, 256);
  TRY(out.filter, native_filter(query));
  const std::string object = params.text("objectID");
  const bool needs_object = model.surface == Surface::kBoughtTogether || model.surface == Surface::kRelated;
  if (needs_object && object.empty())
    return invalid("objectID: expected the record that " + std::string(model.name) + " is asked for");
  if (!object.empty()) out.items = {object};
  if (model.surface == Surface::kTrending && !params.text("facetName").empty()) {
    const std::string name = params.text("facetName"), value = params.text("facetValue");
    if (!value.empty()) {
      const std::string condition = quoted(name) + ":" + quoted(value);
      out.filter = out.filter.empty() ? condition : "(" + out.filter + ") AND " + condition;
    }
  }
  return out;
}

}  // namespace

Status answer_recommendation(Parts& parts, const Params& params, JsonWriter& json) {
  TRY(const Index index, parts.book.find(params.text("indexName")));
  const std::string name = params.text("model");
  Params query, fallback;
  if (const Json* given = params.find("queryParameters"); given != nullptr && given->object() != nullptr) {
    TRY(query, Params::of(*given));
  }
  if (const Json* given = params.find("fallbackParameters"); given != nullptr && given->object() != nullptr) {
    TRY(fallback, Params::of(*given));
  }
  const auto count = static_cast<size_t>(std::clamp<int64_t>(
      params.whole("maxRecommendations").value_or(kRecommendationsMax), 1, kRecommendationsMax));
  const double threshold = std::clamp(params.number("threshold").value_or(0), 0.0, 100.0);
  const uint64_t begun = monotonic_ns();
  RecommendPage page;
  json.object().key("hits").array();
  size_t hits = 0;
  if (name == "trending-facets") {
    const std::string facet = params.text("facetName");
    if (facet.empty()) return invalid("facetName: expected the attribute whose values trend");
    write_trending_facets(parts, facet, count, threshold, json);
  } else {
    const auto* model = std::find_if(std::begin(kModels), std::end(kModels),
                                     [&](const Model& one) { return one.name == name; });
    if (model == std::end(kModels))
      return invalid("model: expected one of " + model_names() + ", got \"" + name.substr(0, 40) + "\"");
    TRY(RecommendRequest request, read_request(*model, params, query));
    request.k = count;
    request.least_share = threshold / 100;
    const bool record = query.flag("analytics").value_or(true);
    TRY(page, parts.engine.recommend(request, record));
    float best = best_of(page.answer.items);
    // What the shop wants shown when there is too little.
    if (page.answer.items.size() < count && params.find("fallbackParameters") != nullptr) {
      RecommendRequest more = request;
      more.surface = Surface::kTrending;
      more.items.clear();
      more.least_share = 0;
      TRY(more.filter, native_filter(fallback));
      more.k = count - page.answer.items.size();
      for (const RecommendedItem& one : page.answer.items) more.exclude.push_back(one.id);
      if (!params.text("objectID").empty()) more.exclude.push_back(params.text("objectID"));
      TRY(const RecommendPage rest, parts.engine.recommend(more, false));
      if (page.answer.items.empty()) best = best_of(rest.answer.items);
      page.answer.items.insert(page.answer.items.end(), rest.answer.items.begin(), rest.answer.items.end());
    }
    hits = page.answer.items.size();
    const Selection shown(query.texts("attributesToRetrieve").value_or(std::vector<std::string>{"*"}));
    write_hits(parts, page.answer.items, best, shown, json);
    std::vector<std::string> ids;
    for (const RecommendedItem& item : page.answer.items) ids.push_back(item.id);
    if (query.flag("clickAnalytics").value_or(false)) parts.served.served(page.query_id, request.user, ids);
  }
  json.end().field("nbHits", hits).field("page", 0).field("nbPages", 1).field("hitsPerPage", count);
  json.field("exhaustiveNbHits", true).field("index", std::string_view(index.name)).field("query", "");
  json.field("params", "").key("renderingContent").object().end();
  if (query.flag("clickAnalytics").value_or(false) && !page.query_id.empty())
    json.field("queryID", std::string_view(page.query_id));
  json.field("processingTimeMS", (monotonic_ns() - begun) / 1'000'000).end();
  return {};
}

}  // namespace freshet::dialect_internal
