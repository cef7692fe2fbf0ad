#include "index/internal/dictionary.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace freshet::index {
namespace {

constexpr size_t kArenaBytes = 64 * 1024;

}  // namespace

// Open addressing, at most half full: high half of the hash | number + 1.
struct Dictionary::Table {
  explicit Table(size_t size) : mask(size - 1), slots(std::make_unique<std::atomic<uint64_t>[]>(size)) {}
  size_t mask;
  std::unique_ptr<std::atomic<uint64_t>[]> slots;
};

Dictionary::Dictionary(uint32_t terms_max) : terms_max_(terms_max) {
  table_.store(new Table(1024), std::memory_order_release);
  sorted_.store(nullptr, std::memory_order_release);
  refresh();
}

Dictionary::~Dictionary() {
  delete table_.load(std::memory_order_relaxed);
  free_sorted();
}

uint32_t Dictionary::find(std::string_view term) const {
  const uint64_t hash = hash_bytes(term);
  const Table& table = *table_.load(std::memory_order_acquire);
  for (size_t i = hash & table.mask;; i = (i + 1) & table.mask) {
    const uint64_t slot = table.slots[i].load(std::memory_order_acquire);
    if (slot == 0) return kNoTerm;
    const auto number = static_cast<uint32_t>(slot) - 1;
    if (slot >> 32 == hash >> 32 && text(number) == term) return number;
  }
}

uint32_t Dictionary::intern(std::string_view term) {
  if (const uint32_t found = find(term); found != kNoTerm) return found;
  const auto number = size();
  if (number >= terms_max_) {
    ++refused_;
    return kNoTerm;
  }
  if (2 * (size_t{number} + 1) > table_.load(std::memory_order_relaxed)->mask) grow_table();
  texts_.grow(number + 1);
  texts_[number].store(keep(term), std::memory_order_relaxed);
  entries_.grow(number + 1);  // Publishes the text too.
  const uint64_t hash = hash_bytes(term);
  Table& table = *table_.load(std::memory_order_relaxed);
  size_t i = hash & table.mask;
  while (table.slots[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & table.mask;
  table.slots[i].store((hash >> 32 << 32) | (number + 1), std::memory_order_release);
  return number;
}

void Dictionary::grow_table() {
  Table* old = table_.load(std::memory_order_relaxed);
  auto* next = new Table(4 * (old->mask + 1));
  for (uint32_t number = 0; number < size(); ++number) {
    const uint64_t hash = hash_bytes(text(number));
    size_t i = hash & next->mask;
    while (next->slots[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & next->mask;
    next->slots[i].store((hash >> 32 << 32) | (number + 1), std::memory_order_relaxed);
  }
  table_.store(next, std::memory_order_release);
  retired_tables_.retire(old);
}

const char* Dictionary::keep(std::string_view term) {
  const size_t need = term.size() + 1;
  if (arena_left_ < need) {
    arena_.push_back(std::make_unique<char[]>(kArenaBytes));
    arena_at_ = arena_.back().get();
    arena_left_ = kArenaBytes;
    arena_bytes_.fetch_add(kArenaBytes, std::memory_order_relaxed);
  }
  char* text = arena_at_;
  text[0] = static_cast<char>(term.size());
  std::memcpy(text + 1, term.data(), term.size());
  arena_at_ += need;
  arena_left_ -= need;
  return text;
}

size_t Dictionary::bytes() const {
  return size() * (sizeof(Entry) + sizeof(char*)) + 8 * (table_.load(std::memory_order_relaxed)->mask + 1) +
         arena_bytes_.load(std::memory_order_relaxed) + enumeration_bytes();
}

}  // namespace freshet::index
