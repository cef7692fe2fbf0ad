#include "text/normalize.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

TEST(Normalize, PlainTextIsRecognisedAtEveryLengthAndPlace) {
  for (size_t size = 0; size < 40; ++size) {
    const std::string plain(size, 'x');
    EXPECT_TRUE(is_plain(plain));
    EXPECT_TRUE(is_ascii(plain));
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = plain;
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(is_plain(text), byte >= 0x20 && byte <= 0x7e) << size << " " << at << " " << byte;
        EXPECT_EQ(is_ascii(text), byte < 0x80) << size << " " << at << " " << byte;
      }
    }
  }
}

TEST(Normalize, Utf8) {
  const struct {
    const char* what;
    std::string text;
    bool want;
  } rows[] = {
      {"empty", "", true},
      {"two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92", true},
      {"overlong", "\xc0\xaf", false},
      {"a lone surrogate", "\xed\xa0\x80", false},
      {"above U+10FFFF", "\xf4\x90\x80\x80", false},
      {"cut short", "abc\xe2\x82", false},
      {"a continuation byte alone", "\x80", false},
      {"latin-1", "caf\xe9", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(is_utf8(row.text), row.want) << row.what;
    std::string text = row.text;
    EXPECT_EQ(normalize_nfc(text), row.want) << row.what;
    EXPECT_EQ(text, row.text) << row.what;
  }
}

TEST(Normalize, OneSpelling) {
  const struct {
    std::string text, want;
  } rows[] = {
      {"plain", "plain"},
      {"caf\u00e9", "caf\u00e9"},
      {"cafe\u0301", "caf\u00e9"},        // letter and combining accent
      {"\u1112\u1161\u11ab", "\ud55c"},   // Hangul
      {"\u212b", "\u00c5"},               // Angstrom sign
      {"a\u0323\u0307", "\u1ea1\u0307"},  // order of two accents
      {"a\u0307\u0323", "\u1ea1\u0307"},
  };
  for (const auto& row : rows) {
    std::string text = row.text;
    ASSERT_TRUE(normalize_nfc(text));
    EXPECT_EQ(text, row.want);
    ASSERT_TRUE(normalize_nfc(text));
    EXPECT_EQ(text, row.want) << "a second time";
  }
}

TEST(Normalize, Controls) {
  const struct {
    std::string text, want;
    bool has;
  } rows[] = {
      {"red shoe", "red shoe", false},
      {"red\tshoe", "red shoe", true},
      {"  red\r\n shoe ", "red  shoe", true},
      {std::string("a\0b", 3), "a b", true},
      {"\x7f", "", true},
      {"\u0085x", "x", true},
      {"a\u2028b", "a b", true},
      {"\u00e9\u00a0", "\u00e9\u00a0", false},
      {"   ", "", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(has_control(row.text), row.has) << row.text;
    std::string text = row.text;
    replace_controls(text);
    EXPECT_EQ(text, row.want);
    EXPECT_FALSE(has_control(text));
  }
}

TEST(Normalize, RandomBytesAreAnswered) {
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    Draw draw(seed);
    std::string text(draw.below(40), '\0');
    for (char& c : text) c = static_cast<char>(draw.below(3) == 0 ? 0x80 + draw.below(128) : draw.below(128));
    const bool valid = is_utf8(text);
    std::string normal = text;
    ASSERT_EQ(normalize_nfc(normal), valid);
    ASSERT_EQ(is_utf8(normal), valid);
    if (!valid) continue;
    replace_controls(normal);
    ASSERT_TRUE(is_utf8(normal));
    ASSERT_FALSE(has_control(normal));
  }
}

}  // namespace
}  // namespace freshet
