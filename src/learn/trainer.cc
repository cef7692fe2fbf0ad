#include "learn/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "learn/cells.h"
#include "model/math.h"

namespace freshet {
namespace {

const std::string kNoSegment;

constexpr uint64_t kDelaySeed = 0x64656c6179;

}  // namespace

Trainer::Trainer(const TrainerConfig& config)
    : config_([&] {
        TrainerConfig own = config;
        own.encoder.late =
            config.late == LateLabels::kExpect && (!config.encoder.label_at.empty() || config.delay_mean > 0);
        return own;
      }()),
      encoder_(config_.encoder),
      labels_(config_.encoder.task, config_.encoder.label, config_.positive),
      judged_(config.encoder.task) {}

LearnerShape Trainer::shape() const {
  return {.task = config_.encoder.task,
          .dense = encoder_.dense(),
          .first_keys = encoder_.time_keys(),
          .last_keys = encoder_.column_keys(),
          .bits = config_.encoder.bits,
          .bytes_max = config_.encoder.bytes_max,
          .seed = config_.seed,
          .knobs = config_.knobs,
          .rows = config_.rows};
}

std::unique_ptr<Learner> Trainer::new_learner() const {
  const LearnerEntry* entry = find_learner(config_.learner);
  CHECK(entry != nullptr);
  return entry->make(shape());
}

std::string Trainer::learner_name() const {
  std::string name = config_.learner;
  if (config_.search.configurations > 0)
    name += " of " + std::to_string(config_.search.configurations) + " after " +
            std::to_string(config_.search.rows);
  return name;
}

void Trainer::make_learner() {
  if (config_.search.configurations > 0) {
    auto search = std::make_unique<Halving>(*find_learner(config_.learner), shape(), config_.search);
    search_ = search.get();
    learner_ = std::move(search);
  } else {
    learner_ = new_learner();
  }
  if (config_.encoder.late && config_.encoder.task == Task::kBinary)
    delays_ = std::make_unique<DelayModel>(LearnerShape{
        .bits = config_.encoder.bits, .bytes_max = config_.encoder.bytes_max, .seed = config_.seed});
}

Status Trainer::start(RowReader& reader, std::span<const Row> first_rows) {
  TRY_STATUS(check(config_));
  if (encoder_.planned())
    TRY_STATUS(encoder_.check_columns(reader, first_rows, notes_));
  else
    TRY_STATUS(encoder_.plan(reader, first_rows));
  for (std::string& note : encoder_.take_notes()) notes_.push_back(std::move(note));
  TRY_STATUS(known_column(reader.columns(), config_.segment, "--segment"));
  label_cell_ = reader.column(config_.encoder.label);
  if (!config_.encoder.time.empty()) time_cell_ = reader.column(config_.encoder.time);
  if (!config_.encoder.label_at.empty()) label_at_cell_ = reader.column(config_.encoder.label_at);
  if (!config_.segment.empty()) segment_cell_ = reader.column(config_.segment);
  sparse_ = reader.format() == RowFormat::kLibsvm || reader.format() == RowFormat::kVw;
  if (!sparse_ && encoder_.columns() == 0)
    notes_.emplace_back("no column is left to learn from: the answers are the rate of the labels" +
                        std::string(encoder_.time_keys() > 0 ? " by hour and weekday" : ""));
  if (!learner_) TRY_STATUS(labels_.plan(first_rows, label_cell_));
  if (const std::string unseen = labels_.unseen(); !unseen.empty()) notes_.push_back(unseen);
  if (!learner_) make_learner();
  TRY_STATUS(status());
  if (config_.served.publish_every == 0) return {};
  const auto another = [this] { return new_learner(); };
  TRY(served_, Served::make(config_.served, config_.encoder.task, *learner_, another));
  return {};
}

std::vector<std::string> Trainer::warnings() const {
  std::vector<std::string> out = notes_;
  encoder_.warn(out);
  if (backwards_ > 0)
    out.push_back("--time " + config_.encoder.time + ": " + std::to_string(backwards_) +
                  " rows are earlier than a row before them, " + first_backwards_ +
                  "; expected rows in order of time: labels may be learned before they were known");
  if (never_ > 0)
    out.push_back("--label-at " + config_.encoder.label_at + ": " + std::to_string(never_) +
                  " rows have a label and no time at which it is known, the first is row " +
                  std::to_string(first_never_) + ": judged, and never learned");
  if (unkept_ > 0)
    out.push_back(std::to_string(unkept_) + " labels came too late to be kept for: at most " +
                  std::to_string(config_.waiting_max) + " rows and " +
                  std::to_string(config_.waiting_bytes_max >> 20) +
                  " MiB wait; the others were judged, and never learned");
  if (served_ && labelled_ > 0 && served_->count(GateVerdict::kPublish) == 0)
    out.push_back("--publish-every " + std::to_string(config_.served.publish_every) +
                  ": nothing was published in " + std::to_string(labelled_) +
                  " labelled rows: every answer is that of a learner that has learned nothing");
  if (find_learner(config_.learner)->numbers && encoder_.planned() && encoder_.dense() == 0)
    out.push_back("--learner " + config_.learner +
                  " knows numbers and rates of values, and these rows (libsvm, VW) have neither: nothing can "
                  "be learned; expected --learner ftrl or auto");
  if (labelled_ > 0 && ones_ == 0 && !config_.positive.empty())
    out.push_back("--positive " + config_.positive + ": none of the " + std::to_string(labelled_) +
                  " labels is it: every one was learned as 0");
  if (labelled_ == 0)
    out.push_back("--label " + config_.encoder.label +
                  ": no row has a label: nothing was judged, and nothing learned");
  return out;
}

RowCounts Trainer::row_counts() const {
  RowCounts counts;
  if (learner_) learner_->count(counts);
  return counts;
}

void Trainer::keep_time(double time) {
  if (timed_ && time < latest_ && backwards_++ == 0) {
    char text[120];
    std::snprintf(text, sizeof text, "the first is row %llu: %.12g after %.12g",
                  static_cast<unsigned long long>(rows_) + 1, time, latest_);
    first_backwards_ = text;
  }
  latest_ = timed_ ? std::max(latest_, time) : time;
  timed_ = true;
}

Result<bool> Trainer::label_of(const Row& row, double& label) const {
  bool there = false;
  TRY_STATUS(labels_.read(row, label_cell_, label, there));
  return there;
}

Result<double> Trainer::time_of(const Row& row) const {
  double time = static_cast<double>(rows_);
  if (!config_.encoder.time.empty()) TRY_STATUS(read_row_number(row, time_cell_, config_.encoder.time, time));
  return time;
}

void Trainer::learn(const Sample& sample, double label, const std::string& segment) {
  Sample& with_label = const_cast<Sample&>(sample);  // NOLINT: ours, about to be dropped
  if (served_) {
    with_label.label = encoder_.scaled_label(label);
    served_->observe(with_label, segment);
  }
  if (served_ && served_->gated()) {
    served_->hold(sample, label);
    served_->release([this](const Sample& old, double its_label) { encoder_.learn_label(old, its_label); });
  } else {
    encoder_.learn_label(sample, label);
  }
  with_label.label = encoder_.scaled_label(label);
  if (listener_) listener_(with_label);
  learner_->learn(with_label);
}

// What was said of the row was right or wrong: known when its label is.
void Trainer::watch_loss(float loss) {
  if (loss < 0 || !loss_.add(loss) || !rise_.risen(loss_)) return;
  drifts_ += drifted_ ? 0 : 1;
  drifted_ = true;
  drift_losses_ = {loss_.mean_before() * 4, loss_.mean() * 4};
}

// Infinite: it is never known.
Status Trainer::read_label_at(const Row& row, double& at) const {
  static const std::string kEmpty;
  const std::string& text = label_at_cell_ < row.cells.size() ? row.cells[label_at_cell_] : kEmpty;
  at = std::numeric_limits<double>::infinity();
  if (double number = 0; missing_cell(text) || same_word(text, "never") ||
                         (number_shaped(text, number) && number > kLargestNumber))
    return {};
  return read_row_number(row, label_at_cell_, config_.encoder.label_at, at);
}

size_t Trainer::Waiting::bytes() const {
  constexpr size_t kOfNodes = 200;  // Of the maps it is in.
  return sizeof(Waiting) + kOfNodes + segment.size() +
         sizeof(float) * (sample.dense.size() + sample.scaled.size() + sample.scores.size()) +
         sizeof(uint64_t) * sample.keys.size() + sizeof(Feature) * sample.features.size();
}

void Trainer::await(Waiting waiting, double label_at) {
  const size_t bytes = waiting.bytes();
  if (waiting_.size() >= config_.waiting_max || waiting_bytes_ + bytes > config_.waiting_bytes_max) {
    ++unkept_;
    return;
  }
  waiting_bytes_ += bytes;
  encoder_.count_waiting(waiting.sample, 1);
  const uint64_t row = waiting.sample.row;
  if (delays_) {
    waiting.expected = delays_->expected(waiting.sample);
    waiting.look_at = waiting.time + delays_->delay_at(waiting.expected, 0);
    looks_.try_emplace({waiting.look_at, row}, label_at);
  }
  waiting.label_at = label_at;
  if (arrivals_.ones_first()) settle(waiting);
  const bool windowed = config_.late == LateLabels::kNegative || config_.late == LateLabels::kWeighted;
  const double due = windowed ? std::min(label_at, waiting.time + config_.late_window) : label_at;
  waiting_.try_emplace({due, row}, std::move(waiting));
}

// A row still waits at its next stage: what is expected of it has changed.
void Trainer::look(Due due) {
  const auto found = looks_.find(due);
  const double label_at = found->second;
  looks_.erase(found);
  Waiting& waiting = waiting_.at({label_at, due.second});
  // A row that is taken for a zero already is no further evidence.
  const float excess = waiting.settled ? 0 : delays_->excess(waiting.p, waiting.stage);
  encoder_.learn_waiting(waiting.sample, excess - waiting.excess);
  waiting.excess = excess;
  if (++waiting.stage == std::size(DelayModel::kStages)) return;
  waiting.look_at = waiting.time + delays_->delay_at(waiting.expected, waiting.stage);
  if (waiting.look_at > due.first) {
    looks_.try_emplace({waiting.look_at, due.second}, label_at);
  } else {
    waiting.stage = std::size(DelayModel::kStages);
  }
}

// The first label that waits is there, or has been waited for long enough.
void Trainer::arrive() {
  const auto first = waiting_.begin();
  const Due due = first->first;
  Waiting waiting = std::move(first->second);
  waiting_.erase(first);
  if (waiting.label_at > due.first) {  // Its window has passed.
    settle(waiting);
    const double label_at = waiting.label_at;
    waiting_.try_emplace({label_at, due.second}, std::move(waiting));
    return;
  }
  waiting_bytes_ -= waiting.bytes();
  watch_loss(waiting.loss);
  const double delay = due.first - waiting.time;
  if (config_.encoder.late) arrivals_.add(waiting.label > 0.5, delay);
  if (delays_) {
    looks_.erase({waiting.look_at, due.second});
    encoder_.learn_waiting(waiting.sample, -waiting.excess);
    const float residual = delays_->learn(waiting.sample, delay, waiting.label > 0.5);
    if (!waiting.settled) {
      encoder_.learn_delay(waiting.sample, residual);
      encoder_.learn_surprise(waiting.sample, static_cast<float>(waiting.label) - waiting.p, waiting.time);
    }
  }
  if (corrected(waiting)) return;
  encoder_.count_waiting(waiting.sample, -1);
  learn_known(waiting.sample, waiting.label, waiting.segment);
}

// The weights of ES-DFM: of the examples with features x, one for each row and a late 1 besides, the share of
// ones is q(1) = p(1) / (1 + p_late), and that of rows taken for a 0 q(0) = (p(0) + p_late) / (1 + p_late),
// where p(0) is of zeros that were not known within the window. Times 1 + p_late, and those taken besides
// times the share p_true of them that is right, they are p. p_late and p_true are counted over all rows, not
// given x.
double Trainer::of_examples() const {
  if (config_.late == LateLabels::kNegative) return 1;
  return 1 + static_cast<double>(late_ones_) / static_cast<double>(given_ + 1);
}

// Its label was there before it was taken for anything.
void Trainer::learn_known(Sample& sample, double label, const std::string& segment) {
  const bool taking = config_.late == LateLabels::kWeighted || arrivals_.ones_first();
  if (taking) sample.weight = sample.importance * static_cast<float>(of_examples());
  ++given_;
  learn(sample, label, segment);
}

// What is late is taken for a 0.
void Trainer::settle(Waiting& waiting) {
  const double wrong = static_cast<double>(late_ones_) / static_cast<double>(taken_ + 1);
  const double right = config_.late == LateLabels::kNegative ? 1 : 1 - wrong;
  waiting.sample.weight = waiting.sample.importance * static_cast<float>(of_examples() * right);
  ++given_;
  ++taken_;
  encoder_.count_waiting(waiting.sample, -1);
  learn(waiting.sample, 0, waiting.segment);
  waiting.settled = true;
}

// True: the row was taken for a 0; when it is a 1 after all, that is learned besides.
bool Trainer::corrected(const Waiting& waiting) {
  if (!waiting.settled || waiting.label < 0.5) return waiting.settled;
  ++late_ones_;
  Sample sample = waiting.sample;
  sample.weight = sample.importance * static_cast<float>(of_examples());
  learn(sample, 1, waiting.segment);
  return true;
}

// Looked at again after an eighth more rows: the same whenever the run was stopped. When ones turn out to
// come first, all that wait are taken for zeros, in order of their labels' time.
void Trainer::decide_arrivals() {
  if (!config_.encoder.late || config_.encoder.task != Task::kBinary || rows_ < decide_at_) return;
  decide_at_ += decide_at_ / 8;
  const bool before = arrivals_.ones_first();
  arrivals_.decide([this](double delay) {
    uint64_t longer = 0;
    for (const auto& [due, waiting] : waiting_) longer += now_ - waiting.time > delay ? 1 : 0;
    return longer;
  });
  if (before || !arrivals_.ones_first()) return;
  for (auto& [due, waiting] : waiting_)
    if (!waiting.settled) settle(waiting);
}

void Trainer::advance(double time) {
  for (;;) {
    const bool label = !waiting_.empty() && waiting_.begin()->first.first <= time;
    const bool look_due = !looks_.empty() && looks_.begin()->first.first <= time;
    if (look_due && (!label || looks_.begin()->first < waiting_.begin()->first))
      look(looks_.begin()->first);
    else if (label)
      arrive();
    else
      return;
  }
}

Status Trainer::step(const Row& row, double* score) {
  drifted_ = false;
  double label = 0;
  bool there = false;
  TRY_STATUS(labels_.read(row, label_cell_, label, there));
  double label_at = 0;
  TRY(const double time, time_of(row));
  bool late = there && config_.late != LateLabels::kAtOnce;
  if (config_.delay_mean > 0)
    label_at = time - config_.delay_mean * std::log1p(-Draw(mix64(kDelaySeed, rows_)).uniform());
  else if (late && !config_.encoder.label_at.empty())
    TRY_STATUS(read_label_at(row, label_at));
  else
    late = false;

  if (!config_.encoder.time.empty()) keep_time(time);
  now_ = time;
  advance(time);
  decide_arrivals();
  encoder_.encode(row, time, sample_);
  for (std::string& note : encoder_.take_notes()) notes_.push_back(std::move(note));
  sample_.row = rows_;
  sample_.time = time;
  sample_.importance = sample_.weight = row.weight;
  const float said = learner_->score(sample_);
  const float raw = arrivals_.silent() ? Arrivals::kRare : said;
  const std::span<const float> parts = learner_->parts();
  sample_.scores.assign(parts.begin(), parts.end());
  const bool binary = config_.encoder.task == Task::kBinary;
  const float answer = served_ && !arrivals_.silent() ? served_->score(sample_) : raw;
  *score = binary ? double{answer} : encoder_.unscaled(answer);
  learner_score_ = binary ? double{raw} : encoder_.unscaled(raw);
  ++rows_;
  ++(there ? labelled_ : unlabelled_);
  ones_ += there && label > 0.5 ? 1 : 0;
  if (!there || row.weight == 0) return {};  // A row that stands for none is no example either.
  float loss = -1;
  if (rows_ > config_.warmup) {
    judged_.add(*score, label, row.weight);
    if (served_ && served_->compared() != nullptr) {
      const float exact = served_->compared_score(sample_);
      served_->judge_compared(binary ? double{exact} : encoder_.unscaled(exact), label, row.weight);
    }
    const float scaled = encoder_.scaled_label(label);
    const float p = sigmoid_f32(std::clamp(raw, -12.0f, 12.0f));
    loss =
        std::min(binary ? -log_f32(label > 0.5 ? p : 1 - p) / 4 : (raw - scaled) * (raw - scaled) / 4, 1.0f);
  }
  if (late && std::isinf(label_at)) {
    if (never_++ == 0) first_never_ = rows_;
    return {};
  }
  const std::string& segment = segment_cell_ < row.cells.size() ? row.cells[segment_cell_] : kNoSegment;
  if (late && label_at > time) {
    await({.sample = sample_,
           .label = label,
           .segment = segment,
           .time = time,
           .p = sigmoid_f32(raw),
           .loss = loss},
          label_at);
    return {};
  }
  watch_loss(loss);
  if (late)
    learn_known(sample_, label, segment);
  else
    learn(sample_, label, segment);
  return {};
}

}  // namespace freshet
