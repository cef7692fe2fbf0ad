// What each feature of the ranker is worth, measured while it learns; and which of them are left out.
//
//   ablation   nats an example that the model loses when the feature's weights are taken for zero, the others
//              as they are: E[loss without] - E[loss], each before the example is learned. Decayed mean with
//              its deviation over 1 of kEvery examples.
//   gain       information gain, nats: H(click) - H(click | cell) over kBuckets buckets of the feature's
//              cells, less what chance alone would show of it ((buckets - 1) / 2n; Miller 1955, "Note on the
//              bias of information estimates"). What it tells by itself, whatever the others tell.
//   retired    it brings less than `kLeast` of what the whole model gains over the score alone, and two
//              deviations of doubt are counted against it, kProofs times in a row of kWindow looks each. It
//              is made no more; its weights stay. After kAgain examples it gets another chance, for which it
//              needs the same proof.
//
// An operator may keep features in or out (settings: ranker.keep, ranker.drop); what was retired by itself
// then stays as it is for the day that this is taken back. Deterministic. Threads: one; a copy may be read by
// any. Cost: 2 us an example looked at.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "rank/features.h"

namespace freshet {

struct FeatureChange {  // Of what is made; the newest kChanges are remembered.
  RankFeature feature = RankFeature::kPageKind;
  bool retired = false;  // Else: it is back.
  TimeMs time_ms = 0;
  uint64_t examples = 0;        // Learned until then
  double worth = 0, least = 0;  // Nats an example: at most what it brings, and what it would have to.
};

class Importance {
 public:
  static constexpr uint64_t kEvery = 8, kWindow = 4096, kProofs = 3;
  static constexpr uint64_t kAgain = uint64_t{1} << 22;
  static constexpr size_t kBuckets = 64, kChanges = 64;
  static constexpr double kLeast = 1e-3;

  // Is the next example looked at? If not, it is passed by.
  bool due() const { return examples_ % kEvery == 0; }
  void pass() { ++examples_; }
  // One example before it is learned: its row, the mean of each feature's weights in it, the logit of all,
  // the logit of the score alone, label 0 or 1 and weight.
  void look(std::span<const uint32_t> row, std::span<const float> parts, double logit, double plain,
            double label, double weight, TimeMs now_ms);

  // What is made, by bit, of what is not kept in or out.
  uint64_t active() const { return ~retired_ & kAllFeatures; }
  bool retired(RankFeature feature) const { return (retired_ >> static_cast<size_t>(feature) & 1) != 0; }

  struct Worth {
    double ablation = 0, deviation = 0;  // Nats an example
    double gain = 0;
    uint64_t looked = 0;  // Examples that had it
  };
  Worth worth(RankFeature feature) const;
  double whole() const;  // What the model gains over the score alone, nats an example, lately.
  uint64_t examples() const { return examples_; }
  std::span<const FeatureChange> changes() const { return changes_; }

  void save(Writer& out) const;
  Status load(Reader& in);

 private:
  struct Mean {
    double weight = 0, sum = 0, squares = 0;
    void add(double x, double w);
    double mean() const { return weight > 0 ? sum / weight : 0; }
    double deviation() const;  // Of the mean
    void halve() { weight /= 2, sum /= 2, squares /= 2; }
  };
  struct Feature {
    Mean ablation;
    std::array<float, kBuckets> shown{}, clicked{};
    uint32_t proofs = 0;
    uint64_t looked = 0, retired_at = 0;
  };
  void count(std::span<const uint32_t> row, double label, double weight);
  void decide(TimeMs now_ms);
  void change(size_t feature, bool retired, TimeMs now_ms, double worth, double least);

  std::vector<Feature> features_{kRankFeatures};
  Mean whole_;
  uint64_t retired_ = 0;
  uint64_t examples_ = 0, looked_ = 0;
  std::vector<FeatureChange> changes_;
};

}  // namespace freshet
