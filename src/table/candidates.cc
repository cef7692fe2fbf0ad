#include "table/candidates.h"

#include <algorithm>
#include <bit>

namespace freshet {

Candidates::Candidates(size_t keys) {
  if (keys > 0) buckets_.resize(std::bit_ceil((keys + kWays - 1) / kWays));
}

uint32_t Candidates::sight(uint64_t key, uint64_t hash) {
  if (buckets_.empty()) return 1;
  Bucket& bucket = buckets_[hash & (buckets_.size() - 1)];
  size_t way = 0;
  while (way < kWays - 1 && bucket.sights[way] != 0 && bucket.keys[way] != key) ++way;
  const bool known = bucket.sights[way] != 0 && bucket.keys[way] == key;
  const auto sights = static_cast<uint16_t>(known ? std::min(bucket.sights[way] + 1, 65535) : 1);
  for (; way > 0; --way) {
    bucket.keys[way] = bucket.keys[way - 1];
    bucket.sights[way] = bucket.sights[way - 1];
  }
  bucket.keys[0] = key;
  bucket.sights[0] = sights;
  return sights;
}

void Candidates::forget(uint64_t key, uint64_t hash) {
  if (buckets_.empty()) return;
  Bucket& bucket = buckets_[hash & (buckets_.size() - 1)];
  size_t way = 0;
  while (way < kWays && (bucket.sights[way] == 0 || bucket.keys[way] != key)) ++way;
  for (; way + 1 < kWays; ++way) {
    bucket.keys[way] = bucket.keys[way + 1];
    bucket.sights[way] = bucket.sights[way + 1];
  }
  if (way == kWays - 1) {
    bucket.keys[way] = 0;
    bucket.sights[way] = 0;
  }
}

void Candidates::save(Writer& out) const {
  out.varint(buckets_.size());
  for (const Bucket& bucket : buckets_) {
    size_t used = 0;
    while (used < kWays && bucket.sights[used] != 0) ++used;
    out.u8(static_cast<uint8_t>(used));
    out.array(bucket.keys, used);
    out.array(bucket.sights, used);
  }
}

void Candidates::load(Reader& in) {
  if (in.varint() != buckets_.size()) return in.fail();
  for (Bucket& bucket : buckets_) {
    bucket = {};
    const size_t used = in.u8();
    if (used > kWays) return in.fail();
    in.array(bucket.keys, used);
    in.array(bucket.sights, used);
    for (size_t way = 0; way < used; ++way)
      if (bucket.sights[way] == 0) return in.fail();
  }
}

}  // namespace freshet
