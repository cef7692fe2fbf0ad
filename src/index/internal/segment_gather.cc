// The best of a chunk by adding up: term after term over the items that may match, which are known before.
//
// The items are numbered as they lie, so that what a clause gives them fits the nearest cache however many
// items the chunk has. A list with bits meets the items 64 at a time. Sums are taken clause by clause in plan
// order and alternative by alternative, as scores are; the bonus that the clauses found allow is added, and
// only items whose bound beats the worst hit are considered one by one.
#include <algorithm>
#include <bit>

#include "index/internal/segment_search.h"

namespace freshet::index {
namespace {

constexpr uint32_t kFewItems = 400;    // Then each is looked up in the bits of a list.
constexpr uint32_t kManyItems = 1024;  // From so many on it is worth the bits of all lists to drop some.
constexpr float kMargin = 1.00001f;    // Far above what rounding makes of the order of a sum.

uint64_t below(uint64_t bit) {
  return bit - 1;
}

}  // namespace

bool SegmentSearch::worth_gathering() const {
  uint64_t postings = 0;
  for (const Run* run : order_) {
    if (!run->simple) return true;
    if (required_ == 0) {
      postings += run->size;
    } else if (run->clause->required) {
      postings = postings == 0 ? run->size : std::min<uint64_t>(postings, run->size);
    }
  }
  return filtered_ && uint64_t{8} * passing_ < postings;
}

void SegmentSearch::gather_chunk(uint32_t number, Best& best) {
  if (!choose_items(number, best)) return;
  for (Run* run : order_) gather(*run);
  bound_gathered();
  const uint32_t* const slots = segment_->slots.data() + number * kChunkItems;
  uint32_t w = 0, waiting = 0;
  std::array<Waiting, kTogether> some;
  const auto may_win = [&](uint32_t place, uint32_t least_slot) {
    const Hit worst = best.worst();
    return bounds_[place] > worst.score || (bounds_[place] == worst.score && least_slot <= worst.slot);
  };
  const auto consider_them = [&] {
    fetch_records({some.data(), waiting}, number * kChunkItems);
    for (const Waiting one : std::span(some).first(waiting))
      if (may_win(one.place, slots[one.low]))
        consider_gathered(one.place, number * kChunkItems + one.low, best);
    waiting = 0;
  };
  uint32_t least = slots[0];  // No item to come has a smaller slot: among equals a smaller one stays.
  for (uint32_t place = 0; place < bounds_.size(); ++place) {
    if (!may_win(place, least)) continue;
    while (before_[w + 1] <= place) ++w;
    uint64_t word = chosen_[w];
    for (uint32_t skip = place - before_[w]; skip > 0; --skip) word &= word - 1;
    const uint32_t low = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
    some[waiting++] = {place, low};
    least = slots[low] + 1;
    if (waiting == kTogether) consider_them();
  }
  consider_them();
}

// Asks for what judging them reads, all at once: each look is far away from the last.
void SegmentSearch::fetch_records(std::span<const Waiting> some, uint32_t first) const {
  for (const Waiting one : some) query_->items->fetch(segment_->slots[first + one.low]);
  for (const Waiting one : some)
    if (const Record* record = query_->items->record(segment_->slots[first + one.low]))
      for (size_t at = 0; at < 192; at += 64) __builtin_prefetch(reinterpret_cast<const char*>(record) + at);
}

// False: there are none.
bool SegmentSearch::choose_items(uint32_t number, const Best& best) {
  if (filtered_) {
    chosen_ = allowed_;
  } else {
    match_chunk(false, chosen_);
  }
  keep_winners(number, best);
  uint32_t count = 0;
  for (uint32_t w = 0; w < kChunkWords; ++w) {
    before_[w] = count;
    count += static_cast<uint32_t>(std::popcount(chosen_[w]));
  }
  before_[kChunkWords] = count;
  bounds_.assign(count, 0);
  chosen_lows_.clear();
  for (uint32_t w = 0; w < kChunkWords && count < kFewItems; ++w)
    for (uint64_t word = chosen_[w]; word != 0; word &= word - 1)
      chosen_lows_.push_back(static_cast<uint16_t>(64 * w + static_cast<uint32_t>(std::countr_zero(word))));
  return count > 0;
}

// Of the items chosen, those in which enough clauses stand to beat the worst hit: which clauses are enough
// together is known from the most that each gives in this chunk, and where they stand from the bits of their
// lists. (All subsets of few clauses are tried; what more clauses give is never less.)
void SegmentSearch::keep_winners(uint32_t number, const Best& best) {
  constexpr size_t kClauses = 6;
  const size_t n = order_.size();
  if (!best.full() || n < 2 || n > kClauses || (filtered_ && passing_ < kManyItems)) return;
  const uint32_t slot = segment_->slots[number * kChunkItems];
  uint64_t wins = 0, least = 0;  // Bit s: the clauses of subset s are enough; and none can be spared.
  for (uint64_t subset = 1; subset < uint64_t{1} << n; ++subset) {
    std::array<float, kClausesMax> values{};
    uint64_t there = 0;
    bool spare = false;
    for (size_t r = 0; r < n; ++r) {
      if ((subset >> r & 1) == 0) continue;
      values[order_[r]->place] = order_[r]->bound;
      there |= order_[r]->bit;
      spare |= (wins >> (subset & ~(uint64_t{1} << r)) & 1) != 0;
    }
    if (!spare && !beats(bound(values, there, true, true) * kMargin, slot, best)) continue;
    wins |= uint64_t{1} << subset;
    if (!spare) least |= uint64_t{1} << subset;
  }
  uint64_t alone = 0;  // Clauses that are enough by themselves.
  for (size_t r = 0; r < n; ++r) alone |= least >> (uint64_t{1} << r) & 1 ? uint64_t{1} << r : 0;
  if (alone == (uint64_t{1} << n) - 1) return;
  clause_bits_.resize(std::max(clause_bits_.size(), n));
  for (size_t r = 0; r < n; ++r) clause_words(*order_[r], false, clause_bits_[r]);
  for (uint32_t w = 0; w < kChunkWords; ++w) {
    if (chosen_[w] == 0) continue;
    uint64_t some = 0;
    for (uint64_t sets = least; sets != 0; sets &= sets - 1) {
      uint64_t all = ~uint64_t{0};
      for (auto set = static_cast<uint64_t>(std::countr_zero(sets)); set != 0; set &= set - 1)
        all &= clause_bits_[static_cast<size_t>(std::countr_zero(set))][w];
      some |= all;
    }
    chosen_[w] &= some;
  }
}

// Calls put(place of the item, index of the posting in the chunk) for the items chosen that the list has.
template <class Put>
void SegmentSearch::for_chosen(const Chunk& chunk, Put&& put) const {
  if (chunk.probe == kAbsent) {
    const uint16_t* lows = segment_->lows.data() + chunk.begin;
    for (uint32_t i = 0; i < chunk.size; ++i) {
      const uint64_t word = chosen_[lows[i] / 64], bit = uint64_t{1} << (lows[i] % 64);
      if ((word & bit) != 0)
        put(before_[lows[i] / 64] + static_cast<uint32_t>(std::popcount(word & below(bit))), i);
    }
    return;
  }
  const Segment::Probe& probe = segment_->probes[chunk.probe];
  const auto meet = [&](uint32_t w, uint64_t bit) {
    return probe.rank[w] + static_cast<uint32_t>(std::popcount(probe.bits[w] & below(bit)));
  };
  if (!chosen_lows_.empty()) {
    for (uint32_t place = 0; place < chosen_lows_.size(); ++place) {
      const uint32_t low = chosen_lows_[place];
      const uint64_t bit = uint64_t{1} << (low % 64);
      if ((probe.bits[low / 64] & bit) != 0) put(place, meet(low / 64, bit));
    }
    return;
  }
  for (uint32_t w = 0; w < kChunkWords; ++w)
    for (uint64_t both = probe.bits[w] & chosen_[w]; both != 0; both &= both - 1) {
      const uint64_t bit = both & -both;
      put(before_[w] + static_cast<uint32_t>(std::popcount(chosen_[w] & below(bit))), meet(w, bit));
    }
}

// What a clause gives the items chosen.
void SegmentSearch::gather(Run& run) {
  const size_t count = bounds_.size();
  Gathered& into = run.gathered;
  into.best.assign(count, 0);
  into.sum.assign(count, 0);
  into.flags.assign(count, 0);
  const auto put = [&](uint32_t place, float score, uint8_t flags) {
    into.best[place] = std::max(into.best[place], score);
    into.sum[place] += score;
    into.flags[place] |= flags;
  };
  for (size_t o = 0; o < run.used; ++o) {
    const Option& option = run.options[o];
    if (!option.here) continue;
    if (option.terms.size() > 1) {
      for_phrase(option, [&](uint32_t low, float score) {
        const uint64_t word = chosen_[low / 64], bit = uint64_t{1} << (low % 64);
        if ((word & bit) == 0) return;
        put(before_[low / 64] + static_cast<uint32_t>(std::popcount(word & below(bit))), score,
            kAllFlags | kThere);
      });
      continue;
    }
    const Chunk& chunk = *option.terms[0].chunk;
    const uint8_t* codes = segment_->codes.data() + chunk.begin;
    for_chosen(chunk, [&](uint32_t place, uint32_t i) {
      const uint8_t code = codes[i];
      if (option.score[code] >= 0) put(place, option.score[code], option.flags[code] | kThere);
    });
  }
  if (run.simple || run.clause->combine != Combine::kSaturatingSum) return;
  for (size_t i = 0; i < count; ++i) into.best[i] = saturating_sum(*run.clause, into.best[i], into.sum[i]);
}

// bounds_: the sums of the clauses and the most that may be added to them.
void SegmentSearch::bound_gathered() {
  const CompiledPlan& plan = *query_->plan;
  const size_t count = bounds_.size();
  uint64_t present = 0;
  for (const Run* run : positive_) {
    if (!run->present) continue;
    present |= run->bit;
    for (size_t i = 0; i < count; ++i) bounds_[i] += run->gathered.best[i];
  }
  if (!(plan.bonus_max > 0)) return;
  // Added one after the other, not as plan.bonus_of() does: hence the margin.
  const Run* last = nullptr;
  for (const Run* run : positive_) {
    if (!run->present) continue;
    if (last != nullptr && last->bit << 1 == run->bit) {
      const float bonus = plan.pair_bonus[static_cast<size_t>(std::countr_zero(last->bit))];
      for (size_t i = 0; i < count; ++i)
        if ((last->gathered.flags[i] & run->gathered.flags[i] & kThere) != 0)
          bounds_[i] = (bounds_[i] + bonus) * kMargin;
    }
    last = run;
  }
  const uint64_t all = plan.positive < 64 ? (uint64_t{1} << plan.positive) - 1 : ~uint64_t{0};
  if (present != all) return;
  const uint8_t* const first = positive_.front()->gathered.flags.data();
  for (size_t i = 0; i < count; ++i) {
    uint8_t every = kThere | kWhole;
    for (const Run* run : positive_) every &= run->gathered.flags[i];
    if ((every & kThere) == 0) continue;
    const float bonus =
        std::max((every & kWhole) != 0 ? plan.exact : 0, (first[i] & kBegins) != 0 ? plan.begins : 0);
    if (bonus > 0) bounds_[i] = (bounds_[i] + bonus * plan.idf_sum) * kMargin;
  }
}

void SegmentSearch::consider_gathered(uint32_t place, uint32_t item, Best& best) {
  uint32_t matched = 0;
  reset_values();
  for (const Run* run : order_) {
    const uint8_t flags = run->gathered.flags[place];
    const bool there = (flags & kThere) != 0;
    if (!there && run->clause->required) return;
    note(*run, {there ? run->gathered.best[place] : -1, static_cast<uint8_t>(flags & kAllFlags)});
    matched += there ? 1 : 0;
  }
  if (matched > 0 && item_beats(bound(), item, best)) judge(item, matched, best);
}

}  // namespace freshet::index
