// Which item comes next after these? Item embeddings, a short gated linear recurrence, and a memory of what
// the sequence already contains, learned online in one pass.
//
// One step of a sequence is an item (a dense number), the kind of action and the time since the step before.
// With x_l = e_item + e_type + e_gap of the l-th newest step, m their decayed mean and h the recurrence
//
//   f = sigmoid(W_f x + b_f)    c = W_c x + b_c    h <- f * h + (1 - f) * c    over the last few steps,
//   q = sum_l a_l * x_l  +  a_m * m  +  W_o norm(h)  +  s (when a new session begins)
//   score(j) = q . e_j + b_j + r_j                       (e tied; r_j: 0 unless j is in the sequence, then
//   what was
//                                                        learned for its age, its session and its count)
//
// (gate: Qin et al. 2023, HGRN; Feng et al. 2024, minGRU), learned by sampled softmax with negatives shared
// by a micro-batch of lessons and corrected by the logarithm of their exact sampling rate (Bengio, Senecal
// 2008; Yi et al. 2019), the sequence's own items always among them, truncated back-propagation, and Adagrad
// (Duchi et al. 2011), one accumulator a row for embeddings, with decay. Why and what was measured:
// docs/decisions/0021-sequence-model.md.
//
// Determinism: the same calls give the same bytes from save() on every CPU. Random draws are keyed by the
// lesson's key; a micro-batch is cut by count, and its pending lessons are part of save().
//
// Threads: one writer (the fold thread) calls everything on SequenceModel except view(). Any thread calls
// view() at any time and reads through it without waiting: it sees one published version, whole. The writer
// has a copy of its own and two for Views, of which it changes the one nobody reads (Ramalhete, Correia 2013,
// "Left-Right"); neither side ever waits for the other. Hold a View for one request, not longer.
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
  uint32_t dim = 64;                  // d: floats per item; a multiple of 32, at most 128.
  uint32_t rows_max = 1 << 20;        // Items numbered at or above are never learned and never proposed.
  uint32_t batch = 16;                // Lessons of a micro-batch.
  uint32_t negatives = 256;           // N, shared by the lessons of a micro-batch; a multiple of 16.
  uint32_t context_max = 32;          // Newest steps that enter q.
  uint32_t history_max = 200;         // Newest steps in which r_j looks for j; at least context_max.
  uint32_t ring = 50'000;             // K: negatives are drawn from the last K targets...
  float uniform = 0.1f;               // ...but with this probability uniformly from the live items.
  float rate_item = 0.1f;             // Learning rates of Adagrad: item vectors,
  float rate_bias = 0.05f;            // item biases,
  float rate_dense = 0.05f;           // everything else.
  float forget_item = 0.9998f;        // Decay of a row's accumulator at each visit: an old item still moves.
  float init_noise = 0.15f;           // A new item's vector: noise of this deviation...
  float init_like = 0.25f;            // ...plus this much of the mean of the items given to add().
  float untouched = 3;                // Taken from the bias of an item until somebody acts on it.
  uint32_t exact_rows_max = 400'000;  // With more live items or higher slots, top() goes through the index.
  uint64_t seed = 1;
};

// One step of a shopper's sequence.
struct SequenceStep {
  uint32_t item = 0;
  uint8_t type = 0;   // Kind of action, a number below 32 of the caller's choice (the event's type).
  uint8_t gap = 0;    // gap_bucket(time since the step before); 0: not known, or no step before.
  uint8_t first = 0;  // 1: first of its session, or of its order when steps are purchases.
  uint8_t unused = 0;
  bool operator==(const SequenceStep&) const = default;
};

// What came before: steps oldest first. Steps on items that are not live are left out.
//
// For items bought together in one order, the context of each is what came before the order, with new_session
// set: that teaches whole baskets (measured on one shop, recall@20 of the next basket: .218, against .169
// when the order's own items are in the context).
struct SequenceContext {
  std::span<const SequenceStep> steps;
  bool new_session = false;  // The item asked for opens a new session or order.
};

constexpr uint8_t kGapBuckets = 16;
uint8_t gap_bucket(
    int64_t gap_ms);  // 1: under 1 s, then a bucket for every factor of 4; negative counts as 0.

