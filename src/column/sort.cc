#include "column/sort.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "column/filter.h"

namespace freshet {
namespace {

// What an item is compared by under one key.
struct Place {
  enum Kind : uint8_t { kNumber, kText, kMissing } kind = kMissing;
  double number = 0;
  std::string_view text;
};

class Order {
 public:
  Order(const ColumnSet& columns, std::span<const SortBy> keys, const ScoreOf& score)
      : columns_(columns), keys_(keys), score_(score) {
    for (const SortBy& key : keys) column_.push_back(columns.find(key.name));
  }

  Place at(ItemSlot slot, size_t k) const {
    const SortBy& key = keys_[k];
    if (key.name == "score" && score_) return {Place::kNumber, score_(slot), {}};
    if (key.name == "distance" && has_number(key.latitude)) {
      const double latitude = columns_.latitude().value(slot), longitude = columns_.longitude().value(slot);
      if (!has_number(latitude) || !has_number(longitude)) return {};
      return {Place::kNumber, distance_m(key.latitude, key.longitude, latitude, longitude), {}};
    }
    if (const Column* column = column_[k]) {
      if (const double number = column->numbers.value(slot); has_number(number))
        return {Place::kNumber, number, {}};
      if (column->texts.word(slot) != 0) return {Place::kText, 0, column->texts.first(slot)};
      return {};
    }
    return from_record(slot, key.name);
  }

  // Below 0: a comes first.
  int compare(const Place& a, const Place& b, size_t k) const {
    if (a.kind == Place::kMissing || b.kind == Place::kMissing)
      return (a.kind == Place::kMissing ? 1 : 0) - (b.kind == Place::kMissing ? 1 : 0);
    int order = a.kind - b.kind;
    if (order == 0 && a.kind == Place::kNumber)
      order = a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
    if (order == 0 && a.kind == Place::kText) order = a.text.compare(b.text);
    return keys_[k].descending ? -order : order;
  }

  bool before(ItemSlot a, ItemSlot b, size_t from_key) const {
    for (size_t k = from_key; k < keys_.size(); ++k)
      if (const int order = compare(at(a, k), at(b, k), k); order != 0) return order < 0;
    return a < b;
  }

 private:
  // Attributes without a column (a title).
  Place from_record(ItemSlot slot, const std::string& name) const {
    const ItemRecord* item = columns_.catalog().item(slot);
    const Value* value = item == nullptr ? nullptr : item->attribute(name);
    if (name == "id" && item != nullptr) return {Place::kText, 0, item->id};
    if (value == nullptr) return {};
    if (const auto* text = std::get_if<std::string>(value)) return {Place::kText, 0, *text};
    if (const auto* whole = std::get_if<int64_t>(value))
      return {Place::kNumber, static_cast<double>(*whole), {}};
    if (const auto* real = std::get_if<double>(value)) return {Place::kNumber, *real, {}};
    return {};
  }

  const ColumnSet& columns_;
  const std::span<const SortBy> keys_;
  const ScoreOf& score_;
  std::vector<const Column*> column_;
};

// Sees without any comparison of places that an item cannot be among the best: it is behind the last of them
// by its number, or has a text that was found to be behind before (the last of the best only ever moves
// forward).
class Reject {
 public:
  Reject(const Column* column, bool descending) : column_(column), descending_(descending) {
    if (column == nullptr) return;
    numbers_ = column->texts.size() == 0;
    texts_ = column->numbers.size() == 0;
  }
  bool operator()(ItemSlot slot, const Place& last) {
    if (numbers_ && last.kind == Place::kNumber) {
      const double number = column_->numbers.value(slot);
      return descending_ ? !(number >= last.number) : !(number <= last.number);
    }
    if (!texts_) return false;
    word_ = column_->texts.word(slot);
    return word_ / 64 < behind_.size() && (behind_[word_ / 64] >> (word_ % 64) & 1) != 0;
  }
  // The item asked about last is behind by its first key alone.
  void learn() {
    if (!texts_ || word_ >= TextColumn::kListBit) return;
    if (word_ / 64 >= behind_.size()) behind_.resize(column_->texts.codes() / 64 + 2);
    if (word_ / 64 < behind_.size()) behind_[word_ / 64] |= uint64_t{1} << (word_ % 64);
  }

