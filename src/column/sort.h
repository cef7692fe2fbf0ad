// The first k items of a set by their attributes, without sorting the rest.
//
// Several keys, each ascending or descending; an item without the attribute comes last either way; numbers
// come before texts; a list counts by its first value; the last tie goes to the smaller slot. Names: an
// attribute, "price", "created", ..., "distance" (from the key's place), "score" (as the caller gives it;
// descending is best first).
//
// Threads: any, under an EpochGuard. Cost: about 4 to 10 ns an item, plus k log k.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "column/column_set.h"

namespace freshet {

struct SortBy {
  std::string name;
  bool descending = false;
  double latitude = kNoNumber, longitude = kNoNumber;  // "distance" only; degrees
};

using ScoreOf = std::function<double(ItemSlot)>;

std::vector<ItemSlot> top_sorted(const ColumnSet& columns, const SlotSet& set, std::span<const SortBy> keys,
                                 size_t k, const ScoreOf& score = {});
std::vector<ItemSlot> top_sorted_slowly(const ColumnSet& columns, const SlotSet& set,
                                        std::span<const SortBy> keys, size_t k, const ScoreOf& score = {});

// "price:asc", "rating:desc", "price" (ascending), "-price". kInvalid names what was expected.
Result<SortBy> parse_sort(std::string_view text);

// A walk over a whole set, a page at a time, that stays right while items change: it goes by slot, which an
// item keeps, so an item that is there all the time comes exactly once.
struct BrowsePage {
  std::vector<ItemSlot> items;
  std::string next;  // Cursor of the next page; empty: that was all.
};
// `cursor` empty: from the beginning. `what` is the text of everything asked for (query, filter): a cursor
// belongs to it. kInvalid: not a cursor, or of another request.
Result<BrowsePage> browse(const SlotSet& set, std::string_view cursor, size_t count, std::string_view what);

}  // namespace freshet