// What a sequence asks for: the vector to compare items with. Made by a View, to be used with the same View.
struct SequenceQuery {
  struct Own {
    uint32_t item;
    float bonus;  // r_j
  };
  std::vector<float> q;    // float32[dim]
  std::vector<int8_t> q8;  // q / q8_scale, rounded
  float q8_scale = 0;
  std::vector<Own> own;      // Items of the sequence, by ascending item.
  float log_normalizer = 0;  // Estimate of ln sum_j exp(score_j) over live items: log p(j) = score_j - this.
  bool empty() const { return q.empty(); }  // No step is on a live item: nothing to say.
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
  // -------------------------------------------------------------------------------------------

  // Makes the item live: it may be proposed, and sampled as a negative. Its vector is drawn from hash(seed,
  // key), plus a part of the mean vector of `like` (for example what the shopper saw just before): it does
  // not depend on a running generator. Nothing happens when it is live already or item >= rows_max.
  void add(uint32_t item, uint64_t key, std::span<const uint32_t> like = {});
  // Forgets the item (evicted or deleted): no longer proposed; it starts anew with the next add().
  void remove(uint32_t item);
  bool live(uint32_t item) const;
  uint32_t live_items() const;

  // Learns that `target` followed `context`. Does nothing when the target or every step is not live. Returns
  // true when this lesson completed a micro-batch, i.e. parameters changed. `weight` scales the gradient.
  // `key`: hash of the event's id. Cost: about 10 us averaged (dim 64, N 256).
  bool learn(const SequenceContext& context, uint32_t target, uint64_t key, float weight = 1);

  // Lessons of the micro-batch that is not complete yet.
  uint32_t pending() const;

  // Shows the parameters as they stand to view(). Cost: about 50 ns for each row that changed since the last
  // time, plus 8 us. Never waits: while Views from before the last change are held, new ones go on seeing
  // what is shown now, and the newest is shown by a later publish() or learn().
  void publish();
  uint64_t version() const;  // Number of publish() calls.

  // Mean training loss (nats) of the last 1024 or so lessons, for metrics.
  float loss() const;

  void save(Writer& out) const;
  Status load(Reader& in);  // kCorrupt; kInvalid: saved with other options. Publishes what was loaded.
  size_t bytes() const;

  // --- any thread
  // -------------------------------------------------------------------------------------------------

  class View {
   public:
    ~View();
    View(View&& other) noexcept;
    View& operator=(View&&) = delete;

    // Cost: about 3 us, and 50 ns a step of history.
    SequenceQuery encode(const SequenceContext& context) const;

    // log p of given items, -infinity for those not live. out.size() == items.size().
    void score(const SequenceQuery& query, std::span<const uint32_t> items, std::span<float> out) const;

    // The k best live items that pass `allow` (empty: all), best first, ties by smaller item. Exact up to
    // exact_rows_max live items (100 k x 64: 0.2 to 0.4 ms); above it through the index, where `adaptive`
    // follows the measured recall (for requests) and otherwise the effort is fixed (for the fold: same result
    // in every replay).
    std::vector<ScoredItem> top(const SequenceQuery& query, size_t k,
                                const std::function<bool(uint32_t)>& allow = {}, bool adaptive = true) const;
    // The same by a full scan.
    std::vector<ScoredItem> top_exact(const SequenceQuery& query, size_t k,
                                      const std::function<bool(uint32_t)>& allow = {}) const;

    uint64_t version() const;
    uint32_t live_items() const;

   private:
    friend class SequenceModel;
    View(const SequenceModel* model, const void* replica, uint32_t lane);
    const SequenceModel* model_;
    const void* replica_;
    uint32_t lane_;
  };
  View view() const;
  // Fold thread only: exactly what the last publish() published. What learns from the model's answers reads
  // this, as view() may lag behind while requests hold on to what was shown before.
  View own_view() const;

  // Running mean of recall@100 of the index against an exact scan, over sampled queries; 1 while scans are
  // exact.
  double index_recall() const;
  uint32_t index_probes() const;  // Lists visited by an adaptive top(), 0 while scans are exact.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace freshet
