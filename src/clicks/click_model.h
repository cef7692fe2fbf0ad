// What clicks say about what a search should show first. Folded from impressions joined with what followed
// (sample/joiner.h); asked by the ranking step of search.
//
// The rate at which a looked-at item of a query is clicked, g, has a prior from everything but its own
// clicks,
//   g0 = exp(w . x)        x: match features as logged with the impression (features.h), and how the item,
//   the
//                          item under the query's words, and the query fare against expectation elsewhere;
//                          w learned one by one (poisson_regression.h)
// and its own evidence, clicks c and exposure e = sum of theta of the places where it was shown:
//   g  = (c + kappa g0) / (e + kappa)
// the posterior mean of a Gamma prior, which is the inverse-propensity estimate c / e drawn towards g0. theta
// comes from swaps (examination.h), clipped. kappa is the one of a grid with the least progressive loss
// (theta g - clicks ln g): the noisier the clicks, the larger. When a search asks, the evidence of all of its
// candidates is weighed together: what is named alike shares it (shared_rates.h).
//
// The ranking must not fall behind the score it starts from: a second regression on the score alone,
//   ln g = a + b score
// says what the score is worth in clicks, and an item's part is (ln g - a - b score) / b, in units of score:
// zero when clicks say nothing beyond it. Nothing is said before `clicks_min` clicks.
//
// Counts halve with `half_life_ms` of event time since the query was last shown (rows), or when they exceed
// `halve_at` expected clicks (items, words).
//
// Who clicks may be a program. While answers are in doubt (heed(): the gate of the ranker says so, publish/
// gate.h) pages and clicks wait (pages_in_doubt.h): as soon as nothing speaks against answers they are
// learned, a few with each event, and when it is found that answers teach nothing they are dropped, as all
// are until that ends. What is a click is the joiner's to say: a purchase that it found by item and time
// alone is none.
//
// Threads: apply(), save(), load(), evict() on the fold thread; Query on any thread under an EpochGuard.
// Memory: bounded by queries_max (at most 1.3 KB each), pairs_max (16 bytes), items (8 bytes). Cost: 8 us a
// page of ten; to ask 50 ns an item and word, and once clicks are known 0.2 ms for 100 items.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "base/stable_array.h"
#include "clicks/examination.h"
#include "clicks/features.h"
#include "clicks/pages_in_doubt.h"
#include "clicks/poisson_regression.h"
#include "sample/joiner.h"

namespace freshet {

struct ClickConfig {
  uint32_t queries_max = 1u << 16;  // Powers of two, at least 4.
  uint32_t pairs_max = 1u << 20;    // Words with items.
  uint32_t items_of_query = 64;
  TimeMs half_life_ms = 60ll * 24 * 3600 * 1000;
  float halve_at = 1000;
  uint64_t clicks_min = 20;
};

class ClickModel final : public Fold {
 public:
  // 1, the match features, item, item under words, query.
  static constexpr size_t kRow = 1 + kMatchFeatures + 3;
  static constexpr size_t kWordsMax = 8;
  static constexpr std::array<float, 9> kStrengths = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  static constexpr std::array<double, 5> kTrusts = {0, 0.25, 0.5, 0.75, 1};
  using Row = std::array<float, kRow>;

  ClickModel(const Moment& moment, const Catalog& catalog, const Joiner& joiner, ClickConfig config = {});
  ~ClickModel() override;

