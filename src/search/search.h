// One search, from what was asked to a page of items. The steps are files of this room, in the order in which
// they run:
//
//   understand   text -> tokens -> plan; intent; price phrases      (understand.cc)
//   filter       conditions -> the set of items allowed             (filter_step.cc)
//   retrieve     words and vectors -> candidates, fused             (retrieve.cc)
//   rank         ranking attributes, popularity, intent             (rank.cc)
//   learned      what clicks have taught                            (learned.cc)
//   facets       counts, each facet without its own condition       (facet_step.cc)
//   arrange      sort, group, page                                  (arrange.cc)
//   present      highlights, snippets, attributes                   (present.cc)
//
// and, when nothing was found, relax (relax.cc) runs some of them again with less asked.
//
// Values; no thread rules.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "event/event.h"
#include "feature/sequence.h"
#include "settings/search_settings.h"
#include "text/highlight.h"

namespace freshet {

struct SortKey {
  std::string name;  // An attribute, "price", "created", "popularity", "relevance", "distance"
  bool descending = false;
};

struct FacetRequest {
  std::string name;
  std::string contains;     // Only values with this in them (any case, accents ignored); empty: all.
  uint32_t values_max = 0;  // 0: as the settings say. At most 1000.
  std::optional<FacetOrder> order = std::nullopt;
  std::vector<std::string> first = {};  // Values that stand before all others; empty: as the settings say.
  // Of paths ("Shoes > Running"), only those one step below this one; "": the topmost.
  std::optional<std::string> under = std::nullopt;
  static constexpr size_t kFirstMax = 100;
};

// Facets chosen by the shopper: one of `values` must hold. The counts of this facet are made without this
// condition and with all the others (disjunctive), so that the shopper sees what else there is.
struct Refinement {
  std::string facet;
  std::vector<std::string> values;
};

enum class SemanticMode : uint8_t {
  kAuto,    // As the settings' semantic_weight says.
  kOff,     // Words only.
  kWeight,  // `semantic_weight` of the request.
};

struct GeoPoint {
  double latitude = 0;   // degrees, -90..90
  double longitude = 0;  // degrees, -180..180
};

struct SearchRequest {
  std::string query;   // Empty: everything that passes the filter, in the order of the ranking attributes.
  std::string filter;  // The language of docs/search.md.
  std::vector<Refinement> refinements;
  std::vector<FacetRequest> facets;    // One named "*": those of the settings.
  bool facets_after_grouping = false;  // Counts groups, not items.
  std::vector<SortKey> sort;           // Empty: by score.
  std::string group_by;       // Empty: the settings' distinct attribute; "-": none even if there is one.
  uint32_t group_count = 0;   // Items of each group shown; 0: the settings' distinct_count.
  uint32_t from = 0;          // Place of the first item of the page.
  uint32_t count = 20;        // 0..kCountMax; 0: facets and totals only.
  std::string language;       // Of the query; empty: the settings', else detected.
  bool prefix = true;         // May the last word be the beginning of one? (and the settings allow it)
  std::optional<bool> typos;  // Over the settings.
  std::optional<Relaxation> relaxation;
  SemanticMode semantic = SemanticMode::kAuto;
  double semantic_weight = 0;      // kWeight: 0 words only .. 1 vectors only
  std::vector<float> vector;       // The shop's own encoding of the query; empty: the built-in one.
  std::optional<GeoPoint> around;  // For sorting by distance.
  // Returned of each item, with what is nested in them; {"*"}: all; empty: title and price only.
  std::vector<std::string> attributes;
  std::optional<std::vector<std::string>> highlight, snippets;  // Fields; nullopt: those of the settings.
  // Over the settings: tags around what was found, at most 64 bytes each; text as HTML; words of a snippet.
  std::optional<std::string> highlight_before, highlight_after;
  std::optional<bool> escape_html;
  uint32_t snippet_words = 0;  // 1..200; 0: as the settings say.
  bool include_unavailable = true;
  bool explain = false;
  uint64_t settings_version = UINT64_MAX;  // To try a staged version; default: the published one
  bool personal = true;                    // May what is known of the shopper change the order?
  // What of all that matches is put in order and counted as found, where rules make a page of several lists:
  // what passes `only`, and neither passes `without`, nor is one of `placed` (ids, whatever matches), nor of
  // one group with these. Empty: all. Facets are those of all that matches.
  std::string only, without;
  std::vector<std::string> placed;
  // Instead: what is of one group with one of these (ids, whatever matches), and none of these; for the rest
  // of groups whose first item stands already. Sizes of groups are without these then. Empty: all.
  std::vector<std::string> beside;
  bool rules = true;     // May rules of the shop change it? (rules/rules.h; the engine asks)
  std::string try_rule;  // JSON of a rule that holds instead of the one of its id, here only; empty: none
  std::vector<std::string> rule_contexts;  // "mobile", "landing": what rules may ask for.
  std::string user, session;               // For the event of this search.
  std::string region, device;              // Of the shopper; for the event and the ranker.
  // Key of the draws by which this page may try things out (settings: click_swaps, click_exploration); 0: it
  // is not shown to a shopper, and tries nothing.
  uint64_t explore = 0;
  // Key of those draws that decide who stands on which page: the same for all pages of one search of one
  // shopper, or an item would come twice and another never; 0: `explore`.
  uint64_t explore_search = 0;
  std::vector<uint32_t>
      page_ends;           // Of the pages before and of this one; empty: they are as long as this one.
  bool exchanges = true;   // May places change for click_swaps? Not on pages made of two.
  uint32_t budget_ms = 0;  // 0: the server's. What is not done by then is left out, and said so.

