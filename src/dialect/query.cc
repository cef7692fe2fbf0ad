// One search: parameters of the dialect into a SearchRequest, and a SearchAnswer into the dialect's JSON.
#include <algorithm>
#include <cmath>

#include "dialect/internal/filters.h"
#include "dialect/internal/parts.h"
#include "dialect/internal/records.h"

namespace freshet::dialect_internal {
namespace {

constexpr int64_t kHitsMax = 1000;

struct Asked {
  SearchRequest request;
  int64_t page = 0, hits_per_page = 20;
  bool by_offset = false;
  uint32_t pagination_max = 1000;
  bool beyond = false;  // The page lies beyond what pages reach: nothing is shown.
  bool click_analytics = false, record = true;
  Selection shown;
};

// "asc(price)", "desc(price)" -> the key; false: something else.
bool read_direction(std::string_view text, SortKey& key) {
  const bool descending = text.starts_with("desc(");
  if ((!descending && !text.starts_with("asc(")) || !text.ends_with(')')) return false;
  text.remove_prefix(descending ? 5 : 4);
  text.remove_suffix(1);
  key = {std::string(text), descending};
  return !text.empty();
}

// The order of a replica: what stands before the first criterion of relevance in "ranking"; of a virtual one,
// "customRanking".
std::vector<SortKey> order_of(const Index& index, bool words) {
  std::vector<SortKey> keys;
  const Result<Params> settings = Params::of(index.settings);
  if (!settings.ok() || index.kind != IndexKind::kReplica) return keys;
  SortKey key;
  for (const std::string& text : settings->texts("ranking").value_or(std::vector<std::string>())) {
    if (!read_direction(text, key)) break;
    keys.push_back(key);
  }
  if (keys.empty()) {
    if (words && !index.is_virtual) keys.push_back({"relevance", true});
    for (const std::string& text : settings->texts("customRanking").value_or(std::vector<std::string>()))
      if (read_direction(text, key)) keys.push_back(key);
    if (keys.size() == 1 && keys[0].name == "relevance") keys.clear();
  }
  if (keys.size() > SearchRequest::kSortMax) keys.resize(SearchRequest::kSortMax);
  return keys;
}

void read_page(const Params& params, Asked& out) {
  out.hits_per_page = std::clamp<int64_t>(params.whole("hitsPerPage").value_or(20), 0, kHitsMax);
  out.page = std::max<int64_t>(params.whole("page").value_or(0), 0);
  int64_t from = out.page * out.hits_per_page, count = out.hits_per_page;
  if (const auto offset = params.whole("offset"); offset && params.whole("length")) {
    out.by_offset = true;
    from = std::max<int64_t>(*offset, 0);
    count = std::clamp<int64_t>(*params.whole("length"), 0, kHitsMax);
    out.hits_per_page = count;
  }
  const int64_t reach = out.pagination_max;
  out.beyond = from >= reach;
  if (out.beyond) from = count = 0;
  out.request.from = static_cast<uint32_t>(from);
  out.request.count = static_cast<uint32_t>(std::min(count, reach - from));
}

void read_facets(const Params& params, SearchRequest& out) {
  const auto names = params.texts("facets").value_or(std::vector<std::string>());
  const int64_t values = std::clamp<int64_t>(params.whole("maxValuesPerFacet").value_or(100), 1, 1000);
  const std::string order = params.text("sortFacetValuesBy");
  for (const std::string& name : names) {
    if (out.facets.size() == SearchRequest::kFacetsMax) break;
    FacetRequest facet{name, "", static_cast<uint32_t>(values), std::nullopt};
    if (order == "alpha") facet.order = FacetOrder::kAlpha;
    if (order == "count") facet.order = FacetOrder::kCount;
    out.facets.push_back(std::move(facet));
  }
}

// "description:7" -> the name, and the words of the longest snippet wanted.
std::string without_words(const std::string& text, uint32_t& words) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return text;
  const int given = std::atoi(text.c_str() + colon + 1);
  if (given > 0) words = std::clamp<uint32_t>(static_cast<uint32_t>(given), words, 200);
  return text.substr(0, colon);
}

// Names of attributes to mark; "*" and nothing said: all that is text.
void read_marks(const Params& params, SearchRequest& out) {
  const auto marked = params.texts("attributesToHighlight");
  out.highlight = marked ? *marked : std::vector<std::string>{"*"};
  if (out.highlight->size() > 32) out.highlight = std::vector<std::string>{"*"};
  std::vector<std::string> snippets;
  uint32_t words = 0;
  for (const std::string& one : params.texts("attributesToSnippet").value_or(std::vector<std::string>()))
    snippets.push_back(without_words(one, words));
  if (snippets.size() > 32) snippets.resize(32);
  out.snippets = std::move(snippets);
  out.snippet_words = words == 0 ? 10 : words;
  out.highlight_before = params.text("highlightPreTag", "<em>").substr(0, 64);
  out.highlight_after = params.text("highlightPostTag", "</em>").substr(0, 64);
  out.escape_html = false;  // The page escapes, and swaps the tags.
}

void read_language(const Params& params, SearchRequest& out) {
  const auto languages = params.texts("queryLanguages");
  if (languages && !languages->empty() && is_language(languages->front().substr(0, 8)))
    out.language = languages->front().substr(0, 8);
}

void read_relevance(const Params& params, SearchRequest& out) {
  const std::string typos = params.text("typoTolerance");
  if (typos == "false") out.typos = false;
  if (typos == "true" || typos == "min" || typos == "strict") out.typos = true;
  const std::string type = params.text("queryType");
  if (type == "prefixNone") out.prefix = false;
  const std::string remove = params.text("removeWordsIfNoResults");
  if (remove == "none") out.relaxation = Relaxation::kNone;
  if (remove == "lastWords") out.relaxation = Relaxation::kLastWords;
  if (remove == "firstWords") out.relaxation = Relaxation::kFirstWords;
  if (remove == "allOptional") out.relaxation = Relaxation::kAny;
  const std::string mode = params.text("mode");
  if (mode == "keywordSearch") out.semantic = SemanticMode::kOff;
  if (const auto distinct = params.flag("distinct"); distinct && !*distinct) out.group_by = "-";
  if (const auto distinct = params.whole("distinct")) {
    if (*distinct == 0) out.group_by = "-";
    if (*distinct > 0) out.group_count = static_cast<uint32_t>(std::min<int64_t>(*distinct, 100));
  }
  if (params.flag("facetingAfterDistinct").value_or(false)) out.facets_after_grouping = true;
}

// What of the index's settings holds for a query that does not say otherwise.
void merge_settings(const Index& index, Params& params) {
  static constexpr std::string_view kNames[] = {"hitsPerPage",
                                                "attributesToRetrieve",
                                                "attributesToHighlight",
                                                "attributesToSnippet",
                                                "highlightPreTag",
                                                "highlightPostTag",
                                                "maxValuesPerFacet",
                                                "sortFacetValuesBy",
                                                "typoTolerance",
                                                "queryType",
                                                "removeWordsIfNoResults",
                                                "queryLanguages",
                                                "paginationLimitedTo",
                                                "facetingAfterDistinct",
                                                "responseFields",
                                                "unretrievableAttributes",
                                                "renderingContent",
                                                "userData",
                                                "searchableAttributes"};
  const Json::Object* settings = index.settings.object();
  if (settings == nullptr) return;
  for (const Json::Member& one : *settings)
    if (std::find(std::begin(kNames), std::end(kNames), one.name) != std::end(kNames) &&
        params.find(one.name) == nullptr)
      params.set(one.name, one.value);
}

Result<Asked> read_query(const Index& index, const Params& params) {
  Asked out;
  SearchRequest& request = out.request;
  out.pagination_max = static_cast<uint32_t>(std::clamp<int64_t>(
      params.whole("paginationLimitedTo").value_or(1000), 1, SettingsLimits::kPaginationMax));
  request.query = params.text("query");
  if (request.query.size() > SearchRequest::kQueryBytesMax) {
    size_t cut = SearchRequest::kQueryBytesMax;
    while (cut > 0 && (static_cast<unsigned char>(request.query[cut]) & 0xc0) == 0x80) --cut;
    request.query.resize(cut);
  }
  TRY(request.filter, native_filter(params));
  read_page(params, out);
  read_facets(params, request);
  read_marks(params, request);
  read_language(params, request);
  read_relevance(params, request);
  TRY_STATUS(read_place(params, request));
  request.sort = order_of(index, !request.query.empty());
  if (request.around && request.sort.empty() && request.query.empty()) request.sort = {{"distance", false}};
  request.attributes = {"*"};
  request.rules = params.flag("enableRules").value_or(true);
  request.personal = params.flag("enablePersonalization").value_or(true);
  request.rule_contexts = params.texts("ruleContexts").value_or(std::vector<std::string>());
  request.user = params.text("userToken").substr(0, 256);
  out.click_analytics = params.flag("clickAnalytics").value_or(false);
  out.record = params.flag("analytics").value_or(true) && out.hits_per_page > 0;
  std::vector<std::string> shown =
      params.texts("attributesToRetrieve").value_or(std::vector<std::string>{"*"});
  for (const std::string& hidden :
       params.texts("unretrievableAttributes").value_or(std::vector<std::string>()))
    shown.push_back("-" + hidden);
  out.shown = Selection(shown);
  return out;
}

// ---- the answer

std::string_view level_name(MatchLevel level) {
  return level == MatchLevel::kFull ? "full" : level == MatchLevel::kPartial ? "partial" : "none";
}

void write_mark(JsonWriter& json, const Marked& marked, bool snippet, const std::string& tag) {
  json.object().field("value", std::string_view(marked.text)).field("matchLevel", level_name(marked.level));
  if (!snippet) {
    if (marked.level != MatchLevel::kNone)
      json.field("fullyHighlighted",
                 marked.text.starts_with(tag) && marked.text.find(' ') == std::string::npos);
    json.key("matchedWords").array();
    for (const std::string& word : marked.matched_words) json.value(std::string_view(word));
    json.end();
  }
  json.end();
}

// As the record is nested, so are its marks.
void write_marks(JsonWriter& json, std::string_view key, const std::vector<Marked>& all, bool snippet,
                 const std::string& tag) {
  std::vector<std::pair<std::string_view, size_t>> order;
  for (size_t i = 0; i < all.size(); ++i)
    if ((i == 0 || all[i].field != all[i - 1].field) && all[i].field != kKept)
      order.push_back({all[i].field, i});
  std::sort(order.begin(), order.end());
  std::vector<std::string_view> names;
  names.reserve(order.size());
  for (const auto& [name, first] : order) names.push_back(name);
  json.key(key).object();
  write_nested(json, names, [&](size_t leaf) {
    const size_t first = order[leaf].second;
    if (all[first].list) json.array();
    for (size_t i = first; i < all.size() && all[i].field == all[first].field; ++i)
      write_mark(json, all[i], snippet, tag);
    if (all[first].list) json.end();
  });
  json.end();
}

void write_hit(JsonWriter& json, const Asked& asked, const SearchHit& hit, bool ranking_info) {
  json.object();
  write_record(json, hit.attributes, asked.shown);
  json.field("objectID", std::string_view(hit.id));
  const std::string tag = asked.request.highlight_before.value_or("");
  if (!asked.request.highlight->empty()) write_marks(json, "_highlightResult", hit.highlights, false, tag);
  if (!asked.request.snippets->empty()) write_marks(json, "_snippetResult", hit.snippets, true, tag);
  if (has_number(hit.distance_m) || ranking_info) {
    json.key("_rankingInfo").object().field("userScore", hit.score);
    if (has_number(hit.distance_m)) json.field("geoDistance", static_cast<int64_t>(hit.distance_m));
    json.end();
  }
  json.end();
}

void write_facets(JsonWriter& json, const std::vector<FacetAnswer>& facets) {
  json.key("facets").object();
  for (const FacetAnswer& facet : facets) {
    if (facet.values.empty()) continue;
    json.key(facet.name).object();
    for (const FacetValue& value : facet.values) json.field(value.value, value.count);
    json.end();
  }
  json.end();
  json.key("facets_stats").object();
  for (const FacetAnswer& facet : facets) {
    if (!facet.has_numbers) continue;
    json.key(facet.name).object().field("min", facet.min).field("max", facet.max);
    json.field("avg", facet.mean).field("sum", facet.sum).end();
  }
  json.end();
}

// Facets in their order, for widgets that show what the server orders. The settings' own, else as counted.
void write_rendering(JsonWriter& json, const Params& params, const SearchAnswer& answer) {
  const std::vector<FacetAnswer>& facets = answer.facets;
  if (!answer.rendering.empty()) {
    json.key("renderingContent").json(answer.rendering);
    return;
  }
  if (const Json* given = params.find("renderingContent"); given != nullptr && given->object() != nullptr) {
    write_json(json.key("renderingContent"), *given);
    return;
  }
  json.key("renderingContent").object();
  if (!facets.empty()) {
    json.key("facetOrdering").object().key("facets").object().key("order").array();
    for (const FacetAnswer& facet : facets)
      if (!facet.values.empty()) json.value(std::string_view(facet.name));
    json.end().end().key("values").object();
    for (const FacetAnswer& facet : facets)
      if (!facet.values.empty()) json.key(facet.name).object().field("sortRemainingBy", "count").end();
    json.end().end();
  }
  json.end();
}

// What rules have for the page, else what the settings have.
void write_rule_marks(JsonWriter& json, const Index& index, const SearchAnswer& answer) {
  const Json* data = index.settings.find("userData");
  if (!answer.rule_data.empty() || data != nullptr) {
    json.key("userData").array();
    for (const std::string& one : answer.rule_data) json.json(one);
    if (answer.rule_data.empty()) write_json(json, *data);
    json.end();
  }
  if (answer.rules_applied.empty()) return;
  json.key("appliedRules").array();
  for (const std::string& id : answer.rules_applied)
    json.object().field("objectID", std::string_view(id)).end();
  json.end();
}

void write_exhaustive(JsonWriter& json, bool found_exact) {
  json.field("exhaustiveNbHits", found_exact)
      .field("exhaustiveFacetsCount", true)
      .field("exhaustiveTypo", true);
  json.key("exhaustive").object().field("facetsCount", true).field("nbHits", found_exact);
  json.field("typo", true).end();
}

std::string encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      out += {'%', kHex[(c >> 4) & 15], kHex[c & 15]};
    }
  }
  return out;
}

}  // namespace

