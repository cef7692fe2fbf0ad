#include "recommend/popularity.h"

#include <algorithm>
#include <cmath>

#include "recommend/numeric.h"
#include "recommend/slots.h"

namespace freshet {

namespace {

constexpr size_t kLives = 3;
constexpr float kHalfLife[kLives] = {1'000, 20'000, 500'000};
constexpr size_t kTop = 256;
constexpr size_t kFacetTop = 64;
constexpr float kExponentMax = 60;

constexpr SourceColumn kColumns[] = {
    {"popular", SourceColumn::Kind::kProbability, 1e-5f},
    {"popular_now", SourceColumn::Kind::kProbability, 1e-5f},
    {"popular_ever", SourceColumn::Kind::kProbability, 1e-5f},
    {"popular_facet", SourceColumn::Kind::kProbability, 1e-3f},
    {"age", SourceColumn::Kind::kProbability, 10, 0.1f},
    {"idle", SourceColumn::Kind::kProbability, 10, 0.1f},
};

struct Counts {
  std::atomic<float> weight[kLives];  // at the scale of `base_`
  std::atomic<uint32_t> count;        // all sights ever
  std::atomic<uint64_t> first, last;  // lessons; 0: never
};

// The heaviest keys, exact while weights only grow: see the header.
template <size_t kSize>
class TopList {
 public:
  void count(uint32_t key, float weight) {
    // Most keys are not among the heaviest. One that is weighs more than the last of them, or is not moved.
    if (get(size_) == kSize && weight <= weight_at(kSize - 1)) return;
    uint32_t at = get(size_);
    for (uint32_t i = 0; i < get(size_); ++i)
      if (key_at(i) == key) {
        at = i;
        break;
      }
    if (at == get(size_)) {
      if (at == kSize) {
        if (weight <= weight_at(--at)) return;
      } else {
        put(size_, at + 1);
      }
    }
    for (; at > 0 && weight_at(at - 1) < weight; --at) put(words_[at], get(words_[at - 1]));
    put(words_[at], uint64_t{key} | uint64_t{std::bit_cast<uint32_t>(weight)} << 32);
  }
  uint32_t size() const { return get(size_); }
  uint32_t key_at(uint32_t i) const { return static_cast<uint32_t>(get(words_[i])); }
  float weight_at(uint32_t i) const {
    return std::bit_cast<float>(static_cast<uint32_t>(get(words_[i]) >> 32));
  }
  void scale(float by) {
    for (uint32_t i = 0; i < get(size_); ++i)
      put(words_[i], uint64_t{key_at(i)} | uint64_t{std::bit_cast<uint32_t>(weight_at(i) * by)} << 32);
  }
  void clear() { put(size_, 0u); }

 private:
  std::atomic<uint32_t> size_{0};
  std::atomic<uint64_t> words_[kSize] = {};
};

struct Facet {
  std::atomic<float> weight[kLives] = {};
  TopList<kFacetTop> top;
};

class PopularityImpl final : public Popularity {
 public:
  PopularityImpl(const ItemFacts& facts, size_t bytes_max)
      : facts_(facts), facets_max_(bytes_max / sizeof(Facet)) {}
  ~PopularityImpl() override {
    for (uint32_t f = 0; f < facets_.end(); ++f)
      if (auto* facet = facets_.find(f)) delete get(*facet);
  }
  std::string_view name() const override { return "popularity"; }
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context&) override {
    const uint64_t now = get(lessons_) + 1;
    put(lessons_, now);
    float by[kLives];
    for (size_t life = 0; life < kLives; ++life) {
      float exponent = static_cast<float>(now - get(base_[life])) / kHalfLife[life];
      if (exponent > kExponentMax) {
        rescale(life, now);
        exponent = 0;
      }
      by[life] = numeric::exp2(exponent);
    }
    const ItemSlot item = lesson.step.item;
    Counts& counts = items_.at(item);
    if (get(counts.count) == 0) put(known_, get(known_) + 1);
    put(counts.count, get(counts.count) + 1);
    if (get(counts.first) == 0) put(counts.first, now);
    put(counts.last, now);
    for (size_t life = 0; life < kLives; ++life) {
      put(counts.weight[life], get(counts.weight[life]) + by[life]);
      put(total_[life], get(total_[life]) + by[life]);
      top_[life].count(item, get(counts.weight[life]));
    }
    for (const uint32_t f : facts_.facets(item)) {
      if (f == 0) continue;
      Facet* facet = facet_at(f);
      if (facet == nullptr) continue;
      for (size_t life = 0; life < kLives; ++life)
        put(facet->weight[life], get(facet->weight[life]) + by[life]);
      facet->top.count(item, get(counts.weight[1]));
    }
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    for (size_t life = 0; life < kLives; ++life) {
      const float inverse = total(life) > 0 ? 1 / total(life) : 0;
      const uint32_t size = std::min(top_[life].size(), kListed[life]);
      for (uint32_t i = 0; i < size; ++i)
        if (float* x = slate.row(top_[life].key_at(i)))
          if (life == 1) x[first] = top_[life].weight_at(i) * inverse;
    }
    // The best of the facets of the latest items.
    for (size_t r = 0; r < std::min<size_t>(3, context.recents.size()); ++r)
      for (const uint32_t f : facts_.facets(context.recents[r].item)) {
        const Facet* facet = facet_find(f);
        if (facet == nullptr) continue;
        const float inverse = 1 / (get(facet->weight[1]) + 1e-20f);
        for (uint32_t i = 0; i < facet->top.size(); ++i)
          if (float* x = slate.row(facet->top.key_at(i))) {
            const float p = facet->top.weight_at(i) * inverse;
            x[first + 3] = std::max(x[first + 3], p);
          }
      }
  }

  void fill(const Context&, size_t first, std::span<const uint32_t> chosen, Slate& slate) const override {
    const uint64_t now = get(lessons_);
    float inverse[kLives];
    for (size_t life = 0; life < kLives; ++life) inverse[life] = total(life) > 0 ? 1 / total(life) : 0;
    for (const uint32_t at : chosen) items_.fetch(slate.item(at));
    for (const uint32_t at : chosen) {
      float* x = slate.columns(at) + first;
      const Counts* counts = items_.find(slate.item(at));
      if (counts == nullptr || get(counts->count) == 0) {
        // Nobody has acted on it: as idle as can be. (0 would say: this very moment.)
        x[4] = x[5] = static_cast<float>(now);
        continue;
      }
      x[0] = get(counts->weight[1]) * inverse[1];
      x[1] = get(counts->weight[0]) * inverse[0];
      x[2] = get(counts->weight[2]) * inverse[2];
      x[4] = static_cast<float>(now - get(counts->first));
      x[5] = static_cast<float>(now - get(counts->last));
    }
  }

  RecommendReason reason(const Context& context, ItemSlot item) const override {
    const std::span<const uint32_t> mine = facts_.facets(item);
    for (size_t r = 0; r < std::min<size_t>(3, context.recents.size()); ++r)
      for (const uint32_t f : facts_.facets(context.recents[r].item))
        if (std::find(mine.begin(), mine.end(), f) != mine.end())
          return {RecommendReason::Kind::kPopularInFacet, kNoItem, f};
    return {RecommendReason::Kind::kPopular};
  }

  void top(uint32_t f, size_t k, std::vector<std::pair<ItemSlot, float>>& out) const override {
    out.clear();
    const float inverse = total(1) > 0 ? 1 / total(1) : 0;
    if (f == 0) {
      for (uint32_t i = 0; i < std::min<size_t>(k, top_[1].size()); ++i)
        out.emplace_back(top_[1].key_at(i), top_[1].weight_at(i) * inverse);
    } else if (const Facet* facet = facet_find(f)) {
      for (uint32_t i = 0; i < std::min<size_t>(k, facet->top.size()); ++i)
        out.emplace_back(facet->top.key_at(i), facet->top.weight_at(i) * inverse);
    }
  }

  void rising(uint32_t f, size_t k, std::vector<std::pair<ItemSlot, float>>& out) const override {
    out.clear();
    auto add = [&](ItemSlot item) {
      const Counts* counts = items_.find(item);
      if (counts == nullptr) return;
      out.emplace_back(item, rise(counts->weight));
    };
    if (f == 0) {
      for (uint32_t i = 0; i < top_[0].size(); ++i) add(top_[0].key_at(i));
    } else if (const Facet* facet = facet_find(f)) {
      for (uint32_t i = 0; i < facet->top.size(); ++i) add(facet->top.key_at(i));
    }
    // Read while the writer moves an entry up, a list may show it twice.
    std::sort(out.begin(), out.end());
    out.erase(
        std::unique(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
        out.end());
    sort_and_cut(k, out);
  }

  void rising_facets(size_t k, std::vector<std::pair<uint32_t, float>>& out) const override {
    out.clear();
    for (uint32_t f = 1; f < facets_.end(); ++f)
      if (const Facet* facet = facet_find(f)) out.emplace_back(f, rise(facet->weight));
    sort_and_cut(k, out);
  }

  float share(ItemSlot item) const override {
    const Counts* counts = items_.find(item);
    return counts == nullptr || total(1) <= 0 ? 0 : get(counts->weight[1]) / total(1);
  }
  uint32_t items() const override { return get(known_); }

  void evict(const ForgottenItems& gone) override {
    for (ItemSlot item = 0; item < items_.end(); ++item) {
      Counts* counts = items_.find(item);
      if (counts == nullptr || get(counts->count) == 0 || !gone.contains(item)) continue;
      put(known_, get(known_) - 1);
      forget(*counts);
    }
    rebuild();
  }

  void save(Writer& out) const override {
    out.u64(get(lessons_));
    for (size_t life = 0; life < kLives; ++life) {
      out.u64(get(base_[life]));
      out.f32(get(total_[life]));
    }
    for (ItemSlot item = 0; item < items_.end(); ++item) {
      const Counts* counts = items_.find(item);
      if (counts == nullptr || get(counts->count) == 0) continue;
      out.u32(item);
      out.u32(get(counts->count));
      out.u64(get(counts->first));
      out.u64(get(counts->last));
      for (size_t life = 0; life < kLives; ++life) out.f32(get(counts->weight[life]));
    }
    out.u32(kNoItem);
    for (size_t life = 0; life < kLives; ++life) save_top(top_[life], out);
    for (uint32_t f = 1; f < facets_.end(); ++f) {
      const Facet* facet = facet_find(f);
      if (facet == nullptr) continue;
      out.u32(f);
      for (size_t life = 0; life < kLives; ++life) out.f32(get(facet->weight[life]));
      save_top(facet->top, out);
    }
    out.u32(0);
  }

  Status load(Reader& in) override {
    put(lessons_, in.u64());
    for (size_t life = 0; life < kLives; ++life) {
      put(base_[life], in.u64());
      put(total_[life], in.f32());
    }
    put(known_, 0u);
    for (ItemSlot item = 0; item < items_.end(); ++item)
      if (Counts* counts = items_.find(item)) forget(*counts);
    for (uint32_t f = 1; f < facets_.end(); ++f)
      if (Facet* facet = facet_find(f)) {
        for (auto& weight : facet->weight) put(weight, 0.0f);
        facet->top.clear();
      }
    for (ItemSlot item = in.u32(); item != kNoItem; item = in.u32()) {
      if (!in.ok() || item >= 1u << 26) return corrupt("popularity: item " + std::to_string(item));
      Counts& counts = items_.at(item);
      put(known_, get(known_) + 1);
      put(counts.count, in.u32());
      put(counts.first, in.u64());
      put(counts.last, in.u64());
      for (size_t life = 0; life < kLives; ++life) put(counts.weight[life], in.f32());
    }
    for (size_t life = 0; life < kLives; ++life) TRY_STATUS(load_top(top_[life], in));
    for (uint32_t f = in.u32(); f != 0; f = in.u32()) {
      if (!in.ok() || f >= 1u << 26) return corrupt("popularity: facet " + std::to_string(f));
      Facet passed_over;
      Facet* place = facet_at(f);
      Facet& facet = place == nullptr ? passed_over : *place;
      for (size_t life = 0; life < kLives; ++life) put(facet.weight[life], in.f32());
      TRY_STATUS(load_top(facet.top, in));
    }
    if (!in.ok()) return corrupt("popularity: cut short");
    return {};
  }

  size_t bytes() const override {
    return items_.bytes() + facets_.bytes() + get(facets_made_) * sizeof(Facet);
  }

 private:
  static constexpr uint32_t kListed[kLives] = {64, 128, 64};

  static void forget(Counts& counts) {
    for (auto& weight : counts.weight) put(weight, 0.0f);
    put(counts.count, 0u);
    put(counts.first, uint64_t{0});
    put(counts.last, uint64_t{0});
  }
  float total(size_t life) const { return get(total_[life]); }
  // How much more often than usual: the share of the last thousand over that of the last half million.
  float rise(const std::atomic<float>* weight) const {
    const float now = (get(weight[0]) / (total(0) + 1e-20f)) * kHalfLife[0];
    const float ever = (get(weight[2]) / (total(2) + 1e-20f)) * kHalfLife[0];
    return (now + 1) / (ever + 2) * std::sqrt(now);
  }
  template <class K>
  static void sort_and_cut(size_t k, std::vector<std::pair<K, float>>& out) {
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (out.size() > k) out.resize(k);
  }
  // nullptr: there is no room for one more.
  Facet* facet_at(uint32_t f) {
    std::atomic<Facet*>& place = facets_.at(f);
    Facet* facet = get(place);
    if (facet == nullptr && get(facets_made_) < facets_max_) {
      facet = new Facet();
      put(facets_made_, get(facets_made_) + 1);
      place.store(facet, std::memory_order_release);
    }
    return facet;
  }
  const Facet* facet_find(uint32_t f) const {
    const std::atomic<Facet*>* place = facets_.find(f);
    return place == nullptr ? nullptr : place->load(std::memory_order_acquire);
  }
  Facet* facet_find(uint32_t f) {
    return const_cast<Facet*>(static_cast<const PopularityImpl*>(this)->facet_find(f));
  }
  // A reader in the middle of it sees some counts at the old scale: once in 60 half-lives, for a moment.
  void rescale(size_t life, uint64_t now) {
    const float by = numeric::exp2(-static_cast<float>(now - get(base_[life])) / kHalfLife[life]);
    for (ItemSlot item = 0; item < items_.end(); ++item)
      if (Counts* counts = items_.find(item)) put(counts->weight[life], get(counts->weight[life]) * by);
    for (uint32_t f = 1; f < facets_.end(); ++f)
      if (Facet* facet = facet_find(f)) {
        put(facet->weight[life], get(facet->weight[life]) * by);
        if (life == 1) facet->top.scale(by);
      }
    top_[life].scale(by);
    put(total_[life], total(life) * by);
    put(base_[life], now);
  }
  void rebuild() {
    for (auto& top : top_) top.clear();
    for (uint32_t f = 1; f < facets_.end(); ++f)
      if (Facet* facet = facet_find(f)) facet->top.clear();
    for (ItemSlot item = 0; item < items_.end(); ++item) {
      const Counts* counts = items_.find(item);
      if (counts == nullptr || get(counts->count) == 0) continue;
      for (size_t life = 0; life < kLives; ++life) top_[life].count(item, get(counts->weight[life]));
      for (const uint32_t f : facts_.facets(item))
        if (Facet* facet = f == 0 ? nullptr : facet_at(f)) facet->top.count(item, get(counts->weight[1]));
    }
  }
  template <size_t kSize>
  static void save_top(const TopList<kSize>& top, Writer& out) {
    out.u32(top.size());
    for (uint32_t i = 0; i < top.size(); ++i) {
      out.u32(top.key_at(i));
      out.f32(top.weight_at(i));
    }
  }
  template <size_t kSize>
  static Status load_top(TopList<kSize>& top, Reader& in) {
    top.clear();
    const uint32_t size = in.u32();
    if (size > kSize) return corrupt("popularity: a list of " + std::to_string(size));
    for (uint32_t i = 0; i < size; ++i) {
      const uint32_t key = in.u32();
      top.count(key, in.f32());
    }
    return {};
  }

  const ItemFacts& facts_;
  const size_t facets_max_;
  std::atomic<uint64_t> lessons_{0};
  std::atomic<uint64_t> base_[kLives] = {};
  std::atomic<float> total_[kLives] = {};
  std::atomic<uint32_t> known_{0};
  std::atomic<size_t> facets_made_{0};
  TopList<kTop> top_[kLives];
  SlotArray<Counts> items_;
  SlotArray<std::atomic<Facet*>> facets_;
};

}  // namespace

std::unique_ptr<Popularity> make_popularity(const ItemFacts& facts, size_t bytes_max) {
  return std::make_unique<PopularityImpl>(facts, bytes_max);
}

}  // namespace freshet
