// Text cut into runs of letters and digits, each folded: what the composer (compose.h) makes terms from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

enum class PieceKind : uint8_t {
  kLetters,   // of an alphabet
  kDigits,    // 0-9 only
  kFraction,  // a vulgar fraction character: "1/2"
  kMixed,     // letters and digits
  kUnspaced,  // Han and kana: written without spaces; words found by dictionary, all bigrams kept
  kHangul,    // spaced, but endings are glued on: bigrams too
};

struct Piece {
  std::string text;      // Folded: NFKC_Casefold, diacritics off.
  std::string accented;  // The same with diacritics, when they differ; else empty.
  uint32_t begin = 0, end = 0;
  PieceKind kind = PieceKind::kLetters;
  bool ascii = true;  // `text` is ASCII: Latin letters.
};

// Pieces in order; those of `text` up to its first `bytes_max` bytes. `through_icu`: never take the fast
// path. Cost: 30 ns a word of ASCII; else 0.5 us.
void segment(std::string_view text, size_t bytes_max, size_t pieces_max, bool through_icu,
             std::vector<Piece>& out);

// NFKC_Casefold (UAX 44), then without diacritics; traditional Chinese characters become simplified ones.
// `accented`, if given, gets the form before the diacritics went.
std::string fold_text(std::string_view text, std::string* accented = nullptr);

// "ma" for a Han character, "privet" for a word in another script; "" when there is none. ASCII letters only.
std::string romanise(std::string_view folded);

}  // namespace freshet
