// What a SearchIndex is made of, and who may touch it.
#pragma once

#include <array>
#include <atomic>

#include "base/stable_array.h"
#include "index/internal/compiled_plan.h"
#include "index/internal/dictionary.h"
#include "index/internal/record.h"
#include "index/search_index.h"

namespace freshet {

struct SearchIndex::State {
  explicit State(SearchIndexConfig c) : config(c), dictionary(c.terms_max) {}
  ~State();

  using Record = index::Record;
  struct Slot {
    std::atomic<const Record*> record{nullptr};
  };

  const SearchIndexConfig config;

  // Fold thread writes, any thread reads.
  index::Dictionary dictionary;
  StableArray<Slot> slots;
  std::atomic<uint32_t> items{0};
  std::array<std::atomic<uint64_t>, kSearchFields> length_sum{};
  std::array<std::atomic<uint32_t>, kSearchFields> length_items{};

  // Fold thread only.
  index::RecordMaker maker;
  std::vector<index::NumberedToken> tokens;
  uint32_t version = 0;
  size_t record_bytes = 0;
  RetireList retired;

  const Record* record(uint32_t slot) const {
    return slot < slots.size() ? slots[slot].record.load(std::memory_order_acquire) : nullptr;
  }
  index::Statistics statistics() const;
  void account(const Record& record, int sign);
  void put(uint32_t slot, const Record* next);
  void add_tokens(std::span<const FieldText> fields, std::array<uint32_t, kSearchFields>& lengths);
};

}  // namespace freshet
