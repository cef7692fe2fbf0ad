// Logistic regression over indicators whose weights are Gaussians, one weight a cell and head: a mean and a
// variance, learned one example at a time by the decoupled extended Kalman filter with diagonal blocks
// (Gomez-Uribe and Karrer 2021, "The Decoupled Extended Kalman Filter for Dynamic Exponential-Family
// Factorization Models", JMLR 22; Graepel et al. 2010, adPredictor, is the same with a probit).
//
//   logit = offset + sum of means m_i          V = sum of variances s_i          p = sigmoid(logit)
//   f = w (y - p) / (1 + h V)                  h = caution w p (1 - p)
//   m_i += s_i f
//   s_i  = min(prior_i, s_i - s_i^2 h / (1 + h V) + drift prior_i)
//
// A 1 may take back a zero that was learned of the same example before, with weight t: the gradient of
// w ln p - t ln(1 - p) is w (1 - p) + t p, and what the zero had told of the variances stays told:
//
//   f = (w (1 - p) + t p) / (1 + h V),   s_i unchanged by the share t / w of h
//
// and a 0 a 1: f = -(w p + t (1 - p)) / (1 + h V).
//
// A cell never seen has mean 0 and the variance of its group: what is new is learned fast, what is known
// slowly, and nothing has a learning rate. `caution` above 1 makes up for taking the weights of one example
// to be independent. A row that names a cell twice counts it twice. Variances are kept as shares of the
// prior, so that groups that share a cell by chance agree about it.
//
// Served (rank/served_words.h) is one word a cell: three means of 16 bits in steps of 1/4096 (error at most
// 1.3e-4 of a weight), three shares of 5 bits, four steps an octave (error at most an eighth of a variance,
// which is taken to be at least 1/215 of the prior's).
//
// Threads: learn(), save(), load() and what decides about served() by one; sum() of what is live by any.
// Memory: 24 bytes a cell and what is served, 2^bits cells, made when first learned. Cost: one cache line a
// cell; of what is served, an eighth of one. Twin: in the test, in doubles.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "rank/features.h"
#include "rank/served_part.h"
#include "rank/served_words.h"

namespace freshet {

class GaussWeights final : public ServedPart {
 public:
  static constexpr size_t kHeads = 3;
  struct Config {
    uint32_t bits = 20;  // At most RankRow::kIndexBits.
    float caution = 1.3f;
    float drift = 1e-4f;
    std::array<float, kRankGroups> prior{};  // Variance of a weight, by group.
  };
  struct Weight {
    float mean = 0;
    float gone = 0;  // Of the prior's variance: the share that is known by now.
  };

  explicit GaussWeights(const Config& config) : config_(config), served_(size_t{1} << config.bits) {}

  uint32_t mask() const { return (1u << config_.bits) - 1; }
  void fetch(std::span<const uint32_t> row) const;  // Of what is live.
  // Sum of the means by group, and of the variances of the groups in `counted` (bit of each).
  struct Sums {
    std::array<float, kRankGroups> mean{};
    float variance = 0;
  };
  void sum(std::span<const uint32_t> row, size_t head, uint32_t counted, Sums& out,
           RankCopy copy = RankCopy::kLive) const;
  // Of what is trained: sum of the means by feature; out: [kRankFeatures].
  void parts(std::span<const uint32_t> row, size_t head, std::span<float> out) const;
  // One example; returns the logit before. weight: at least 0. taken: weight of the other label that it takes
  // back; 0: of none.
  float learn(std::span<const uint32_t> row, size_t head, float offset, float label, float weight,
              float taken = 0);
  // One row was chosen before another: logit of that = difference of their means; cells that both have say
  // nothing. Rows: sorted, each cell once. Returns the logit before.
  float learn_pair(std::span<const uint32_t> chosen, std::span<const uint32_t> other, size_t head,
                   float weight);
  const Config& config() const { return config_; }
  // Of what is not known yet: from now on as in another configuration of as many cells.
  void assume(const Config& config) {
    for (size_t group = 0; group < config_.prior.size(); ++group)  // Queries read them meanwhile.
      std::atomic_ref(config_.prior[group]).store(config.prior[group], std::memory_order_relaxed);
    config_.caution = config.caution;
  }
  std::vector<uint64_t> trained_words() const;  // As a version bears them; empty: nothing was learned.
  void set_drift(float drift) { config_.drift = drift; }
  float drift() const { return config_.drift; }
  // Sums of means, as each copy of the parameters has them, by RankCopy; of kTrained only if its bit is in
  // `copies`. Apart: what a place is worth (of the page too), what a score is, the scenario's adjustment,
  // what is known of the shopper (kOfShopper), and all else.
  struct Said {
    float place = 0, score = 0, scenario = 0, shopper = 0, rest = 0;
    float all() const { return place + score + scenario + shopper + rest; }
  };
  std::array<Said, kRankCopies> say(std::span<const uint32_t> row, size_t head, uint32_t copies) const;

  const ServedWords& served() const { return served_; }
  std::string_view part() const override { return "weights"; }
  void set_direct(bool direct) override { direct_ = direct; }
  void catch_up() override;
  void step() override { served_.step(); }
  void mark() override { served_.mark(); }
  void unmark() override { served_.unmark(); }
  void back_to_mark() override { served_.back_to_mark(); }
  void freeze() override;
  size_t frozen() const override { return cells_ == nullptr ? 0 : served_.frozen(); }
  void publish() override { served_.publish(); }
  void discard() override { served_.discard(); }
  void good_moves() override { served_.good_moves(); }
  void roll_back() override { served_.roll_back(); }
  void go_back() override;
  std::vector<uint64_t> version() const override;
  size_t words() const override { return served_.size(); }
  void replace(std::span<const uint64_t> words) override;

  // Of what is live against what is trained: the means; a loop over all. By the thread that learns.
  struct Error {
    double greatest = 0, rms = 0;
    size_t weights = 0;
  };
  Error serving_error() const;

  static uint64_t word_of(const std::array<Weight, kHeads>& weights);
  static Weight weight_of(uint64_t word, size_t head);

  size_t bytes() const { return (cells_ == nullptr ? 0 : sizeof(Cell) << config_.bits) + served_.bytes(); }
  void clear();  // While nobody reads.
  void save(Writer& out) const;
  Status load(Reader& in);

 private:
  void move(uint32_t cell, size_t head, float step, float shrink);
  using Cell = std::array<Weight, kHeads>;
  void make();
  template <class At>
  void add_up(std::span<const uint32_t> row, uint32_t counted, Sums& out, At&& at) const;

  Config config_;
  bool direct_ = true;
  struct Free {
    void operator()(Cell* cells) const { std::free(cells); }
  };
  std::unique_ptr<Cell[], Free> cells_;
  ServedWords served_;
};

}  // namespace freshet
