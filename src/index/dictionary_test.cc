// The dictionary's enumerations against their slow twins.
#include "index/internal/dictionary.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "index/internal/edits.h"

namespace freshet::index {
namespace {

bool same(const std::vector<TermInfo>& a, const std::vector<TermInfo>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].term != b[i].term || a[i].df != b[i].df || a[i].edits != b[i].edits ||
        a[i].first_letter != b[i].first_letter)
      return false;
  return true;
}

TEST(Dictionary, EnumerationsAgreeWithTheirSlowTwins) {
  const char* const letters[] = {"a", "b", "c", "d", "ä", "б", "中", "9"};
  Draw draw(3);
  const auto word = [&](uint64_t kinds) {
    std::string out;
    for (uint64_t i = 0, n = 1 + draw.below(12); i < n; ++i) out += letters[draw.below(kinds)];
    return out;
  };
  Dictionary dictionary(1'000'000);
  size_t alike = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 1500; ++i) {
      const uint32_t number = dictionary.intern(word(2 + draw.below(7)));
      if (draw.below(4) != 0) dictionary.add_df(number, static_cast<int32_t>(1 + draw.below(9)));
    }
    if (round % 2 == 0) dictionary.refresh();  // Otherwise the last terms are found one by one.
    std::vector<TermInfo> fast, slow;
    for (int i = 0; i < 150; ++i) {
      const std::string query = word(2 + draw.below(7));
      const auto limit = static_cast<uint32_t>(1 + draw.below(40));
      dictionary.prefix_slowly(query, limit, slow);
      dictionary.prefix(query, limit, fast);
      ASSERT_TRUE(same(fast, slow)) << "prefix " << query;
      dictionary.similar(query, limit, fast);
      dictionary.similar_slowly(query, limit, slow);
      ASSERT_TRUE(same(fast, slow)) << "similar " << query;
      alike += fast.size();
      for (uint32_t edits = 0; edits <= 2; ++edits) {
        dictionary.fuzzy(query, edits, 1'000'000, fast);
        dictionary.fuzzy_slowly(query, edits, 1'000'000, slow);
        // First letters of another script are not looked for; the words here mix scripts.
        std::erase_if(slow, [](const TermInfo& info) { return info.first_letter; });
        std::erase_if(fast, [](const TermInfo& info) { return info.first_letter; });
        ASSERT_TRUE(same(fast, slow)) << "fuzzy " << query << " " << edits;
        dictionary.fuzzy_prefix(query, edits, limit, fast);
        dictionary.fuzzy_prefix_slowly(query, edits, limit, slow);
        ASSERT_TRUE(same(fast, slow)) << "fuzzy prefix " << query << " " << edits;
      }
    }
  }
  EXPECT_GT(alike, 1000u);
}

TEST(Dictionary, DistancesByColumnsAgreeWithTheTable) {
  Draw draw(4);
  const auto word = [&](uint64_t most) {
    std::string out;
    for (uint64_t i = 0, n = 1 + draw.below(most); i < n; ++i)
      out.push_back(static_cast<char>('a' + draw.below(3)));
    return out;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string query = word(i % 50 == 0 ? 64 : 9), other = word(i % 50 == 0 ? 80 : 10);
    const NearWord near{Letters(query)};
    ASSERT_TRUE(near.usable());
    ASSERT_EQ(near.distance(other), edit_distance(Letters(query), Letters(other), 200))
        << query << " " << other;
  }
  EXPECT_FALSE(NearWord(Letters("käse")).usable());
  EXPECT_FALSE(NearWord(Letters(std::string(65, 'a'))).usable());
}

TEST(Dictionary, NearWordsAreTheRightOnes) {
  Dictionary dictionary(1000);
  for (const char* term : {"samsung", "samsun", "sasmung", "zamsung", "amsung", "xsamsung", "asmsung", "song",
                           "шина", "машина", "жина"})
    dictionary.add_df(dictionary.intern(term), 1);
  const struct {
    const char* query;
    uint32_t edits;
    std::vector<std::string> want;  // "term/edits", "!" for a first letter
  } rows[] = {
      {"samsung", 0, {"samsung/0"}},
      {"samsung",
       1,
       {"samsung/0", "amsung/1!", "asmsung/1!", "samsun/1", "sasmung/1", "xsamsung/1!", "zamsung/1!"}},
      {"samsnug", 1, {"samsung/1"}},
      {"samsnu", 2, {"samsun/1", "samsung/2"}},
      {"шина", 1, {"шина/0", "жина/1!"}},
      {"zzzz", 2, {}},
  };
  for (const bool sorted : {false, true}) {
    if (sorted) dictionary.refresh();
    for (const auto& row : rows) {
      std::vector<TermInfo> found;
      dictionary.fuzzy(row.query, row.edits, 100, found);
      std::vector<std::string> got;
      for (const TermInfo& info : found)
        got.push_back(std::string(info.term) + "/" + std::to_string(info.edits) +
                      (info.first_letter ? "!" : ""));
      EXPECT_EQ(got, row.want) << row.query;
    }
  }
}

}  // namespace
}  // namespace freshet::index
