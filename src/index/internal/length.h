// Field lengths in 8 bits: exact to 64, then 16 steps an octave (error at most 3 %), up to 278,528.
#pragma once

#include <bit>
#include <cstdint>

namespace freshet::index {

constexpr uint8_t encode_length(uint32_t length) {
  if (length < 64) return static_cast<uint8_t>(length);
  const auto octave = static_cast<uint32_t>(std::bit_width(length)) - 7;  // 64..127: 0
  const uint32_t code = 64 + octave * 16 + ((length >> (octave + 2)) & 15);
  return static_cast<uint8_t>(code < 255 ? code : 255);
}

constexpr uint32_t decode_length(uint8_t code) {
  if (code < 64) return code;
  const uint32_t octave = (code - 64u) / 16, step = (code - 64u) % 16;
  return (16 + step) << (octave + 2);
}

}  // namespace freshet::index
