#include "recommend/arrivals.h"

#include <algorithm>

#include "recommend/numeric.h"
#include "recommend/slots.h"

namespace freshet {

namespace {

constexpr uint32_t kNewest = 96;  // Slots looked at from the newest down...
constexpr size_t kProposed = 16;  // ...of which the closest to the shopper's facets are proposed.
constexpr size_t kLooked = 8;     // Recent items that make up the shopper's taste.
constexpr size_t kTastes = 24;    // Facets of it at most.

constexpr SourceColumn kColumns[] = {{"arrival", SourceColumn::Kind::kProbability, 1e-3f},
                                     {"affinity", SourceColumn::Kind::kPlain, 1, 0.5f},
                                     {"affinity_last", SourceColumn::Kind::kPlain, 1, 0.5f}};

class Arrivals final : public Source {
 public:
  explicit Arrivals(const ItemFacts& facts) : facts_(facts) {}
  std::string_view name() const override { return "arrivals"; }
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context&) override {
    for (const uint32_t f : facts_.facets(lesson.step.item)) {
      std::atomic<uint32_t>& sights = facets_.at(f);
      put(sights, get(sights) + 1);
    }
    put(lessons_, get(lessons_) + 1);
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    const Taste taste = taste_of(context);
    const uint32_t slots = facts_.slots();
    std::pair<float, ItemSlot> best[kNewest];
    size_t found = 0;
    for (uint32_t n = 0; n < std::min(kNewest, slots); ++n) {
      const ItemSlot item = slots - 1 - n;
      // The newer the likelier; without a known taste, by age alone.
      const float newness = 1 / (1 + 0.05f * static_cast<float>(n));
      const float closeness = taste.size == 0 ? 0.1f : affinity(taste, facts_.facets(item)).all;
      if (closeness > 0) best[found++] = {newness * closeness, item};
    }
    const size_t kept = std::min(kProposed, found);
    std::partial_sort(best, best + kept, best + found, [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second > b.second;
    });
    for (size_t i = 0; i < kept; ++i)
      if (float* x = slate.row(best[i].second)) x[first] = 1e-2f * best[i].first;
  }

  void fill(const Context& context, size_t first, std::span<const uint32_t> chosen,
            Slate& slate) const override {
    const Taste taste = taste_of(context);
    if (taste.size == 0) return;
    static thread_local std::vector<std::span<const uint32_t>> facets;
    facts_.facets_of(slate.items_of(chosen), facets);
    for (size_t i = 0; i < chosen.size(); ++i) {
      const Affinity affine = affinity(taste, facets[i]);
      float* x = slate.columns(chosen[i]) + first;
      x[1] = affine.all;
      x[2] = affine.last;
    }
  }

  RecommendReason reason(const Context&, ItemSlot item) const override {
    const auto facets = facts_.facets(item);
    return {RecommendReason::Kind::kNew, kNoItem, facets.empty() ? 0 : facets[0]};
  }
  void evict(const ForgottenItems&) override {}
  void save(Writer& out) const override {
    out.u64(get(lessons_));
    out.u32(facets_.end());
    for (uint32_t f = 0; f < facets_.end(); ++f) {
      const std::atomic<uint32_t>* sights = facets_.find(f);
      out.varint(sights == nullptr ? 0 : get(*sights));
    }
  }
  Status load(Reader& in) override {
    put(lessons_, in.u64());
    const uint32_t end = in.u32();
    if (end > 1u << 26 || end > in.remaining())
      return corrupt("arrivals: " + std::to_string(end) + " facets");
    for (uint32_t f = 0; f < facets_.end(); ++f)
      if (std::atomic<uint32_t>* sights = facets_.find(f)) put(*sights, 0u);
    for (uint32_t f = 0; f < end; ++f)
      if (const uint64_t sights = in.varint(); sights != 0) put(facets_.at(f), static_cast<uint32_t>(sights));
    if (!in.ok()) return corrupt("arrivals: cut short");
    return {};
  }
  size_t bytes() const override { return facets_.bytes(); }

 private:
  struct Taste {
    uint32_t facet[kTastes];
    float weight[kTastes];
    bool last[kTastes];
    size_t size = 0;
    uint64_t some[4] =
        {};  // A bit for each facet by its number: most facets of most items are none of these.

    bool may_have(uint32_t f) const { return (some[f / 64 % 4] >> f % 64 & 1) != 0; }
  };
  struct Affinity {
    float all = 0, last = 0;
  };

  // The facets of the latest items; a rare one says more than a common one.
  Taste taste_of(const Context& context) const {
    Taste taste;
    float sum = 0;
    for (size_t r = 0; r < std::min(kLooked, context.recents.size()); ++r)
      for (const uint32_t f : facts_.facets(context.recents[r].item)) {
        if (f == 0) continue;
        const std::atomic<uint32_t>* sights = facets_.find(f);
        const float common = sights == nullptr ? 1 : static_cast<float>(get(*sights));
        const float weight = numeric::log(1 + (static_cast<float>(get(lessons_)) + 1) / (common + 1)) /
                             static_cast<float>(context.recents[r].rank + 1);
        sum += weight;
        size_t at = 0;
        while (at < taste.size && taste.facet[at] != f) ++at;
        if (at == kTastes) continue;
        if (at == taste.size) {
          taste.facet[at] = f;
          taste.weight[at] = 0;
          taste.last[at] = r == 0;
          taste.some[f / 64 % 4] |= uint64_t{1} << f % 64;
          ++taste.size;
        }
        taste.weight[at] += weight;
      }
    for (size_t at = 0; at < taste.size; ++at) taste.weight[at] /= sum;
    return taste;
  }
  static Affinity affinity(const Taste& taste, std::span<const uint32_t> facets) {
    Affinity out;
    for (const uint32_t f : facets) {
      if (!taste.may_have(f)) continue;
      for (size_t at = 0; at < taste.size; ++at) {
        if (taste.facet[at] != f) continue;
        out.all += taste.weight[at];
        if (taste.last[at]) out.last += 0.5f;
      }
    }
    return out;
  }

  const ItemFacts& facts_;
  SlotArray<std::atomic<uint32_t>> facets_;
  std::atomic<uint64_t> lessons_{0};
};

}  // namespace

std::unique_ptr<Source> make_arrivals(const ItemFacts& facts) {
  return std::make_unique<Arrivals>(facts);
}

}  // namespace freshet
