#include "index/internal/segment_search.h"

#include <algorithm>
#include <cmath>

namespace freshet::index {
namespace {

constexpr float kNoBound = 1e30f;

using Bytes16 = uint8_t __attribute__((vector_size(16)));

// Bit i: codes[i] < cutoff, for 64 codes.
inline uint64_t below(const uint8_t* codes, uint8_t cutoff) {
  uint64_t out = 0;
  for (int part = 3; part >= 0; --part) {
    Bytes16 v;
    __builtin_memcpy(&v, codes + 16 * part, 16);
#if defined(__SSE2__)
    using Chars16 = char __attribute__((vector_size(16)));
    out =
        out << 16 | static_cast<uint16_t>(__builtin_ia32_pmovmskb128(reinterpret_cast<Chars16>(v < cutoff)));
#else
    uint16_t bits = 0;
    for (int i = 0; i < 16; ++i) bits |= static_cast<uint16_t>((v[i] < cutoff) << i);
    out = out << 16 | bits;
#endif
  }
  return out;
}

}  // namespace

// ---- a plan against a segment

bool SegmentSearch::start(const Query& query, const Segment& segment) {
  query_ = &query;
  segment_ = &segment;
  const CompiledPlan& plan = *query.plan;
  exact_ = segment.exact;
  doubtful_ = false;
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
  if (positive_.size() < std::max(1u, plan.minimum_match)) return false;
  return true;
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
    if (option.terms.size() > 1) {
      exact_ = false;
      run.doubtful = true;
    }
    if (!fill_scores(clause, alternative.gain, clause.combine == Combine::kSaturatingSum, option))
      run.doubtful = true;
    ++run.used;
  }
  run.simple = run.used == 1 && run.options[0].terms.size() == 1;
  if (run.simple && clause.combine == Combine::kSaturatingSum)
    for (uint32_t c = 0; c < segment_->code_count(); ++c)
      for (float* score : {&run.options[0].score[c], &run.options[0].most[c]})
        if (*score >= 0) *score = clause.weight * *score;
}

// The table of an alternative: its score by code; for the best of several the clause's weight is in it
// already.
bool SegmentSearch::fill_scores(const CompiledClause& clause, float gain, bool saturating,
                                Option& option) const {
  const CompiledPlan& plan = *query_->plan;
  const Segment& segment = *segment_;
  bool all_sure = true;
  for (uint32_t c = 0; c < segment.code_count(); ++c) {
    float w = 0;
    bool found = false;
    option.sure[c] = true;
    if (segment.exact) {
      for (uint32_t i = segment.class_begin[c]; i < segment.class_begin[c + 1]; ++i) {
        const ClassPart part = segment.class_parts[i];
        if ((clause.fields >> part.field & 1) == 0) continue;
        found = true;
        w += static_cast<float>(part.tf) * plan.per_tf[part.field][part.length];
      }
    } else {
      w = weight_[c];
      const uint32_t some = segment.code_fields_some[c];
      found = (some & clause.fields) != 0;
      option.sure[c] = (some & ~clause.fields) == 0 || (segment.code_fields_every[c] & clause.fields) != 0;
      all_sure &= !found || option.sure[c];
    }
    const float score = gain * plan.saturate(w);
    option.score[c] = !found ? -1 : saturating ? score : clause.weight * score;
  }
  float most = -1;
  for (uint32_t c = segment.code_count(); c-- > 0;) option.most[c] = most = std::max(most, option.score[c]);
  return all_sure;
}

// ---- chunks

// Moves a clause's terms to the chunk; false: it has none there.
bool SegmentSearch::enter(Run& run, uint32_t number) {
  run.present = false;
  run.bound = 0;
  run.size = 0;
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
    if (most < 0) continue;
    run.present = true;
    run.size += least;
    run.bound = std::max(run.bound, most);
    run.chunk = option.terms[0].chunk;
  }
  if (run.present && !run.simple) {
    if (run.clause->combine == Combine::kSaturatingSum) run.bound *= 1.2501f * run.clause->weight;
    fill_area(run);
  }
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

