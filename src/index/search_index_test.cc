#include "index/search_index.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/epoch.h"

namespace freshet {
namespace {

std::vector<IndexToken> words(std::string_view text) {
  std::vector<IndexToken> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    out.push_back({text.substr(at, end - at), static_cast<uint32_t>(out.size())});
    at = end + 1;
  }
  return out;
}

void put(SearchIndex& index, uint32_t slot, std::string_view title) {
  const auto tokens = words(title);
  const FieldText fields[] = {{0, tokens}};
  ASSERT_TRUE(index.update(slot, fields).ok());
}

QueryPlan plan_of(std::string_view text, bool required) {
  QueryPlan plan;
  for (const IndexToken& token : words(text)) {
    Clause clause;
    clause.required = required;
    clause.alternatives.push_back({{std::string(token.term)}});
    plan.clauses.push_back(clause);
  }
  return plan;
}

TEST(SearchIndex, AnUpdateIsSeenAtOnceAndARemovedItemIsGone) {
  SearchIndex index;
  put(index, 7, "red cotton shirt");
  put(index, 3, "blue cotton shirt");
  EpochGuard guard;
  std::vector<Hit> hits;
  index.top(plan_of("cotton red", false), nullptr, 10, hits);
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].slot, 7u);
  index.top(plan_of("cotton red", true), nullptr, 10, hits);
  ASSERT_EQ(hits.size(), 1u);
  put(index, 7, "green silk");
  index.top(plan_of("red", false), nullptr, 10, hits);
  EXPECT_TRUE(hits.empty());
  index.remove(3);
  index.top(plan_of("cotton silk", false), nullptr, 10, hits);
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].slot, 7u);
  EXPECT_EQ(index.df("cotton"), 0u);
  EXPECT_EQ(index.items(), 1u);
}

TEST(SearchIndex, WhatIsBeyondTheLimitsIsRefusedByNameAndChangesNothing) {
  SearchIndex index;
  put(index, 1, "red shirt");
  const std::string long_term(kTermBytesMax + 1, 'x');
  const std::vector<IndexToken> good = words("blue"), empty_term = {{"", 0}},
                                too_long = {{"a", 0}, {long_term, 1}}, far_off = {{"a", kPositionsMax}},
                                many(kItemTokensMax + 1, IndexToken{"a", 0});
  const struct {
    std::vector<FieldText> fields;
    const char* want;
  } rows[] = {
      {{{kSearchFields, good}}, "field 16: expected a number below 16"},
      {{{2, good}, {2, good}}, "field 2: given twice, expected once"},
      {{{0, empty_term}}, "field 0 token 0: a term of 0 bytes, expected 1 to 255"},
      {{{0, good}, {3, too_long}}, "field 3 token 1: a term of 256 bytes, expected 1 to 255"},
      {{{0, far_off}}, "field 0 token 0: position 1048576, expected below 1048576"},
      {{{0, many}}, "field 0: the item has more than 65535 tokens"},
  };
  for (const auto& row : rows) {
    const Status status = index.update(1, row.fields);
    ASSERT_FALSE(status.ok()) << row.want;
    EXPECT_EQ(status.error().what, row.want);
    EXPECT_EQ(index.df("red"), 1u);
    EXPECT_EQ(index.df("a"), 0u);
  }
}

TEST(SearchIndex, APlanBeyondTheLimitsIsRefusedByName) {
  QueryPlan many = plan_of("a", true), weight = many, terms = many, bonus = many;
  many.clauses.resize(kClausesMax + 1);
  weight.clauses[0].alternatives[0].weight = std::numeric_limits<float>::quiet_NaN();
  terms.clauses[0].alternatives[0].terms.clear();
  bonus.exact = -1;
  const struct {
    const QueryPlan* plan;
    const char* want;
  } rows[] = {
      {&many, "plan: 65 clauses, expected at most 64"},
      {&weight, "clause 0: an alternative's weight is not in [0, 16]"},
      {&terms, "clause 0: an alternative has 0 terms, expected 1 to 16"},
      {&bonus, "plan: a bonus is not in [0, 16]"},
  };
  for (const auto& row : rows) {
    const Status status = SearchIndex::check(*row.plan);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().what, row.want);
  }
}

TEST(SearchIndex, AnItemOfTheGreatestSizeIsFound) {
  SearchIndex index;
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < kItemTokensMax; ++i) texts.push_back("t" + std::to_string(i));
  std::vector<IndexToken> tokens;
  for (uint32_t i = 0; i < kItemTokensMax; ++i) tokens.push_back({texts[i], i});
  const FieldText fields[] = {{0, tokens}};
  for (uint32_t slot = 0; slot < 3; ++slot) ASSERT_TRUE(index.update(slot, fields).ok());
  const EpochGuard guard;
  std::vector<Hit> hits;
  index.top(plan_of("t0 t65534", true), nullptr, 10, hits);
  EXPECT_EQ(hits.size(), 3u);
}

TEST(SearchIndex, AnUpdateOfSomeFieldsKeepsTheOthers) {
  SearchIndex index;
  const auto title = words("red shirt"), brand = words("acme"), other = words("blue coat");
  const FieldText both[] = {{0, title}, {1, brand}}, changed[] = {{0, other}};
  ASSERT_TRUE(index.update(4, both).ok());
  ASSERT_TRUE(index.update_fields(4, changed).ok());
  EXPECT_EQ(index.df("red"), 0u);
  const EpochGuard guard;
  std::vector<Hit> hits;
  index.top(plan_of("blue acme", true), nullptr, 10, hits);
  EXPECT_EQ(hits.size(), 1u);
  EXPECT_EQ(index.mean_length(1), 1.0);
}

}  // namespace
}  // namespace freshet
