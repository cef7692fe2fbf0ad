#include "eval/search_eval.h"

#include <cmath>

#include <gtest/gtest.h>

#include "eval/search_shop.h"
#include "ingest/compression.h"

namespace freshet {
namespace {

TEST(SearchData, TablesInEveryForm) {
  const char* const forms[] = {
      "id\ttitle\n1\tred, \"blue\"\n2\tgreen\n", "id,title\n1,\"red, \"\"blue\"\"\"\n2,green\n",
      "{\"id\": 1, \"title\": \"red, \\\"blue\\\"\"}\n{\"id\": 2, \"title\": \"green\"}\n"};
  for (const char* const text : forms) {
    const auto table = parse_table(text, "t");
    ASSERT_TRUE(table.ok()) << text;
    ASSERT_EQ(table->rows.size(), 2u) << text;
    EXPECT_EQ(table->rows[0], (std::vector<std::string>{"1", "red, \"blue\""})) << text;
    EXPECT_EQ(table->column({"name", "title"}), 1);
  }
  EXPECT_FALSE(parse_table("", "t").ok());
  EXPECT_FALSE(parse_table("a\tb\n1\t2\t3\n", "t").ok());
  EXPECT_FALSE(parse_table("{\"a\": }\n", "t").ok());
}

TEST(SearchData, GainExpressions) {
  struct Row {
    const char* text;
    double want;  // NaN: not an expression
  };
  const Row rows[] = {{"(relevance-1)/2", 0.75},
                      {"x", 2.5},
                      {"pow(2,votes)-1", 7},
                      {"-2^2", 4},
                      {"1+2*3", 7},
                      {"max(1,min(5,3))", 3},
                      {"relevance", 2.5},
                      {"(1", NAN},
                      {"1 2", NAN},
                      {"nothing", NAN},
                      {"", NAN},
                      {"min(1)", NAN}};
  for (const Row& row : rows) {
    const auto parsed = GainExpression::parse(row.text, {"relevance", "votes"});
    ASSERT_EQ(parsed.ok(), !std::isnan(row.want)) << row.text;
    if (!parsed.ok()) continue;
    EXPECT_DOUBLE_EQ(parsed->value({2.5, 3}, 2.5), row.want) << row.text;
  }
  EXPECT_FALSE(GainExpression::parse(std::string(10'000, '('), {}).ok());
}

TEST(SearchEval, ScoresByHand) {
  SearchData data;
  data.relevant_min = 0.5;
  const JudgedQuery query{"1", "q", {{10, 1, 1.0}, {11, 0.5, 0.5}, {12, 0, 0.0}}};
  const double ideal = 1 + 0.5 / std::log2(3);
  struct Row {
    std::vector<RankedItem> ranked;
    double ndcg, mrr, recall, right;
  };
  const Row rows[] = {
      {{{10, 3}, {11, 2}, {12, 1}}, 1, 1, 1, 3},
      {{{99, 5}, {11, 4}, {10, 4}}, (0.5 / std::log2(3) + 0.5) / ideal, 0.5, 1, 2.5},
      {{{12, 1}}, 0, 0, 0, 0.5},
      {{}, 0, 0, 0, 1.5},
  };
  for (const Row& row : rows) {
    const QueryScores got = score_query(query, data, row.ranked);
    EXPECT_DOUBLE_EQ(got.ndcg10, row.ndcg);
    EXPECT_DOUBLE_EQ(got.mrr, row.mrr);
    EXPECT_DOUBLE_EQ(got.recall100, row.recall);
    EXPECT_DOUBLE_EQ(got.pairs_right, row.right);
    EXPECT_EQ(got.pairs, 3u);
  }
}

TEST(SearchEval, TyposAreDrawnByTextAndSeed) {
  for (uint64_t seed = 0; seed < 200; seed++) {
    const std::string one = with_typos("oak table 10 ft", 1, seed);
    EXPECT_NE(one, "oak table 10 ft");
    EXPECT_EQ(one.substr(0, 4), "oak ");
    EXPECT_EQ(one.substr(one.size() - 6), " 10 ft");
    EXPECT_EQ(one, with_typos("oak table 10 ft", 1, seed));
    EXPECT_EQ(with_typos("oak table", 2, seed), "oak table");  // No word of eight letters.
  }
}

TEST(SearchEval, ThroughTheServedSearch) {
  SearchData data;
  data.items.columns = {"id", "title", "description"};
  data.items.rows = {{"a", "Red kettle", ""}, {"b", "Blue kettle", "for tea"}, {"c", "Frying pan", "red"}};
  data.queries = {
      {"1", "red kettle", {{0, 3, 1}, {1, 2, 0.5}}}, {"2", "zzz", {{2, 3, 1}}}, {"3", "unjudged", {}}};
  const auto shop = SearchShop::open(data, "");
  ASSERT_TRUE(shop.ok());
  std::vector<size_t> asked;  // A page, which is timed, and the deep ranking, which is scored.
  const auto report = evaluate_search(data, {}, [&](const std::string& query, size_t k) {
    asked.push_back(k);
    return (*shop)->search(query, k);
  });
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(asked, (std::vector<size_t>{20, 20, 1000, 20, 1000}));
  EXPECT_EQ(report->queries, 2u);
  EXPECT_EQ(report->zero_results, 1u);
  EXPECT_DOUBLE_EQ(report->by_query[0].scores.ndcg10, 1);
  EXPECT_DOUBLE_EQ(report->ndcg10, 0.5);
  EXPECT_FALSE(SearchShop::open(data, "{\"nonsense\": 1}").ok());
}

}  // namespace
}  // namespace freshet
