// All matches of a segment.
#include <algorithm>
#include <bit>

#include "index/internal/segment_search.h"

namespace freshet::index {

// The items of the chunk in which the clause stands. `sure`: only those that need no look at the record; else
// those in which it may stand.
void SegmentSearch::clause_words(const Run& run, bool sure, Words& out) const {
  sure = sure && run.doubtful;
  out.fill(0);
  const auto put = [&](uint32_t low) { out[low / 64] |= uint64_t{1} << (low % 64); };
  for (size_t o = 0; o < run.used; ++o) {
    const Option& option = run.options[o];
    if (!option.here) continue;
    if (option.terms.size() > 1) {
      if (!sure) for_phrase(option, [&](uint32_t low, float) { put(low); });
      continue;
    }
    const Chunk& chunk = *option.terms[0].chunk;
    if (chunk.probe != kAbsent && (sure ? option.all_sure : option.all_match)) {
      const auto& bits = segment_->probes[chunk.probe].bits;
      for (uint32_t w = 0; w < kChunkWords; ++w) out[w] |= bits[w];
      continue;
    }
    for (uint32_t i = chunk.begin; i < chunk.begin + chunk.size; ++i) {
      const uint8_t code = segment_->codes[i];
      if (option.score[code] >= 0 && (!sure || option.sure[code])) put(segment_->lows[i]);
    }
  }
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
    if (query.stopped()) return;
    if (!enter_chunk(number)) continue;
    match_chunk(false, found);
    if (doubtful_) match_chunk(true, sure);
    const uint32_t first = number * kChunkItems;
    const uint32_t last = std::min(segment.items(), first + kChunkItems) - 1;
    const uint32_t base = segment.slots[first];
    if (!check_life && base % 64 == 0 && segment.slots[last] - base == last - first) {
      // Items lie as their slots do: those that need no look at the record are taken 64 at a time.
      for (uint32_t w = 0; w <= (last - first) / 64; ++w) {
        const uint64_t taken = doubtful_ ? found[w] & sure[w] : found[w];
        words[base / 64 + w] |= taken;
        found[w] &= ~taken;
      }
      if (!doubtful_) continue;
    }
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