Status answer_query(Parts& parts, const Index& index, const Params& given, JsonWriter& json) {
  if (index.kind == IndexKind::kSuggestions) return answer_suggestions(parts, given, json);
  if (index.kind == IndexKind::kStaged)
    return invalid("index \"" + index.name +
                   "\" waits beside the live catalogue: it can be written to, and moved "
                   "over " +
                   parts.book.primary());
  Params params = given;
  merge_settings(index, params);
  TRY(const Asked asked, read_query(index, params));
  TRY(const SearchPage page, parts.engine.search(asked.request, asked.record));
  const SearchAnswer& answer = page.answer;
  parts.metrics.search(page.took_us, answer.found == 0);
  if (asked.click_analytics && !asked.beyond) {
    std::vector<std::string> shown;
    for (const SearchHit& hit : answer.hits) shown.push_back(hit.id);
    parts.served.served(page.query_id, asked.request.user, shown);
  }
  const bool ranking_info = params.flag("getRankingInfo").value_or(false);
  const auto reach = static_cast<int64_t>(std::min<uint64_t>(answer.found, asked.pagination_max));
  const int64_t pages =
      asked.hits_per_page == 0 ? 0 : (reach + asked.hits_per_page - 1) / asked.hits_per_page;
  json.object().key("hits").array();
  for (const SearchHit& hit : answer.hits) {
    write_hit(json, asked, hit, ranking_info);
    for (const SearchHit& variant : hit.variants) write_hit(json, asked, variant, ranking_info);
  }
  json.end().field("nbHits", answer.found);
  if (asked.by_offset) {
    json.field("offset", asked.request.from).field("length", asked.request.count);
  }
  json.field("page", asked.page).field("nbPages", pages).field("hitsPerPage", asked.hits_per_page);
  write_facets(json, answer.facets);
  write_rendering(json, params, answer);
  write_rule_marks(json, index, answer);
  write_exhaustive(json, answer.found_exact);
  json.field("query", std::string_view(asked.request.query));
  if (!answer.relaxed.empty()) json.field("queryAfterRemoval", std::string_view(answer.query_used));
  json.field("params", "query=" + encoded(asked.request.query) + "&page=" + std::to_string(asked.page) +
                           "&hitsPerPage=" + std::to_string(asked.hits_per_page));
  json.field("index", std::string_view(index.name));
  if (asked.click_analytics) json.field("queryID", std::string_view(page.query_id));
  json.field("processingTimeMS", (page.took_us + 999) / 1000)
      .field("serverTimeMS", (page.took_us + 999) / 1000);
  json.end();
  return {};
}

