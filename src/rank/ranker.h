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
// so that a ranker that knows nothing (weights of zero) changes nothing. A deep learner (deep_weights.h)
// learns the same lessons while `ranker.learner` asks for it, and sigmoid(full) is then what the voices of
// both say, mixed as experts.h does. The ranker is heard, by kind of page, while "which place of the page was
// clicked", given that one was, is likelier with some share of some opinion than with none: a ranker that
// does not order better is not heard. It is judged on pages that were ordered without it (settings:
// ranker.control keeps a share of them): on a page of its own choice, everything looks as good to it as
// everything else, and what is left of its opinion is mostly error.
//
// Searches are ordered by what clicks say of their items already (clicks/click_model.h), so that of the
// ranker only what it knows of the shopper is heard there (RankHeard::kShopper), of the linear learner,
// unless the settings ask for all of it: search_weight. Nobody known: nothing is said.
//
// Position bias. In searches a zero weighs as much as its place is looked at (the propensities of
// clicks/examination.h, clipped): for rates g well below 1, theta ln(1 - g) is what a place looked at with
// probability theta says. Elsewhere nothing is exchanged, and c and the cells "place" take it; neither is
// part of a lift.
//
// Labels, and when they come, are the joiner's: a 1 at once, a 0 when the window has passed, late ones with
// their weights (sample/joiner.h). But of a search, and of a list where more than a hundred pages are open,
// every place is a zero of all heads as soon as it is shown, and an action within the window a 1 that takes
// its zero back (fake negatives: Ktena et al. 2019, "Addressing delayed feedback for continuous training with
// neural networks in CTR prediction"): zeros that are half an hour behind the ones are none of what is new.
// Such a page is judged by what was said of it before its own zeros. Features are as they stood when the
// impression was folded; they are kept with it (`notes_bytes_max`; the oldest goes first, and what comes for
// it then teaches nothing).
//
// Threads: apply(), save(), load() by the thread that folds profiles (fold/staged_folds.h), before the
// profiles; RankQuery on any thread under an EpochGuard. Memory: weights 48 bytes << weight_bits, vectors 60
// bytes << deep_bits if they are asked for, memories 16 bytes << memory_bits each, made when first needed,
// and notes. Cost: docs/benchmarks.md.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "clicks/click_model.h"
#include "feature/contexts.h"
#include "feature/profiles.h"
#include "rank/belief_part.h"
#include "rank/challenger.h"
#include "rank/counts_in_doubt.h"
#include "rank/deep_weights.h"
#include "rank/experts.h"
#include "rank/features.h"
#include "rank/gauss_weights.h"
#include "rank/importance.h"
#include "rank/lesson.h"
#include "rank/memory.h"
#include "rank/plain_part.h"
#include "rank/publication.h"
#include "rank/rank_version.h"
#include "rank/reservoir.h"
#include "rank/scenario_gate.h"
#include "sample/joiner.h"
#include "settings/settings.h"

namespace freshet {

struct RankerConfig {
  uint32_t weight_bits = 20;  // 2^n weights of each head; 10..24
  uint32_t deep_bits = 18;    // 2^n vectors of the deep learner; 10..24
  uint32_t memory_bits = 18;  // 2^n counts of (shopper, item), and of items and categories; 4..24
  size_t notes_bytes_max = 64u << 20;
  uint64_t clicks_min = 50;  // Of a kind of page, before it is re-ranked.
};

// Of the linear learner, before anything is known.
GaussWeights::Config weights_config(const RankerConfig& config);

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

// Parts of a lift: the groups of features, what the deep learner says of them together, and what a purchase
// is worth.
constexpr size_t kRankParts = kRankGroups + 2, kDeepPart = kRankGroups, kValuePart = kRankGroups + 1;
std::string_view rank_part_name(size_t part);    // "visit", "together"
std::string_view rank_part_reason(size_t part);  // For people.
// Why an item stands where it does, for a shopper to read, when this part lifted it most; empty: it says
// nothing that a shopper could know.
std::string_view rank_part_sentence(size_t part);

struct RankVerdict {
  double lift = 0;                         // To be added to base.
  double deviation = 0;                    // Of the lift: what is not known of it.
  std::array<double, kRankParts> parts{};  // Add up to the lift.
};

// What a lift is made of: all that is known of a candidate; or what is known of the shopper who asks
// (kOfShopper), beyond what is known of the candidate whoever asks.
enum class RankHeard : uint8_t { kAll, kShopper };

class Ranker final : public Fold {
 public:
  static constexpr size_t kHeads = GaussWeights::kHeads;

  Ranker(const Moment& moment, const Catalog& catalog, const Profiles& profiles, const Joiner& joiner,
         const ClickModel& clicks, const Contexts& contexts, const Settings& settings,
         RankerConfig config = {});
  ~Ranker() override;

