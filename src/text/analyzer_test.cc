#include "text/analyzer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

const char* mark(TokenKind kind) {
  switch (kind) {
    case TokenKind::kWord:
    case TokenKind::kNumber:
      return "";
    case TokenKind::kStem:
      return "/";
    case TokenKind::kJoin:
      return "+";
    case TokenKind::kPart:
      return "-";
    case TokenKind::kBigram:
      return "#";
    case TokenKind::kWeak:
    case TokenKind::kHead:
    case TokenKind::kBackward:
      return "";
  }
  return "?";
}

// "0:cafe 1:table /tabl 2:10 +10ft": positions, then marks for the kinds.
std::string show(const std::vector<Token>& tokens, bool heads = false) {
  std::string out;
  uint32_t last = ~0u;
  for (const Token& token : tokens) {
    if ((token.kind == TokenKind::kHead || token.kind == TokenKind::kBackward) && !heads) continue;
    if (!out.empty()) out += " ";
    if (token.position != last) out += std::to_string(token.position) + ":";
    last = token.position;
    out += mark(token.kind) + token.term;
  }
  return out;
}

std::string analyzed(std::string_view text, Language language = Language::kEnglish, bool query = false) {
  std::vector<Token> tokens;
  Analyzer analyzer;
  analyzer.analyze(text, language, query, tokens);
  return show(tokens);
}

struct Row {
  const char* text;
  const char* want;
};

void check(Language language, std::initializer_list<Row> rows) {
  for (const Row& row : rows) EXPECT_EQ(analyzed(row.text, language), row.want) << row.text;
}

TEST(Analyzer, NumbersAndUnitsHaveOneForm) {
  check(Language::kNone, {
                             {"10ft", "0:10 +10ft 1:ft"},
                             {"10 ft", "0:10 +10ft 1:ft"},
                             {"10 ft.", "0:10 +10ft 1:ft"},
                             {"10-foot", "0:10 +10ft 1:foot /ft"},
                             {"10 feet", "0:10 +10ft 1:feet /ft"},
                             {"10'", "0:10 +10ft 1:ft"},
                             {"4\"", "0:4 +4in 1:in"},
                             {"4 inch", "0:4 +4in 1:inch /in"},
                             {"1/2 in", "0:1/2 /0.5 +1/2in 1:in"},
                             {"½ in", "0:1/2 /0.5 +1/2in 1:in"},
                             {".5 in", "0:0.5 +0.5in 1:in"},
                             {"0.50 in", "0:0.5 +0.5in 1:in"},
                             {"1-1/2 in.", "0:1 +1-1/2 /1.5 +1-1/2in 1:1/2 /0.5 2:in"},
                             {"1 1/2\"", "0:1 +1-1/2 /1.5 +1-1/2in 1:1/2 /0.5 2:in"},
                             {"256GB", "0:256 +256gb 1:gb"},
                             {"1,000 w", "0:1000 1:w"},
                             {"20A", "0:20 +20amp 1:amp"},
                             {"3 in 1", "0:3 1:in 2:1"},
                             {"１０ｆｔ", "0:10 +10ft 1:ft"},
                         });
}

TEST(Analyzer, SizesAreNumbersAndTheirProducts) {
  check(Language::kNone, {
                             {"2x4", "0:2 +2x4 1:4"},
                             {"12 x 24", "0:12 +12x24 1:24"},
                             {"12 X 24", "0:12 +12x24 1:24"},
                             {"12 by 24", "0:12 +12x24 1:24"},
                             {"12×24", "0:12 +12x24 1:24"},
                             {"2 in. x 4 in. x 8 ft.", "0:2 +2in +2x4 1:in 2:4 +4in +4x8 3:in 4:8 +8ft 5:ft"},
                             {"2x4x8", "0:2 +2x4 1:4 +4x8 2:8"},
                             {"53'x6ft", "0:53 +53ft +53x6 1:ft 2:6 +6ft 3:ft"},
                         });
}

TEST(Analyzer, ModelNumbersWithAndWithoutSeparators) {
  check(Language::kNone, {
                             {"WD-40", "0:wd +wd40 1:40"},
                             {"wd40", "0:wd40 -wd 1:-40"},
                             {"wd 40", "0:wd 1:40"},
                             {"1000-014-266", "0:1000 +1000014 +1000014266 1:014 +014266 2:266"},
                             {"t-shirt", "0:t +tshirt 1:shirt"},
                             {"U.S.A.", "0:u +us +usa 1:s +sa 2:a"},
                             {"a1b2c3d4", "0:a1b2c3d4"},
                             {"men's", "0:men"},
                             {"don't", "0:don +dont 1:t"},
                         });
}

TEST(Analyzer, Stems) {
  check(Language::kEnglish,
        {{"lights", "0:lights /light"}, {"boxes and ladders", "0:boxes /box 1:and 2:ladders /ladder"}});
  check(Language::kGerman, {{"Möbel", "0:mobel /moebel"}, {"Häuser", "0:hauser /haus /haeuser"}});
  check(Language::kFrench, {{"écrans", "0:ecrans /ecran"}});
  check(Language::kSpanish, {{"zapatillas", "0:zapatillas /zapatill"}});
  check(Language::kDutch, {{"fietsen", "0:fietsen /fiets"}});
  check(Language::kSwedish, {{"lampor", "0:lampor /lamp"}});
  check(Language::kRussian, {{"лампы", "0:лампы /ламп ~lampy"}});
}