void SegmentSearch::fill_area(Run& run) {
  if (!run.area) run.area = std::make_unique<Area>();
  Area& area = *run.area;
  area.bits.fill(0);
  if (run.doubtful) area.sure.fill(0);
  const bool sums = run.clause->combine == Combine::kSaturatingSum;
  for (size_t o = 0; o < run.used; ++o) {
    const Option& option = run.options[o];
    if (option.terms.size() > 1) {
      fill_phrase(run, option);
      continue;
    }
    const Chunk* chunk = option.terms[0].chunk;
    if (chunk == nullptr) continue;
    const uint16_t* lows = segment_->lows.data() + chunk->begin;
    const uint8_t* codes = segment_->codes.data() + chunk->begin;
    for (uint32_t i = 0; i < chunk->size; ++i) {
      const uint32_t low = lows[i];
      const float score = option.score[codes[i]];
      if (score < 0) continue;
      uint64_t& word = area.bits[low / 64];
      const uint64_t bit = uint64_t{1} << (low % 64);
      const bool first = (word & bit) == 0;
      word |= bit;
      if (run.doubtful && option.sure[codes[i]]) area.sure[low / 64] |= bit;
      area.best[low] = first ? score : std::max(area.best[low], score);
      if (sums) area.sum[low] = first ? score : area.sum[low] + score;
    }
  }
  if (sums) finish_sums(run);
}

void SegmentSearch::fill_phrase(Run& run, const Option& option) {
  Area& area = *run.area;
  size_t rarest = 0;
  for (size_t t = 0; t < option.terms.size(); ++t) {
    if (option.terms[t].chunk == nullptr) return;
    if (option.terms[t].chunk->size < option.terms[rarest].chunk->size) rarest = t;
  }
  const Chunk& from = *option.terms[rarest].chunk;
  for (uint32_t i = 0; i < from.size; ++i) {
    const uint32_t low = segment_->lows[from.begin + i];
    float least = option.score[segment_->codes[from.begin + i]];
    for (size_t t = 0; t < option.terms.size() && least >= 0; ++t) {
      if (t == rarest) continue;
      const Chunk& chunk = *option.terms[t].chunk;
      const uint32_t at = segment_->look_up(chunk, low);
      least = at == kAbsent ? -1 : std::min(least, option.score[segment_->codes[chunk.begin + at]]);
    }
    if (least < 0) continue;
    uint64_t& word = area.bits[low / 64];
    const uint64_t bit = uint64_t{1} << (low % 64);
    const bool first = (word & bit) == 0;
    word |= bit;
    area.best[low] = first ? least : std::max(area.best[low], least);
    area.sum[low] = first ? least : area.sum[low] + least;
  }
}

void SegmentSearch::finish_sums(Run& run) const {
  Area& area = *run.area;
  for (uint32_t w = 0; w < kChunkWords; ++w)
    for (uint64_t word = area.bits[w]; word != 0; word &= word - 1) {
      const uint32_t low = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
      area.best[low] = saturating_sum(*run.clause, area.best[low], area.sum[low]);
    }
}

inline float SegmentSearch::look(const Run& run, uint32_t low) const {
  if (run.simple) {
    const uint32_t at = segment_->look_up(*run.chunk, low);
    return at == kAbsent ? -1 : run.options[0].score[segment_->codes[run.chunk->begin + at]];
  }
  return (run.area->bits[low / 64] >> (low % 64) & 1) != 0 ? run.area->best[low] : -1;
}

// ---- top

void SegmentSearch::top(const Query& query, const Segment& segment, bool check_life, Best& best) {
  if (!start(query, segment)) return;
  check_life_ = check_life;
  if (std::vector<uint32_t> items; query.filter != nullptr && filter_drives(items)) {
    search_filtered(items, best);
    return;
  }
  const uint32_t chunks = (segment.items() + kChunkItems - 1) / kChunkItems;
  for (uint32_t number = 0; number < chunks; ++number)
    if (enter_chunk(number)) search_chunk(number, best);
}

