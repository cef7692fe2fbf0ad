// Adaptive forest over the dense features; model/adaptive_forest.h.
#include <algorithm>

#include "learn/learner.h"
#include "model/adaptive_forest.h"
#include "model/math.h"

namespace freshet {
namespace {

class ForestLearner final : public Learner {
 public:
  explicit ForestLearner(const LearnerShape& shape)
      : task_(shape.task),
        any_(shape.dense > 0),
        forest_({.seed = shape.seed}, std::max<size_t>(shape.dense, 1)) {}

  float score(const Sample& sample) override {
    if (!any_) return 0;
    const float mean = forest_.predict(sample.dense);
    if (task_ == Task::kRegression) return mean;
    const float p = std::clamp(mean, 1e-4f, 1 - 1e-4f);
    return log_f32(p / (1 - p));
  }

  void learn(const Sample& sample) override {
    if (any_) forest_.learn(sample.dense, sample.label);
  }

  size_t bytes() const override { return forest_.bytes(); }
  void save(Writer& out) const override { forest_.save(out); }
  void load(Reader& in) override { forest_.load(in); }

 private:
  const Task task_;
  const bool any_;  // Without dense features there is nothing to split on.
  AdaptiveForest forest_;
};

}  // namespace

std::unique_ptr<Learner> make_forest(const LearnerShape& shape) {
  return std::make_unique<ForestLearner>(shape);
}

}  // namespace freshet
