// Filters as the dialect writes them, in the language of column/filter.h.
//
//   filters          brand:Acme AND (price < 50 OR NOT on_sale:true) AND rating:3 TO 5
//   facetFilters     [["brand:Acme", "brand:Lux"], "category:-Shoes"]   outer AND, inner OR, "-" negates
//   numericFilters   ["price>=50", ["rating=5", "rating:1 TO 2"]]
//   tagFilters       as facetFilters, of the attribute _tags
//
// kInvalid: names the parameter, the byte or entry, and what was expected.
#pragma once

#include <string>
#include <string_view>

#include "dialect/internal/params.h"

namespace freshet::dialect_internal {

// All four of a query joined by AND; empty: no condition.
Result<std::string> native_filter(const Params& params);

Result<std::string> from_filters(std::string_view text);
Result<std::string> from_facet_filters(const Json& given, std::string_view parameter);
Result<std::string> from_numeric_filters(const Json& given);
Result<std::string> from_tag_filters(const Json& given);
// One condition "name:value"; a leading "-" of the value negates.
Result<std::string> from_facet_atom(std::string_view text, std::string_view where);
std::string quoted(std::string_view text);  // For a filter: "..." with backslashes.

}  // namespace freshet::dialect_internal