void SegmentSearch::search_chunk(uint32_t number, Best& best) {
  for (Run* run : order_) {
    run->level = 0;
    run->rest = run->bound;
  }
  if (required_ > 0) {  // The rarer first.
    std::sort(order_.begin(), order_.end(), [](const Run* a, const Run* b) {
      if (a->clause->required != b->clause->required) return a->clause->required;
      return a->size != b->size ? a->size < b->size : a->clause->index < b->clause->index;
    });
  } else {
    std::sort(order_.begin(), order_.end(), [](const Run* a, const Run* b) {
      return a->bound != b->bound ? a->bound > b->bound : a->clause->index < b->clause->index;
    });
  }
  if (split(number, best, levels_)) {
    for (size_t r = 0; r < order_.size(); ++r)
      if (levels_[r] > 0) drive(*order_[r], number, levels_[r], best);
    return;
  }
  if (required_ > 0) return drive(*order_[0], number, 256, best);  // What it does not have cannot match.
  const uint32_t minimum = std::max(1u, query_->plan->minimum_match);
  for (size_t r = 0; r + minimum <= order_.size(); ++r) drive(*order_[r], number, 256, best);
}

// An item that beats the worst hit must stand out in some clause. Chooses for each clause of order_ a level,
// so that items with no code below its clause's level cannot win, and few postings are below: levels start at
// nothing and the cheapest step for what it lowers the bound is taken until the bound no longer wins. False:
// no such choice is worth it.
bool SegmentSearch::split(uint32_t number, const Best& best, std::vector<uint32_t>& levels) const {
  uint64_t whole = required_ > 0 ? order_[0]->size : 0;
  for (const Run* run : order_) {
    if (!run->simple) return false;
    if (required_ == 0) whole += run->size;
  }
  if (!best.full() || order_.size() < 2 || whole < 1024) return false;
  std::array<float, kClausesMax> values{};
  levels.assign(order_.size(), 0);
  for (const Run* run : order_) values[run->place] = run->bound;
  const uint32_t slot = segment_->slots[number * kChunkItems], codes = segment_->code_count();
  double cost = 0;
  const auto open = [&] {
    uint64_t there = 0;
    for (size_t r = 0; r < order_.size(); ++r) there |= levels[r] < codes ? order_[r]->bit : 0;
    return there;
  };
  while (beats(bound(values, open()), slot, best)) {
    size_t chosen = order_.size();
    uint32_t chosen_level = 0;
    double chosen_rate = 0, chosen_cost = 0;
    for (size_t r = 0; r < order_.size(); ++r) {
      const Run& run = *order_[r];
      if (levels[r] >= codes) continue;
      const auto& most = run.options[0].most;
      const float value = values[run.place];
      uint32_t level = std::max<uint32_t>(levels[r], run.chunk->best_code);
      double postings = 0;
      float next = value;
      while (level < codes && next >= value) {
        postings += static_cast<double>(segment_->code_share[level]) * run.size + 0.01;
        next = ++level < codes ? std::max(most[level], 0.0f) : 0;
      }
      const double rate = static_cast<double>(value - next) / postings;
      if (chosen == order_.size() || rate > chosen_rate) {
        chosen = r;
        chosen_level = level;
        chosen_rate = rate;
        chosen_cost = postings;
      }
    }
    if (chosen == order_.size()) break;  // Everything is below its level.
    levels[chosen] = chosen_level;
    values[order_[chosen]->place] =
        chosen_level < codes ? std::max(order_[chosen]->options[0].most[chosen_level], 0.0f) : 0;
    cost += chosen_cost;
    if (required_ > 0 && 2 * cost > static_cast<double>(whole)) return false;
  }
  return true;
}

