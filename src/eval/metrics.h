// What one prediction was worth, and means over many. Full ranking always; nothing is sampled.
//
//   rank      1 + #(score > target's) + #(score == target's and smaller id); 0: not ranked within k, or never
//             seen before (a miss that stays in the denominator)
//   recall@k  share of the targets within the first k
//   mrr@k     1 / rank of the first target within k, else 0 (Voorhees 1999)
//   ndcg@k    sum over hits of 1 / log2(rank + 1), divided by that of the ideal order (Järvelin, Kekäläinen
//             2002), gains 0 and 1
//   hit@k     1 if any target is within k
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace freshet {

struct Scores {
  float recall = 0;
  float mrr = 0;
  float ndcg = 0;
  float hit = 0;
};

// One target. O(1).
Scores score_rank(size_t rank, size_t k);

// Several targets in one list (a basket): `ranks` are the ranks of those found, from 1, ascending; `relevant`
// is how many targets there were. O(ranks + k).
Scores score_ranks(std::span<const size_t> ranks, size_t relevant, size_t k);

// Means, in the order of add(): the same additions give the same bits.
class MeanScores {
 public:
  void add(const Scores& scores) {
    n_++;
    recall_ += scores.recall;
    mrr_ += scores.mrr;
    ndcg_ += scores.ndcg;
    hit_ += scores.hit;
  }
  uint64_t n() const { return n_; }
  double recall() const { return mean(recall_); }  // NaN when nothing was added.
  double mrr() const { return mean(mrr_); }
  double ndcg() const { return mean(ndcg_); }
  double hit() const { return mean(hit_); }

 private:
  double mean(double sum) const { return sum / static_cast<double>(n_); }

  uint64_t n_ = 0;
  double recall_ = 0, mrr_ = 0, ndcg_ = 0, hit_ = 0;
};

}  // namespace freshet
