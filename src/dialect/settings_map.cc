#include "dialect/internal/settings_map.h"

#include <algorithm>

namespace freshet::dialect_internal {
namespace {

using Texts = std::vector<std::string>;

Error wrong(std::string_view name, std::string_view expected, const Json& got) {
  return invalid(std::string(name) + ": expected " + std::string(expected) + ", got " + shown(got));
}

// Attributes of one entry ("name,brand") weigh the same, and each entry less than the one before.
std::vector<SearchableField> searchable_fields(const Texts& entries, const SearchSettings& current) {
  std::vector<SearchableField> out;
  double weight = 5;
  for (const std::string& entry : entries) {
    for (size_t at = 0; at <= entry.size();) {
      const size_t end = std::min(entry.find(',', at), entry.size());
      const std::string name = without_modifier(entry.substr(at, end - at));
      const bool known = std::any_of(out.begin(), out.end(), [&](const auto& f) { return f.name == name; });
      if (!name.empty() && !known && out.size() < SettingsLimits::kSearchable) {
        SearchableField field{name, weight};
        for (const SearchableField& before : current.searchable)
          if (before.name == name) field.language = before.language;
        out.push_back(std::move(field));
      }
      at = end + 1;
    }
    weight = std::max(0.5, weight * 0.7);
  }
  return out;
}

void set_facets(const Texts& entries, SearchSettings& out) {
  out.facets.clear();
  for (const std::string& entry : entries) {
    std::string modifier;
    const std::string name = without_modifier(entry, &modifier);
    if (modifier == "filterOnly" || name.empty() || out.facets.size() == SettingsLimits::kFacets) continue;
    out.facets.push_back({name});
  }
}

Status set_ranking(const Texts& entries, SearchSettings& out) {
  out.ranking.clear();
  for (const std::string& entry : entries) {
    std::string direction;
    const std::string name = without_modifier(entry, &direction);
    if (direction != "asc" && direction != "desc")
      return invalid("customRanking: expected asc(attribute) or desc(attribute), got \"" +
                     entry.substr(0, 60) + "\"");
    if (out.ranking.size() < SettingsLimits::kRanking) out.ranking.push_back({name, direction == "desc"});
  }
  return {};
}

Status set_typos(const Params& params, SearchSettings& out) {
  if (params.find("typoTolerance") != nullptr) out.typo.enabled = params.text("typoTolerance") != "false";
  if (const auto letters = params.whole("minWordSizefor1Typo"))
    out.typo.one_edit_from = static_cast<uint32_t>(std::clamp<int64_t>(*letters, 1, 100));
  if (const auto letters = params.whole("minWordSizefor2Typos"))
    out.typo.two_edits_from = static_cast<uint32_t>(std::clamp<int64_t>(*letters, 1, 100));
  out.typo.two_edits_from = std::max(out.typo.two_edits_from, out.typo.one_edit_from);
  if (const auto numbers = params.flag("allowTyposOnNumericTokens")) out.typo.numbers = *numbers;
  if (auto words = params.texts("disableTypoToleranceOnWords")) out.typo.words_excluded = std::move(*words);
  return {};
}

void set_defaults_of_null(const Json& given, SearchSettings& out) {
  const SearchSettings defaults;
  for (const Json::Member& one : *given.object()) {
    const bool empty = one.value.is_null() || (one.value.list() != nullptr && one.value.list()->empty());
    if (!empty) continue;
    if (one.name == "searchableAttributes") out.searchable = defaults.searchable;
    if (one.name == "attributesForFaceting") out.facets = defaults.facets;
    if (one.name == "customRanking") out.ranking = defaults.ranking;
    if (one.name == "attributeForDistinct") out.distinct.clear();
  }
}

}  // namespace

std::string without_modifier(std::string_view text, std::string* modifier) {
  const size_t first = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(first);
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  const size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) return std::string(text);
  if (modifier != nullptr) *modifier = text.substr(0, open);
  return without_modifier(text.substr(open + 1, text.size() - open - 2), nullptr);
}

namespace {

// What nobody here can stem is left out: its words are found as they are.
void set_languages(const Texts& given, SearchSettings& out) {
  Texts known;
  for (const std::string& code : given)
    if (is_language(code) && known.size() < SettingsLimits::kLanguages) known.push_back(code);
  if (known.empty()) return;
  out.language = known.size() == 1 ? known.front() : "auto";
  out.languages = std::move(known);
}

}  // namespace

Result<SearchSettings> apply_settings(const Json& given, const SearchSettings& current) {
  TRY(const Params params, Params::of(given));
  SearchSettings out = current;
  const auto texts = [&](std::string_view name) -> Result<Texts> {
    const Json* value = params.find(name);
    if (value == nullptr) return Texts();
    const auto all = params.texts(name);
    if (!all) return wrong(name, "a list of texts", *value);
    return *all;
  };
  TRY(const Texts searchable, texts("searchableAttributes"));
  TRY(const Texts facets, texts("attributesForFaceting"));
  TRY(const Texts ranking, texts("customRanking"));
  TRY(const Texts languages, texts("queryLanguages"));
  if (!searchable.empty()) out.searchable = searchable_fields(searchable, current);
  if (!facets.empty()) set_facets(facets, out);
  if (!ranking.empty()) TRY_STATUS(set_ranking(ranking, out));
  set_languages(languages, out);
  TRY_STATUS(set_typos(params, out));
  if (const auto reach = params.whole("paginationLimitedTo"))
    out.pagination_max =
        static_cast<uint32_t>(std::clamp<int64_t>(*reach, 1, SettingsLimits::kPaginationMax));
  if (const auto values = params.whole("maxValuesPerFacet"))
    for (FacetField& facet : out.facets)
      facet.values_max = static_cast<uint32_t>(std::clamp<int64_t>(*values, 1, 1000));
  const Json* distinct = params.find("distinct");
  if (params.find("attributeForDistinct") != nullptr || distinct != nullptr) {
    const int64_t count =
        params.flag("distinct") ? (*params.flag("distinct") ? 1 : 0) : params.whole("distinct").value_or(1);
    out.distinct = count > 0 ? params.text("attributeForDistinct", out.distinct) : "";
    out.distinct_count = static_cast<uint32_t>(std::clamp<int64_t>(count, 1, 100));
  }
  if (const auto stop = params.flag("removeStopWords")) out.language_stop_words = *stop;
  const std::string remove = params.text("removeWordsIfNoResults");
  if (remove == "lastWords") out.relaxation = Relaxation::kLastWords;
  if (remove == "firstWords") out.relaxation = Relaxation::kFirstWords;
  if (remove == "allOptional") out.relaxation = Relaxation::kAny;
  if (params.text("mode") == "keywordSearch") out.semantic_weight = 0;
  set_defaults_of_null(given, out);
  return out;
}

}  // namespace freshet::dialect_internal
