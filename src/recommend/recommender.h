// Everything that proposes items, behind one front: candidate sources, and the mixture that weighs them
// online.
//
// The fold thread calls learn() once for every positive item action, in log order, BEFORE the step is
// appended to the shopper's sequence. Requests call recommend() on any thread at any time: it never waits for
// learn() and sees every step that has been learned when it starts.
//
// Determinism: after the same sequence of learn() calls, save() gives the same bytes on every machine. Random
// draws are keyed by `Lesson::key`, micro-batches are cut by count of lessons (and what is pending is part of
// save()).
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "recommend/sequence.h"

namespace freshet {

enum class Surface : uint8_t {
  kForYou,
  kNext,
  kRelated,
  kBoughtTogether,
  kTrending,
  kRecentlyViewed,
  kBuyAgain
};

// What the recommenders need to know of items; the catalogue implements it. Any thread (under an EpochGuard).
class ItemFacts {
 public:
  virtual ~ItemFacts() = default;
  virtual uint32_t slots() const = 0;  // Every live slot is below.
  virtual std::span<const uint32_t> facets(
      ItemSlot item) const = 0;                   // Category and brand numbers, most specific
                                                  // category first; empty when not known.
  virtual uint64_t key(ItemSlot item) const = 0;  // Hash of the item's id: stable, for ties.
};

struct Lesson {
  Step step;         // What just happened...
  Sequence before;   // ...and what this shopper did before it (not containing it).
  uint64_t key = 0;  // Hash of the event's id: every random draw is keyed by it.
};

struct RecommendQuery {
  Surface surface = Surface::kForYou;
  Sequence sequence;
  std::span<const ItemSlot> anchors;  // related, bought together: to what
  TimeMs now_ms = 0;                  // The newest event time folded, or the request's own.
  size_t k = 20;
  bool allow_repeats = true;            // false: what is in `sequence` is no candidate
  std::function<bool(ItemSlot)> allow;  // Empty: everything. Availability, category, price, excluded, bought.
  uint32_t facet = 0;                   // trending: only this category or brand; 0: all
};

struct Reason {
  enum class Kind : uint8_t {
    kNone,
    kAfter,
    kWith,
    kPopular,
    kPopularInFacet,
    kAgain,
    kSimilarShoppers,
    kTaste,
    kNew
  };
  Kind kind = Kind::kNone;
  ItemSlot item = kNoItem;  // "viewed after X"
  uint32_t facet = 0;       // "popular in Y this hour"
  uint8_t source = 0;       // index into source_names(): who proposed it most strongly
};

struct Recommended {
  ItemSlot item;
  float score;  // Probability that this is what the shopper turns to next, as far as the mixture knows.
  Reason reason;
};

}  // namespace freshet
