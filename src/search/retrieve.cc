// Words and vectors to candidates.
#include <algorithm>
#include <unordered_map>

#include "search/internal/context.h"
#include "vector/fusion.h"

namespace freshet::search_internal {
namespace {

// So many of the best by words are looked at again with everything else that is known of them.
constexpr uint32_t kPoolMin = 128;

// What no word found joins the result if it lies this near, and not much farther than the nearest. In a shop
// of 1,200 products after 5,000 events what belonged to a query lay at .5 and more, the rest below .37.
constexpr float kNearEnough = 0.45f, kShareOfNearest = 0.6f;

// Without words every item is as good as any other; rank() puts them in order.
void browse_all(SearchContext& c) {
  c.found = c.state.columns().listed_set();
  narrow(c);
}

// The item whose id was typed stands first, whatever its text says.
void add_by_id(SearchContext& c) {
  const ItemSlot slot = c.catalog.find(c.request.query);
  if (slot == kNoItem || !c.generation.index.contains(slot)) return;
  const SlotSet it = SlotSet::of({&slot, 1});
  if (!c.conditions.empty() && c.conditions.evaluate(c.state.columns(), it).empty()) return;
  for (const FacetChoice& choice : c.choices)
    if (choice.filter.evaluate(c.state.columns(), it).empty()) return;
  c.by_id = slot;
  if (c.matched.contains(slot)) return;
  c.found.add(slot);
  c.matched.add(slot);
  c.pool.push_back({.slot = slot});
}

// How much vectors count. What was learned counts as much as it has shown on clicks it had not seen; the
// shop's own vectors, and a weight that the request gives, count in full.
double semantic_weight(const SearchContext& c) {
  if (c.vectors == nullptr || c.request.semantic == SemanticMode::kOff) return 0;
  if (c.request.semantic == SemanticMode::kWeight) return c.request.semantic_weight;
  return c.settings.semantic_weight * (c.request.vector.empty() ? c.vectors->confidence() : 1);
}

// Adds what lies near the query, and gives all candidates their semantic part, in points of the index:
// fusion.h's mix, times the best score by words.
Status add_by_vector(SearchContext& c) {
  const double weight = semantic_weight(c);
  if (weight <= 0 || c.request.count == 0) return {};
  const SlotSet* const filter = allowed(c);
  thread_local std::vector<VectorHit> near;
  near.clear();
  if (!c.request.vector.empty()) {
    const Status found = c.vectors->near_vector(c.request.vector, filter, pool_size(c), near);
    if (!found.ok() && found.error().code != Code::kNotFound) return found;
  } else if (!c.words || !c.vectors->near_text(c.request.query, filter, pool_size(c), near)) {
    return {};
  }
  if (near.empty()) return {};
  if (c.request.vector.empty()) {  // Of the shop's own vectors only the shop knows what is near.
    const float near_enough = std::max(kNearEnough, kShareOfNearest * near.front().score);
    std::erase_if(
        near, [&](const VectorHit& hit) { return hit.score < near_enough && !c.matched.contains(hit.slot); });
  }
  const float best = c.pool.empty() ? 1 : std::max(c.pool.front().lexical, 1e-6f);
  std::vector<LexicalHit> words;
  for (const Candidate& one : c.pool) words.push_back({one.slot, one.lexical, one.lexical >= best / 2});
  std::vector<FusedHit> fused;
  fuse_scores(words, near, {.semantic_weight = weight}, fused);
  c.lexical_scale = 1 - weight;
  std::unordered_map<ItemSlot, float> by_words;
  for (const Candidate& one : c.pool) by_words.emplace(one.slot, one.lexical);
  c.pool.clear();
  for (const FusedHit& hit : fused) {
    if (!c.generation.index.contains(hit.slot)) continue;
    const auto lexical = by_words.find(hit.slot);
    c.pool.push_back({.slot = hit.slot,
                      .lexical = lexical == by_words.end() ? 0 : lexical->second,
                      .semantic = static_cast<double>(best) * (hit.semantic + hit.kept)});
    if (lexical == by_words.end()) {
      c.found.add(hit.slot);
      c.matched.add(hit.slot);
    }
  }
  return {};
}

}  // namespace

// A page of groups may need several times as many items.
uint32_t pool_size(const SearchContext& c) {
  const uint32_t page_end = c.request.from + c.request.count;
  const uint32_t times = group_attribute(c).empty() ? 2 : 8;
  return std::clamp(page_end * times, kPoolMin, 8 * SettingsLimits::kPaginationMax);
}

Status retrieve(SearchContext& c) {
  c.pool.clear();
  if (!c.words && !c.request.vector.empty()) {
    c.found = c.matched = SlotSet();
    return add_by_vector(c);
  }
  if (!c.words) {
    if (c.request.query.find_first_not_of(" \t\r\n") == std::string::npos) browse_all(c);
    if (!c.request.query.empty()) add_by_id(c);
    return {};
  }
  const SearchIndex::StopCheck stop = [&c] { return c.out_of_time(); };
  c.found = c.generation.index.matches(c.query.plan, stop);
  narrow(c);
  thread_local std::vector<Hit> hits;
  if (c.request.count > 0 && !c.matched.empty()) {
    const bool narrowed = !c.conditions.empty() || !c.choices.empty();
    c.generation.index.top(c.query.plan, narrowed ? &c.matched : nullptr, pool_size(c), hits, stop);
    for (const Hit& hit : hits) c.pool.push_back({.slot = hit.slot, .lexical = hit.score});
  }
  // Sorted by price, what only lies near would stand first.
  const bool words_only = !c.request.sort.empty() && !c.matched.empty() && c.request.vector.empty();
  if (!words_only) TRY_STATUS(add_by_vector(c));
  add_by_id(c);
  return {};
}

}  // namespace freshet::search_internal
