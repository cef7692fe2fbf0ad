// From pieces to tokens: numbers, units, sizes, model numbers, stems, bigrams, romanisations.
#pragma once

#include <string_view>
#include <vector>

#include "text/analyzer.h"
#include "text/internal/segment.h"

namespace freshet {

struct ComposeOptions {
  Language language = Language::kEnglish;  // of the text: never kAuto
  Language also = Language::kNone;         // stems of this one too (queries)
  bool transliterate = true;
  bool cached = true;  // false: stems without the cache (the slow twin)
  bool heads = false;  // mark the head
  uint32_t tokens_max = 20'000;
  uint32_t term_bytes_max = 64;
};

// `out` is cleared first. Tokens are ordered by position, then kind.
void compose(std::string_view source, const std::vector<Piece>& pieces, const ComposeOptions& options,
             std::vector<Token>& out);

}  // namespace freshet
