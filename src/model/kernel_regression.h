// Kernel regression over the last examples with a metric that is learned: what is asked is answered as the
// examples near it were. Nadaraya 1964, "On Estimating Regression"; Watson 1964, "Smooth Regression
// Analysis"; the metric as in Weinberger and Tesauro 2007, "Metric Learning for Kernel Regression", a weight
// a feature.
//
//   D_i = sum over f of w_f (x_f - x_if)^2;   k_i = importance_i exp(min D - D_i)
//   answer = (sum of k_i y_i + prior mean) / (sum of k_i + prior)
//
// log w and log prior go down the slope of an example's loss (log loss of labels 0..1, or half the square)
// before it is one of those that are kept; steps are divided by the root of their squares' sum over about
// 1,000 examples (Duchi et al. 2011, that forgets). Where the world moves what is long ago misleads: three
// memories answer, of all that is kept, the last quarter and the last sixteenth, mixed by their losses in
// about 100 examples; the metric learns of the best (Losing et al. 2016, "KNN Classifier with Self Adjusting
// Memory for Heterogeneous Concept Drift").
//
// Shapes: x has `features` finite numbers of about unit variance; labels are 0..1 or of about unit variance.
// The same bits on every CPU. Threads: one. Cost: rows kept times features that count, 9 to 30 us with the
// lesson. Twin: in the test, the formulas in doubles with slopes by differences.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace freshet {

struct KernelConfig {
  bool binary = true;
  size_t rows = 4096;     // Kept, at most,
  size_t cells = 131072;  // and rows times features; but 256 rows at least.
  float width = 5;        // Sum of w at the beginning.
  float prior = 0.5f;     // At the beginning.
  float rate = 0.4f;      // Of log w.
};

class KernelRegression {
 public:
  KernelRegression(const KernelConfig& config, size_t features);

  float predict(std::span<const float> x);  // Changes nothing that a later answer depends on.
  void learn(std::span<const float> x, float label, float importance);
  // log w of each feature, then log prior.
  std::span<const float> log_weights() const { return log_weights_; }
  size_t bytes() const;
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr size_t kMemories = 3;
  struct Slots {
    size_t begin = 0, end = 0;
  };
  struct Memory {
    float sum = 0, answer = 0;  // Of k and prior; theirs.
    size_t begin = 0, end = 0;  // Of near_ and kernel_.
    size_t nearest = 0;         // Index of both.
  };
  size_t kept() const { return std::min<uint64_t>(seen_, capacity_); }
  void measure(std::span<const float> x);
  Memory recall(size_t rows);
  size_t take_near(const Slots& slots, float nearest, size_t at);
  void move_metric(const Memory& memory, std::span<const float> x, float label, float importance);
  void move(size_t parameter, float slope);
  float loss(float answer, float label) const;

  const KernelConfig config_;
  const size_t features_, capacity_;
  std::vector<float> rows_;  // Feature by feature: [f * capacity + slot], slots in turn.
  std::vector<float> labels_, importance_;
  std::vector<float> log_weights_, squares_;
  uint64_t seen_ = 0;
  double weight_ = 0, mean_ = 0;  // Of the last labels.
  double error_ = 1;              // Mean square of the last errors; of regression.
  std::array<double, kMemories> losses_{};

  // Of the example asked last, when seen_ was measured_ - 1.
  uint64_t measured_ = 0;
  std::vector<float> asked_, weights_, distance_, least_, kernel_, parts_;
  std::vector<uint32_t> near_;
  std::array<Memory, kMemories> memories_;
  float answer_ = 0;
};

}  // namespace freshet
