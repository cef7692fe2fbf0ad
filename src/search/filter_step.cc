// Conditions of the request to the set of items allowed. What the shopper chose of facets is kept apart from
// the filter, because a facet's own counts are made without its choice.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {
bool may_filter(const SearchSettings& settings, const std::string& name) {
  const std::vector<std::string>& names = settings.filterable;
  return std::find(names.begin(), names.end(), "*") != names.end() ||
         std::find(names.begin(), names.end(), name) != names.end();
}

Status filter(Context& c) {
  const ColumnSet& columns = c.state.columns();
  TRY_STATUS(read_choices(c));
  auto parsed = Filter::parse(c.request.filter);
  if (!parsed.ok()) return parsed.error();
  std::vector<Filter> all = {*parsed};
  if (!c.request.include_unavailable) all.push_back(Filter::parse("available = true").value());
  const Filter plain = Filter::all_of(all);
  if (!plain.empty()) c.unrefined = plain.evaluate(columns);
  if (plain.empty() && c.choices.empty()) return {};
  c.allowed = c.unrefined ? *c.unrefined : columns.listed_set();
  for (const FacetChoice& choice : c.choices) *c.allowed &= choice.filter.evaluate(columns);
  return {};
}

Status read_choices(Context& c) {
  for (const Refinement& refinement : c.request.refinements) {
    if (!may_filter(c.settings, refinement.facet))
      return invalid("refine." + refinement.facet +
                     ": expected an attribute that the settings' filterable names");
    if (refinement.values.size() > SearchRequest::kValuesMax)
      return invalid("refine." + refinement.facet + ": expected at most " +
                     std::to_string(SearchRequest::kValuesMax) + " values");
    c.choices.push_back({refinement.facet, Filter::one_of(refinement.facet, refinement.values)});
  }
  return {};
}

}  // namespace freshet::search_internal