Status answer_facet_values(Parts& parts, const Index& index, const std::string& facet, const Params& given,
                           JsonWriter& json) {
  Params params = given;
  merge_settings(index, params);
  TRY(Asked asked, read_query(index, params));
  SearchRequest& request = asked.request;
  request.from = request.count = 0;
  request.highlight = request.snippets = std::vector<std::string>();
  FacetRequest wanted{facet, params.text("facetQuery").substr(0, 256), 10, std::nullopt};
  wanted.values_max =
      static_cast<uint32_t>(std::clamp<int64_t>(params.whole("maxFacetHits").value_or(10), 1, 100));
  request.facets = {wanted};
  TRY(const SearchPage page, parts.engine.search(request, false));
  json.object().key("facetHits").array();
  if (!page.answer.facets.empty()) {
    for (const FacetValue& value : page.answer.facets[0].values) {
      json.object().field("value", std::string_view(value.value));
      json.field("highlighted",
                 std::string_view(value.highlighted.empty() ? value.value : value.highlighted));
      json.field("count", value.count).end();
    }
  }
  json.end()
      .field("exhaustiveFacetsCount", true)
      .field("processingTimeMS", (page.took_us + 999) / 1000)
      .end();
  return {};
}

Status answer_suggestions(Parts& parts, const Params& params, JsonWriter& json) {
  SuggestRequest request;
  request.query = params.text("query").substr(0, SuggestRequest::kQueryBytesMax);
  request.count = static_cast<uint64_t>(std::clamp<int64_t>(params.whole("hitsPerPage").value_or(5), 1, 100));
  const SuggestPage page = parts.engine.suggest(request);
  const std::vector<Suggestion>& found = request.query.empty() ? page.popular : page.completions;
  const std::string before = params.text("highlightPreTag", "<em>"),
                    after = params.text("highlightPostTag", "</em>");
  json.object().key("hits").array();
  for (const Suggestion& one : found) {
    // What is typed is not marked: what would be added is.
    const bool begins = one.text.starts_with(request.query) && !request.query.empty();
    const std::string marked =
        begins ? before + request.query + after + one.text.substr(request.query.size()) : one.text;
    json.object().field("query", std::string_view(one.text)).field("objectID", std::string_view(one.text));
    json.field("popularity", one.weight).key("_highlightResult").object().key("query").object();
    json.field("value", std::string_view(marked)).field("matchLevel", begins ? "full" : "none");
    json.key("matchedWords").array();
    if (begins) json.value(std::string_view(request.query));
    json.end().end().end().end();
  }
  json.end().field("nbHits", found.size()).field("page", 0).field("nbPages", found.empty() ? 0 : 1);
  json.field("hitsPerPage", request.count).field("exhaustiveNbHits", true);
  json.field("query", std::string_view(request.query)).field("params", "").field("processingTimeMS", 1);
  json.end();
  return {};
}

}  // namespace freshet::dialect_internal
