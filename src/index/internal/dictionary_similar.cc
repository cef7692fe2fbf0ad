// Words that share many trigrams with one that nothing is near to: the last resort for a word that no item
// has.
//
// Trigrams of a word with a mark at either end ("^cat$": ^ca cat at$), each with its repetitions. Alike are
// words whose trigrams are at least 2/5 the same (the coefficient of Dice 1945: 2 common / (all of one + all
// of the other)) and whose lengths differ by at most half. The first kSimilarTerms of the vocabulary are
// looked at, one by one in the order they came: most are left at their length, most others at a count by a
// small table.
#include <algorithm>
#include <bitset>

#include "index/internal/dictionary.h"
#include "index/internal/edits.h"

namespace freshet::index {
namespace {

constexpr uint32_t kSimilarTerms = 200'000;  // About 25 ns each.
constexpr uint32_t kLettersMin = 5, kSimilarLettersMax = 40;
constexpr uint64_t kEnd = 0x1fffff;  // No code point.

struct Trigrams {
  explicit Trigrams(const Letters& word) : count(word.size) {
    const auto letter = [&](uint32_t i) -> uint64_t {
      return i == 0 || i > word.size ? kEnd : word.letter[i - 1];
    };
    for (uint32_t i = 0; i < count; ++i) key[i] = letter(i) << 42 | letter(i + 1) << 21 | letter(i + 2);
  }
  void sort() { std::sort(key.begin(), key.begin() + count); }
  uint32_t count;
  std::array<uint64_t, kSimilarLettersMax> key;
};

uint32_t common(const Trigrams& a, const Trigrams& b) {  // both sorted
  uint32_t out = 0;
  for (uint32_t i = 0, j = 0; i < a.count && j < b.count;) {
    const bool same = a.key[i] == b.key[j];
    out += same ? 1 : 0;
    const bool step = a.key[i] <= b.key[j];
    j += same || !step ? 1 : 0;
    i += step ? 1 : 0;
  }
  return out;
}

bool are_alike(uint32_t common, uint32_t a, uint32_t b) {
  return 5 * common >= a + b;
}

bool fits(uint32_t query, uint32_t other) {
  return other <= kSimilarLettersMax && 3 * other >= 2 * query && 2 * other <= 3 * query;
}

struct Similar {
  TermInfo info;
  uint32_t common, letters;
};

// The most alike first, then the most frequent, then the smaller term.
void best_similar(std::vector<Similar>& found, uint32_t query, uint32_t limit, std::vector<TermInfo>& out) {
  std::sort(found.begin(), found.end(), [&](const Similar& a, const Similar& b) {
    const uint32_t x = a.common * (query + b.letters), y = b.common * (query + a.letters);
    if (x != y) return x > y;
    return a.info.df != b.info.df ? a.info.df > b.info.df : a.info.term < b.info.term;
  });
  for (size_t i = 0; i < std::min<size_t>(limit, found.size()); ++i) out.push_back(found[i].info);
}

size_t place(uint64_t trigram) {
  return (trigram * 0x9e3779b97f4a7c15u) >> 52;
}

}  // namespace

void Dictionary::similar(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const {
  out.clear();
  const Letters query(term);
  if (query.size < kLettersMin || query.size > kSimilarLettersMax) return;
  Trigrams wanted(query);
  std::bitset<4096> there;
  for (uint32_t i = 0; i < wanted.count; ++i) there.set(place(wanted.key[i]));
  wanted.sort();
  std::vector<Similar> found;
  for (uint32_t number = 0, all = std::min(size(), kSimilarTerms); number < all; ++number) {
    const std::string_view other = text(number);
    if (other.size() < kLettersMin - 1 || other.size() > size_t{6} * query.size || df(number) == 0) continue;
    const Letters letters(other);
    if (!fits(query.size, letters.size)) continue;
    Trigrams theirs(letters);
    uint32_t at_most = 0;
    for (uint32_t i = 0; i < theirs.count; ++i) at_most += there[place(theirs.key[i])] ? 1 : 0;
    if (!are_alike(at_most, wanted.count, theirs.count)) continue;
    theirs.sort();
    const uint32_t same = common(wanted, theirs);
    if (are_alike(same, wanted.count, theirs.count))
      found.push_back({{other, df(number), kFarEdits, false}, same, letters.size});
  }
  best_similar(found, query.size, limit, out);
}

void Dictionary::similar_slowly(std::string_view term, uint32_t limit, std::vector<TermInfo>& out) const {
  out.clear();
  const Letters query(term);
  if (query.size < kLettersMin || query.size > kSimilarLettersMax) return;
  std::vector<Similar> found;
  for (uint32_t number = 0; number < std::min(size(), kSimilarTerms); ++number) {
    const Letters letters(text(number));
    if (df(number) == 0 || !fits(query.size, letters.size)) continue;
    uint32_t same = 0;  // Each of theirs is taken by one of ours.
    const Trigrams wanted(query), theirs(letters);
    std::vector<uint64_t> left(theirs.key.begin(), theirs.key.begin() + theirs.count);
    for (uint32_t i = 0; i < wanted.count; ++i) {
      const auto at = std::find(left.begin(), left.end(), wanted.key[i]);
      if (at == left.end()) continue;
      left.erase(at);
      ++same;
    }
    if (are_alike(same, wanted.count, theirs.count))
      found.push_back({{text(number), df(number), kFarEdits, false}, same, letters.size});
  }
  best_similar(found, query.size, limit, out);
}

}  // namespace freshet::index
