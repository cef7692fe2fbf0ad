#include "column/column_set.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"

namespace freshet {
namespace {

// Made by us from the record; an attribute of the same name is what they are made from.
constexpr std::string_view kDerived[] = {"available", "brand", "category", "created", "id", "price"};

double as_number(const Value* value) {
  if (value == nullptr) return kNoNumber;
  if (const auto* whole = std::get_if<int64_t>(value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(value)) return *real;
  if (const auto* text = std::get_if<std::string>(value)) {
    double number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error == std::errc() && end == text->data() + text->size()) return number;
  }
  return kNoNumber;
}

bool split_place(std::string_view text, double& latitude, double& longitude) {
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return false;
  std::string_view second = text.substr(comma + 1);
  while (!second.empty() && second.front() == ' ') second.remove_prefix(1);
  const auto read = [](std::string_view part, double& out) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out);
    return error == std::errc() && end == part.data() + part.size();
  };
  return read(text.substr(0, comma), latitude) && read(second, longitude);
}

bool is_position(std::string_view part) {
  return !part.empty() && part.size() <= 4 &&
         std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void add_texts(const Value& value, std::vector<std::string>& out) {
  char room[32];
  const auto number = [&](auto x) { out.emplace_back(room, std::to_chars(room, room + sizeof room, x).ptr); };
  if (const auto* text = std::get_if<std::string>(&value)) out.push_back(*text);
  if (const auto* flag = std::get_if<bool>(&value)) out.emplace_back(*flag ? "true" : "false");
  if (const auto* whole = std::get_if<int64_t>(&value)) number(*whole);
  if (const auto* real = std::get_if<double>(&value)) number(*real);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    out.insert(out.end(), list->begin(), list->end());
}

}  // namespace

std::string without_positions(std::string_view name) {
  if (name.find('.') == std::string_view::npos) return {};
  bool any = false;
  std::string out;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    const bool position = at > 0 && is_position(part);
    any |= position;
    if (!position) out.append(at > 0 ? "." : "").append(part);
    at = end + 1;
  }
  return any ? out : std::string();
}

std::vector<std::string> joined_values(const ItemRecord& item, std::string_view name) {
  std::vector<std::string> out;
  if (item.attribute(name) != nullptr) return out;
  const std::string_view first = name.substr(0, name.find('.'));
  for (const Attribute& attribute : item.attributes)
    if (attribute.name.size() > name.size() && attribute.name.starts_with(first) &&
        without_positions(attribute.name) == name)
      add_texts(attribute.value, out);
  return out;
}

bool place_of(const ItemRecord& item, const std::vector<std::string>& names, double& latitude,
              double& longitude) {
  for (const std::string& name : names) {
    const Value* whole = item.attribute(name);
    const auto* text = whole != nullptr ? std::get_if<std::string>(whole) : nullptr;
    if (text == nullptr || !split_place(*text, latitude, longitude)) {
      latitude = as_number(item.attribute(name + ".lat"));
      longitude = as_number(item.attribute(name + ".lng"));
      if (!has_number(longitude)) longitude = as_number(item.attribute(name + ".lon"));
    }
    if (latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180) return true;
  }
  return false;
}

ColumnSet::ColumnSet(const Catalog& catalog, ColumnConfig config)
    : catalog_(catalog), config_(std::move(config)) {}

ColumnSet::~ColumnSet() {
  for (size_t i = 0; i < columns_.size(); ++i) delete columns_[i].load(std::memory_order_relaxed);
}

const Column* ColumnSet::find(std::string_view name) const {
  const auto at = [&](uint32_t i) { return columns_[i].load(std::memory_order_acquire); };
  const uint32_t found = index_.find(hash_bytes(name), [&](uint32_t i) { return at(i)->name == name; });
  return found == IdIndex::kNone ? nullptr : at(found);
}

