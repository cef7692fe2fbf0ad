// Keys on their way to a row: exact counts of sights in a set of fixed size. A
// bucket holds six, the longest unseen goes first. A key is never counted for another, so none is
// admitted before its time; one that is crowded out starts again. Threads: one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace freshet {

class Candidates {
 public:
  // Room for at least `keys`; 0: counts nothing.
  explicit Candidates(size_t keys);

  // Counts a sight; how many there were since the key came in.
  uint32_t sight(uint64_t key, uint64_t hash);
  void forget(uint64_t key, uint64_t hash);
  [[gnu::always_inline]] void prefetch(uint64_t hash) const {
    if (!buckets_.empty()) __builtin_prefetch(&buckets_[hash & (buckets_.size() - 1)], 1, 3);
  }
  size_t bytes() const { return buckets_.size() * sizeof(Bucket); }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr size_t kWays = 6;
  struct alignas(64) Bucket {  // Most recent first; sights 0: free, and all after it.
    uint64_t keys[kWays] = {};
    uint16_t sights[kWays] = {};
    uint32_t unused = 0;
  };
  std::vector<Bucket> buckets_;
};

}  // namespace freshet
