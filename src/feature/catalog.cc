#include "feature/catalog.h"

#include <algorithm>

#include "base/decay.h"
#include "base/hash.h"
#include "event/codec.h"

namespace freshet {
namespace {

constexpr float kListedHeat = 8;
constexpr size_t kWaitingMax = 4;  // Catalogues beside the live one.

size_t bytes_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->capacity();
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    size_t bytes = list->capacity() * sizeof(std::string);
    for (const auto& text : *list) bytes += text.capacity();
    return bytes;
  }
  return 0;
}

size_t bytes_of(const ItemRecord& record) {
  size_t bytes =
      sizeof(ItemRecord) + record.id.capacity() + record.title.capacity() + 4 * record.facets.capacity();
  for (const Attribute& attribute : record.attributes)
    bytes += sizeof(Attribute) + attribute.name.capacity() + bytes_of(attribute.value);
  return bytes;
}

const Value* first_of(const ItemRecord& record, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (const Value* value = record.attribute(name)) return value;
  return nullptr;
}

double as_number(const Value& value) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return kNoNumber;
}

// "in stock", true, 3 -> yes; "out of stock", false, 0, "sold out" -> no; what cannot be read does not hide
// an item.
bool says_available(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const double number = as_number(value); has_number(number)) return number > 0;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return true;
  std::string folded;
  for (const char c : *text)
    if (c != ' ' && c != '_' && c != '-')
      folded.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  for (const std::string_view no :
       {"outofstock", "soldout", "unavailable", "discontinued", "false", "no", "0"})
    if (folded == no) return false;
  return true;
}

// Where a path is cut, as far as the bounds allow; returns how much they do not.
uint64_t levels_of(std::string_view path, std::vector<size_t>& levels) {
  uint64_t refused = 0;
  size_t length = path.size();
  if (length > kFacetBytes) {
    refused = 1;
    length = path.rfind(" > ", kFacetBytes);
  }
  for (; length != std::string_view::npos && length > 0; length = path.substr(0, length).rfind(" > "))
    levels.push_back(length);
  if (levels.size() <= kFacetLevels) return refused;
  levels.erase(levels.begin(), levels.end() - kFacetLevels);
  return 1;
}

void merge(std::vector<Attribute>& into, const std::vector<Attribute>& changes) {
  for (const Attribute& change : changes) {
    const auto at = std::lower_bound(into.begin(), into.end(), change,
                                     [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    const bool there = at != into.end() && at->name == change.name;
    if (std::holds_alternative<std::monostate>(change.value)) {
      if (there) into.erase(at);
    } else if (there) {
      at->value = change.value;
    } else {
      into.insert(at, change);
    }
  }
}

}  // namespace

const Value* ItemRecord::attribute(std::string_view name) const {
  const auto at = std::lower_bound(attributes.begin(), attributes.end(), name,
                                   [](const Attribute& a, std::string_view n) { return a.name < n; });
  return at != attributes.end() && at->name == name ? &at->value : nullptr;
}

Catalog::Catalog(Moment& moment, CatalogConfig config) : moment_(moment), config_(std::move(config)) {
  facet_names_.grow(1);
}

Catalog::~Catalog() {
  for (size_t i = 0; i < slots_.size(); ++i) delete slots_[i].record.load();
  for (size_t i = 0; i < facet_names_.size(); ++i) delete facet_names_[i].load();
}

void Catalog::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  if (event.type == EventType::kCatalogSwap) return swap(event);
  if (event.item.empty()) return;
  if (!event.catalogue.empty()) return set_aside(event);
  switch (event.type) {
    case EventType::kItemUpsert:
    case EventType::kItemUpdate:
      return change(event);
    case EventType::kItemDelete:
      return remove(event);
    default:
      break;
  }
  if (!is_item_action(event.type)) return;
  moment_.first_sight = find(event.item) == kNoItem;
  moment_.item = touch(event.item, moment_.time_ms);
}

