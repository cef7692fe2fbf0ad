// A stream of rows through one learner, progressively: a row is encoded, predicted, judged, and learned when
// its label is there (at once, or when the stream's time reaches the row's label time). Labels that have come
// are learned before the row of that moment is predicted, in order of (label time, row number).
//
// State (encoder, learner, numbers, rows that wait) is saved and loaded whole: a run that was stopped after
// any row and resumed ends with the bytes of one that was not. Threads: one. docs/learn.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "learn/arrivals.h"
#include "learn/delay_model.h"
#include "learn/encoder.h"
#include "learn/halving.h"
#include "learn/label_reader.h"
#include "learn/progressive.h"
#include "learn/served.h"
#include "model/adwin.h"

namespace freshet {

// What is done about labels that come late. All but the first are there to be compared with it.
//
//   kExpect    learned when they come; until then their lateness is evidence (delay_model.h). Where ones come
//              before zeros (arrivals.h) as kWeighted without a window
//   kAtOnce    learned with their row: the oracle that knows the future
//   kWait      learned when they come, and nothing else
//   kNegative  what has not come when its window has passed is learned as 0; a 1 that comes after all is
//              learned as 1, too (what streams without a correction do)
//   kWeighted  the same with the importance weights of ES-DFM (Yang et al. 2021, "Capturing delayed feedback
//              in conversion rate prediction via elapsed-time sampling", section 4.2), as sample/joiner.h has
//              them: a label that is known within the window or a late 1 weighs 1 + p_late, what is taken for
//              a 0 (1 + p_late) p_true. p_late: late ones among all rows; p_true: real zeros among those
//              taken
enum class LateLabels : uint8_t { kExpect, kAtOnce, kWait, kNegative, kWeighted };

struct TrainerConfig {
  EncoderConfig encoder;
  std::string learner = "auto";
  std::string positive;  // The label that is 1, all others being 0; empty: found out from the first rows.
  Knobs knobs;           // Of that learner.
  RowsConfig rows;       // How embedding rows are kept.
  HalvingConfig search;  // configurations > 0: several of that learner, of which one is left (halving.h).
  LateLabels late = LateLabels::kExpect;
  double late_window = 0;  // kNegative, kWeighted: in units of time.
  double delay_mean = 0;   // Labels come so much later on average, exponentially, drawn by row; 0: label_at
  uint64_t warmup = 0;     // Rows learned but not judged.
  uint64_t seed = 1;
  ServedConfig served;  // publish_every > 0: answers come from a published copy.
  std::string segment;  // Column whose values drift is watched for; empty: none.
  // Rows that wait for their label, and their bytes; one that comes when these are full is never learned.
  size_t waiting_max = 1'000'000;
  size_t waiting_bytes_max = size_t{4} << 30;
};

class Trainer {
 public:
  explicit Trainer(const TrainerConfig& config);

  // Settings that cannot be, or that make no sense together. kInvalid names the flag of freshet learn and
  // what was expected.
  static Status check(const TrainerConfig& config);

  // Before the first row: what the columns are. kInvalid: as check(); a column named is not there; labels of
  // more than two kinds; a loaded model has columns that the file has not.
  Status start(RowReader& reader, std::span<const Row> first_rows);
  // What is odd about the rows so far, for a person: columns not used, values that were no numbers, time that
  // runs back, no labels at all.
  std::vector<std::string> warnings() const;
  // Those that are said when they turn up: the first ones of warnings(), only ever more.
  const std::vector<std::string>& notes() const { return notes_; }
  bool started() const { return learner_ != nullptr; }

  // Columns that the reader has met since: before the first row that has them.
  void watch_new(const RowReader& reader) { encoder_.watch_new(reader); }

  // kInvalid: the label or the time is not what it must be (the row is not learned). Rows without label are
  // predicted only. The prediction goes to *score: a logit, or the label's own units.
  Status step(const Row& row, double* score);

  // Learns the labels that have come by then; step() does it for the time of its row.
  void catch_up(double time) { advance(time); }
  // Hears each sample that is learned, with its label, before the learner does.
  void on_learned(std::function<void(const Sample&)> listener) { listener_ = std::move(listener); }
  const LabelReader& labels() const { return labels_; }
  const Sample& sample() const { return sample_; }  // Of the last row, as it was predicted.
  std::unique_ptr<Learner> new_learner() const;     // One that has learned nothing.
  const Learner& learner() const { return *learner_; }
  // The time of a row: its column, or rows so far.
  Result<double> time_of(const Row& row) const;

  // The label of a row, as a number of its own units. False: it has none.
  Result<bool> label_of(const Row& row, double& label) const;

