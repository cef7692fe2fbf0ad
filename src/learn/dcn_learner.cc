// Deep and cross network over the row: a vector for each categorical value, one for the sum of what has no
// column of its own (words, sparse features), and the standardised numbers; one head. model/cross_network.h
// and table/row_table.h have the formulae. Rows one by one, so the network takes its step inside the backward
// pass. Served apart (served.h): the rows in steps of 1/128, the network's weights in rows of 16 in steps of
// 1/512.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "learn/cold_folder.h"
#include "learn/learner.h"
#include "model/cross_network.h"
#include "model/math.h"
#include "table/row_table.h"

namespace freshet {
namespace {

constexpr size_t kDim = 16;
constexpr float kNetworkRate = 0.01f;
constexpr uint32_t kTicksToExpire = 1024;  // Of the table's event time.

float row_rate(Optimizer optimizer) {  // By optimizer.h's order; docs/benchmarks.md has what they reach.
  constexpr float kRates[] = {0.1f, 0.01f, 0.03f, 0.03f, 0.004f, 0.05f};
  return kRates[static_cast<size_t>(optimizer)];
}

RowTableConfig table_config(const LearnerShape& shape, ColdRows* cold) {
  const RowsConfig& rows = shape.rows;
  RowTableConfig config{.dim = kDim,
                        .type = rows.bf16 ? WeightType::kBf16 : WeightType::kF32,
                        .optimizer = {.kind = rows.optimizer,
                                      .rate = row_rate(rows.optimizer) * shape.knobs.rate,
                                      .fade = 0.9999f},
                        .init = 0.02f,
                        .seed = shape.seed,
                        .bytes_max = std::max<size_t>(shape.bytes_max / 2, 4 << 20),
                        .admit = rows.admit,
                        .idle_max = rows.expire > 0 ? kTicksToExpire : 0,
                        .cold = cold};
  if (rows.bytes_max > 0) config.bytes_max = rows.bytes_max;
  config.candidates = std::min(config.candidates, config.bytes_max / 64);  // At most a quarter of the memory.
  return config;
}

size_t to_16(size_t n) {
  return (n + 15) / 16 * 16;
}

class DcnLearner final : public Learner, public Publishable {
 public:
  explicit DcnLearner(const LearnerShape& shape)
      : task_(shape.task),
        first_(shape.first_keys),
        last_(shape.last_keys),
        rate_(shape.knobs.rate),
        row_rate_(row_rate(shape.rows.optimizer) * rate_),
        expire_(shape.rows.expire),
        cold_(shape.rows.cold),
        looks_again_(!shape.rows.cold.empty() || shape.rows.admit > 1),
        table_(table_config(shape, cold_.rows())),
        network_config_({.inputs = (first_ + last_ + 1) * kDim + to_16(shape.dense),
                         .hidden = {64, 32},
                         .heads = 1,
                         .rate = kNetworkRate * rate_,
                         .seed = shape.seed}),
        network_(network_config_),
        x_(network_.inputs()),
        dx_(network_.inputs()) {}

  float score(const Sample& sample) override {
    rows_.resize(sample.keys.size());
    table_.restore(sample.keys, rows_);
    return forward(sample);
  }

  Publishable* publishable() override {
    keep_changed_ = true;
    return this;
  }
  std::vector<ImageTable> tables() const override {
    return {{.name = "rows", .dim = kDim, .step = 1.0f / 128},
            {.name = "network", .dim = kDim, .step = 1.0f / 512}};
  }
  const std::vector<uint64_t>& changed(size_t table) const override {
    if (table == 1) {  // Every example changes the network.
      all_blocks_.resize((network_.weights().size() + kDim - 1) / kDim);
      std::iota(all_blocks_.begin(), all_blocks_.end(), uint64_t{0});
      return all_blocks_;
    }
    return changed_;
  }
  void forget_changed() override { changed_.clear(); }
  bool read(size_t table, uint64_t key, float* out) const override {
    if (table == 0) {
      const uint32_t row = table_.find(key);
      if (row == RowTable::kNone) return false;
      table_.gather({&row, 1}, out);
      return true;
    }
    const std::vector<float>& weights = network_.weights();
    if (key >= (weights.size() + kDim - 1) / kDim) return false;
    for (size_t d = 0; d < kDim; ++d) out[d] = key * kDim + d < weights.size() ? weights[key * kDim + d] : 0;
    return true;
  }
  float score_served(const std::shared_ptr<const Image>& image, const Sample& sample) override {
    values_.resize(sample.keys.size() * kDim);
    image->gather(0, sample.keys, values_.data());
    return answer(sample, served_network(image));
  }
  void set_rate(float factor) override {
    table_.set_rate(row_rate_ * factor);
    network_.set_rate(kNetworkRate * rate_ * factor);
  }

