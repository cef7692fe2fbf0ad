// What of an item is text to be searched, and in which field of the index it stands: the settings' searchable
// fields, resolved against an item's attributes.
//
// Field i of the index is entry i of the settings. "title", "brand" and "category" are the first present of
// the attributes that the catalogue takes for them; "*" is every text attribute that no entry names and that
// is text for people: no addresses, pictures or prices, nothing longer than 4,096 bytes.
//
// Threads: const functions on any thread. Cost: a pass over the item's attributes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "feature/catalog.h"
#include "settings/search_settings.h"
#include "text/language.h"

namespace freshet {

struct DocumentText {
  uint32_t field = 0;
  std::string_view text;  // Lives as long as the record.
};

class DocumentFields {
 public:
  DocumentFields(const SearchSettings& settings, const CatalogConfig& catalog);

  // Ordered by field; a list attribute gives a text for each value.
  void texts(const ItemRecord& item, std::vector<DocumentText>& out) const;
  // Changes when any of the texts does.
  uint64_t fingerprint(const ItemRecord& item) const;

  size_t size() const { return fields_.size(); }
  std::string_view name(uint32_t field) const { return fields_[field].name; }
  Language language(uint32_t field) const { return fields_[field].language; }
  int find(std::string_view name) const;  // -1: not searched

 private:
  struct Field {
    std::string name;
    std::vector<std::string> attributes;  // The first present counts; empty: all others ("*").
    Language language = Language::kAuto;
  };
  bool named(std::string_view attribute) const;

  std::vector<Field> fields_;
  std::vector<std::string> taken_;  // Attributes that are no part of "*", sorted.
};

}  // namespace freshet
