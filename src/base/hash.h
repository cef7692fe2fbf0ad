// Hashes that are part of formats and of determinism: the same bytes give the same number on every machine,
// for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace freshet {

// Checksum and key hash of bytes: XXH3, 64 bits (xxHash specification 0.8).
uint64_t hash_bytes(const void* data, size_t size, uint64_t seed = 0);
inline uint64_t hash_bytes(std::string_view text, uint64_t seed = 0) {
  return hash_bytes(text.data(), text.size(), seed);
}

// Running XXH3 over data that comes in pieces; equals hash_bytes of the whole.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(const void* data, size_t size);
  void add(std::string_view text) { add(text.data(), text.size()); }
  uint64_t value() const;

 private:
  void* state_;
};

// Finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}
constexpr uint64_t mix64(uint64_t a, uint64_t b) {
  return mix64(mix64(a) ^ b);
}

// Key of a number by its first two digits and its size: 3.94 and 3.9 have the same, 39 has not. 0: zero, or
// not finite.
uint64_t two_digits_key(double x);

// Random numbers keyed by what they are for, never by a running counter: replay order cannot change them.
//   Draw draw(mix64(seed, event_hash, purpose)); draw.next(); ...
class Draw {
 public:
  explicit constexpr Draw(uint64_t key) : state_(mix64(key)) {}
  constexpr uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ull); }
  constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // [0, 1)
  constexpr uint64_t below(uint64_t n) {                                                // [0, n), n > 0
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
  }

 private:
  uint64_t state_;
};

}  // namespace freshet
