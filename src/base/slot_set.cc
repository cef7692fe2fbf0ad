#include "base/slot_set.h"

#include <algorithm>
#include <cstring>

#include <roaring/roaring.h>

#include "base/result.h"

namespace freshet {
namespace {

constexpr uint32_t kArrayMax = 4096;  // The library's own bound between its two kinds of container.

void append_array(roaring_bitmap_t* bitmap, uint32_t number, std::span<const uint16_t> values) {
  array_container_t* container = array_container_create_given_capacity(static_cast<int32_t>(values.size()));
  CHECK(container != nullptr);
  std::memcpy(container->array, values.data(), values.size_bytes());
  container->cardinality = static_cast<int32_t>(values.size());
  ra_append(&bitmap->high_low_container, static_cast<uint16_t>(number), container, ARRAY_CONTAINER_TYPE_CODE);
}

}  // namespace

SlotSet::SlotSet() : bitmap_(roaring_bitmap_create()) {
  CHECK(bitmap_ != nullptr);
}

SlotSet::~SlotSet() {
  if (bitmap_ != nullptr) roaring_bitmap_free(bitmap_);
}

SlotSet::SlotSet(const SlotSet& other) : bitmap_(roaring_bitmap_copy(other.bitmap_)) {}

SlotSet SlotSet::range(uint32_t begin, uint32_t end) {
  SlotSet set;
  if (begin >= end) return set;
  roaring_bitmap_add_range_closed(set.bitmap_, begin, end - 1);
  roaring_bitmap_remove_run_compression(set.bitmap_);  // Chunks are arrays or words, never runs.
  return set;
}

SlotSet SlotSet::of(std::span<const uint32_t> slots) {
  SlotSet set;
  roaring_bitmap_add_many(set.bitmap_, slots.size(), slots.data());
  return set;
}

SlotSet SlotSet::of_words(std::span<const uint64_t> words) {
  Builder builder;
  uint32_t number = 0;
  for (; words.size() >= kChunkWords; words = words.subspan(kChunkWords))
    builder.add_chunk(number++, words.data());
  if (!words.empty()) {
    std::vector<uint64_t> last(words.begin(), words.end());
    last.resize(kChunkWords);
    builder.add_chunk(number, last.data());
  }
  return builder.take();
}

void SlotSet::add(uint32_t slot) {
  roaring_bitmap_add(bitmap_, slot);
}

void SlotSet::remove(uint32_t slot) {
  roaring_bitmap_remove(bitmap_, slot);
}

bool SlotSet::contains(uint32_t slot) const {
  return roaring_bitmap_contains(bitmap_, slot);
}

uint64_t SlotSet::size() const {
  return roaring_bitmap_get_cardinality(bitmap_);
}

bool SlotSet::empty() const {
  return roaring_bitmap_is_empty(bitmap_);
}

size_t SlotSet::bytes() const {
  return sizeof(*bitmap_) + roaring_bitmap_portable_size_in_bytes(bitmap_);
}

bool SlotSet::operator==(const SlotSet& other) const {
  return roaring_bitmap_equals(bitmap_, other.bitmap_);
}

SlotSet& SlotSet::operator&=(const SlotSet& other) {
  roaring_bitmap_and_inplace(bitmap_, other.bitmap_);
  return *this;
}

// A full chunk becomes a run in the library's unions; those are turned back into words.
SlotSet& SlotSet::operator|=(const SlotSet& other) {
  roaring_bitmap_or_inplace(bitmap_, other.bitmap_);
  roaring_bitmap_remove_run_compression(bitmap_);
  return *this;
}

SlotSet& SlotSet::operator-=(const SlotSet& other) {
  roaring_bitmap_andnot_inplace(bitmap_, other.bitmap_);
  return *this;
}

uint64_t SlotSet::and_size(const SlotSet& other) const {
  return roaring_bitmap_and_cardinality(bitmap_, other.bitmap_);
}

size_t SlotSet::chunks() const {
  return static_cast<size_t>(bitmap_->high_low_container.size);
}

SlotSet::Chunk SlotSet::chunk(size_t i) const {
  const roaring_array_t& array = bitmap_->high_low_container;
  Chunk chunk;
  chunk.number = array.keys[i];
  uint8_t type = array.typecodes[i];
  const void* container = container_unwrap_shared(array.containers[i], &type);
  if (type == BITSET_CONTAINER_TYPE_CODE) {
    const auto* bits = static_cast<const bitset_container_t*>(container);
    chunk.size = static_cast<uint32_t>(bits->cardinality);
    chunk.words = bits->array;
  } else {
    CHECK(type == ARRAY_CONTAINER_TYPE_CODE);
    const auto* values = static_cast<const array_container_t*>(container);
    chunk.size = static_cast<uint32_t>(values->cardinality);
    chunk.values = values->array;
  }
  return chunk;
}

// Four at a time, whether there are so many or not: a branch for each bit would be guessed wrong for every
// word.
uint32_t SlotSet::lows_of(const uint64_t* words, uint16_t* out) {
  static_assert(kLowsRoom == 4);
  uint32_t n = 0;
  for (uint32_t w = 0; w < kChunkWords; ++w) {
    uint64_t bits = words[w];
    if (bits == 0) continue;
    const auto count = static_cast<uint32_t>(std::popcount(bits));
    for (uint32_t i = 0; i < count; i += 4)
      for (uint32_t j = 0; j < 4; ++j, bits &= bits - 1)
        out[n + i + j] =
            static_cast<uint16_t>(64 * w + static_cast<uint32_t>(std::countr_zero(bits | uint64_t{1} << 63)));
    n += count;
  }
  return n;
}

void SlotSet::append_to(std::vector<uint32_t>& out) const {
  const size_t before = out.size();
  out.resize(before + size());
  roaring_bitmap_to_uint32_array(bitmap_, out.data() + before);
}

void SlotSet::Builder::add_chunk(uint32_t number, const uint64_t* words) {
  uint32_t size = 0;
  for (uint32_t w = 0; w < kChunkWords; ++w) size += static_cast<uint32_t>(std::popcount(words[w]));
  if (size == 0) return;
  if (size > kArrayMax) {
    bitset_container_t* container = bitset_container_create();
    CHECK(container != nullptr);
    std::memcpy(container->array, words, kChunkWords * sizeof(uint64_t));
    container->cardinality = static_cast<int32_t>(size);
    ra_append(&set_.bitmap_->high_low_container, static_cast<uint16_t>(number), container,
              BITSET_CONTAINER_TYPE_CODE);
    return;
  }
  uint16_t values[kArrayMax + kLowsRoom];
  append_array(set_.bitmap_, number, {values, lows_of(words, values)});
}

void SlotSet::Builder::add_chunk(uint32_t number, std::span<const uint16_t> ascending) {
  if (ascending.empty()) return;
  if (ascending.size() <= kArrayMax) return append_array(set_.bitmap_, number, ascending);
  std::vector<uint64_t> words(kChunkWords);
  for (const uint16_t low : ascending) words[low / 64] |= uint64_t{1} << (low % 64);
  add_chunk(number, words.data());
}

SlotSet::Probe::Probe(const SlotSet& set) {
  for (size_t i = 0; i < set.chunks(); ++i) {
    const Chunk chunk = set.chunk(i);
    chunks_.resize(chunk.number + 1);
    chunks_[chunk.number] = chunk;
  }
}

bool SlotSet::Probe::in_array(const Chunk& chunk, uint16_t low) {
  return std::binary_search(chunk.values, chunk.values + chunk.size, low);
}

}  // namespace freshet