Column* ColumnSet::column_for(std::string_view name) {
  // Items name their attributes in the same order mostly: the column after the last one asked for.
  if (next_ < columns_.size()) {
    Column* guess = columns_[next_].load(std::memory_order_relaxed);
    if (guess->name == name) {
      ++next_;
      return guess;
    }
  }
  const uint32_t at = index_.find(hash_bytes(name), [&](uint32_t i) {
    return columns_[i].load(std::memory_order_relaxed)->name == name;
  });
  if (at != IdIndex::kNone) {
    next_ = at + 1;
    return columns_[at].load(std::memory_order_relaxed);
  }
  const auto number = static_cast<uint32_t>(columns_.size());
  if (number >= config_.columns_max) return nullptr;
  columns_.grow(number + 1);
  auto* column = new Column(std::string(name));
  columns_[number].store(column, std::memory_order_release);
  index_.insert(hash_bytes(name), number);
  return column;
}

bool ColumnSet::skipped(std::string_view name) const {
  return std::find(std::begin(kDerived), std::end(kDerived), name) != std::end(kDerived) ||
         std::find(config_.skip.begin(), config_.skip.end(), name) != config_.skip.end();
}

bool ColumnSet::complete(std::string_view name) const {
  return columns_.size() < config_.columns_max && !skipped(name);
}

void ColumnSet::set(std::string_view name, ItemSlot slot, const Value* value) {
  Column* column = column_for(name);
  if (column == nullptr) return;
  double number = kNoNumber;
  std::vector<std::string_view> texts;
  const auto take = [&](const std::string& text) {
    if (text.size() > config_.text_bytes_max)
      column->whole.store(false, std::memory_order_relaxed);
    else
      texts.push_back(text);
  };
  bool there = value != nullptr;
  if (!there || std::holds_alternative<std::monostate>(*value)) {
    there = false;
  } else if (const auto* text = std::get_if<std::string>(value)) {
    take(*text);
  } else if (const auto* flag = std::get_if<bool>(value)) {
    texts.push_back(*flag ? "true" : "false");
  } else if (const auto* list = std::get_if<std::vector<std::string>>(value)) {
    for (const std::string& each : *list) take(each);
  } else {
    number = as_number(value);
  }
  column->numbers.set(slot, number);
  column->texts.set(slot, texts);
  column->present.set(slot, there);
}

void ColumnSet::set_facets(std::string_view kind, ItemSlot slot, const ItemRecord* now) {
  Column* column = column_for(kind.substr(0, kind.size() - 1));
  if (column == nullptr) return;
  std::vector<std::string_view> texts;
  if (now != nullptr)
    for (const uint32_t facet : now->facets) {
      const std::string_view name = catalog_.facet_name(facet);
      if (name.substr(0, kind.size()) == kind) texts.push_back(name.substr(kind.size()));
    }
  column->texts.set(slot, texts);
  column->present.set(slot, !texts.empty());
}

void ColumnSet::set_derived(ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
  if (before == nullptr || now == nullptr || before->facets != now->facets) {
    set_facets("category:", slot, now);
    set_facets("brand:", slot, now);
  }
  const auto number = [&](std::string_view name, double old, double next, bool always) {
    const bool same = has_number(old) ? old == next : !has_number(next);
    if (!always && same) return;
    const Value value = next;
    set(name, slot, has_number(next) ? &value : nullptr);
  };
  number("price", before != nullptr ? before->price : kNoNumber, now != nullptr ? now->price : kNoNumber,
         false);
  number("created", before != nullptr ? static_cast<double>(before->created_ms) : kNoNumber,
         now != nullptr ? static_cast<double>(now->created_ms) : kNoNumber, false);
  if (now == nullptr) {
    set("available", slot, nullptr);
  } else if (before == nullptr || before->available != now->available) {
    const Value value = now->available;
    set("available", slot, &value);
  }
}

void ColumnSet::set_place(ItemSlot slot, const ItemRecord* now) {
  double latitude = kNoNumber, longitude = kNoNumber;
  if (now == nullptr || !place_of(*now, config_.geo, latitude, longitude)) latitude = longitude = kNoNumber;
  latitude_.set(slot, latitude);
  longitude_.set(slot, longitude);
}