  // Factor on the learning rates of a learner that is served (and on what its controller makes of them).
  void set_rate(float factor) {
    if (served_) served_->set_rate(factor);
  }
  const Halving* search() const { return search_; }        // Null: nothing is searched.
  const Served* served() const { return served_.get(); }   // Null: the learner itself answers.
  double learner_score() const { return learner_score_; }  // Of the last step, beside what was answered.
  const Progressive& judged() const { return judged_; }
  const Encoder& encoder() const { return encoder_; }
  const EncoderConfig& encoder_config() const { return config_.encoder; }
  uint64_t rows() const { return rows_; }
  size_t waiting() const { return waiting_.size(); }   // Rows whose label is to come.
  uint64_t unlabelled() const { return unlabelled_; }  // Rows of this run without one.
  uint64_t drifts() const { return drifts_; }
  bool drifted() const { return drifted_; }  // At the last step: the loss has changed for the worse.
  // Mean losses before and since: of the last drift.
  std::pair<double, double> drift_losses() const { return drift_losses_; }
  std::string save(const RowReader& reader) const;
  Status load(std::string_view bytes, RowReader& reader);
  size_t bytes() const { return learner_ ? learner_->bytes() : 0; }
  bool counts_rows() const { return find_learner(config_.learner)->rows; }
  RowCounts row_counts() const;
  // An error: the disk of cold rows failed; what was there is lost.
  Status status() const { return learner_ ? learner_->status() : Status(); }

 private:
  struct Waiting {
    Sample sample;
    double label;
    std::string segment;
    double time = 0;     // Of the row.
    float p = 0;         // Binary: what was answered.
    float expected = 0;  // Of the delay, delay_model.h.
    float excess = 0;    // What it adds to its values' while it waits.
    uint32_t stage = 0;  // The next look at it; its number of stages: none.
    double look_at = 0;  // Time of that.
    double label_at = 0;
    bool settled = false;  // It was learned as 0, being late.
    float loss = -1;       // Of the answer, for the drift detector; -1: it was not judged.
    size_t bytes() const;
  };
  using Due = std::pair<double, uint64_t>;  // Time and row.
  void advance(double time);                // All that was due until then, in order.
  void look(Due due);
  void arrive();
  void settle(Waiting& waiting);
  bool corrected(const Waiting& waiting);
  double of_examples() const;
  void learn_known(Sample& sample, double label, const std::string& segment);
  void decide_arrivals();
  void await(Waiting waiting, double label_at);
  void learn(const Sample& sample, double label, const std::string& segment);
  LearnerShape shape() const;
  std::string learner_name() const;  // As a model file has it.
  void make_learner();
  void save_importance(Writer& out) const;
  void load_importance(Reader& in);
  void keep_time(double time);
  Status read_label_at(const Row& row, double& at) const;
  void watch_loss(float loss);

  const TrainerConfig config_;
  Encoder encoder_;
  LabelReader labels_;
  std::unique_ptr<Learner> learner_;
  const Halving* search_ = nullptr;  // learner_, when it searches.
  std::unique_ptr<Served> served_;
  double learner_score_ = 0;
  Progressive judged_;
  Adwin loss_{0.0005};
  RiseAlarm rise_;
  size_t label_cell_ = 0, time_cell_ = 0, label_at_cell_ = 0, segment_cell_ = SIZE_MAX;
  uint64_t rows_ = 0, drifts_ = 0;
  double now_ = 0;  // Time of the last row.
  std::vector<std::string> notes_;
  double latest_ = 0;       // Time so far, in this run.
  bool timed_ = false;      // A row had one.
  uint64_t backwards_ = 0;  // Rows before it.
  std::string first_backwards_;
  bool sparse_ = false;                                // Rows of libsvm or VW text: features without columns.
  uint64_t labelled_ = 0, ones_ = 0;                   // Rows of this run that had a label, or a 1.
  uint64_t unlabelled_ = 0;                            // And none.
  uint64_t unkept_ = 0, never_ = 0, first_never_ = 0;  // Labels of this run that are not learned.
  size_t waiting_bytes_ = 0;
  bool drifted_ = false;
  std::pair<double, double> drift_losses_;
  std::map<Due, Waiting> waiting_;  // By label time and row.
  Arrivals arrivals_;
  uint64_t decide_at_ = 64;  // Rows at which which labels come first is looked at again.
  // Rows whose label was known, or taken for a 0, when its window had passed; those taken; late ones of
  // these.
  uint64_t given_ = 0, taken_ = 0, late_ones_ = 0;
  std::map<Due, double> looks_;         // By time of the next look and row: its label time.
  std::unique_ptr<DelayModel> delays_;  // When binary labels come late.
  Sample sample_;
  std::function<void(const Sample&)> listener_;
};

}  // namespace freshet
