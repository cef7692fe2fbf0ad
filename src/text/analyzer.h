// From text to the terms that are indexed and searched: one analyser, so that an item and a query that mean
// the same give the same terms by construction.
//
//   "Café-Table 10ft, Model WD-40"
//   position 0  cafe  cafetable(join)      position 3  ft(unit)
//            1  table                               4  model
//            2  10  10ft(join)                      5  wd  wd40(join)      6  40
//
// Steps: compatibility normal form, case folding, diacritics off (Unicode NFKC_Casefold, UAX 15); word breaks
// by ICU (UAX 29; dictionaries for Chinese, Japanese, Thai, ...) with a fast path for ASCII that gives the
// same; numbers, fractions, units and sizes in one form (text/measure.h); Snowball stems; for unspaced
// scripts also all overlapping bigrams, so that no dictionary mistake hides anything; transliterations
// ("weak").
//
// Terms of one position are alternatives of one another; `kind` tells which. A join stands at the position of
// its first part and spans `span` positions. Positions rise by one with each word; stop words keep theirs.
//
// Threads: const functions on any thread (each thread has its own workspace). Deterministic: the terms depend
// on nothing but text, language and configuration. Cost: about 0.1 us a word of ASCII, 1 us else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/language.h"

namespace freshet {

enum class TokenKind : uint8_t {
  kWord,      // the word itself, folded
  kNumber,    // a number in its one form: 10, 0.5, 1/2
  kStem,      // its stem (or unit, or value in decimals), when that differs
  kJoin,      // adjacent parts written as one: wd40, 10ft, 2x4, tshirt
  kPart,      // a part of a word of letters and digits: wd and 40 of wd40
  kBigram,    // two neighbouring characters of an unspaced script
  kWeak,      // another script's spelling (pinyin, romanisation): may match, counts little
  kHead,      // the stem of the word that says what a short text is about: "^fan" of "Ceiling Fan in White"
  kBackward,  // items only: a long word and its stem from end to beginning, in languages with compounds
};

// The first byte of weak terms ("~shouji"): a query must ask for them as such to find them.
inline constexpr char kWeakMark = '~';
// The first byte of head terms ("^fan").
inline constexpr char kHeadMark = '^';
// The first byte of backward terms ("<darrhafrednik"): compounds that end in "fahrrad" begin with "<darrhaf".
inline constexpr char kBackwardMark = '<';

struct Token {
  std::string term;
  uint32_t position = 0;
  uint32_t begin = 0, end = 0;  // Bytes in the source text.
  TokenKind kind = TokenKind::kWord;
  uint8_t span = 1;        // Positions covered; more than 1 only for joins.
  bool stop_word = false;  // A function word of its language: may be left unmatched.
};

struct AnalyzerConfig {
  std::vector<Language> languages = {Language::kEnglish};  // Expected in this shop; the first is the default.
  bool transliterate = true;                               // Emit kWeak terms for non-Latin scripts.
  uint32_t text_bytes_max = 64 * 1024;                     // The rest of a longer text is not analysed.
  uint32_t tokens_max = 20'000;                            // The same for tokens.
  uint32_t term_bytes_max = 64;                            // Longer words are cut (at a character).
};

class Analyzer {
 public:
  explicit Analyzer(AnalyzerConfig config = {});

  // Appends nothing: `out` is cleared first, its memory is reused. Bytes that are not UTF-8 separate words.
  // Tokens are ordered by position, within one by kind. `query`: the language of so few words is uncertain,
  // so the stems of the shop's first languages are given too.
  void analyze(std::string_view text, Language language, bool query, std::vector<Token>& out) const;

  // The slow twin: every text through ICU, no caches. Gives the same tokens.
  void analyze_slowly(std::string_view text, Language language, bool query, std::vector<Token>& out) const;

  // The backward term of a stem; also the beginning of those of all compounds that end in it.
  static std::string backward(std::string_view stem);

  // One word as the index writes it (folded, no stem): what synonyms, dictionaries and settings are keyed by.
  std::string fold(std::string_view word) const;

  const AnalyzerConfig& config() const { return config_; }

 private:
  const AnalyzerConfig config_;
};

}  // namespace freshet
