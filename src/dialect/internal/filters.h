// Filters as the dialect writes them, in the language of column/filter.h.
//
//   filters          brand:Acme AND (price < 50 OR NOT on_sale:true) AND rating:3 TO 5
//   facetFilters     [["brand:Acme", "brand:Lux"], "category:-Shoes"]   outer AND, inner OR, "-" negates
//   numericFilters   ["price>=50", ["rating=5", "rating:1 TO 2"]]
//   tagFilters       as facetFilters, of the attribute _tags
//   insideBoundingBox  [[47.3, 4.9, 47.2, 5.1], ...] or "47.3,4.9,47.2,5.1": two opposite corners of each box
//   aroundLatLng     "47.3, 4.9", with aroundRadius in metres
//
// kInvalid: names the parameter, the byte or entry, and what was expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialect/internal/params.h"

namespace freshet {
struct SearchRequest;
}

namespace freshet::dialect_internal {

// All four of a query joined by AND; empty: no condition.
Result<std::string> native_filter(const Params& params);

Result<std::string> from_filters(std::string_view text);
Result<std::string> from_facet_filters(const Json& given, std::string_view parameter);
Result<std::string> from_numeric_filters(const Json& given);
Result<std::string> from_tag_filters(const Json& given);
Result<std::string> from_boxes(const Json& given);
struct Around {
  double latitude, longitude;
  std::string filter;  // Empty: any distance.
};
Result<std::optional<Around>> read_around(const Params& params);  // nullopt: not asked for
// One condition "name:value"; a leading "-" of the value negates.
Result<std::string> from_facet_atom(std::string_view text, std::string_view where);
// Where the shopper is, or what part of the map is looked at: added to the request and its filter.
Status read_place(const Params& params, SearchRequest& out);
std::string quoted(std::string_view text);  // For a filter: "..." with backslashes.

}  // namespace freshet::dialect_internal
