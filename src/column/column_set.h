// The attributes of all items as columns by catalogue slot: what filters, facets, sorting and grouping read.
//
// Written by the fold thread from the change of one item's record; an attribute that did not change is not
// touched, so a new price costs the two stores of its own column. Derived wholly from the catalogue: not
// saved in snapshots, rebuilt from it with rebuild() (about 3 us an item of ten attributes).
//
// A column is made at an attribute's first sight: numbers in a NumberColumn; texts, lists and booleans
// ("true", "false") in a TextColumn; both where items differ. Made by us: "price", "available", "created",
// "category" (with every category above the item's own) and "brand", as the catalogue derives them; of a list
// of objects ("variants.0.size", "variants.1.size") all values under the name without positions
// ("variants.size"), unless the item has an attribute of that name; and the
// place of an item, from the first of `geo` that has .lat and .lng (or .lon), or a text "48.85,2.35". No
// column: "id", the names in `skip`, a text attribute with a value above text_bytes_max (a description), and
// what comes after columns_max. They can still be filtered by, from the records and slowly.
//
// Threads: update(), rebuild(), remove() on the fold thread; the rest on any thread under an EpochGuard.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "column/number_column.h"
#include "column/slot_bits.h"
#include "column/text_column.h"
#include "event/vector_attribute.h"
#include "feature/catalog.h"

namespace freshet {

struct ColumnConfig {
  uint32_t columns_max = 256;
  uint32_t text_bytes_max = 256;
  std::vector<std::string> skip = {"title", "name",       "description", "url",
                                   "image", "image_link", "link",        std::string(kVectorAttribute)};
  std::vector<std::string> geo = {"_geo", "_geoloc", "geo", "location"};
};

struct Column {
  explicit Column(std::string column_name) : name(std::move(column_name)) {}
  const std::string name;
  NumberColumn numbers;
  TextColumn texts;
  SlotBits present;               // slots that have the attribute at all
  std::atomic<bool> whole{true};  // false: some value was too long, so only the records know all of it
};

struct ColumnSize {
  std::string name;
  uint32_t items = 0;
  uint32_t distinct_texts = 0;
  size_t bytes = 0;
};

class ColumnSet {
 public:
  explicit ColumnSet(const Catalog& catalog, ColumnConfig config = {});
  ~ColumnSet();

  // Fold thread, when the catalogue has published `now` in place of `before` (either may be nullptr: no such
  // item). `before` must be the record of the last update of this slot, kept alive by an EpochGuard.
  void update(ItemSlot slot, const ItemRecord* before, const ItemRecord* now);
  void rebuild();  // Into an empty set, from every item of the catalogue.

  // nullptr: there is no such column.
  const Column* find(std::string_view name) const;
  std::vector<const Column*> columns() const;  // by name
  // True: an attribute of this name that has no column is borne by no item. False: ask the records.
  bool complete(std::string_view name) const;
  const NumberColumn& latitude() const { return latitude_; }  // degrees
  const NumberColumn& longitude() const { return longitude_; }
  // Items that exist, and those of them that the shop offers (upserted and not deleted since).
  const SlotBits& items() const { return items_; }
  const SlotBits& listed() const { return listed_; }
  SlotSet listed_set() const;
  uint32_t chunks() const { return items_.chunks(); }

  const Catalog& catalog() const { return catalog_; }
  std::vector<ColumnSize> sizes() const;  // by name; walks every dictionary
  size_t bytes() const;                   // their sum

 private:
  using Names = std::vector<std::string>;
  Column* column_for(std::string_view name);
  void set(std::string_view name, ItemSlot slot, const Value* value);
  void set_facets(std::string_view kind, ItemSlot slot, const ItemRecord* now);
  void set_derived(ItemSlot slot, const ItemRecord* before, const ItemRecord* now);
  void set_place(ItemSlot slot, const ItemRecord* now);
  Names joined_names(const ItemRecord* before, const ItemRecord* now);
  void join_lists(const Names& names, ItemSlot slot, const ItemRecord* now);
  void merge_attributes(ItemSlot slot, const ItemRecord* before, const ItemRecord* now);
  bool skipped(std::string_view name) const;

  const Catalog& catalog_;
  const ColumnConfig config_;
  StableArray<std::atomic<Column*>, 256, 16> columns_;  // in order of first sight
  IdIndex index_;
  uint32_t next_ = 0;  // Fold thread: a guess.
  NumberColumn latitude_, longitude_;
  SlotBits items_, listed_;
};

// "variants.0.size" -> "variants.size"; empty: no part of the name is a position.
std::string without_positions(std::string_view name);
// All values of the item's attributes that are `name` without positions, as texts, in the order of the
// attributes' names; nothing when there is an attribute called `name`.
std::vector<std::string> joined_values(const ItemRecord& item, std::string_view name);

// Where an item is, as its attributes say; false: they do not.
bool place_of(const ItemRecord& item, const std::vector<std::string>& names, double& latitude,
              double& longitude);

}  // namespace freshet
