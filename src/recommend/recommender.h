// Everything that proposes items, behind one front: candidate sources (recommend/source.h), and the mixture
// that weighs them online (recommend/mixture.h).
//
// The fold thread calls learn() once for every positive item action, in log order, BEFORE the step is
// appended to the shopper's sequence. Requests call recommend() on any thread at any time: it never waits for
// learn() and sees every step that has been learned when it starts.
//
// Everything about the shopper comes with the call (Lesson::before, RecommendQuery::sequence): a recommender
// loaded from another one's save() answers any shopper's query as the other did at that moment, and can serve
// without ever learning.
//
// Determinism: after the same sequence of learn() and evict() calls, save() gives the same bytes on every
// machine. Random draws are keyed by `Lesson::key`, micro-batches are cut by count of lessons (and what is
// pending is part of save()).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "recommend/sequence.h"

namespace freshet {

enum class Surface : uint8_t {
  kForYou,          // what this shopper turns to next, in this session or the next one
  kNext,            // the same, in this session
  kRelated,         // looked at by those who looked at the anchors
  kBoughtTogether,  // bought in one order, or soon after, with the anchors
  kTrending,        // items that rise, in all or in `facet`
  kRecentlyViewed,  // the shopper's own, newest first
  kBuyAgain,        // the shopper's own purchases, most due first
};

// What the recommenders need to know of items; the catalogue implements it. Any thread (under an EpochGuard).
class ItemFacts {
 public:
  virtual ~ItemFacts() = default;
  virtual uint32_t slots() const = 0;  // Every live slot is below.
  virtual std::span<const uint32_t> facets(
      ItemSlot item) const = 0;  // Category and brand numbers, most specific category first;
                                 // empty when not known. 0 is no facet.
  // The facets of many items: out[i] of items[i]. What they are kept in is asked for ahead where that helps.
  virtual void facets_of(std::span<const ItemSlot> items, std::vector<std::span<const uint32_t>>& out) const {
    out.clear();
    for (const ItemSlot item : items) out.push_back(facets(item));
  }
  virtual uint64_t key(ItemSlot item) const = 0;  // Hash of the item's id: stable.
  // Which of two comes first where scores are equal: the one with the smaller id (base/id_order.h).
  virtual bool before(ItemSlot a, ItemSlot b) const { return key(a) < key(b); }
};

struct Lesson {
  Step step;                 // What just happened...
  Sequence before;           // ...and what this shopper did before it (not containing it).
  uint64_t key = 0;          // Hash of the event's id: every random draw is keyed by it.
  bool first_sight = false;  // Nobody knew the item before: no request could have been answered with it.
};

struct RecommendPart;

// What orders the mixture's candidates once more; of one request.
class SlateRanker {
 public:
  struct Entry {
    ItemSlot item = kNoItem;
    float score = 0;         // Probability by the mixture; then the new score.
    uint32_t index = 0;      // Place in the slate as given; to be left as it is.
    float propensity = 1;    // That it stands where it then does.
    std::string_view moved;  // What moved it up, for a shopper to read; empty: nothing did.
    std::vector<RecommendPart>
        parts;  // If explained: of the difference of the scores; the last takes the rest.
  };
  virtual ~SlateRanker() = default;
  virtual size_t candidates() const = 0;  // So many of the best, or the page if it is longer.
  // `slate`: best first. Left as it is to be shown: at most `places`, some of those given.
  virtual void rank(size_t places, bool explain, std::vector<Entry>& slate) = 0;
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
  EventType action = EventType::kView;  // Which action is to be foretold; kPurchase: the next basket.
  bool explain = false;                 // Recommended::parts are wanted.
  bool fill = true;               // When too few were proposed, the popular ones, then whatever is allowed.
  uint64_t order = 0;             // Not 0: the order being filled; its steps in `sequence` are left out.
  SlateRanker* ranker = nullptr;  // Surfaces for you, next and related; nullptr: the mixture's order.
};

struct RecommendReason {
  enum class Kind : uint8_t {
    kNone,
    kAfter,            // `item`: looked at after it
    kWith,             // `item`: bought with it
    kPopular,          // now, everywhere
    kPopularInFacet,   // now, in `facet`
    kAgain,            // the shopper had it before
    kSimilarShoppers,  // sessions like this one went there
    kTaste,            // the sequence model's choice
    kNew               // recently arrived, of a facet the shopper likes
  };
  Kind kind = Kind::kNone;
  ItemSlot item = kNoItem;  // "viewed after X"
  uint32_t facet = 0;       // "popular in Y this hour"
  uint8_t source = 0;       // index into source_names(): who proposed it most strongly
};

// One summand of a score. Of a probability p of the mixture among n candidates the parts are
//
//   equal-share    1/n: what each would have if nothing were known of any
//   a source       what its evidence adds to that, column by column of the source
//   visit          what the shopper's visit adds by itself (it counts for some candidates more than for
//   others) competition    what the others take by being likely too
//
// Logits become shares of p by the logarithmic mean (LMDI: Ang 2004, Energy Policy 32): p - 1/n =
// L(p, 1/n) ln(p n), and ln(p n) is a sum over the evidence. A hidden unit that is at work counts as linear,
// each column with its share of it. Other scores have one part, the source that gave them.
struct RecommendPart {
  std::string_view part;
  std::string_view evidence;  // Of a source: its column, "rules_last"; else empty.
  double value = 0;
};

struct Recommended {
  ItemSlot item = kNoItem;
  float score = 0;  // Probability that this is what the shopper turns to next, as far as the mixture knows.
  RecommendReason reason;
  std::vector<RecommendPart>
      parts;               // If asked for; their sum, from first to last, is `score` to the last bit.
  float base = 0;          // The mixture's probability; 0: it was not asked.
  float propensity = 1;    // That it stands where it does.
  std::string_view moved;  // What moved it up from where the mixture had it, for a shopper to read.
};

// How one query looks through every source, and what all of it says of one item. For evaluation and explain.
struct Inspection {
  struct View {
    float probability = 0;  // Of the target, by this source alone (normalised over its proposals); 0: unknown
    std::vector<ItemSlot> items;  // The source's own best k, best first; shorter when it knows no more.
  };
  std::vector<Recommended> items;  // As recommend() answers.
  float probability = 0;  // Of the target by the mixture; never 0: what no source proposed shares a rest.
  std::vector<View> by_source;  // In the order of source_names().
};

struct SourceStats {
  std::string_view name;
  size_t bytes = 0;
  double log_loss =
      0;  // Progressive, natural log, decayed over the last few thousand lessons the mixture learned.
  double share = 0;  // Of the mixture's weight by Bayes' rule over that loss; sums to 1 over the sources.
  double index_recall = kNoNumber;  // recall@100 of its approximate index; NaN: it has none.
};

struct RecommenderOptions {
  uint64_t seed = 1;
  std::vector<std::string> sources;  // Of source_names(); empty: all.
  // bytes() stays below it (up to one row's growth), for up to memory_bytes / 1000 items; 72 bytes an item
  // more. A quarter is for co-visitation, an eighth each for what is bought together and for neighbours,
  // three eighths for the sequence model (768 bytes an item: those beyond are left to the other sources), the
  // rest for popularity and what is counted of each item.
  size_t memory_bytes = size_t{2} << 30;
};

class Recommender {
 public:
  // `items` must outlive the recommender. kInvalid: a source of that name does not exist.
  static Result<std::unique_ptr<Recommender>> open(const ItemFacts& items, const RecommenderOptions& options);
  // "covisitation", "neighbours", "popularity", "history", "together", ...: all that exist.
  static std::span<const std::string_view> source_names();
  ~Recommender();

  // Fold thread.
  void learn(const Lesson& lesson);
  void evict(
      std::span<const ItemSlot> items);  // Forgets them everywhere; their slots may be reused afterwards.
  void save(Writer& out) const;          // load(save(s)) == s
  Status load(Reader& in);               // kCorrupt: not what save() of this version wrote.

  // Fold thread. Whether learn() may from now on put aside work that takes long, until learning or any of the
  // calls above next reads what it changes; requests may see it later. What is learned is the same. What was
  // put aside before is done when this returns. Not allowed at first.
  void set_aside(bool allowed);
  // One other thread, or the fold thread itself: does some of what was put aside. False: there is too little
  // for it to be worth while, or another thread is at it.
  bool help();
  bool help_waits() const;

  // Any thread. At most query.k, best first; as many as there are allowed items, up to k. Ties: as
  // facts.before says.
  std::vector<Recommended> recommend(const RecommendQuery& query) const;
  Inspection inspect(const RecommendQuery& query, ItemSlot target) const;
  // Facets that rise, best first (surface trending).
  std::vector<std::pair<uint32_t, float>> trending_facets(size_t k) const;
  std::vector<SourceStats> stats() const;
  size_t bytes() const;

 private:
  Recommender();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet
