// Rows into samples: what the columns are, and everything about features that is learned online.
//
// A column is numeric, categorical, both (whole numbers whose values repeat) or a text of words; found out
// from the first rows unless told. Features of a row, all from what was known before it:
//   numeric      the value, and the value less its own decayed mean over about 2, 12, 48 and 336 rows; beyond
//                1,000 of its deviations, or 1e20, it counts as missing, until such values have become usual.
//                Of a missing one: the last less those means (recent_means.h), and a word that says so, for
//                at most 16 columns of a row. Of more than 256 such columns only the values
//   categorical  for each value: decayed label rates over its last ~2, ~20 and ~1,000 labels (shrunk to the
//   running
//                rate of all), how often and how long ago it was seen, and, when labels come late, how many
//                of its rows wait for theirs and how far its last labels were from what was expected of their
//                rows; pairs of values: a rate over ~200 labels
//   words        of a text, with each value: decayed label rates of the pairs, averaged over the words
//   neighbours   of the two columns of most values: agreement with the labels of others (neighbours.h)
//   sparse       (libsvm, VW) the value by its own root mean square, and which step of half a power of two it
//                is in (value_scales.h)
//   time         hour of the day and day of the week, as categories and the hour as a number
// Linear parts see all of it hashed, numbers also in steps of half a standard deviation. Rates read the
// labels of rows by value only: a stream without categorical columns has no feature made of labels.
// Standardising is online too. Memory: the table of rates is bounded by bytes_max, least used values go
// first. Threads: one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "learn/learner.h"
#include "learn/neighbours.h"
#include "learn/recent_means.h"
#include "learn/row_reader.h"
#include "learn/value_scales.h"
#include "model/embedding_table.h"

namespace freshet {

struct EncoderConfig {
  Task task = Task::kBinary;
  std::vector<std::string> numeric, categorical, ignore;  // Columns told; the rest is found out.
  std::string label = "label";
  std::string time, label_at;  // Columns; empty: none.
  bool late = false;           // Labels come later, and that says something (delay_model.h): features of it.
  double time_unit_s = 0;      // Seconds in one unit of time; 0: told from the size of the first time.
  uint32_t bits = 20;
  size_t bytes_max = 256 << 20;
};

// kInvalid, naming the flag and what there is: no column is called so.
Status known_column(const std::vector<std::string>& names, const std::string& name, std::string_view flag);

class Encoder {
 public:
  explicit Encoder(const EncoderConfig& config);

  // Decides what the columns are, once. kInvalid, naming the flag: a column that was told of is not there, or
  // none of its first values is the number that was promised.
  Status plan(RowReader& reader, std::span<const Row> first_rows);
  // Of a loaded encoder: are its columns those of the file? kInvalid: some are not there. What is there
  // besides goes to `warnings`. first_rows: for files without a header.
  Status check_columns(const RowReader& reader, std::span<const Row> first_rows,
                       std::vector<std::string>& warnings);
  // Columns of JSON that no row had before: not used, but watched for values.
  void watch_new(const RowReader& reader);
  // What turned up in the last row: columns that were empty when it was decided what they are, and are no
  // longer.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  // Values of numeric columns that were no numbers, so far, and columns told of that had no value.
  void warn(std::vector<std::string>& warnings) const;
  size_t columns() const { return columns_.size(); }
  bool planned() const { return planned_; }
  size_t dense() const { return dense_; }
  size_t time_keys() const { return time_unit_s_ > 0 ? 2 : 0; }  // The first of Sample::keys.
  size_t column_keys() const { return singles_; }                // The last, but for sparse features.
  std::string describe() const;                                  // "price: numeric; user: categorical; ..."

