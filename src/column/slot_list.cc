#include "column/slot_list.h"

#include <algorithm>
#include <bit>

namespace freshet {
namespace {

constexpr uint32_t kArrayMin = 2048;  // Bits with fewer slots become an array again.

uint32_t grown(uint32_t size) {
  return std::max<uint32_t>(4, size + size / 2);
}

SlotList::Container* to_bits(const SlotList::Container& array) {
  auto* bits = new SlotList::Container;
  const uint32_t n = array.size.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < n; ++i) {
    auto& word = bits->words[array.values[i] / 64];
    word.store(word.load(std::memory_order_relaxed) | uint64_t{1} << (array.values[i] % 64),
               std::memory_order_relaxed);
  }
  bits->size.store(n, std::memory_order_relaxed);
  return bits;
}

SlotList::Container* to_array(const SlotList::Container& bits) {
  auto* array = new SlotList::Container(grown(bits.size.load(std::memory_order_relaxed)));
  uint32_t n = 0;
  for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w)
    for (uint64_t word = bits.words[w].load(std::memory_order_relaxed); word != 0; word &= word - 1)
      array->values[n++] = static_cast<uint16_t>(64 * w + static_cast<uint32_t>(std::countr_zero(word)));
  array->size.store(n, std::memory_order_relaxed);
  return array;
}

void set_bit(SlotList::Container& bits, uint16_t low, bool on) {
  auto& word = bits.words[low / 64];
  const uint64_t bit = uint64_t{1} << (low % 64), old = word.load(std::memory_order_relaxed);
  word.store(on ? old | bit : old & ~bit, std::memory_order_relaxed);
  const uint32_t size = bits.size.load(std::memory_order_relaxed);
  bits.size.store(on ? size + 1 : size - 1, std::memory_order_relaxed);
}

bool has_bit(const SlotList::Container& bits, uint16_t low) {
  return (bits.words[low / 64].load(std::memory_order_relaxed) >> (low % 64) & 1) != 0;
}

// Copies `from` without or with one value: the arrays of readers never change below their size.
template <class To, class From, class T>
void copy_with(To* to, const From* from, uint32_t n, uint32_t at, T value) {
  std::copy(from, from + at, to);
  to[at] = value;
  std::copy(from + at, from + n, to + at + 1);
}

template <class T>
void copy_without(T* to, const T* from, uint32_t n, uint32_t at) {
  std::copy(from, from + at, to);
  std::copy(from + at + 1, from + n, to + at);
}

// One container with `low` added; `out` is the container to publish (the same one when it changed in place).
bool add_low(SlotList::Container* container, uint16_t low, SlotList::Container*& out) {
  out = container;
  if (container == nullptr) {
    out = new SlotList::Container(4);
    out->values[0] = low;
    out->size.store(1, std::memory_order_relaxed);
    return true;
  }
  if (container->words != nullptr) {
    if (has_bit(*container, low)) return false;
    set_bit(*container, low, true);
    return true;
  }
  const uint32_t n = container->size.load(std::memory_order_relaxed);
  const uint16_t* values = container->values.get();
  const auto at = static_cast<uint32_t>(std::lower_bound(values, values + n, low) - values);
  if (at < n && values[at] == low) return false;
  if (n >= SlotList::Container::kArrayMax) {
    out = to_bits(*container);
    set_bit(*out, low, true);
  } else if (at == n && n < container->capacity) {
    container->values[n] = low;
    container->size.store(n + 1, std::memory_order_release);
  } else {
    out = new SlotList::Container(std::min(grown(n + 1), SlotList::Container::kArrayMax));
    copy_with(out->values.get(), values, n, at, low);
    out->size.store(n + 1, std::memory_order_relaxed);
  }
  return true;
}

bool remove_low(SlotList::Container* container, uint16_t low, SlotList::Container*& out) {
  out = container;
  if (container == nullptr) return false;
  if (container->words != nullptr) {
    if (!has_bit(*container, low)) return false;
    set_bit(*container, low, false);
    if (container->size.load(std::memory_order_relaxed) <= kArrayMin) out = to_array(*container);
    return true;
  }
  const uint32_t n = container->size.load(std::memory_order_relaxed);
  const uint16_t* values = container->values.get();
  const auto at = static_cast<uint32_t>(std::lower_bound(values, values + n, low) - values);
  if (at == n || values[at] != low) return false;
  out = nullptr;
  if (n == 1) return true;
  out = new SlotList::Container(container->capacity);
  copy_without(out->values.get(), values, n, at);
  out->size.store(n - 1, std::memory_order_relaxed);
  return true;
}

}  // namespace