  static constexpr uint32_t kCountMax = 1000;
  static constexpr size_t kQueryBytesMax = 1024, kFilterBytesMax = 4096;
  static constexpr size_t kFacetsMax = 50, kRefinementsMax = 50, kValuesMax = 200, kSortMax = 4;
  static constexpr size_t kAttributesMax = 100, kVectorMax = 4096;
};

// Ends of the pages before this one, and of it.
std::vector<uint32_t> page_ends(const SearchRequest& request);

// One summand of a score. The parts of a hit add up to its score exactly, in the order given.
struct HitPart {
  std::string
      name;  // "word", "proximity", "exact", "semantic", "popularity", "intent", "clicks", "trial", "ranker"
  std::string detail;  // "title: kettle (typo of ketle)"
  double value = 0;
};

// A text of an item with tags around what was found in it.
struct Marked {
  std::string field;
  bool list = false;  // One of several values of the field; they follow one another.
  std::string text;
  MatchLevel level = MatchLevel::kNone;
  std::vector<std::string> matched_words;  // Of the query, as typed, in its order.
};

struct SearchHit {
  ItemSlot slot = kNoItem;
  std::string id, title;
  double price = kNoNumber;
  double score = 0;
  double distance_m = kNoNumber;
  uint32_t group_size = 0;          // Matching variants of the same product; 0: not grouped.
  uint64_t group = 0;               // Of hits that are grouped: equal for those of one group.
  std::vector<SearchHit> variants;  // The rest of the group that is shown.
  std::vector<Attribute> attributes;
  std::vector<Marked> highlights, snippets;
  float propensity = 1;  // That it stands here and not at the neighbouring place.
  std::string match;     // Of a served page: its features as the impression bears them (clicks/features.h)
  float base = std::numeric_limits<float>::quiet_NaN();  // The same: what the ranker starts from
  std::vector<HitPart> parts;                            // explain only
};

struct FacetValue {
  std::string value;
  uint64_t count = 0;
  bool chosen = false;      // By a refinement.
  std::string highlighted;  // Of a search within values: what was found, in tags.
};

struct FacetAnswer {
  std::string name;
  std::vector<FacetValue> values;
  uint64_t distinct = 0;     // Values there are; more than shown, perhaps.
  bool has_numbers = false;  // The four below mean something.
  double min = 0, max = 0, mean = 0, sum = 0;
};

struct BrowseRequest {
  std::string filter;
  std::string cursor;                   // Of the answer before; empty: from the beginning.
  uint32_t count = 1000;                // 1..1000
  std::vector<std::string> attributes;  // {"*"}: all
};
struct BrowseAnswer {
  std::vector<SearchHit> hits;  // In the order of slots. An item that stays is given exactly once.
  std::string cursor;           // Empty: that was all.
};

struct SuggestedFilter {
  std::string text;    // The words it comes from: "under 50"
  std::string filter;  // "price < 50"
};

struct StepTime {
  const char* step = "";
  uint32_t us = 0;
};

struct SearchAnswer {
  std::vector<SearchHit> hits;
  uint64_t found = 0;        // Items that match; groups when grouped by relevance of groups
  bool found_exact = true;   // false: at least so many
  uint32_t group_count = 0;  // Items of each group that are shown at most; 0: not grouped
  std::vector<FacetAnswer> facets;
  std::string query_used;                          // When it is not the one asked: corrected or relaxed.
  std::string did_you_mean;                        // Empty: nothing better is known.
  std::string relaxed;                             // Words that were dropped, or empty.
  std::vector<SuggestedFilter> suggested_filters;  // Offered; nothing is filtered unasked.
  std::string remaining_query;                     // The query without the words of those filters.
  std::string language;
  std::vector<std::string> rules_applied;  // Their ids.
  std::vector<std::string> rule_data;      // JSON that rules give the page.
  std::string rendering, redirect;         // JSON, and an address, of the first rule that has one.
  bool out_of_time = false;                // The budget ended before everything was done.
  uint64_t settings_version = 0;
  // Which places had changed with which, with probability one half (clicks/examination.h); -1: none.
  int exchanged = -1;
  bool ranked = false;  // The learned ranker took part in the order.
  std::vector<StepTime> steps;
};

// What an impression bears of a page: items with their propensities, and what clicks are learned by.
void put_shown(const SearchAnswer& answer, Event& impression);

}  // namespace freshet
