// hash (uint64) -> row numbers that may have it: linear hashing (Litwin 1980), so that growing splits one
// bucket at a time and no call pauses.
//
//   bucket    64 bytes, one cache line: 12 tags (high 8 bits of the hash), 12 row numbers, a link and a
//   count;
//             a full bucket goes on in one of the pool of spares
//   home      hash mod 2^(level + 1) when that bucket exists already, else hash mod 2^level
//   load      at most kRowsPerBucket rows a bucket on average: 9 bytes a row, 3 % of rows in spares
//
// The index does not know keys: its owner compares them (a tag agrees by chance once in 256) and hashes rows
// again when a bucket splits. How many spares are used depends on the hashes held and the number of buckets
// only, not on the order of what happened. Threads: one writer or any number of readers.
#pragma once

#include <bit>

#include <emmintrin.h>

#include "base/result.h"
#include "table/segments.h"

namespace freshet {

class RowIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kInSpares = kNone - 1;
  static constexpr size_t kRowsPerBucket = 7;

  explicit RowIndex(size_t rows_max);

  // Inlined by force here and elsewhere: the compiler takes a call that only prefetches for one without
  // effect.
  [[gnu::always_inline]] const void* prefetch(uint64_t hash) const {
    const char* line = buckets_.at(home(hash));
    __builtin_prefetch(line, 0, 3);
    return line;
  }

  // The first row with the tag of `hash` for which same(row), or kNone.
  template <class Same>
  uint32_t find(uint64_t hash, Same same) const {
    for (const Bucket* bucket = at(home(hash));; bucket = spare(bucket->next())) {
      for (uint32_t mask = matches(*bucket, hash); mask != 0; mask &= mask - 1) {
        const uint32_t row = bucket->rows[std::countr_zero(mask)];
        if (same(row)) return row;
      }
      if (bucket->next() == kEnd) return kNone;
    }
  }
  // For batches, in steps that never wait for a line but the one that the step before asked for. `line`: of
  // prefetch(). soon(row): find() will look at it. guess(): the first row of the tag in the home bucket; when
  // that has none but goes on in a spare, kInSpares, and the spare is on its way. Else kNone: no row has the
  // tag. When rows were made or dropped since prefetch() it is a guess and no more.
  template <class Soon>
  [[gnu::always_inline]] uint32_t guess(const void* line, uint64_t hash, Soon soon) const {
    const auto* bucket = static_cast<const Bucket*>(line);
    const uint32_t mask = matches(*bucket, hash);
    if (mask == 0) {
      if (bucket->next() == kEnd) return kNone;
      __builtin_prefetch(spare(bucket->next()), 0, 3);
      return kInSpares;
    }
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) soon(bucket->rows[std::countr_zero(rest)]);
    return bucket->rows[std::countr_zero(mask)];
  }
  // The first row of the tag in the spares, or kNone.
  template <class Soon>
  uint32_t guess_in_spares(uint64_t hash, Soon soon) const {
    uint32_t first = kNone;
    for (const Bucket* bucket = at(home(hash)); bucket->next() != kEnd && first == kNone;) {
      bucket = spare(bucket->next());
      for (uint32_t mask = matches(*bucket, hash); mask != 0; mask &= mask - 1) {
        const uint32_t row = bucket->rows[std::countr_zero(mask)];
        if (first == kNone) first = row;
        soon(row);
      }
    }
    return first;
  }

  // False: no spare is left for this bucket (hashes that collide on purpose); make room in it first.
  bool insert(uint64_t hash, uint32_t row);
  void erase(uint64_t hash, uint32_t row);  // The row is there.
  // Grows until the load is right for `rows`, by at most `splits` splits. hash_of(row) as it was inserted;
  // soon(row): it will be asked for that at one of the next splits.
  template <class HashOf, class Soon>
  void grow(size_t rows, size_t splits, HashOf hash_of, Soon soon) {
    for (; splits > 0 && count_ < (rows + kRowsPerBucket - 1) / kRowsPerBucket; --splits) {
      split(hash_of);
      const Bucket* next = at(count_ - half_);
      for (uint32_t i = 0; i < next->count(); ++i) soon(next->rows[i]);
    }
  }
  // Gives each row of the bucket of `hash`, spares included, to `visit`.
  template <class Visit>
  void each_in_bucket(uint64_t hash, Visit visit) const {
    for (const Bucket* bucket = at(home(hash));; bucket = spare(bucket->next())) {
      for (uint32_t i = 0; i < bucket->count(); ++i) visit(bucket->rows[i]);
      if (bucket->next() == kEnd) return;
    }
  }

  size_t buckets() const { return count_; }
  size_t spares_used() const { return spares_used_; }
  size_t bytes() const { return buckets_.bytes() + spares_.bytes(); }
  static size_t bytes_for(size_t rows);  // At most, of an index made for so many rows.

 private:
  static constexpr uint32_t kSlots = 12;
  static constexpr uint32_t kEnd = (1u << 28) - 1;

  struct alignas(64) Bucket {
    uint8_t tags[kSlots];
    uint32_t rows[kSlots];
    uint32_t link;  // Number of a spare << 4 | count.
    uint32_t next() const { return link >> 4; }
    uint32_t count() const { return link & 15; }
    void set(uint32_t next, uint32_t count) { link = next << 4 | count; }
  };
  static_assert(sizeof(Bucket) == 64);

  static uint8_t tag(uint64_t hash) { return static_cast<uint8_t>(hash >> 56); }
  static uint32_t matches(const Bucket& bucket, uint64_t hash) {
    const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags));
    const __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag(hash))));
    return static_cast<uint32_t>(_mm_movemask_epi8(same)) & ((1u << bucket.count()) - 1);
  }
  size_t home(uint64_t hash) const {
    const size_t wide = hash & (2 * half_ - 1);
    return wide < count_ ? wide : hash & (half_ - 1);
  }
  Bucket* at(size_t i) const { return reinterpret_cast<Bucket*>(buckets_.at(i)); }
  Bucket* spare(uint32_t i) const { return reinterpret_cast<Bucket*>(spares_.at(i)); }
  void add_bucket();
  Bucket* take_spare(uint32_t& number);
  void put_spare(uint32_t number);

  // The rows of the bucket whose turn it is go to it or to the new one, each where its hash says.
  template <class HashOf>
  void split(HashOf hash_of) {
    moving_.clear();
    const size_t from = count_ - half_;
    for (Bucket* bucket = at(from);;) {
      moving_.insert(moving_.end(), bucket->rows, bucket->rows + bucket->count());
      const uint32_t next = bucket->next();
      if (next == kEnd) break;
      bucket = spare(next);
    }
    free_chain(at(from));
    add_bucket();
    for (const uint32_t row : moving_) CHECK(insert(hash_of(row), row));
  }
  void free_chain(Bucket* first);

  Segments buckets_, spares_;
  size_t spares_max_;
  size_t count_ = 1, half_ = 1;  // half_ <= count_ < 2 half_ + 1; bucket count_ - half_ splits next.
  size_t spares_made_ = 0, spares_used_ = 0;
  uint32_t free_spare_ = kEnd;
  std::vector<uint32_t> moving_;
};

}  // namespace freshet
