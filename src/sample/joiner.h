// Impressions joined with what followed them: an impression waits for clicks, carts, purchases and
// dismissals, and becomes labelled examples, one for each place and task.
//
// An action belongs to the impression whose query id it bears and which showed its item, else to the last
// impression that showed the item to the same shopper at most `window_ms` before (last touch), whichever of
// his identities it was shown to (identity links: feature/profiles.h). Each place is answered at most once a
// task. The examples of the event being folded are in examples() until the next one:
//
//   label 1          when the action comes within the window; a cart or a purchase that names the page is a
//                    click, too;
//   label 0          of every place without it, when the window has passed (by the newest event time);
//   label 1, late    when the action comes after its place was given as 0: the example stands for itself and
//                    takes the wrong one back, with the importance weights of ES-DFM (Yang et al. 2021,
//                    "Capturing delayed feedback in conversion rate prediction via elapsed-time sampling",
//                    section 4.2):
//                      label 1: 1 + p_late,   label 0: (1 + p_late) p_true
//                    p_late: late ones among all examples' places; p_true: real zeros among those given as
//                    zeros; both counted by task from what has been seen, so that weights sum to the places;
//   label 0, firm    of all tasks of a place that was dismissed: at once, and not again when the window
//                    passes;
//   label 0, taken   a refund takes the 1 of its purchase back; a visit that was short (attribute dwell_ms of
//   a
//                    click or view, or of a later one of the same item) takes back the share of the click by
//                    which it was too short: 1 - dwell / kDwell, at most 4/5 (after Yi et al. 2014, "Beyond
//                    clicks: dwell time for personalization"; linear, so that it needs no fit);
//   pairwise         of an action that no impression explains: its item before `against`, drawn from what was
//                    shown lately, keyed by the event; no part of the pointwise stream.
//
// Features are those that the impression bears: what the search knew when it was shown, not what is known
// when the click comes. They are opaque here (clicks/click_features.h writes and reads them).
//
// How long is waited is a setting of the shop (settings/ranker_settings.h), in force with the event that
// publishes it. Bounded by `impressions_max` and `bytes_max` (configuration): the oldest goes first, what it
// still waits for is given up, and counted (JoinerLost). Threads: fold thread only, lost() and waiting() on
// any; it must stand after the catalogue and before profiles and the folds that ask it. Cost: 0.3 us an
// impression and 20 ns a place.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "feature/catalog.h"
#include "feature/moment.h"
#include "feature/profiles.h"
#include "fold/fold.h"

namespace freshet {

enum class SampleTask : uint8_t { kClick, kCart, kPurchase, kRevenue };
constexpr size_t kSampleTasks = 4;

struct JoinerWindows {
  TimeMs window_ms = 30 * 60 * 1000;        // For what follows, and for attribution by item.
  TimeMs late_ms = 7ll * 24 * 3600 * 1000;  // Later than this an action belongs to no impression.
  bool operator==(const JoinerWindows&) const = default;
};

struct JoinerConfig {
  size_t impressions_max = 100'000;
  size_t bytes_max = 64u << 20;
  JoinerWindows windows = {};  // Until configure().
  size_t places_max = 50;      // Of one impression; the rest is not waited for.
  size_t query_bytes_max = 200, features_bytes_max = 4096;
};

// What a bound has cost, since the beginning of the log.
struct JoinerLost {
  uint64_t open = 0;      // Impressions given up before their window had passed: they never gave a 0,
  uint64_t late = 0;      // and those after it, while what comes late might still have come.
  uint64_t places = 0;    // Beyond places_max, which were never waited for.
  uint64_t features = 0;  // Impressions whose features were longer than features_bytes_max.
};

struct ShownPlace {
  ItemSlot item = kNoItem;
  float propensity = 1;  // That it stood here and not at the neighbouring place; NaN: not known.
  uint8_t answered = 0;  // Bit of each task (1 << SampleTask); 1 << 7: how long it was looked at is known;
  uint8_t settled = 0;   // and of those given as 0.
};

struct ShownPage {
  uint64_t query_id = 0, shopper = 0;  // Hashes; 0: none
  uint64_t before = 0;                 // Number + 1 of the shopper's impression before this one; 0: none
  uint64_t number = 0;                 // 0, 1, 2, ... in the order of the log
  TimeMs time_ms = 0;
  uint32_t from = 0;      // Place of the first item in the whole list.
  int8_t exchanged = -1;  // Which places had changed with which, with probability one half; -1: none
  bool search = false;    // Else: recommended.
  bool closed = false;    // The window has passed.
  std::string query;      // In words (text/words.h)
  std::string features;   // As the door wrote them.
  std::vector<ShownPlace> places;
  size_t bytes() const;
};

struct LabelledExample {
  SampleTask task = SampleTask::kClick;
  float label = 0;  // kRevenue: price x quantity, else 0 or 1
  float weight = 1;
  bool late = false;
  bool pairwise = false;
  bool against_found = false;       // Of a pair: the other one stood on a page of a search.
  bool firm = false;                // A zero that was said.
  float taken = 0;                  // Of a 0: weight of the 1 of the same place that it takes back.
  const ShownPage* page = nullptr;  // Until the next event; pairwise: none
  uint32_t place = 0;
  ItemSlot item = kNoItem, against = kNoItem;
};

class Joiner final : public Fold {
 public:
  static constexpr int64_t kDwell = 10'000;  // ms: who stays so long meant the click.
  // profiles: null: nobody has a second identity.
  Joiner(const Moment& moment, const Catalog& catalog, JoinerConfig config = {},
         const Profiles* profiles = nullptr);

