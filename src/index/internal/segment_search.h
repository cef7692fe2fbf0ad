// Answers a compiled plan from one segment.
//
// top(): chunk by chunk, clause by clause (MAXSCORE: Turtle and Flood 1995; in blocks: Ding and Suel 2011). A
// clause drives: its postings are scanned for codes whose bound, with the best of all clauses still open,
// beats the worst hit so far; the items found are looked up in the other clauses, the bound shrinking at
// each. Words that may be said in several ways, and filters that leave little, are gathered instead: the
// items that may match are known as bits, what each clause gives them is added up, and those that can win are
// considered. Bounds are summed in the order of the clauses, as scores are: float addition is monotone, so no
// bound is ever below its score, and equal scores can be told from lower ones without a margin.
//
// Threads: one search object a thread at a time; it keeps its workspace.
#pragma once

#include <vector>

#include "base/slot_set.h"
#include "index/internal/best.h"
#include "index/internal/item_table.h"
#include "index/internal/record_scorer.h"
#include "index/internal/segment.h"

namespace freshet::index {

struct Query {
  const CompiledPlan* plan;
  const Scoring* scoring;
  const Statistics* statistics;
  const ItemTable* items;
  const SearchIndex::StopCheck* stop;
  const SlotSet* filter = nullptr;
  const SlotSet::Probe* allowed = nullptr;  // of the filter
  uint64_t filter_size = 0;

  bool stopped() const { return *stop && (*stop)(); }
};

class SegmentSearch {
 public:
  // `check_life`: some of the segment's items may have changed since it was built.
  void top(const Query& query, const Segment& segment, bool check_life, Best& best);
  // Sets the bits of the slots that match; `words` has room for every slot.
  void matches(const Query& query, const Segment& segment, bool check_life, std::vector<uint64_t>& words);

 private:
  using Words = std::array<uint64_t, kChunkWords>;
  // What is not known of a score without the record: it is a bound only; the words may begin a field, or be
  // all of one.
  static constexpr uint8_t kRough = 1, kBegins = 2, kWhole = 4, kAllFlags = 7, kThere = 8;
  struct Found {
    float score = -1;  // Negative: no match.
    uint8_t flags = 0;
  };
  struct Term {  // One term of an alternative, in this segment.
    const Segment::List* list = nullptr;
    uint32_t next = 0;             // The list's first chunk not before the current one.
    const Chunk* chunk = nullptr;  // The current one; nullptr: the term is not in it.
  };
  struct Option {  // An alternative.
    std::vector<Term> terms;
    std::array<float, 256> score;    // [code]; negative: no match
    std::array<float, 256> most;     // [code]: the best score of this code and those after it
    std::array<bool, 256> sure;      // [code]: a match, whatever the record says
    std::array<uint8_t, 256> flags;  // [code]
    bool all_match = false, all_sure = false;
    bool here = false;  // In the current chunk.
  };
  struct Codes {  // What each code stands for in some fields.
    uint32_t fields = ~0u;
    std::array<float, 256> saturated;
    std::array<bool, 256> found, sure;
    std::array<uint8_t, 256> flags;
    bool all_match = false, all_sure = false;
  };
  // What a clause gives the items gathered of a chunk, by their place among them; 0: nothing.
  struct Gathered {
    std::vector<float> best, sum;
    std::vector<uint8_t> flags;  // with kThere
  };
  struct Run {  // A clause.
    const CompiledClause* clause = nullptr;
    std::vector<Option> options;
    size_t used = 0;        // Of options, whose memory is kept.
    bool simple = false;    // One term: its postings are used as they lie.
    bool doubtful = false;  // Some of its postings are a match only if the record says so.
    size_t place = 0;       // in positive_
    uint64_t bit = 0;       // among the plan's positive clauses
    Gathered gathered;
    // In the current chunk:
    bool present = false;
    float bound = 0;               // of the clause's score
    uint32_t size = 0;             // items, at most
    const Chunk* chunk = nullptr;  // simple
    uint32_t level = 0;            // Items with a code below have been considered (256: all it has).
    float rest = 0;                // Upper bound of the clause's score in the others.
  };

  bool start(const Query& query, const Segment& segment);
  void start_clause(const CompiledClause& clause, Run& run);
  void read_codes(uint32_t fields);
  bool fill_scores(const CompiledClause& clause, const CompiledAlternative& alternative, Option& option);
  bool enter_chunk(uint32_t number);
  bool enter(Run& run, uint32_t number);
  Found look(const Run& run, uint32_t low) const;
  float phrase_score(const Option& option, uint32_t low, size_t but, float least) const;
  template <class Visit>
  void for_phrase(const Option& option, Visit&& visit) const;

