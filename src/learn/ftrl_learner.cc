// Sparse linear model over every hashed feature; model/ftrl.h has the formulae. Served apart (served.h): the
// weights in rows of 16 slots, in steps of 1/512; a row is there when one of its slots was ever learned.
#include <algorithm>

#include "learn/learner.h"
#include "model/ftrl.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kBlock = 16;

class FtrlLearner final : public Learner, public Publishable {
 public:
  FtrlLearner(const LearnerShape& shape, float rate)
      : task_(shape.task),
        config_({.alpha = rate * shape.knobs.rate, .l2 = 1e-3f * shape.knobs.shrink}),
        slots_(size_t{1} << shape.bits),
        ftrl_(config_, slots_) {}

  float score(const Sample& sample) override { return ftrl_.score(sample.features); }

  void learn(const Sample& sample) override {
    const float before = ftrl_.score(sample.features);
    const float predicted = task_ == Task::kBinary ? sigmoid_f32(before) : before;
    ftrl_.update((predicted - sample.label) * sample.weight);
    if (!keep_changed_) return;
    for (const Feature& feature : sample.features) changed_.push_back(slot_of(feature) / kBlock);
  }

  Publishable* publishable() override {
    keep_changed_ = true;
    return this;
  }
  std::vector<ImageTable> tables() const override {
    return {{.name = "weights", .dim = kBlock, .step = 1.0f / 512}};
  }
  const std::vector<uint64_t>& changed(size_t /*table*/) const override { return changed_; }
  void forget_changed() override { changed_.clear(); }
  bool read(size_t /*table*/, uint64_t key, float* out) const override {
    if (key >= slots_.size() / kBlock) return false;
    bool learned = false;
    for (size_t i = 0; i < kBlock; ++i) {
      const auto slot = static_cast<uint32_t>(key * kBlock + i);
      learned = learned || slots_[slot].n != 0;
      out[i] = ftrl_.weight(slot);
    }
    return learned;
  }
  float score_served(const std::shared_ptr<const Image>& image, const Sample& sample) override {
    float row[kBlock];
    float sum = 0;
    for (const Feature& feature : sample.features) {
      image->read(0, image->find(0, slot_of(feature) / kBlock), row);
      sum += row[slot_of(feature) % kBlock] * feature.value;
    }
    return sum;
  }
  // The weights stay what they are: only steps change.
  void set_rate(float factor) override {
    factor_ = factor;
    ftrl_.set_alpha(config_.alpha * factor);
  }

  size_t bytes() const override { return slots_.size() * sizeof(FtrlSlot); }

  // Slots that were ever touched, by place; as they would be at the rate of the configuration.
  void save(Writer& out) const override {
    uint64_t used = 0;
    for (const FtrlSlot& slot : slots_) used += slot.n != 0 ? 1 : 0;
    out.varint(used);
    FtrlConfig now = config_;
    now.alpha *= factor_;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].n == 0) continue;
      const FtrlSlot slot = factor_ == 1 ? slots_[i] : Ftrl::at_alpha(now, slots_[i], config_.alpha);
      out.u32(static_cast<uint32_t>(i));
      out.raw(slot.z);
      out.raw(slot.n);
    }
  }

  void load(Reader& in) override {
    std::fill(slots_.begin(), slots_.end(), FtrlSlot{});
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const uint32_t i = in.u32();
      if (i >= slots_.size()) return in.fail();
      slots_[i].z = in.f32();
      slots_[i].n = in.f32();
      if (factor_ != 1) slots_[i] = Ftrl::at_alpha(config_, slots_[i], config_.alpha * factor_);
    }
  }

 private:
  size_t slot_of(const Feature& feature) const { return feature.index & (slots_.size() - 1); }

  const Task task_;
  const FtrlConfig config_;
  std::vector<FtrlSlot> slots_;
  Ftrl ftrl_;
  float factor_ = 1;  // On the learning rate.
  bool keep_changed_ = false;
  std::vector<uint64_t> changed_;
};

}  // namespace

std::unique_ptr<Learner> make_ftrl(const LearnerShape& shape, float rate) {
  return std::make_unique<FtrlLearner>(shape, rate);
}

// A step along n features of size 1 moves the score of its own row by n times the rate: beyond some n one
// example overrules all before it, and what is fitted is noise. So the rate is divided by n / 50 there, as in
// normalised least mean squares (Nagumo and Noda 1967; by the mean of the rows' norms: Ross, Mineiro and
// Langford 2013, "Normalized Online Learning"). n is of numbers, which are standardised and in every row.
// Alone only: in an ensemble there are three rates to choose from.
std::unique_ptr<Learner> make_ftrl_alone(const LearnerShape& shape) {
  constexpr float kRate = 0.08f, kNumbers = 50;
  const auto numbers = static_cast<float>(shape.dense);
  return make_ftrl(shape, kRate * std::min(1.0f, kNumbers / std::max(numbers, 1.0f)));
}

}  // namespace freshet
