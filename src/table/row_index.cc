#include "table/row_index.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr size_t kSparesOfBucket = 8;  // 108 rows: random hashes never come near.
constexpr uint32_t kPieceShift = 15;   // 32,768 buckets are one large page.

size_t buckets_for(size_t rows) {
  return rows / RowIndex::kRowsPerBucket + 1;
}
// Of random hashes about one bucket in eight has a spare; twice that is allowed.
size_t spares_for(size_t rows) {
  return buckets_for(rows) / 4 + 8;
}
uint32_t shift_for(size_t cells) {
  return std::min<uint32_t>(kPieceShift, static_cast<uint32_t>(std::bit_width(cells / 16)));
}

}  // namespace

RowIndex::RowIndex(size_t rows_max)
    : buckets_(sizeof(Bucket), shift_for(buckets_for(rows_max))),
      spares_(sizeof(Bucket), shift_for(spares_for(rows_max))),
      spares_max_(spares_for(rows_max)) {
  CHECK(spares_max_ < kEnd);
  buckets_.grow_to(1);
  at(0)->set(kEnd, 0);
}

size_t RowIndex::bytes_for(size_t rows) {
  const size_t buckets = buckets_for(rows);
  const size_t spares = spares_for(rows);
  return Segments(sizeof(Bucket), shift_for(buckets)).bytes_for(buckets) +
         Segments(sizeof(Bucket), shift_for(spares)).bytes_for(spares);
}

void RowIndex::add_bucket() {
  buckets_.grow_to(count_ + 1);
  at(count_)->set(kEnd, 0);
  if (++count_ == 2 * half_) half_ *= 2;
}

RowIndex::Bucket* RowIndex::take_spare(uint32_t& number) {
  if (free_spare_ != kEnd) {
    number = free_spare_;
    free_spare_ = spare(number)->next();
  } else {
    if (spares_made_ == spares_max_) return nullptr;
    number = static_cast<uint32_t>(spares_made_++);
    spares_.grow_to(spares_made_);
  }
  ++spares_used_;
  spare(number)->set(kEnd, 0);
  return spare(number);
}

void RowIndex::put_spare(uint32_t number) {
  spare(number)->set(free_spare_, 0);
  free_spare_ = number;
  --spares_used_;
}

void RowIndex::free_chain(Bucket* first) {
  for (uint32_t next = first->next(); next != kEnd;) {
    const uint32_t after = spare(next)->next();
    put_spare(next);
    next = after;
  }
  first->set(kEnd, 0);
}

bool RowIndex::insert(uint64_t hash, uint32_t row) {
  Bucket* bucket = at(home(hash));
  size_t spares = 0;
  for (; bucket->next() != kEnd; ++spares) bucket = spare(bucket->next());
  if (bucket->count() == kSlots) {
    uint32_t number = 0;
    Bucket* more = spares < kSparesOfBucket ? take_spare(number) : nullptr;
    if (more == nullptr) return false;
    bucket->set(number, kSlots);
    bucket = more;
  }
  const uint32_t i = bucket->count();
  bucket->tags[i] = tag(hash);
  bucket->rows[i] = row;
  bucket->set(kEnd, i + 1);
  return true;
}

// The last row of the chain takes the place: only the last bucket of a chain is ever not full.
void RowIndex::erase(uint64_t hash, uint32_t row) {
  Bucket* place = nullptr;
  uint32_t slot = 0;
  Bucket* before_last = nullptr;
  Bucket* last = at(home(hash));
  while (true) {
    for (uint32_t mask = matches(*last, hash); mask != 0; mask &= mask - 1) {
      const auto i = static_cast<uint32_t>(std::countr_zero(mask));
      if (last->rows[i] != row) continue;
      place = last;
      slot = i;
    }
    if (last->next() == kEnd) break;
    before_last = last;
    last = spare(last->next());
  }
  CHECK(place != nullptr);
  const uint32_t end = last->count() - 1;
  place->tags[slot] = last->tags[end];
  place->rows[slot] = last->rows[end];
  last->set(kEnd, end);
  if (end > 0 || before_last == nullptr) return;
  const uint32_t emptied = before_last->next();
  before_last->set(kEnd, kSlots);
  put_spare(emptied);
}

}  // namespace freshet
