#include "engine/shop_state.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/id_order.h"
#include "fold/snapshot_store.h"

namespace freshet {

std::span<const uint32_t> CatalogFacts::facets(ItemSlot item) const {
  const ItemRecord* record = catalog_.item(item);
  return record == nullptr ? std::span<const uint32_t>() : std::span<const uint32_t>(record->facets);
}

// Three steps, each over all items: the slot's pointer, the record, its list. Every one of them is a cache
// miss where there are many items; this way they are waited for together.
void CatalogFacts::facets_of(std::span<const ItemSlot> items,
                             std::vector<std::span<const uint32_t>>& out) const {
  for (const ItemSlot item : items) catalog_.fetch(item);
  static thread_local std::vector<const ItemRecord*> records;
  records.clear();
  for (const ItemSlot item : items) {
    const ItemRecord* record = catalog_.item(item);
    if (record != nullptr) __builtin_prefetch(&record->facets);
    records.push_back(record);
  }
  out.clear();
  for (const ItemRecord* record : records) {
    out.push_back(record == nullptr ? std::span<const uint32_t>()
                                    : std::span<const uint32_t>(record->facets));
    if (!out.back().empty()) __builtin_prefetch(out.back().data());
  }
}

uint64_t CatalogFacts::key(ItemSlot item) const {
  const ItemRecord* record = catalog_.item(item);
  return record == nullptr ? 0 : record->key;
}

bool CatalogFacts::before(ItemSlot a, ItemSlot b) const {
  const ItemRecord *record_a = catalog_.item(a), *record_b = catalog_.item(b);
  if (record_a == nullptr || record_b == nullptr) return record_a != nullptr;
  return smaller_id(record_a->id, record_b->id);
}

bool Learning::lesson(const Event& event, Lesson& lesson) const {
  if (later_.skip || later_.item == kNoItem || !is_positive_action(event.type)) return false;
  lesson.step = {later_.item, event.type, 0, later_.time_ms,
                 event.order_id.empty() ? 0 : hash_bytes(event.order_id)};
  lesson.before = profiles_.before(event, later_.time_ms);
  lesson.key = later_.key;
  lesson.first_sight = later_.first_sight;
  return true;
}

void Learning::apply(Offset, const Event& event, const Moment& moment) {
  later_ = moment;
  Lesson next;
  if (!lesson(event, next)) return;
  recommender_->learn(next);
  if (listener_) listener_(next);
}

ShopState::ShopState(const StateConfig& config, Status& status)
    : entry_(moment_, config.dedupe_window),
      settings_(moment_),
      documents_(moment_),
      audit_(moment_),
      experiments_(moment_, settings_),
      catalog_(moment_, config.catalog),
      facts_(catalog_),
      trail_(moment_),
      suggestions_(moment_, trail_, config.suggestions),
      intent_(moment_, catalog_, trail_, config.intent),
      vectors_(moment_, catalog_, trail_, config.vectors),
      search_(moment_, catalog_, settings_, config.search),
      profiles_(later_, config.profiles),
      learning_(moment_, later_, profiles_,
                [&]() -> std::unique_ptr<Recommender> {
                  auto opened = Recommender::open(facts_, config.recommender);
                  if (opened.ok()) return std::move(opened).value();
                  status = opened.error();
                  return nullptr;
                }()),
      joiner_(later_, catalog_, config.joiner, &profiles_),
      clicks_(later_, catalog_, joiner_, config.clicks),
      contexts_(later_),
      ranker_(later_, catalog_, profiles_, joiner_, clicks_, contexts_, settings_, config.ranker),
      counters_(moment_, catalog_, config.counters) {
  const std::array<Fold*, 6> later = {&learning_, &joiner_, &clicks_, &contexts_, &ranker_, &profiles_};
  for (Fold* fold : folds())
    if (std::find(later.begin(), later.end(), fold) == later.end()) first_.push_back(fold);
}

Result<std::unique_ptr<ShopState>> ShopState::open(const StateConfig& config) {
  Status status;
  std::unique_ptr<ShopState> state(new ShopState(config, status));
  if (!status.ok()) return status.error();
  ShopState* owner = state.get();
  state->catalog_.on_evict([owner](std::span<const ItemSlot> items) {
    owner->joiner_.evict(items);
    owner->clicks_.evict(items);
    owner->vectors_.evict(items);
    owner->search_.evict(items);
    owner->recommender().evict(items);
    owner->profiles_.evict_items(items);
  });
  state->catalog_.on_change([owner](ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
    owner->search_.record_changed(slot, before, now);
  });
  state->clicks_.heed([owner] { return owner->ranker_.answers(); });
  state->settings_.on_change([owner](const SettingsBook& before, const SettingsBook& after) {
    owner->search_.settings_changed(before, after);
    const RankerSettings &was = before.published->settings.ranker, &is = after.published->settings.ranker;
    if (is.attribution != was.attribution)
      owner->joiner_.configure({.window_ms = is.attribution.window_seconds * TimeMs{1000},
                                .late_ms = is.attribution.late_seconds * TimeMs{1000}});
    owner->ranker_.settings_changed(was, is);
  });
  return state;
}

void ShopState::apply(Offset at, const Event& event) {
  for (Fold* fold : folds()) fold->apply(at, event);
}

// Of the catalogue and the settings, the second stage reads what before_change() tells of; of the other folds
// of the first stage, nothing.
void ShopState::begin(std::function<void()> settle) {
  settings_.before_change(settle);
  catalog_.before_change(std::move(settle));
  recommender().set_aside(true);
}

void ShopState::end() {
  settings_.before_change({});
  catalog_.before_change({});
  recommender().set_aside(false);
}

void ShopState::first(size_t place, Offset at, const Event& event) {
  for (Fold* fold : first_) fold->apply(at, event);
  moments_[place] = moment_;
}

void ShopState::second(size_t place, Offset at, const Event& event) {
  learning_.apply(at, event, moments_[place]);
  joiner_.apply(at, event);
  clicks_.apply(at, event);
  contexts_.apply(at, event);
  ranker_.apply(at, event);
  profiles_.apply(at, event);
}

void ShopState::finish() {
  recommender().set_aside(true);
}

uint64_t ShopState::hash() {
  const std::vector<Fold*> all = folds();
  return state_hash(all);
}

}  // namespace freshet
