// Numbers of a progressive run: every prediction judged before its row was learned. Memory is fixed: the area
// under the curve comes from 131,072 steps of the score within -16..16, so it is exact but for pairs within
// one step (2^-12 of a logit). Every number is a mean over rows weighted by their importance; of no rows it
// is NaN.
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
  // Binary: logit; regression: the label's own units. weight: how many such rows it stands for, at least 0.
  void add(double score, double label, float weight = 1);

  uint64_t n() const { return n_; }
  Task task() const { return task_; }
  double log_loss() const { return mean(loss_); }
  double auc() const;
  double accuracy() const { return mean(right_); }
  double f1() const;
  double rmse() const;
  double calibration() const;  // Sum predicted / sum seen; NaN: nothing to be seen.
  double total() const { return task_ == Task::kBinary ? loss_ : squares_; }  // Of log losses, or of squares.
  double weights() const { return weights_; }                                 // Of the rows.
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  void add_logit(float score, bool was, double w);
  double mean(double sum) const;
  const Task task_;
  uint64_t n_ = 0;
  bool weighted_ = false;  // A weight was not 1.
  double weights_ = 0, true_positive_ = 0, false_positive_ = 0, false_negative_ = 0;
  double loss_ = 0, right_ = 0, squares_ = 0, predicted_ = 0, labels_ = 0;
  std::vector<double> steps_;  // Weights by [label][step], made at the first use.
};

}  // namespace freshet
