// A set of catalogue slots: what a filter allows, what a query matches, what facets are counted over.
//
// A CRoaring bitmap (Lemire et al. 2018, "Roaring bitmaps: implementation of an optimized software library")
// behind a value type: 65,536 slots to a chunk, each chunk a sorted array (up to 4,096 slots) or 1,024 words
// of bits. Hot loops read the chunks in place: chunk(i) for a walk, Probe for "is this slot in it?" at about
// a nanosecond.
//
// Threads: a value; const functions on any thread once nobody changes it. Cost: 2 bytes a slot in sparse
// chunks, at most 8 KB a chunk.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

struct roaring_bitmap_s;

namespace freshet {

class SlotSet {
 public:
  static constexpr uint32_t kChunkSlots = 65536;
  static constexpr uint32_t kChunkWords = kChunkSlots / 64;

  SlotSet();
  ~SlotSet();
  SlotSet(const SlotSet& other);
  SlotSet(SlotSet&& other) noexcept : bitmap_(std::exchange(other.bitmap_, nullptr)) {}
  SlotSet& operator=(SlotSet other) noexcept {
    std::swap(bitmap_, other.bitmap_);
    return *this;
  }

  static SlotSet range(uint32_t begin, uint32_t end);        // [begin, end)
  static SlotSet of(std::span<const uint32_t> slots);        // in any order
  static SlotSet of_words(std::span<const uint64_t> words);  // bit i of word w: slot 64 * w + i

  void add(uint32_t slot);
  void remove(uint32_t slot);
  bool contains(uint32_t slot) const;
  uint64_t size() const;
  bool empty() const;
  size_t bytes() const;
  bool operator==(const SlotSet& other) const;

  SlotSet& operator&=(const SlotSet& other);
  SlotSet& operator|=(const SlotSet& other);
  SlotSet& operator-=(const SlotSet& other);
  friend SlotSet operator&(SlotSet a, const SlotSet& b) { return std::move(a &= b); }
  friend SlotSet operator|(SlotSet a, const SlotSet& b) { return std::move(a |= b); }
  friend SlotSet operator-(SlotSet a, const SlotSet& b) { return std::move(a -= b); }
  uint64_t and_size(const SlotSet& other) const;  // of the intersection, without making it

  // One chunk as it lies in memory: exactly one of `words` (kChunkWords of them) and `values` (ascending,
  // `size` of them) is set. Slots are number * kChunkSlots + bit or value.
  struct Chunk {
    uint32_t number = 0;
    uint32_t size = 0;
    const uint64_t* words = nullptr;
    const uint16_t* values = nullptr;
  };
  size_t chunks() const;        // that are not empty
  Chunk chunk(size_t i) const;  // ascending by number

  // Calls visit(slot) in ascending order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (size_t i = 0; i < chunks(); ++i) for_each(chunk(i), visit);
  }
  template <class Visit>
  static void for_each(const Chunk& chunk, Visit&& visit) {
    const uint32_t base = chunk.number * kChunkSlots;
    if (chunk.values != nullptr) {
      for (uint32_t i = 0; i < chunk.size; ++i) visit(base + chunk.values[i]);
      return;
    }
    for (uint32_t w = 0; w < kChunkWords; ++w)
      for (uint64_t word = chunk.words[w]; word != 0; word &= word - 1)
        visit(base + 64 * w + static_cast<uint32_t>(std::countr_zero(word)));
  }
  void append_to(std::vector<uint32_t>& out) const;  // ascending
  // The bits that are set in kChunkWords words, ascending; `out` has room for so many and kLowsRoom more.
  static constexpr uint32_t kLowsRoom = 4;
  static uint32_t lows_of(const uint64_t* words, uint16_t* out);

  class Builder;

  // Membership of many slots in any order; the set must outlive it and stay as it is.
  class Probe {
   public:
    explicit Probe(const SlotSet& set);
    bool operator()(uint32_t slot) const {
      const uint32_t number = slot / kChunkSlots;
      if (number >= chunks_.size()) return false;
      const Chunk& chunk = chunks_[number];
      const uint32_t low = slot % kChunkSlots;
      if (chunk.words != nullptr) return (chunk.words[low / 64] >> (low % 64) & 1) != 0;
      return chunk.size != 0 && in_array(chunk, static_cast<uint16_t>(low));
    }

   private:
    static bool in_array(const Chunk& chunk, uint16_t low);
    std::vector<Chunk> chunks_;  // by number
  };

 private:
  roaring_bitmap_s* bitmap_;  // Not null, except after a move.
};

// Sets of many slots are made a chunk at a time, ascending; chunks left out are empty.
class SlotSet::Builder {
 public:
  void add_chunk(uint32_t number, const uint64_t* words);  // kChunkWords words
  void add_chunk(uint32_t number, std::span<const uint16_t> ascending);
  SlotSet take() { return std::exchange(set_, SlotSet()); }

 private:
  SlotSet set_;
};

}  // namespace freshet