  void search_chunk(uint32_t number, Best& best);
  bool open_filter(uint32_t number);
  bool worth_gathering() const;
  void gather_chunk(uint32_t number, Best& best);
  bool choose_items(uint32_t number, const Best& best);
  void keep_winners(uint32_t number, const Best& best);
  void gather(Run& run);
  template <class Put>
  void for_chosen(const Chunk& chunk, Put&& put) const;
  void bound_gathered();
  struct Waiting {  // An item gathered whose bound beats the worst hit.
    uint32_t place, low;
  };
  static constexpr uint32_t kTogether = 16;
  void fetch_records(std::span<const Waiting> some, uint32_t first) const;
  void consider_gathered(uint32_t place, uint32_t item, Best& best);
  bool is_allowed(uint32_t low) const { return !filtered_ || (allowed_[low / 64] >> (low % 64) & 1) != 0; }
  void open_all();
  bool split(uint32_t number, const Best& best, std::vector<uint32_t>& levels) const;
  void drive(Run& driver, uint32_t number, uint32_t level, Best& best);
  void drive_postings(Run& driver, uint32_t number, uint32_t level, Best& best);
  void consider(const Run* driver, Found with, uint32_t item, Best& best);
  void note(const Run& run, Found found);
  void reset_values();
  void judge(uint32_t item, uint32_t matched, Best& best);
  float bound() const { return bound(values_, there_, whole_, begins_); }
  float bound(const std::array<float, kClausesMax>& values, uint64_t there, bool whole, bool begins) const;
  bool beats(float bound, uint32_t slot, const Best& best) const {
    const Hit worst = best.worst();
    return bound > worst.score || (bound == worst.score && slot < worst.slot);
  }
  // The same; the slot, a look far away, is read only when scores are equal.
  bool item_beats(float bound, uint32_t item, const Best& best) const {
    const Hit worst = best.worst();
    return bound > worst.score || (bound == worst.score && segment_->slots[item] < worst.slot);
  }
  bool filter_drives(std::vector<uint32_t>& items) const;
  void search_filtered(const std::vector<uint32_t>& items, Best& best);
  void match_chunk(bool sure, Words& out);
  void clause_words(const Run& run, bool sure, Words& out) const;

  RecordScorer scorer_;
  const Query* query_ = nullptr;
  const Segment* segment_ = nullptr;
  bool check_life_ = false;
  bool doubtful_ = false;      // Some run is.
  std::vector<float> weight_;  // [code] under the plan: exact classes over all fields, or bounds
  Codes codes_;
  std::vector<Run> runs_;
  std::vector<Run*> positive_, excluded_;  // in plan order, those with postings here
  std::vector<Run*> order_;                // positive ones present in the chunk, in the order they drive
  std::vector<uint32_t> levels_;
  bool filtered_ = false;  // There is a filter: allowed_ holds what of the chunk it passes.
  uint32_t passing_ = 0;   // So many items of the chunk.
  Words allowed_;
  // Gathered of the chunk: the items, how many there are before each word of bits, their places in the chunk
  // when they are few, and what their scores cannot exceed.
  Words chosen_;
  std::array<uint32_t, kChunkWords + 1> before_;
  std::vector<uint16_t> chosen_lows_;
  std::vector<Words> clause_bits_;  // by place in order_
  std::vector<float> bounds_;
  std::array<float, kClausesMax> values_;  // [place in positive_]: score or bound of the item in hand
  uint64_t there_ = 0;                     // Bits of the clauses that may stand in it.
  bool rough_ = false, whole_ = true, begins_ = true;  // Of the item: see the flags.
  uint32_t required_ = 0;
};

// Sum of values, in the order scores are summed.
inline float SegmentSearch::bound(const std::array<float, kClausesMax>& values, uint64_t there, bool whole,
                                  bool begins) const {
  float sum = 0;
  for (size_t i = 0; i < positive_.size(); ++i) sum += values[i];
  if (!(query_->plan->bonus_max > 0)) return sum;
  const float bonus = query_->plan->bonus_of(there, whole, begins);
  return bonus > 0 ? (sum + bonus) * 1.000001f : sum;
}

// What each clause may give an item that has not been considered.
inline void SegmentSearch::reset_values() {
  rough_ = false;
  whole_ = begins_ = true;
  there_ = 0;
  for (size_t i = 0; i < positive_.size(); ++i) {
    const Run& run = *positive_[i];
    const bool open = run.present && run.level < (run.simple ? segment_->code_count() : 1);
    values_[i] = open ? run.rest : 0;
    there_ |= open ? run.bit : 0;
  }
}

// Of the item in hand: what the clause was found to give it.
inline void SegmentSearch::note(const Run& run, Found found) {
  values_[run.place] = std::max(found.score, 0.0f);
  if (found.score < 0) {
    there_ &= ~run.bit;
    return;
  }
  there_ |= run.bit;
  rough_ |= (found.flags & kRough) != 0;
  whole_ &= (found.flags & kWhole) != 0;
  if (run.bit == 1)
    begins_ = (found.flags & kBegins) != 0;  // The words begin where the first of them stands.
}

// Calls visit(low, score or bound) for the items of the chunk that may have the phrase.
template <class Visit>
void SegmentSearch::for_phrase(const Option& option, Visit&& visit) const {
  size_t rarest = 0;
  for (size_t t = 1; t < option.terms.size(); ++t)
    if (option.terms[t].chunk->size < option.terms[rarest].chunk->size) rarest = t;
  const Chunk& from = *option.terms[rarest].chunk;
  for (uint32_t i = 0; i < from.size; ++i) {
    const uint32_t low = segment_->lows[from.begin + i];
    if (!is_allowed(low)) continue;
    const float score = phrase_score(option, low, rarest, option.score[segment_->codes[from.begin + i]]);
    if (score >= 0) visit(low, score);
  }
}

}  // namespace freshet::index
