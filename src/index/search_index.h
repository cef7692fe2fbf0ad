// The inverted index over the catalogue's slots: text in, ranked slots out.
//
// The truth is one immutable record an item (terms, frequencies and positions by field). From the records the
// index keeps two things to search in: a mutable head with the newest items, and immutable segments with
// compressed postings ordered by impact code, built from records by a worker thread. What a query returns
// depends on the records alone, never on what has been merged: statistics are kept exactly as items come and
// go, and every score is computed from them at the moment of the query.
//
// Threads: update() and remove() on the fold thread; everything const on any thread under an EpochGuard,
// without waiting. An update is seen by every query that begins after it returns. Names held in results
// (views of terms) live as long as the index. Cost: update() a few microseconds; top() tens of microseconds
// for plain queries over a million items; about 150 bytes an item of 8 words.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/slot_set.h"
#include "index/query_plan.h"

namespace freshet {

// One term of a field. Terms at one position are alternatives of one another; a field's length is the number
// of different positions. Any order.
struct IndexToken {
  std::string_view term;  // 1 to kTermBytesMax bytes.
  uint32_t position = 0;  // Below kPositionsMax.
};

struct FieldText {
  uint32_t field = 0;  // Below kSearchFields; each at most once.
  std::span<const IndexToken> tokens;
};

inline constexpr uint32_t kTermBytesMax = 255;
inline constexpr uint32_t kPositionsMax = 1u << 20;
inline constexpr uint32_t kItemTokensMax = 65'535;  // of one item, all fields

struct Hit {
  uint32_t slot = 0;
  float score = 0;
  bool operator==(const Hit&) const = default;
};

inline constexpr uint8_t kFarEdits = 3;  // More than are counted.
struct TermInfo {
  std::string_view term;
  uint32_t df = 0;  // Items alive that have the term in any field; never 0.
  uint8_t edits = 0;
  bool first_letter = false;  // An edit touches the first letter.
};

// One part of a score; the parts add up to the hit's score in the order given (float addition).
struct ScorePart {
  enum class What : uint8_t { kClause, kProximity, kExact, kBegins };
  What what = What::kClause;
  uint32_t clause = 0;       // of kClause; of kProximity the first of the two
  uint32_t alternative = 0;  // of kClause: the best one
  uint32_t fields = 0;       // of kClause: bit f: the best alternative stands in field f
  float score = 0;
};

struct SearchIndexConfig {
  uint32_t head_items = 2048;       // A head of so many items becomes a segment.
  uint32_t terms_max = 16'000'000;  // Later terms are not indexed (and counted).
  bool background = true;           // false: segments are built inside update(), at once (tests, replays).
  Scoring scoring;                  // As set_scoring().
  // Called once on the thread that builds segments, before it does: nobody waits for that one.
  std::function<void()> worker_begins = {};
};

struct SearchIndexStats {
  uint64_t items = 0, terms = 0, terms_refused = 0;
  uint64_t segments = 0, head_items = 0, merges = 0;
  // Bytes by part.
  uint64_t records = 0, postings = 0, probes = 0, dictionary = 0, slots = 0, head = 0;
  uint64_t bytes() const { return records + postings + probes + dictionary + slots + head; }
};

class SearchIndex {
 public:
  explicit SearchIndex(const SearchIndexConfig& config = {});
  ~SearchIndex();
  SearchIndex(const SearchIndex&) = delete;
  SearchIndex& operator=(const SearchIndex&) = delete;

  // Fold thread. The item's text is now this. kInvalid names field and token of what is beyond the limits
  // above; then nothing has changed.
  Status update(uint32_t slot, std::span<const FieldText> fields);
  // Fold thread. The item's text is now: the fields given as given, the other fields as they were.
  Status update_fields(uint32_t slot, std::span<const FieldText> fields);
  // Fold thread. What segments built from now on order their postings by; a plan may ask for any other, but
  // one that asks for this is answered fastest. No answer depends on it.
  void set_scoring(const Scoring& scoring);
  void remove(uint32_t slot);  // Fold thread. Nothing happens when the slot is not indexed.
  void merge_all();            // Fold thread. Waits until everything is in one segment (tests, benchmarks).
  void settle();               // Fold thread. Waits until the worker has nothing to do.

  // Any thread, under an EpochGuard from here on.

  // What is wrong with a plan: kInvalid, or Ok. The functions below ask for a plan that is right.
  static Status check(const QueryPlan& plan);

  // Asked now and then (every 65,536 items at least) while an answer is made; when it says true, the answer
  // is what there is of it so far.
  using StopCheck = std::function<bool()>;

  // The best `k` matches, best first; ties: smaller slot first. `filter`: only these slots (nullptr: all).
  void top(const QueryPlan& plan, const SlotSet* filter, uint32_t k, std::vector<Hit>& out,
           const StopCheck& stop = {}) const;
  // The slow obvious twin of top(): every item's record, one by one.
  void top_exhaustive(const QueryPlan& plan, const SlotSet* filter, uint32_t k, std::vector<Hit>& out) const;

  SlotSet matches(const QueryPlan& plan, const StopCheck& stop = {}) const;  // All items that match.
  bool contains(uint32_t slot) const;                                        // Is the slot indexed?
  SlotSet slots() const;                                                     // All slots indexed.

  // Score of one item, whether it matches or not (parts empty: no clause does). Slots not indexed score 0.
  float score(const QueryPlan& plan, uint32_t slot) const;
  // The scores of many items that match, the plan compiled once: as score(), 0 for items that do not match.
  // The plan must outlive the function, which lives as long as the guard and belongs to one thread.
  std::function<float(uint32_t slot)> scorer(const QueryPlan& plan) const;
  float explain(const QueryPlan& plan, uint32_t slot, std::vector<ScorePart>& parts) const;

  // The dictionary. Views live as long as the index.
  uint32_t df(std::string_view term) const;  // 0: no item has it
  // Terms that begin with `prefix`, the most frequent first (ties: smaller term), at most `limit`.
  void prefix(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const;
  // Terms within `edits` (0 to 2) edits: insertion, deletion, substitution, transposition of neighbours
  // (optimal string alignment), counted in code points. An edit of the first letter is looked for only when
  // the rest is equal (such edits are rare: Yannakoudakis and Fawthrop 1983). Fewest edits first, then the
  // most frequent.
  void fuzzy(std::string_view term, uint32_t edits, uint32_t limit, std::vector<TermInfo>& out) const;
  // Terms with some prefix within `edits` edits of `prefix`; the first letter is right. Same order.
  void fuzzy_prefix(std::string_view prefix, uint32_t edits, uint32_t limit,
                    std::vector<TermInfo>& out) const;
  // Terms of nearly its length that share at least 2/5 of their trigrams with `term` (5 to 40 letters), the
  // most alike first; their `edits` is kFarEdits. Looks at 200,000 terms, the first that came: for words
  // that no item has and nothing is near to.
  void similar(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const;

  uint32_t items() const;
  double mean_length(uint32_t field) const;  // Of the items that have the field; 0: none
  SearchIndexStats stats() const;            // Fold thread.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet
