// Is it well-formed UTF-8 (Unicode Standard, table 3-7): no overlong forms, no surrogates, nothing above
// U+10FFFF? Threads: pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace freshet {

// The first byte of the first sequence that is none; npos: all is well.
inline size_t first_bad_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  for (size_t i = 0; i < text.size();) {
    const uint8_t lead = byte(i), next = byte(i + 1);
    if (lead < 0x80) {
      ++i;
    } else if (lead >= 0xc2 && lead <= 0xdf && tail(i + 1)) {
      i += 2;
    } else if ((lead & 0xf0) == 0xe0 && tail(i + 1) && tail(i + 2) && (lead != 0xe0 || next >= 0xa0) &&
               (lead != 0xed || next <= 0x9f)) {
      i += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4 && tail(i + 1) && tail(i + 2) && tail(i + 3) &&
               (lead != 0xf0 || next >= 0x90) && (lead != 0xf4 || next <= 0x8f)) {
      i += 4;
    } else {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace freshet
