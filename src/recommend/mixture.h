// What all the sources' evidence together makes of a candidate: a small network scores each candidate from
// the columns of the slate and the context, and a softmax over the candidates gives probabilities. Learned
// online by listwise cross-entropy (Cao et al. 2007, ListNet, top one) with Adam (Kingma, Ba 2015).
//
//   z_i = W1 x_i + Wc c      s_i = w . x_i + w2 . relu(z_i)      p_i = exp(s_i) / sum_j exp(s_j)
//
//   x  float32[kColumnsMax]  the candidate's columns, transformed (SourceColumn::Kind)
//   c  float32[kContextMax]  the same for all candidates of a query
//
// Beside it a Bayesian mixture with fixed share (Herbster, Warmuth 1998) keeps a weight for each source from
// its own progressive loss; it orders proposals before the network looks at them, and it is what stats()
// shows.
//
// Threads: learn(), save() and load() on the fold thread; weights are published as immutable copies, read
// under an EpochGuard.
#pragma once

#include <array>
#include <atomic>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/epoch.h"
#include "base/result.h"
#include "recommend/source.h"

namespace freshet {

constexpr size_t kContextMax = 16;
constexpr size_t kHidden = 32;
constexpr size_t kSourcesMax = 8;

struct MixtureOptions {
  float rate = 4e-3f;        // Adam's step at the start...
  float rate_min = 1e-3f;    // ...and in the long run
  float rate_life = 10'000;  // queries learned until half of it
  float decay = 1e-6f;       // of the weights, each query
  uint64_t seed = 1;
};

class SourceMixture {
 public:
  using ContextRow = std::array<float, kContextMax>;

  struct Weights {
    alignas(64) float hidden[kColumnsMax][kHidden];
    alignas(64) float context[kContextMax][kHidden];
    alignas(64) float out[kHidden];
    alignas(64) float linear[kColumnsMax];
    static constexpr size_t kCount = kColumnsMax * kHidden + kContextMax * kHidden + kHidden + kColumnsMax;
    float* data() { return reinterpret_cast<float*>(this); }
    const float* data() const { return reinterpret_cast<const float*>(this); }
  };

  // `columns`: of all sources, in slate order. `prior`: first linear weights.
  SourceMixture(std::vector<SourceColumn> columns, std::vector<float> prior, size_t sources,
                const MixtureOptions& options);
  ~SourceMixture();

  // Any thread, under an EpochGuard. Replaces the chosen rows' raw columns by inputs.
  void transform(std::span<const uint32_t> chosen, Slate& slate) const;
  // Probabilities among the chosen, whose columns are transformed. Sums to 1.
  void score(const ContextRow& context, std::span<const uint32_t> chosen, const Slate& slate,
             std::vector<float>& probability) const;
  // What each column, and last the context, adds to the score of the candidate in row `at`: float64[columns +
  // 1], exact given which hidden units are at work.
  void parts(const ContextRow& context, uint32_t at, const Slate& slate, std::vector<double>& out) const;
  std::array<float, kSourcesMax> source_weights() const;
  float inside() const {
    return inside_.load(std::memory_order_relaxed);
  }  // P(the target is among the chosen)

  // Fold thread. One query whose answer was the candidate at `target` of `chosen`. Returns its probability
  // before.
  float learn(const ContextRow& context, std::span<const uint32_t> chosen, size_t target, const Slate& slate);
  // One query: what each source alone gave the target, and whether it was among the chosen.
  void observe(std::span<const float> source_probability, bool inside);

  // For the gradient check: the weights as trained, and the loss's gradient by each of them, in the order of
  // Weights.
  std::vector<float> trained() const { return {weights_.data(), weights_.data() + Weights::kCount}; }
  std::vector<float> gradient(const ContextRow& context, std::span<const uint32_t> chosen, size_t target,
                              const Slate& slate);

  double source_loss(size_t source) const { return source_loss_[source].load(std::memory_order_relaxed); }
  double loss() const { return loss_.load(std::memory_order_relaxed); }
  uint64_t queries() const { return queries_; }
  const Weights& weights() const { return *current_.load(std::memory_order_acquire); }

  void save(Writer& out) const;
  Status load(Reader& in);
  size_t bytes() const { return 5 * sizeof(Weights); }

 private:
  void publish();
  void add_gradient(const ContextRow& context, std::span<const uint32_t> chosen, size_t target,
                    const Slate& slate);

  const std::vector<SourceColumn> columns_;
  const size_t sources_;
  const MixtureOptions options_;
  std::array<float, kColumnsMax> per_unit_{}, scale_{}, plain_{};
  std::atomic<const Weights*> current_{nullptr};

  // Fold thread only.
  Weights weights_;
  Weights mean_;                       // Running mean of weights_: what is published
  Weights gradient_, first_, second_;  // Adam's moments
  uint64_t queries_ = 0;
  struct alignas(64) Activations : std::array<float, kHidden> {};
  std::vector<Activations> activations_;  // of each candidate
  std::vector<float> probability_;
  std::array<std::atomic<float>, kSourcesMax> source_weight_{};
  std::array<std::atomic<float>, kSourcesMax> source_loss_{};
  std::atomic<float> loss_{0};
  std::atomic<float> inside_{0.9f};
  RetireList retired_;
};

}  // namespace freshet
