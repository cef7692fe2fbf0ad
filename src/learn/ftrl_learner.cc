// Sparse linear model over every hashed feature; model/ftrl.h has the formulae.
#include "learn/learner.h"
#include "model/ftrl.h"
#include "model/math.h"

namespace freshet {
namespace {

class FtrlLearner final : public Learner {
 public:
  FtrlLearner(const LearnerShape& shape, float rate)
      : task_(shape.task),
        slots_(size_t{1} << shape.bits),
        ftrl_({.alpha = rate * shape.knobs.rate, .l2 = 1e-3f * shape.knobs.shrink}, slots_) {}

  float score(const Sample& sample) override { return ftrl_.score(sample.features); }

  void learn(const Sample& sample) override {
    const float before = ftrl_.score(sample.features);
    const float predicted = task_ == Task::kBinary ? sigmoid_f32(before) : before;
    ftrl_.update((predicted - sample.label) * sample.weight);
  }

  size_t bytes() const override { return slots_.size() * sizeof(FtrlSlot); }

  void save(Writer& out) const override {  // Slots that were ever touched, by place.
    uint64_t used = 0;
    for (const FtrlSlot& slot : slots_) used += slot.n != 0 ? 1 : 0;
    out.varint(used);
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].n == 0) continue;
      out.u32(static_cast<uint32_t>(i));
      out.raw(slots_[i].z);
      out.raw(slots_[i].n);
    }
  }

  void load(Reader& in) override {
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const uint32_t i = in.u32();
      if (i >= slots_.size()) return in.fail();
      slots_[i].z = in.f32();
      slots_[i].n = in.f32();
    }
  }

 private:
  const Task task_;
  std::vector<FtrlSlot> slots_;
  Ftrl ftrl_;
};

}  // namespace

std::unique_ptr<Learner> make_ftrl(const LearnerShape& shape, float rate) {
  return std::make_unique<FtrlLearner>(shape, rate);
}

}  // namespace freshet
