// Conditions of the request. What the shopper chose of facets is kept apart from the filter, because a
// facet's own counts are made without its choice. Words are looked for first, and the conditions tried on
// what they found: that is seldom much of the catalogue.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {
bool may_filter(const SearchSettings& settings, const std::string& name) {
  const std::vector<std::string>& names = settings.filterable;
  return name == "id" || name == "available" ||
         std::any_of(names.begin(), names.end(), [&](const std::string& may) {
           return may == "*" || may == name || (name.starts_with(may) && name[may.size()] == '.');
         });
}

namespace {

// "one of brand, price, ...": the first of them.
std::string filterable_names(const SearchSettings& settings) {
  constexpr size_t kShown = 10;
  std::string out = "one of id, available";
  for (size_t i = 0; i < std::min(kShown, settings.filterable.size()); ++i)
    out += ", " + settings.filterable[i];
  return settings.filterable.size() > kShown ? out + ", ..." : out;
}

}  // namespace

Status filter(SearchContext& c) {
  TRY_STATUS(read_choices(c));
  auto parsed = Filter::parse(c.request.filter);
  if (!parsed.ok()) return parsed.error();
  for (const std::string& name : parsed->names())
    if (!may_filter(c.settings, name))
      return invalid("filter: \"" + name +
                     "\" is no attribute that the settings' filterable names; expected " +
                     filterable_names(c.settings));
  std::vector<Filter> all = {*parsed};
  if (!c.request.include_unavailable) all.push_back(Filter::parse("available = true").value());
  c.conditions = Filter::all_of(all);
  return {};
}

void narrow(SearchContext& c) {
  const ColumnSet& columns = c.state.columns();
  if (!c.conditions.empty()) c.found = c.conditions.evaluate(columns, c.found);
  c.matched = c.found;
  for (const FacetChoice& choice : c.choices) c.matched = choice.filter.evaluate(columns, c.matched);
}

const SlotSet* allowed(SearchContext& c) {
  if (c.conditions.empty() && c.choices.empty()) return nullptr;
  if (!c.allowed) {
    const ColumnSet& columns = c.state.columns();
    c.allowed = c.conditions.evaluate(columns);
    for (const FacetChoice& choice : c.choices) c.allowed = choice.filter.evaluate(columns, *c.allowed);
  }
  return &*c.allowed;
}

Status read_choices(SearchContext& c) {
  for (const Refinement& refinement : c.request.refinements) {
    if (!may_filter(c.settings, refinement.facet))
      return invalid("refine." + refinement.facet +
                     ": is no attribute that the settings' filterable names; expected " +
                     filterable_names(c.settings));
    if (refinement.values.size() > SearchRequest::kValuesMax)
      return invalid("refine." + refinement.facet + ": expected at most " +
                     std::to_string(SearchRequest::kValuesMax) + " values");
    c.choices.push_back({refinement.facet, Filter::one_of(refinement.facet, refinement.values)});
  }
  return {};
}

}  // namespace freshet::search_internal
