// What the ranker knows of a candidate when it is asked, and when it learns: one object makes the features of
// both, so that they cannot disagree. A feature makes cells: indices into the ranker's weights. Features are
// told by group; each by itself can be left out (rank/importance.h).
//
// Everything is an indicator: categories, words and numbers (in steps) alike, and "missing" is a value of its
// own. So each weight is a part of the logit by itself, and what is added up can be told to a shopper by
// group.
//
//   page       kind of page, hour, how much is known of the shopper    the same for all candidates of a page
//   place      where it stood                                          only while learning
//   score      its score without the ranker, in steps, by kind of page
//   item, kind (category, brand), price, attribute                     what it is
//   taste      shopper with category, brand, attribute values          what this shopper answered to before
//   visit      how much of what the shopper did lately was alike: category, brand, values, price, and what
//              comes after the last item and the last one put into the cart
//   seen       this very item: opened in this visit, before, in the cart, bought, shown in vain
//   lately     clicks against what was expected of item and category, decayed
//   match      of a search: clicks/features.h
//   moment     category with hour, weekend and month
//   context    category with the weather, holidays, promotions of the region (feature/
//              contexts.h), with the region, with the device
//   scenario   category, brand, price, score and age again, for this scenario alone
//
// "Visit" is the steps up to now without a pause of half an hour, by their times: what a page is asked with
// and what the log says of it later then agree. Threads: RankPage by one; const calls on any thread under an
// EpochGuard. Cost: 10 us a page, 0.6 us a candidate.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clicks/features.h"
#include "feature/catalog.h"
#include "feature/contexts.h"
#include "feature/sequence.h"

namespace freshet {

enum class RankGroup : uint8_t {
  kPage,
  kPlace,
  kScore,
  kItem,
  kKind,
  kPrice,
  kAttribute,
  kTaste,
  kVisit,
  kSeen,
  kLately,
  kMatch,
  kMoment,
  kContext,
  kScenario
};
constexpr size_t kRankGroups = 15;
// What depends on who asks. All else is the same for everybody, at one moment and place.
constexpr uint32_t kOfShopper = 1u << static_cast<uint32_t>(RankGroup::kTaste) |
                                1u << static_cast<uint32_t>(RankGroup::kVisit) |
                                1u << static_cast<uint32_t>(RankGroup::kSeen);
std::string_view rank_group_name(RankGroup group);    // "visit"
std::string_view rank_group_reason(RankGroup group);  // For people: "like what was looked at lately"

// What one cell says; all cells of a feature have the same group. Numbers are part of notes and weights that
// are kept: never renumber without another version of the ranker's section.
enum class RankFeature : uint8_t {
  kPageKind,
  kPageHour,
  kPageKnown,
  kPageDevice,
  kPageScenario,
  kPlace,
  kScore,
  kScoreMissing,
  kItem,
  kFacet,
  kPrice,
  kPriceMissing,
  kPriceIn,
  kPriceAgainst,
  kValue,
  kTasteFacet,
  kTasteValue,
  kTastePrice,
  kVisitFacet,
  kBeforeFacet,
  kVisitAlike,
  kBeforeAlike,
  kAfterLast,
  kAfterCart,
  kOpened,
  kLooked,
  kInCart,
  kBought,
  kNeverSeen,
  kInVain,
  kItemLately,
  kItemShown,
  kKindLately,
  kMatch,
  kMatchMissing,
  kHour,
  kWeekend,
  kMonth,
  kContextCategory,
  kRegionCategory,
  kDeviceCategory,
  kDevicePrice,
  kScenarioFacet,
  kScenarioPrice,
  kScenarioScore,
  kScenarioAge
};
constexpr size_t kRankFeatures = 46;  // At most 64: sets of them are words.
constexpr uint64_t kAllFeatures = (uint64_t{1} << kRankFeatures) - 1;
std::string_view rank_feature_name(RankFeature feature);  // "visit-alike"
std::optional<RankFeature> find_rank_feature(std::string_view name);
extern const std::array<RankGroup, kRankFeatures> kGroupOf;

// Kinds of pages. Only the first four are ever re-ranked; the others teach.
enum class RankKind : uint8_t { kSearch, kForYou, kNext, kRelated, kOther };
constexpr size_t kRankKinds = 5;
RankKind rank_kind(std::string_view surface, bool search);
std::string_view rank_kind_name(RankKind kind);  // "for-you"

// Scores of places as an impression bears them in its attribute "base": two characters a place, steps of
// 1/128 from -16 to just below 16; ".." where there is none. Missing: NaN.
constexpr float kBaseMin = -16;
float round_base(float base);
void append_base(float base, std::string& out);
float read_base(std::string_view text, size_t place);

struct RankRow {
  static constexpr size_t kCells = 112;
  static constexpr uint32_t kIndexBits = 24;
  std::array<uint32_t, kCells> cells;  // feature << kIndexBits | index
  uint32_t count = 0;
  void add(RankFeature feature, uint64_t hash, uint32_t mask) {
    if (count < kCells)
      cells[count++] = static_cast<uint32_t>(feature) << kIndexBits | (static_cast<uint32_t>(hash) & mask);
  }
  void assign(std::span<const uint32_t> row) {
    count = static_cast<uint32_t>(std::min(row.size(), kCells));
    std::copy_n(row.begin(), count, cells.begin());
  }
  std::span<const uint32_t> all() const { return {cells.data(), count}; }
};
inline RankFeature feature_of(uint32_t cell) {
  return static_cast<RankFeature>(cell >> RankRow::kIndexBits);
}
inline RankGroup group_of(uint32_t cell) {
  return kGroupOf[cell >> RankRow::kIndexBits];
}
inline uint32_t index_of(uint32_t cell) {
  return cell & ((1u << RankRow::kIndexBits) - 1);
}

// Of a row with the page's cells: index of "page-scenario"; 0: none.
uint32_t scenario_of(std::span<const uint32_t> row);

// What else is counted of a candidate; kept by the ranker (rank/memory.h).
struct RankCounts {
  uint32_t shown_in_vain = 0;  // Of this shopper and item, lately
  float item_clicks = 0, item_expected = 0;
  float kind_clicks = 0, kind_expected = 0;  // Of its most specific category
};

struct RankAsked {
  RankKind kind = RankKind::kOther;
  uint64_t shopper = 0;  // hash of the id; 0: nobody known
  TimeMs now_ms = 0;
  std::span<const Step> steps;      // What the shopper did so far, oldest first.
  std::string_view region, device;  // As the page's request says; empty: not known.
};

class RankPage {
 public:
  static constexpr size_t kSteps = 48;  // Looked back.
  static constexpr TimeMs kPauseMs = 30 * 60 * 1000;

