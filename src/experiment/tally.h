// What one run of an experiment has counted, in bounded memory however many shoppers there are.
//
// Shoppers are what is drawn, searches what is counted; searches of one shopper resemble each other. So sums
// are kept by arm and bucket of shoppers, and the variance of a rate R = sum x / sum n comes from the
// differences between buckets (the streaming bootstrap's argument, Chamandy et al. 2012, "Estimating
// uncertainty for massive data streams"; delta method, Deng, Knoblich, Lu 2018):
//   V = B / (B - 1) . sum over buckets of (x_b - R n_b)^2 / (sum n)^2
// With fewer shoppers than buckets a bucket is a shopper. Shoppers are counted by a bitmap (linear counting,
// Whang, Vander-Zanden, Taylor 1990).
//
// Threads: one. Deterministic: sums are made in the order of the calls. Memory: 57 KB of sums and 128 KB of
// bitmap (ab), 256 KB of bitmaps (interleaving), at most 16 KB of history.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "experiment/experiment.h"

namespace freshet {

enum class Measure : uint8_t {
  kSearches,
  kClicked,  // Searches with a click,
  kCarted,   // with something put into the cart,
  kBought,   // with a purchase.
  kRevenue,  // Price times quantity of what was bought.
  kEmpty,    // Searches that found nothing.
  kTookMs,
};
constexpr size_t kMeasures = 7;

struct Ratio {
  double value = 0, variance = 0;
  size_t answered = 0;  // Buckets in which it is not 0.
};

struct HistoryPoint {
  TimeMs time_ms = 0;
  double n = 0;           // ab: searches; interleaving: pages that were answered
  double difference = 0;  // ab: of the goal, variant - control; interleaving: wins of the variant
  double variance = 0;    // ab only
};

// Which of very many numbers have been seen; forgets none, and takes some for others.
class SeenSet {
 public:
  static constexpr uint32_t kBits = 1u << 20;
  bool add(uint64_t hash);  // False: it was there, or another one stands for it.
  uint64_t marked() const { return marked_; }
  double count() const;  // How many there were, about.
  void save(Writer& out) const;
  Status load(Reader& in);

 private:
  std::vector<uint64_t> words_;  // Empty until needed.
  uint64_t marked_ = 0;
};

// Whether a number was among the last kOf to 2 kOf of very many: two Bloom filters (Bloom 1970), of which the
// older gives way when the newer is full. At most one in 200 that are new is taken for one of them.
class RecentSet {
 public:
  static constexpr uint32_t kBits = 1u << 20, kOf = 1u << 16;
  bool add(uint64_t hash);  // False: it was there.
  size_t bytes() const { return (now_.size() + before_.size()) * sizeof(uint64_t); }
  void save(Writer& out) const;
  Status load(Reader& in);

 private:
  std::vector<uint64_t> now_, before_;  // Empty until needed.
  uint32_t count_ = 0;                  // In `now_`.
};

class ExperimentTally {
 public:
  static constexpr uint32_t kBuckets = 512;
  static constexpr size_t kHistoryMax = 400;

  explicit ExperimentTally(const ExperimentDefinition& of);

  // ab
  void search(Arm arm, uint32_t bucket, uint64_t shopper, bool empty, double took_ms, TimeMs now_ms);
  void answer(Arm arm, uint32_t bucket, Measure measure, double value);
  // interleaving. A page with the coins of a late one (`draft`: their key) is not counted: false.
  bool page(uint64_t draft);
  void win(Arm arm, TimeMs now_ms);

  double sum(Arm arm, Measure measure) const;
  Ratio ratio(Arm arm, Measure measure) const;  // Per search.
  size_t clusters(Arm arm) const;               // Buckets with a search.
  uint64_t shoppers_marked(Arm arm) const { return marked_[static_cast<size_t>(arm)]; }
  double shoppers(Arm arm) const;  // About.
  Goal goal() const { return goal_; }
  uint64_t pages() const { return pages_; }
  uint64_t wins(Arm arm) const { return wins_[static_cast<size_t>(arm)]; }
  const std::vector<HistoryPoint>& history() const { return history_; }

  void save(Writer& out) const;
  Status load(Reader& in);
  size_t bytes() const;

 private:
  using Sums = std::array<double, kMeasures>;
  Sums& sums(Arm arm, uint32_t bucket) { return buckets_[static_cast<size_t>(arm) * kBuckets + bucket]; }
  const Sums& sums(Arm arm, uint32_t bucket) const {
    return buckets_[static_cast<size_t>(arm) * kBuckets + bucket];
  }
  void note(double n, TimeMs now_ms);

  ExperimentKind kind_;
  Goal goal_;
  std::vector<Sums> buckets_;  // [arm][bucket]; ab only
  std::array<Sums, 2> total_{};
  SeenSet seen_;      // Shoppers; ab only
  RecentSet drafts_;  // Of pages; interleaving only
  std::array<uint64_t, 2> marked_{};
  uint64_t pages_ = 0;
  std::array<uint64_t, 2> wins_{};
  std::vector<HistoryPoint> history_;
};

Measure measure_of(Goal goal);

}  // namespace freshet
