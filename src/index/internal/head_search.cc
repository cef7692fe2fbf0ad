#include "index/internal/head_search.h"

#include <algorithm>
#include <bit>

namespace freshet::index {

void HeadSearch::collect(const Query& query, const Head& head, uint32_t from, uint32_t to) {
  const CompiledPlan& plan = *query.plan;
  bound_.assign(to - from, 0);
  clauses_.assign(to - from, 0);
  required_ = 0;
  for (const CompiledClause& clause : plan.clauses) {
    const uint64_t bit = uint64_t{1} << clause.index;
    if (clause.required) required_ |= bit;
    if (clause.excluded) continue;
    for (const CompiledAlternative& alternative : clause.alternatives) {
      const bool phrase = alternative.terms.size() > 1;
      const float gain = clause.weight * alternative.gain * 1.00001f;
      head.walk(alternative.terms[0], from, to, [&](uint32_t item, uint32_t bound) {
        clauses_[item - from] |= bit;
        const float w = static_cast<float>(bound >> 8) * per_tf_[bound & 255];
        bound_[item - from] += phrase ? gain : gain * plan.saturate(w);
      });
    }
  }
}

bool HeadSearch::possible(const CompiledPlan& plan, uint32_t item) const {
  const uint64_t has = clauses_[item];
  return has != 0 && (has & required_) == required_ &&
         static_cast<uint32_t>(std::popcount(has)) >= plan.minimum_match;
}

// Calls visit(head, from, item) for the items that may match. Items that arrive meanwhile are visited too: an
// item found changed in a segment is already in a head, so nobody is missed.
template <class Visit>
void HeadSearch::walk(const Query& query, const Head* head, Visit&& visit) {
  per_tf_.fill(0);
  for (uint32_t f = 0; f < kSearchFields; ++f)
    if ((query.plan->searched >> f & 1) != 0)
      for (size_t code = 0; code < 256; ++code)
        per_tf_[code] = std::max(per_tf_[code], query.plan->per_tf[f][code]);
  for (uint32_t from = 0; head != nullptr;) {
    const Head* const next = head->next.load(std::memory_order_acquire);  // If there is one, `head` is final.
    const uint32_t to = head->items();
    if (from == to) {
      head = next;
      from = 0;
      continue;
    }
    if (query.stopped()) return;
    collect(query, *head, from, to);
    for (uint32_t item = from; item < to; ++item)
      if (possible(*query.plan, item - from)) visit(*head, from, item);
    from = to;
  }
}

void HeadSearch::top(const Query& query, const Head* head, Best& best) {
  const float bonus = query.plan->bonus_max;
  walk(query, head, [&](const Head& in, uint32_t from, uint32_t item) {
    const uint32_t slot = in.slot(item);
    const float bound = (bound_[item - from] + bonus) * 1.00001f;
    if (!best.takes({slot, bound})) return;
    if (query.allowed != nullptr && !(*query.allowed)(slot)) return;
    const Record* record = query.items->record(slot);
    float score = 0;
    if (record == nullptr || record->version != in.version(item)) return;
    if (record_score(*query.plan, *record, score)) best.add({slot, score});
  });
}

void HeadSearch::matches(const Query& query, const Head* head, std::vector<uint64_t>& words) {
  walk(query, head, [&](const Head& in, uint32_t, uint32_t item) {
    const uint32_t slot = in.slot(item);
    const Record* record = query.items->record(slot);
    if (record == nullptr || record->version != in.version(item)) return;
    if (!record_matches(*query.plan, *record)) return;
    if (slot / 64 >= words.size()) words.resize(slot / 64 + 1);
    words[slot / 64] |= uint64_t{1} << (slot % 64);
  });
}

}  // namespace freshet::index
