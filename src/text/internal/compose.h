// From pieces to tokens: numbers, units, sizes, model numbers, stems, bigrams, romanisations.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/analyzer.h"
#include "text/internal/segment.h"

namespace freshet {

struct ComposeOptions {
  Language language = Language::kEnglish;  // of the text: never kAuto
  Language also = Language::kNone;         // stems and function words of this one too (queries)
  std::span<const Language> shop;          // stems of these too (queries)
  bool transliterate = true;
  bool cached = true;     // false: stems without the cache (the slow twin)
  bool heads = false;     // mark the head
  bool backward = false;  // give long words backwards
  uint32_t tokens_max = 20'000;
  uint32_t term_bytes_max = 64;
};

std::string backward_term(std::string_view stem);  // "fan" -> "<naf", character by character

// `out` is cleared first. Tokens are ordered by position, then kind.
void compose(std::string_view source, const std::vector<Piece>& pieces, const ComposeOptions& options,
             std::vector<Token>& out);

}  // namespace freshet
