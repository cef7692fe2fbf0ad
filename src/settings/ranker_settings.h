// How the learned ranker (rank/ranker.h) takes part in searches and recommendations: the member "ranker" of
// the settings (settings/search_settings.h). docs/ranking.md lists the names for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// When what it has learned goes live (rank/publication.h): the member "updates" of it.
struct RankerUpdates {
  enum class Mode : uint8_t { kEvent, kBatch, kInterval, kNightly, kHybrid };
  Mode mode = Mode::kEvent;
  uint32_t pages =
      150;  // With a click: of a batch, and of the window in which anything is judged. 10..1,000,000
  uint32_t seconds = 3600;  // Of "interval", by event time. 10..2,592,000
  uint32_t hour = 3;        // Of "nightly" and "hybrid", UTC. 0..23
  bool gate = true;      // Only what is not worse than what is live goes live, and what is worse goes back.
  bool adapt = true;     // The window and `drift` follow what is measured.
  double drift = 1e-4;   // Of a weight's variance, what comes back with each lesson. 0..0.1
  double replay = 0.25;  // What a lesson of the reservoir weighs in the nightly pass of "hybrid". 0..1
  bool operator==(const RankerUpdates&) const = default;
};

std::string_view update_mode_name(RankerUpdates::Mode mode);  // "batch"

// How long an impression waits for what follows it (sample/joiner.h), in event time: the member
// "attribution".
struct RankerAttribution {
  uint32_t window_seconds =
      1800;  // Until what has not come is a 0; last touch without a query id. 10..2,592,000
  uint32_t late_seconds =
      604'800;  // Until nothing belongs to it any more; at least the window. 10..15,552,000
  bool operator==(const RankerAttribution&) const = default;
};

// Which of the ranker's learners are asked: one alone, or both, mixed by what each has shown
// (rank/experts.h).
enum class RankLearner : uint8_t { kLinear, kDeep, kEnsemble };

std::string_view rank_learner_name(RankLearner learner);  // "linear"

// Another configuration that learns in the shadow and is compared with what is live (rank/challenger.h).
struct RankerChallenger {
  std::string name;  // Its own among the challengers; 1..64 bytes.
  RankLearner learner = RankLearner::kEnsemble;
  double prior = 1;      // Times the variances that weights begin with: more learns faster. 0.01..100
  double caution = 1.3;  // rank/gauss_weights.h. 0.1..100
  bool promote = false;  // Takes the place by itself when it is proved better; else only by hand.
  bool operator==(const RankerChallenger&) const = default;
};

constexpr size_t kChallengersMax = 4;

struct RankerSettings {
  double weight = 1;  // Of what it says of recommendations beyond the score; 0: off. 0..1
  // The same of searches, whose clicks the click model (clicks/) already hears. In simulated click worlds it
  // cost queries that nobody had searched up to .5 of nDCG@10, hence 0
  // (docs/decisions/0151-not-in-searches.md), and
  double search_weight = 0;
  // while it is 0: of what is known of the shopper who searches; 0: off. 0..1
  // (docs/decisions/0179-searches-for-whom.md)
  double personal_weight = 1;
  // Who is asked, and how the linear one learns, as of a challenger. A challenger that has taken the place is
  // in force instead, for as long as the settings go on naming it and say the same here
  // (docs/decisions/0168-what-settings-say-of-the-learner.md).
  RankLearner learner = RankLearner::kEnsemble;
  double prior = 1;      // 0.01..100
  double caution = 1.3;  // 0.1..100
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
  // Features that bring nothing are left out by themselves; `keep` and `drop` say of features by name that
  // they stay in or out (rank/features.h).
  bool retire = true;
  std::vector<std::string> keep, drop;
  RankerAttribution attribution;
  RankerUpdates updates;
  std::vector<RankerChallenger> challengers;  // At most kChallengersMax.
  bool operator==(const RankerSettings&) const = default;
};

// The member of `ranker` by which two of them learn otherwise, whatever each answers: a shop learns as what
// is published says, for all who ask. Empty: none.
std::string_view learns_otherwise(const RankerSettings& a, const RankerSettings& b);

}  // namespace freshet
