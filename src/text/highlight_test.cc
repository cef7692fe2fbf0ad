#include "text/highlight.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "text/normalize.h"

namespace freshet {
namespace {

std::vector<Token> tokens_of(std::string_view text, Language language = Language::kEnglish) {
  static const Analyzer analyzer;
  std::vector<Token> out;
  analyzer.analyze(text, language, false, out);
  return out;
}

// What a query of these words would look for: all terms the analyser gives for each.
std::vector<SoughtWord> seek(const std::vector<std::string>& words, Language language = Language::kEnglish) {
  std::vector<SoughtWord> out;
  for (const std::string& word : words) {
    SoughtWord sought;
    const bool prefix = word.ends_with("*");
    sought.word = prefix ? word.substr(0, word.size() - 1) : word;
    for (const Token& token : tokens_of(sought.word, language)) {
      if (token.kind != TokenKind::kWeak && !prefix) sought.terms.push_back({token.term});
      if (prefix && token.kind == TokenKind::kWord) sought.prefix = token.term;
    }
    out.push_back(std::move(sought));
  }
  return out;
}

TEST(Highlight, Table) {
  const struct {
    const char* text;
    std::vector<std::string> query;
    const char* want;
    MatchLevel level;
  } rows[] = {
      {"Electric Kettle", {"kettle"}, "Electric [Kettle]", MatchLevel::kFull},
      {"Electric Kettles", {"kettle"}, "Electric [Kettles]", MatchLevel::kFull},
      {"Running shoes, running fast", {"run"}, "[Running] shoes, [running] fast", MatchLevel::kFull},
      {"Electric Kettle", {"kettle", "blue"}, "Electric [Kettle]", MatchLevel::kPartial},
      {"Electric Kettle", {"sofa"}, "Electric Kettle", MatchLevel::kNone},
      {"", {"sofa"}, "", MatchLevel::kNone},
      {"Electric Kettle", {}, "Electric Kettle", MatchLevel::kNone},
      {"CAFÉ au lait", {"cafe"}, "[CAFÉ] au lait", MatchLevel::kFull},
      {"Cafe\xCC\x81 au lait", {"cafe"}, "[Cafe\xCC\x81] au lait", MatchLevel::kFull},  // e + combining acute
      {"Kettle", {"ket*"}, "[Ket]tle", MatchLevel::kFull},
      {"Café Écru", {"écr*"}, "Café [Écr]u", MatchLevel::kFull},
      {"cafe\xCC\x81s", {"cafe*"}, "[cafe\xCC\x81]s", MatchLevel::kFull},
      {"a <b>kettle</b> & co", {"kettle"}, "a <b>[kettle]</b> & co", MatchLevel::kFull},
      {"蓝牙耳机", {"耳机"}, "蓝牙[耳机]", MatchLevel::kFull},
      {"iPhone手机壳", {"手机"}, "iPhone[手机]壳", MatchLevel::kFull},
      {"WD-40 spray", {"wd40"}, "[WD-40] spray", MatchLevel::kFull},
      {"Wäscheständer", {"waschestander"}, "[Wäscheständer]", MatchLevel::kFull},
  };
  HighlightOptions options;
  options.pre_tag = "[";
  options.post_tag = "]";
  for (const auto& row : rows) {
    const auto got = highlight(row.text, tokens_of(row.text), seek(row.query), options);
    EXPECT_EQ(got.text, row.want) << row.text;
    EXPECT_EQ(got.level, row.level) << row.text;
  }
}

TEST(Highlight, WhatTheQueryFoundWhateverItsForm) {
  const std::string text = "Bosch colour settee set";
  const SoughtWord rows[] = {{"bsoch", {{"bosch"}}, ""},             // a typing error
                             {"couch", {{"settee"}, {"sofa"}}, ""},  // a synonym
                             {"colour set", {{"colour", "settee"}}, ""},
                             {"settee bosch", {{"settee", "bosch"}}, ""}};  // not in this order
  HighlightOptions options;
  options.pre_tag = "[";
  options.post_tag = "]";
  const auto got = highlight(text, tokens_of(text), rows, options);
  EXPECT_EQ(got.text, "[Bosch] [colour] [settee] set");
  EXPECT_EQ(got.matched_words, (std::vector<std::string>{"bsoch", "couch", "colour set"}));
  EXPECT_EQ(got.level, MatchLevel::kPartial);
  EXPECT_FALSE(got.fully_highlighted);
  EXPECT_TRUE(highlight("Bosch!", tokens_of("Bosch!"), std::span(rows, 1), options).fully_highlighted);
}

TEST(Highlight, EscapesTheTextAndNotTheTags) {
  HighlightOptions options;
  options.escape_html = true;
  const std::string text = "<i>\"Tom & Jerry's\"</i> kettle";
  EXPECT_EQ(highlight(text, tokens_of(text), seek({"kettle"}), options).text,
            "&lt;i&gt;&quot;Tom &amp; Jerry&#39;s&quot;&lt;/i&gt; <em>kettle</em>");
}

TEST(Highlight, WholeWords) {
  HighlightOptions options;
  options.whole_words = true;
  EXPECT_EQ(highlight("Kettle", tokens_of("Kettle"), seek({"ket*"}), options).text, "<em>Kettle</em>");
}

TEST(Highlight, SnippetIsTheBestWindow) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "word" + std::string(1, static_cast<char>('a' + i % 26)) + "x ";
  const std::string body = text + "red one two kettle. " + text + "kettle kettle kettle";
  HighlightOptions options;
  options.snippet_words = 6;
  const struct {
    std::vector<std::string> query;
    const char* want;
  } rows[] = {{{"red", "kettle"}, "…wordxx <em>red</em> one two <em>kettle</em>. wordax…"},
              {{"kettle"}, "…wordvx wordwx wordxx <em>kettle</em> <em>kettle</em> <em>kettle</em>"},
              {{"sofa"}, "wordax wordbx wordcx worddx wordex wordfx…"}};
  for (const auto& row : rows)
    EXPECT_EQ(snippet(body, tokens_of(body), seek(row.query), options).text, row.want);
  EXPECT_EQ(snippet("red kettle", tokens_of("red kettle"), seek({"red"}), options).text,
            "<em>red</em> kettle");
}

// Random texts of awkward characters, random marks: taking the tags out gives the text (or a piece of it)
// back, and every piece is whole characters.
TEST(Highlight, NeverChangesTheTextNorCutsACharacter) {
  constexpr std::string_view kPieces[] = {
      "kettle", " ",  "e\xCC\x81", "👩‍👩‍👧", "🇫🇷", "手机壳", "é", ", ", "क्षि", "10ft",
      "\xff",   "ｶﾞ", "<"};
  HighlightOptions options;
  options.pre_tag = "\x01";
  options.post_tag = "\x02";
  options.ellipsis = "\x03";
  options.snippet_words = 3;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Draw draw(seed);
    std::string text;
    for (uint64_t n = draw.below(20); n > 0; --n) text += kPieces[draw.below(std::size(kPieces))];
    std::vector<Token> tokens = tokens_of(text);
    std::vector<SoughtWord> sought(1 + draw.below(3));
    for (SoughtWord& word : sought) {
      for (uint64_t n = draw.below(3); n > 0 && !tokens.empty(); --n)
        word.terms.push_back({tokens[draw.below(tokens.size())].term});
      if (draw.below(2) == 0 && !tokens.empty())
        word.prefix = tokens[draw.below(tokens.size())].term.substr(0, 1 + draw.below(3));
    }
    for (Token& token : tokens)  // and tokens that are wrong
      if (draw.below(20) == 0) token.end += static_cast<uint32_t>(draw.below(100));
    const auto strip = [](std::string marked) {
      std::erase_if(marked, [](char c) { return c >= 1 && c <= 3; });
      return marked;
    };
    EXPECT_EQ(strip(highlight(text, tokens, sought, options).text), text);
    const std::string piece = strip(snippet(text, tokens, sought, options).text);
    EXPECT_NE(text.find(piece), std::string::npos);
    if (!is_utf8(text)) continue;
    std::string part;
    for (const char c : highlight(text, tokens, sought, options).text + "\x01") {
      if (c != 1 && c != 2) {
        part.push_back(c);
        continue;
      }
      EXPECT_TRUE(is_utf8(part)) << seed;
      EXPECT_FALSE(part.starts_with("\xCC\x81")) << seed;    // a combining accent without its letter
      EXPECT_FALSE(part.ends_with("\xE2\x80\x8D")) << seed;  // a joiner with nothing to join
      part.clear();
    }
  }
}

}  // namespace
}  // namespace freshet
