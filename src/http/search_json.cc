#include "http/search_json.h"

#include <cmath>

#include "http/internal/api_parts.h"
#include "json/json.h"

namespace freshet {

using http_internal::write_attributes;

void read_refinements(JsonFields& fields, SearchRequest& out) {
  const Json* given = fields.any("refine");
  if (given == nullptr) return;
  const Json::Object* facets = given->object();
  if (facets == nullptr)
    return fields.wrong("refine", "an object of facet names with lists of values", given);
  if (facets->size() > SearchRequest::kRefinementsMax)
    return fields.wrong("refine", "at most " + std::to_string(SearchRequest::kRefinementsMax) + " facets");
  JsonFields inner(*given, "refine");
  for (const auto& [name, value] : *facets) {
    Refinement refinement{name, {}};
    if (const std::string* one = value.text()) {
      refinement.values = {*one};
      inner.any(name);
    } else {
      inner.texts(name, refinement.values, SearchRequest::kValuesMax, 1024);
    }
    if (!refinement.values.empty()) out.refinements.push_back(std::move(refinement));
  }
  fields.fail(inner.finish());
}

namespace {

void read_facets(JsonFields& fields, SearchRequest& out) {
  const Json::List* list = fields.list("facets", SearchRequest::kFacetsMax);
  if (list == nullptr) return;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = fields.path("facets") + "[" + std::to_string(i) + "]";
    FacetRequest facet{};
    if (const std::string* name = (*list)[i].text()) {
      facet.name = *name;
    } else {
      JsonFields inner((*list)[i], path);
      std::string order;
      inner.text("name", facet.name, 1, 128);
      inner.text("contains", facet.contains, 0, 256);
      inner.whole("values_max", facet.values_max, 1u, 1000u);
      inner.text("order", order, 1, 16);
      if (order == "count" || order == "alpha") {
        facet.order = order == "count" ? FacetOrder::kCount : FacetOrder::kAlpha;
      } else if (!order.empty()) {
        inner.wrong("order", "\"count\" or \"alpha\"");
      }
      inner.texts("first", facet.first, FacetRequest::kFirstMax, 256);
      if (inner.any("under") != nullptr) inner.text("under", facet.under.emplace(), 0, 1024);
      fields.fail(inner.finish());
    }
    if (facet.name.empty() || facet.name.size() > 128)
      fields.fail(invalid(path + ": expected the name of a facet, 1 to 128 bytes"));
    out.facets.push_back(std::move(facet));
  }
}

// One or a list of "price", "-rating", or {"name": "rating", "descending": true}
void read_sort(JsonFields& fields, SearchRequest& out) {
  const Json* given = fields.any("sort");
  if (given != nullptr && given->text() != nullptr) {
    const std::string& text = *given->text();
    const bool descending = text.starts_with('-');
    out.sort.push_back({text.substr(descending ? 1 : 0), descending});
    if (out.sort[0].name.empty() || out.sort[0].name.size() > 128)
      fields.wrong("sort", "the name of an attribute, 1 to 128 bytes", given);
    return;
  }
  const Json::List* list = fields.list("sort", SearchRequest::kSortMax);
  if (list == nullptr) return;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = fields.path("sort") + "[" + std::to_string(i) + "]";
    SortKey key;
    if (const std::string* text = (*list)[i].text()) {
      key.descending = text->starts_with('-');
      key.name = text->substr(key.descending ? 1 : 0);
    } else {
      JsonFields inner((*list)[i], path);
      inner.text("name", key.name, 1, 128);
      inner.flag("descending", key.descending);
      fields.fail(inner.finish());
    }
    if (key.name.empty() || key.name.size() > 128)
      fields.fail(invalid(path + ": expected the name of an attribute, 1 to 128 bytes"));
    out.sort.push_back(std::move(key));
  }
}

void read_semantic(JsonFields& fields, SearchRequest& out) {
  const Json* given = fields.any("semantic");
  if (given != nullptr) {
    const std::string* text = given->text();
    double weight = 0;
    if (text != nullptr && (*text == "auto" || *text == "off")) {
      out.semantic = *text == "auto" ? SemanticMode::kAuto : SemanticMode::kOff;
    } else if (given->number(weight) && weight >= 0 && weight <= 1) {
      out.semantic = SemanticMode::kWeight;
      out.semantic_weight = weight;
    } else {
      fields.wrong("semantic", "\"auto\", \"off\", or a number from 0 to 1", given);
    }
  }
  const Json::List* vector = fields.list("vector", SearchRequest::kVectorMax);
  if (vector == nullptr) return;
  for (size_t i = 0; i < vector->size(); ++i) {
    double number = 0;
    if (!(*vector)[i].number(number) || !(std::abs(number) <= 1e6))
      return fields.wrong("vector[" + std::to_string(i) + "]", "a number from -1e6 to 1e6", &(*vector)[i]);
    out.vector.push_back(static_cast<float>(number));
  }
}

