// What is read of a sequence model: the fold thread's own copy, and the two of requests, which are brought up
// to date in turn.
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
#include "model/vector_index.h"

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

// One row as a copy shows it.
struct ShownRow {
  uint32_t item = 0;
  float scale = 0, bias = 0;
  std::vector<int8_t> q;  // [dim]
  bool load(Reader& in, const SequenceOptions& options);
};

class ServingCopy {
 public:
  // `lives`: an index whose lists are read where they are, instead of a copy of them: slower to search,
  // nothing to keep up to date. For the fold thread's own.
  explicit ServingCopy(const SequenceOptions& options, const VectorIndex* lives = nullptr);

  // --- writer, while nobody reads ---
  void update_row(uint32_t item, const SequenceLearner& learner);
  void set_row(const ShownRow& row);
  void copy_row(uint32_t item, const ServingCopy& from);  // As `from` has it; cheaper than update_row().
  void copy_rest(const ServingCopy& from);
  void fetch_row(uint32_t item, const SequenceLearner& learner) const {
    learner.fetch_row(item);
    fetch_row(item);
  }
  void fetch_row(uint32_t item) const {
    __builtin_prefetch(rows_.data() + static_cast<size_t>(item) * options_.dim, 1);
    __builtin_prefetch(scale_.data() + item, 1);
    __builtin_prefetch(bias_.data() + item, 1);
  }
  void update_rest(const SequenceLearner& learner, uint64_t version);
  void resize_index(uint32_t lists) { index_.resize(lists); }
  void fetch_cell(uint32_t list, uint32_t place) const { index_.fetch_cell(list, place); }
  void update_list(const VectorIndex& from, uint32_t list) { index_.update_list(from, list); }
  void update_cell(const VectorIndex& from, uint32_t item);  // After update_row() and update_list().

  void save_row(uint32_t item, Writer& out) const;  // For ShownRow::load().

  // --- readers ---
  SequenceQuery encode(const SequenceContext& context) const;
  float score(const SequenceQuery& query, uint32_t item) const;  // -infinity: not live
  void score(const SequenceQuery& query, std::span<const uint32_t> items, std::span<float> out) const;
  // Scores of given items, without the bonus of the sequence's own. out[i] belongs to items[i].
  void base_scores(const SequenceQuery& query, std::span<const uint32_t> items, float* out) const;
  std::vector<ScoredItem> scan(const SequenceQuery& query, size_t k,
                               const std::function<bool(uint32_t)>& allow) const;
  // scan(), through the index's lists where they are fewer than the rows.
  std::vector<ScoredItem> exact(const SequenceQuery& query, size_t k,
                                const std::function<bool(uint32_t)>& allow) const;
  // As scan(), through the index: visits `probes` lists, and more while too few pass `allow`. The sequence's
  // own items are always looked at.
  std::vector<ScoredItem> search(const SequenceQuery& query, size_t k,
                                 const std::function<bool(uint32_t)>& allow, uint32_t probes) const;
  uint32_t lists() const { return lives_ != nullptr ? lives_->lists() : index_.lists(); }
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
  void offer_list(const SequenceQuery& query, uint32_t list, const std::function<bool(uint32_t)>& allow,
                  TopItems& top) const;
  std::vector<ScoredItem> finish(const SequenceQuery& query, const std::function<bool(uint32_t)>& allow,
                                 TopItems& top) const;

  const SequenceOptions options_;
  const DenseLayout layout_;
  Reserved<int8_t> rows_;
  Reserved<float> scale_, bias_;
  std::vector<float> dense_;
  const VectorIndex* const lives_;
  IndexCopy index_;
  std::vector<uint32_t> sample_;
  std::vector<float> sample_log_rate_;
  uint32_t rows_used_ = 0;  // Every live item is below.
  uint32_t live_ = 0;
  uint64_t version_ = 0;
};

}  // namespace freshet
