// The default: linear models at three rates, factors, Gaussians in two kinds of world, a network twice (from
// two seeds: what they err in differently cancels, Lakshminarayanan et al. 2017, "Deep Ensembles"), a forest;
// stacked at three speeds; all of them mixed. And the list of learners. The stackers and the mixture learn
// from what the experts said when the row was predicted, so that a label that came late judges what was
// answered and not what is known by then.
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
    const bool binary = shape.task == Task::kBinary;
    for (const double forget : kForget) stackers_.emplace_back(experts_.size(), binary, forget);
    mixture_.emplace_back(experts_.size() + stackers_.size(), binary, kShare);
  }

  float score(const Sample& sample) override {
    experts_scores(sample, scores_);
    return mixed(scores_);
  }

  void learn(const Sample& sample) override {
    scores_ = sample.scores;
    if (scores_.size() != experts_.size()) experts_scores(sample, scores_);
    mixed(scores_);
    mixture_[0].learn(all_, sample.label, sample.importance);
    for (Stacker& stacker : stackers_) stacker.learn(scores_, sample.label, sample.importance);
    for (const auto& expert : experts_) expert->learn(sample);
  }

  std::span<const float> parts() const override { return scores_; }

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
  }
  void load(Reader& in) override {
    for (const auto& expert : experts_) expert->load(in);
    for (Stacker& stacker : stackers_) stacker.load(in);
    mixture_[0].load(in);
  }

 private:
  void experts_scores(const Sample& sample, std::vector<float>& out) {
    out.clear();
    for (const auto& expert : experts_) out.push_back(expert->score(sample));
  }
  float mixed(const std::vector<float>& scores) {
    all_ = scores;
    for (const Stacker& stacker : stackers_) all_.push_back(stacker.score(scores));
    return mixture_[0].score(all_);
  }

  std::vector<std::unique_ptr<Learner>> experts_;
  std::vector<Stacker> stackers_;
  std::vector<Mixture> mixture_;  // One.
  std::vector<float> scores_, all_;
};

}  // namespace

std::unique_ptr<Learner> make_ensemble(const LearnerShape& shape) {
  return std::make_unique<Ensemble>(shape);
}

std::span<const LearnerEntry> learners() {
  static const LearnerEntry kLearners[] = {
      {"auto", make_ensemble, "all of the below, mixed by weights that are learned too", false, false, false,
       true},
      {"ftrl", [](const LearnerShape& s) { return make_ftrl(s, 0.08f); }, "sparse linear, FTRL-Proximal",
       true, true, true},
      {"factor", make_factor, "factorisation machine over categorical values", true, true},
      {"gauss", make_gauss, "factorisation machine of Gaussian rows, Kalman updates", true, true},
      {"dcn", make_dcn, "deep and cross network over embedding rows and numbers", true, false, true, true},
      {"forest", make_forest, "adaptive forest of Hoeffding trees"},
  };
  return kLearners;
}

const LearnerEntry* find_learner(std::string_view name) {
  for (const LearnerEntry& entry : learners())
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace freshet
