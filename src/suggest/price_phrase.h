// Phrases about price and size in a query: "lamp under 50", "between 20 and 40 euros", "rice up to 1 kg".
//
// Each becomes a filter that can be offered to the shopper, and the query without its words; nothing is
// filtered unasked. Understood: under, below, less than, cheaper than, up to, at most, max; over, above, more
// than, at least, from, min; between A and B, from A to B; the same in German, French, Spanish, Italian and
// Chinese; <, >, <=, >=; currency signs and names around the number; 1,000.50 and 1.000,50; a unit behind the
// number makes it a condition on the attribute of that unit instead of the price.
//
// A phrase needs its word or sign: bare numbers ("iphone 15", "2x4") stay words. "under" and its like need
// the number right behind them ("under armour" stays). "from 1 to 3" needs both ends.
//
// Pure; any thread. Cost: about 1 us.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

struct UnitAttribute {
  std::string unit;       // As typed, lower case: "kg"
  std::string attribute;  // Which attribute it is a condition on: "weight_kg"
  double factor = 1;      // Typed number times this is the attribute's number.
};

struct PricePhrase {
  std::string text;       // The words it comes from, as typed: "under $50"
  std::string attribute;  // "price", or that of the unit
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;  // < rather than <=
  std::string filter;                        // "price < 50", in the filter language
};

struct PricePhrases {
  std::vector<PricePhrase> phrases;  // In the order of the text; at most 4.
  std::string rest;                  // The query without them, single spaces.
};

// weight in kg, length in cm, volume in l, power in W: "weight_kg", "length_cm", "volume_l", "power_w"
const std::vector<UnitAttribute>& default_units();

PricePhrases find_price_phrases(std::string_view query,
                                const std::vector<UnitAttribute>& units = default_units());

}  // namespace freshet
