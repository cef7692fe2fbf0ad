#include "recommend/history.h"

#include <algorithm>
#include <cmath>

#include "recommend/numeric.h"
#include "recommend/slots.h"

namespace freshet {

namespace {

constexpr size_t kChances = 48;  // Recent items that get a chance counted, where a step is one choice.

constexpr SourceColumn kColumns[] = {
    {"again", SourceColumn::Kind::kProbability, 1e-4f},
    {"again_session_count", SourceColumn::Kind::kProbability, 1, 0.7f},
    {"again_count", SourceColumn::Kind::kProbability, 1, 0.5f},
    {"again_nearness", SourceColumn::Kind::kPlain},
    {"again_last", SourceColumn::Kind::kPlain},
    {"again_regularity", SourceColumn::Kind::kPlain},
    {"again_recency", SourceColumn::Kind::kPlain},
    {"again_due", SourceColumn::Kind::kPlain},
    {"again_bought", SourceColumn::Kind::kProbability, 1, 0.5f},
    {"again_item", SourceColumn::Kind::kProbability, 1e-2f},
};

struct Rate {
  std::atomic<float> hits{0}, chances{0};
};

uint32_t log2_bucket(uint64_t x) {  // 0, 1, 2-3, 4-7, ...
  return static_cast<uint32_t>(std::bit_width(x));
}

class History final : public Source {
 public:
  std::string_view name() const override { return "history"; }
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context& context) override {
    const size_t chances =
        context.basket ? context.recents.size() : std::min(kChances, context.recents.size());
    for (size_t r = 0; r < chances; ++r) {
      const Recent& recent = context.recents[r];
      count(rates_[bucket(context, recent)], recent.item == lesson.step.item);
    }
    const size_t looks = std::min<size_t>(context.basket ? chances : 8, chances);
    for (size_t r = 0; r < looks; ++r) {
      const Recent& recent = context.recents[r];
      count(items_.at(recent.item), recent.item == lesson.step.item);
    }
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    for (const Recent& recent : context.recents) {
      float* x = slate.row(recent.item);
      if (x == nullptr) return;
      x += first;
      x[0] = value(rates_[bucket(context, recent)], 1e-3f, 50);
      x[1] = static_cast<float>(recent.in_session);
      x[2] = static_cast<float>(recent.count);
      x[3] = 1 / static_cast<float>(recent.distance + 1);
      x[4] = recent.distance == 0 ? 1 : 0;
      x[5] = context.occasions == 0
                 ? 0
                 : static_cast<float>(recent.occasions) / static_cast<float>(context.occasions);
      const float idle = days(context.now_ms - recent.last_ms);
      x[6] = 1 / (1 + numeric::log(1 + 24 * idle));
      if (recent.occasions > 1) {
        const float gap = days(recent.last_ms - recent.first_ms) / static_cast<float>(recent.occasions - 1);
        const float late = numeric::log((idle + 0.5f) / (gap + 0.5f));
        x[7] = 1 - std::min(1.0f, std::abs(late));
      }
      x[8] = static_cast<float>(recent.purchases);
      const Rate* rate = items_.find(recent.item);
      x[9] = rate == nullptr ? 0.02f : value(*rate, 0.02f, 20);
    }
  }

  RecommendReason reason(const Context& context, ItemSlot item) const override {
    return context.find(item) == nullptr ? RecommendReason{}
                                         : RecommendReason{RecommendReason::Kind::kAgain, item};
  }

  void evict(const ForgottenItems& gone) override {
    for (ItemSlot item = 0; item < items_.end(); ++item)
      if (gone.contains(item)) {
        Rate* rate = items_.find(item);
        if (rate == nullptr) continue;
        put(rate->hits, 0.0f);
        put(rate->chances, 0.0f);
      }
  }

  void save(Writer& out) const override {
    for (const Rate& rate : rates_) {
      out.f32(get(rate.hits));
      out.f32(get(rate.chances));
    }
    for (ItemSlot item = 0; item < items_.end(); ++item) {
      const Rate* rate = items_.find(item);
      if (rate == nullptr || get(rate->chances) == 0) continue;
      out.u32(item);
      out.f32(get(rate->hits));
      out.f32(get(rate->chances));
    }
    out.u32(kNoItem);
  }
  Status load(Reader& in) override {
    for (Rate& rate : rates_) {
      put(rate.hits, in.f32());
      put(rate.chances, in.f32());
    }
    for (ItemSlot item = 0; item < items_.end(); ++item)
      if (Rate* rate = items_.find(item)) {
        put(rate->hits, 0.0f);
        put(rate->chances, 0.0f);
      }
    for (ItemSlot item = in.u32(); item != kNoItem; item = in.u32()) {
      if (!in.ok() || item >= 1u << 26) return corrupt("history: item " + std::to_string(item));
      Rate& rate = items_.at(item);
      put(rate.hits, in.f32());
      put(rate.chances, in.f32());
    }
    if (!in.ok()) return corrupt("history: cut short");
    return {};
  }
  size_t bytes() const override { return sizeof(*this) + items_.bytes(); }

 private:
  static constexpr size_t kDistances = 9, kCounts = 4, kPlaces = 4;
  static constexpr float kForget = 1e5f;  // Chances after which old ones begin to fade.

  static float days(TimeMs ms) { return std::max(0.0f, static_cast<float>(ms) / static_cast<float>(kDayMs)); }
  static void count(Rate& rate, bool hit) {
    const float fade = get(rate.chances) > kForget ? 1 - 1 / kForget : 1;
    put(rate.hits, get(rate.hits) * fade + (hit ? 1 : 0));
    put(rate.chances, get(rate.chances) * fade + 1);
  }
  static float value(const Rate& rate, float prior, float strength) {
    return (get(rate.hits) + prior * strength) / (get(rate.chances) + strength);
  }
  // How far back, how often, and where: [this session | earlier | in a stream of orders].
  static size_t bucket(const Context& context, const Recent& recent) {
    const size_t distance =
        std::min<size_t>(kDistances - 1, context.basket        ? log2_bucket(recent.rank)
                                         : recent.distance < 4 ? recent.distance
                                                               : 2 + log2_bucket(recent.distance));
    const size_t times = context.basket          ? recent.occasions
                         : recent.in_session > 0 ? recent.in_session
                                                 : recent.count;
    const size_t counts = std::min<size_t>(kCounts, times) - 1;
    const size_t where = context.basket ? (context.occasions > 4 ? 3 : 2) : recent.in_session > 0 ? 0 : 1;
    return (where * kDistances + distance) * kCounts + counts;
  }

  Rate rates_[kPlaces * kDistances * kCounts];
  SlotArray<Rate> items_;
};

}  // namespace

std::unique_ptr<Source> make_history() {
  return std::make_unique<History>();
}

}  // namespace freshet
