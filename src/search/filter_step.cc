// Conditions of the request to the set of items allowed.
#include <algorithm>

#include "column/filter.h"
#include "search/internal/context.h"

namespace freshet::search_internal {

std::string facet_text(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) {
    char digits[32];
    const int size = std::snprintf(digits, sizeof digits, "%.12g", *real);
    return {digits, static_cast<size_t>(size)};
  }
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

std::vector<std::string> facet_values(const Context& c, const ItemRecord& item, const std::string& name) {
  std::vector<std::string> out;
  if (name == "category" || name == "brand") {
    const std::string prefix = name + ":";
    for (const uint32_t facet : item.facets)
      if (const std::string_view full = c.catalog.facet_name(facet); full.starts_with(prefix))
        out.emplace_back(full.substr(prefix.size()));
    return out;
  }
  const Value* value = item.attribute(name);
  if (value == nullptr) return out;
  if (const auto* list = std::get_if<std::vector<std::string>>(value)) return *list;
  if (!std::holds_alternative<std::monostate>(*value)) out.push_back(facet_text(*value));
  return out;
}

bool passes(const Context& c, const ItemRecord& item, const Refinement& refinement) {
  for (const std::string& value : facet_values(c, item, refinement.facet))
    if (std::find(refinement.values.begin(), refinement.values.end(), value) != refinement.values.end())
      return true;
  return false;
}

Status filter(Context& c) {
  const auto parsed = Filter::parse(c.request.filter);
  if (!parsed.ok()) return invalid("filter: " + parsed.error().what);
  if (parsed->empty() && c.request.refinements.empty() && c.request.include_unavailable) return {};
  SlotSet plain;
  c.generation.index.slots().for_each([&](uint32_t slot) {
    const ItemRecord* item = c.catalog.item(slot);
    if (item == nullptr || !(item->available || c.request.include_unavailable)) return;
    if (parsed->passes(*item, c.catalog)) plain.add(slot);
  });
  c.unrefined = plain;
  SlotSet allowed;
  plain.for_each([&](uint32_t slot) {
    const ItemRecord* item = c.catalog.item(slot);
    for (const Refinement& refinement : c.request.refinements)
      if (!passes(c, *item, refinement)) return;
    allowed.add(slot);
  });
  c.allowed = std::move(allowed);
  return {};
}

}  // namespace freshet::search_internal
