#include "column/group.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.h"

namespace freshet {

uint64_t GroupKey::group_size(ItemSlot slot, const SlotSet& found) const {
  const uint64_t key = (*this)(slot);
  if (key == (kAlone | slot)) return found.contains(slot) ? 1 : 0;
  uint64_t n = 0;
  const uint32_t word = column_->texts.word(slot);
  if (word != 0 && (word & TextColumn::kListBit) == 0) {  // The items of its value are listed.
    const auto* value = column_->texts.value(word - 1);
    if (value == nullptr) return 0;
    const SlotSet::Probe probe(found);
    value->slots.for_each([&](uint32_t each) { n += probe(each) && (*this)(each) == key ? 1 : 0; });
    return n;
  }
  found.for_each([&](uint32_t each) { n += (*this)(each) == key ? 1 : 0; });
  return n;
}

uint64_t GroupKey::count_groups(const SlotSet& found) const {
  std::vector<uint64_t> seen_words;  // a bit for each word of one value
  std::unordered_set<uint64_t> others;
  uint64_t n = 0;
  found.for_each([&](uint32_t slot) {
    const uint64_t key = (*this)(slot);
    const uint64_t word = key ^ kText;
    if (key == (kAlone | slot)) {
      ++n;
    } else if (word < TextColumn::kListBit) {
      if (word / 64 >= seen_words.size()) seen_words.resize(word / 64 + 1 + seen_words.size() / 2);
      const uint64_t bit = uint64_t{1} << (word % 64);
      n += (seen_words[word / 64] & bit) == 0 ? 1 : 0;
      seen_words[word / 64] |= bit;
    } else {
      n += others.insert(key).second ? 1 : 0;
    }
  });
  return n;
}

uint32_t GroupNumbers::of(uint64_t key) {
  if ((size_t{used_} + 1) * 2 > table_.size()) grow();
  const size_t mask = table_.size() - 1;
  size_t at = mix64(key) & mask;
  while (table_[at].number != 0xffffffffu && table_[at].key != key) at = (at + 1) & mask;
  if (table_[at].number == 0xffffffffu) table_[at] = {key, used_++};
  return table_[at].number;
}

void GroupNumbers::grow() {
  std::vector<Place> old(std::max<size_t>(256, 2 * table_.size()));
  old.swap(table_);
  for (const Place& place : old) {
    if (place.number == 0xffffffffu) continue;
    size_t at = mix64(place.key) & (table_.size() - 1);
    while (table_[at].number != 0xffffffffu) at = (at + 1) & (table_.size() - 1);
    table_[at] = place;
  }
}

std::vector<Group> group_page(std::span<const ItemSlot> ordered, const GroupKey& key, uint32_t per_group,
                              uint32_t from, uint32_t count) {
  std::unordered_map<uint64_t, uint64_t> place;  // of the groups, in order of their best item
  std::vector<Group> out;
  size_t full = 0;
  for (const ItemSlot slot : ordered) {
    if (full == count && place.size() >= uint64_t{from} + count) break;
    const uint64_t k = key(slot);
    const auto [at, first] = place.try_emplace(k, place.size());
    if (at->second < from || at->second >= uint64_t{from} + count) continue;
    if (first) out.push_back({k, {}});
    Group& group = out[at->second - from];
    if (group.items.size() >= per_group) continue;
    group.items.push_back(slot);
    full += group.items.size() == per_group ? 1 : 0;
  }
  return out;
}

}  // namespace freshet