SlotList::~SlotList() {
  Body* body = body_.load(std::memory_order_relaxed);
  if (body != nullptr && !body->small) {
    auto* chunks = static_cast<Chunks*>(body);
    for (uint32_t i = 0; i < chunks->size; ++i) delete chunks->containers[i].load(std::memory_order_relaxed);
  }
  delete body;
}

void SlotList::publish(Body* next, RetireList& retired) {
  retired.retire(body_.exchange(next, std::memory_order_acq_rel));
}

bool SlotList::add_small(const Small* small, uint32_t slot, RetireList& retired) {
  const uint32_t n = small->size.load(std::memory_order_relaxed);
  const uint32_t* slots = small->slots.get();
  const auto at = static_cast<uint32_t>(std::lower_bound(slots, slots + n, slot) - slots);
  if (at < n && slots[at] == slot) return false;
  if (at == n && n < small->capacity) {
    small->slots[n] = slot;
    const_cast<Small*>(small)->size.store(n + 1, std::memory_order_release);
    return true;
  }
  auto* next = new Small(std::min(grown(n + 1), Small::kMax));
  copy_with(next->slots.get(), slots, n, at, slot);
  next->size.store(n + 1, std::memory_order_relaxed);
  publish(next, retired);
  return true;
}

// The table of chunks, with room for chunk `number`; what a small list holds is moved into it.
SlotList::Chunks* SlotList::chunks_for(uint32_t number, RetireList& retired) {
  Body* body = body_.load(std::memory_order_relaxed);
  if (!body->small) {
    auto* chunks = static_cast<Chunks*>(body);
    if (number < chunks->size) return chunks;
    auto* next = new Chunks(number + 1 + number / 4);
    for (uint32_t i = 0; i < chunks->size; ++i)
      next->containers[i].store(chunks->containers[i].load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
    publish(next, retired);  // The containers now belong to `next`: a table does not own them.
    return next;
  }
  const auto* small = static_cast<const Small*>(body);
  const uint32_t n = small->size.load(std::memory_order_relaxed);
  const uint32_t last = small->slots[n - 1] / SlotSet::kChunkSlots;
  auto* next = new Chunks(std::max(number, last) + 1);
  for (uint32_t i = 0; i < n; ++i) {
    auto& place = next->containers[small->slots[i] / SlotSet::kChunkSlots];
    Container* old = place.load(std::memory_order_relaxed);
    Container* out = nullptr;
    add_low(old, static_cast<uint16_t>(small->slots[i]), out);
    if (out != old) delete old;
    place.store(out, std::memory_order_relaxed);
  }
  publish(next, retired);
  return next;
}

bool SlotList::add(uint32_t slot, RetireList& retired) {
  Body* body = body_.load(std::memory_order_relaxed);
  bool added = true;
  if (body == nullptr) {
    auto* small = new Small(2);
    small->slots[0] = slot;
    small->size.store(1, std::memory_order_relaxed);
    publish(small, retired);
  } else if (body->small && size() < Small::kMax) {
    added = add_small(static_cast<const Small*>(body), slot, retired);
  } else {
    auto& place = chunks_for(slot / SlotSet::kChunkSlots, retired)->containers[slot / SlotSet::kChunkSlots];
    Container* old = place.load(std::memory_order_relaxed);
    Container* out = nullptr;
    added = add_low(old, static_cast<uint16_t>(slot), out);
    if (out != old) {
      place.store(out, std::memory_order_release);
      retired.retire(old);
    }
  }
  if (added) size_.store(size() + 1, std::memory_order_relaxed);
  return added;
}

bool SlotList::remove(uint32_t slot, RetireList& retired) {
  Body* body = body_.load(std::memory_order_relaxed);
  if (body == nullptr) return false;
  if (body->small) {
    const auto* small = static_cast<const Small*>(body);
    const uint32_t n = small->size.load(std::memory_order_relaxed);
    const uint32_t* slots = small->slots.get();
    const auto at = static_cast<uint32_t>(std::lower_bound(slots, slots + n, slot) - slots);
    if (at == n || slots[at] != slot) return false;
    Small* next = nullptr;
    if (n > 1) {
      next = new Small(small->capacity);
      copy_without(next->slots.get(), slots, n, at);
      next->size.store(n - 1, std::memory_order_relaxed);
    }
    publish(next, retired);
  } else {
    auto* chunks = static_cast<Chunks*>(body);
    const uint32_t number = slot / SlotSet::kChunkSlots;
    if (number >= chunks->size) return false;
    Container* old = chunks->containers[number].load(std::memory_order_relaxed);
    Container* out = nullptr;
    if (!remove_low(old, static_cast<uint16_t>(slot), out)) return false;
    if (out != old) {
      chunks->containers[number].store(out, std::memory_order_release);
      retired.retire(old);
    }
    if (size() == 1) publish(nullptr, retired);  // Every container is gone.
  }
  size_.store(size() - 1, std::memory_order_relaxed);
  return true;
}

size_t SlotList::bytes() const {
  const Body* body = body_.load(std::memory_order_acquire);
  if (body == nullptr) return 0;
  if (body->small) return sizeof(Small) + 4 * static_cast<const Small*>(body)->capacity;
  const auto* chunks = static_cast<const Chunks*>(body);
  size_t bytes = sizeof(Chunks) + 8 * chunks->size;
  for (uint32_t i = 0; i < chunks->size; ++i)
    if (const Container* container = chunks->containers[i].load(std::memory_order_acquire))
      bytes += sizeof(Container) +
               (container->words != nullptr ? 8 * SlotSet::kChunkWords : 2 * container->capacity);
  return bytes;
}

bool SlotList::or_into(uint32_t number, uint64_t* words) const {
  const Body* body = body_.load(std::memory_order_acquire);
  if (body == nullptr) return false;
  bool any = false;
  const auto set = [&](uint32_t low) { words[low / 64] |= uint64_t{1} << (low % 64); };
  if (body->small) {
    const auto* small = static_cast<const Small*>(body);
    const uint32_t n = small->size.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < n; ++i) {
      if (small->slots[i] / SlotSet::kChunkSlots != number) continue;
      set(small->slots[i] % SlotSet::kChunkSlots);
      any = true;
    }
    return any;
  }
  const auto* chunks = static_cast<const Chunks*>(body);
  if (number >= chunks->size) return false;
  const Container* container = chunks->containers[number].load(std::memory_order_acquire);
  if (container == nullptr) return false;
  if (container->values != nullptr) {
    const uint32_t n = container->size.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < n; ++i) set(container->values[i]);
    return n != 0;
  }
  for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w)
    words[w] |= container->words[w].load(std::memory_order_relaxed);
  return true;
}

