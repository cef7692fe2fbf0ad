// Edit distance between short words, in code points: insertion, deletion, substitution and the transposition
// of neighbours cost one each, and no piece is edited twice (optimal string alignment; Damerau 1964, Navarro
// 2001).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace freshet::index {

inline constexpr uint32_t kLettersMax = 255;

// Code points of UTF-8; bytes that are not UTF-8 stand for themselves.
struct Letters {
  explicit Letters(std::string_view text) {
    for (size_t i = 0; i < text.size() && size < kLettersMax;) letter[size++] = next(text, i);
  }
  static uint32_t next(std::string_view text, size_t& i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint32_t more = byte < 0xc0 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    uint32_t value = more == 0 ? byte : byte & (0x3fu >> more);
    if (i + more >= text.size()) return ++i, byte;
    for (uint32_t j = 1; j <= more; ++j) value = value << 6 | (static_cast<uint8_t>(text[i + j]) & 0x3fu);
    i += more + 1;
    return value;
  }
  uint32_t size = 0;
  std::array<uint32_t, kLettersMax> letter;
};

// One row of the table: distances of the first i letters of `query` (i = 0..size) to a prefix of the other
// word.
using EditRow = std::array<uint8_t, kLettersMax + 1>;

inline void first_edit_row(const Letters& query, EditRow& row) {
  for (uint32_t i = 0; i <= query.size; ++i) row[i] = static_cast<uint8_t>(i);
}

// The row after one letter more. `before`, `last`: the row two letters ago and the letter before this one (0:
// none). Returns the least value.
inline uint8_t next_edit_row(const Letters& query, const EditRow& now, const EditRow& before, uint32_t last,
                             uint32_t letter, EditRow& next) {
  next[0] = static_cast<uint8_t>(std::min<uint32_t>(now[0] + 1u, 255));
  uint8_t least = next[0];
  for (uint32_t i = 1; i <= query.size; ++i) {
    const uint32_t same = query.letter[i - 1] == letter ? 0 : 1;
    uint32_t d = std::min({now[i - 1] + same, now[i] + 1u, next[i - 1] + 1u});
    if (i > 1 && last != 0 && query.letter[i - 1] == last && query.letter[i - 2] == letter)
      d = std::min(d, before[i - 2] + 1u);
    next[i] = static_cast<uint8_t>(std::min<uint32_t>(d, 255));
    least = std::min(least, next[i]);
  }
  return least;
}

// Distance of the words, or of the query to the nearest prefix of `other` (`prefix`); limit + 1 when above
// `limit`.
inline uint32_t edit_distance(const Letters& query, const Letters& other, uint32_t limit,
                              bool prefix = false) {
  EditRow rows[3];
  EditRow *before = &rows[0], *now = &rows[1], *next = &rows[2];
  first_edit_row(query, *now);
  *before = *now;
  uint32_t best = (*now)[query.size];
  for (uint32_t j = 0; j < other.size; ++j) {
    const uint8_t least =
        next_edit_row(query, *now, *before, j == 0 ? 0 : other.letter[j - 1], other.letter[j], *next);
    EditRow* const spare = before;
    before = now;
    now = next;
    next = spare;
    best = std::min<uint32_t>(best, (*now)[query.size]);
    if (least > limit + 1) break;  // A transposition may still reach back over one row.
  }
  const uint32_t d = prefix ? best : (*now)[query.size];
  return d <= limit ? d : limit + 1;
}

// The distance of one word of ASCII, at most 64 letters, to many others, a whole column of the table in a few
// instructions (Hyyro 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances").
class NearWord {
 public:
  explicit NearWord(const Letters& query) : size_(query.size) {
    usable_ = size_ > 0 && size_ <= 64;
    for (uint32_t i = 0; i < size_ && usable_; ++i) {
      usable_ = query.letter[i] < 0x80;
      if (usable_) places_[query.letter[i]] |= uint64_t{1} << i;
    }
  }
  bool usable() const { return usable_; }
  // What edit_distance() says without a limit. `other`: ASCII.
  uint32_t distance(std::string_view other) const {
    uint64_t up = ~uint64_t{0}, down = 0, same = 0, places_before = 0;
    const uint64_t last = uint64_t{1} << (size_ - 1);
    uint32_t distance = size_;
    for (const char letter : other) {
      const uint64_t places = places_[static_cast<unsigned char>(letter)];
      const uint64_t swapped = (~same & places) << 1 & places_before;
      same = (((places & up) + up) ^ up) | places | down | swapped;
      uint64_t right_up = down | ~(same | up), right_down = same & up;
      distance += (right_up & last) != 0 ? 1 : 0;
      distance -= (right_down & last) != 0 ? 1 : 0;
      right_up = right_up << 1 | 1;
      right_down <<= 1;
      up = right_down | ~(same | right_up);
      down = right_up & same;
      places_before = places;
    }
    return distance;
  }

 private:
  std::array<uint64_t, 128> places_{};  // [letter]: where it stands in the word
  const uint32_t size_;
  bool usable_ = false;
};

}  // namespace freshet::index
