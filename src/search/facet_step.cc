// Counts of facet values over what matches; of a facet that the shopper has chosen from, over what would
// match without that choice.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

// Marks of what was found, until the tags stand there: a value may bear what looks like a tag.
constexpr const char *kBegin = "\x01", *kEnd = "\x02";

std::string with_tags(const std::string& marked, const HighlightOptions& options) {
  std::string out;
  for (const char c : marked) {
    if (c == *kBegin || c == *kEnd) {
      out += c == *kBegin ? options.pre_tag : options.post_tag;
    } else if (options.escape_html) {
      append_html(c, out);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::vector<FacetRequest> wanted_facets(const SearchContext& c) {
  std::vector<FacetRequest> wanted;
  for (const FacetRequest& facet : c.request.facets) {
    if (facet.name != "*") {
      wanted.push_back(facet);
      continue;
    }
    for (const FacetField& field : c.settings.facets) wanted.push_back({field.name, "", 0, std::nullopt});
  }
  return wanted;
}

FacetSpec spec_of(const SearchContext& c, const FacetRequest& facet) {
  const auto field = std::find_if(c.settings.facets.begin(), c.settings.facets.end(),
                                  [&](const FacetField& f) { return f.name == facet.name; });
  const FacetField declared = field == c.settings.facets.end() ? FacetField{} : *field;
  FacetSpec spec;
  spec.name = facet.name;
  spec.values_max = facet.values_max != 0 ? facet.values_max : declared.values_max;
  spec.order =
      facet.order.value_or(declared.order) == FacetOrder::kCount ? ValueOrder::kCount : ValueOrder::kAlphabet;
  spec.declared = facet.first.empty() ? declared.first : facet.first;
  spec.hierarchical = facet.under.has_value();
  spec.under = facet.under.value_or("");
  spec.search = facet.contains;
  spec.fold = [&c](std::string_view word) { return c.generation.analyzer.fold(word); };
  spec.pre_tag = kBegin;
  spec.post_tag = kEnd;
  spec.count_items = false;
  return spec;
}

bool is_chosen(const SearchContext& c, const std::string& facet, const std::string& value) {
  for (const Refinement& refinement : c.request.refinements)
    if (refinement.facet == facet &&
        std::find(refinement.values.begin(), refinement.values.end(), value) != refinement.values.end())
      return true;
  return false;
}

FacetAnswer answer_of(const SearchContext& c, FacetCounts&& counts) {
  FacetAnswer out;
  out.name = std::move(counts.name);
  out.distinct = counts.distinct;
  out.has_numbers = counts.has_numbers;
  out.min = counts.min;
  out.max = counts.max;
  out.mean = counts.mean;
  out.sum = counts.sum;
  const HighlightOptions options = highlight_options(c);
  for (FacetCount& value : counts.values) {
    const bool chosen = is_chosen(c, out.name, value.value);
    out.values.push_back(
        {std::move(value.value), value.count, chosen, with_tags(value.highlighted, options)});
  }
  return out;
}

}  // namespace

Status count_facets(SearchContext& c) {
  std::vector<FacetSpec> specs;
  for (const FacetRequest& facet : wanted_facets(c)) specs.push_back(spec_of(c, facet));
  if (specs.empty() || c.out_of_time()) return {};
  const std::string group = group_attribute(c);
  std::optional<GroupKey> groups;
  if (c.request.facets_after_grouping && !group.empty()) groups.emplace(c.state.columns(), group);
  const GroupKey* const by = groups ? &*groups : nullptr;
  const auto stop = [&c] { return c.out_of_time(); };
  std::vector<FacetCounts> counted;
  if (!c.choices.empty()) {
    counted = count_facets(c.state.columns(), c.found, specs, c.choices, by, stop).counts;
  } else {  // All over the same items.
    for (size_t i = 0; i < specs.size() && !stop(); ++i)
      counted.push_back(count_facet(c.state.columns(), specs[i], c.found, by));
  }
  for (FacetCounts& counts : counted) c.answer.facets.push_back(answer_of(c, std::move(counts)));
  return {};
}

}  // namespace freshet::search_internal
