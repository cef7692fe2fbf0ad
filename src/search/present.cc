// From slots to what a page shows.
#include <algorithm>

#include "event/vector_attribute.h"
#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

// A name also means what is nested in it; "*" everything but vectors, which are shown when they are named.
bool is_shown(std::string_view attribute, std::string_view name) {
  if (name == "*") return attribute != kVectorAttribute;
  return attribute.starts_with(name) && (attribute.size() == name.size() || attribute[name.size()] == '.');
}

}  // namespace

void put_attributes(const ItemRecord& item, const std::vector<std::string>& names, SearchHit& hit) {
  if (names.empty()) return;
  for (const Attribute& attribute : item.attributes)
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& name) { return is_shown(attribute.name, name); }))
      hit.attributes.push_back(attribute);
}

SearchHit describe(const SearchContext& c, const Candidate& candidate) {
  SearchHit hit;
  hit.slot = candidate.slot;
  hit.score = candidate.score;
  hit.group_size = candidate.group_size;
  hit.group = candidate.group;
  hit.distance_m = candidate.distance_m;
  const ItemRecord* item = c.catalog.item(candidate.slot);
  if (item == nullptr) return hit;
  hit.id = item->id;
  hit.title = item->title;
  hit.price = item->price;
  put_attributes(*item, c.request.attributes, hit);
  return hit;
}

namespace {

void mark(SearchContext& c, SearchHit& hit) {
  const ItemRecord* item = c.catalog.item(hit.slot);
  if (item != nullptr && !c.out_of_time()) put_marks(c, *item, hit);
}

}  // namespace

void present(SearchContext& c) {
  for (const Candidate& candidate : c.pool) {
    SearchHit hit = describe(c, candidate);
    mark(c, hit);
    hit.propensity = candidate.propensity;
    if (c.request.explore != 0 && candidate.has_match) append_features(candidate.match, hit.match);
    if (c.request.explore != 0) hit.base = candidate.base;
    if (c.request.explain) hit.parts = parts_of(c, candidate);
    for (const ItemSlot slot : candidate.variants) {
      SearchHit& variant = hit.variants.emplace_back(describe(c, {.slot = slot}));
      mark(c, variant);
    }
    c.answer.hits.push_back(std::move(hit));
  }
}

}  // namespace freshet::search_internal

namespace freshet {

void put_shown(const SearchAnswer& answer, Event& impression) {
  std::string features, bases;
  bool any = false;
  for (const SearchHit& hit : answer.hits) {
    impression.shown.push_back({hit.id, hit.propensity});
    any = any || !hit.match.empty();
    append_base(hit.base, bases);
    features += hit.match.empty() ? std::string(2 * kMatchFeatures, '.') : hit.match;
  }
  if (answer.exchanged >= 0) impression.attributes.push_back({"exchanged", int64_t{answer.exchanged}});
  if (any) impression.attributes.push_back({"features", std::move(features)});
  if (any) impression.attributes.push_back({"base", std::move(bases)});
  if (answer.ranked) impression.attributes.push_back({"ranked", true});
}

}  // namespace freshet
