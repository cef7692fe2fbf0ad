// The JSON of searches (docs/search.md, docs/openapi.yaml): what is asked and what is answered. The server
// and `freshet search` speak it with the same two functions.
//
// Errors: kInvalid names the member ("facets[2].order") and what was expected. Threads: any.
#pragma once

#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "engine/engine.h"
#include "json/json.h"
#include "search/search.h"

namespace freshet {

struct AskedSearch {
  SearchRequest request;
  bool record = true;  // Does it become an event?
};

constexpr size_t kSearchBodyMax = 256 << 10;
constexpr size_t kSearchesMax = 20;

Result<AskedSearch> parse_search(std::string_view text);
// One search, or {"searches": [...]}.
Result<std::vector<AskedSearch>> parse_searches(const Json& json);
// What was chosen of facets: the member "refine".
void read_refinements(JsonFields& fields, SearchRequest& out);

// Which experiment a page is part of: for the shop's own analytics.
void write_part(JsonWriter& json, const ExperimentPart& part);
void write_search_answer(JsonWriter& json, const SearchRequest& request, const SearchPage& page);
void write_search_hit(JsonWriter& json, const SearchHit& hit);
void write_search_facet(JsonWriter& json, const FacetAnswer& facet);

}  // namespace freshet
