#include "learn/encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/hash.h"
#include "learn/cells.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr double kFarthest = 1000, kMadCountsAs = 2;  // Deviations.
constexpr double kMadMemory = 32;                     // Labels.
constexpr size_t kSparseKeys = 256;
constexpr size_t kMissingKeys = 16;                   // Columns; of more, that they are missing is no key.
constexpr double kRateMemory[] = {2, 20, 1000, 200};  // Three of a value; the last is a pair's.
constexpr size_t kState = 14;  // Of a key: (n, sum) x 4, sights, waiting, time of the last sight (as a
                               // double), the excess of those that wait, the mean residual of delays;
constexpr size_t kStateOfLate = kState + 6;  // and, when labels come late, Surprise.
constexpr size_t kSights = 8, kWaiting = 9, kTime = 10, kExcess = 12, kResidual = 13, kSurprise = 14;
constexpr float kSurpriseMemory[] = {5, 30};  // Labels of a value; of all: four times as many.
constexpr float kSurpriseOfAll = 4;
constexpr float kResidualMemory = 0.1f;  // Of a value, for each label; of all: a tenth of it.
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

uint64_t key_of(size_t field, std::string_view value) {
  return mix64(hash_bytes(value), field + 1);
}

}  // namespace

Encoder::Encoder(const EncoderConfig& config)
    : config_(config),
      values_(config.bits),
      rates_({.dim = config.late ? kStateOfLate : kState,
              .optimizer = {.kind = Optimizer::kSgd},
              .bytes_max = config.bytes_max,
              .init = 0}) {}

void Encoder::make_neighbours() {
  neighbours_.clear();
  if (what_ == kNoColumn) return;
  for (int i = 0; i < 2; ++i) neighbours_.emplace_back(21, config_.bytes_max / 4);
}

void Encoder::add_neighbours(Sample& out) {
  if (what_ == kNoColumn) return;
  const uint64_t ends[] = {single_keys_[who_], single_keys_[what_]};
  for (size_t i = 0; i < 2; ++i) {
    const Neighbours::Evidence evidence = neighbours_[i].evidence(ends[i], ends[1 - i]);
    add_dense(out, evidence.sum / std::sqrt(1 + evidence.weight), false);
  }
}

// For each value: how labels with it and one of the row's words differ from the mean, as a shrunk mean and as
// evidence; and the mean rate of the words.
void Encoder::add_words(Sample& out, size_t begin, size_t end) {
  if (!has_words_) return;
  const float mean = static_cast<float>(config_.task == Task::kBinary ? labels_.mean : 0);
  for (const uint64_t key : single_keys_) {
    float sum = 0;
    float n = 0;
    for (size_t w = begin; w < end; ++w) {
      const uint32_t at = rates_.find(mix64(mix64(key, out.keys[w]), 13));
      if (at == EmbeddingTable::kNone) continue;
      const float* state = rates_.row(at);
      sum += state[7] - state[6] * mean;
      n += state[6];
    }
    add_dense(out, sum / (n + 10), false);
    add_dense(out, sum / std::sqrt(n + 10), false);
  }
  float sum = 0;
  for (size_t w = begin; w < end; ++w)
    if (const uint32_t at = rates_.find(out.keys[w]); at != EmbeddingTable::kNone)
      sum += rate_logit(rates_.row(at), 3);
  add_dense(out, sum / (static_cast<float>(end - begin) + 0.5f), false);
}

// What a value counts as for means and spreads, once the scale is known: one that is mad counts as a little
// off, so that many of them do not move the scale of those that are not; a new unit is learned slowly. For
// the learners it is missing until then.
double Encoder::sober(const Scale& scale, double value) {
  const double spread = std::sqrt(scale.variance);
  if (scale.n < 100 || spread == 0) return value;
  const double apart = value - scale.mean;
  return std::fabs(apart) <= kFarthest * spread ? value
                                                : scale.mean + std::copysign(kMadCountsAs * spread, apart);
}