  std::string_view name() const override { return "ranker"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  Status readable(Reader section) const override;
  size_t bytes() const override;

  // For measuring. freeze(): nothing is learned or counted from now on but what shoppers were shown.
  // forget(): weights and what scores are worth, not what was counted nor whether it is heard. study(): a
  // lesson of elsewhere. Each lesson of this one is told to the listener before it is learned.
  struct Logits {
    double plain = 0, full = 0;  // What its score alone says, and all that is known.
  };
  void freeze();
  void forget();
  Logits study(const RankLesson& lesson);
  void on_lesson(std::function<void(const RankLesson&)> listener) { on_lesson_ = std::move(listener); }
  GaussWeights::Error serving_error() const { return weights_.serving_error(); }
  double loss(const RankLesson& lesson) const;  // Weighted log loss, before it is learned.

  struct Kind {                            // Of page.
    std::array<PlainModel, kHeads> plain;  // That is live.
    RankBelief::Voices voices;             // Likewise: who is asked, and whether anybody is heard.
    uint64_t clicks = 0, pages = 0;
    double plain_loss = 0, full_loss = 0;  // Log loss of clicks, each before it was learned, lately.
  };
  struct Parameters {  // What requests read; immutable.
    std::array<Kind, kRankKinds> kinds;
    uint64_t examples = 0;
    uint64_t active = kAllFeatures;  // Features that are made.
    ScenarioGate scenarios;
    std::shared_ptr<const Importance> importance;  // As of a while ago; never null.
    std::vector<ChallengerReport> challengers;
    std::string promoted;             // The challenger that has the place; empty: what settings declare.
    double prior = 1, caution = 1.3;  // Of the linear learner (RankerChallenger)
    RankLearner learner = RankerSettings{}.learner;  // Who is asked.
    RankHeard searches = RankHeard::kShopper;        // What is heard there, and by what it is judged.
  };
  const Parameters& parameters() const { return *parameters_.load(std::memory_order_acquire); }
  // What of it is live, and why (rank/publication.h). configure(): the setting, before the event it is of.
  void configure(const RankerUpdates& updates);
  // Who is asked from now on, and how the linear one learns: the settings, before the event they are of; a
  // challenger that takes the place changes it.
  void choose(RankLearner learner, double prior = 1, double caution = 1.3);
  // Who learns in the shadow from now on, as choose() and after it. Who was named before goes on.
  void challenge(const std::vector<RankerChallenger>& named);
  // All of it, as the published settings change: a challenger keeps the place as long as they go on naming it
  // and do not say otherwise of what is declared.
  void settings_changed(const RankerSettings& before, const RankerSettings& after);
  const Publication& publication() const { return publication_; }
  // What its gate thinks of them, for the click model.
  ClickModel::Answers answers() const {
    return publication_.suspect() ? ClickModel::Answers::kNotHeard
           : publication_.calm()  ? ClickModel::Answers::kHeard
                                  : ClickModel::Answers::kInDoubt;
  }
  // Impressions whose features were given up by `notes_bytes_max` while something could still have come for
  // them, since the beginning of the log. Any thread.
  uint64_t notes_lost() const { return notes_lost_.load(std::memory_order_relaxed); }
  // Versions that were found to be good, at most one an hour of event time; on the fold thread, must be
  // quick. The same log gives the same versions.
  void on_version(std::function<void(RankVersion)> sink) { on_version_ = std::move(sink); }
  // What happens to what is live; on the fold thread, must be quick.
  void on_note(std::function<void(const PublicationNote&)> observer) {
    publication_.on_note(std::move(observer));
  }
  std::vector<PartShape> shape() const;  // Of its versions.
  // Could such a version be put in place of what is live? kInvalid: what does not fit.
  Status check(const std::vector<VersionPart>& parts) const;
  std::string describe() const;  // For people; under an EpochGuard or on the fold thread.

 private:
  friend class RankQuery;
  struct Note {  // Of an impression.
    RankKind kind = RankKind::kOther;
    bool ranked = false;  // Ordered with the ranker.
    bool known = false;   // There was something known of the shopper.
    uint64_t shopper = 0;
    std::vector<uint32_t> cells;  // Of all places, one after the other,
    std::vector<uint16_t> ends;   // and where each ends.
    std::vector<float> bases;
    std::vector<float> drawn;  // RankLesson::drawn, NaN where there is no row; empty: no zeros at once.
    std::vector<RankOpinion>
        said;  // With zeros at once: of the learner before them, then of each challenger.
    size_t bytes() const {
      return sizeof *this + 4 * cells.size() + 6 * ends.size() + 4 * drawn.size() +
             sizeof(RankOpinion) * said.size();
    }
    std::span<const uint32_t> row(size_t place) const {
      const size_t from = place == 0 ? 0 : ends[place - 1];
      return std::span(cells).subspan(from, ends[place] - from);
    }
  };
  struct PageOpinions;

  void start();
  void note(const Event& event, const ShownPage& page);
  RankAsked asked_by(const Event& event, const ShownPage& page) const;
  void note_places(const Event& event, const ShownPage& page, const RankAsked& asked, Note& note);
  void count_shown(const ShownPage& page, const Note& note);
  void count(const ItemRecord& item, float clicks, float expected);
  void save_notes(Writer& out) const;
  Status load_notes(Reader& in, uint32_t version);
  void drop_note();
  const Note* note_of(const ShownPage& page) const;
  PlainModel::Row plain_row(const Note& note, const ShownPage& page, uint32_t place) const;
  double looked_at(RankKind kind, const ShownPage& page, uint32_t place) const;
  void judge(const ShownPage& page, uint32_t clicked);
  void learn(const LabelledExample& example);
  void learn_pair(const Event& event, const LabelledExample& example);
  void learn_zeros(const ShownPage& page);
  Logits teach(const RankLesson& lesson);
  void weigh(const RankLesson& lesson);
  void count(RankKind kind, double plain_loss, double full_loss);
  void promote_challenger(const Challenger& winner);
  void tell_of_challengers();
  bool challenged() const { return challengers_.any() && !publication_.standing(); }
  bool learns_deep() const { return now_.learner != RankLearner::kLinear || challengers_.asks_deep(); }
  Logits take_in(const RankLesson& lesson);
  uint64_t features_made() const;
  void clicked(const ShownPage& page, uint32_t place);
  RankCounts counts_of(uint64_t shopper, const ItemRecord& item, TimeMs now_ms) const;
  void publish();
  void heed_settings();
  bool hears_shopper(RankKind kind) const {
    return kind == RankKind::kSearch && now_.searches == RankHeard::kShopper;
  }
  RankLearner asked_of(RankKind kind) const {
    return hears_shopper(kind) ? RankLearner::kLinear : now_.learner;
  }
  PageOpinions opinions(const Note& note, const ShownPage& page);
  void ask_deep(const Note& note, PageOpinions& said);
  void take_said(const Note& note, PageOpinions& out) const;
  void keep_said(Note& note, const ShownPage& page);
  void guard(const PageOpinions& said, uint32_t clicked);
  void believe(const PageOpinions& said, uint32_t clicked);
  void replay();
  void keep_version(uint64_t number);
  std::map<std::string, std::string> facts() const;
  void operate(const Event& event);
  std::vector<ServedPart*> parts() { return {&weights_, &plain_, &deep_, &beliefs_}; }
  Publication::When when() const { return {at_, moment_.now_ms}; }

  const Moment& moment_;
  const Catalog& catalog_;
  const Profiles& profiles_;
  const Joiner& joiner_;
  const ClickModel& clicks_;
  const Contexts& contexts_;
  const Settings& settings_;
  const RankerConfig config_;
  GaussWeights weights_;
  Importance importance_;
  PlainPart plain_;
  DeepWeights deep_;
  DeepWeights::Asked deep_asked_;  // Of the fold thread.
  BeliefPart beliefs_;
  Publication publication_;
  Challengers challengers_;
  Reservoir reservoir_;
  uint64_t replay_at_ = 0;  // Of the reservoir, where the pass is.
  Offset at_ = 0;
  BundleParts coming_;             // Of a version that is put in place.
  TimeMs versioned_ms_ = kNoTime;  // When the last one was kept.
  std::function<void(RankVersion)> on_version_;
  bool chosen_ = false;  // By the settings of the event at hand.
  RankMemory in_vain_, lately_;
  CountsInDoubt counted_;  // Of lately_.
  Parameters now_;
  std::deque<Note> notes_;  // Of the impressions from first_note_ on, in their order.
  uint64_t first_note_ = 0;
  size_t notes_bytes_ = 0;
  std::atomic<uint64_t> notes_lost_{0};
  bool frozen_ = false;
  std::function<void(const RankLesson&)> on_lesson_;
  RankPage page_;
  std::atomic<const Parameters*> parameters_{nullptr};
  RetireList retired_;
};

// One page as a request asks for it. Lives under the EpochGuard it was made under; one thread.
class RankQuery {
 public:
  RankQuery(const Ranker& ranker, const RankAsked& asked, RankHeard heard = RankHeard::kAll);
  // Has this kind of page shown that it is ordered better with the ranker? Of the shopper alone: and is
  // anything known of him?
  bool ready() const { return heard_; }
  void judge(std::span<const RankCandidate> candidates, const RankObjective& objective,
             std::vector<RankVerdict>& out) const;
  // The cells that a candidate is judged by, those of the page first. What the fold notes of an impression at
  // the same place in the log is this and its place. Only while ready().
  void row_of(const RankCandidate& candidate, RankRow& out) const;

 private:
  void item_row(const ItemRecord& item, const RankCandidate& candidate, RankRow& out) const;
  void judge_one(std::span<const uint32_t> row, const RankCandidate& candidate,
                 const RankObjective& objective, const DeepWeights::Logits& deep, RankVerdict& out) const;

  const Ranker& ranker_;
  const RankAsked asked_;
  const Ranker::Kind& kind_;
  const RankHeard of_;
  const bool heard_;
  double scenario_ = 1;  // The share of its adjustment that is heard.
  RankPage& page_;       // Of this thread.
};

}  // namespace freshet
