// The freshness gap (eval/freshness.h) of a learner over labelled rows: log loss and accuracy of the three
// arms on the rows of the sampled hours.
//
//   O  learn/trainer.h as it is
//   R  a learner of the same kind, taught the samples of its part of the past, which bear the features that
//      were made when their rows came; for the rows of its hour it gets the live features, made of labels up
//      to the row before. Only what is learned is an hour old, so this is more than retraining can have. If
//      on the sampled hours themselves one pass over everything would have been better than the way chosen
//      before half, it is that
//   F  the same at half; its features made of labels (rates of values) stand still, those made of rows
//      (recent means, sights) do not
//
// Labels that have not come at the beginning of an hour are not there to train with.
#pragma once

#include <functional>

#include "base/result.h"
#include "eval/freshness.h"
#include "learn/trainer.h"

namespace freshet {

struct RowFreshnessOptions {
  TrainerConfig trainer;     // Binary; nothing served apart.
  double hour = 0;           // In units of its time, or rows when it has none.
  size_t hours = 24;         // Sampled.
  size_t first_rows = 1000;  // What the columns are is found out from.
  std::span<const FreshnessTraining> trainings = kFreshnessTrainings;
  std::function<void(std::string_view what)> progress;
};

// kInvalid: too little to measure, or what Trainer::start() refuses. Rows that cannot be read are left out.
Result<FreshnessReport> freshness_of_rows(RowReader& reader, std::span<const Row> rows,
                                          const RowFreshnessOptions& options);

}  // namespace freshet
