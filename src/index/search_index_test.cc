#include "index/search_index.h"

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

}  // namespace
}  // namespace freshet
