#include "text/words.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Words, AreFoldedAndSeparated) {
  const struct {
    const char* what;
    std::string_view text;
    std::string_view want;
    size_t bytes_max;
  } rows[] = {
      {"nothing", "", "", 100},
      {"punctuation only", " -- !", "", 100},
      {"case and marks", "Café-Table 10ft", "cafe table 10ft", 100},
      {"ASCII takes the fast path to the same", "Cafe-Table 10ft", "cafe table 10ft", 100},
      {"full width", "ＡＢＣ　１２", "abc 12", 100},
      {"sharp s", "Straße", "strasse", 100},
      {"each Han character stands alone", "手机case", "手 机 case", 100},
      {"Cyrillic", "Диван ЁЛКА", "диван елка", 100},
      {"cut between words", "alpha beta gamma", "alpha beta", 12},
      {"bad bytes separate", "ab\xff\xfe cd", "ab cd", 100},
  };
  for (const auto& row : rows) {
    std::string out = "left over";
    fold_words(row.text, out, row.bytes_max);
    EXPECT_EQ(out, row.want) << row.what;
  }
}

TEST(Words, Split) {
  std::vector<std::string_view> words{"old"};
  split_words("a bc d", words);
  EXPECT_EQ(words, (std::vector<std::string_view>{"a", "bc", "d"}));
  split_words("", words);
  EXPECT_TRUE(words.empty());
}

}  // namespace
}  // namespace freshet
