// Deep and cross network over the row: a vector for each categorical value, one for the sum of what has no
// column of its own (words, sparse features), and the standardised numbers; one head. model/cross_network.h
// and table/row_table.h have the formulae. Rows one by one, so the network takes its step inside the backward
// pass.
#include <algorithm>
#include <cmath>

#include "learn/learner.h"
#include "model/cross_network.h"
#include "model/math.h"
#include "table/row_table.h"

namespace freshet {
namespace {

constexpr size_t kDim = 16;

size_t to_16(size_t n) {
  return (n + 15) / 16 * 16;
}

class DcnLearner final : public Learner {
 public:
  explicit DcnLearner(const LearnerShape& shape)
      : task_(shape.task),
        first_(shape.first_keys),
        last_(shape.last_keys),
        table_({.dim = kDim,
                .optimizer = {.rate = 0.03f, .fade = 0.9999f},
                .init = 0.02f,
                .seed = shape.seed,
                .bytes_max = std::max<size_t>(shape.bytes_max / 2, 4 << 20)}),
        network_({.inputs = (first_ + last_ + 1) * kDim + to_16(shape.dense),
                  .hidden = {64, 32},
                  .heads = 1,
                  .rate = 0.01f,
                  .seed = shape.seed}),
        x_(network_.inputs()),
        dx_(network_.inputs()) {}

  float score(const Sample& sample) override {
    rows_.resize(sample.keys.size());
    table_.find(sample.keys, rows_);
    return forward(sample);
  }

  void learn(const Sample& sample) override {
    rows_.resize(sample.keys.size());
    table_.advance(static_cast<uint32_t>(++learned_ >> 10));
    table_.sight(sample.keys, rows_);
    const float score = forward(sample);
    const float said = task_ == Task::kBinary ? sigmoid_f32(score) : score;
    float slopes[CrossNetwork::kHeads] = {(said - sample.label) * sample.weight};
    network_.backward(1, slopes, dx_.data(), true);
    gradients_.resize(rows_.size() * kDim);
    for (size_t i = 0; i < rows_.size(); ++i) {
      const size_t field = field_of(i);
      const float share = field == first_ + last_ ? pool_ : 1;
      for (size_t d = 0; d < kDim; ++d) gradients_[i * kDim + d] = dx_[field * kDim + d] * share;
    }
    table_.update(rows_, gradients_.data());
  }

  size_t bytes() const override { return table_.bytes() + network_.bytes(); }
  void save(Writer& out) const override {
    out.u64(learned_);
    table_.save(out);
    network_.save(out);
  }
  void load(Reader& in) override {
    learned_ = in.u64();
    table_.load(in);
    network_.load(in);
  }

 private:
  // The first keys of a sample are those of time, the last those of columns; between them is what varies.
  size_t field_of(size_t i) const {
    if (i < first_) return i;
    const size_t varying_end = rows_.size() - std::min(last_, rows_.size());
    return i < varying_end ? first_ + last_ : first_ + (i - varying_end);
  }

  float forward(const Sample& sample) {
    values_.resize(rows_.size() * kDim);
    table_.gather(rows_, values_.data());
    std::fill(x_.begin(), x_.end(), 0.0f);
    const size_t varying = rows_.size() - std::min(rows_.size(), first_ + last_);
    pool_ = varying > 0 ? 1 / std::sqrt(static_cast<float>(varying)) : 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const size_t field = field_of(i);
      const float share = field == first_ + last_ ? pool_ : 1;
      for (size_t d = 0; d < kDim; ++d) x_[field * kDim + d] += values_[i * kDim + d] * share;
    }
    std::copy(sample.scaled.begin(), sample.scaled.end(), x_.begin() + (first_ + last_ + 1) * kDim);
    float logits[CrossNetwork::kHeads];
    network_.forward(1, x_.data(), logits);
    return logits[0];
  }

  const Task task_;
  const size_t first_, last_;
  RowTable table_;
  CrossNetwork network_;
  uint64_t learned_ = 0;
  std::vector<float> x_, dx_, values_, gradients_;
  std::vector<uint32_t> rows_;
  float pool_ = 0;  // Share of each varying key in their sum.
};

}  // namespace

std::unique_ptr<Learner> make_dcn(const LearnerShape& shape) {
  return std::make_unique<DcnLearner>(shape);
}

}  // namespace freshet
