// Which item comes next after these? A gated linear recurrence over item embeddings, learned online in one
// pass.
//
// One step of a sequence is an item (a dense number, "row"), the kind of action and the time since the step
// before. With x = the step's input vector, the cell and the query vector are
//
//   f = sigmoid(W_f x + b_f)      c = W_c x + b_c      h <- f * h + (1 - f) * c      (Qin et al. 2023, HGRN;
//   q = x + W_o norm(h) + ...     score(j) = q . e_j + b_j      (tied e)             Feng et al. 2024,
//   minGRU)
//
// learned by sampled softmax with negatives shared by a micro-batch of lessons and corrected by the logarithm
// of their exact sampling rate (Bengio, Senecal 2008; Yi et al. 2019), truncated back-propagation over the
// last steps, and row-wise Adagrad with decay (Duchi et al. 2011). Why and what was measured:
// docs/decisions/0020 to 0029.
//
// Determinism: the same calls give the same bytes from save() on every CPU. Random draws are keyed by the
// lesson's key; a micro-batch is cut by count, and its pending lessons are part of save().
//
// Threads: one writer (the fold thread) calls everything on SequenceModel except view(). Any thread calls
// view() at any time and reads through it without waiting: it sees one published version, whole. The writer
// keeps two serving copies and changes the one nobody reads (Ramalhete, Correia 2013, "Left-Right"); so hold
// a View for one request, not longer: publish() waits for Views older than the last publish().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace freshet {

struct SequenceOptions {
  uint32_t dim = 64;              // d: floats per item; a multiple of 16, at most 128.
  uint32_t rows_max = 2'000'000;  // Items numbered at or above are never learned and never proposed.
  uint32_t batch = 16;            // Lessons of a micro-batch.
  uint32_t negatives = 256;       // N, shared by the lessons of a micro-batch.
  uint32_t context_max = 16;      // L: encode() looks at no more than the last L steps.
  uint32_t exact_rows_max =
      200'000;  // With more live items, top() goes through the index (index_recall() below).
  uint64_t seed = 1;
};

// One step of a shopper's sequence.
struct SequenceStep {
  uint32_t item = 0;
  uint8_t type = 0;  // Kind of action, a number below 32 of the caller's choice (the event's type).
  uint8_t gap = 0;   // gap_bucket(time since the step before); 0: not known, or no step before.
  bool operator==(const SequenceStep&) const = default;
};

constexpr uint8_t kGapBuckets = 16;
uint8_t gap_bucket(
    int64_t gap_ms);  // 1: under 1 s, then a bucket for every factor of 4; negative counts as 0 ms.

// What a sequence asks for: the vector to compare items with. Made by View, to be used with the same View.
struct SequenceQuery {
  std::vector<float> q;    // float32[dim]
  std::vector<int8_t> q8;  // q / q8_scale, rounded
  float q8_scale = 0;
  float log_normalizer = 0;  // Estimate of ln sum_j exp(score_j) over live items: log p(j) = score_j - this.
  bool empty() const {
    return q.empty();
  }  // No step of the sequence is an item of the model: nothing to say.
};

// The recurrent state of a sequence, for callers that keep it between steps instead of the steps.
struct SequenceState {
  std::vector<float> h;  // float32[dim]
  std::vector<float> x;  // float32[dim], input vector of the last step
  uint32_t steps = 0;
};

struct ScoredItem {
  uint32_t item;
  float log_p;  // Natural logarithm of the estimated probability to be the next item.
};

class SequenceModel {
 public:
  explicit SequenceModel(const SequenceOptions& options);
  ~SequenceModel();
  SequenceModel(const SequenceModel&) = delete;
  SequenceModel& operator=(const SequenceModel&) = delete;

  // --- fold thread only
  // -----------------------------------------------------------------------------------------

  // Makes the item live: it may be proposed, and sampled as a negative. Its row is drawn from hash(seed,
  // key), so it does not depend on when it came. Nothing happens when it is live already or item >= rows_max.
  void add(uint32_t item, uint64_t key);
  // Forgets the item (evicted or deleted): no longer proposed; its row starts anew with the next add().
  void remove(uint32_t item);
  bool live(uint32_t item) const;
  uint32_t live_items() const;

  // Learns that `target` followed `context` (oldest first, not empty). Items that are not live are left out.
  // Returns true when this lesson completed a micro-batch, i.e. parameters changed. `weight` scales the
  // gradient. `key`: hash of the event's id. Cost: 12 to 15 us averaged (dim 64, N 256).
  bool learn(std::span<const SequenceStep> context, uint32_t target, uint64_t key, float weight = 1);

  // Shows the parameters as they stand to view(). Cost: about 50 ns for each row that changed since the last
  // time.
  void publish();
  uint64_t version() const;  // Number of publish() calls that changed something.

  void save(Writer& out) const;
  Status load(Reader& in);  // kCorrupt; kInvalid: saved with other options. Publishes what was loaded.
  size_t bytes() const;

  // --- any thread
  // -----------------------------------------------------------------------------------------------

  class View {
   public:
    ~View();
    View(View&& other) noexcept;
    View& operator=(View&&) = delete;

    // The query of a sequence from its last steps alone, oldest first. Cost: about 1 us a step.
    SequenceQuery encode(std::span<const SequenceStep> steps) const;
    // The same in O(dim^2) a step, for callers that keep the state: query(state) after advancing by every
    // step.
    void advance(SequenceState& state, const SequenceStep& step) const;
    SequenceQuery query(const SequenceState& state) const;

    // log p of given items, -infinity for those not live. out.size() == items.size().
    void score(const SequenceQuery& query, std::span<const uint32_t> items, std::span<float> out) const;
    // The k best live items that pass `allow` (empty: all), best first, ties by smaller item. Exact up to
    // exact_rows_max live items (100 k x 64: 0.2 to 0.4 ms), above it through the index.
    std::vector<ScoredItem> top(const SequenceQuery& query, size_t k,
                                const std::function<bool(uint32_t)>& allow = {}) const;

    uint64_t version() const;
    uint32_t live_items() const;

   private:
    friend class SequenceModel;
    struct Impl;
    View(const SequenceModel* model, int side);
    const SequenceModel* model_;
    int side_;
  };
  View view() const;

  // Running mean of recall@100 of the index against an exact scan, over sampled queries; 1 while scans are
  // exact.
  double index_recall() const;

 private:
  friend class View;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace freshet