  void learn(const Sample& sample) override {
    rows_.resize(sample.keys.size());
    ++learned_;
    table_.advance(ticks(sample.time));
    table_.sight(sample.keys, rows_);
    // What made room for another is brought back, and a value that got its row at its second place has it at
    // its first, too.
    if (looks_again_) table_.restore(sample.keys, rows_);
    const float score = forward(sample);
    const float said = task_ == Task::kBinary ? sigmoid_f32(score) : score;
    float slopes[CrossNetwork::kHeads] = {(said - sample.label) * sample.weight};
    network_.backward(1, slopes, dx_.data(), true);
    gradients_.resize(rows_.size() * kDim);
    for (size_t i = 0; i < rows_.size(); ++i) {
      const size_t field = field_of(i, rows_.size());
      const float share = field == first_ + last_ ? pool_ : 1;
      for (size_t d = 0; d < kDim; ++d) gradients_[i * kDim + d] = dx_[field * kDim + d] * share;
    }
    table_.update(rows_, gradients_.data());
    if (keep_changed_) changed_.insert(changed_.end(), sample.keys.begin(), sample.keys.end());
  }

  size_t bytes() const override { return table_.bytes() + network_.bytes(); }
  void count(RowCounts& counts) const override {
    counts.rows += table_.rows();
    counts.cold += cold_.rows() != nullptr ? cold_.rows()->rows() : 0;
    counts.evicted += table_.evicted();
    counts.returned += table_.returned();
    counts.expired += table_.expired();
    counts.bytes += table_.bytes();
  }
  Status status() const override { return cold_.status(); }
  void save(Writer& out) const override {
    out.u64(learned_);
    if (expire_ > 0) out.f64(first_time_);
    table_.save(out);
    network_.save(out);
  }
  void load(Reader& in) override {
    learned_ = in.u64();
    if (expire_ > 0) first_time_ = in.f64();
    table_.load(in);
    network_.load(in);
  }

 private:
  // Event time of the table: rows learned, in thousands; where rows expire, time since the first row.
  uint32_t ticks(double time) {
    if (expire_ <= 0) return static_cast<uint32_t>(learned_ >> 10);
    if (learned_ == 1) first_time_ = time;
    const double passed = (time - first_time_) / expire_ * kTicksToExpire;
    return static_cast<uint32_t>(std::clamp(passed, 0.0, 4e9));
  }

  // The first keys of a sample are those of time, the last those of columns; between them is what varies.
  size_t field_of(size_t i, size_t keys) const {
    if (i < first_) return i;
    const size_t varying_end = keys - std::min(last_, keys);
    return i < varying_end ? first_ + last_ : first_ + (i - varying_end);
  }

  float forward(const Sample& sample) {
    values_.resize(rows_.size() * kDim);
    table_.gather(rows_, values_.data());
    return answer(sample, network_);
  }

  // From the rows' weights in values_.
  float answer(const Sample& sample, CrossNetwork& network) {
    const size_t keys = sample.keys.size();
    std::fill(x_.begin(), x_.end(), 0.0f);
    const size_t varying = keys - std::min(keys, first_ + last_);
    pool_ = varying > 0 ? 1 / std::sqrt(static_cast<float>(varying)) : 0;
    for (size_t i = 0; i < keys; ++i) {
      const size_t field = field_of(i, keys);
      const float share = field == first_ + last_ ? pool_ : 1;
      for (size_t d = 0; d < kDim; ++d) x_[field * kDim + d] += values_[i * kDim + d] * share;
    }
    std::copy(sample.scaled.begin(), sample.scaled.end(), x_.begin() + (first_ + last_ + 1) * kDim);
    float logits[CrossNetwork::kHeads];
    network.forward(1, x_.data(), logits);
    return logits[0];
  }

  // Networks of the images asked for last.
  CrossNetwork& served_network(const std::shared_ptr<const Image>& image) {
    for (Network& each : networks_)
      if (each.image == image) return each.network;
    if (networks_.size() >= kNetworks) networks_.erase(networks_.begin());
    networks_.push_back({image, CrossNetwork(network_config_)});
    std::vector<float>& weights = networks_.back().network.weights();
    float row[kDim];
    for (size_t at = 0; at < weights.size(); at += kDim) {
      image->read(1, image->find(1, at / kDim), row);
      std::copy_n(row, std::min(kDim, weights.size() - at), weights.begin() + static_cast<ptrdiff_t>(at));
    }
    return networks_.back().network;
  }

  const Task task_;
  const size_t first_, last_;
  const float rate_;  // Factor on the rates.
  const float row_rate_;
  const double expire_;
  double first_time_ = 0;  // Of what was learned.
  ColdFolder cold_;
  const bool looks_again_;
  RowTable table_;
  const CrossNetworkConfig network_config_;
  CrossNetwork network_;
  uint64_t learned_ = 0;
  std::vector<float> x_, dx_, values_, gradients_;
  std::vector<uint32_t> rows_;
  float pool_ = 0;  // Share of each varying key in their sum.
  static constexpr size_t kNetworks = 6;
  struct Network {
    std::shared_ptr<const Image> image;
    CrossNetwork network;
  };
  std::vector<Network> networks_;
  bool keep_changed_ = false;
  std::vector<uint64_t> changed_;
  mutable std::vector<uint64_t> all_blocks_;
};

}  // namespace

std::unique_ptr<Learner> make_dcn(const LearnerShape& shape) {
  return std::make_unique<DcnLearner>(shape);
}

}  // namespace freshet