void read_optional_texts(JsonFields& fields, std::string_view name,
                         std::optional<std::vector<std::string>>& out) {
  if (!fields.has(name)) return;
  std::vector<std::string> texts;
  fields.texts(name, texts, 32, 128);
  out = std::move(texts);
}

void read_marking(JsonFields& fields, SearchRequest& out) {
  std::string before, after;
  bool escape = true;
  fields.text("highlight_before", before, 0, 64);
  fields.text("highlight_after", after, 0, 64);
  fields.flag("escape_html", escape);
  fields.whole("snippet_words", out.snippet_words, 1u, 200u);
  if (fields.has("highlight_before")) out.highlight_before = std::move(before);
  if (fields.has("highlight_after")) out.highlight_after = std::move(after);
  if (fields.has("escape_html")) out.escape_html = escape;
}

Result<AskedSearch> read_search(const Json& json, const std::string& path) {
  AskedSearch asked;
  SearchRequest& out = asked.request;
  JsonFields fields(json, path);
  if (json.object() == nullptr) return fields.finish().error();
  fields.text("query", out.query, 0, SearchRequest::kQueryBytesMax);
  fields.text("filter", out.filter, 0, SearchRequest::kFilterBytesMax);
  read_refinements(fields, out);
  read_facets(fields, out);
  fields.flag("facets_after_grouping", out.facets_after_grouping);
  read_sort(fields, out);
  fields.text("group_by", out.group_by, 0, 128);
  fields.whole("group_count", out.group_count, 1u, 100u);
  fields.whole("from", out.from, 0u, SettingsLimits::kPaginationMax);
  fields.whole("count", out.count, 0u, SearchRequest::kCountMax);
  fields.text("language", out.language, 0, 8);
  fields.flag("prefix", out.prefix);
  bool typos = true;
  fields.flag("typos", typos);
  if (fields.has("typos")) out.typos = typos;
  std::string relaxation;
  fields.text("relaxation", relaxation, 0, 32);
  if (!relaxation.empty()) {
    const auto parsed = parse_relaxation(relaxation);
    if (parsed.ok()) {
      out.relaxation = *parsed;
    } else {
      fields.fail(parsed.error());
    }
  }
  read_semantic(fields, out);
  if (const Json* around = fields.any("around")) {
    GeoPoint point;
    JsonFields inner(*around, fields.path("around"));
    inner.number("latitude", point.latitude, -90, 90);
    inner.number("longitude", point.longitude, -180, 180);
    if (!inner.has("latitude")) inner.wrong("latitude", "degrees");
    if (!inner.has("longitude")) inner.wrong("longitude", "degrees");
    fields.fail(inner.finish());
    out.around = point;
  }
  fields.texts("attributes", out.attributes, SearchRequest::kAttributesMax, 128);
  read_optional_texts(fields, "highlight", out.highlight);
  read_optional_texts(fields, "snippets", out.snippets);
  read_marking(fields, out);
  fields.flag("include_unavailable", out.include_unavailable);
  fields.flag("explain", out.explain);
  fields.whole("settings_version", out.settings_version, uint64_t{0}, uint64_t{1} << 53);
  fields.text("user", out.user, 0, 256);
  fields.text("session", out.session, 0, 256);
  fields.text("region", out.region, 0, 64);
  fields.text("device", out.device, 0, 32);
  fields.whole("budget_ms", out.budget_ms, 1u, 10'000u);
  fields.flag("record", asked.record);
  fields.flag("rules", out.rules);
  fields.flag("personal", out.personal);
  if (const Json* rule = fields.any("try_rule")) {
    JsonWriter text;
    write_json(text, *rule);
    out.try_rule = text.take();
    asked.record = false;
  }
  fields.texts("contexts", out.rule_contexts, 32, 128);
  TRY_STATUS(fields.finish());
  return asked;
}

}  // namespace

Result<AskedSearch> parse_search(std::string_view text) {
  TRY(const Json json, parse_json(text, {kSearchBodyMax, 10}));
  return read_search(json, "");
}

Result<std::vector<AskedSearch>> parse_searches(const Json& json) {
  std::vector<AskedSearch> out;
  if (json.find("searches") == nullptr) {
    TRY(AskedSearch one, read_search(json, ""));
    out.push_back(std::move(one));
    return out;
  }
  JsonFields fields(json, "");
  const Json::List* list = fields.list("searches", kSearchesMax);
  TRY_STATUS(fields.finish());
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    TRY(AskedSearch one, read_search((*list)[i], "searches[" + std::to_string(i) + "]"));
    out.push_back(std::move(one));
  }
  return out;
}

namespace {

// Values of a list are a list.
void write_marked(JsonWriter& json, std::string_view name, const std::vector<Marked>& marked) {
  if (marked.empty()) return;
  json.key(name).object();
  for (size_t i = 0; i < marked.size(); ++i) {
    const Marked& one = marked[i];
    const bool first = i == 0 || marked[i - 1].field != one.field;
    const bool last = i + 1 == marked.size() || marked[i + 1].field != one.field;
    if (first) json.key(one.field);
    if (first && one.list) json.array();
    json.object().field("value", std::string_view(one.text));
    json.field("match_level", match_level_name(one.level)).key("matched_words").array();
    for (const std::string& word : one.matched_words) json.value(std::string_view(word));
    json.end().end();
    if (last && one.list) json.end();
  }
  json.end();
}

}  // namespace