void Encoder::add_dense(Sample& out, float value, bool bins) {
  const size_t f = out.dense.size();
  out.dense.push_back(value);
  if (std::isnan(value)) {
    out.scaled.push_back(0);
    out.features.push_back({static_cast<uint32_t>(mix64(f, 7)), 1});
    return;
  }
  Scale& scale = scales_[f];
  const double spread = std::sqrt(scale.variance);
  const double z = scale.n < 2 || spread < 1e-12 ? 0 : std::clamp((value - scale.mean) / spread, -5.0, 5.0);
  out.scaled.push_back(static_cast<float>(z));
  out.features.push_back({static_cast<uint32_t>(mix64(f, 1)), static_cast<float>(z)});
  if (bins) {
    const auto step = static_cast<uint64_t>(std::floor((z + 5) * 2));
    out.features.push_back({static_cast<uint32_t>(mix64(mix64(f, 2), step)), 1});
  }
  learn_scale(scale, bins ? sober(scale, value) : value);
}

void Encoder::learn_scale(Scale& scale, double value, double memory) {
  scale.n = std::min(scale.n + 1, memory);
  const double apart = value - scale.mean;
  scale.mean += apart / scale.n;
  scale.variance += (apart * (apart - apart / scale.n) - scale.variance) / scale.n;
}

void Encoder::count_not_a_number(Column& column, const Row& row) {
  if (column.cell >= row.cells.size() || missing_cell(row.cells[column.cell])) return;
  if (column.not_numbers++ == 0) column.not_a_number = row.cells[column.cell];
  ++column.values;
}

void Encoder::add_numbers(const Row& row, Sample& out) {
  missing_keys_.clear();
  size_t number = 0;
  for (Column& column : columns_) {
    if (!column.numeric) continue;
    double value = 0;
    const bool there = column.cell < row.cells.size() && number_in_cell(row.cells[column.cell], value);
    column.values += there ? 1 : 0;
    if (!there) count_not_a_number(column, row);
    const Scale scale = scales_[out.dense.size()];  // As it was before this row.
    const bool mad = there && sober(scale, value) != value;
    add_dense(out, there && !mad ? static_cast<float>(value) : kMissing, true);
    if (mad) learn_scale(scales_[out.dense.size() - 1], sober(scale, value));
    const double* known = there && !mad ? &value : nullptr;
    for (size_t h = 0; h < horizons_; ++h) add_dense(out, recent_[number].apart(known, h), true);
    if (horizons_ > 0) recent_[number].learn(known);
    if (known == nullptr && missing_keys_.size() < kMissingKeys) missing_keys_.push_back(mix64(number, 1003));
    ++number;
  }
}

float Encoder::rate_logit(const float* state, size_t which) const {
  const float prior = static_cast<float>(config_.task == Task::kBinary ? labels_.mean : 0);
  const float lean = which == 0 ? 0.7f : 2.0f;
  const float rate = (state[2 * which + 1] + lean * prior) / (state[2 * which] + lean);
  if (config_.task == Task::kRegression) return rate;
  const float p = std::clamp(rate, 0.005f, 0.995f);
  return log_f32(p / (1 - p));
}

void Encoder::add_rates(Sample& out, uint64_t key, double time, bool single) {
  static constexpr float kNothing[kStateOfLate] = {};
  const uint32_t row = rates_.find(key);
  const float* state = row == EmbeddingTable::kNone ? kNothing : rates_.row(row);
  if (!single) return add_dense(out, rate_logit(state, 3), false);
  for (size_t which = 0; which < 3; ++which) add_dense(out, rate_logit(state, which), false);
  add_dense(out, log_f32(1 + state[kSights]), false);
  double last = 0;
  std::memcpy(&last, state + kTime, sizeof last);
  const double gap = std::clamp(time - last, 0.0, 1e12);
  add_dense(out, state[kSights] > 0 ? log_f32(1 + static_cast<float>(gap)) : kMissing, false);
  add_dense(out, !config_.late ? kMissing : state[kWaiting], false);
  if (!config_.late) return;
  add_dense(out, state[kExcess], false);
  add_dense(out, state[kResidual], false);
  add_surprise(out, state + kSurprise, time);
}

// (n, sum) x 2 of labels less what was expected of their rows, and the time of the row whose label came last.
void Encoder::add_surprise(Sample& out, const float* surprise, double time) {
  for (size_t i = 0; i < 2; ++i) add_dense(out, surprise[2 * i + 1] / (surprise[2 * i] + 1), false);
  double last = 0;
  std::memcpy(&last, surprise + 4, sizeof last);
  const auto age = static_cast<float>(std::clamp(time - last, 0.0, 1e12));
  add_dense(out, surprise[0] > 0 ? log_f32(1 + age) : kMissing, false);
}