// Sum of values, in the order scores are summed.
inline float SegmentSearch::bound(const std::array<float, kClausesMax>& values, uint64_t there) const {
  float sum = 0;
  for (size_t i = 0; i < positive_.size(); ++i) sum += values[i];
  if (!(query_->plan->bonus_max > 0)) return sum;
  return (sum + query_->plan->bonus_of(there)) * 1.000001f;
}

// What each clause may give an item that has not been considered.
inline void SegmentSearch::reset_values() {
  there_ = 0;
  for (size_t i = 0; i < positive_.size(); ++i) {
    const Run& run = *positive_[i];
    const bool open = run.present && run.level < (run.simple ? segment_->code_count() : 1);
    values_[i] = open ? run.rest : 0;
    there_ |= open ? run.bit : 0;
  }
}

// Considers the items in which the clause's code is below `level`.
void SegmentSearch::drive(Run& driver, uint32_t number, uint32_t level, Best& best) {
  reset_values();
  if (!beats(bound(), segment_->slots[number * kChunkItems], best)) return;
  if (driver.simple) {
    drive_postings(driver, number, std::min(level, segment_->code_count()), best);
  } else {
    const Words& bits = driver.area->bits;
    for (uint32_t w = 0; w < kChunkWords; ++w)
      for (uint64_t word = bits[w]; word != 0; word &= word - 1) {
        const uint32_t low = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
        consider(&driver, driver.area->best[low], number * kChunkItems + low, best);
      }
  }
  driver.level = level;
  driver.rest =
      driver.simple && level < segment_->code_count() ? std::max(driver.options[0].most[level], 0.0f) : 0;
}

void SegmentSearch::drive_postings(Run& driver, uint32_t number, uint32_t level, Best& best) {
  const Chunk& chunk = *driver.chunk;
  const std::array<float, 256>& score = driver.options[0].score;
  std::array<float, 256> bounds;
  there_ |= driver.bit;
  for (uint32_t c = 0; c < level; ++c) {
    values_[driver.place] = std::max(score[c], 0.0f);
    bounds[c] = score[c] < 0 ? -1 : bound();
  }
  // Codes from `cutoff` on cannot win any more, whatever else the item has.
  uint32_t cutoff = level;
  const auto tighten = [&](uint32_t slot) {
    while (cutoff > 0 && (bounds[cutoff - 1] < 0 || !beats(bounds[cutoff - 1], slot, best))) --cutoff;
  };
  const uint32_t base = number * kChunkItems;
  const uint8_t* codes = segment_->codes.data() + chunk.begin;
  const uint16_t* lows = segment_->lows.data() + chunk.begin;
  const uint8_t* block_best = segment_->best.data() + chunk.block;
  tighten(segment_->slots[base + lows[0]]);
  for (uint32_t at = 0; at < chunk.size; at += 64) {
    if (block_best[at / kBlock] >= cutoff) {
      at = (at / kBlock + 1) * kBlock - 64;
      continue;
    }
    uint64_t mask = below(codes + at, static_cast<uint8_t>(std::min(cutoff, 255u)));
    if (chunk.size - at < 64) mask &= (uint64_t{1} << (chunk.size - at)) - 1;
    for (; mask != 0; mask &= mask - 1) {
      const uint32_t i = at + static_cast<uint32_t>(std::countr_zero(mask));
      if (codes[i] >= cutoff || score[codes[i]] < 0) continue;
      const uint32_t item = base + lows[i];
      const Hit worst = best.worst();
      consider(&driver, score[codes[i]], item, best);
      if (best.worst().slot != worst.slot || best.worst().score != worst.score)
        tighten(segment_->slots[item]);
    }
  }
}

