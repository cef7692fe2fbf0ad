// Counts of the values of an attribute over the items found, and what a page of facets needs of them.
//
// Two ways to the same counts, whichever is cheaper: few values over many items intersect each value's
// inverted list with the items found (64 items an instruction); else every item's word is read and counted,
// equal lists of values once (about 1 ns an item found). Order is total: ties by the value itself.
//
// Threads: any, under an EpochGuard.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "column/filter.h"
#include "column/group.h"

namespace freshet {

enum class ValueOrder : uint8_t {
  kCount,     // most frequent first
  kAlphabet,  // by the bytes of the value; numbers by size
};

struct FacetSpec {
  std::string name;
  uint32_t values_max = 100;
  ValueOrder order = ValueOrder::kCount;
  std::vector<std::string> declared;  // These first, in this order; the rest by `order`.
  // Of paths ("Shoes > Running"), only those one step below `under` ("": the roots).
  bool hierarchical = false;
  std::string under;
  std::string separator = " > ";
  // Search within the values: each word of it must begin a word of the value, one edit allowed from 4 letters
  // on, two from 8. Empty: all values.
  std::string search;
  // Brings a word to the form in which words are compared (case, accents). Absent: ASCII letters to lower
  // case.
  std::function<std::string(std::string_view)> fold;
  std::string pre_tag = "<em>", post_tag = "</em>";  // around what `search` found
  bool count_items = true;                           // false: FacetCounts::items is not wanted
};

struct FacetCount {
  std::string value;  // Numbers in their shortest form: "42", "9.5".
  uint64_t count = 0;
  std::string highlighted;  // With FacetSpec::search only.
};

struct FacetCounts {
  std::string name;
  std::vector<FacetCount> values;
  uint64_t distinct = 0;  // Values with a count above 0 that fit the spec; `values` holds values_max of them.
  uint64_t items = 0;     // Items found that have the attribute; 0: not wanted.
  bool has_numbers = false;
  double min = 0, max = 0, sum = 0, mean = 0;
};

// `groups` given: how many groups have a matching item with the value (facets after grouping).
FacetCounts count_facet(const ColumnSet& columns, const FacetSpec& spec, const SlotSet& found,
                        const GroupKey* groups = nullptr);
FacetCounts count_facet_slowly(const ColumnSet& columns, const FacetSpec& spec,
                               const SlotSet& found);  // the twin

// What several facets need when the shopper has chosen values of some: `matches` is everything that passes
// all choices; the counts of a facet are made without its own choice and with all others (disjunctive
// facets).
struct FacetChoice {
  std::string facet;
  Filter filter;  // what was chosen: Filter::one_of, Filter::between, ...
};
struct Faceted {
  SlotSet matches;
  std::vector<FacetCounts> counts;  // as the specs
};
// `stop`: asked before each facet; when it says true, the rest are left out.
Faceted count_facets(const ColumnSet& columns, const SlotSet& found, std::span<const FacetSpec> specs,
                     std::span<const FacetChoice> choices, const GroupKey* groups = nullptr,
                     const std::function<bool()>& stop = {});

// Does `value` fit a search within values, and where? `marked` (may be null) gets the value with tags.
bool value_fits(const FacetSpec& spec, std::string_view value, std::string* marked);

}  // namespace freshet
