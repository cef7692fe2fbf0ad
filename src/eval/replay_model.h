// What a replay drives: the shop's folds and the recommender that answers from them. The real one is
// eval/shop_model.h; tests bring small ones whose answers can be computed by hand.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "recommend/recommender.h"

namespace freshet {

// Something that answers: the live recommender, or a copy that was last published some time ago.
class Answerer {
 public:
  virtual ~Answerer() = default;
  virtual std::vector<Recommended> recommend(const RecommendQuery& query) const = 0;
  // The same list, and how every source sees it. Costs more.
  virtual Inspection inspect(const RecommendQuery& query, ItemSlot target) const = 0;
};

// Threads: one.
class ReplayModel {
 public:
  virtual ~ReplayModel() = default;

  // Folds one event, as the server does.
  virtual Status apply(const Event& event) = 0;

  // Before apply(event): what the event's shopper did so far. Lives until the next apply().
  virtual Sequence before(const Event& event) const = 0;
  virtual ItemSlot find(std::string_view item) const = 0;  // kNoItem: never seen
  virtual std::string_view item_id(ItemSlot slot) const = 0;
  virtual TimeMs now_ms() const = 0;  // Newest event time folded.

  virtual const Answerer& live() const = 0;
  virtual std::span<const std::string_view> source_names() const = 0;  // Of Inspection::by_source.

  // Learned state as it stands now, and an answerer made from it.
  virtual std::string save_learned() const = 0;
  virtual Result<std::unique_ptr<Answerer>> open_copy(std::string_view learned) const = 0;

  virtual uint64_t state_hash() const = 0;  // Of all folded state.
};

}  // namespace freshet
