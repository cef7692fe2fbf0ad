// The learned ranker: one model of what shoppers answer to, learned from every page as its clicks, carts and
// purchases come, and asked by searches and recommendations alike.
//
//   plain  what the score alone is worth, by kind of page:   a + b base + c ln(1 + place)   (plain_model.h)
//   full   plain + sum of weights of the candidate's cells                                 (gauss_weights.h)
//
// for each head: click, cart, purchase. base is what the page was ordered by without the ranker: ln of the
// probability of the mixture, or the share of the best score by words. A candidate is lifted by what the
// declared objective says beyond the score, in units of the score:
//
//   lift = (ln sum_h w_h v_h sigmoid(full_h) - ln sum_h w_h sigmoid(plain_h)) / b
//
// so that a ranker that knows nothing (weights of zero) changes nothing. It is heard, by kind of page, while
// "which place of the page was clicked", given that one was, is likelier with some share of its opinion (1/4
// .. 1) than with none, by kDoubt nats at first: a ranker that does not order better is not heard. It is
// judged on pages that were ordered without it (settings: ranker.control keeps a share of them): on a page of
// its own choice, everything looks as good to it as everything else, and what is left of its opinion is
// mostly error.
//
// Position bias. In searches a zero weighs as much as its place is looked at (the propensities of
// clicks/examination.h, clipped): for rates g well below 1, theta ln(1 - g) is what a place looked at with
// probability theta says. Elsewhere nothing is exchanged, and c and the cells "place" take it; neither is
// part of a lift.
//
// Labels, and when they come, are the joiner's: a 1 at once, a 0 when the window has passed, late ones with
// their weights (sample/joiner.h). Features are as they stood when the impression was folded; they are kept
// with it (`notes_bytes_max`; the oldest goes first, and what comes for it then teaches nothing).
//
// Threads: apply(), save(), load() by the thread that folds profiles (fold/staged_folds.h), before the
// profiles; RankQuery on any thread under an EpochGuard. Memory: weights 32 bytes << weight_bits, memories
// 16 bytes << memory_bits each, made when first needed, and notes. Cost: 25 us a page of ten, 2 us an
// example; docs/benchmarks.md has that of asking.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "clicks/click_model.h"
#include "feature/profiles.h"
#include "rank/features.h"
#include "rank/gauss_weights.h"
#include "rank/memory.h"
#include "rank/plain_model.h"
#include "sample/joiner.h"

namespace freshet {

struct RankerConfig {
  uint32_t weight_bits = 20;  // 2^n weights of each head; 10..24
  uint32_t memory_bits = 18;  // 2^n counts of (shopper, item), and of items and categories; 4..24
  size_t notes_bytes_max = 64u << 20;
  uint64_t clicks_min = 50;  // Of a kind of page, before it is re-ranked.
};

// What a page is ordered for: the sum over heads of weight . value . probability.
struct RankObjective {
  double click = 1, cart = 0, purchase = 0;
  bool operator==(const RankObjective&) const = default;
};

struct RankCandidate {
  ItemSlot item = kNoItem;
  float base = 0;                        // Rounded (round_base).
  const MatchFeatures* match = nullptr;  // Of a search.
  double value = 1;                      // Of a purchase, against what purchases are usually worth.
};

// One example as it is learned.
struct RankLesson {
  RankKind kind = RankKind::kOther;
  uint8_t head = 0;
  PlainModel::Row plain{};
  std::span<const uint32_t> row;  // Until the call returns.
  float label = 0, weight = 1;
};

struct RankVerdict {
  double lift = 0;                          // To be added to base.
  double deviation = 0;                     // Of the lift: what is not known of it.
  std::array<double, kRankGroups> parts{};  // Of the lift, by group; the rest is the objective's.
};

class Ranker final : public Fold {
 public:
  static constexpr size_t kHeads = GaussWeights::kHeads;
  static constexpr std::array<double, 5> kShares = {0, 0.25, 0.5, 0.75, 1};

  Ranker(const Moment& moment, const Catalog& catalog, const Profiles& profiles, const Joiner& joiner,
         const ClickModel& clicks, RankerConfig config = {});
  ~Ranker() override;

