// A shop whose items are drawn from a seed, changed as the fold would change them, for tests and benches.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/epoch.h"
#include "base/hash.h"
#include "column/column_set.h"

namespace freshet {

struct SmallShop {
  Moment moment;
  Catalog catalog{moment};
  ColumnSet columns{catalog};

  SmallShop() {
    moment.skip = false;
    moment.time_ms = 1000;
  }

  void apply(EventType type, const std::string& id, std::vector<Attribute> attributes) {
    Event event;
    event.type = type;
    event.item = id;
    event.attributes = std::move(attributes);
    const EpochGuard guard;  // Keeps the record before the change.
    const ItemSlot before_slot = catalog.find(id);
    const ItemRecord* before = before_slot == kNoItem ? nullptr : catalog.item(before_slot);
    catalog.apply(0, event);
    const ItemSlot slot = catalog.find(id);
    if (slot != kNoItem) columns.update(slot, before, catalog.item(slot));
  }

  // Item `i` of version `version`: every kind of attribute, each absent now and then.
  void put(uint64_t i, uint64_t version, bool partial = false) {
    Draw draw(mix64(mix64(i, version), 5));
    const auto pick = [&](std::string_view stem, uint64_t n) {
      return std::string(stem) + std::to_string(draw.below(n));
    };
    std::vector<Attribute> out;
    if (draw.below(10) != 0) out.push_back({"price", static_cast<double>(draw.below(20000)) / 100});
    out.push_back({"stock", static_cast<int64_t>(draw.below(5))});
    if (!partial) {
      out.push_back({"brand", pick("brand", 1 + draw.below(200))});
      out.push_back({"category", pick("top", 4) + " > " + pick("mid", 5) + " > " + pick("leaf", 9)});
      if (draw.below(3) != 0) {
        std::vector<std::string> colors;
        for (uint64_t n = 1 + draw.below(3); n > 0; --n) colors.push_back(pick("color", 12));
        out.push_back({"color", colors});
      }
      if (draw.below(4) == 0) out.push_back({"size", std::to_string(30 + draw.below(20))});
      if (draw.below(2) == 0) out.push_back({"organic", draw.below(2) == 0});
      if (draw.below(3) == 0) out.push_back({"_geo.lat", draw.uniform() * 180 - 90});
      if (draw.below(3) == 0) out.push_back({"_geo.lng", draw.uniform() * 360 - 180});
      out.push_back({"rating", static_cast<double>(draw.below(11)) / 2});
      out.push_back({"parent", "p" + std::to_string(i / 3)});
      out.push_back({"title", pick("item", 100)});
      for (uint64_t n = draw.below(6), at = 0; at + 3 < n;
           ++at)  // A list of objects, or its values as a list.
        out.push_back({"parts." + std::to_string(at) + ".size", static_cast<int64_t>(draw.below(9))});
      if (draw.below(8) == 0) out.push_back({"parts.size", std::to_string(draw.below(9))});
      std::sort(out.begin(), out.end(),
                [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
    }
    apply(partial ? EventType::kItemUpdate : EventType::kItemUpsert, "i" + std::to_string(i), std::move(out));
  }
};

}  // namespace freshet
