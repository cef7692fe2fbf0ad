// From slots to what a page shows.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet::search_internal {

void put_attributes(const ItemRecord& item, const std::vector<std::string>& names, SearchHit& hit) {
  if (names.size() == 1 && names[0] == "*") {
    hit.attributes = item.attributes;
    return;
  }
  for (const std::string& name : names)
    if (const Value* value = item.attribute(name)) hit.attributes.push_back({name, *value});
}

SearchHit describe(const Context& c, const Candidate& candidate) {
  SearchHit hit;
  hit.slot = candidate.slot;
  hit.score = candidate.score;
  hit.group_size = candidate.group_size;
  hit.distance_m = candidate.distance_m;
  const ItemRecord* item = c.catalog.item(candidate.slot);
  if (item == nullptr) return hit;
  hit.id = item->id;
  hit.title = item->title;
  hit.price = item->price;
  put_attributes(*item, c.request.attributes, hit);
  return hit;
}

void present(Context& c) {
  for (const Candidate& candidate : c.pool) {
    SearchHit hit = describe(c, candidate);
    if (c.request.explain) hit.parts = parts_of(c, candidate);
    for (const ItemSlot variant : candidate.variants) hit.variants.push_back(describe(c, {.slot = variant}));
    c.answer.hits.push_back(std::move(hit));
  }
}

}  // namespace freshet::search_internal
