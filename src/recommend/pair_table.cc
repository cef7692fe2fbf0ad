#include "recommend/pair_table.h"

#include <limits>
#include <new>

#include "base/hash.h"
#include "recommend/numeric.h"

namespace freshet {

namespace {

uint64_t pack(uint32_t low, uint32_t high) {
  return uint64_t{low} | uint64_t{high} << 32;
}
uint32_t bits(float x) {
  return std::bit_cast<uint32_t>(x);
}
float low_float(uint64_t word) {
  return std::bit_cast<float>(static_cast<uint32_t>(word));
}
float high_float(uint64_t word) {
  return std::bit_cast<float>(static_cast<uint32_t>(word >> 32));
}
void bump(std::atomic<float>& x, float by) {
  put(x, get(x) + by);
}
// The lightest of four leaves of the heap, drawn by `key`: about the least entry of the row.
uint32_t victim(const PairTable::Row& row, uint32_t size, uint64_t key) {
  const uint32_t leaves = size / 2;
  uint32_t best = size - 1;
  float least = std::numeric_limits<float>::infinity();
  for (int draw = 0; draw < 4; ++draw, key >>= 16) {
    const uint32_t at = leaves + static_cast<uint32_t>((key & 0xffff) * (size - leaves) >> 16);
    const Pair pair = row.read(at);
    if (pair.slow + pair.back >= least) continue;
    least = pair.slow + pair.back;
    best = at;
  }
  return best;
}
constexpr float kExponentMax = 40;  // Rescale beyond 2^40.

}  // namespace

Pair PairTable::Row::read(uint32_t at) const {
  const uint64_t a = get(entries()[at].item_slow);
  const uint64_t b = get(entries()[at].fast_back);
  return {static_cast<ItemSlot>(a), high_float(a), low_float(b), high_float(b)};
}

void PairTable::release(void* row) {
  ::operator delete(row);
}

PairTable::~PairTable() {
  for (ItemSlot j = 0; j < rows_.end(); ++j)
    if (const std::atomic<Row*>* place = rows_.find(j)) release(get(*place));
}

PairTable::Row* PairTable::make(uint32_t capacity, uint64_t base) {
  const size_t size = sizeof(Row) + capacity * sizeof(Row::Entry);
  Row* row = new (::operator new(size)) Row{capacity, base};
  for (uint32_t e = 0; e < capacity; ++e) new (row->entries() + e) Row::Entry();
  put(bytes_, get(bytes_) + size);
  return row;
}

void PairTable::publish(std::atomic<Row*>& place, Row* row) {
  Row* old = get(place);
  place.store(row, std::memory_order_release);
  if (old == nullptr) return;
  put(bytes_, get(bytes_) - sizeof(Row) - old->capacity * sizeof(Row::Entry));
  retired_.add(old, release);
}

void PairTable::add(ItemSlot of, ItemSlot item, uint64_t now, float forward, float back) {
  std::atomic<Row*>& place = rows_.at(of);
  Row* row = get(place);
  const uint64_t age = row == nullptr ? 0 : now - row->base;
  const float exponent = static_cast<float>(age) / options_.half_life_fast;
  const uint32_t size = row == nullptr ? 0 : get(row->size);
  const bool rescale = exponent > kExponentMax;
  const bool grow = row == nullptr || (size == row->capacity && size < options_.row_max);
  if (rescale || grow) {
    // Find first: a full row that knows the item already need not grow.
    bool known = false;
    for (uint32_t e = 0; e < size && !known; ++e)
      known = static_cast<ItemSlot>(get(row->entries()[e].item_slow)) == item;
    if (rescale || !known) {
      now_ = now;
      make_room(of);
      uint32_t capacity = row == nullptr ? 4 : row->capacity;
      if (row != nullptr && !known && size == capacity) capacity = std::min(capacity * 2, options_.row_max);
      Row* next = make(capacity, rescale || row == nullptr ? now : row->base);
      if (row != nullptr) {
        const float by_slow = rescale ? numeric::exp2(-static_cast<float>(age) / options_.half_life_slow) : 1;
        const float by_fast = rescale ? numeric::exp2(-exponent) : 1;
        for (uint32_t e = 0; e < size; ++e) {
          const Pair pair = row->read(e);
          put(next->entries()[e].item_slow, pack(pair.item, bits(pair.slow * by_slow)));
          put(next->entries()[e].fast_back, pack(bits(pair.fast * by_fast), bits(pair.back * by_slow)));
        }
        put(next->size, size);
        put(next->slow, get(row->slow) * by_slow);
        put(next->back, get(row->back) * by_slow);
        put(next->fast, get(row->fast) * by_fast);
      }
      publish(place, next);
      row = next;
    }
  }
  const auto since = static_cast<float>(now - row->base);
  const float scale = numeric::exp2(since / options_.half_life_slow);
  const float slow = forward * scale;
  const float fast = forward * numeric::exp2(since / options_.half_life_fast);
  const float both = back * scale;
  bump(row->slow, slow);
  bump(row->fast, fast);
  bump(row->back, both);

  Row::Entry* entries = row->entries();
  uint32_t at = 0;
  while (at < size && static_cast<ItemSlot>(get(entries[at].item_slow)) != item) ++at;
  Pair pair{item, slow, fast, both};
  if (at < size) {
    const Pair old = row->read(at);
    pair.slow += old.slow;
    pair.fast += old.fast;
    pair.back += old.back;
  } else if (size < row->capacity) {
    at = size;
    put(row->size, size + 1);
  } else {
    at = victim(*row, size, mix64(item, now));
  }
  // Rows are heaps by weight: the entry halfway to the front is no lighter.
  while (at > 0) {
    const uint32_t before = at / 2;
    const Pair other = row->read(before);
    if (other.slow + other.back >= pair.slow + pair.back) break;
    put(entries[at].item_slow, pack(other.item, bits(other.slow)));
    put(entries[at].fast_back, pack(bits(other.fast), bits(other.back)));
    at = before;
  }
  put(entries[at].item_slow, pack(pair.item, bits(pair.slow)));
  put(entries[at].fast_back, pack(bits(pair.fast), bits(pair.back)));
}

// Second chance by evidence: the hand goes round; of every eight rows it meets the one worth least is given
// up, until there is room again. Writer only; the same calls give up the same rows.
void PairTable::make_room(ItemSlot keep) {
  while (get(bytes_) >= options_.bytes_max) {
    std::atomic<Row*>* least = nullptr;
    float worth_least = 0;
    int met = 0;
    for (uint32_t looked = 0; met < 8 && looked < rows_.end(); ++looked) {
      hand_ = hand_ + 1 < rows_.end() ? hand_ + 1 : 0;
      std::atomic<Row*>* place = rows_.find(hand_);
      const Row* row = place == nullptr ? nullptr : get(*place);
      if (row == nullptr || hand_ == keep) continue;
      ++met;
      const float worth_row = evidence(*row, now_);
      if (least != nullptr && worth_row >= worth_least) continue;
      least = place;
      worth_least = worth_row;
    }
    if (least == nullptr) return;
    publish(*least, nullptr);
  }
}

void PairTable::find_all(std::span<const ItemSlot> items, std::vector<const Row*>& out) const {
  for (const ItemSlot item : items) rows_.fetch(item);
  out.clear();
  for (const ItemSlot item : items) {
    out.push_back(find(item));
    if (out.back() != nullptr) __builtin_prefetch(out.back());
  }
}

float PairTable::worth(const Row& row, uint64_t now) const {
  return numeric::exp2(-static_cast<float>(now - std::min(now, row.base)) / options_.half_life_slow);
}

void PairTable::evict(const ForgottenItems& items) {
  for (ItemSlot j = 0; j < rows_.end(); ++j) {
    std::atomic<Row*>* place = rows_.find(j);
    Row* row = place == nullptr ? nullptr : get(*place);
    if (row == nullptr) continue;
    if (items.contains(j)) {
      publish(*place, nullptr);
      continue;
    }
    uint32_t kept = 0;
    const uint32_t size = get(row->size);
    for (uint32_t e = 0; e < size; ++e)
      if (!items.contains(row->read(e).item)) ++kept;
    if (kept == size) continue;
    Row* next = make(row->capacity, row->base);
    kept = 0;
    for (uint32_t e = 0; e < size; ++e) {
      if (items.contains(row->read(e).item)) continue;
      put(next->entries()[kept].item_slow, get(row->entries()[e].item_slow));
      put(next->entries()[kept].fast_back, get(row->entries()[e].fast_back));
      ++kept;
    }
    put(next->size, kept);
    put(next->slow, get(row->slow));
    put(next->fast, get(row->fast));
    put(next->back, get(row->back));
    publish(*place, next);
  }
}

void PairTable::save(Writer& out) const {
  out.u32(hand_);
  for (ItemSlot j = 0; j < rows_.end(); ++j) {
    const Row* row = find(j);
    if (row == nullptr) continue;
    out.u32(j);
    out.u32(row->capacity);
    out.u64(row->base);
    out.u32(get(row->size));
    out.f32(get(row->slow));
    out.f32(get(row->fast));
    out.f32(get(row->back));
    for (uint32_t e = 0; e < get(row->size); ++e) {
      out.u64(get(row->entries()[e].item_slow));
      out.u64(get(row->entries()[e].fast_back));
    }
  }
  out.u32(kNoItem);
}

Status PairTable::load(Reader& in) {
  for (ItemSlot j = 0; j < rows_.end(); ++j)
    if (std::atomic<Row*>* place = rows_.find(j)) publish(*place, nullptr);
  hand_ = in.u32();
  for (ItemSlot j = in.u32(); j != kNoItem; j = in.u32()) {
    const uint32_t capacity = in.u32();
    const uint64_t base = in.u64();
    const uint32_t size = in.u32();
    if (!in.ok() || j >= 1u << 26 || capacity == 0 || capacity > 1u << 16 || size > capacity ||
        in.remaining() / 16 < size)
      return corrupt("pair table: row " + std::to_string(j) + ": size " + std::to_string(size) + " of " +
                     std::to_string(capacity));
    Row* row = make(capacity, base);
    put(row->size, size);
    put(row->slow, in.f32());
    put(row->fast, in.f32());
    put(row->back, in.f32());
    for (uint32_t e = 0; e < size; ++e) {
      put(row->entries()[e].item_slow, in.u64());
      put(row->entries()[e].fast_back, in.u64());
    }
    publish(rows_.at(j), row);
  }
  if (!in.ok()) return corrupt("pair table: cut short");
  return {};
}

}  // namespace freshet