  // `active`: the features that are made, by bit; `mask`: of the indices of weights; below 2^24, a power of
  // two less one.
  void assign(const Catalog& catalog, const ActiveContexts& contexts, const RankAsked& asked, uint64_t active,
              uint32_t mask);
  // Cells that all candidates have in common.
  void page_cells(RankRow& out) const;
  // `base`: its score without the ranker, rounded; NaN: not known. match: null: none.
  void item_cells(const ItemRecord& item, ItemSlot slot, float base, const MatchFeatures* match,
                  const RankCounts& counts, RankRow& out) const;
  void place_cell(uint32_t place, RankRow& out) const;

  // Index of the cell "page-scenario", by which the ranker knows the scenario; 0: none.
  uint32_t scenario() const;
  uint64_t shopper() const { return shopper_; }
  RankKind kind() const { return kind_; }

 private:
  struct Known {  // Of an item among the steps.
    ItemSlot item = kNoItem;
    uint16_t visit = 0, before = 0, cart = 0;  // How often
    uint16_t ago = 0;                          // Steps since the last time
    TimeMs bought_ms = 0;
  };
  struct Value {  // Of an attribute among the steps: what share of them had it.
    uint64_t key = 0;
    float visit = 0, before = 0;
  };
  const Known* known(ItemSlot item) const;
  const Value* value(uint64_t key) const;
  Value& value_for(uint64_t key);
  void digest(const Catalog& catalog, const RankAsked& asked);
  void add_values(const ItemRecord& item, float weight, bool visit);
  void visit_cells(const ItemRecord& item, std::span<const uint64_t> values, RankRow& out) const;
  void seen_cells(const ItemRecord& item, ItemSlot slot, uint32_t in_vain, RankRow& out) const;
  void context_cells(const ItemRecord& item, float base, RankRow& out) const;
  uint64_t age_step(const ItemRecord& item) const;
  void add(RankRow& out, RankFeature feature, uint64_t a = 0, uint64_t b = 0) const;

  uint32_t mask_ = 0;
  uint64_t active_ = kAllFeatures;
  ActiveContexts contexts_;
  uint64_t region_ = 0, device_ = 0;
  RankKind kind_ = RankKind::kOther;
  uint64_t shopper_ = 0;
  TimeMs now_ms_ = 0;
  size_t visit_steps_ = 0, steps_ = 0;
  float visit_weight_ = 0, before_weight_ = 0;
  double price_sum_ = 0, price_n_ = 0;  // ln of prices among the steps
  uint32_t last_category_ = 0, cart_category_ = 0;
  std::vector<Known> known_;  // by item
  std::vector<Value> values_;
  std::vector<uint32_t> table_;   // Open addressing: key -> 1 + index into values_
  std::vector<uint32_t> filled_;  // Of table_
};

}  // namespace freshet