TEST(Analyzer, TheHeadOfAName) {
  const Row rows[] = {{"Ceiling Fan in White", "^fan"},
                      {"Hampton Bay 52 in. Ceiling Fans with Lights", "^fan"},
                      {"Accent Pillow with Heart Design - Red/Black", "^pillow"},
                      {"Kettle, red", "^kettl"},
                      {"Bag of Rice (5 lb)", "^rice"},
                      {"Drill Bit 10 mm", "^bit"},
                      {"12 x 24", ""}};
  const Analyzer analyzer;
  std::vector<Token> tokens;
  for (const Row& row : rows) {
    analyzer.analyze(row.text, Language::kAuto, false, tokens);
    std::string head;
    for (const Token& token : tokens)
      if (token.kind == TokenKind::kHead) head += token.term;
    EXPECT_EQ(head, row.want) << row.text;
  }
}

// Items of languages with compounds have their long words backwards too; queries and other languages do not.
TEST(Analyzer, LongWordsBackwardsWhereCompoundsAreWritten) {
  const auto backwards = [](const char* text, Language language, bool query) {
    std::vector<Token> tokens;
    Analyzer(AnalyzerConfig{.languages = {language}}).analyze(text, language, query, tokens);
    std::string out;
    for (const Token& token : tokens)
      if (token.kind == TokenKind::kBackward) out += token.term;
    return out;
  };
  EXPECT_EQ(backwards("Das Kinderfahrrad", Language::kGerman, false), "<darrhafrednik");
  EXPECT_EQ(backwards("Kinderfahrräder", Language::kGerman, false), "<redarrhafrednik<darrhafrednik");
  EXPECT_EQ(backwards("Kinderfahrrad", Language::kGerman, true), "");
  EXPECT_EQ(backwards("Fahrrad-Tisch", Language::kGerman, false), "<darrhaf");
  EXPECT_EQ(backwards("Wheelbarrow", Language::kEnglish, false), "");
  EXPECT_EQ(Analyzer::backward("äb手"), "<手bä");
}

TEST(Analyzer, OtherScriptsInLatinLetters) {
  const Row rows[] = {
      {"лампа", "~lampa"}, {"ランプ", "~ranpu"}, {"κρεβάτι", "~krebati"}, {"手机", "~shouji"}};
  for (const Row& row : rows)
    EXPECT_NE(analyzed(row.text).find(row.want), std::string::npos) << row.text << ": " << analyzed(row.text);
}

TEST(Analyzer, ChineseWordsCharactersAndBigrams) {
  // The dictionary's words, and every pair of neighbours.
  const std::string got = analyzed("手机壳", Language::kChinese);
  for (const char* const want : {"手机", "#机壳", "壳", "~shouji"})
    EXPECT_NE(got.find(want), std::string::npos) << want << " in " << got;
  // Traditional is written as simplified.
  EXPECT_EQ(analyzed("手機", Language::kChinese), analyzed("手机", Language::kChinese));
}

// Whatever stands in an ASCII text, the fast path and ICU give the same tokens.
TEST(Analyzer, FastPathAgreesWithIcu) {
  const std::string_view letters = "aaabcdefinstxzABX0123456789  --..,,''\"\"//&+_x:;()#\t~";
  const Analyzer analyzer;
  std::vector<Token> fast, slow;
  for (uint64_t seed = 0; seed < 3000; seed++) {
    Draw draw(seed);
    std::string text;
    for (uint64_t n = draw.below(40); n > 0; n--) text.push_back(letters[draw.below(letters.size())]);
    analyzer.analyze(text, Language::kEnglish, false, fast);
    analyzer.analyze_slowly(text, Language::kEnglish, false, slow);
    ASSERT_EQ(show(fast), show(slow)) << text;
  }
}

TEST(Analyzer, AnyBytesAreAnswered) {
  const Analyzer analyzer(
      AnalyzerConfig{.languages = {Language::kEnglish, Language::kGerman}, .text_bytes_max = 200});
  std::vector<Token> tokens;
  const std::string_view parts[] = {"\xff", "\xe6\x89", "手", "ß", "1/", "x",   "½", "ー",
                                    "́",     "가나",     " ",  "9", "\"", "ไทย", "𝟜", "Ⅷ"};
  for (uint64_t seed = 0; seed < 3000; seed++) {
    Draw draw(seed);
    std::string text;
    for (uint64_t n = draw.below(60); n > 0; n--) text += parts[draw.below(std::size(parts))];
    analyzer.analyze(text, Language::kAuto, seed % 2 == 0, tokens);
    uint32_t last = 0;
    for (const Token& token : tokens) {
      ASSERT_LE(last, token.position);
      ASSERT_LE(token.position, last + 1);
      ASSERT_LT(token.begin, token.end);
      ASSERT_LE(token.end, text.size());
      ASSERT_FALSE(token.term.empty());
      ASSERT_LE(token.term.size(), 65u);
      last = token.position;
    }
  }
}

TEST(Analyzer, LongTextsAndWordsAreCut) {
  const Analyzer analyzer(AnalyzerConfig{.text_bytes_max = 1000, .tokens_max = 10, .term_bytes_max = 8});
  std::vector<Token> tokens;
  analyzer.analyze(std::string(5000, 'a'), Language::kNone, false, tokens);
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].term, "aaaaaaaa");
  std::string many;
  for (int i = 0; i < 100; i++) many += "b" + std::to_string(i) + " ";
  analyzer.analyze(many, Language::kNone, false, tokens);
  EXPECT_EQ(tokens.size(), 10u);
}

}  // namespace
}  // namespace freshet
