#include "text/words.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "text/normalize.h"

namespace freshet {
namespace {

void fold_ascii(std::string_view text, std::string& out, size_t bytes_max) {
  bool open = false;
  size_t word = 0;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (!upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
      open = false;
      continue;
    }
    if (!open) {
      word = out.size();
      if (!out.empty()) out.push_back(' ');
      open = true;
    }
    out.push_back(upper ? static_cast<char>(c | 0x20) : c);
    if (out.size() > bytes_max) return out.resize(word);
  }
}

bool stands_alone(UChar32 c) {
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(c, &error)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
      return true;
    default:
      return false;
  }
}

// Canonical decomposition of the compatibility fold, so that diacritics are characters of their own.
icu::UnicodeString folded(std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  const icu::Normalizer2* split = icu::Normalizer2::getNFDInstance(error);
  const icu::UnicodeString source =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  if (U_FAILURE(error)) return source;
  return split->normalize(fold->normalize(source, error), error);
}

}  // namespace

void fold_words(std::string_view text, std::string& out, size_t bytes_max) {
  out.clear();
  text = text.substr(0, 4 * bytes_max);
  if (is_ascii(text)) return fold_ascii(text, out, bytes_max);
  const icu::UnicodeString from = folded(text);
  bool open = false;
  size_t word = 0;
  for (int32_t at = 0; at < from.length();) {
    const UChar32 c = from.char32At(at);
    at += U16_LENGTH(c);
    const int8_t type = u_charType(c);
    if (type == U_NON_SPACING_MARK && open && !stands_alone(c)) continue;
    if ((!u_isalnum(c) && type != U_NON_SPACING_MARK && type != U_COMBINING_SPACING_MARK) || c == 0xFFFD) {
      open = false;
      continue;
    }
    const bool alone = stands_alone(c);
    if (!open || alone) {
      word = out.size();
      if (!out.empty()) out.push_back(' ');
    }
    open = !alone;
    char bytes[U8_MAX_LENGTH];
    int32_t size = 0;
    U8_APPEND_UNSAFE(bytes, size, c);
    out.append(bytes, static_cast<size_t>(size));
    if (out.size() > bytes_max) return out.resize(word);
  }
}

void split_words(std::string_view text, std::vector<std::string_view>& words) {
  words.clear();
  while (!text.empty()) {
    const size_t space = text.find(' ');
    words.push_back(text.substr(0, space));
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
}

}  // namespace freshet
