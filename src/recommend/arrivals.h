// New items, and what items have in common by their categories and brands: the only thing known of an item
// nobody has touched yet.
//
// State: sights of each facet; the rest is read from the catalogue. learn() costs the item's facets.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

std::unique_ptr<Source> make_arrivals(const ItemFacts& facts);

}  // namespace freshet
