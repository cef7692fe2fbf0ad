// A model small enough to follow with a pencil: an item's score is how often it was acted on so far, plus 100
// for each time it came right after the shopper's last item. Ranks every item.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "eval/groups.h"
#include "eval/replay_model.h"

namespace freshet {

class MiniModel : public ReplayModel {
 public:
  struct Counts {
    std::map<ItemSlot, float> popular;
    std::map<std::pair<ItemSlot, ItemSlot>, float> after;
  };

  class MiniAnswerer final : public Answerer {
   public:
    explicit MiniAnswerer(Counts counts) : counts_(std::move(counts)) {}
    Counts& counts() { return counts_; }
    const Counts& counts() const { return counts_; }

    std::vector<Recommended> recommend(const RecommendQuery& query) const override {
      return list(query, 1, 100);
    }
    Inspection inspect(const RecommendQuery& query, ItemSlot target) const override {
      Inspection seen;
      seen.items = list(query, 1, 100);
      seen.probability = target == kNoItem ? 0 : 0.5f;
      for (const auto& [popular, after] : {std::pair(1.0f, 0.0f), std::pair(0.0f, 1.0f)}) {
        Inspection::View view;
        for (const Recommended& item : list(query, popular, after)) view.items.push_back(item.item);
        view.probability = 0.25f;
        seen.by_source.push_back(std::move(view));
      }
      return seen;
    }

   private:
    std::vector<Recommended> list(const RecommendQuery& query, float popular, float after) const {
      const ItemSlot last = query.sequence.steps.empty() ? kNoItem : query.sequence.steps.back().item;
      std::vector<Recommended> items;
      for (const auto& [item, count] : counts_.popular) {
        if (query.allow && !query.allow(item)) continue;
        const auto pair = counts_.after.find({last, item});
        Recommended one;
        one.item = item;
        one.score = popular * count + (pair == counts_.after.end() ? 0 : after * pair->second);
        one.reason.source = pair == counts_.after.end() ? 0 : 1;
        if (one.score > 0) items.push_back(one);
      }
      std::stable_sort(items.begin(), items.end(),
                       [](const auto& a, const auto& b) { return a.score > b.score; });
      if (items.size() > query.k) items.resize(query.k);
      return items;
    }
    Counts counts_;
  };

  Status apply(const Event& event) override {
    now_ms_ = std::max(now_ms_, event.time_ms);
    if (!is_target(event)) return {};
    const auto [found, added] = slots_.try_emplace(event.item, static_cast<ItemSlot>(ids_.size()));
    if (added) ids_.push_back(event.item);
    const ItemSlot item = found->second;
    std::vector<Step>& steps = shoppers_[shopper(event)];
    live_.counts().popular[item] += 1;
    if (!steps.empty()) live_.counts().after[{steps.back().item, item}] += 1;
    Step step;
    step.item = item;
    step.type = event.type;
    step.time_ms = event.time_ms;
    steps.push_back(step);
    return {};
  }
  Sequence before(const Event& event) const override {
    const auto found = shoppers_.find(shopper(event));
    if (found == shoppers_.end()) return {};
    return {hash_bytes(shopper(event)), found->second, 0};
  }
  ItemSlot find(std::string_view item) const override {
    const auto found = slots_.find(std::string(item));
    return found == slots_.end() ? kNoItem : found->second;
  }
  std::string_view item_id(ItemSlot slot) const override { return ids_[slot]; }
  TimeMs now_ms() const override { return now_ms_; }
  const Answerer& live() const override { return live_; }
  std::span<const std::string_view> source_names() const override {
    static constexpr std::string_view kNames[] = {"popular", "after"};
    return kNames;
  }
  std::string save_learned() const override {
    saves++;
    Writer out;
    out.u64(live_.counts().popular.size());
    for (const auto& [item, count] : live_.counts().popular) out.u32(item), out.f32(count);
    out.u64(live_.counts().after.size());
    for (const auto& [pair, count] : live_.counts().after)
      out.u32(pair.first), out.u32(pair.second), out.f32(count);
    return out.take();
  }
  Result<std::unique_ptr<Answerer>> open_copy(std::string_view learned) const override {
    Reader in(learned);
    Counts counts;
    for (uint64_t n = in.u64(); n > 0; n--) {
      const ItemSlot item = in.u32();
      counts.popular[item] = in.f32();
    }
    for (uint64_t n = in.u64(); n > 0; n--) {
      const ItemSlot from = in.u32(), to = in.u32();
      counts.after[{from, to}] = in.f32();
    }
    if (!in.ok() || !in.done()) return corrupt("mini model");
    return std::unique_ptr<Answerer>(new MiniAnswerer(std::move(counts)));
  }
  uint64_t state_hash() const override { return hash_bytes(save_learned()); }

  mutable int saves = 0;

 private:
  static std::string shopper(const Event& event) { return event.user.empty() ? event.session : event.user; }

  std::map<std::string, ItemSlot> slots_;
  std::vector<std::string> ids_;
  std::map<std::string, std::vector<Step>> shoppers_;
  MiniAnswerer live_{Counts{}};
  TimeMs now_ms_ = 0;
};

}  // namespace freshet
