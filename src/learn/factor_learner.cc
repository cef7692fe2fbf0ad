// Factorisation machine over the categorical keys (Rendle 2010), rows in an embedding table: row[0] is the
// key's own weight, the others its vector. score = bias + sum w + (|sum v|^2 - sum |v|^2) / 2. The steps of
// rows are Adagrad's and know no scale; those of the bias are at a rate, of importances as shares of the
// greatest.
#include "learn/learner.h"
#include "model/embedding_table.h"
#include "model/importance_scale.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kDim = 16;

class FactorLearner final : public Learner {
 public:
  explicit FactorLearner(const LearnerShape& shape)
      : task_(shape.task),
        rate_(0.02f * shape.knobs.rate),
        table_({.dim = kDim,
                .optimizer = {.kind = Optimizer::kRowwiseAdagrad,
                              .rate = 0.06f * shape.knobs.rate,
                              .fade = 0.9995f,
                              .l2 = 1e-3f * shape.knobs.shrink},
                .bytes_max = shape.bytes_max / 2,
                .init = 0.05f,
                .seed = shape.seed}) {}

  float score(const Sample& sample) override {
    rows_.clear();
    for (const uint64_t key : sample.keys)
      if (const uint32_t row = table_.find(key); row != EmbeddingTable::kNone) rows_.push_back(row);
    return total();
  }

  void learn(const Sample& sample) override {
    rows_.clear();
    for (const uint64_t key : sample.keys)
      if (const uint32_t row = table_.touch(key); row != EmbeddingTable::kNone) rows_.push_back(row);
    const float now = total();
    const float predicted = task_ == Task::kBinary ? sigmoid_f32(now) : now;
    const float slope = (predicted - sample.label) * sample.weight;
    float gradient[kDim];
    for (const uint32_t row : rows_) {
      const float* w = table_.row(row);
      gradient[0] = slope;
      for (size_t d = 1; d < kDim; ++d) gradient[d] = slope * (sum_[d] - w[d]);
      table_.update(row, gradient);
    }
    bias_ -= rate_ * (predicted - sample.label) * static_cast<float>(scale_.share(double{sample.weight}));
  }

  size_t bytes() const override { return table_.bytes(); }
  void save(Writer& out) const override {
    out.f32(bias_);
    scale_.save(out);
    table_.save(out);
  }
  void load(Reader& in) override {
    bias_ = in.f32();
    scale_.load(in);
    table_.load(in);
  }

 private:
  float total() {
    std::fill_n(sum_, kDim, 0.0f);
    float squares = 0;
    for (const uint32_t row : rows_) {
      const float* w = table_.row(row);
      for (size_t d = 0; d < kDim; ++d) sum_[d] += w[d];
      for (size_t d = 1; d < kDim; ++d) squares += w[d] * w[d];
    }
    float cross = -squares;
    for (size_t d = 1; d < kDim; ++d) cross += sum_[d] * sum_[d];
    return bias_ + sum_[0] + 0.5f * cross;
  }

  const Task task_;
  const float rate_;  // Of the bias.
  EmbeddingTable table_;
  float bias_ = 0;
  ImportanceScale scale_{2e-4};
  float sum_[kDim] = {};
  std::vector<uint32_t> rows_;
};

}  // namespace

std::unique_ptr<Learner> make_factor(const LearnerShape& shape) {
  return std::make_unique<FactorLearner>(shape);
}

}  // namespace freshet
