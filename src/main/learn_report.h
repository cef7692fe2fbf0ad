// What freshet learn prints: the table of numbers so far, and the report.
#pragma once

#include <string>
#include <vector>

#include "learn/trainer.h"
#include "main/learn_flags.h"

namespace freshet {

// Losses of a stream in order, to be asked by quarter: bounded, exact up to kMost rows, and later to a
// bucket.
class LossSums {
 public:
  static constexpr size_t kMost = size_t{1} << 20;
  explicit LossSums(size_t most = kMost) : most_(most) {}
  void add(double loss, double weight);  // The loss times the weight.
  double quarter(size_t q) const;        // Mean loss; NaN: it has no rows.

 private:
  size_t most_;
  uint64_t rows_each_ = 1, rows_of_last_ = 0;       // Rows of a bucket.
  std::vector<std::pair<double, double>> buckets_;  // Sums of losses and weights.
};

// Of one run; a model that was loaded has numbers of its own (Trainer::judged()).
struct LearnTally {
  uint64_t rows = 0, bad = 0;       // Rows stepped; left out.
  std::vector<std::string> errors;  // The first few of those.
  LossSums losses;                  // Of judged rows.
  std::vector<std::string> warnings;
  struct Alarm {
    uint64_t row;
    std::string segment;   // "all": the stream as a whole.
    double before, after;  // Mean losses (regression: squares, in spreads of the labels).
  };
  std::vector<Alarm> alarms;  // The first kAlarmsKept.
  double learn_s = 0;         // CPU.

  static constexpr size_t kAlarmsKept = 100;
};

// The progressive table on standard error: a line every so many rows, or when rows have doubled.
class ProgressTable {
 public:
  // every: 0: after 1,000, 2,000, 4,000, ... rows of the stream, those before this run counted.
  ProgressTable(bool shown, uint64_t every, const Trainer& trainer);
  void at(const Trainer& trainer);  // After each row.

 private:
  void print(const Trainer& trainer);
  bool shown_, head_ = false;
  uint64_t every_, next_;
  double total_, weights_;  // At the last line.
};

std::string learn_report_json(const LearnFlags& flags, const Trainer& trainer, const LearnTally& tally,
                              std::string_view state);
std::string learn_report_text(const LearnFlags& flags, const Trainer& trainer, const LearnTally& tally,
                              std::string_view state);

}  // namespace freshet
