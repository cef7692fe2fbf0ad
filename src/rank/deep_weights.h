// A deep learner over the rows of cells that rank/gauss_weights.h learns too (rank/features.h): a vector of
// eight for each cell, pooled by group, and a cross network beside a perceptron (model/cross_network.h) that
// makes of the groups together one logit for each head: click, cart, purchase.
//
//   x_g    = sum over the cells of group g of v / sqrt(their number)          groups x 8, filled up to 16s
//   logit  = offset + network(x)[head]                                p = sigmoid(logit)
//   slope  = w (p - y) - t (p - (1 - y)),  t: weight of the other label that is taken back
//   v -= rate g / sqrt(a), a += mean g^2, by row;  the network by Adagrad, once a batch
//
// The offset is the caller's: what is known without this one. Vectors begin as zeros and so does the
// network's last bias: a cell never seen says nothing, and a learner that knows nothing says 0. The place is
// no input (it is not known when a page is ordered), the caller's offset takes it.
//
// Lessons are gathered until settle(), at most kBatch rows; lessons of one row that follow one another (the
// heads of one candidate) are one. So what is learned depends on the order of lessons and on settle() alone.
//
// Served (rank/served_words.h): a word for each vector, eight int8 in steps of kStep (a learned vector keeps
// within +-127 of them), and behind them the network, two weights a word, less what it began with (so that
// words of 0 are one that has learned nothing, and can learn); settle() says of both what changed. Threads:
// learn(), settle(), trained(), save(), load() and what decides about what is served by one; Asked on any
// thread at any time, without waiting (a reader may see a network of two steps, half and half). Memory: 60
// bytes << bits, made when first learned, and 300 KB. Cost: 3 us a row learned and 20 us a batch; 0.5 us a
// row asked, and 3 us a page. Twin in doubles and finite differences: in the test.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/cross_network.h"
#include "rank/features.h"
#include "rank/served_part.h"
#include "rank/served_words.h"

namespace freshet {

class DeepWeights final : public ServedPart {
 public:
  static constexpr size_t kHeads = 3, kDim = 8, kInputs = (kRankGroups * kDim + 15) / 16 * 16, kBatch = 64;
  static constexpr float kStep = 1.0f / 64;
  struct Config {
    uint32_t bits = 18;  // At most RankRow::kIndexBits.
    float row_rate = 0.2f, network_rate = 0.02f;
    float row_begin = 0.01f;                  // What Adagrad's sums of a vector begin with; above 0.
    std::array<size_t, 2> hidden = {32, 16};  // Widths of the perceptron; multiples of 16.
    uint64_t seed = 1;
  };
  using Logits = std::array<float, kHeads>;

  explicit DeepWeights(const Config& config);

  // weight: at least 0. taken: of the other label, that this one takes back (rank/gauss_weights.h).
  void learn(std::span<const uint32_t> row, size_t head, float offset, float label, float weight,
             float taken = 0);
  void settle();
  // What is learned says, without offset: of what serving rounds.
  Logits trained(std::span<const uint32_t> row);

  // One request's look at it; of one thread.
  class Asked {
   public:
    // The network as it is now; of another copy than what is live by the thread that learns. False: nothing
    // was learned, all logits are 0.
    bool begin(const DeepWeights& weights, RankCopy copy = RankCopy::kLive);
    void score(std::span<const RankRow> rows, std::vector<Logits>& out);

   private:
    void pool(std::span<const uint32_t> row, float* x) const;
    const DeepWeights* weights_ = nullptr;
    const uint64_t* words_ = nullptr;  // Null: of what is trained, or nothing was learned.
    bool trained_ = false;
    std::unique_ptr<CrossNetwork> network_;
    CrossNetwork::Workspace space_;
    std::vector<float> x_, logits_;
  };
  void fetch(std::span<const uint32_t> row) const;  // For score(), a little later.

  const ServedWords& served() const { return served_; }
  std::string_view part() const override { return "deep"; }
  void set_direct(bool direct) override { direct_ = direct; }
  void catch_up() override;
  void step() override { served_.step(); }
  void mark() override { served_.mark(); }
  void unmark() override { served_.unmark(); }
  void back_to_mark() override { served_.back_to_mark(); }
  void freeze() override;
  size_t frozen() const override { return rows_.empty() ? 0 : served_.frozen(); }
  void publish() override { served_.publish(); }
  void discard() override { served_.discard(); }
  void good_moves() override { served_.good_moves(); }
  void roll_back() override { served_.roll_back(); }
  void go_back() override;
  std::vector<uint64_t> version() const override;
  size_t words() const override { return served_.size(); }
  std::vector<uint64_t> trained_words() const;  // As a version bears them.
  // Are these as many words as a version has, with a network of finite numbers?
  bool fits(std::span<const uint64_t> words) const;
  void replace(std::span<const uint64_t> words) override;

  size_t bytes() const;
  void clear();                  // While nobody reads.
  void save(Writer& out) const;  // Settled.
  Status load(Reader& in);

 private:
  struct Row {
    std::array<float, kDim> v{};
    float sum = 0;  // Adagrad's
  };
  struct Pending {
    size_t from = 0, count = 0;  // Of cells_
    std::array<float, kHeads> offset{}, label{}, weight{}, taken{};
    uint32_t heads = 0;  // Bits
  };
  uint32_t at(uint32_t cell) const { return index_of(cell) & ((1u << config_.bits) - 1); }
  CrossNetworkConfig network_config() const;
  void make();
  void pool(std::span<const uint32_t> row, float* x) const;
  void learn_rows(std::span<const Pending> batch);
  void step(uint32_t index, const float* g, float share);
  void serve(size_t word);
  void serve_network();
  uint64_t word_of(size_t word) const;
  void take(size_t word, uint64_t bits);  // What is trained becomes what a word says.

  const Config config_;
  CrossNetwork network_;
  const std::vector<float> first_;  // Weights of the network that has learned nothing.
  std::vector<Row> rows_;           // Empty until something is learned.
  std::vector<Pending> pending_;
  std::vector<uint32_t> cells_;
  std::vector<float> x_, dx_, logits_, slopes_;
  CrossNetwork::Workspace space_;
  ServedWords served_;
  bool direct_ = true;
};

}  // namespace freshet
