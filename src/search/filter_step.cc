// Conditions of the request. What the shopper chose of facets is kept apart from the filter, because a
// facet's own counts are made without its choice. Words are looked for first, and the conditions tried on
// what they found: that is seldom much of the catalogue.
#include <algorithm>
#include <unordered_set>

#include "column/group.h"
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

Result<Filter> read_filter(const SearchContext& c, const std::string& text) {
  TRY(Filter parsed, Filter::parse(text));
  for (const std::string& name : parsed.names())
    if (!may_filter(c.settings, name))
      return invalid("filter: \"" + name +
                     "\" is no attribute that the settings' filterable names; expected " +
                     filterable_names(c.settings));
  return parsed;
}

}  // namespace

Status filter(SearchContext& c) {
  TRY_STATUS(read_choices(c));
  TRY(const Filter asked, read_filter(c, c.request.filter));
  TRY(c.only, read_filter(c, c.request.only));
  TRY(c.without, read_filter(c, c.request.without));
  std::vector<Filter> all = {asked};
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

void join(SearchContext& c, SlotSet items) {
  const ColumnSet& columns = c.state.columns();
  if (!c.conditions.empty()) items = c.conditions.evaluate(columns, items);
  c.found |= items;
  for (const FacetChoice& choice : c.choices) items = choice.filter.evaluate(columns, items);
  c.matched |= items;
}

namespace {

SlotSet slots_of(const SearchContext& c, const std::vector<std::string>& ids) {
  SlotSet out;
  for (const std::string& id : ids)
    if (const ItemSlot slot = c.catalog.find(id); slot != kNoItem) out.add(slot);
  return out;
}

// Of what matches, what is of one group with one of these.
SlotSet of_groups(const SearchContext& c, const SlotSet& these) {
  SlotSet out;
  const std::string group = group_attribute(c);
  if (group.empty() || these.empty()) return out;
  const GroupKey key(c.state.columns(), group);
  std::unordered_set<uint64_t> groups;
  these.for_each([&](ItemSlot slot) { groups.insert(key(slot)); });
  c.matched.for_each([&](ItemSlot slot) {
    if (groups.contains(key(slot))) out.add(slot);
  });
  return out;
}

}  // namespace

void take_part(SearchContext& c) {
  c.part.reset();
  if (!c.request.beside.empty()) {
    const SlotSet these = slots_of(c, c.request.beside);
    c.part = of_groups(c, these);
    *c.part -= these;
    return;
  }
  if (c.only.empty() && c.without.empty() && c.request.placed.empty()) return;
  const ColumnSet& columns = c.state.columns();
  SlotSet out = slots_of(c, c.request.placed), part = c.matched;
  if (!c.without.empty()) out |= c.without.evaluate(columns, c.matched);
  out |= of_groups(c, out);
  if (!c.only.empty()) part = c.only.evaluate(columns, part);
  part -= out;
  c.part = std::move(part);
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