void Catalog::change(const Event& event) {
  const ItemSlot slot = moment_.item = touch(event.item, moment_.time_ms, kListedHeat);
  auto* next = new ItemRecord(*item(slot));
  if (event.type == EventType::kItemUpsert) {
    next->attributes.clear();
    next->listed = true;
    next->deleted = false;
  }
  merge(next->attributes, event.attributes);
  next->updated_ms = moment_.time_ms;
  derive(*next);
  publish(slot, next);
}

// ---- a catalogue beside the live one

std::vector<std::pair<std::string, size_t>> Catalog::waiting() const {
  std::vector<std::pair<std::string, size_t>> out;
  for (const auto& [catalogue, items] : waiting_) out.emplace_back(catalogue, items.size());
  return out;
}

void Catalog::set_aside(const Event& event) {
  if (event.type == EventType::kItemDelete) {
    const auto found = waiting_.find(event.catalogue);
    if (found != waiting_.end()) waiting_items_ -= found->second.erase(event.item);
    return;
  }
  if (event.type != EventType::kItemUpsert && event.type != EventType::kItemUpdate) return;
  if (waiting_.size() >= kWaitingMax && !waiting_.contains(event.catalogue)) return;
  Waiting& items = waiting_[event.catalogue];
  if (!items.contains(event.item)) {
    if (waiting_items_ >= config_.items_max) return;
    ++waiting_items_;
  }
  std::vector<Attribute>& attributes = items[event.item];
  if (event.type == EventType::kItemUpsert) attributes.clear();
  merge(attributes, event.attributes);
}

void Catalog::swap(const Event& event) {
  const auto found = waiting_.find(event.catalogue);
  if (found == waiting_.end()) return;
  Waiting next = std::move(found->second);
  waiting_.erase(found);
  waiting_items_ -= next.size();
  if (event.name == "discard") return;
  for (ItemSlot slot = 0; slot < slots(); ++slot) {
    const ItemRecord* record = item(slot);
    if (record == nullptr || !record->listed || next.contains(record->id)) continue;
    Event gone;
    gone.item = record->id;
    remove(gone);
  }
  moment_.item = kNoItem;
  for (auto& [id, attributes] : next) replace(id, std::move(attributes));
}

void Catalog::replace(std::string_view id, std::vector<Attribute> attributes) {
  const ItemSlot slot = touch(id, moment_.time_ms, kListedHeat);
  auto* next = new ItemRecord(*item(slot));
  next->attributes = std::move(attributes);
  next->listed = true;
  next->deleted = false;
  next->updated_ms = moment_.time_ms;
  derive(*next);
  publish(slot, next);
}

void Catalog::remove(const Event& event) {
  const ItemSlot slot = moment_.item = find(event.item);
  if (slot == kNoItem) return;
  auto* next = new ItemRecord(*item(slot));
  next->attributes.clear();
  next->listed = false;
  next->deleted = true;
  next->updated_ms = moment_.time_ms;
  derive(*next);
  publish(slot, next);
}

ItemSlot Catalog::touch(std::string_view id, TimeMs time_ms, float heat) {
  const ItemSlot slot = slot_for(id, time_ms);
  warm(slot, heat);
  return slot;
}

ItemSlot Catalog::find(std::string_view id) const {
  return index_.find(hash_bytes(id), [&](uint32_t slot) {
    const ItemRecord* record = slots_[slot].record.load(std::memory_order_acquire);
    return record != nullptr && record->id == id;
  });
}

const ItemRecord* Catalog::item(ItemSlot slot) const {
  return slot < slots_.size() ? slots_[slot].record.load(std::memory_order_acquire) : nullptr;
}

std::string_view Catalog::facet_name(uint32_t facet) const {
  if (facet == 0 || facet >= facet_names_.size()) return {};
  // The array grows before the new name is put into it: a reader may come in between.
  const std::string* name = facet_names_[facet].load(std::memory_order_acquire);
  return name == nullptr ? std::string_view() : std::string_view(*name);
}

uint32_t Catalog::find_facet(std::string_view name) const {
  const uint32_t found =
      facet_index_.find(hash_bytes(name), [&](uint32_t facet) { return facet_name(facet) == name; });
  return found == IdIndex::kNone ? 0 : found;
}

