// A small shop for tests: the folds that search reads, wired as the engine does, and searches over them.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "feature/entry.h"
#include "sample/joiner.h"
#include "search/search_service.h"

namespace freshet::testing {

class SmallShop {
 public:
  explicit SmallShop(bool background = false)
      : config_{.background = background},
        entry_(moment_, 1000),
        settings_(moment_),
        catalog_(moment_),
        joiner_(moment_, catalog_),
        trail_(moment_),
        suggestions_(moment_, trail_),
        intent_(moment_, catalog_, trail_),
        vectors_(moment_, catalog_, trail_),
        clicks_(moment_, catalog_, joiner_),
        state_(moment_, catalog_, settings_, config_),
        service_(catalog_, settings_, state_, config_, &vectors_, &intent_, &suggestions_, &clicks_) {
    settings_.on_change(
        [this](const SettingsBook& a, const SettingsBook& b) { state_.settings_changed(a, b); });
    catalog_.on_change([this](ItemSlot slot, const ItemRecord* before, const ItemRecord* now) {
      state_.record_changed(slot, before, now);
    });
    catalog_.on_evict([this](std::span<const ItemSlot> slots) {
      joiner_.evict(slots);
      clicks_.evict(slots);
      vectors_.evict(slots);
      state_.evict(slots);
    });
  }

  void apply(Event event) {
    if (event.id.empty()) event.id = std::to_string(++events_);
    if (event.time_ms == kNoTime) event.time_ms = 1'760'000'000'000 + static_cast<TimeMs>(events_);
    for (Fold* fold : folds()) fold->apply(events_, event);
  }
  std::vector<Fold*> folds() {
    return {&entry_,       &settings_, &catalog_, &joiner_, &trail_,
            &suggestions_, &intent_,   &vectors_, &clicks_, &state_};
  }
  void item(const std::string& id, std::vector<Attribute> attributes, EventType type = EventType::kItemUpsert,
            const std::string& catalogue = "") {
    Event event;
    event.type = type;
    event.item = id;
    event.attributes = std::move(attributes);
    event.catalogue = catalogue;
    std::sort(event.attributes.begin(), event.attributes.end(),
              [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    apply(std::move(event));
  }
  void act(EventType type, const std::string& item) {
    Event event;
    event.type = type;
    event.item = item;
    event.user = "u";
    apply(std::move(event));
  }
  void settings(const std::string& json) {
    apply(settings_event("stage", json, ""));
    apply(settings_event("publish", std::to_string(settings_.book().next - 1), ""));
  }
  Result<SearchAnswer> search(const SearchRequest& request) {
    return service_.search(request, moment_.now_ms);
  }
  // The ids of the page, joined.
  std::string ids(const SearchRequest& request) {
    const auto answer = search(request);
    if (!answer.ok()) return answer.error().what;
    std::string out;
    for (const SearchHit& hit : answer->hits) out += (out.empty() ? "" : " ") + hit.id;
    return out;
  }
  std::string ids(const std::string& query) {
    SearchRequest request;
    request.query = query;
    return ids(request);
  }
  void fill() {
    item("k1",
         {{"title", "Red kettle"}, {"brand", "Acme"}, {"category", "Kitchen > Kettles"}, {"price", 39.9}});
    item("k2",
         {{"title", "Blue kettle"}, {"brand", "Acme"}, {"category", "Kitchen > Kettles"}, {"price", 49.9}});
    item("k3",
         {{"title", "Steel kettle"}, {"brand", "Bravo"}, {"category", "Kitchen > Kettles"}, {"price", 19.9}});
    item("p1",
         {{"title", "Frying pan"}, {"brand", "Bravo"}, {"category", "Kitchen > Pans"}, {"price", 25.0}});
    item("s1", {{"title", "Couch"}, {"brand", "Chair Co"}, {"category", "Living"}, {"price", 499.0}});
  }

  SearchConfig config_;
  Moment moment_;
  Entry entry_;
  Settings settings_;
  Catalog catalog_;
  Joiner joiner_;
  SearchTrail trail_;
  Suggestions suggestions_;
  Intent intent_;
  ItemVectors vectors_;
  ClickModel clicks_;
  SearchState state_;
  SearchService service_;
  uint64_t events_ = 0;
};

}  // namespace freshet::testing
