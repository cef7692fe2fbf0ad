// Numbers of a progressive run: every prediction judged before its row was learned. Memory is fixed: the area
// under the curve comes from 65,536 steps of the score, so it is exact but for pairs within one step (2^-12
// of a logit).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "learn/learner.h"

namespace freshet {

class Progressive {
 public:
  explicit Progressive(Task task) : task_(task) {}
  void add(float score, float label);  // Binary: logit; regression: the label's own units.

  uint64_t n() const { return n_; }
  double log_loss() const { return mean(loss_); }
  double auc() const;
  double accuracy() const { return mean(right_); }
  double f1() const;
  double rmse() const;
  double calibration() const { return labels_ == 0 ? 0 : predicted_ / labels_; }  // Sum predicted / sum seen.
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  double mean(double sum) const { return n_ == 0 ? 0 : sum / static_cast<double>(n_); }
  const Task task_;
  uint64_t n_ = 0, true_positive_ = 0, false_positive_ = 0, false_negative_ = 0;
  double loss_ = 0, right_ = 0, squares_ = 0, predicted_ = 0, labels_ = 0;
  std::vector<uint64_t> steps_;  // [label][step], made at the first use.
};

}  // namespace freshet
