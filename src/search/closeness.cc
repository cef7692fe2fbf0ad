#include "search/internal/closeness.h"

#include <algorithm>
#include <bit>
#include <bitset>

namespace freshet::search_internal {
namespace {

constexpr size_t kTextBytes = 512;
constexpr float kLike = 0.5F;  // Words less alike are different words.

constexpr std::array<char, 256> kByte = [] {  // Lower case of letters and digits, ' ' for what separates.
  std::array<char, 256> table{};
  for (size_t c = 0; c < 256; ++c) table[c] = c >= 0x80 ? static_cast<char>(c) : ' ';
  for (size_t c = '0'; c <= '9'; ++c) table[c] = static_cast<char>(c);
  for (size_t c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = static_cast<char>(c);
  return table;
}();

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// The first byte of a character of an unspaced script in UTF-8 (U+3000..U+9FFF: kana and Han).
bool stands_alone(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0xe3 && byte <= 0xe9;
}

// Writes `text` in lower case to `out`, which has room for `bytes_max`; returns what was written.
std::string_view lowered(std::string_view text, char* out, size_t bytes_max) {
  text = text.substr(0, bytes_max);
  for (size_t i = 0; i < text.size(); ++i) out[i] = kByte[static_cast<unsigned char>(text[i])];
  return {out, text.size()};
}

// Calls `visit(trigram)` for each three bytes of " text ", runs of separators as one.
template <class Visit>
void each_trigram(std::string_view text, Visit visit) {
  uint32_t window = ' ';
  size_t length = 1;
  const auto push = [&](unsigned char c) {
    if (c == ' ' && (window & 0xff) == ' ') return;
    window = (window << 8 | c) & 0xffffff;
    if (++length >= 3) visit(window);
  };
  for (const char c : text) push(static_cast<unsigned char>(c));
  push(' ');
}

// Calls `visit(word)` for each word of `text`; false from it ends the walk.
template <class Visit>
void each_word(std::string_view text, Visit visit) {
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    const size_t begin = i;
    if (stands_alone(text[i])) {
      i = std::min(i + 3, text.size());
    } else {
      const bool digits = is_digit(text[i]);
      while (i < text.size() && text[i] != ' ' && is_digit(text[i]) == digits && !stands_alone(text[i])) ++i;
    }
    if (!visit(text.substr(begin, i - begin))) return;
  }
}

// Calls `visit(pair)` for the letter pairs of "^word$".
template <class Visit>
void each_pair(std::string_view word, Visit visit) {
  uint32_t before = '^';
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    visit(before << 8 | byte);
    before = byte;
  }
  visit(before << 8 | '$');
}

bool is_joined(std::string_view whole, std::string_view first, std::string_view second) {
  return whole.size() == first.size() + second.size() && whole.starts_with(first) && whole.ends_with(second);
}

}  // namespace

size_t Closeness::Table::place(uint32_t key) const {
  size_t at = key * 0x9e3779b1U >> 23;
  while (numbers_[at] >= 0 && keys_[at] != key) at = (at + 1) % kTable;
  return at;
}

int Closeness::Table::add(uint32_t key, int number) {
  const size_t at = place(key);
  if (numbers_[at] < 0) {
    keys_[at] = key;
    numbers_[at] = static_cast<int16_t>(number);
  }
  return numbers_[at];
}

Closeness::Closeness(std::string_view query) {
  const std::string_view text = lowered(query, query_.data(), query_.size());
  each_trigram(text, [&](uint32_t trigram) {
    if (trigrams_ < kTrigramsMax &&
        trigram_.add(trigram, static_cast<int>(trigrams_)) == static_cast<int>(trigrams_))
      ++trigrams_;
  });
  each_word(text, [&](std::string_view word) {
    add_word(word);
    return word_count_ < kWordsMax;
  });
}