  std::string_view name() const override { return "ranker"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // For measuring. freeze(): nothing is learned or counted from now on but what shoppers were shown.
  // forget(): weights and what scores are worth, not what was counted nor whether it is heard. study(): a
  // lesson of elsewhere. Each lesson of this one is told to the listener before it is learned.
  void freeze() { frozen_ = true; }
  void forget();
  void study(const RankLesson& lesson);
  void on_lesson(std::function<void(const RankLesson&)> listener) { on_lesson_ = std::move(listener); }
  double loss(const RankLesson& lesson) const;  // Weighted log loss, before it is learned.

  struct Kind {  // Of page.
    std::array<PlainModel, kHeads> plain;
    bool heard = false;
    uint64_t clicks = 0, pages = 0;
    double plain_loss = 0, full_loss = 0;  // Log loss of clicks, each before it was learned, lately.
  };
  struct Parameters {  // What requests read; immutable.
    std::array<Kind, kRankKinds> kinds;
    uint64_t examples = 0;
  };
  const Parameters& parameters() const { return *parameters_.load(std::memory_order_acquire); }
  std::string describe() const;  // For people; under an EpochGuard or on the fold thread.

 private:
  friend class RankQuery;
  struct Note {  // Of an impression.
    RankKind kind = RankKind::kOther;
    bool ranked = false;  // Ordered with the ranker.
    uint64_t shopper = 0;
    std::vector<uint32_t> cells;  // Of all places, one after the other,
    std::vector<uint16_t> ends;   // and where each ends.
    std::vector<float> bases;
    size_t bytes() const { return sizeof *this + 4 * cells.size() + 6 * ends.size(); }
    std::span<const uint32_t> row(size_t place) const {
      const size_t from = place == 0 ? 0 : ends[place - 1];
      return std::span(cells).subspan(from, ends[place] - from);
    }
  };
  struct Learning {  // Of a kind of page, beside Kind.
    std::array<double, kShares.size()> losses{};
  };

  void start();
  void note(const Event& event, const ShownPage& page);
  const Note* note_of(const ShownPage& page) const;
  PlainModel::Row plain_row(const Note& note, const ShownPage& page, uint32_t place) const;
  double looked_at(RankKind kind, const ShownPage& page, uint32_t place) const;
  void judge(const ShownPage& page, uint32_t clicked);
  void learn(const LabelledExample& example);
  void clicked(const ShownPage& page, uint32_t place);
  RankCounts counts_of(uint64_t shopper, const ItemRecord& item, TimeMs now_ms) const;
  void publish();

  const Moment& moment_;
  const Catalog& catalog_;
  const Profiles& profiles_;
  const Joiner& joiner_;
  const ClickModel& clicks_;
  const RankerConfig config_;
  GaussWeights weights_;
  RankMemory in_vain_, lately_;
  Parameters now_;
  std::array<Learning, kRankKinds> learning_{};
  std::deque<Note> notes_;  // Of the impressions from first_note_ on, in their order.
  uint64_t first_note_ = 0;
  size_t notes_bytes_ = 0;
  bool frozen_ = false;
  std::function<void(const RankLesson&)> on_lesson_;
  RankPage page_;
  std::atomic<const Parameters*> parameters_{nullptr};
  RetireList retired_;
};

// One page as a request asks for it. Lives under the EpochGuard it was made under; one thread.
class RankQuery {
 public:
  RankQuery(const Ranker& ranker, const RankAsked& asked);
  // Has this kind of page shown that it is ordered better with the ranker?
  bool ready() const { return heard_; }
  void judge(std::span<const RankCandidate> candidates, const RankObjective& objective,
             std::vector<RankVerdict>& out) const;

 private:
  void judge_one(std::span<const uint32_t> row, const RankCandidate& candidate,
                 const RankObjective& objective, RankVerdict& out) const;

  const Ranker& ranker_;
  const RankAsked asked_;
  const Ranker::Kind& kind_;
  const bool heard_;
  RankPage& page_;  // Of this thread.
};

}  // namespace freshet