void write_search_hit(JsonWriter& json, const SearchHit& hit) {
  json.object().field("item", std::string_view(hit.id)).field("score", hit.score);
  if (!hit.title.empty()) json.field("title", std::string_view(hit.title));
  if (has_number(hit.price)) json.field("price", hit.price);
  if (has_number(hit.distance_m)) json.field("distance_m", hit.distance_m);
  if (!hit.attributes.empty()) {
    json.key("attributes");
    write_attributes(json, hit.attributes);
  }
  write_marked(json, "highlights", hit.highlights);
  write_marked(json, "snippets", hit.snippets);
  if (hit.group_size > 0) json.field("group_size", hit.group_size);
  if (!hit.variants.empty()) {
    json.key("variants").array();
    for (const SearchHit& variant : hit.variants) write_search_hit(json, variant);
    json.end();
  }
  if (!hit.parts.empty()) {
    json.key("explain").array();
    for (const HitPart& part : hit.parts) {
      json.object().field("part", std::string_view(part.name));
      if (!part.detail.empty()) json.field("detail", std::string_view(part.detail));
      json.field("value", part.value).end();
    }
    json.end();
  }
  json.end();
}

void write_search_facet(JsonWriter& json, const FacetAnswer& facet) {
  json.object().field("name", std::string_view(facet.name)).field("distinct", facet.distinct);
  json.key("values").array();
  for (const FacetValue& value : facet.values) {
    json.object().field("value", std::string_view(value.value)).field("count", value.count);
    if (value.chosen) json.field("chosen", true);
    if (!value.highlighted.empty()) json.field("highlighted", std::string_view(value.highlighted));
    json.end();
  }
  json.end();
  if (facet.has_numbers) {
    json.key("numbers").object().field("min", facet.min).field("max", facet.max);
    json.field("mean", facet.mean).field("sum", facet.sum).end();
  }
  json.end();
}

namespace {

// What rules did, and what they have for the page.
void write_rules(JsonWriter& json, const SearchAnswer& answer) {
  if (answer.rules_applied.empty()) return;
  json.key("rules").array();
  for (const std::string& id : answer.rules_applied) json.value(std::string_view(id));
  json.end();
  if (!answer.redirect.empty()) json.field("redirect", std::string_view(answer.redirect));
  if (!answer.rendering.empty()) json.key("rendering").json(answer.rendering);
  if (answer.rule_data.empty()) return;
  json.key("data").array();
  for (const std::string& one : answer.rule_data) json.json(one);
  json.end();
}

}  // namespace

void write_part(JsonWriter& json, const ExperimentPart& part) {
  json.key("experiment").object().field("name", std::string_view(part.name));
  if (part.draft == 0)
    json.field("arm", part.arm == Arm::kVariant ? "variant" : "control");
  else
    json.field("teams", std::string_view(part.teams));
  json.end();
}

void write_search_answer(JsonWriter& json, const SearchRequest& request, const SearchPage& page) {
  const SearchAnswer& answer = page.answer;
  json.object().field("query_id", std::string_view(page.query_id)).field("found", answer.found);
  if (!answer.found_exact) json.field("found_exact", false);
  json.field("from", request.from).key("items").array();
  for (const SearchHit& hit : answer.hits) write_search_hit(json, hit);
  json.end();
  if (!answer.facets.empty()) {
    json.key("facets").array();
    for (const FacetAnswer& facet : answer.facets) write_search_facet(json, facet);
    json.end();
  }
  const std::pair<std::string_view, const std::string*> texts[] = {{"query_used", &answer.query_used},
                                                                   {"did_you_mean", &answer.did_you_mean},
                                                                   {"relaxed", &answer.relaxed},
                                                                   {"language", &answer.language}};
  for (const auto& [name, text] : texts)
    if (!text->empty()) json.field(name, std::string_view(*text));
  if (!answer.suggested_filters.empty()) {
    json.key("suggested_filters").array();
    for (const SuggestedFilter& one : answer.suggested_filters)
      json.object()
          .field("text", std::string_view(one.text))
          .field("filter", std::string_view(one.filter))
          .end();
    json.end();
  }
  if (!answer.suggested_filters.empty())
    json.field("remaining_query", std::string_view(answer.remaining_query));
  write_rules(json, answer);
  if (answer.out_of_time) json.field("out_of_time", true);
  json.field("settings_version", answer.settings_version).field("took_us", page.took_us);
  if (page.experiment.run != 0) write_part(json, page.experiment);
  if (request.explain) {
    json.field("state_offset", page.state_offset).key("steps").array();
    for (const StepTime& step : answer.steps)
      json.object().field("step", step.step).field("us", step.us).end();
    json.end();
  }
  json.end();
}

}  // namespace freshet
