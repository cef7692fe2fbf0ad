// The slots that bear one value: an inverted list that one thread changes while others read it.
//
// Three forms, as Roaring bitmaps have them (Lemire et al. 2018): up to 32 slots one sorted array; beyond
// that a chunk for every 65,536 slots, each a sorted array of 16-bit offsets (up to 4,096) or 8 KB of bits.
// Slots that come in ascending order are appended in place and bits are set in place; other changes of an
// array copy it (8 KB at most), publish the copy and retire the old one.
//
// Threads: add() and remove() on the fold thread; reading on any thread under an EpochGuard. A reader that
// races a change sees the list before or after it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/epoch.h"
#include "base/slot_set.h"

namespace freshet {

class SlotList {
 public:
  SlotList() = default;
  ~SlotList();
  SlotList(const SlotList&) = delete;
  SlotList& operator=(const SlotList&) = delete;

  // False: it was there already (it was not).
  bool add(uint32_t slot, RetireList& retired);
  bool remove(uint32_t slot, RetireList& retired);

  uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  size_t bytes() const;
  // Sets the bits of the slots in chunk `number` in `words` (SlotSet::kChunkWords of them, others left
  // alone). False: there are none.
  bool or_into(uint32_t number, uint64_t* words) const;
  // How many of the slots are in `chunk`.
  uint32_t and_size(const SlotSet::Chunk& chunk) const;
  // The slots of this list, ascending.
  template <class Visit>
  void for_each(Visit&& visit) const;

  struct Body;    // one of the two below
  struct Small;   // a sorted array of slots
  struct Chunks;  // a table of containers
  struct Container;

 private:
  bool add_small(const Small* small, uint32_t slot, RetireList& retired);
  Chunks* chunks_for(uint32_t number, RetireList& retired);
  void publish(Body* next, RetireList& retired);

  std::atomic<Body*> body_{nullptr};  // Published; nullptr: empty.
  std::atomic<uint32_t> size_{0};
};

struct SlotList::Body {
  explicit Body(bool is_small) : small(is_small) {}
  virtual ~Body() = default;
  const bool small;
};

struct SlotList::Small final : Body {
  static constexpr uint32_t kMax = 32;
  explicit Small(uint32_t room) : Body(true), capacity(room), slots(new uint32_t[room]) {}
  const uint32_t capacity;
  std::atomic<uint32_t> size{0};
  std::unique_ptr<uint32_t[]> slots;  // [0, size) never change once published
};

struct SlotList::Container {
  static constexpr uint32_t kArrayMax = 4096;
  explicit Container(uint32_t room) : capacity(room), values(new uint16_t[room]) {}
  Container() : words(new std::atomic<uint64_t>[SlotSet::kChunkWords]()) {}
  const uint32_t capacity = 0;
  std::atomic<uint32_t> size{0};
  std::unique_ptr<uint16_t[]> values;              // an array: [0, size) never change once published
  std::unique_ptr<std::atomic<uint64_t>[]> words;  // or bits
};

struct SlotList::Chunks final : Body {
  explicit Chunks(uint32_t n) : Body(false), size(n), containers(new std::atomic<Container*>[n]()) {}
  const uint32_t size;
  std::unique_ptr<std::atomic<Container*>[]> containers;
};

template <class Visit>
void SlotList::for_each(Visit&& visit) const {
  const Body* body = body_.load(std::memory_order_acquire);
  if (body == nullptr) return;
  if (body->small) {
    const auto* small = static_cast<const Small*>(body);
    const uint32_t n = small->size.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < n; ++i) visit(small->slots[i]);
    return;
  }
  const auto* chunks = static_cast<const Chunks*>(body);
  for (uint32_t number = 0; number < chunks->size; ++number) {
    const Container* container = chunks->containers[number].load(std::memory_order_acquire);
    if (container == nullptr) continue;
    const uint32_t base = number * SlotSet::kChunkSlots;
    if (container->values != nullptr) {
      const uint32_t n = container->size.load(std::memory_order_acquire);
      for (uint32_t i = 0; i < n; ++i) visit(base + container->values[i]);
      continue;
    }
    for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w)
      for (uint64_t bits = container->words[w].load(std::memory_order_relaxed); bits != 0; bits &= bits - 1)
        visit(base + 64 * w + static_cast<uint32_t>(std::countr_zero(bits)));
  }
}

}  // namespace freshet