// Names without positions that either record has values for. Their columns are made here, before those of the
// positions, of which there may be more than columns_max.
ColumnSet::Names ColumnSet::joined_names(const ItemRecord* before, const ItemRecord* now) {
  Names names;
  for (const ItemRecord* item : {before, now}) {
    if (item == nullptr) continue;
    for (const Attribute& attribute : item->attributes)
      if (std::string name = without_positions(attribute.name); !name.empty() && !skipped(name))
        names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) column_for(name);
  return names;
}

void ColumnSet::join_lists(const Names& names, ItemSlot slot, const ItemRecord* now) {
  for (const std::string& name : names) {
    if (now != nullptr && now->attribute(name) != nullptr) continue;
    Value values = now == nullptr ? std::vector<std::string>() : joined_values(*now, name);
    const bool none = std::get<std::vector<std::string>>(values).empty();
    set(name, slot, none ? nullptr : &values);
  }
}

// Both lists are sorted by name: one walk finds what changed.
void ColumnSet::merge_attributes(ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
  static const std::vector<Attribute> kNothing;
  const auto& old = before != nullptr ? before->attributes : kNothing;
  const auto& next = now != nullptr ? now->attributes : kNothing;
  bool place = false;
  const auto change = [&](const std::string& name, const Value* value) {
    for (const std::string& geo : config_.geo) place |= std::string_view(name).substr(0, geo.size()) == geo;
    if (!skipped(name)) set(name, slot, value);
  };
  size_t i = 0, j = 0;
  while (i < old.size() || j < next.size()) {
    const int order = i == old.size() ? 1 : j == next.size() ? -1 : old[i].name.compare(next[j].name);
    if (order < 0) {
      change(old[i++].name, nullptr);
    } else if (order > 0) {
      change(next[j].name, &next[j].value);
      ++j;
    } else {
      if (!(old[i].value == next[j].value)) change(next[j].name, &next[j].value);
      ++i;
      ++j;
    }
  }
  if (place) set_place(slot, now);
}

void ColumnSet::update(ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
  next_ = 0;
  const Names joined = joined_names(before, now);
  merge_attributes(slot, before, now);
  join_lists(joined, slot, now);
  set_derived(slot, before, now);
  listed_.set(slot, now != nullptr && now->listed && !now->deleted);
  items_.set(slot, now != nullptr);
}

void ColumnSet::rebuild() {
  for (ItemSlot slot = 0; slot < catalog_.slots(); ++slot)
    if (const ItemRecord* item = catalog_.item(slot)) update(slot, nullptr, item);
}

SlotSet ColumnSet::listed_set() const {
  SlotSet::Builder builder;
  std::vector<uint64_t> words(SlotSet::kChunkWords);
  for (uint32_t number = 0; number < listed_.chunks(); ++number) {
    std::fill(words.begin(), words.end(), 0);
    if (listed_.or_into(number, words.data())) builder.add_chunk(number, words.data());
  }
  return builder.take();
}

std::vector<const Column*> ColumnSet::columns() const {
  std::vector<const Column*> out;
  for (size_t i = 0; i < columns_.size(); ++i)
    if (const Column* column = columns_[i].load(std::memory_order_acquire)) out.push_back(column);
  std::sort(out.begin(), out.end(), [](const Column* a, const Column* b) { return a->name < b->name; });
  return out;
}

std::vector<ColumnSize> ColumnSet::sizes() const {
  std::vector<ColumnSize> out;
  for (const Column* column : columns())
    out.push_back(
        {column->name, column->present.size(), column->texts.distinct(),
         sizeof(Column) + column->numbers.bytes() + column->texts.bytes() + column->present.bytes()});
  out.push_back({"(place)", latitude_.size(), 0, latitude_.bytes() + longitude_.bytes()});
  out.push_back({"(items)", items_.size(), 0, items_.bytes() + listed_.bytes()});
  return out;
}

size_t ColumnSet::bytes() const {
  size_t bytes = 0;
  for (const ColumnSize& size : sizes()) bytes += size.bytes;
  return bytes;
}

}  // namespace freshet
