// What simpler and better informed learners reach in the world of clicks that click_eval.h plays, each on
// pages of its own, before the same shoppers:
//
//   naive         orders by its rate of clicks, however rarely a place is looked at, with a prior
//   looks known   the same, but is told how often each place is looked at: a position-based model with true
//                 propensities (Joachims, Swaminathan, Schnabel 2017)
//   dueling       pairwise differentiable gradient descent (Oosterhuis, de Rijke 2018, "Differentiable
//                 unbiased online learning to rank"), one weight for each query and item
//   world known   click_ceiling.h: knows all there is to know, and judges each item by itself
//
// The first three start from the scores of the ranking without clicks.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "eval/click_world.h"
#include "eval/search_eval.h"

namespace freshet {

// Queries are numbers from 0; windows[q] is the ranking of query q without clicks, of which pages are made.
class ClickRival {
 public:
  virtual ~ClickRival() = default;
  virtual std::string_view name() const = 0;
  virtual std::vector<RankedItem> page(size_t query, size_t count, uint64_t key) const = 0;
  virtual std::vector<RankedItem> exploit(size_t query, size_t count) const = 0;  // Trying nothing.
  virtual void learn(size_t query, std::span<const RankedItem> page, std::span<const size_t> clicked) = 0;
};

using ClickWindows = std::vector<std::vector<RankedItem>>;

// All of the list above; gains[q][i] is of item i of windows[q], for the one who knows the world.
std::vector<std::unique_ptr<ClickRival>> click_rivals(ClickWorld world, const ClickWindows& windows,
                                                      const std::vector<std::vector<double>>& gains);

// Weights of click pairs, for a test that differentiates: how likely Plackett and Luce's model with scores
// `scores` lists `order`.
double list_probability(std::span<const double> scores, std::span<const size_t> order);

}  // namespace freshet