  // The sample of a row, without its label; then the row has been seen.
  void encode(const Row& row, double time, Sample& out);
  // A label has come: rates and the scale of labels learn it. `label` as it was given.
  void learn_label(const Sample& sample, double label);
  // A row begins (1) or ceases (-1) to wait for a label that will come.
  void count_waiting(const Sample& sample, float change);
  // Labels that come late (delay_model.h): what is expected of rows that wait changes by `change`; a label
  // came at a delay `residual` deviations from what was expected.
  void learn_waiting(const Sample& sample, float change);
  void learn_delay(const Sample& sample, float residual);
  // A label came of a row of `time`: itself less what was expected of that row.
  void learn_surprise(const Sample& sample, float surprise, double time);
  // What is learned of a label, and answers are: of kRegression in deviations from the mean. One that is mad
  // (sober()) counts as a little off until such have become usual.
  float scaled_label(double label) const;
  double unscaled(float score) const;  // Regression: a score in the label's own units.

  void save(Writer& out) const;
  void load(Reader& in, RowReader& reader);

 private:
  struct Column {
    size_t cell = 0;
    std::string name;
    bool numeric = false, categorical = false, words = false;
    bool seen = false;                     // It had a value, in this run.
    uint64_t values = 0, not_numbers = 0;  // Of a numeric one, in this run.
    std::string not_a_number;              // The first.
  };
  struct Scale {
    double n = 0, mean = 0, variance = 0;
  };
  struct Idle {  // Not used: it had no value when that was decided.
    size_t cell = 0;
    std::string name;
    bool first = true;  // It was there with the first rows.
  };
  void watch(const Row& row);
  static double sober(const Scale& scale, double value);
  double sober_label(double label) const;
  void learn_label_scale(double label);
  static void learn_scale(Scale& scale, double value, double memory = 20000);
  void add_dense(Sample& out, float value, bool bins);
  void add_rates(Sample& out, uint64_t key, double time, bool single);
  static void count_not_a_number(Column& column, const Row& row);
  void add_numbers(const Row& row, Sample& out);
  void add_surprise(Sample& out, const float* surprise, double time);
  void add_keys(const Row& row, double time, Sample& out);
  std::span<const uint64_t> values_of(const Sample& sample) const;  // The keys of its single values.
  void make_neighbours();
  float long_rate(uint64_t key) const;
  void add_words(Sample& out, size_t begin, size_t end);
  void add_neighbours(Sample& out);
  float rate_logit(const float* state, size_t which) const;

  static constexpr size_t kNumbersWithMeans = 256;  // Columns; of more, recent means are left out.
  static constexpr size_t kDenseOfValue = 6;
  static constexpr size_t kDenseOfLate = 5;  // More of a value, and of all, when labels come late.
  static constexpr size_t kPairColumns = 9;
  static constexpr size_t kValuesOfWho = 8;  // Among the first rows: fewer are no one.
  static constexpr size_t kNotesMax = 20;
  Status check_told(RowReader& reader) const;

  const EncoderConfig config_;
  bool planned_ = false;
  size_t loaded_names_ = 0;  // Columns that the reader knew with the model.
  std::vector<Column> columns_;
  std::vector<Idle> idle_;
  size_t names_known_ = 0;  // Columns of the reader that are used, idle or not to be used.
  std::vector<std::string> notes_;
  size_t notes_made_ = 0;
  size_t dense_ = 0, singles_ = 0, pairs_ = 0;
  size_t horizons_ = 0;                 // Recent means of a numeric column.
  std::vector<Scale> scales_;           // Of each dense feature.
  std::vector<RecentMeans> recent_;     // Of each numeric column.
  std::vector<uint64_t> missing_keys_;  // Of this row: its numbers that are missing.
  ValueScales values_;                  // Of sparse features.
  EmbeddingTable rates_;
  bool has_words_ = false;
  // The two columns of most values, each as who and as what; singles by number, none: no such columns.
  static constexpr size_t kNoColumn = SIZE_MAX;
  size_t who_ = kNoColumn, what_ = kNoColumn;
  std::vector<Neighbours> neighbours_;
  std::vector<uint64_t> single_keys_;
  double waiting_excess_ = 0, delay_residual_ = 0;  // Of all rows.
  std::array<float, 6> surprise_{};
  Scale labels_;
  double labels_mad_ = 0;   // Decayed share of labels that were mad.
  double time_unit_s_ = 0;  // Seconds in one unit of time; 0: unknown, or no time.
};

}  // namespace freshet
