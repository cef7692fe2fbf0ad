#include "text/language.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "text/internal/stop_words.h"

namespace freshet {
namespace {

constexpr std::array<std::string_view, kLanguages> kCodes = {
    "auto", "none", "en", "de", "nl", "sv", "no", "da", "fi", "fr", "es", "it",
    "pt",   "ro",   "hu", "tr", "ru", "el", "ar", "zh", "ja", "ko", "th"};

constexpr size_t kDetectBytes = 2000;

using Words = std::unordered_set<std::string_view>;

const std::array<Words, kLanguages>& stop_words() {
  static const std::array<Words, kLanguages> tables = [] {
    std::array<Words, kLanguages> made;
    for (const StopWordList& list : kStopWordLists) {
      Words& words = made[static_cast<size_t>(list.language)];
      for (size_t at = 0; at < list.words.size();) {
        const size_t end = std::min(list.words.find(' ', at), list.words.size());
        if (end > at) words.insert(list.words.substr(at, end - at));
        at = end + 1;
      }
    }
    return made;
  }();
  return tables;
}

// Letters that only one or two of the languages use say more than a function word.
void letter_evidence(UChar32 c, std::array<int, kLanguages>& votes) {
  const auto vote = [&](Language language, int n) { votes[static_cast<size_t>(language)] += n; };
  switch (c) {
    case 0xdf:  // ß
      return vote(Language::kGerman, 4);
    case 0xe4:  // ä
    case 0xf6:  // ö
      vote(Language::kGerman, 2), vote(Language::kSwedish, 2), vote(Language::kFinnish, 2);
      return vote(Language::kHungarian, c == 0xf6 ? 1 : 0);
    case 0xfc:  // ü
      return vote(Language::kGerman, 2), vote(Language::kTurkish, 1), vote(Language::kHungarian, 1);
    case 0xe5:  // å
      return vote(Language::kSwedish, 2), vote(Language::kNorwegian, 2), vote(Language::kDanish, 2);
    case 0xf8:  // ø
    case 0xe6:  // æ
      return vote(Language::kNorwegian, 2), vote(Language::kDanish, 2);
    case 0xf1:  // ñ
      return vote(Language::kSpanish, 4);
    case 0xe3:  // ã
    case 0xf5:  // õ
      return vote(Language::kPortuguese, 4);
    case 0xe7:  // ç
      return vote(Language::kFrench, 1), vote(Language::kPortuguese, 1), vote(Language::kTurkish, 1);
    case 0xe8:  // è
    case 0xea:  // ê
      return vote(Language::kFrench, 2), vote(Language::kItalian, c == 0xe8 ? 2 : 0);
    case 0x131:  // dotless i
    case 0x11f:  // g breve
    case 0x15f:  // s cedilla
      return vote(Language::kTurkish, 4);
    case 0x103:  // a breve
    case 0x219:  // s comma
    case 0x21b:  // t comma
      return vote(Language::kRomanian, 4);
    case 0x151:  // o double acute
    case 0x171:  // u double acute
      return vote(Language::kHungarian, 4);
    default:
      return;
  }
}

// kAuto: the script is shared by several languages.
Language of_script(UScriptCode script) {
  switch (script) {
    case USCRIPT_CYRILLIC:
      return Language::kRussian;
    case USCRIPT_GREEK:
      return Language::kGreek;
    case USCRIPT_ARABIC:
      return Language::kArabic;
    case USCRIPT_HAN:
      return Language::kChinese;
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
      return Language::kJapanese;
    case USCRIPT_HANGUL:
      return Language::kKorean;
    case USCRIPT_THAI:
      return Language::kThai;
    default:
      return Language::kAuto;
  }
}

bool is_latin(Language language) {
  return language >= Language::kEnglish && language <= Language::kTurkish;
}

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

void word_evidence(std::string_view text, std::span<const Language> candidates,
                   std::array<int, kLanguages>& votes) {
  std::string word;
  for (size_t i = 0; i <= text.size(); i++) {
    const bool letter = i < text.size() && (std::isalpha(static_cast<unsigned char>(text[i])) != 0 ||
                                            (static_cast<unsigned char>(text[i]) & 0x80) != 0);
    if (letter) {
      word.push_back(ascii_lower(text[i]));
      continue;
    }
    if (word.size() > 1)
      for (const Language language : candidates)
        if (is_latin(language) && is_stop_word(language, word)) votes[static_cast<size_t>(language)] += 2;
    word.clear();
  }
}

}  // namespace

std::string_view language_code(Language language) {
  return kCodes[static_cast<size_t>(language)];
}

Result<Language> parse_language(std::string_view code) {
  std::string primary;
  for (const char c : code.substr(0, std::min(code.find_first_of("-_"), code.size())))
    primary.push_back(ascii_lower(c));
  if (primary == "nb" || primary == "nn") primary = "no";
  for (size_t i = 0; i < kCodes.size(); i++)
    if (kCodes[i] == primary) return static_cast<Language>(i);
  std::string known;
  for (const std::string_view one : kCodes) known += (known.empty() ? "" : ", ") + std::string(one);
  return invalid("language: expected one of " + known + "; got '" + std::string(code) + "'");
}

bool writes_compounds(Language language) {
  switch (language) {
    case Language::kGerman:
    case Language::kDutch:
    case Language::kSwedish:
    case Language::kNorwegian:
    case Language::kDanish:
    case Language::kFinnish:
    case Language::kHungarian:
      return true;
    default:
      return false;
  }
}

bool is_stop_word(Language language, std::string_view word) {
  return stop_words()[static_cast<size_t>(language)].contains(word);
}

Language detect_language(std::string_view text, std::span<const Language> candidates, Language otherwise) {
  text = text.substr(0, kDetectBytes);
  std::array<int, kLanguages> votes{};
  int letters = 0, latin = 0;
  std::array<int, kLanguages> scripts{};
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(reinterpret_cast<const uint8_t*>(text.data()), i, size, c);
    if (c < 0) continue;
    if (c < 0x80) {
      if (std::isalpha(c) != 0) letters++, latin++;
      continue;
    }
    UErrorCode error = U_ZERO_ERROR;
    const UScriptCode script = uscript_getScript(c, &error);
    if (U_FAILURE(error) || script == USCRIPT_COMMON || script == USCRIPT_INHERITED) continue;
    letters++;
    if (const Language language = of_script(script); language != Language::kAuto) {
      scripts[static_cast<size_t>(language)]++;
    } else {
      latin++;
      letter_evidence(c, votes);
    }
  }
  // Kana decides for Japanese whatever else is there: Chinese has none.
  if (scripts[static_cast<size_t>(Language::kJapanese)] > 0) return Language::kJapanese;
  const auto most = std::max_element(scripts.begin(), scripts.end());
  if (*most > 0 && *most * 3 >= latin) return static_cast<Language>(most - scripts.begin());
  if (letters == 0) return otherwise;
  word_evidence(text, candidates, votes);
  Language best = otherwise;
  int best_votes = votes[static_cast<size_t>(otherwise)];
  for (const Language language : candidates)
    if (is_latin(language) && votes[static_cast<size_t>(language)] > best_votes)
      best = language, best_votes = votes[static_cast<size_t>(language)];
  return best;
}

}  // namespace freshet
