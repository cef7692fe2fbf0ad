// From text to a vector: the slot that any encoder fits in.
//
// LearnedEncoder (learned_encoder.h) is the built-in one: learned online from this shop's own clicks. A
// pre-trained encoder (a checkpoint of a transformer) implements the same two functions and is handed to
// ItemVectors in its place; it never learns, so revision() stays 0.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace freshet {

enum class TextSide : uint8_t { kQuery, kItem };  // Encoders with two towers, or with prefixes, need to know.

class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  virtual uint32_t dim() const = 0;

  // Writes the unit vector of `text` to `out` (dim elements); false and zeros when the text says nothing to
  // it. Deterministic. Any thread; a learned encoder answers under an EpochGuard and never waits.
  virtual bool encode(std::string_view text, TextSide side, std::span<float> out) const = 0;

  // Changes when the same text may give another vector than before.
  virtual uint64_t revision() const { return 0; }
};

}  // namespace freshet