ItemSlot Catalog::slot_for(std::string_view id, TimeMs time_ms) {
  if (const ItemSlot found = find(id); found != kNoItem) return found;
  if (before_change_) before_change_();
  if (live_.load(std::memory_order_relaxed) >= config_.items_max) evict();
  ItemSlot slot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    slot = static_cast<ItemSlot>(slots_.size());
    slots_.grow(slot + 1);
  }
  auto* record = new ItemRecord;
  record->id = id;
  record->key = hash_bytes(id);
  record->created_ms = record->updated_ms = time_ms;
  slots_[slot].heat = 0;
  slots_[slot].last = touches_;
  publish(slot, record);
  index_.insert(record->key, slot);
  live_.fetch_add(1, std::memory_order_relaxed);
  return slot;
}

double Catalog::value(const Slot& slot) const {
  return slot.heat *
         decayed(static_cast<double>(touches_ - slot.last) / static_cast<double>(config_.heat_half_life));
}

void Catalog::warm(ItemSlot slot, float heat) {
  Slot& s = slots_[slot];
  s.heat = static_cast<float>(value(s)) + heat;
  s.last = touches_++;
}

void Catalog::publish(ItemSlot slot, ItemRecord* next) {
  if (before_change_) before_change_();
  const ItemRecord* old = slots_[slot].record.load(std::memory_order_relaxed);
  if (old != nullptr) bytes_ -= bytes_of(*old);
  if (next != nullptr) bytes_ += bytes_of(*next);
  slots_[slot].record.store(next, std::memory_order_release);
  if (on_change_ && !loading_) on_change_(slot, old, next);
  retired_.retire(old);
}

// What requests ask for often is worked out once, when the item changes.
void Catalog::derive(ItemRecord& record) {
  record.facets.clear();
  if (const Value* value = first_of(record, config_.category)) add_facets(record, *value, "category:");
  record.categories = static_cast<uint32_t>(record.facets.size());
  if (const Value* value = first_of(record, config_.brand)) add_facets(record, *value, "brand:");
  const Value* price = first_of(record, config_.price);
  record.price = price != nullptr ? as_number(*price) : kNoNumber;
  const Value* availability = first_of(record, config_.availability);
  record.available = !record.deleted && (availability == nullptr || says_available(*availability));
  const Value* title = first_of(record, config_.title);
  const auto* text = title != nullptr ? std::get_if<std::string>(title) : nullptr;
  record.title = text != nullptr ? *text : std::string();
}

// "A > B > C" is in C, B and A, most specific first; a list is several such paths.
void Catalog::add_facets(ItemRecord& record, const Value& value, std::string_view kind) {
  std::string number;
  std::span<const std::string> paths;
  if (const auto* text = std::get_if<std::string>(&value)) paths = {text, 1};
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) paths = *list;
  if (const auto* whole = std::get_if<int64_t>(&value)) paths = {&(number = std::to_string(*whole)), 1};
  const size_t before = record.facets.size();
  uint64_t refused = 0;
  for (const std::string_view path : paths) {
    std::vector<size_t> levels;  // Lengths of the paths to them, the longest first.
    refused += levels_of(path, levels);
    for (const size_t length : levels) {
      if (record.facets.size() - before >= kFacetsOfItem) {
        ++refused;
        continue;
      }
      const uint32_t facet = facet_number(std::string(kind).append(path.substr(0, length)));
      refused += facet == 0;
      if (facet != 0 && std::find(record.facets.begin(), record.facets.end(), facet) == record.facets.end())
        record.facets.push_back(facet);
    }
  }
  if (!loading_) refused_.fetch_add(refused, std::memory_order_relaxed);  // Loading sees again what is known.
}

// 0: there is no room for one more.
uint32_t Catalog::facet_number(std::string name) {
  if (const uint32_t found = find_facet(name); found != 0) return found;
  if (facet_names_.size() >= config_.facets_max || facet_bytes_ + name.size() > config_.facet_bytes_max)
    return 0;
  return new_facet(std::move(name));
}