// An item that the driver has, with the score given (no driver: all clauses are looked up).
inline void SegmentSearch::consider(const Run* driver, float score, uint32_t item, Best& best) {
  const uint32_t low = item % kChunkItems, slot = segment_->slots[item];
  if (query_->allowed != nullptr && driver != nullptr && !(*query_->allowed)(slot)) return;
  uint32_t matched = 0;
  reset_values();
  if (driver != nullptr) {
    values_[driver->place] = score;
    there_ |= driver->bit;
    ++matched;
    if (!beats(bound(), slot, best)) return;
  }
  for (const Run* run : order_) {
    if (run == driver) continue;
    float found = -1;
    if (run->simple) {
      if (const uint32_t at = segment_->look_up(*run->chunk, low); at != kAbsent) {
        const uint8_t code = segment_->codes[run->chunk->begin + at];
        found = run->options[0].score[code];
        if (found >= 0 && code < run->level) return;  // As a driver it has considered the item.
      }
    } else {
      found = look(*run, low);
      if (found >= 0 && run->level > 0) return;
    }
    if (found < 0 && run->clause->required) return;
    values_[run->place] = std::max(found, 0.0f);
    there_ = found >= 0 ? there_ | run->bit : there_ & ~run->bit;
    matched += found >= 0 ? 1 : 0;
    if (!beats(bound(), slot, best)) return;
  }
  judge(item, slot, matched, best);
}

// All clauses have been looked at, values_ are their scores (or bounds).
void SegmentSearch::judge(uint32_t item, uint32_t slot, uint32_t matched, Best& best) {
  const CompiledPlan& plan = *query_->plan;
  if (matched < std::max(1u, plan.minimum_match)) return;
  for (const Run* run : excluded_)
    if (!run->doubtful && run->present && look(*run, item % kChunkItems) >= 0) return;
  if (check_life_ && !query_->items->alive(slot, segment_->versions[item])) return;
  if (exact_ && !(plan.bonus_max > 0)) {
    best.add({slot, bound()});
    return;
  }
  const Record* record = query_->items->record(slot);
  if (record == nullptr || record->version != segment_->versions[item]) return;
  float score = 0;
  if (exact_) {
    for (size_t i = 0; i < positive_.size(); ++i) score += values_[i];
    add_bonus(plan, *record, score);
  } else if (!record_score(plan, *record, score)) {
    return;
  }
  best.add({slot, score});
}

// ---- selective filters

// When the filter leaves few items, they are looked up one by one.
bool SegmentSearch::filter_drives(std::vector<uint32_t>& items) const {
  uint64_t postings = 0;
  for (const Run* run : positive_) {
    uint64_t size = 0;
    for (size_t o = 0; o < run->used; ++o) {
      const Segment::List* list = run->options[o].terms[0].list;
      for (uint32_t c = list->begin; c < list->end; ++c) size += segment_->chunks[c].size;
    }
    if (!run->simple) return false;  // Areas are filled for whole chunks anyway.
    postings = required_ == 0 ? postings + size : postings == 0 ? size : std::min(postings, size);
  }
  if (query_->filter_size * 16 > postings) return false;
  const auto& slots = segment_->slots;
  auto from = slots.begin();
  query_->filter->for_each([&](uint32_t slot) {
    from = std::lower_bound(from, slots.end(), slot);
    if (from != slots.end() && *from == slot) items.push_back(static_cast<uint32_t>(from - slots.begin()));
  });
  return true;
}

void SegmentSearch::search_filtered(const std::vector<uint32_t>& items, Best& best) {
  uint32_t number = kAbsent;
  bool open = false;
  for (const uint32_t item : items) {
    if (item / kChunkItems != number) {
      number = item / kChunkItems;
      open = enter_chunk(number);
      for (Run* run : order_) {
        run->level = 0;
        run->rest = run->bound;
      }
    }
    if (open) consider(nullptr, 0, item, best);
  }
}

// ---- all matches

