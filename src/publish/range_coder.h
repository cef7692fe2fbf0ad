// Adaptive binary range coder: a bit costs about -log2 of what its context expected. The carry-propagating
// coder of LZMA (Martin 1979, "Range encoding"; Pavlov's LZMA specification), with probabilities of 12 bits
// that move a 32nd of the way to each bit. Threads: one.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

struct BitContext {
  uint16_t zero = 2048;  // Probability of a 0, of 4096.
  void learn(bool bit) {
    if (bit)
      zero = static_cast<uint16_t>(zero - (zero >> 5));
    else
      zero = static_cast<uint16_t>(zero + ((4096 - zero) >> 5));
  }
};

class RangeEncoder {
 public:
  void bit(bool bit, BitContext& context) {
    const uint32_t bound = (range_ >> 12) * context.zero;
    if (bit) {
      low_ += bound;
      range_ -= bound;
    } else {
      range_ = bound;
    }
    context.learn(bit);
    normalize();
  }
  void raw(uint64_t value, uint32_t bits) {  // Bits that nothing is known of, high ones first.
    while (bits-- > 0) {
      range_ >>= 1;
      if ((value >> bits & 1) != 0) low_ += range_;
      normalize();
    }
  }
  std::string take() {
    for (int i = 0; i < 5; ++i) shift_low();
    return std::move(out_);
  }

 private:
  void normalize() {
    while (range_ < 1u << 24) {
      range_ <<= 8;
      shift_low();
    }
  }
  void shift_low() {
    if (low_ < 0xff000000u || low_ > 0xffffffffu) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      for (; pending_ > 0; --pending_) {
        if (!first_) out_.push_back(static_cast<char>(cache_ + carry));
        first_ = false;
        cache_ = 0xff;
      }
      cache_ = static_cast<uint8_t>(low_ >> 24);
    }
    ++pending_;
    low_ = (low_ & 0x00ffffffu) << 8;
  }

  uint64_t low_ = 0;
  uint32_t range_ = UINT32_MAX;
  uint64_t pending_ = 1;
  uint8_t cache_ = 0;
  bool first_ = true;  // The byte before the first is always zero: left out.
  std::string out_;
};

// Past the end it reads zeros and is !ok().
class RangeDecoder {
 public:
  explicit RangeDecoder(std::string_view bytes) : bytes_(bytes) {
    for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next();
  }
  bool bit(BitContext& context) {
    const uint32_t bound = (range_ >> 12) * context.zero;
    const bool bit = code_ >= bound;
    if (bit) {
      code_ -= bound;
      range_ -= bound;
    } else {
      range_ = bound;
    }
    context.learn(bit);
    normalize();
    return bit;
  }
  uint64_t raw(uint32_t bits) {
    uint64_t value = 0;
    while (bits-- > 0) {
      range_ >>= 1;
      const bool bit = code_ >= range_;
      if (bit) code_ -= range_;
      value = value << 1 | (bit ? 1 : 0);
      normalize();
    }
    return value;
  }
  bool ok() const { return at_ <= bytes_.size(); }
  bool done() const { return at_ == bytes_.size(); }

 private:
  void normalize() {
    while (range_ < 1u << 24) {
      range_ <<= 8;
      code_ = code_ << 8 | next();
    }
  }
  uint32_t next() {
    const uint32_t byte = at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_]) : 0;
    ++at_;
    return byte;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  uint32_t code_ = 0, range_ = UINT32_MAX;
};

// Numbers as an Elias-gamma code of value + 1 whose length bits are adaptive.
struct NumberContext {
  BitContext more[64], high[64];
};
inline void encode_number(RangeEncoder& out, uint64_t value, NumberContext& context) {
  const uint32_t bits = static_cast<uint32_t>(std::bit_width(value + 1)) - 1;  // value < 2^62
  for (uint32_t i = 0; i < bits; ++i) out.bit(true, context.more[i]);
  out.bit(false, context.more[bits]);
  if (bits == 0) return;
  const uint64_t rest = value + 1 - (uint64_t{1} << bits);
  out.bit((rest >> (bits - 1) & 1) != 0, context.high[bits]);
  out.raw(rest & ((uint64_t{1} << (bits - 1)) - 1), bits - 1);
}
inline uint64_t decode_number(RangeDecoder& in, NumberContext& context) {
  uint32_t bits = 0;
  while (bits < 62 && in.bit(context.more[bits])) ++bits;
  if (bits == 0) return 0;
  const uint64_t high = in.bit(context.high[bits]) ? uint64_t{1} << (bits - 1) : 0;
  return (uint64_t{1} << bits) + high + in.raw(bits - 1) - 1;
}

}  // namespace freshet
