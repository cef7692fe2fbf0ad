// Words and vectors to candidates.
#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "column/group.h"
#include "search/internal/context.h"
#include "vector/fusion.h"

namespace freshet::search_internal {
namespace {

// So many of the best by words, and so many of the nearest, are looked at with everything else that is known
// of them, on whatever page: what is found and how it is ordered must not depend on the page that is asked
// for. Pages beyond go on with the next best by words, in steps twice as large each, ordered in themselves.
constexpr uint32_t kPool = 256, kNear = 128;

// What no word found joins the result if it lies this near, and not much farther than the nearest. In a shop
// of 1,200 products after 5,000 events what belonged to a query lay at .5 and more, the rest below .37.
constexpr float kNearEnough = 0.45f, kShareOfNearest = 0.6f;

using NearHits = std::vector<VectorHit>;

// Without words every item is as good as any other; rank() puts them in order.
void browse_all(SearchContext& c) {
  c.found = c.state.columns().listed_set();
  narrow(c);
}

// The item whose id was typed stands first, whatever its text says.
void find_by_id(SearchContext& c) {
  const ItemSlot slot = c.catalog.find(c.request.query);
  if (slot == kNoItem || !c.generation.index.contains(slot)) return;
  join(c, SlotSet::of({&slot, 1}));
  if (c.matched.contains(slot)) c.by_id = slot;
}

// How much vectors count. What was learned counts as much as it has shown on clicks it had not seen; the
// shop's own vectors, and a weight that the request gives, count in full.
double semantic_weight(const SearchContext& c) {
  if (c.vectors == nullptr || c.request.semantic == SemanticMode::kOff) return 0;
  if (c.request.semantic == SemanticMode::kWeight) return c.request.semantic_weight;
  return c.settings.semantic_weight * (c.request.vector.empty() ? c.vectors->confidence() : 1);
}

// Finds what lies near the query, for all of the catalogue: were it only for what passes the filter, a filter
// would let in what is too far without it. Of the shop's own vectors only the shop knows what is near: there
// it is the nearest of what may be shown.
Status find_near(SearchContext& c, NearHits& near) {
  near.clear();
  if (semantic_weight(c) <= 0) return {};
  if (!c.request.vector.empty()) {
    const uint32_t most = c.words ? kNear : std::max(kNear, c.settings.pagination_max);
    const Status found = c.vectors->near_vector(c.request.vector, allowed(c), most, near);
    if (!found.ok() && found.error().code != Code::kNotFound) return found;
  } else if (!c.words || !c.vectors->near_text(c.request.query, nullptr, kNear, near)) {
    near.clear();
  }
  if (near.empty()) return {};
  const float enough = c.request.vector.empty() ? std::max(kNearEnough, kShareOfNearest * near.front().score)
                                                : std::nextafter(FusionOptions().floor, 1.0f);
  std::vector<ItemSlot> joining;
  for (const VectorHit& hit : near)
    if (hit.score >= enough && c.generation.index.contains(hit.slot)) joining.push_back(hit.slot);
  join(c, SlotSet::of(joining));
  return {};
}

bool is_narrowed(const SearchContext& c) {
  return !c.conditions.empty() || !c.choices.empty() || c.part.has_value();
}

// Gives all candidates their semantic part, in points of the index: fusion.h's mix, times the best score by
// words. Adds those that only lie near.
void fuse(SearchContext& c, NearHits& near) {
  if (near.empty()) return;
  // Of few, those that are near are others than of all.
  if (c.request.vector.empty() && is_narrowed(c))
    c.vectors->near_text(c.request.query, &listed(c), kNear, near);
  std::erase_if(near, [&](const VectorHit& hit) { return !listed(c).contains(hit.slot); });
  const double weight = semantic_weight(c);
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
  }
}

// The candidates of the first step, then of as many as the page needs.
void fill_pool(SearchContext& c, NearHits& near) {
  if (c.request.count == 0) return;
  const SlotSet* const among = is_narrowed(c) ? &listed(c) : nullptr;
  thread_local std::vector<Hit> hits;
  hits.clear();
  uint32_t size = kPool;
  const auto fetch = [&] {
    if (c.words) c.generation.index.top(c.query.plan, among, size, hits, [&c] { return c.out_of_time(); });
  };
  while (group_attribute(c).empty() && size < c.request.from + c.request.count) size *= 2;
  fetch();
  size_t taken = std::min<size_t>(hits.size(), kPool);
  for (size_t i = 0; i < taken; ++i) c.pool.push_back({.slot = hits[i].slot, .lexical = hits[i].score});
  fuse(c, near);
  if (c.by_id != kNoItem && listed(c).contains(c.by_id) &&
      std::none_of(c.pool.begin(), c.pool.end(), [&](const Candidate& one) { return one.slot == c.by_id; }))
    c.pool.push_back({.slot = c.by_id});
  c.steps.push_back(c.pool.size());
  std::unordered_set<ItemSlot> first;
  for (uint32_t end = 2 * kPool; !fills_page(c) && hits.size() >= end / 2 && !c.out_of_time(); end *= 2) {
    if (size < end) {
      size = end;
      fetch();
    }
    if (first.empty())
      for (const Candidate& one : c.pool) first.insert(one.slot);
    for (; taken < std::min<size_t>(hits.size(), end); ++taken)
      if (!first.contains(hits[taken].slot))
        c.pool.push_back({.slot = hits[taken].slot, .lexical = hits[taken].score});
    c.steps.push_back(c.pool.size());
  }
}

}  // namespace

bool fills_page(const SearchContext& c) {
  const size_t page_end = size_t{c.request.from} + c.request.count;
  const std::string group = group_attribute(c);
  if (group.empty() || c.pool.size() < page_end) return c.pool.size() >= page_end;
  const GroupKey key(c.state.columns(), group);
  GroupNumbers groups;
  for (const Candidate& one : c.pool) groups.of(key(one.slot));
  return groups.size() >= page_end;
}

Status retrieve(SearchContext& c) {
  c.pool.clear();
  c.steps.clear();
  NearHits near;
  if (c.words) {
    c.found = c.generation.index.matches(c.query.plan, [&c] { return c.out_of_time(); });
    narrow(c);
  } else if (!c.request.vector.empty()) {
    c.found = c.matched = SlotSet();
  } else if (c.request.query.find_first_not_of(" \t\r\n") == std::string::npos) {
    browse_all(c);
  }
  // Sorted by price, what only lies near would stand first.
  const bool words_only = !c.request.sort.empty() && !c.matched.empty() && c.request.vector.empty();
  if (!words_only) TRY_STATUS(find_near(c, near));
  if (!c.request.query.empty() && (c.words || c.request.vector.empty())) find_by_id(c);
  take_part(c);
  if (c.words || !c.request.vector.empty() || c.by_id != kNoItem) fill_pool(c, near);
  return {};
}

}  // namespace freshet::search_internal
