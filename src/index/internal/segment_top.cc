// The best of a segment.
#include <algorithm>
#include <bit>

#include "index/internal/segment_search.h"

namespace freshet::index {
namespace {

// A bound for each code costs as much as looking at so many postings.
constexpr uint32_t kFewPostings = 128;

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

void SegmentSearch::top(const Query& query, const Segment& segment, bool check_life, Best& best) {
  if (!start(query, segment)) return;
  check_life_ = check_life;
  scorer_.start(*query.plan);
  if (std::vector<uint32_t> items; query.filter != nullptr && filter_drives(items)) {
    search_filtered(items, best);
    return;
  }
  filtered_ = query.filter != nullptr;
  const uint32_t chunks = (segment.items() + kChunkItems - 1) / kChunkItems;
  for (uint32_t number = 0; number < chunks && !query.stopped(); ++number)
    if ((!filtered_ || open_filter(number)) && enter_chunk(number)) search_chunk(number, best);
  filtered_ = false;
}

// What of the chunk the filter passes, by item; false: nothing. Where no slot is missing between two of the
// chunk, items lie as slots do; else each slot's item is found from the one before it.
bool SegmentSearch::open_filter(uint32_t number) {
  const auto& slots = segment_->slots;
  const uint32_t begin = number * kChunkItems, end = std::min(segment_->items(), begin + kChunkItems);
  const uint32_t first = slots[begin], last = slots[end - 1];
  const bool dense = last - first == end - 1 - begin;
  allowed_.fill(0);
  passing_ = 0;
  uint32_t at = begin;  // The item of no slot passed is before it.
  const auto put = [&](uint32_t slot) {
    if (slot < first || slot > last) return;
    if (!dense) {  // Slots ascend, so the item is at most as far as the slot is.
      uint32_t low = at, high = std::min(end - 1, at + (slot - slots[at]));
      for (uint32_t step = 1; high > low && slots[high] > slot; step *= 2) {
        const uint32_t back = high - low > step ? high - step : low;
        if (slots[back] <= slot) {
          low = back;
          break;
        }
        high = back;
      }
      at = static_cast<uint32_t>(std::upper_bound(slots.begin() + low, slots.begin() + high + 1, slot) -
                                 slots.begin() - 1);
      if (slots[at] != slot) return;
    }
    const uint32_t item = dense ? slot - first : at - begin;
    allowed_[item / 64] |= uint64_t{1} << (item % 64);
    ++passing_;
  };
  for (size_t i = 0; i < query_->filter->chunks(); ++i) {
    const SlotSet::Chunk chunk = query_->filter->chunk(i);
    if (chunk.number < first / SlotSet::kChunkSlots) continue;
    if (chunk.number > last / SlotSet::kChunkSlots) break;
    if (dense && chunk.words != nullptr && first == chunk.number * SlotSet::kChunkSlots &&
        end - begin == kChunkItems) {
      std::copy(chunk.words, chunk.words + kChunkWords, allowed_.begin());
      passing_ += chunk.size;
      continue;
    }
    SlotSet::for_each(chunk, put);
  }
  return passing_ > 0;
}

void SegmentSearch::search_chunk(uint32_t number, Best& best) {
  open_all();
  reset_values();
  if (!beats(bound(), segment_->slots[number * kChunkItems], best)) return;
  if (worth_gathering()) return gather_chunk(number, best);
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

void SegmentSearch::open_all() {
  for (Run* run : order_) {
    run->level = 0;
    run->rest = run->bound;
  }
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
  while (beats(bound(values, open(), true, true), slot, best)) {
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

// Considers the items in which the clause's code is below `level`.
void SegmentSearch::drive(Run& driver, uint32_t number, uint32_t level, Best& best) {
  reset_values();
  if (!beats(bound(), segment_->slots[number * kChunkItems], best)) return;
  drive_postings(driver, number, std::min(level, segment_->code_count()), best);
  driver.level = level;
  driver.rest = level < segment_->code_count() ? std::max(driver.options[0].most[level], 0.0f) : 0;
}

void SegmentSearch::drive_postings(Run& driver, uint32_t number, uint32_t level, Best& best) {
  const Chunk& chunk = *driver.chunk;
  const std::array<float, 256>& score = driver.options[0].score;
  const uint32_t base = number * kChunkItems;
  const uint8_t* codes = segment_->codes.data() + chunk.begin;
  const uint16_t* lows = segment_->lows.data() + chunk.begin;
  if (chunk.size < kFewPostings) {
    for (uint32_t i = 0; i < chunk.size; ++i)
      if (codes[i] < level && score[codes[i]] >= 0 && is_allowed(lows[i]))
        consider(&driver, {score[codes[i]], driver.options[0].flags[codes[i]]}, base + lows[i], best);
    return;
  }
  std::array<float, 256> bounds;
  for (uint32_t c = 0; c < level; ++c) {
    reset_values();
    note(driver, {std::max(score[c], 0.0f), driver.options[0].flags[c]});
    bounds[c] = score[c] < 0 ? -1 : bound();
  }
  // Codes from `cutoff` on cannot win any more, whatever else the item has.
  uint32_t cutoff = level;
  const auto tighten = [&](uint32_t slot) {
    while (cutoff > 0 && (bounds[cutoff - 1] < 0 || !beats(bounds[cutoff - 1], slot, best))) --cutoff;
  };
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
      if (codes[i] >= cutoff || score[codes[i]] < 0 || !is_allowed(lows[i])) continue;
      const uint32_t item = base + lows[i];
      const Hit worst = best.worst();
      consider(&driver, {score[codes[i]], driver.options[0].flags[codes[i]]}, item, best);
      if (best.worst().slot != worst.slot || best.worst().score != worst.score)
        tighten(segment_->slots[item]);
    }
  }
}

inline void SegmentSearch::consider(const Run* driver, Found with, uint32_t item, Best& best) {
  const uint32_t low = item % kChunkItems;
  uint32_t matched = 0;
  reset_values();
  if (driver != nullptr) {
    note(*driver, with);
    ++matched;
    if (!item_beats(bound(), item, best)) return;
  }
  for (const Run* run : order_) {
    if (run == driver) continue;
    Found found;
    if (run->simple) {
      if (const uint32_t at = segment_->look_up(*run->chunk, low); at != kAbsent) {
        const uint8_t code = segment_->codes[run->chunk->begin + at];
        found = {run->options[0].score[code], run->options[0].flags[code]};
        if (found.score >= 0 && code < run->level) return;  // As a driver it has considered the item.
      }
    } else {
      found = look(*run, low);
      if (found.score >= 0 && run->level > 0) return;
    }
    if (found.score < 0 && run->clause->required) return;
    note(*run, found);
    matched += found.score >= 0 ? 1 : 0;
    if (!item_beats(bound(), item, best)) return;
  }
  judge(item, matched, best);
}

// All clauses have been looked at, values_ are their scores (or bounds).
void SegmentSearch::judge(uint32_t item, uint32_t matched, Best& best) {
  const CompiledPlan& plan = *query_->plan;
  if (matched < std::max(1u, plan.minimum_match)) return;
  for (const Run* run : excluded_)
    if (run->present && look(*run, item % kChunkItems).score >= 0) {
      if (!run->doubtful) return;
      rough_ = true;
    }
  const uint32_t slot = segment_->slots[item];
  if (check_life_ && !query_->items->alive(slot, segment_->versions[item])) return;
  if (!rough_ && !(plan.bonus_of(there_, whole_, begins_) > 0)) {
    best.add({slot, bound()});
    return;
  }
  const Record* record = query_->items->record(slot);
  if (record == nullptr || record->version != segment_->versions[item]) return;
  float score = 0;
  if (scorer_.score(*record, score)) best.add({slot, score});
}

// ---- selective filters

// When the filter leaves few items, they are looked up one by one.
bool SegmentSearch::filter_drives(std::vector<uint32_t>& items) const {
  uint64_t postings = 0;
  uint64_t look_ups = 0;  // of one item
  for (const Run* run : positive_) {
    uint64_t size = 0;
    for (size_t o = 0; o < run->used; ++o) {
      const Segment::List* list = run->options[o].terms[0].list;
      for (uint32_t c = list->begin; c < list->end; ++c) size += segment_->chunks[c].size;
      look_ups += run->options[o].terms.size();
    }
    postings = required_ == 0 ? postings + size : postings == 0 ? size : std::min(postings, size);
  }
  if (query_->filter_size * std::max<uint64_t>(16, 8 * look_ups) > postings) return false;
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
      if (query_->stopped()) return;
      number = item / kChunkItems;
      open = enter_chunk(number);
      open_all();
    }
    if (open) consider(nullptr, {}, item, best);
  }
}

}  // namespace freshet::index
