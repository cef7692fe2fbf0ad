#include "search/documents.h"

#include <algorithm>

#include "base/hash.h"
#include "event/vector_attribute.h"

namespace freshet {
namespace {

constexpr size_t kPooledTextMax = 4096;

void add(uint32_t field, const Value& value, size_t bytes_max, std::vector<DocumentText>& out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (!text->empty() && text->size() <= bytes_max) out.push_back({field, *text});
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& one : *list)
      if (!one.empty() && one.size() <= bytes_max) out.push_back({field, one});
  }
}

bool is_address(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("//");
}

// Attributes whose values are not words for people, whatever they hold.
bool is_technical(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "url",        "link", "image",   "image_link", "images", "currency",      "price",
      "sale_price", "gtin", "created", "updated",    "id",     "item_group_id", kVectorAttribute};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         name.ends_with("_url") || name.ends_with("_link") || name.ends_with("_id");
}

}  // namespace

DocumentFields::DocumentFields(const SearchSettings& settings, const CatalogConfig& catalog) {
  const std::pair<std::string_view, const std::vector<std::string>*> roles[] = {
      {"title", &catalog.title}, {"brand", &catalog.brand}, {"category", &catalog.category}};
  for (const SearchableField& from : settings.searchable) {
    Field field{from.name, {from.name}, Language::kAuto};
    for (const auto& [role, attributes] : roles)
      if (from.name == role) field.attributes = *attributes;
    if (from.name == "*") field.attributes.clear();
    const std::string& language = from.language == "auto" ? settings.language : from.language;
    if (const auto parsed = parse_language(language); parsed.ok()) field.language = *parsed;
    taken_.insert(taken_.end(), field.attributes.begin(), field.attributes.end());
    fields_.push_back(std::move(field));
  }
  taken_.insert(taken_.end(), catalog.price.begin(), catalog.price.end());
  taken_.insert(taken_.end(), catalog.availability.begin(), catalog.availability.end());
  std::sort(taken_.begin(), taken_.end());
}

bool DocumentFields::named(std::string_view attribute) const {
  return std::binary_search(taken_.begin(), taken_.end(), attribute);
}

void DocumentFields::texts(const ItemRecord& item, std::vector<DocumentText>& out) const {
  out.clear();
  for (uint32_t f = 0; f < fields_.size(); ++f) {
    for (const std::string& attribute : fields_[f].attributes) {
      const Value* value = item.attribute(attribute);
      if (value == nullptr) continue;
      add(f, *value, SIZE_MAX, out);
      break;
    }
    if (!fields_[f].attributes.empty()) continue;
    const size_t first = out.size();
    for (const Attribute& attribute : item.attributes)
      if (!named(attribute.name) && !is_technical(attribute.name))
        add(f, attribute.value, kPooledTextMax, out);
    out.erase(std::remove_if(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(),
                             [](const DocumentText& text) { return is_address(text.text); }),
              out.end());
  }
}

uint64_t DocumentFields::fingerprint(const ItemRecord& item) const {
  thread_local std::vector<DocumentText> all;
  texts(item, all);
  uint64_t hash = all.size() + 1;
  for (const DocumentText& text : all) hash = mix64(mix64(hash, text.field), hash_bytes(text.text));
  return hash;
}

int DocumentFields::find(std::string_view name) const {
  for (size_t f = 0; f < fields_.size(); ++f)
    if (fields_[f].name == name) return static_cast<int>(f);
  return -1;
}

}  // namespace freshet
