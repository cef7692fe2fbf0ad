// What is popular now: counts that halve every 1 k, 20 k and 500 k lessons, the exact best of each overall
// and of each facet, and what rises (the short one against the long one).
//
// learn() costs three top lists plus one for each facet of the item: about 0.2 us. Counts grow by
// 2^(1/half_life) a lesson instead of decaying (Cormode et al. 2009), so a list changes only by the item that
// was counted: it moves up while heavier, and the lists are exact.
#pragma once

#include <memory>

#include "recommend/source.h"

namespace freshet {

class Popularity : public Source {
 public:
  // Best first, at most k, of all or of one facet (0: all), by the counts of the last thousands of lessons.
  virtual void top(uint32_t facet, size_t k, std::vector<std::pair<ItemSlot, float>>& out) const = 0;
  // What rises, best first, with the factor by which it does. Items of one facet, or of all.
  virtual void rising(uint32_t facet, size_t k, std::vector<std::pair<ItemSlot, float>>& out) const = 0;
  virtual void rising_facets(size_t k, std::vector<std::pair<uint32_t, float>>& out) const = 0;
  // Share of the item among all lessons lately; 0: never seen.
  virtual float share(ItemSlot item) const = 0;
  virtual uint32_t items() const = 0;  // Distinct items known.
};

std::unique_ptr<Popularity> make_popularity(const ItemFacts& facts, size_t bytes_max);

}  // namespace freshet