void Encoder::learn_surprise(const Sample& sample, float surprise, double time) {
  const auto add = [&](float* means, float memories) {
    for (size_t i = 0; i < 2; ++i) {
      const float keep = 1 - 1 / (kSurpriseMemory[i] * memories);
      means[2 * i] = means[2 * i] * keep + 1;
      means[2 * i + 1] = means[2 * i + 1] * keep + surprise;
    }
    std::memcpy(means + 4, &time, sizeof time);
  };
  add(surprise_.data(), kSurpriseOfAll);
  for (const uint64_t key : values_of(sample))
    if (const uint32_t row = rates_.find(key); row != EmbeddingTable::kNone)
      add(rates_.row(row) + kSurprise, 1);
}

void Encoder::add_keys(const Row& row, double time, Sample& out) {
  single_keys_.clear();
  const size_t first_word =
      out.keys.size();  // After the hour and the day. That a number is missing is a word.
  out.keys.insert(out.keys.end(), missing_keys_.begin(), missing_keys_.end());
  size_t field = 0;
  for (const Column& column : columns_) {
    ++field;
    if (!column.categorical) continue;
    static const std::string kNone;
    const std::string& text = column.cell < row.cells.size() ? row.cells[column.cell] : kNone;
    if (!column.words) {
      single_keys_.push_back(key_of(field, missing_cell(text) ? "" : text));
      continue;
    }
    for (size_t at = 0; at < text.size();) {  // Words, at most 64.
      const size_t end = std::min(text.find(' ', at), text.size());
      if (end > at && out.keys.size() < 64)
        out.keys.push_back(key_of(field, std::string_view(text).substr(at, end - at)));
      at = end + 1;
    }
  }
  const size_t words = out.keys.size();
  for (const uint64_t key : single_keys_) {
    out.keys.push_back(key);
    add_rates(out, key, time, true);
  }
  const size_t crossed = std::min(single_keys_.size(), kPairColumns);
  add_neighbours(out);
  add_words(out, first_word, words);
  for (const uint64_t key : out.keys) out.features.push_back({static_cast<uint32_t>(mix64(key, 3)), 1});
  out.crosses = out.features.size();
  for (size_t a = 0; a < crossed; ++a) {
    for (size_t b = a + 1; b < crossed; ++b) {
      const uint64_t pair = mix64(single_keys_[a], single_keys_[b]);
      add_rates(out, pair, time, false);
      out.features.push_back({static_cast<uint32_t>(pair), 1});
    }
    for (size_t w = 0; w < words; ++w)
      out.features.push_back({static_cast<uint32_t>(mix64(single_keys_[a], out.keys[w])), 1});
  }
}

void Encoder::encode(const Row& row, double time, Sample& out) {
  out.dense.clear();
  out.scaled.clear();
  out.keys.clear();
  out.features.clear();
  out.scores.clear();
  if (!idle_.empty()) watch(row);
  for (Column& column : columns_)
    column.seen = column.seen || (column.cell < row.cells.size() && !missing_cell(row.cells[column.cell]));
  out.features.push_back({0x5bd1e995u, 1});  // The constant.
  add_numbers(row, out);
  if (config_.late) {
    add_dense(out, static_cast<float>(waiting_excess_), false);
    add_dense(out, static_cast<float>(delay_residual_), false);
    add_surprise(out, surprise_.data(), time);
  }
  if (time_unit_s_ > 0) {
    const double seconds = time * time_unit_s_;
    const double hour = std::floor(seconds / 3600);
    const auto day = static_cast<int64_t>(std::floor(seconds / 86400));
    add_dense(out, static_cast<float>(seconds / 3600 - std::floor(seconds / 86400) * 24), true);
    out.keys.push_back(mix64(static_cast<uint64_t>(static_cast<int64_t>(hour) % 24), 1001));
    out.keys.push_back(mix64(static_cast<uint64_t>(day % 7), 1002));
  }
  add_keys(row, time, out);
  for (const auto& [key, value] : row.sparse) {
    const uint64_t hash = mix64(key, 5);
    const float scaled = values_.scaled(hash, value, row.weight > 0);
    out.features.push_back({static_cast<uint32_t>(hash), scaled});
    if (value != 0 && out.keys.size() < kSparseKeys)
      out.keys.push_back(value == 1 ? key : mix64(mix64(key, 6), ValueScales::step(scaled)));
  }
  for (const uint64_t key : single_keys_) {
    float* state = rates_.row(rates_.touch(key));
    state[kSights] += 1;
    std::memcpy(state + kTime, &time, sizeof time);
  }
}