 private:
  const Column* column_;
  const bool descending_;
  bool numbers_ = false, texts_ = false;
  uint32_t word_ = 0;
  std::vector<uint64_t> behind_;  // a bit for each word
};

struct Entry {
  ItemSlot slot;
  Place first;
};

}  // namespace

std::vector<ItemSlot> top_sorted(const ColumnSet& columns, const SlotSet& set, std::span<const SortBy> keys,
                                 size_t k, const ScoreOf& score) {
  std::vector<ItemSlot> out;
  if (k == 0) return out;
  const Order order(columns, keys, score);
  if (keys.empty()) {
    for (size_t i = 0; i < set.chunks() && out.size() < k; ++i)
      SlotSet::for_each(set.chunk(i), [&](uint32_t slot) {
        if (out.size() < k) out.push_back(slot);
      });
    return out;
  }
  const auto before = [&](const Entry& a, const Entry& b) {
    const int first = order.compare(a.first, b.first, 0);
    return first != 0 ? first < 0 : order.before(a.slot, b.slot, 1);
  };
  const bool computed = keys[0].name == "distance" || keys[0].name == "score";
  Reject reject(computed ? nullptr : columns.find(keys[0].name), keys[0].descending);
  std::vector<Entry> best;  // a heap, the last of them on top
  set.for_each([&](uint32_t slot) {
    if (best.size() == k && reject(slot, best.front().first)) return;
    const Entry entry{slot, order.at(slot, 0)};
    if (best.size() == k) {
      const int first = order.compare(entry.first, best.front().first, 0);
      if (first > 0) reject.learn();
      if (first > 0 || !before(entry, best.front())) return;
      std::pop_heap(best.begin(), best.end(), before);
      best.back() = entry;
    } else {
      best.push_back(entry);
    }
    std::push_heap(best.begin(), best.end(), before);
  });
  std::sort_heap(best.begin(), best.end(), before);
  for (const Entry& entry : best) out.push_back(entry.slot);
  return out;
}

std::vector<ItemSlot> top_sorted_slowly(const ColumnSet& columns, const SlotSet& set,
                                        std::span<const SortBy> keys, size_t k, const ScoreOf& score) {
  const Order order(columns, keys, score);
  std::vector<ItemSlot> all;
  set.append_to(all);
  std::stable_sort(all.begin(), all.end(), [&](ItemSlot a, ItemSlot b) { return order.before(a, b, 0); });
  if (all.size() > k) all.resize(k);
  return all;
}

Result<SortBy> parse_sort(std::string_view text) {
  SortBy key;
  if (text.starts_with('-')) {
    key.descending = true;
    text.remove_prefix(1);
  } else if (text.ends_with(":desc")) {
    key.descending = true;
    text.remove_suffix(5);
  } else if (text.ends_with(":asc")) {
    text.remove_suffix(4);
  }
  if (text.empty() || text.size() > 256 || text.find(':') != std::string_view::npos)
    return invalid("sort: expected a name, name:asc or name:desc, got \"" + std::string(text.substr(0, 64)) +
                   "\"");
  key.name = text;
  return key;
}

Result<BrowsePage> browse(const SlotSet& set, std::string_view cursor, size_t count, std::string_view what) {
  const uint64_t belongs = hash_bytes(what);
  uint64_t from = 0, owner = belongs;
  if (!cursor.empty()) {
    const char* const end = cursor.data() + cursor.size();
    const auto first = std::from_chars(cursor.data(), end, from, 16);
    const bool dash = first.ec == std::errc() && first.ptr != end && *first.ptr == '-';
    const auto second = dash ? std::from_chars(first.ptr + 1, end, owner, 16) : first;
    if (!dash || second.ec != std::errc() || second.ptr != end || from > 0xffffffffu)
      return invalid("cursor: expected one that an answer gave as \"cursor\"");
    if (owner != belongs) return invalid("cursor: belongs to a request with another query or filter");
  }
  BrowsePage page;
  for (size_t i = 0; i < set.chunks() && page.items.size() <= count; ++i) {
    const SlotSet::Chunk chunk = set.chunk(i);
    if ((uint64_t{chunk.number} + 1) * SlotSet::kChunkSlots <= from) continue;
    SlotSet::for_each(chunk, [&](uint32_t slot) {
      if (slot >= from && page.items.size() <= count) page.items.push_back(slot);
    });
  }
  if (page.items.size() > count) {
    char text[40];
    auto at = std::to_chars(text, text + sizeof text, page.items.back(), 16).ptr;
    *at++ = '-';
    at = std::to_chars(at, text + sizeof text, belongs, 16).ptr;
    page.next.assign(text, at);
    page.items.pop_back();
  }
  return page;
}

}  // namespace freshet
