#include "text/internal/segment.h"

#include <algorithm>
#include <array>
#include <memory>

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include "text/normalize.h"

namespace freshet {
namespace {

constexpr std::array<char, 256> kLower = [] {  // Lower case of ASCII letters and digits; 0: a separator.
  std::array<char, 256> table{};
  for (int c = '0'; c <= '9'; c++) table[static_cast<size_t>(c)] = static_cast<char>(c);
  for (int c = 'a'; c <= 'z'; c++) table[static_cast<size_t>(c)] = static_cast<char>(c);
  for (int c = 'A'; c <= 'Z'; c++) table[static_cast<size_t>(c)] = static_cast<char>(c | 0x20);
  return table;
}();

Piece& next_piece(std::vector<Piece>& out, size_t& n) {
  if (n == out.size()) out.emplace_back();
  Piece& piece = out[n++];
  piece.text.clear();
  piece.accented.clear();
  piece.kind = PieceKind::kLetters;
  piece.ascii = true;
  return piece;
}

PieceKind kind_of_ascii(std::string_view text) {
  const auto digits = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }));
  if (digits == 0) return PieceKind::kLetters;
  return digits == text.size() ? PieceKind::kDigits : PieceKind::kMixed;
}

void segment_ascii(std::string_view text, size_t pieces_max, std::vector<Piece>& out, size_t& n) {
  const char* const data = text.data();
  const size_t size = text.size();
  for (size_t i = 0; i < size && n < pieces_max;) {
    if (kLower[static_cast<unsigned char>(data[i])] == 0) {
      i++;
      continue;
    }
    Piece& piece = next_piece(out, n);
    piece.begin = static_cast<uint32_t>(i);
    char lower;
    while (i < size && (lower = kLower[static_cast<unsigned char>(data[i])]) != 0) {
      piece.text.push_back(lower);
      i++;
    }
    piece.end = static_cast<uint32_t>(i);
    piece.kind = kind_of_ascii(piece.text);
  }
}

// What a character is to segmentation. Runs of one class stay together; kMark joins whatever it follows.
enum class CharClass : uint8_t { kSeparator, kWord, kMark, kFraction, kUnspaced, kHangul };

CharClass class_of(UChar32 c) {
  if (c < 0) return CharClass::kSeparator;
  if (c < 0x80) return kLower[static_cast<size_t>(c)] != 0 ? CharClass::kWord : CharClass::kSeparator;
  const auto type = u_charType(c);
  if (type == U_NON_SPACING_MARK || type == U_COMBINING_SPACING_MARK || type == U_ENCLOSING_MARK)
    return CharClass::kMark;
  if (type == U_OTHER_NUMBER)
    return u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE) == U_DT_FRACTION ? CharClass::kFraction
                                                                               : CharClass::kSeparator;
  if (!u_isalnum(c) && type != U_LETTER_NUMBER) return CharClass::kSeparator;
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(c, &error)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
      return CharClass::kUnspaced;
    case USCRIPT_HANGUL:
      return CharClass::kHangul;
    default:
      // The long-vowel mark of kana belongs to no script of its own.
      return c == 0x30fc || c == 0xff70 ? CharClass::kUnspaced : CharClass::kWord;
  }
}

class Breaks {
 public:
  Breaks() {
    UErrorCode error = U_ZERO_ERROR;
    iterator_.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
    if (U_FAILURE(error)) iterator_.reset();
  }
  // The byte offsets of word boundaries; the ends only when the library's data are missing.
  const std::vector<uint32_t>& of(std::string_view text) {
    offsets_.assign(1, 0);
    UErrorCode error = U_ZERO_ERROR;
    text_ = utext_openUTF8(text_, text.data(), static_cast<int64_t>(text.size()), &error);
    if (iterator_ != nullptr && U_SUCCESS(error)) {
      iterator_->setText(text_, error);
      iterator_->first();
      for (int32_t at = iterator_->next(); at != icu::BreakIterator::DONE; at = iterator_->next())
        offsets_.push_back(static_cast<uint32_t>(at));
    } else {
      offsets_.push_back(static_cast<uint32_t>(text.size()));
    }
    return offsets_;
  }
  ~Breaks() {
    iterator_.reset();
    utext_close(text_);
  }
  Breaks(const Breaks&) = delete;
  Breaks& operator=(const Breaks&) = delete;

 private:
  std::unique_ptr<icu::BreakIterator> iterator_;
  UText* text_ = nullptr;
  std::vector<uint32_t> offsets_;
};

void add_piece(std::string_view source, uint32_t begin, uint32_t end, CharClass is, std::vector<Piece>& out,
               size_t& n) {
  Piece& piece = next_piece(out, n);
  piece.begin = begin;
  piece.end = end;
  piece.text = fold_text(source.substr(begin, end - begin), &piece.accented);
  piece.ascii = is_ascii(piece.text);
  if (piece.text.empty()) {
    n--;
  } else if (is == CharClass::kFraction) {
    piece.kind = PieceKind::kFraction;
  } else if (is == CharClass::kUnspaced) {
    piece.kind = PieceKind::kUnspaced;
  } else if (is == CharClass::kHangul) {
    piece.kind = PieceKind::kHangul;
  } else if (piece.ascii) {
    // Folding can bring in what is not a letter ("㎏" is fine, "℅" is not).
    std::erase_if(piece.text, [](char c) { return kLower[static_cast<unsigned char>(c)] == 0; });
    piece.kind = kind_of_ascii(piece.text);
    if (piece.text.empty()) n--;
  } else {
    const bool digits =
        std::any_of(piece.text.begin(), piece.text.end(), [](char c) { return c >= '0' && c <= '9'; });
    piece.kind = digits ? PieceKind::kMixed : PieceKind::kLetters;
  }
}

void segment_icu(std::string_view text, size_t pieces_max, std::vector<Piece>& out, size_t& n) {
  thread_local Breaks breaks;
  const std::vector<uint32_t>& offsets = breaks.of(text);
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  size_t next_break = 0;
  CharClass run = CharClass::kSeparator;
  uint32_t begin = 0;
  int32_t i = 0;
  for (; i < size && n < pieces_max;) {
    const int32_t at = i;
    UChar32 c;
    U8_NEXT(bytes, i, size, c);
    while (next_break < offsets.size() && offsets[next_break] < static_cast<uint32_t>(at)) next_break++;
    const bool boundary = next_break < offsets.size() && offsets[next_break] == static_cast<uint32_t>(at);
    CharClass is = class_of(c);
    if (is == CharClass::kMark) is = run;  // A mark with nothing before it separates.
    if (is == run && !boundary) continue;
    if (run != CharClass::kSeparator) add_piece(text, begin, static_cast<uint32_t>(at), run, out, n);
    run = is;
    begin = static_cast<uint32_t>(at);
  }
  if (run != CharClass::kSeparator && n < pieces_max)
    add_piece(text, begin, static_cast<uint32_t>(i), run, out, n);
}

}  // namespace

void segment(std::string_view text, size_t bytes_max, size_t pieces_max, bool through_icu,
             std::vector<Piece>& out) {
  if (text.size() > bytes_max) {
    size_t cut = bytes_max;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) cut--;
    text = text.substr(0, cut);
  }
  size_t n = 0;
  if (!through_icu && is_ascii(text)) {
    segment_ascii(text, pieces_max, out, n);
  } else {
    segment_icu(text, pieces_max, out, n);
  }
  out.resize(n);
}

}  // namespace freshet
