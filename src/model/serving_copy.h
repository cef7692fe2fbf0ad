// What requests read: one of the two copies of a sequence model that publish() brings up to date in turn.
//
//   rows   int8[rows_max, dim]   e_j = scale[j] * rows[j], 64-byte aligned
//   scale  float32[rows_max]     largest |e_j| / 127: an error of at most scale / 2 an element
//   bias   float32[rows_max]     -infinity: not live
//
// A copy is changed only while nobody reads it, so its members are plain. Threads: many readers or one
// writer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/sequence_encoder.h"
#include "model/sequence_learner.h"
#include "model/sequence_model.h"

namespace freshet {

// Keeps the k best of what it is offered: higher score first, ties by smaller item.
class TopItems {
 public:
  explicit TopItems(size_t k) : k_(k) { heap_.reserve(k); }
  // Scores below cannot enter any more.
  float threshold() const { return threshold_; }
  void offer(uint32_t item, float score);
  std::vector<ScoredItem> take();  // Sorted, best first; log_p holds the score.

 private:
  const size_t k_;
  float threshold_ = -3e38f;
  std::vector<ScoredItem> heap_;  // Worst at the front.
};

class ServingCopy {
 public:
  explicit ServingCopy(const SequenceOptions& options);

  // --- writer, while nobody reads ---
  void update_row(uint32_t item, const SequenceLearner& learner);
  void update_rest(const SequenceLearner& learner, uint64_t version);

  // --- readers ---
  SequenceQuery encode(const SequenceContext& context) const;
  float score(const SequenceQuery& query, uint32_t item) const;  // -infinity: not live
  // Scores of given items, without the bonus of the sequence's own. out[i] belongs to items[i].
  void base_scores(const SequenceQuery& query, std::span<const uint32_t> items, float* out) const;
  std::vector<ScoredItem> scan(const SequenceQuery& query, size_t k,
                               const std::function<bool(uint32_t)>& allow) const;
  // As scan(), among the items of these lists only; the sequence's own items are always looked at.
  std::vector<ScoredItem> scan_lists(const SequenceQuery& query, size_t k,
                                     const std::function<bool(uint32_t)>& allow,
                                     std::span<const std::span<const uint32_t>> lists) const;
  uint64_t version() const { return version_; }
  uint32_t live_items() const { return live_; }
  bool live(uint32_t item) const;
  size_t bytes() const {
    return static_cast<size_t>(rows_used_) * (options_.dim + 8) + dense_.size() * sizeof(float);
  }

 private:
  void dequantize(uint32_t item, float* out) const;
  float estimate_normalizer(const SequenceQuery& query) const;
  void offer_block(const SequenceQuery& query, const float* scores, const uint32_t* items, uint32_t first,
                   size_t n, const std::function<bool(uint32_t)>& allow, TopItems& top) const;
  std::vector<ScoredItem> finish(const SequenceQuery& query, const std::function<bool(uint32_t)>& allow,
                                 TopItems& top) const;

  const SequenceOptions options_;
  const DenseLayout layout_;
  Reserved<int8_t> rows_;
  Reserved<float> scale_, bias_;
  std::vector<float> dense_;
  std::vector<uint32_t> sample_;
  std::vector<float> sample_log_rate_;
  uint32_t rows_used_ = 0;  // Every live item is below.
  uint32_t live_ = 0;
  uint64_t version_ = 0;
};

}  // namespace freshet
