#include "text/normalize.h"

#include <cstdint>
#include <cstring>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/utf8.h>

#include "base/utf8.h"

namespace freshet {
namespace {

constexpr uint64_t kHigh = 0x8080808080808080ull;
constexpr uint64_t kOnes = 0x0101010101010101ull;

uint64_t load8(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, 8);
  return word;
}

// High bit set in (at least) one byte if any byte is below 0x20, above 0x7e, or not ASCII.
uint64_t not_plain(uint64_t word) {
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  const uint64_t above_tilde =
      word + kOnes;  // 0x7f and above carry into the high bit; ASCII never overflows.
  return (below_space | above_tilde | word) & kHigh;
}

// Calls test(word) for 8 bytes at a time, the last ones overlapping; true if all tests gave 0.
template <class Test>
bool all_words(std::string_view text, char padding, const Test& test) {
  const char* at = text.data();
  const size_t size = text.size();
  if (size < 8) {
    char padded[8];
    std::memset(padded, padding, 8);
    std::memcpy(padded, at, size);
    return test(load8(padded)) == 0;
  }
  for (size_t i = 0; i + 8 <= size; i += 8)
    if (test(load8(at + i)) != 0) return false;
  return test(load8(at + size - 8)) == 0;
}

bool is_control(UChar32 c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

// Null only when the library's own data are missing.
const icu::Normalizer2* nfc() {
  static const icu::Normalizer2* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* made = icu::Normalizer2::getNFCInstance(error);
    return U_SUCCESS(error) ? made : nullptr;
  }();
  return instance;
}

}  // namespace

bool is_ascii(std::string_view text) {
  return text.empty() || all_words(text, ' ', [](uint64_t word) { return word & kHigh; });
}

bool is_plain(std::string_view text) {
  return text.empty() || all_words(text, ' ', not_plain);
}

bool is_utf8(std::string_view text) {
  return is_ascii(text) || first_bad_utf8(text) == std::string_view::npos;
}

bool has_control(std::string_view text) {
  if (is_plain(text)) return false;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const int64_t size = static_cast<int64_t>(text.size());
  for (int64_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(bytes, i, size, c);
    if (c >= 0 && is_control(c)) return true;
  }
  return false;
}

void replace_controls(std::string& text) {
  if (is_plain(text) && (text.empty() || (text.front() != ' ' && text.back() != ' '))) return;
  std::string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const int64_t size = static_cast<int64_t>(text.size());
  bool in_run = false;
  for (int64_t i = 0; i < size;) {
    const int64_t begin = i;
    UChar32 c;
    U8_NEXT(bytes, i, size, c);
    if (c >= 0 && is_control(c)) {
      if (!in_run) out.push_back(' ');
      in_run = true;
    } else {
      out.append(text, static_cast<size_t>(begin), static_cast<size_t>(i - begin));
      in_run = false;
    }
  }
  const size_t first = out.find_first_not_of(' ');
  if (first == std::string::npos) {
    text.clear();
    return;
  }
  text.assign(out, first, out.find_last_not_of(' ') - first + 1);
}

bool normalize_nfc(std::string& text) {
  if (is_ascii(text)) return true;
  if (!is_utf8(text)) return false;
  const icu::Normalizer2* normalizer = nfc();
  if (normalizer == nullptr) return true;
  UErrorCode error = U_ZERO_ERROR;
  const icu::StringPiece piece(text.data(), static_cast<int32_t>(text.size()));
  if (normalizer->isNormalizedUTF8(piece, error) && U_SUCCESS(error)) return true;
  error = U_ZERO_ERROR;
  std::string normal;
  icu::StringByteSink<std::string> sink(&normal);
  normalizer->normalizeUTF8(0, piece, sink, nullptr, error);
  if (U_SUCCESS(error)) text = std::move(normal);
  return true;
}

}  // namespace freshet