void Closeness::add_word(std::string_view text) {
  Word word{.begin = static_cast<uint16_t>(text.data() - query_.data()),
            .size = static_cast<uint16_t>(text.size()),
            .number = is_digit(text.front())};
  if (word.number) {
    ++numbers_;
  } else {
    if (all_pairs_ + text.size() + 1 > kPairsMax) return;
    each_pair(text, [&](uint32_t pair) {
      const int number = letter_pair_.add(pair, static_cast<int>(distinct_pairs_));
      if (number == static_cast<int>(distinct_pairs_)) places_[distinct_pairs_++] = Bits{};
      for (Bits* bits : {&word.pairs, &places_[static_cast<size_t>(number)]})
        (*bits)[all_pairs_ / 64] |= uint64_t{1} << all_pairs_ % 64;
      ++all_pairs_;
      ++word.letter_pairs;
    });
  }
  words_[word_count_++] = word;
}

float Closeness::likeness(const Word& word, const Bits& common, uint32_t letter_pairs) const {
  const int both = std::popcount(word.pairs[0] & common[0]) + std::popcount(word.pairs[1] & common[1]);
  const float dice = 2.0F * static_cast<float>(both) / static_cast<float>(word.letter_pairs + letter_pairs);
  return dice < kLike ? 0 : std::min(dice, 1.0F);
}

Closeness::Parts Closeness::most() const {
  if (trigrams_ == 0) return {};
  return {1, word_count_ > numbers_ ? 1.0 : 0.0, word_count_ > 1 ? 1.0 : 0.0, numbers_ > 0 ? 1.0 : 0.0};
}

Closeness::Parts Closeness::parts(std::string_view text) const {
  Parts out;
  if (trigrams_ == 0) return out;
  std::array<char, kTextBytes> buffer;
  text = lowered(text, buffer.data(), buffer.size());

  std::bitset<kTrigramsMax> seen;
  each_trigram(text, [&](uint32_t trigram) {
    if (const int number = trigram_.find(trigram); number >= 0) seen.set(static_cast<size_t>(number));
  });
  out.letters = static_cast<double>(seen.count()) / static_cast<double>(trigrams_);
  if (word_count_ == 0) return out;

  using Row = std::array<float, kWordsMax>;
  Row best{}, before{};
  uint32_t adjacent = 0;  // Bit z: words z and z + 1 of the query stand together.
  std::string_view last;
  each_word(text, [&](std::string_view word) {
    Row row{};
    Bits common{};
    uint32_t letter_pairs = 0;
    const bool number = is_digit(word.front());
    if (!number)
      each_pair(word, [&](uint32_t pair) {
        ++letter_pairs;
        const int at = letter_pair_.find(pair);
        if (at < 0) return;
        common[0] |= places_[static_cast<size_t>(at)][0];
        common[1] |= places_[static_cast<size_t>(at)][1];
      });
    for (size_t z = 0; z < word_count_; ++z) {
      const Word& asked = words_[z];
      if (asked.number) {
        row[z] = number && text_of(asked) == word ? 1.0F : 0.0F;
      } else if (!number) {
        row[z] = likeness(asked, common, letter_pairs);
        if (is_joined(text_of(asked), last, word)) row[z] = 1;
      }
      if (z > 0 && before[z - 1] > 0 && row[z] > 0) adjacent |= 1U << (z - 1);
    }
    for (size_t z = 0; z + 1 < word_count_; ++z)
      if (is_joined(word, text_of(words_[z]), text_of(words_[z + 1]))) {
        row[z] = row[z + 1] = 1;
        adjacent |= 1U << z;
      }
    for (size_t z = 0; z < word_count_; ++z) best[z] = std::max(best[z], row[z]);
    before = row;
    last = word;
    return true;
  });
  double sum = 0, numbers = 0;
  for (size_t z = 0; z < word_count_; ++z) {
    (words_[z].number ? numbers : sum) += static_cast<double>(best[z]);
  }
  if (word_count_ > numbers_) out.words = sum / static_cast<double>(word_count_ - numbers_);
  if (word_count_ > 1)
    out.pairs = static_cast<double>(std::popcount(adjacent)) / static_cast<double>(word_count_ - 1);
  if (numbers_ > 0) out.numbers = numbers / static_cast<double>(numbers_);
  return out;
}

}  // namespace freshet::search_internal