double Encoder::sober_label(double label) const {
  return config_.task == Task::kBinary ? label : sober(labels_, label);
}

// A mad label moves neither the mean nor the spread of those that are not; when more than half of the last
// ones were mad they have another unit, and the scale begins anew.
void Encoder::learn_label_scale(double label) {
  const double sane = sober_label(label);
  labels_mad_ += ((sane == label ? 0 : 1) - labels_mad_) / kMadMemory;
  if (labels_mad_ <= 0.5) return learn_scale(labels_, sane, config_.task == Task::kBinary ? 5000 : 100000);
  labels_mad_ = 0;
  labels_ = {};
  learn_scale(labels_, label, 1);
}

void Encoder::learn_label(const Sample& sample, double label) {
  learn_label_scale(label);
  const float y = scaled_label(label);
  const auto add = [&](uint64_t key, size_t from, size_t to) {
    float* state = rates_.row(rates_.touch(key));
    for (size_t r = from; r < to; ++r) {
      const float keep = 1 - 1 / static_cast<float>(kRateMemory[r]);
      state[2 * r] = state[2 * r] * keep + 1;
      state[2 * r + 1] = state[2 * r + 1] * keep + y;
    }
  };
  const size_t singles = std::min(singles_, sample.keys.size());
  const size_t sparse_after = sample.keys.size() - singles;  // Words and hours come first, values last.
  const uint64_t* values = sample.keys.data() + (singles_ > 0 ? sparse_after : 0);
  for (size_t a = 0; a < singles; ++a) add(values[a], 0, 3);
  for (size_t w = time_keys(); has_words_ && w < sparse_after; ++w) {
    add(sample.keys[w], 3, 4);
    for (size_t a = 0; a < singles; ++a) add(mix64(mix64(values[a], sample.keys[w]), 13), 3, 4);
  }
  if (what_ != kNoColumn && singles == singles_) {
    const uint64_t ends[] = {values[who_], values[what_]};
    for (size_t i = 0; i < 2; ++i)  // Against what this `who` says on average.
      neighbours_[i].learn(ends[i], ends[1 - i], 2 * (y - long_rate(ends[i])));
  }
  const size_t crossed = std::min(singles, kPairColumns);
  for (size_t a = 0; a < crossed; ++a)
    for (size_t b = a + 1; b < crossed; ++b) add(mix64(values[a], values[b]), 3, 4);
}

std::span<const uint64_t> Encoder::values_of(const Sample& sample) const {
  const size_t singles = std::min(singles_, sample.keys.size());
  return std::span(sample.keys).subspan(singles_ > 0 ? sample.keys.size() - singles : 0, singles);
}

// Of a value that was forgotten meanwhile: from 0 again.
void Encoder::count_waiting(const Sample& sample, float change) {
  if (!config_.late) return;
  for (const uint64_t key : values_of(sample))
    if (const uint32_t row = rates_.find(key); row != EmbeddingTable::kNone)
      rates_.row(row)[kWaiting] = std::max(rates_.row(row)[kWaiting] + change, 0.0f);
}

void Encoder::learn_waiting(const Sample& sample, float change) {
  waiting_excess_ += change;
  for (const uint64_t key : values_of(sample))
    if (const uint32_t row = rates_.find(key); row != EmbeddingTable::kNone)
      rates_.row(row)[kExcess] += change;
}

void Encoder::learn_delay(const Sample& sample, float residual) {
  delay_residual_ += 0.1f * kResidualMemory * (residual - delay_residual_);
  for (const uint64_t key : values_of(sample))
    if (const uint32_t row = rates_.find(key); row != EmbeddingTable::kNone) {
      float& mean = rates_.row(row)[kResidual];
      mean += kResidualMemory * (residual - mean);
    }
}

