// How the learned ranker (rank/ranker.h) takes part in searches and recommendations: the member "ranker" of
// the settings (settings/search_settings.h). docs/ranking.md lists the names for people.
#pragma once

#include <cstdint>
#include <string>

namespace freshet {

struct RankerSettings {
  double weight = 1;  // Of what it says of recommendations beyond the score; 0: off. 0..1
  // The same of searches, whose clicks the click model (clicks/) already hears. In simulated click worlds it
  // cost queries that nobody had searched up to .5 of nDCG@10, hence 0
  // (docs/decisions/0151-not-in-searches.md).
  double search_weight = 0;
  // What pages are ordered for: the sum of weight times probability. 0..1000 each, one of them above 0.
  double click = 1, cart = 0, purchase = 0;
  std::string value = "price";  // The numeric attribute that a purchase counts; empty: all count the same.
  uint32_t candidates = 200;    // Of the best without it, that it orders. 10..1000
  // Of diversity against score, when the first places are filled one by one; 0: by score alone. 0..1
  double diversity = 0;
  uint32_t category_cap = 0;  // Places of one page with the same category; 0: any number.
  // Share of pages on which one place is given to an item that may be better than is known. 0..1
  double exploration = 0;
  // Share of pages that are ordered without it, as long as it orders any: by these it is judged. 0..1
  double control = 0.05;
  bool operator==(const RankerSettings&) const = default;
};

}  // namespace freshet
