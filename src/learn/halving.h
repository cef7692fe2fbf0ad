// Which configuration? Several learn the one stream beside each other; after each rung the worse half stops,
// so that choosing costs little more than the last one alone: successive halving (Karnin, Koren, Somekh 2013,
// "Almost Optimal Exploration in Multi-Armed Bandits"; Jamieson and Talwalkar 2016, "Non-stochastic Best Arm
// Identification and Hyperparameter Optimization"), over shadow learners.
//
//   rung r   rows [begin, begin + rows * 2^r): each configuration is predicted, then learned, as ever
//   loss     its mean over the rung: what it did in its first steps is judged in the first rung only
//   stop     the worse half of those that still learn (of an odd number the middle one stays)
//   answer   of the least loss over this rung so far and the one before
//
// Configuration 0 is the default; the others are points of the Halton sequence (1960, bases 2 and 3) over
// factors: rates times 1/8 to 8, penalties times 1/10 to 10, both by their logarithm.
//
// Threads: one. Cost: N * rows + (N/2) * 2 rows + ... : N * rows * log2 N rows learned until one is left.
#pragma once

#include <memory>
#include <vector>

#include "learn/learner.h"

namespace freshet {

struct HalvingConfig {
  size_t configurations = 0;  // 0: no search; at least 2, at most kHalvingMax
  uint64_t rows = 1000;       // Of the first rung; each further one is twice as long.
};
inline constexpr size_t kHalvingMax = 64;

// What became of one configuration.
struct HalvingTrial {
  Knobs knobs;
  uint64_t rows = 0;  // Learned.
  double loss = 0;    // Mean over its last whole rung, or what there is of the first. Nats, or squared units.
  bool stopped = false;
};

Knobs halving_knobs(const LearnerEntry& entry, size_t i);

class Halving final : public Learner {
 public:
  // `entry` has a knob. Each learner may take shape.bytes_max / configurations.
  Halving(const LearnerEntry& entry, const LearnerShape& shape, const HalvingConfig& config);

  float score(const Sample& sample) override;
  std::span<const float> parts() const override { return scores_; }
  void learn(const Sample& sample) override;
  size_t bytes() const override;
  void count(RowCounts& counts) const override {
    for (const auto& one : learners_)
      if (one) one->count(counts);
  }
  Status status() const override;
  void save(Writer& out) const override;
  void load(Reader& in) override;

  const std::vector<HalvingTrial>& trials() const { return trials_; }
  size_t best() const { return best_; }
  uint64_t rungs() const { return rung_; }  // Ended.

 private:
  void choose();
  void end_rung();

  const LearnerEntry entry_;
  const Task task_;
  const uint64_t rows_;
  std::vector<std::unique_ptr<Learner>> learners_;  // Null: stopped.
  std::vector<HalvingTrial> trials_;
  std::vector<double> sums_;         // Of losses in this rung.
  uint64_t rung_ = 0, learned_ = 0;  // learned_: in this rung.
  double weights_ = 0;               // Of those: how many rows they stand for.
  size_t best_ = 0, left_;
  std::vector<float> scores_;
};

}  // namespace freshet
