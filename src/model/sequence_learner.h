// The float32 masters of a sequence model and how they learn; only the fold thread touches them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/sequence_encoder.h"
#include "model/sequence_model.h"

namespace freshet {

// A zeroed array of fixed capacity, aligned to 64 bytes. The system gives its pages on first touch, so room
// for items that never come costs address space and nothing else.
template <class T>
class Reserved {
 public:
  explicit Reserved(size_t count);
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

 private:
  std::unique_ptr<char, void (*)(void*)> memory_;
  T* data_;
};

// Draws negatives: with probability `uniform` any live item, else one of the last K targets, so that the rate
// q of an item is known exactly: uniform / |live| + (1 - uniform) count / K.
class NegativeSampler {
 public:
  NegativeSampler(uint32_t rows_max, uint32_t ring, float uniform);
  void add(uint32_t item);     // Becomes live.
  void remove(uint32_t item);  // No longer live, and gone from the ring.
  bool live(uint32_t item) const { return place_[item] != 0; }
  uint32_t live_items() const { return static_cast<uint32_t>(live_.size()); }
  std::span<const uint32_t> items() const { return live_; }
  void target(uint32_t item);  // Enters the ring.
  // items.size() draws; log_rate[j] = ln(items.size() q_j). Needs a live item.
  void draw(uint64_t key, std::span<uint32_t> items, std::span<float> log_rate) const;
  float log_rate(uint32_t item, size_t draws) const;

  void save(Writer& out) const;
  bool load(Reader& in);
  size_t bytes() const;

 private:
  const uint32_t rows_max_, ring_max_;
  const float uniform_;
  std::vector<uint32_t> live_;
  Reserved<uint32_t> place_;  // Position in live_ plus 1; 0: not live.
  std::vector<uint32_t> ring_;
  uint32_t ring_at_ = 0, ring_live_ = 0;  // Next to overwrite; entries that are items.
  Reserved<uint32_t> count_;              // Occurrences in ring_.
};

class SequenceLearner {
 public:
  explicit SequenceLearner(const SequenceOptions& options);

  void add(uint32_t item, uint64_t key, std::span<const uint32_t> like);
  void remove(uint32_t item);
  bool learn(const SequenceContext& context, uint32_t target, uint64_t key, float weight);

  // What a serving copy is made of.
  const float* row(uint32_t item) const { return &rows_[static_cast<size_t>(item) * options_.dim]; }
  float bias(uint32_t item) const { return bias_[item]; }
  void fetch_row(uint32_t item) const {  // Asks for it ahead of its use.
    for (uint32_t i = 0; i < options_.dim; i += 16) __builtin_prefetch(row(item) + i);
    __builtin_prefetch(bias_.data() + item);
  }
  const std::vector<float>& dense() const { return dense_; }
  const DenseLayout& layout() const { return layout_; }
  const NegativeSampler& sampler() const { return sampler_; }
  std::span<const uint32_t> sample() const { return sample_; }
  std::span<const float> sample_log_rate() const { return sample_log_rate_; }
  std::span<const uint32_t> changed() const { return changed_; }  // Items, since clear_changed(); each once.
  void clear_changed();
  void mark_changed(uint32_t item);
  float loss() const { return loss_; }
  uint32_t pending() const { return pending_count_; }

  void save(Writer& out) const;
  Status load(Reader& in);
  size_t bytes() const;

  // For the gradient check: the loss of one batch, and its gradients before the optimizer uses them.
  struct Gradients {
    double loss = 0;
    std::vector<float> dense;
    std::vector<std::pair<uint32_t, std::vector<float>>> rows;  // [dim] and the bias after it
  };
  Gradients gradients_of_pending();
  float& parameter(uint32_t item, uint32_t i) {  // i == dim: the bias
    return i == options_.dim ? bias_[item] : rows_[static_cast<size_t>(item) * options_.dim + i];
  }
  float& dense_parameter(uint32_t i) { return dense_[i]; }

 private:
  struct Pending {
    std::vector<SequenceStep> steps;
    bool new_session = false;
    uint32_t target = 0;
    uint64_t key = 0;
    float weight = 1;
  };
  // One candidate of one lesson besides the shared negatives: the target, or an item the sequence contains.
  struct Own {
    uint32_t item;
    int32_t age, count;  // Of OwnItem; -1: no bonus.
    float log_rate;      // ln of the rate at which it was taken; 0: always.
  };

  void learn_batch();
  void forward();
  void gather(uint32_t b);
  void candidates(uint32_t b);
  float score_lesson(uint32_t b);
  void backward();
  void update();
  float* gradient_of(uint32_t item);
  void touch(uint32_t item);

  const SequenceOptions options_;
  const DenseLayout layout_;
  Reserved<float> rows_;        // [rows_max, dim]
  Reserved<float> bias_;        // [rows_max]
  Reserved<float> seen_;        // [rows_max]: Adagrad's accumulator of the row
  Reserved<float> seen_bias_;   // [rows_max]
  Reserved<uint64_t> key_;      // [rows_max]
  Reserved<uint8_t> acted_on_;  // [rows_max]: 1 from the first lesson that holds it
  std::vector<float> dense_, dense_seen_;
  NegativeSampler sampler_;
  std::vector<Pending> pending_;
  uint32_t pending_count_ = 0;
  std::vector<uint32_t> sample_;  // Negatives of the newest micro-batch.
  std::vector<float> sample_log_rate_;
  float loss_ = 0;
  uint64_t lessons_ = 0;

  // Scratch of one micro-batch.
  EncodeBatch batch_;
  std::vector<OwnItem> own_scratch_;
  std::vector<std::vector<Own>> own_;  // By lesson; the target is first.
  std::vector<float> dense_gradient_;
  std::vector<float> negatives_, negatives_t_, negative_bias_, negatives_gradient_;
  std::vector<float> scores_;  // [batch, stride_]: shared negatives, then own candidates
  uint32_t stride_ = 0;
  double batch_loss_ = 0;
  Reserved<uint32_t> touched_place_;  // Position in touched_ plus 1.
  std::vector<uint32_t> touched_;
  std::vector<float> touched_gradient_;  // [touched, dim + 16]: the row, then its bias
  Reserved<uint8_t> is_changed_;
  std::vector<uint32_t> changed_;
};

}  // namespace freshet