// `sure`: only those that need no look at the record.
void SegmentSearch::clause_words(Run& run, bool sure, Words& out) const {
  sure = sure && run.doubtful;
  if (!run.simple) {
    out = sure ? run.area->sure : run.area->bits;
    return;
  }
  const Chunk& chunk = *run.chunk;
  const std::array<float, 256>& score = run.options[0].score;
  const std::array<bool, 256>& known = run.options[0].sure;
  bool all = true;
  for (uint32_t c = 0; c < segment_->code_count(); ++c) all &= score[c] >= 0 && (!sure || known[c]);
  if (all && chunk.probe != kAbsent) {
    out = segment_->probes[chunk.probe].bits;
    return;
  }
  out.fill(0);
  for (uint32_t i = chunk.begin; i < chunk.begin + chunk.size; ++i)
    if (score[segment_->codes[i]] >= 0 && (!sure || known[segment_->codes[i]]))
      out[segment_->lows[i] / 64] |= uint64_t{1} << (segment_->lows[i] % 64);
}

// Items that have all required clauses, enough clauses in all (counted in binary digits, a word at a time),
// and no excluded one. `sure`: what matches whatever the records say; else what may match.
void SegmentSearch::match_chunk(bool sure, Words& out) {
  const uint32_t minimum = std::max(1u, query_->plan->minimum_match);
  Words words;
  std::array<Words, 7> digits;
  const bool count = minimum > std::max(1u, required_);
  if (count)
    for (Words& digit : digits) digit.fill(0);
  out.fill(required_ > 0 || count ? ~uint64_t{0} : 0);
  for (Run* run : order_) {
    if (!count && required_ > 0 && !run->clause->required) continue;
    clause_words(*run, sure, words);
    for (uint32_t w = 0; w < kChunkWords; ++w) {
      if (run->clause->required) {
        out[w] &= words[w];
      } else if (required_ == 0 && !count) {
        out[w] |= words[w];
      }
      uint64_t carry = count ? words[w] : 0;
      for (size_t d = 0; d < digits.size() && carry != 0; ++d) {
        const uint64_t sum = digits[d][w] ^ carry;
        carry &= digits[d][w];
        digits[d][w] = sum;
      }
    }
  }
  if (count)
    for (uint32_t w = 0; w < kChunkWords; ++w) {  // digits >= minimum, from the highest digit down
      uint64_t above = 0, equal = ~uint64_t{0};
      for (size_t d = digits.size(); d-- > 0;) {
        if ((minimum >> d & 1) != 0) {
          equal &= digits[d][w];
        } else {
          above |= equal & digits[d][w];
          equal &= ~digits[d][w];
        }
      }
      out[w] &= above | equal;
    }
  for (Run* run : excluded_) {
    if (!run->present) continue;
    clause_words(*run, !sure, words);
    for (uint32_t w = 0; w < kChunkWords; ++w) out[w] &= ~words[w];
  }
}

void SegmentSearch::matches(const Query& query, const Segment& segment, bool check_life,
                            std::vector<uint64_t>& words) {
  if (!start(query, segment)) return;
  Words found, sure;
  for (uint32_t number = 0; number * kChunkItems < segment.items(); ++number) {
    if (!enter_chunk(number)) continue;
    match_chunk(false, found);
    if (doubtful_) match_chunk(true, sure);
    for (uint32_t w = 0; w < kChunkWords; ++w)
      for (uint64_t word = found[w]; word != 0; word &= word - 1) {
        const uint64_t bit = word & -word;
        const uint32_t item = number * kChunkItems + 64 * w + static_cast<uint32_t>(std::countr_zero(word));
        const uint32_t slot = segment.slots[item];
        if (check_life && !query.items->alive(slot, segment.versions[item])) continue;
        if (doubtful_ && (sure[w] & bit) == 0) {
          const Record* record = query.items->record(slot);
          if (record == nullptr || record->version != segment.versions[item] ||
              !record_matches(*query.plan, *record))
            continue;
        }
        words[slot / 64] |= uint64_t{1} << (slot % 64);
      }
  }
}

}  // namespace freshet::index
