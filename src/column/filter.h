// Which items may be shown: a condition over the attributes of items, written as text. One language for
// search and recommendations.
//
//   category:"Shoes > Running" AND price < 100 AND NOT brand:Acme
//   color IN (red, "dark blue") OR rating >= 4.5 OR price:10 TO 20
//   available = true AND sizes.eu EXISTS AND GEO_RADIUS(48.85, 2.35, 5000)
//
//   or    := and (OR and)*        and := not (AND not)*        not := NOT not | ( or ) | condition
//   condition := name : value | name : low TO high | name (= != < <= > >=) value | name [NOT] IN ( value, ...
//   )
//              | name EXISTS | EXISTS ( name ) | GEO_RADIUS(latitude, longitude, metres)
//              | GEO_BOX(south, west, north, east)            degrees; west > east crosses the 180th meridian
//   value := word | "..." | '...' (a backslash takes the next character as it is)
//
// Names: id, price, available, category, brand, created (milliseconds since 1970), or any attribute of the
// catalogue; nested ones with dots, of all objects of a list at once (variants.size) or of one of them
// (variants.0.size). name:value and name = value mean the same: a number compares as a number,
// a list matches when one of its values does, category also matches every category above the item's own. Text
// compares exactly; text that reads as a number can be compared with < and TO. != is NOT =. An absent
// attribute fails every comparison (so NOT brand:Acme keeps an item without a brand). Keywords in any case.
// Limits: 4096 bytes, 100 conditions, 20 levels deep.
//
// evaluate() answers from the columns, 65,536 slots at a time: a value is its inverted list, a range its
// bins, AND, OR and NOT are operations on 8 KB of bits. passes() is its slow twin, over one record.
//
// Threads: immutable. Cost over 1 M items: a value 20 to 90 us, a range 0.3 to 1.3 ms.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/slot_set.h"
#include "column/column_set.h"

namespace freshet {

class Filter {
 public:
  static constexpr size_t kBytesMax = 4096;
  static constexpr int kConditionsMax = 100, kDepthMax = 20;

  // kInvalid: names the position (byte, from 0) and what was expected there. Empty text: everything passes.
  static Result<Filter> parse(std::string_view text);
  // name IN (values): what a shopper chose of one facet. No values: nothing passes.
  static Filter one_of(std::string name, std::vector<std::string> values);
  static Filter between(std::string name, double low, double high);  // both included
  // All of them; those that are empty are left out.
  static Filter all_of(std::span<const Filter> filters);

  bool passes(const ItemRecord& item, const Catalog& catalog) const;
  // Under an EpochGuard. Of the items that exist; an empty filter gives all of them.
  SlotSet evaluate(const ColumnSet& columns) const { return evaluate(columns, nullptr); }
  // Of those in `within`: quicker, the fewer they are.
  SlotSet evaluate(const ColumnSet& columns, const SlotSet& within) const {
    return evaluate(columns, &within);
  }
  bool empty() const { return root_ == nullptr; }
  // The attributes it asks for, each once, in the order of the text; a place (GEO_...) has none.
  std::vector<std::string> names() const;

  struct Node;  // column/internal/filter_node.h

 private:
  SlotSet evaluate(const ColumnSet& columns, const SlotSet* within) const;
  std::shared_ptr<const Node> root_;
};

// Metres between two places given in degrees, along the great circle of a sphere of 6,371,008.8 m (haversine:
// Sinnott 1984, "Virtues of the haversine").
double distance_m(double latitude_a, double longitude_a, double latitude_b, double longitude_b);

}  // namespace freshet
