#include "column/text_column.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"

namespace freshet {
namespace {

double to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : kNoNumber;
}

uint64_t pack(const std::vector<uint32_t>& codes) {
  uint64_t packed = 0;
  if (codes.size() > 4) return 0;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] >= 0xffff) return 0;
    packed |= uint64_t{codes[i] + 1} << (16 * i);
  }
  return packed;
}

uint64_t hash_codes(const std::vector<uint32_t>& codes) {
  return hash_bytes(codes.data(), codes.size() * sizeof(uint32_t));
}

}  // namespace

TextColumn::Gone::~Gone() {
  (value != nullptr ? column->free_values_ : column->free_lists_).push_back(number);
  delete value;
  delete list;
}

TextColumn::~TextColumn() {
  for (size_t i = 0; i < values_.size(); ++i) delete values_[i].load(std::memory_order_relaxed);
  for (size_t i = 0; i < lists_.size(); ++i) delete lists_[i].load(std::memory_order_relaxed);
}

uint32_t TextColumn::find(std::string_view text) const {
  return value_index_.find(hash_bytes(text), [&](uint32_t code) {
    const Value* value = this->value(code);
    return value != nullptr && value->text == text;
  });
}

std::span<const uint32_t> TextColumn::codes_of(uint32_t word, uint32_t& room) const {
  if (word == 0) return {};
  if ((word & kListBit) == 0) {
    room = word - 1;
    return {&room, 1};
  }
  const List* list = lists_[word & ~kListBit].load(std::memory_order_acquire);
  return list == nullptr ? std::span<const uint32_t>() : std::span<const uint32_t>(list->codes);
}

std::string_view TextColumn::first(uint32_t slot) const {
  uint32_t room = 0;
  const auto codes = codes_of(word(slot), room);
  const Value* value = codes.empty() ? nullptr : this->value(codes.front());
  return value == nullptr ? std::string_view() : std::string_view(value->text);
}

uint32_t TextColumn::code_for(std::string_view text) {
  if (const uint32_t found = find(text); found != kNone) return found;
  uint32_t code = codes();
  if (free_values_.empty()) {
    values_.grow(code + 1);
  } else {
    code = free_values_.back();
    free_values_.pop_back();
  }
  auto* value = new Value;
  value->text = text;
  value->number = to_number(text);
  if (has_number(value->number)) numeric_.store(true, std::memory_order_relaxed);
  values_[code].store(value, std::memory_order_release);
  value_index_.insert(hash_bytes(text), code);
  distinct_.store(distinct() + 1, std::memory_order_relaxed);
  return code;
}

uint32_t TextColumn::list_for(const std::vector<uint32_t>& codes) {
  const uint64_t hash = hash_codes(codes);
  uint32_t number = list_index_.find(hash, [&](uint32_t n) {
    const List* list = lists_[n].load(std::memory_order_relaxed);
    return list != nullptr && list->codes == codes;
  });
  if (number == IdIndex::kNone) {
    number = lists();
    if (free_lists_.empty()) {
      packed_.grow(number + 1);
      lists_.grow(number + 1);
    } else {
      number = free_lists_.back();
      free_lists_.pop_back();
    }
    packed_[number].store(pack(codes), std::memory_order_relaxed);
    lists_[number].store(new List{codes, 0, hash}, std::memory_order_release);
    list_index_.insert(hash, number);
  }
  ++lists_[number].load(std::memory_order_relaxed)->bearers;
  return kListBit | number;
}

void TextColumn::drop_value(uint32_t code, uint32_t slot) {
  Value* value = values_[code].load(std::memory_order_relaxed);
  value->slots.remove(slot, retired_);
  if (value->slots.size() != 0) return;
  value_index_.erase(hash_bytes(value->text), code);
  values_[code].store(nullptr, std::memory_order_release);
  distinct_.store(distinct() - 1, std::memory_order_relaxed);
  retired_.retire(new Gone{this, code, value, nullptr});
}

void TextColumn::drop_word(uint32_t slot, uint32_t word, std::span<const uint32_t> kept) {
  uint32_t room = 0;
  for (const uint32_t code : codes_of(word, room))
    if (std::find(kept.begin(), kept.end(), code) == kept.end()) drop_value(code, slot);
  if ((word & kListBit) == 0) return;
  const uint32_t number = word & ~kListBit;
  List* list = lists_[number].load(std::memory_order_relaxed);
  if (--list->bearers != 0) return;
  list_index_.erase(list->hash, number);
  lists_[number].store(nullptr, std::memory_order_release);
  retired_.retire(new Gone{this, number, nullptr, list});
}

void TextColumn::set(uint32_t slot, std::span<const std::string_view> texts) {
  const uint32_t old = word(slot);
  if (old == 0 && texts.empty()) return;
  std::vector<uint32_t> codes;
  for (const std::string_view text : texts) {
    const uint32_t code = code_for(text);
    if (std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(code);
  }
  if (slot >= words_.size()) {
    words_.grow((slot / kTogether + 1) * size_t{kTogether});
    narrow_.grow((slot / kTogether + 1) * size_t{kTogether});
  }
  for (const uint32_t code : codes) values_[code].load(std::memory_order_relaxed)->slots.add(slot, retired_);
  const uint32_t next = codes.empty() ? 0 : codes.size() == 1 ? codes.front() + 1 : list_for(codes);
  const uint32_t number = next & ~kListBit;
  const uint16_t narrow = number < 0x7fff ? static_cast<uint16_t>(number | (next & kListBit) >> 16) : kWide;
  words_[slot].store(next, std::memory_order_release);
  narrow_[slot].store(narrow, std::memory_order_release);
  drop_word(slot, old, codes);
  if ((old == 0) != (next == 0)) size_.store(next == 0 ? size() - 1 : size() + 1, std::memory_order_relaxed);
}

size_t TextColumn::bytes() const {
  size_t bytes = 4 * words_.size() + 8 * values_.size() + 16 * lists_.size() + value_index_.bytes() +
                 list_index_.bytes();
  for (uint32_t code = 0; code < codes(); ++code)
    if (const Value* value = this->value(code))
      bytes += sizeof(Value) + value->text.capacity() + value->slots.bytes();
  for (uint32_t n = 0; n < lists(); ++n)
    if (const List* list = lists_[n].load(std::memory_order_acquire))
      bytes += sizeof(List) + 4 * list->codes.capacity();
  return bytes;
}

}  // namespace freshet