float Encoder::long_rate(uint64_t key) const {
  const float mean = static_cast<float>(config_.task == Task::kBinary ? labels_.mean : 0);
  const uint32_t row = rates_.find(key);
  if (row == EmbeddingTable::kNone) return mean;
  const float* state = rates_.row(row);
  return (state[5] + 10 * mean) / (state[4] + 10);
}

float Encoder::scaled_label(double label) const {
  if (config_.task == Task::kBinary) return static_cast<float>(label);
  const double spread = std::sqrt(labels_.variance);
  if (!(spread > 0)) return 0;
  return static_cast<float>(std::clamp((sober_label(label) - labels_.mean) / spread, -20.0, 20.0));
}

double Encoder::unscaled(float score) const {
  return labels_.mean + double{score} * std::sqrt(labels_.variance);
}

void Encoder::save(Writer& out) const {
  out.varint(columns_.size());
  for (const Column& column : columns_) {
    out.str(column.name);
    out.u8(static_cast<uint8_t>((column.numeric ? 1 : 0) | (column.categorical ? 2 : 0) |
                                (column.words ? 4 : 0)));
  }
  const auto first = [](const Idle& idle) { return idle.first; };
  out.varint(static_cast<uint64_t>(std::count_if(idle_.begin(), idle_.end(), first)));
  for (const Idle& idle : idle_)
    if (idle.first) out.str(idle.name);
  for (const size_t each : {dense_, singles_, pairs_}) out.varint(each);
  for (const Scale& scale : scales_) {
    out.f64(scale.n);
    out.f64(scale.mean);
    out.f64(scale.variance);
  }
  out.varint(recent_.size());
  for (const RecentMeans& each : recent_) each.save(out);
  for (const double each : {labels_.n, labels_.mean, labels_.variance, labels_mad_, time_unit_s_,
                            waiting_excess_, delay_residual_})
    out.f64(each);
  if (config_.late) out.array(surprise_.data(), surprise_.size());
  for (const size_t each : {who_, what_}) out.varint(each == kNoColumn ? 0 : each + 1);
  for (const Neighbours& each : neighbours_) each.save(out);
  rates_.save(out);
  values_.save(out);
}

void Encoder::load(Reader& in, RowReader& reader) {
  columns_.clear();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    Column column;
    column.name = std::string(in.str());
    column.cell = reader.column(column.name);
    const uint8_t kind = in.u8();
    column.numeric = (kind & 1) != 0;
    column.categorical = (kind & 2) != 0;
    column.words = (kind & 4) != 0;
    columns_.push_back(std::move(column));
  }
  idle_.clear();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const std::string name(in.str());
    idle_.push_back({.cell = reader.column(name), .name = name});
  }
  for (size_t* each : {&dense_, &singles_, &pairs_}) *each = in.varint();
  if (dense_ > in.remaining() / 24) return in.fail();
  scales_.resize(dense_);
  for (Scale& scale : scales_) {
    scale.n = in.f64();
    scale.mean = in.f64();
    scale.variance = in.f64();
  }
  size_t numeric = 0;
  for (const Column& column : columns_) numeric += column.numeric ? 1 : 0;
  horizons_ = numeric <= kNumbersWithMeans ? RecentMeans::kHorizons.size() : 0;
  if (in.varint() != (horizons_ > 0 ? numeric : 0)) return in.fail();
  recent_.assign(horizons_ > 0 ? numeric : 0, {});
  for (RecentMeans& each : recent_) each.load(in);
  for (double* each : {&labels_.n, &labels_.mean, &labels_.variance, &labels_mad_, &time_unit_s_,
                       &waiting_excess_, &delay_residual_})
    *each = in.f64();
  if (config_.late) in.array(surprise_.data(), surprise_.size());
  for (size_t* each : {&who_, &what_}) {
    *each = in.varint() - 1;  // 0: kNoColumn.
    if (*each != kNoColumn && *each >= singles_) return in.fail();
  }
  has_words_ = false;
  for (const Column& column : columns_) has_words_ = has_words_ || column.words;
  make_neighbours();
  for (Neighbours& each : neighbours_) each.load(in);
  rates_.load(in);
  values_.load(in);
  planned_ = true;
  loaded_names_ = reader.columns().size();
}

}  // namespace freshet
