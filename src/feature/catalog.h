// The shop's items: id <-> slot, typed attributes, categories and brands as facet numbers, price,
// availability.
//
// An item enters at its first sight: by an upsert, or by any action that names it (then it is known by its id
// only). Slots are dense and given in log order. At `items_max` items the least valuable sixteenth is
// evicted: value is the decayed count of what happened to the item (halved every `heat_half_life` touches of
// the catalogue), and being listed by an upsert counts like eight views. Everyone who keeps slots is told
// before they are reused (on_evict).
//
// A category "A > B > C" is three facets. What is sent bounds neither how deep nor how many they are, so that
// is bounded here, and what goes beyond is counted: it is an attribute of the item, and no facet.
//
// A catalogue may be imported beside the live one: item events that name it (Event::catalogue) are kept
// apart, and kCatalogSwap puts them in the place of what is listed, all at once: an item that the new one has
// is as if upserted, any other listed item as if deleted. Slots, and with them what was learned, stay.
//
// Threads: fold thread writes; find(), item() and facet_name() on any thread under an EpochGuard; what they
// return lives as long as that guard. Cost: about 200 bytes an item plus its attributes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/stable_array.h"
#include "feature/id_index.h"
#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

struct CatalogConfig {
  uint32_t items_max = 2'000'000;
  // Categories and brands that there ever were: learning goes by their numbers, so no number is used twice.
  uint32_t facets_max = 1'000'000;
  uint64_t facet_bytes_max = 128 << 20;  // Of their names.
  uint64_t heat_half_life = 1'000'000;   // touches
  // Which attributes mean what; the first one present wins.
  std::vector<std::string> title = {"title", "name"};
  std::vector<std::string> category = {"category", "categories", "category_id", "categoryid", "product_type"};
  std::vector<std::string> brand = {"brand"};
  std::vector<std::string> price = {"price"};
  std::vector<std::string> availability = {"available", "availability", "in_stock", "stock"};
};

constexpr size_t kFacetLevels = 16;    // Of one category, from the most general on.
constexpr size_t kFacetBytes = 256;    // Of one name: deeper levels whose path is longer are no facets.
constexpr size_t kFacetsOfItem = 256;  // Of its categories; as many of its brands.

// One item as published: immutable.
struct ItemRecord {
  std::string id;
  uint64_t key = 0;       // hash_bytes(id)
  bool listed = false;    // an upsert named it (and no delete since)
  bool deleted = false;   // a delete named it (and no upsert since)
  bool available = true;  // not deleted, and the availability attribute does not say otherwise
  double price = kNoNumber;
  TimeMs created_ms = 0;  // event time of the first sight
  TimeMs updated_ms = 0;
  std::string title;
  std::vector<uint32_t> facets;       // categories, most specific first, then the brand
  uint32_t categories = 0;            // So many of the facets are categories.
  std::vector<Attribute> attributes;  // sorted by name

  const Value* attribute(std::string_view name) const;  // nullptr: absent
  // Facets: the first of its categories, at its most specific, and its brand. 0: it has none.
  uint32_t category() const { return categories == 0 ? 0 : facets.front(); }
  uint32_t brand() const { return categories == facets.size() ? 0 : facets[categories]; }
};

class Catalog final : public Fold {
 public:
  explicit Catalog(Moment& moment, CatalogConfig config = {});
  ~Catalog() override;

  std::string_view name() const override { return "catalog"; }
  // Upserts, updates and deletes change items; an action on an item touches it and tells the moment its slot.
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override { return bytes_ + index_.bytes() + 24 * slots_.size(); }

  // Fold thread. Catalogues that wait beside the live one, and how many items each has.
  std::vector<std::pair<std::string, size_t>> waiting() const;
  // Fold thread. The slot of an item that an action names, made now if it is new; its value grows by `heat`.
  ItemSlot touch(std::string_view id, TimeMs time_ms, float heat = 1);
  // Called with the slots about to be freed, ascending. Set once, before the first event.
  void on_evict(std::function<void(std::span<const ItemSlot>)> listener) { on_evict_ = std::move(listener); }

  // Called whenever the record of a slot is replaced, except by load(), while both can be read (nullptr:
  // none). Set once, before the first event.
  void on_change(std::function<void(ItemSlot, const ItemRecord* before, const ItemRecord* now)> listener) {
    on_change_ = std::move(listener);
  }

  // Called before anything changes that slots(), item() and the like show; not for what an action that
  // touches a known item changes. Empty: nobody. Fold thread.
  void before_change(std::function<void()> listener) { before_change_ = std::move(listener); }

  // Any thread, under an EpochGuard.
  ItemSlot find(std::string_view id) const;     // kNoItem: not known
  const ItemRecord* item(ItemSlot slot) const;  // nullptr: no such item (any more)
  void fetch(ItemSlot slot) const {             // Asks for what item() reads ahead of its use.
    if (slot < slots_.size()) __builtin_prefetch(&slots_[slot]);
  }
  uint32_t slots() const { return static_cast<uint32_t>(slots_.size()); }  // every slot in use is below
  std::string_view facet_name(uint32_t facet) const;  // "category:Shoes > Running", "brand:Acme"; 0: ""
  uint32_t find_facet(std::string_view name) const;   // 0: not known
  uint32_t facets() const { return static_cast<uint32_t>(facet_names_.size()); }

  // Categories and brands that are no facets, for one of the bounds; since the start, the fold that led there
  // included.
  uint64_t facets_refused() const { return refused_.load(std::memory_order_relaxed); }

  size_t items() const { return live_.load(std::memory_order_relaxed); }
  uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  const CatalogConfig& config() const { return config_; }

 private:
  struct Slot {
    std::atomic<const ItemRecord*> record{nullptr};
    float heat = 0;     // Fold thread only: as of `last`.
    uint64_t last = 0;  // Touch of the catalogue when the heat was last changed.
  };

  using Waiting = std::map<std::string, std::vector<Attribute>>;  // By item id.
  void set_aside(const Event& event);
  void swap(const Event& event);
  void replace(std::string_view id, std::vector<Attribute> attributes);
  void change(const Event& event);
  void remove(const Event& event);
  ItemSlot slot_for(std::string_view id, TimeMs time_ms);
  void warm(ItemSlot slot, float heat);
  double value(const Slot& slot) const;
  void publish(ItemSlot slot, ItemRecord* next);
  void derive(ItemRecord& record);
  void add_facets(ItemRecord& record, const Value& value, std::string_view kind);
  uint32_t facet_number(std::string name);
  uint32_t new_facet(std::string name);
  void evict();

  Moment& moment_;
  const CatalogConfig config_;
  std::function<void(std::span<const ItemSlot>)> on_evict_;
  std::function<void(ItemSlot, const ItemRecord*, const ItemRecord*)> on_change_;
  std::function<void()> before_change_;
  bool loading_ = false;

  StableArray<Slot> slots_;
  IdIndex index_;
  StableArray<std::atomic<const std::string*>> facet_names_;  // [number]; 0 unused
  IdIndex facet_index_;
  uint64_t facet_bytes_ = 0;
  std::atomic<uint64_t> refused_{0};
  std::vector<ItemSlot> free_;              // Descending, so that the smallest is taken first.
  std::map<std::string, Waiting> waiting_;  // By name; fold thread only.
  size_t waiting_items_ = 0;
  uint64_t touches_ = 0;
  std::atomic<size_t> live_{0};
  std::atomic<uint64_t> evicted_{0};
  size_t bytes_ = 0;
  RetireList retired_;
};

}  // namespace freshet
