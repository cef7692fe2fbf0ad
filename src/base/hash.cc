#include "base/hash.h"

#include <cmath>

#include <xxhash.h>

#include "base/result.h"

namespace freshet {

uint64_t hash_bytes(const void* data, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}

Hasher::Hasher() : state_(XXH3_createState()) {
  CHECK(state_ != nullptr);
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_));
}
Hasher::~Hasher() {
  XXH3_freeState(static_cast<XXH3_state_t*>(state_));
}
void Hasher::add(const void* data, size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), data, size);
}
uint64_t Hasher::value() const {
  return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_));
}

uint64_t two_digits_key(double x) {
  if (!std::isfinite(x) || x == 0) return 0;
  const bool negative = x < 0;
  double m = std::abs(x);
  int64_t power = 0;
  while (m >= 100 && power < 400) m /= 10, ++power;
  while (m < 10 && power > -400) m *= 10, --power;
  return mix64(static_cast<uint64_t>(std::lround(m)) * 2 + (negative ? 1 : 0),
               static_cast<uint64_t>(power + 1000));
}

}  // namespace freshet
