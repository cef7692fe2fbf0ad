// The default: linear models at three rates, factors, Gaussians in two kinds of world, a network twice (from
// two seeds: what they err in differently cancels, Lakshminarayanan et al. 2017, "Deep Ensembles"), a forest,
// what is near; stacked at three speeds; all of them mixed. And the list of learners. The stackers and the
// mixture learn from what the experts and the stackers said when the row was predicted, so that a label that
// came late judges what was answered and not what is known by then; and the mixture as slowly as labels come
// late.
#include "base/hash.h"
#include "learn/learner.h"
#include "model/mixture.h"

namespace freshet {
namespace {

constexpr uint64_t kAgain = 0x616761696e;
// A stacker that remembers n rows is about experts / 2n of loss above the best weights: 500 rows follow a
// world that moves, 50,000 cost next to nothing in one that does not. Since they adapt, the mixture need not:
// it expects a change of who is best in 5,000 rows.
constexpr double kForget[] = {0.998, 0.9998, 0.99998};
constexpr double kShare = 2e-4;
constexpr double kLateMemory = 1000;  // Labels.

class Ensemble final : public Learner {
 public:
  explicit Ensemble(const LearnerShape& shape) {
    experts_.push_back(make_ftrl(shape, 0.02f));
    experts_.push_back(make_ftrl(shape, 0.08f));
    experts_.push_back(make_ftrl(shape, 0.3f));
    experts_.push_back(make_factor(shape));
    experts_.push_back(make_gauss(shape));
    experts_.push_back(make_swift_gauss(shape));
    experts_.push_back(make_dcn(shape));
    LearnerShape again = shape;
    again.seed = mix64(shape.seed, kAgain);
    experts_.push_back(make_dcn(again));
    experts_.push_back(make_forest(shape));
    experts_.push_back(make_kernel(shape));
    const bool binary = shape.task == Task::kBinary;
    for (const double forget : kForget) stackers_.emplace_back(experts_.size(), binary, forget);
    mixture_.emplace_back(experts_.size() + stackers_.size(), binary, kShare);
  }

  float score(const Sample& sample) override {
    ask(sample);
    last_row_ = sample.row;
    return mixture_[0].score(parts_);
  }

  void learn(const Sample& sample) override {
    parts_ = sample.scores;
    if (parts_.size() != experts_.size() + stackers_.size()) ask(sample);
    const double rows = last_row_ > sample.row ? static_cast<double>(last_row_ - sample.row) : 0;
    labels_ = std::min(labels_ + 1, kLateMemory);
    late_ += (rows - late_) / labels_;
    mixture_[0].learn(parts_, sample.label, sample.importance, 1 / (1 + late_));
    for (Stacker& stacker : stackers_)
      stacker.learn(std::span(parts_).first(experts_.size()), sample.label, sample.importance);
    for (const auto& expert : experts_) expert->learn(sample);
  }

  std::span<const float> parts() const override { return parts_; }

  size_t bytes() const override {
    size_t sum = 0;
    for (const auto& expert : experts_) sum += expert->bytes();
    return sum;
  }
  void count(RowCounts& counts) const override {
    for (const auto& expert : experts_) expert->count(counts);
  }
  Status status() const override {
    for (const auto& expert : experts_) TRY_STATUS(expert->status());
    return {};
  }
  void save(Writer& out) const override {
    for (const auto& expert : experts_) expert->save(out);
    for (const Stacker& stacker : stackers_) stacker.save(out);
    mixture_[0].save(out);
    out.u64(last_row_);
    out.f64(labels_);
    out.f64(late_);
  }
  void load(Reader& in) override {
    for (const auto& expert : experts_) expert->load(in);
    for (Stacker& stacker : stackers_) stacker.load(in);
    mixture_[0].load(in);
    last_row_ = in.u64();
    labels_ = in.f64();
    late_ = in.f64();
  }

 private:
  void ask(const Sample& sample) {
    parts_.clear();
    for (const auto& expert : experts_) parts_.push_back(expert->score(sample));
    std::vector<float> stacked;
    for (Stacker& stacker : stackers_) stacked.push_back(stacker.score(parts_));
    parts_.insert(parts_.end(), stacked.begin(), stacked.end());
  }

  std::vector<std::unique_ptr<Learner>> experts_;
  std::vector<Stacker> stackers_;
  std::vector<Mixture> mixture_;  // One.
  uint64_t last_row_ = 0;         // Scored.
  double labels_ = 0, late_ = 0;  // Mean of the rows between a row and its label.
  std::vector<float> parts_;      // What the experts say, then the stackers.
};

}  // namespace

std::unique_ptr<Learner> make_ensemble(const LearnerShape& shape) {
  return std::make_unique<Ensemble>(shape);
}

std::span<const LearnerEntry> learners() {
  static const LearnerEntry kLearners[] = {
      {.name = "auto",
       .make = make_ensemble,
       .what = "all of these, mixed by weights that are learned too",
       .rows = true},
      {.name = "ftrl",
       .make = make_ftrl_alone,
       .what = "sparse linear, FTRL-Proximal",
       .rate = true,
       .shrink = true,
       .served = true},
      {.name = "factor",
       .make = make_factor,
       .what = "factorisation machine over categorical values",
       .rate = true,
       .shrink = true},
      {.name = "gauss",
       .make = make_gauss,
       .what = "factorisation machine of Gaussian rows, Kalman updates",
       .rate = true,
       .shrink = true},
      {.name = "dcn",
       .make = make_dcn,
       .what = "deep and cross network over embedding rows and numbers",
       .rate = true,
       .served = true,
       .rows = true},
      {.name = "forest",
       .make = make_forest,
       .what = "adaptive forest of incremental trees",
       .numbers = true},
      {.name = "kernel",
       .make = make_kernel,
       .what = "kernel regression over the last rows, with a learned metric",
       .rate = true,
       .numbers = true},
  };
  return kLearners;
}

const LearnerEntry* find_learner(std::string_view name) {
  for (const LearnerEntry& entry : learners())
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace freshet
