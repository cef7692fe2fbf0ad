#include "index/internal/segment_search.h"

#include <algorithm>
#include <cmath>

namespace freshet::index {
namespace {

constexpr float kNoBound = 1e30f;

}  // namespace

// ---- a plan against a segment

bool SegmentSearch::start(const Query& query, const Segment& segment) {
  query_ = &query;
  segment_ = &segment;
  const CompiledPlan& plan = *query.plan;
  doubtful_ = false;
  codes_.fields = ~0u;  // None yet.
  weight_.resize(segment.code_count());
  if (!segment.exact) {
    const float inflate = inflation(segment, plan, *query.scoring, *query.statistics);
    for (uint32_t c = 0; c < weight_.size(); ++c)
      weight_[c] = inflate < kNoBound ? segment.code_weight[c] * inflate : kNoBound;
  }
  if (runs_.size() < plan.clauses.size()) runs_.resize(plan.clauses.size());
  positive_.clear();
  excluded_.clear();
  required_ = 0;
  uint64_t bit = 1;
  for (size_t i = 0; i < plan.clauses.size(); ++i) {
    const CompiledClause& clause = plan.clauses[i];
    start_clause(clause, runs_[i]);
    runs_[i].bit = clause.excluded ? 0 : bit;
    if (!clause.excluded) bit <<= 1;
    doubtful_ |= runs_[i].used > 0 && runs_[i].doubtful;
    if (clause.required) ++required_;
    if (runs_[i].used == 0) {
      if (clause.required) return false;
      continue;
    }
    runs_[i].place = positive_.size();
    (clause.excluded ? excluded_ : positive_).push_back(&runs_[i]);
  }
  return positive_.size() >= std::max(1u, plan.minimum_match);
}

void SegmentSearch::start_clause(const CompiledClause& clause, Run& run) {
  run.clause = &clause;
  run.used = 0;
  run.doubtful = false;
  for (const CompiledAlternative& alternative : clause.alternatives) {
    if (run.options.size() == run.used) run.options.emplace_back();
    Option& option = run.options[run.used];
    option.terms.clear();
    for (const uint32_t term : alternative.terms) {
      const Segment::List* list = segment_->find(term);
      if (list == nullptr) break;
      option.terms.push_back({list, list->begin, nullptr});
    }
    if (option.terms.size() != alternative.terms.size()) continue;
    if (option.terms.size() > 1) run.doubtful = true;
    if (!fill_scores(clause, alternative, option)) run.doubtful = true;
    ++run.used;
  }
  run.simple = run.used == 1 && run.options[0].terms.size() == 1;
  if (run.simple && clause.combine == Combine::kSaturatingSum)
    for (uint32_t c = 0; c < segment_->code_count(); ++c)
      for (float* score : {&run.options[0].score[c], &run.options[0].most[c]})
        if (*score >= 0) *score = clause.weight * *score;
}

// What the codes stand for in these fields, whatever the term.
void SegmentSearch::read_codes(uint32_t fields) {
  const CompiledPlan& plan = *query_->plan;
  const Segment& segment = *segment_;
  const uint64_t words = uint64_t{1} << std::min(plan.positive, 63u);
  codes_.fields = fields;
  codes_.all_sure = codes_.all_match = true;
  for (uint32_t c = 0; c < segment.code_count(); ++c) {
    float w = 0;
    bool found = false, sure = true;
    if (segment.one_class(c)) {
      for (uint32_t i = segment.class_begin[c]; i < segment.class_begin[c + 1]; ++i) {
        const ClassPart part = segment.class_parts[i];
        if ((fields >> part.field & 1) == 0) continue;
        found = true;
        w += static_cast<float>(part.tf) * plan.per_tf[part.field][part.length];
      }
    } else {
      w = weight_[c];
      const uint32_t some = segment.code_fields_some[c];
      found = (some & fields) != 0;
      sure = (some & ~fields) == 0 || (segment.code_fields_every[c] & fields) != 0;
    }
    codes_.saturated[c] = plan.saturate(w);
    codes_.found[c] = found;
    codes_.sure[c] = sure;
    codes_.flags[c] = static_cast<uint8_t>((segment.one_class(c) && sure ? 0 : kRough) |
                                           (segment.code_begins[c] != 0 ? kBegins : 0) |
                                           ((segment.code_lengths[c] & words) != 0 ? kWhole : 0));
    codes_.all_match &= found;
    codes_.all_sure &= !found || sure;
  }
}

// The table of an alternative: its score by code; for the best of several the clause's weight is in it
// already. False: a code may stand for matches and others.
bool SegmentSearch::fill_scores(const CompiledClause& clause, const CompiledAlternative& alternative,
                                Option& option) {
  if (codes_.fields != alternative.fields) read_codes(alternative.fields);
  const bool saturating = clause.combine == Combine::kSaturatingSum;
  const uint32_t codes = segment_->code_count();
  for (uint32_t c = 0; c < codes; ++c) {
    const float score = alternative.gain * codes_.saturated[c];
    option.score[c] = !codes_.found[c] ? -1 : saturating ? score : clause.weight * score;
  }
  float most = -1;
  for (uint32_t c = codes; c-- > 0;) option.most[c] = most = std::max(most, option.score[c]);
  option.sure = codes_.sure;
  option.flags = codes_.flags;
  option.all_match = codes_.all_match;
  option.all_sure = codes_.all_match && codes_.all_sure;
  return codes_.all_sure;
}

// ---- chunks

// Moves a clause's terms to the chunk; false: it has none there.
bool SegmentSearch::enter(Run& run, uint32_t number) {
  run.present = false;
  run.bound = 0;
  run.size = 0;
  float all = 0;
  for (size_t o = 0; o < run.used; ++o) {
    Option& option = run.options[o];
    uint32_t least = ~0u;
    float most = kNoBound;
    for (Term& term : option.terms) {
      while (term.next < term.list->end && segment_->chunks[term.next].number < number) ++term.next;
      const bool here = term.next < term.list->end && segment_->chunks[term.next].number == number;
      term.chunk = here ? &segment_->chunks[term.next] : nullptr;
      least = here ? std::min(least, term.chunk->size) : 0;
      most = here ? std::min(most, option.most[term.chunk->best_code]) : -1;
      if (!here) break;
    }
    option.here = most >= 0;
    if (!option.here) continue;
    run.present = true;
    run.size += least;
    run.bound = std::max(run.bound, most);
    all += most;
    run.chunk = option.terms[0].chunk;
  }
  if (run.present && !run.simple && run.clause->combine == Combine::kSaturatingSum)
    run.bound = 1.0001f * saturating_sum(*run.clause, run.bound, all);
  return run.present;
}

// Moves every clause to the chunk; false: nothing can match in it.
bool SegmentSearch::enter_chunk(uint32_t number) {
  order_.clear();
  uint32_t required = 0;
  for (Run* run : positive_) {
    if (!enter(*run, number)) continue;
    order_.push_back(run);
    required += run->clause->required ? 1 : 0;
  }
  if (required != required_ || order_.size() < std::max(1u, query_->plan->minimum_match)) return false;
  for (Run* run : excluded_) enter(*run, number);
  return true;
}

// The least score (or bound) of a phrase's words in an item; negative: one of them is not there.
float SegmentSearch::phrase_score(const Option& option, uint32_t low, size_t but, float least) const {
  for (size_t t = 0; t < option.terms.size() && least >= 0; ++t) {
    if (t == but) continue;
    const Chunk& chunk = *option.terms[t].chunk;
    const uint32_t at = segment_->look_up(chunk, low);
    least = at == kAbsent ? -1 : std::min(least, option.score[segment_->codes[chunk.begin + at]]);
  }
  return least;
}

// What the clause gives an item.
SegmentSearch::Found SegmentSearch::look(const Run& run, uint32_t low) const {
  if (run.simple) {
    const uint32_t at = segment_->look_up(*run.chunk, low);
    if (at == kAbsent) return {};
    const uint8_t code = segment_->codes[run.chunk->begin + at];
    return {run.options[0].score[code], run.options[0].flags[code]};
  }
  Found out;
  float sum = 0;
  for (size_t o = 0; o < run.used; ++o) {
    const Option& option = run.options[o];
    if (!option.here) continue;
    float score = -1;
    uint8_t flags = kAllFlags;
    if (option.terms.size() > 1) {
      score = phrase_score(option, low, SIZE_MAX, kNoBound);
    } else {
      const Chunk& chunk = *option.terms[0].chunk;
      const uint32_t at = segment_->look_up(chunk, low);
      if (at == kAbsent) continue;
      score = option.score[segment_->codes[chunk.begin + at]];
      flags = option.flags[segment_->codes[chunk.begin + at]];
    }
    if (score < 0) continue;
    sum = out.score < 0 ? score : sum + score;
    out.score = std::max(out.score, score);
    out.flags |= flags;
  }
  if (out.score >= 0 && run.clause->combine == Combine::kSaturatingSum)
    out.score = saturating_sum(*run.clause, out.score, sum);
  return out;
}

}  // namespace freshet::index