uint32_t SlotList::and_size(const SlotSet::Chunk& chunk) const {
  const Body* body = body_.load(std::memory_order_acquire);
  if (body == nullptr) return 0;
  uint32_t n = 0;
  const auto in_chunk = [&](uint16_t low) -> uint32_t {
    if (chunk.words != nullptr) return chunk.words[low / 64] >> (low % 64) & 1;
    return std::binary_search(chunk.values, chunk.values + chunk.size, low) ? 1 : 0;
  };
  if (body->small) {
    const auto* small = static_cast<const Small*>(body);
    const uint32_t size = small->size.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < size; ++i)
      if (small->slots[i] / SlotSet::kChunkSlots == chunk.number)
        n += in_chunk(static_cast<uint16_t>(small->slots[i]));
    return n;
  }
  const auto* chunks = static_cast<const Chunks*>(body);
  if (chunk.number >= chunks->size) return 0;
  const Container* container = chunks->containers[chunk.number].load(std::memory_order_acquire);
  if (container == nullptr) return 0;
  if (container->values != nullptr && chunk.words == nullptr) {
    const uint32_t size = container->size.load(std::memory_order_acquire);
    for (uint32_t i = 0, j = 0; i < size && j < chunk.size;) {
      const uint16_t mine = container->values[i], theirs = chunk.values[j];
      n += mine == theirs ? 1 : 0;
      i += mine <= theirs ? 1 : 0;
      j += theirs <= mine ? 1 : 0;
    }
  } else if (container->values != nullptr) {
    const uint32_t size = container->size.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < size; ++i) n += in_chunk(container->values[i]);
  } else if (chunk.words == nullptr) {
    for (uint32_t i = 0; i < chunk.size; ++i) n += has_bit(*container, chunk.values[i]) ? 1 : 0;
  } else {
    for (uint32_t w = 0; w < SlotSet::kChunkWords; ++w)
      n += static_cast<uint32_t>(
          std::popcount(chunk.words[w] & container->words[w].load(std::memory_order_relaxed)));
  }
  return n;
}

}  // namespace freshet
