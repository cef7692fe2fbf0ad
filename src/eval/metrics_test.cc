#include "eval/metrics.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Metrics, OneTarget) {
  struct Row {
    size_t rank, k;
    double recall, mrr, ndcg;
  };
  const Row rows[] = {{1, 20, 1, 1, 1},         {2, 20, 1, 0.5, 1 / std::log2(3)},
                      {3, 20, 1, 1.0 / 3, 0.5}, {20, 20, 1, 0.05, 1 / std::log2(21)},
                      {21, 20, 0, 0, 0},        {0, 20, 0, 0, 0}};
  for (const Row& row : rows) {
    const Scores got = score_rank(row.rank, row.k);
    EXPECT_NEAR(got.recall, row.recall, 1e-6) << row.rank;
    EXPECT_NEAR(got.mrr, row.mrr, 1e-6) << row.rank;
    EXPECT_NEAR(got.ndcg, row.ndcg, 1e-6) << row.rank;
    EXPECT_EQ(got.hit, got.recall);
  }
}

TEST(Metrics, Basket) {
  struct Row {
    const char* name;
    std::vector<size_t> ranks;
    size_t relevant, k;
    double recall, mrr, ndcg, hit;
  };
  const double d2 = 1 / std::log2(3), d3 = 0.5;
  const Row rows[] = {
      {"all found at the top", {1, 2}, 2, 20, 1, 1, 1, 1},
      {"one of two, second place", {2}, 2, 20, 0.5, 0.5, d2 / (1 + d2), 1},
      {"more relevant than places: the ideal fills k", {1, 2, 3}, 10, 3, 0.3, 1, 1, 1},
      {"beyond k does not count", {2, 3}, 2, 2, 0.5, 0.5, d2 / (1 + d2), 1},
      {"two of three", {1, 3}, 3, 3, 2.0 / 3, 1, (1 + d3) / (1 + d2 + d3), 1},
      {"nothing", {}, 3, 20, 0, 0, 0, 0},
  };
  for (const Row& row : rows) {
    const Scores got = score_ranks(row.ranks, row.relevant, row.k);
    EXPECT_NEAR(got.recall, row.recall, 1e-6) << row.name;
    EXPECT_NEAR(got.mrr, row.mrr, 1e-6) << row.name;
    EXPECT_NEAR(got.ndcg, row.ndcg, 1e-6) << row.name;
    EXPECT_EQ(got.hit, row.hit) << row.name;
  }
}

TEST(Metrics, MeanOfNothingIsNoNumber) {
  MeanScores mean;
  EXPECT_TRUE(std::isnan(mean.recall()));
  mean.add({1, 0.5f, 0.25f, 1});
  mean.add({0, 0, 0, 0});
  EXPECT_EQ(mean.n(), 2u);
  EXPECT_DOUBLE_EQ(mean.recall(), 0.5);
  EXPECT_DOUBLE_EQ(mean.mrr(), 0.25);
  EXPECT_DOUBLE_EQ(mean.ndcg(), 0.125);
}

}  // namespace
}  // namespace freshet