  std::string_view name() const override { return "joiner"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  Status readable(Reader section) const override;
  size_t bytes() const override;
  void evict(std::span<const ItemSlot> items);  // The slots are about to be used for others.
  // The setting, before the event it is of. late_ms is taken as no less than window_ms.
  void configure(const JoinerWindows& windows);
  const JoinerWindows& windows() const { return windows_; }

  // Of the event being folded.
  const ShownPage* shown() const { return shown_; }        // The impression itself.
  const ShownPage* followed() const { return followed_; }  // What the action was joined with,
  uint32_t place() const { return place_; }                // and where its item stood.
  bool first_answer() const { return first_answer_; }      // Nobody had clicked, carted or bought it there.
  bool clicked() const;                                    // This event is the place's click.
  std::span<const LabelledExample> examples() const { return examples_; }

  uint64_t first() const { return first_; }  // Number of the oldest impression that is still kept.
  uint64_t open() const;                     // Impressions whose window has not passed.
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  JoinerLost lost() const;
  // p_late and p_true of a task, as they stand.
  struct Delay {
    double late = 0, real = 1;
  };
  Delay delay(SampleTask task) const;

 private:
  struct Counted {
    uint64_t ones = 0, zeros = 0, late = 0;
  };
  void show(const Event& event, uint64_t shopper);
  void act(const Event& event);
  bool join(const Event& event);
  bool join_by_touch(std::string_view who, TimeMs age_max);
  bool shows(uint64_t number, ItemSlot item, TimeMs age_max);
  void answer(SampleTask task, double value);
  void dismiss();
  void take_back(SampleTask task, float share);
  void dwell(const Event& event);
  void explain_alone(ItemSlot item);
  void close(ShownPage& page);
  void close_old();
  void drop_first();
  void keep_bounds();
  enum Lost : uint8_t { kLostOpen, kLostLate, kLostPlaces, kLostFeatures };
  void lose(Lost what, uint64_t many = 1) { lost_[what].fetch_add(many, std::memory_order_relaxed); }
  ShownPage& page(uint64_t number) { return pages_[number - first_]; }

  const Moment& moment_;
  const Catalog& catalog_;
  const JoinerConfig config_;
  const Profiles* const profiles_;
  JoinerWindows windows_;
  std::deque<ShownPage> pages_;    // In the order of the log; number of the first: first_
  uint64_t first_ = 0, open_ = 0;  // open_: the first that is not closed
  size_t page_bytes_ = 0;
  std::unordered_map<uint64_t, uint64_t> by_query_id_, by_shopper_;  // -> number; never walked
  std::array<Counted, kSampleTasks> counted_{};
  std::atomic<size_t> waiting_{0};
  std::array<std::atomic<uint64_t>, 4> lost_{};  // As JoinerLost has them.
  std::vector<uint64_t> identities_;             // Of one action; kept for its room.

  const ShownPage* shown_ = nullptr;
  ShownPage* followed_ = nullptr;
  uint32_t place_ = 0;
  bool first_answer_ = false;
  std::vector<LabelledExample> examples_;
};

}  // namespace freshet