uint32_t Catalog::new_facet(std::string name) {
  const auto number = static_cast<uint32_t>(facet_names_.size());
  facet_names_.grow(number + 1);
  bytes_ += sizeof(std::string) + name.capacity() + 24;
  facet_bytes_ += name.size();
  const uint64_t hash = hash_bytes(name);
  facet_names_[number].store(new std::string(std::move(name)), std::memory_order_release);
  facet_index_.insert(hash, number);
  return number;
}

void Catalog::evict() {
  std::vector<std::pair<double, ItemSlot>> by_value;
  by_value.reserve(live_);
  for (ItemSlot slot = 0; slot < slots(); ++slot)
    if (item(slot) != nullptr) by_value.emplace_back(value(slots_[slot]), slot);
  const size_t count = std::max<size_t>(1, by_value.size() / 16);
  std::nth_element(by_value.begin(), by_value.begin() + static_cast<std::ptrdiff_t>(count - 1),
                   by_value.end());
  std::vector<ItemSlot> victims;
  for (size_t i = 0; i < count; ++i) victims.push_back(by_value[i].second);
  std::sort(victims.begin(), victims.end());
  if (on_evict_) on_evict_(victims);
  for (const ItemSlot slot : victims) {
    index_.erase(item(slot)->key, slot);
    publish(slot, nullptr);
    free_.push_back(slot);
  }
  std::sort(free_.begin(), free_.end(), std::greater<>());
  live_.fetch_sub(count, std::memory_order_relaxed);
  evicted_.fetch_add(count, std::memory_order_relaxed);
}

void Catalog::save(Writer& out) const {
  out.u64(touches_);
  out.u64(evicted_);
  out.varint(facet_names_.size());
  for (uint32_t i = 1; i < facet_names_.size(); ++i) out.str(facet_name(i));
  out.varint(slots_.size());
  for (ItemSlot slot = 0; slot < slots(); ++slot) {
    const ItemRecord* record = item(slot);
    out.u8(record == nullptr ? 0 : 1);
    if (record == nullptr) continue;
    out.f32(slots_[slot].heat);
    out.u64(slots_[slot].last);
    out.str(record->id);
    out.u8(static_cast<uint8_t>(record->listed | record->deleted << 1));
    out.i64(record->created_ms);
    out.i64(record->updated_ms);
    encode_attributes(record->attributes, out);
  }
  out.varint(waiting_.size());
  for (const auto& [catalogue, items] : waiting_) {
    out.str(catalogue);
    out.varint(items.size());
    for (const auto& [id, attributes] : items) {
      out.str(id);
      encode_attributes(attributes, out);
    }
  }
}

Status Catalog::load(Reader& in) {
  CHECK(slots_.size() == 0);  // Into a fresh catalogue only.
  loading_ = true;
  touches_ = in.u64();
  evicted_ = in.u64();
  const uint64_t facets = in.varint();
  for (uint64_t i = 1; i < facets && in.ok(); ++i) new_facet(std::string(in.str()));
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto slot = static_cast<ItemSlot>(i);
    slots_.grow(i + 1);
    if (in.u8() == 0) {
      free_.push_back(slot);
      continue;
    }
    auto record = std::make_unique<ItemRecord>();
    slots_[slot].heat = in.f32();
    slots_[slot].last = in.u64();
    record->id = in.str();
    record->key = hash_bytes(record->id);
    const uint8_t flags = in.u8();
    record->listed = flags & 1;
    record->deleted = flags & 2;
    record->created_ms = in.i64();
    record->updated_ms = in.i64();
    if (!decode_attributes(in, record->attributes)) break;
    derive(*record);
    index_.insert(record->key, slot);
    publish(slot, record.release());
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  const uint64_t waiting = in.varint();
  for (uint64_t i = 0; i < waiting && in.ok(); ++i) {
    Waiting& items = waiting_[std::string(in.str())];
    const uint64_t of_it = in.varint();
    for (uint64_t n = 0; n < of_it && in.ok(); ++n) {
      std::string id(in.str());
      if (!decode_attributes(in, items[std::move(id)])) in.fail();
    }
    waiting_items_ += items.size();
  }
  if (!in.ok()) return corrupt("catalog section: ends too early or is malformed");
  loading_ = false;
  std::sort(free_.begin(), free_.end(), std::greater<>());
  return {};
}

}  // namespace freshet
