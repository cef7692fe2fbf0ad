// What the steps of one search hand to one another. One request, one thread, under one EpochGuard.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/slot_set.h"
#include "clicks/click_model.h"
#include "column/facets.h"
#include "column/filter.h"
#include "column/sort.h"
#include "query/query_parser.h"
#include "rank/ranker.h"
#include "search/internal/closeness.h"
#include "search/search.h"
#include "search/search_state.h"
#include "suggest/intent.h"
#include "suggest/suggestions.h"
#include "vector/item_vectors.h"

namespace freshet::search_internal {

struct Candidate {
  ItemSlot slot = kNoItem;
  float lexical = 0;    // What the index says; 0: found by its vector only.
  double semantic = 0;  // The vectors' part of the score,
  double spelling = 0;  // that of the title's spelling (spelling.h),
  double intent = 0;    // that of category and brand,
  double clicks = 0;    // that of what clicks have taught, and
  double trial = 0;     // what is tried out (learned.cc),
  double ranker = 0;    // what the ranker says beyond them (ranker_step.cc),
  double score = 0;     // and all of them.
  Closeness::Parts wording;
  MatchFeatures match{};  // Rounded; of the first kClickWindow by score without clicks.
  bool has_match = false;
  float base = kNoBase;  // What the ranker starts from, against the best by words.
  static constexpr float kNoBase = std::numeric_limits<float>::quiet_NaN();
  std::array<float, kRankParts> ranker_parts{};
  float propensity = 1;
  uint32_t group_size = 0;  // Of the group it stands for,
  uint64_t group = 0;       // and its key.
  double distance_m = kNoNumber;
  std::vector<ItemSlot> variants;  // The rest of its group that is shown.
};

struct SearchContext {
  const SearchRequest& request;
  const SettingsBook& book;
  const SearchSettings& settings;
  const Catalog& catalog;
  const SearchState& state;
  const ItemVectors* vectors;      // nullptr: none
  const Intent* intent;            // nullptr: none
  const Suggestions* suggestions;  // nullptr: none
  const ClickModel* clicks;        // nullptr: none
  const Ranker* ranker;            // nullptr: none
  const Profiles* profiles;        // Of whom the ranker is asked.
  const SearchState::Generation& generation;
  const TimeMs now_ms;
  const uint64_t deadline_ns;  // Of the monotonic clock.
  SearchAnswer& answer;

  // understand
  bool words = false;  // There is something to look for; else everything is browsed.
  ParsedQuery query;
  std::vector<SoughtWord> sought;  // What to mark in texts: of the whole query, relaxed or not.
  // filter
  Filter conditions;  // All but what was chosen of facets,
  std::vector<FacetChoice> choices;
  std::optional<SlotSet> allowed;  // Of all items, when somebody asked: see allowed().
  SlotSet found;                   // All that match words and filter, but for what was chosen of facets;
  SlotSet matched;                 // All that match words and filter.
  Filter only, without;            // Of the request,
  std::optional<SlotSet> part;     // and what they leave; none: everything. See listed().
  std::vector<size_t> steps;       // Ends in the pool: an item stands within its step.
  std::vector<Candidate> pool;     // The best of them; ordered by rank().
  ItemSlot by_id = kNoItem;        // The item whose id is the query.
  // rank
  double lexical_scale = 1;  // What a point of the index is worth in the score.
  float best_lexical = 0;
  double popularity_scale = 0;
  size_t ranked = 0;  // So many of the pool are in the order of their scores; 0: it has another order.
  std::vector<FacetChance> categories, brands;  // What the query is likely to be after.

  bool out_of_time();  // The budget has ended; the answer says so from then on.
};

Status understand(SearchContext& c);
Status filter(SearchContext& c);
// Takes from c.found what the conditions do not pass, and puts into c.matched what passes the choices too.
void narrow(SearchContext& c);
// Adds to both what passes, of items that were found otherwise than by words.
void join(SearchContext& c, SlotSet items);
// Of c.matched, what the request wants in order.
void take_part(SearchContext& c);
inline const SlotSet& listed(const SearchContext& c) {
  return c.part ? *c.part : c.matched;
}
// Every item that passes conditions and choices, found or not; nullptr: there are none.
const SlotSet* allowed(SearchContext& c);
Status retrieve(SearchContext& c);
void rank(SearchContext& c);
double popularity_part(const SearchContext& c, ItemSlot slot);
bool stands_before(const SearchContext& c, const Candidate& one, const Candidate& other);
// Only so many of the best without clicks may change places, whatever clicks say.
constexpr size_t kClickWindow = 100;
uint64_t coins_of_search(const SearchContext& c);  // Of draws that all pages share; 0: none.
bool learns_clicks(const SearchContext& c);        // Is the order of this page the search's own?
void put_match(const SearchContext& c, Candidate& one, size_t place, double top);
void learned(SearchContext& c);
bool asks_ranker(const SearchContext& c);  // May the ranker change the order of this page?
void ask_ranker(SearchContext& c);
void exchange_places(SearchContext& c);
double spelling_scale(const SearchContext& c);  // The most that spelling adds to any item.
Status count_facets(SearchContext& c);
Status arrange(SearchContext& c);
void present(SearchContext& c);
// Asks less of the words, by the strategy, until something is found.
Status relax(SearchContext& c);

// The parts of a candidate's score, in whole multiples of 2^-20, so that they add up exactly in any order.
std::vector<HitPart> parts_of(const SearchContext& c, const Candidate& candidate);
void ranker_parts(const Candidate& candidate, std::vector<HitPart>& out);
std::string clause_detail(const SearchContext& c, const ScorePart& part);
double in_steps(double score);
// Of the settings' filterable: the name itself, one above it ("sizes" for "sizes.eu"), or "*"; id and
// available always.
bool may_filter(const SearchSettings& settings, const std::string& name);
Status read_choices(SearchContext& c);
// Are there enough candidates in the pool for the page? Of groups, whose items may be many, so many groups.
bool fills_page(const SearchContext& c);
std::string group_attribute(const SearchContext& c);  // Empty: nothing is grouped.
void order_by(SearchContext& c, const std::vector<SortKey>& wanted);
std::vector<double> ranking_key(const SearchContext& c, ItemSlot slot);
double number_of(const ItemRecord& item, std::string_view name);  // NaN: absent, or no number

// What the plan looks for, word by word of the query.
std::vector<SoughtWord> sought_words(std::string_view text, const ParsedQuery& query);
// Of the request, else of the settings.
HighlightOptions highlight_options(const SearchContext& c);
void append_html(char c, std::string& out);  // As text of HTML.
void put_marks(const SearchContext& c, const ItemRecord& item, SearchHit& hit);

SearchHit describe(const SearchContext& c, const Candidate& candidate);
void put_attributes(const ItemRecord& item, const std::vector<std::string>& names, SearchHit& hit);

}  // namespace freshet::search_internal
