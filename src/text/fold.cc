// Folding and romanising through ICU.
#include <memory>
#include <unordered_map>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "text/internal/segment.h"

namespace freshet {
namespace {

const icu::Normalizer2* nfkc_casefold() {
  static const icu::Normalizer2* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* made = icu::Normalizer2::getNFKCCasefoldInstance(error);
    return U_SUCCESS(error) ? made : nullptr;
  }();
  return instance;
}

const icu::Normalizer2* nfd() {
  static const icu::Normalizer2* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* made = icu::Normalizer2::getNFDInstance(error);
    return U_SUCCESS(error) ? made : nullptr;
  }();
  return instance;
}

std::string normalize(const icu::Normalizer2* normalizer, std::string_view text) {
  if (normalizer == nullptr) return std::string(text);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode error = U_ZERO_ERROR;
  normalizer->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink,
                            nullptr, error);
  return U_SUCCESS(error) ? out : std::string(text);
}

// Letters that no decomposition takes apart; the spelling people type without them.
std::string_view plain_letter(UChar32 c) {
  switch (c) {
    case 0xe6:  // ae ligature
      return "ae";
    case 0x153:  // oe ligature
      return "oe";
    case 0xf8:  // o with stroke
      return "o";
    case 0x111:  // d with stroke
    case 0xf0:   // eth
      return "d";
    case 0xfe:  // thorn
      return "th";
    case 0x142:  // l with stroke
      return "l";
    case 0x131:  // dotless i
      return "i";
    default:
      return {};
  }
}

// Marks that are part of a letter in its own script, not an accent on it: Indic vowel signs, kana voicing.
bool is_accent(UChar32 c) {
  return (c >= 0x300 && c <= 0x36f) || (c >= 0x610 && c <= 0x61a) || (c >= 0x64b && c <= 0x65f) ||
         c == 0x670 || (c >= 0x591 && c <= 0x5c7) || c == 0x640;
}

void append(std::string& out, UChar32 c) {
  char bytes[4];
  int32_t n = 0;
  UBool failed = 0;
  U8_APPEND(reinterpret_cast<uint8_t*>(bytes), n, 4, c, failed);
  if (!failed) out.append(bytes, static_cast<size_t>(n));
}

// A transliterator and what it has said so far, by input; for one thread.
class Transliteration {
 public:
  explicit Transliteration(const char* id) {
    UErrorCode error = U_ZERO_ERROR;
    transliterator_.reset(icu::Transliterator::createInstance(id, UTRANS_FORWARD, error));
    if (U_FAILURE(error)) transliterator_.reset();
  }
  const std::string& of(const std::string& text) {
    if (const auto found = known_.find(text); found != known_.end()) return found->second;
    if (known_.size() >= kKnownMax) known_.clear();
    std::string out;
    if (transliterator_ != nullptr) {
      icu::UnicodeString unicode = icu::UnicodeString::fromUTF8(text);
      transliterator_->transliterate(unicode);
      unicode.toUTF8String(out);
    }
    return known_.emplace(text, std::move(out)).first->second;
  }

 private:
  static constexpr size_t kKnownMax = 32'768;
  std::unique_ptr<icu::Transliterator> transliterator_;
  std::unordered_map<std::string, std::string> known_;
};

bool is_han(UChar32 c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x3ffff);
}

// One character at a time: the fold of a text is the fold of its parts, whatever they are cut into.
void append_simplified(std::string& out, UChar32 c) {
  thread_local Transliteration simplified("Hant-Hans");
  std::string one;
  append(one, c);
  const std::string& to = simplified.of(one);
  out += to.empty() ? one : to;
}

}  // namespace

std::string fold_text(std::string_view text, std::string* accented) {
  std::string lower = normalize(nfkc_casefold(), text);
  const std::string apart = normalize(nfd(), lower);
  std::string out;
  out.reserve(lower.size());
  const auto size = static_cast<int32_t>(apart.size());
  bool composed_script = false;  // Something whose parts belong together again (Hangul, kana).
  for (int32_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(reinterpret_cast<const uint8_t*>(apart.data()), i, size, c);
    if (c < 0 || is_accent(c)) continue;
    if (c < 0x80) {
      out.push_back(static_cast<char>(c));
    } else if (const std::string_view plain = plain_letter(c); !plain.empty()) {
      out += plain;
    } else if (c == 0x2044) {
      out.push_back('/');
    } else if (is_han(c)) {
      append_simplified(out, c);
    } else {
      composed_script = composed_script || c >= 0x900;
      append(out, c);
    }
  }
  if (composed_script) out = normalize(nfkc_casefold(), out);
  if (accented != nullptr) {
    accented->clear();
    if (lower != out) *accented = std::move(lower);
  }
  return out;
}

std::string romanise(std::string_view folded) {
  thread_local Transliteration latin("Any-Latin; Latin-ASCII; Lower");
  std::string out;
  for (const char c : latin.of(std::string(folded)))
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out.push_back(c);
  return out;
}

}  // namespace freshet