  std::string_view name() const override { return "clicks"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;
  void evict(std::span<const ItemSlot> items);
  // What comes now is learned, after what waits; it waits; it is dropped with all that waits.
  enum class Answers : uint8_t { kHeard, kInDoubt, kNotHeard };
  // Asked at each event, on the fold thread; it must say the same in each fold of a log. Set once, before the
  // first event; else all are heard.
  void heed(std::function<Answers()> answers) { answers_ = std::move(answers); }

  struct Cell {  // Of an item under a query.
    ItemSlot item = kNoItem;
    float clicks = 0, exposure = 0;
    float expected = 0;  // Clicks, had it been as good as its match features say.
  };
  struct QueryRow {
    uint64_t key = 0;
    TimeMs time_ms = 0;
    float clicks = 0, expected = 0;
    std::vector<Cell> cells;  // by item
  };
  struct Parameters {  // What requests read; immutable.
    bool ready = false;
    float strength = 32;                 // kappa
    std::array<double, kRow> weights{};  // w
    double base = 0, plain_slope = 1;    // a, b
    double slope = 1;                    // b and what it may be more: what parts are divided by
    double trust = 0;  // Share of what w says beyond the score of queries that were shown before
    std::array<float, Examination::kPlaces> theta{};
    uint64_t clicks = 0;
    double doubt = 0;  // Of ln theta of the tenth place
  };

  // One query as requests ask it. Lives under the EpochGuard it was made under.
  class Query {
   public:
    Query(const ClickModel& model, std::string_view words);
    bool ready() const { return parameters_.ready; }
    bool shown_before() const { return row_ != nullptr; }
    struct Asked {
      ItemSlot item = kNoItem;
      uint64_t item_key = 0;
      std::string_view title;
      MatchFeatures match{};
    };
    struct Verdict {
      double part = 0;   // To be added to kScore: what clicks say beyond it.
      double doubt = 0;  // Deviation of g, as a share of it.
    };
    // Of all candidates that are to be ordered, since what is known of one says something of the others.
    void verdicts(std::span<const Asked> asked, std::span<Verdict> out) const;
    // What a rate of (1 + more) g would add to the part.
    double worth(double more) const;
    const Parameters& parameters() const { return parameters_; }

   private:
    double prior_of(const Asked& one, double& plain) const;

    friend class ClickModel;
    const ClickModel& model_;
    const Parameters& parameters_;
    const QueryRow* row_ = nullptr;
    std::array<uint64_t, kWordsMax> words_{};
    size_t word_count_ = 0;
  };

  std::string describe() const;  // A line for people; under an EpochGuard or on the fold thread.

  const Parameters& parameters() const { return *parameters_.load(std::memory_order_acquire); }
  const Examination& examination() const { return examination_; }  // Fold thread.

 private:
  struct Way {
    std::atomic<uint64_t> key{0};
    std::atomic<const QueryRow*> row{nullptr};
  };
  struct Pair {
    std::atomic<uint64_t> key{0}, counts{0};
  };
  struct Counts {
    float clicks = 0, expected = 0;
  };
  static constexpr size_t kWays = 4;

  void start();
  void hear(const ShownPage& page, uint32_t place);
  void show(const ShownPage& page);
  void click(const ShownPage& page, uint32_t place);
  bool row_of(const QueryRow* row, std::span<const uint64_t> words, ItemSlot item, uint64_t item_key,
              const MatchFeatures& match, Row& out) const;
  double expected_rate(const Row& row) const;
  Counts item_counts(ItemSlot item) const;
  Counts pair_counts(uint64_t word, uint64_t item_key) const;
  void add_to_item(ItemSlot item, float clicks, float expected);
  void add_to_pair(uint64_t word, uint64_t item_key, float clicks, float expected);
  QueryRow copy_of(uint64_t key) const;
  Cell& cell_of(QueryRow& row, ItemSlot item) const;
  void put(QueryRow row);
  const QueryRow* find(uint64_t key) const;
  void judge_trust(const ShownPage& page, uint32_t clicked, const QueryRow& row,
                   std::span<const uint64_t> words);
  void publish();

  const Moment& moment_;
  const Catalog& catalog_;
  const Joiner& joiner_;
  std::function<Answers()> answers_;
  const ClickConfig config_;

  std::atomic<Way*> ways_{nullptr};  // Made when first needed.
  std::atomic<Pair*> pairs_{nullptr};
  StableArray<std::atomic<uint64_t>> items_;  // Counts as bits
  size_t rows_ = 0, cells_ = 0;
  Examination examination_;
  PoissonRegression<kRow> full_;
  PoissonRegression<2> plain_;
  std::array<double, kStrengths.size()> losses_{};
  std::array<double, kTrusts.size()> trust_losses_{};
  PagesInDoubt in_doubt_;
  uint64_t clicks_ = 0, pages_ = 0;
  std::atomic<const Parameters*> parameters_{nullptr};
  RetireList retired_;
};

}  // namespace freshet
