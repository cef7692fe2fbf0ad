// The texts of one attribute: a dictionary, the slots of every value, and the value(s) of every slot.
//
//   values  code -> text, number it reads as, slots that bear it
//   words   uint32[slots]   0: absent; code + 1: one value; kList | n: the n-th list of values
//
// Equal lists are kept once, so a facet counts lists first and opens each only once, however many items bear
// it. A value or list that no item bears any more is freed, and its number given again when no reader can
// still hold it.
//
// Threads: set() on the fold thread; the rest on any thread under an EpochGuard.
// Cost: 6 bytes a slot, about 120 bytes a value, 2 to 4 bytes for each (value, slot).
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/epoch.h"
#include "base/stable_array.h"
#include "column/slot_list.h"
#include "event/event.h"
#include "feature/id_index.h"

namespace freshet {

class TextColumn {
 public:
  static constexpr uint32_t kNone = 0xffffffffu;
  static constexpr uint32_t kListBit = 0x80000000u;

  struct Value {
    std::string text;
    double number = kNoNumber;  // When the whole text is one.
    SlotList slots;
  };

  TextColumn() = default;
  ~TextColumn();
  TextColumn(const TextColumn&) = delete;
  TextColumn& operator=(const TextColumn&) = delete;

  // The values of a slot are now these, in this order; repeated ones count once. None: absent.
  void set(uint32_t slot, std::span<const std::string_view> texts);

  uint32_t find(std::string_view text) const;  // its code; kNone: no item has it
  const Value* value(uint32_t code) const {    // nullptr: no such value (any more)
    return code < values_.size() ? values_[code].load(std::memory_order_acquire) : nullptr;
  }
  uint32_t codes() const { return static_cast<uint32_t>(values_.size()); }  // every code in use is below
  uint32_t lists() const { return static_cast<uint32_t>(lists_.size()); }
  uint32_t word(uint32_t slot) const {
    return slot < words_.size() ? words_[slot].load(std::memory_order_relaxed) : 0;
  }
  // The words of the slots from `slot` to the next multiple of kTogether in 16 bits; nullptr: all are 0.
  // kWide: does not fit; else widened() gives the word.
  static constexpr uint32_t kTogether = 4096;
  static constexpr uint16_t kWide = 0xffff;
  static uint32_t widened(uint16_t narrow) { return (narrow & 0x7fffu) | (narrow & 0x8000u) << 16; }
  const std::atomic<uint16_t>* narrow_at(uint32_t slot) const {
    return slot < narrow_.size() ? &narrow_[slot] : nullptr;
  }
  const std::vector<uint32_t>* list(uint32_t number) const {  // nullptr: no such list (any more)
    const List* found = lists_[number].load(std::memory_order_acquire);
    return found == nullptr ? nullptr : &found->codes;
  }
  // A short list once more in one word, so that many lists are opened without following a pointer: its codes,
  // each increased by one, in 16 bits each, the first lowest; 0: longer than four, or codes too large.
  uint64_t packed(uint32_t number) const { return packed_[number].load(std::memory_order_relaxed); }
  // The codes that a word of the column stands for; `room` holds a single one.
  std::span<const uint32_t> codes_of(uint32_t word, uint32_t& room) const;
  std::string_view first(uint32_t slot) const;  // ""; absent

  uint32_t distinct() const { return distinct_.load(std::memory_order_relaxed); }  // values in use
  // Some value reads as a number, or did once.
  bool numeric() const { return numeric_.load(std::memory_order_relaxed); }
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }  // slots that have one
  size_t bytes() const;                                                    // walks the dictionary

 private:
  struct List {
    std::vector<uint32_t> codes;
    uint32_t bearers = 0;  // Fold thread only.
    uint64_t hash = 0;
  };
  struct Gone {
    TextColumn* column;
    uint32_t number;
    const Value* value;
    const List* list;
    ~Gone();
  };

  uint32_t code_for(std::string_view text);
  uint32_t list_for(const std::vector<uint32_t>& codes);
  void drop_word(uint32_t slot, uint32_t word, std::span<const uint32_t> kept);
  void drop_value(uint32_t code, uint32_t slot);

  StableArray<std::atomic<uint32_t>, kTogether, 16384> words_;
  StableArray<std::atomic<uint16_t>, kTogether, 16384> narrow_;  // the same, half as much to read
  StableArray<std::atomic<Value*>, 256, 65536> values_;
  StableArray<std::atomic<List*>, 256, 65536> lists_;
  StableArray<std::atomic<uint64_t>, 256, 65536> packed_;  // by list
  IdIndex value_index_, list_index_;
  std::vector<uint32_t> free_values_, free_lists_;  // Fold thread.
  std::atomic<uint32_t> distinct_{0}, size_{0};
  std::atomic<bool> numeric_{false};
  RetireList retired_;  // Last: what it frees gives its number back.
};

}  // namespace freshet
