// Factorisation machine and linear model whose parameters are Gaussians: a mean and a full covariance for
// each key's weight and vector, and for the dense features together; a variance for each pair of keys.
// Updated by the decoupled extended Kalman filter: Gomez-Uribe and Karrer 2021, "The Decoupled Extended
// Kalman Filter for Dynamic Exponential-Family Factorization Models" (JMLR 22). Pairs alone are Graepel et
// al. 2010, "Web-Scale Bayesian Click-Through Rate Prediction" (adPredictor), with a logit for the probit.
//
//   score = sum over keys w_k + sum over pairs of keys (<v_k, v_l> + u_kl) + <d, scaled dense and 1>
//   each block s ~ N(m, P) is linear in the score when the others stand at their means: phi
//   V  = sum over blocks phi' P phi + sum over pairs trace(P_k P_l)      what is not known of the score
//   P += drift * prior                  before a sight, up to 4 priors: the world may have moved
//   m += P phi (y - p) / (1 + h V);     P -= P phi phi' P h / (1 + h V)
//
// A row counts as at most so many as make h V 100, and no variance is below 1e-5 of its prior: what is left
// of a covariance after a heavier row is rounding, and may be none. Binary: h = caution * p (1 - p), the
// answer is moderated: m / sqrt(1 + pi V / 8) (MacKay 1992). Numbers: h = caution. `caution` above 1 makes up
// for blocks that are taken to be independent. What is new is learned fast and what is known slowly, without
// a learning rate. Threads: one. Cost: 72 floats a key, dense^2 floats read and written a row; of the dense
// features the first kDenseMost, others are for other learners. The test checks one exact step of Bayes' rule
// and the slope of the score.
#pragma once

#include <memory>
#include <vector>

#include "learn/learner.h"
#include "model/embedding_table.h"

namespace freshet {

struct GaussConfig {
  float weight_variance = 0.07f, vector_variance = 0.1f, pair_variance = 0.04f, dense_variance = 0.005f;
  float row_drift = 0, dense_drift = 2e-4f;  // Of the prior, at each sight.
  float init = 0.1f;                         // Vectors start within it.
  float caution = 1.3f;
};

class GaussLearner final : public Learner {
 public:
  static constexpr size_t kDim = 8;  // Weight and vector.
  static constexpr size_t kDenseMost = 511;
  GaussLearner(const LearnerShape& shape, const GaussConfig& config);

  float score(const Sample& sample) override;
  void learn(const Sample& sample) override;
  size_t bytes() const override;
  void save(Writer& out) const override;
  void load(Reader& in) override;

  float mean() const { return mean_; }          // Of the last score.
  float variance() const { return variance_; }  // Of the last score, what is not known of it.

 private:
  struct Pair {
    float mean = 0;
    float used = 0;  // Variance taken from the prior.
  };
  float prior(size_t i) const { return i == 0 ? config_.weight_variance : config_.vector_variance; }
  void begin(uint32_t row, uint64_t key);
  void add_rows();
  void add_dense(const Sample& sample);
  void add_pairs(const Sample& sample);
  void add_all(const Sample& sample);
  float answer() const;

  const Task task_;
  const uint64_t seed_;
  const GaussConfig config_;
  const size_t dense_, n_;  // Dense features; with the constant, padded to 16.
  EmbeddingTable table_;    // [kDim] means, [kDim][kDim] covariance
  std::vector<Pair> pairs_;
  std::vector<float> d_, p_;       // Means [n] and covariance [n][n] of the dense block.
  float mean_ = 0, variance_ = 0;  // Of the last score.
  std::vector<uint32_t> rows_;     // Of the last score; and P phi of each block:
  std::vector<float> x_, px_dense_, px_;
};

}  // namespace freshet
