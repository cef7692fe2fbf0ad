#include "search/internal/closeness.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet::search_internal {
namespace {

TEST(Closeness, SaysHowMuchOfTheWordingIsThere) {
  struct Row {
    const char* query;
    const char* text;
    double words, pairs, numbers;
  };
  const Row rows[] = {
      {"red sofa", "Red Sofa", 1, 1, 0},
      {"red sofa", "Sofa, red", 1, 0, 0},
      {"red sofa", "Red velvet sofa", 1, 0, 0},
      {"red sofa", "Kettle", 0, 0, 0},
      {"book cases", "Bookcases of oak", 1, 1, 0},
      {"showerhead", "Shower Head in Chrome", 1, 0, 0},
      {"10ft ladder", "Ladder 10 ft.", 1, 0.5, 1},
      {"10ft ladder", "Ladder 8 ft.", 1, 0, 0},
      {"12x24", "12 in. x 20 in.", 1, 0, 0.5},
      {"手机", "手机壳", 1, 1, 0},
      {"mütze", "MüTZE", 1, 0, 0},
      {"", "Kettle", 0, 0, 0},
      {"kettle", "", 0, 0, 0},
      {"- !", "Kettle", 0, 0, 0},
  };
  for (const Row& row : rows) {
    const Closeness::Parts parts = Closeness(row.query).parts(row.text);
    EXPECT_NEAR(parts.words, row.words, 1e-6) << row.query << " / " << row.text;
    EXPECT_NEAR(parts.pairs, row.pairs, 1e-6) << row.query << " / " << row.text;
    EXPECT_NEAR(parts.numbers, row.numbers, 1e-6) << row.query << " / " << row.text;
  }
  // Misspelt and derived words count by how much they look alike, in order.
  const auto words = [](const char* query, const char* text) { return Closeness(query).parts(text).words; };
  EXPECT_GT(words("refridgerator", "Refrigerator"), 0.8);
  EXPECT_GT(words("wooden", "Wood"), 0.5);
  EXPECT_EQ(words("wooden", "Steel"), 0);
  EXPECT_DOUBLE_EQ(Closeness("red sofa").parts("red sofa").letters, 1);
}

// The slow twin: sets and sorted lists, no tables.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  const auto end = [&] {
    if (!word.empty()) out.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'z';
    if (!word.empty() && ((word[0] >= '0' && word[0] <= '9') != digit || !(digit || letter))) end();
    if (digit || letter) word += c;
  }
  end();
  return out;
}

double slow_words(const std::string& query, const std::string& text) {
  const auto pairs = [](const std::string& word) {
    std::map<std::string, int> out;
    const std::string whole = "^" + word + "$";
    for (size_t i = 0; i + 1 < whole.size(); i++) out[whole.substr(i, 2)]++;
    return out;
  };
  const std::vector<std::string> titles = words_of(text);
  double sum = 0;
  size_t count = 0;
  for (const std::string& asked : words_of(query)) {
    if (asked[0] <= '9') continue;
    count++;
    double best = 0;
    for (size_t i = 0; i < titles.size(); i++) {
      if (i > 0 && titles[i - 1] + titles[i] == asked) best = 1;
      if (titles[i][0] <= '9') continue;
      double common = 0;
      const auto in_title = pairs(titles[i]);
      for (const auto& [pair, n] : pairs(asked))
        if (in_title.contains(pair)) common += n;
      const double dice = 2 * common / static_cast<double>(asked.size() + titles[i].size() + 2);
      if (dice >= 0.5) best = std::max(best, std::min(1.0, dice));
    }
    sum += best;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

double slow_letters(const std::string& query, const std::string& text) {
  const auto trigrams = [](const std::string& from) {
    std::string spaced = " ";
    for (const char c : from + " ")
      if (c != ' ' || spaced.back() != ' ') spaced += c;
    std::set<std::string> out;
    for (size_t i = 0; i + 3 <= spaced.size(); i++) out.insert(spaced.substr(i, 3));
    return out;
  };
  const auto asked = trigrams(query), there = trigrams(text);
  double n = 0;
  for (const std::string& one : asked) n += there.contains(one) ? 1 : 0;
  return asked.empty() ? 0 : n / static_cast<double>(asked.size());
}

TEST(Closeness, AgreesWithTheSlowTwin) {
  static constexpr const char* kParts[] = {"ab", "abc", "ca", "bb", "7", "12", " ", " ", "cab", "a"};
  for (uint64_t seed = 0; seed < 3000; seed++) {
    Draw draw(seed);
    std::string query, text;
    for (uint64_t n = 1 + draw.below(6); n > 0; n--) query += kParts[draw.below(std::size(kParts))];
    for (uint64_t n = draw.below(12); n > 0; n--) text += kParts[draw.below(std::size(kParts))];
    const std::vector<std::string> asked = words_of(query);
    bool joined = false;  // Two words written as one: the table above has them.
    for (size_t i = 0; i + 1 < asked.size(); i++) {
      const std::vector<std::string> there = words_of(text);
      joined |= std::find(there.begin(), there.end(), asked[i] + asked[i + 1]) != there.end();
    }
    const Closeness::Parts parts = Closeness(query).parts(text);
    EXPECT_NEAR(parts.letters, slow_letters(query, text), 1e-9) << query << " / " << text;
    if (!joined) {
      EXPECT_NEAR(parts.words, slow_words(query, text), 1e-6) << query << " / " << text;
    }
  }
}

TEST(Closeness, LongTextsAreCut) {
  std::string query, text;
  for (int i = 0; i < 400; i++) query += "w" + std::string(static_cast<size_t>(i % 7), 'x') + " ";
  for (int i = 0; i < 4000; i++) text += "wxxx ";
  const Closeness::Parts parts = Closeness(query.substr(0, 1500)).parts(text);
  EXPECT_GE(parts.words, 0);
  EXPECT_LE(parts.words, 1);
  EXPECT_LE(Closeness(std::string(5000, 'a')).parts(std::string(5000, 'a')).letters, 1);
}

}  // namespace
}  // namespace freshet::search_internal
