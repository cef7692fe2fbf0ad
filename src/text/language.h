// The languages text is analysed in: what stemmer, stop words and segmentation a text gets.
//
// kAuto: found from the text's script and its function words (detect_language), else the shop's first
// language. kNone: words are folded, never stemmed (ids, model numbers, codes).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace freshet {

enum class Language : uint8_t {
  kAuto,
  kNone,
  kEnglish,
  kGerman,
  kDutch,
  kSwedish,
  kNorwegian,
  kDanish,
  kFinnish,
  kFrench,
  kSpanish,
  kItalian,
  kPortuguese,
  kRomanian,
  kHungarian,
  kTurkish,
  kRussian,
  kGreek,
  kArabic,
  kChinese,
  kJapanese,
  kKorean,
  kThai,
};
inline constexpr int kLanguages = static_cast<int>(Language::kThai) + 1;

// ISO 639-1: "en", "de", ...; "auto", "none".
std::string_view language_code(Language language);
// kInvalid: not one of the codes above (regions are accepted and ignored: "pt-BR" is Portuguese).
Result<Language> parse_language(std::string_view code);

// True for the languages that write compounds as one word (German, Dutch, the Nordic ones, Hungarian).
bool writes_compounds(Language language);

// `word`: folded as terms are. O(1).
bool is_stop_word(Language language, std::string_view word);

// The language of `text` (any UTF-8) among `candidates`, by script first, then by function words and letters
// only one of them uses; `otherwise` when the text does not say. O(bytes), at most the first 2,000.
Language detect_language(std::string_view text, std::span<const Language> candidates, Language otherwise);

}  // namespace freshet
