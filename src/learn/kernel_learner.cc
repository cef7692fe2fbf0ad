// Kernel regression over the scaled numbers of a row; model/kernel_regression.h.
#include <algorithm>

#include "learn/learner.h"
#include "model/kernel_regression.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kFeaturesMost = 512;  // The first: of more even 256 rows are above KernelConfig::cells.

class KernelLearner final : public Learner {
 public:
  explicit KernelLearner(const LearnerShape& shape)
      : task_(shape.task),
        any_(shape.dense > 0),
        kernel_({.binary = shape.task == Task::kBinary, .rate = KernelConfig{}.rate * shape.knobs.rate},
                std::min(shape.dense, kFeaturesMost)) {}

  float score(const Sample& sample) override {
    if (!any_) return 0;
    const float mean = kernel_.predict(sample.scaled);
    if (task_ == Task::kRegression) return mean;
    const float p = std::clamp(mean, 1e-4f, 1 - 1e-4f);
    return log_f32(p / (1 - p));
  }

  void learn(const Sample& sample) override {
    if (any_) kernel_.learn(sample.scaled, sample.label, sample.weight);
  }

  size_t bytes() const override { return kernel_.bytes(); }
  void save(Writer& out) const override { kernel_.save(out); }
  void load(Reader& in) override { kernel_.load(in); }

 private:
  const Task task_;
  const bool any_;  // Without numbers nothing is near anything.
  KernelRegression kernel_;
};

}  // namespace

std::unique_ptr<Learner> make_kernel(const LearnerShape& shape) {
  return std::make_unique<KernelLearner>(shape);
}

}  // namespace freshet
