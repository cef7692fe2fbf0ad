// Counts of facet values over what matches; of a facet that the shopper has chosen from, over what would
// match without that choice.
#include <algorithm>
#include <map>

#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

FacetAnswer count(const Context& c, const FacetRequest& facet, const SlotSet& slots) {
  FacetAnswer out;
  out.name = facet.name;
  std::map<std::string, uint64_t> counts;
  double sum = 0;
  uint64_t numbers = 0;
  slots.for_each([&](uint32_t slot) {
    const ItemRecord* item = c.catalog.item(slot);
    if (item == nullptr) return;
    for (std::string& value : facet_values(c, *item, facet.name)) ++counts[std::move(value)];
    const double number = number_of(*item, facet.name);
    if (!has_number(number)) return;
    out.min = numbers == 0 ? number : std::min(out.min, number);
    out.max = numbers == 0 ? number : std::max(out.max, number);
    sum += number;
    ++numbers;
  });
  out.has_numbers = numbers > 0;
  out.sum = sum;
  out.mean = numbers > 0 ? sum / static_cast<double>(numbers) : 0;
  for (const auto& [value, n] : counts) out.values.push_back({value, n, false});
  return out;
}

// What would match if nothing of this facet had been chosen.
SlotSet matched_without(const Context& c, const std::string& facet) {
  SlotSet out;
  const SlotSet words = c.words ? c.generation.index.matches(c.query.plan) & c.unrefined : c.unrefined;
  words.for_each([&](uint32_t slot) {
    const ItemRecord* item = c.catalog.item(slot);
    if (item == nullptr) return;
    for (const Refinement& refinement : c.request.refinements)
      if (refinement.facet != facet && !passes(c, *item, refinement)) return;
    out.add(slot);
  });
  return out;
}

}  // namespace

Status count_facets(Context& c) {
  std::vector<FacetRequest> wanted;
  for (const FacetRequest& facet : c.request.facets) {
    if (facet.name != "*") {
      wanted.push_back(facet);
      continue;
    }
    for (const FacetField& field : c.settings.facets) wanted.push_back({field.name, "", 0, std::nullopt});
  }
  for (const FacetRequest& facet : wanted) {
    const auto field = std::find_if(c.settings.facets.begin(), c.settings.facets.end(),
                                    [&](const FacetField& f) { return f.name == facet.name; });
    const bool declared = field != c.settings.facets.end();
    const FacetOrder order = facet.order.value_or(declared ? field->order : FacetOrder::kCount);
    const uint32_t most = facet.values_max != 0 ? facet.values_max : declared ? field->values_max : 100;
    const auto chosen = std::find_if(c.request.refinements.begin(), c.request.refinements.end(),
                                     [&](const Refinement& r) { return r.facet == facet.name; });
    const bool is_chosen = chosen != c.request.refinements.end();
    FacetAnswer answer = count(c, facet, is_chosen ? matched_without(c, facet.name) : c.matched);
    for (FacetValue& value : answer.values)
      value.chosen = is_chosen && std::find(chosen->values.begin(), chosen->values.end(), value.value) !=
                                      chosen->values.end();
    std::stable_sort(
        answer.values.begin(), answer.values.end(), [&](const FacetValue& a, const FacetValue& b) {
          return order == FacetOrder::kCount && a.count != b.count ? a.count > b.count : a.value < b.value;
        });
    answer.distinct = answer.values.size();
    if (answer.values.size() > most) answer.values.resize(most);
    c.answer.facets.push_back(std::move(answer));
  }
  return {};
}

}  // namespace freshet::search_internal
