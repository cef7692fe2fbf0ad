#include "recommend/covisitation.h"

#include <cmath>

#include "recommend/pair_table.h"

namespace freshet {

namespace {

constexpr size_t kWindow = 8;         // Recent items that learn the new one.
constexpr size_t kBasketWindow = 24;  // The same where a recent order counts as one step.
constexpr float kEarlier = 0.5f;      // Steps before this session count less.
constexpr size_t kNear = 10;          // Recent items whose whole rows are read...
constexpr size_t kFar = 40;           // ...and those of which only the heaviest entries are.
constexpr uint32_t kFarEntries = 64;
constexpr float kPrior = 1;  // Added to totals under a root: few sights are little evidence.

constexpr Column kColumns[] = {
    {"rules"},
    {"rules_last"},
    {"rules_last_fast"},
    {"rules_fast"},
    {"rules_back"},
    {"rules_long"},
    {"rules_support", Column::Kind::kPlain, 1, 0.3f},
};

class Covisitation final : public Source {
 public:
  explicit Covisitation(size_t bytes_max) : pairs_({.bytes_max = bytes_max}) {}
  std::string_view name() const override { return "covisitation"; }
  std::span<const Column> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context& context) override {
    const uint64_t now = get(lessons_) + 1;
    put(lessons_, now);
    const size_t window = context.basket ? kBasketWindow : kWindow;
    for (size_t r = 0; r < std::min(window, context.recents.size()); ++r) {
      const Recent& recent = context.recents[r];
      if (recent.item == lesson.step.item) continue;
      float weight = 1 / static_cast<float>(recent.rank + 1);
      if (recent.in_session == 0 && !context.basket) weight *= kEarlier;
      pairs_.add(recent.item, lesson.step.item, now, weight, 0);
      pairs_.add(lesson.step.item, recent.item, now, 0, weight);
    }
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    const size_t count = std::min(kFar, context.recents.size());
    const uint64_t now = get(lessons_);
    float norm = 0;
    for (size_t r = 0; r < std::min(kNear, count); ++r) norm += weight_of(context, r);
    for (size_t r = 0; r < count; ++r) {
      const PairTable::Row* row = pairs_.find(context.recents[r].item);
      if (row == nullptr) continue;
      const bool near = r < kNear;
      const float share = near ? weight_of(context, r) / norm : 0;
      const float slow = inverse(get(row->slow)), fast = inverse(get(row->fast)),
                  back = inverse(get(row->back));
      // Rows have scales of their own: cosines are made of what the weights are worth now.
      const float worth = pairs_.worth(*row, now);
      const float cosine = worth / std::sqrt(worth * (get(row->slow) + get(row->back)) + kPrior);
      const uint32_t entries = near ? get(row->size) : std::min(get(row->size), kFarEntries);
      for (uint32_t e = 0; e < entries; ++e) {
        const Pair pair = row->read(e);
        float* x = slate.row(pair.item);
        if (x == nullptr) continue;
        x += first;
        const float forward = pair.slow * slow;
        if (near) {
          x[0] += share * forward;
          if (r == 0) {
            x[1] = forward;
            x[2] = pair.fast * fast;
          }
          x[3] += share * pair.fast * fast;
          x[4] += share * pair.back * back;
        }
        x[5] +=
            (pair.slow + pair.back) * cosine / static_cast<float>(count);  // fill() divides by the other root
        x[6] += 1;
      }
    }
  }

  void fill(const Context&, size_t first, std::span<const uint32_t> chosen, Slate& slate) const override {
    const uint64_t now = get(lessons_);
    for (const uint32_t at : chosen) {
      const PairTable::Row* row = pairs_.find(slate.item(at));
      if (row != nullptr) slate.columns(at)[first + 5] /= std::sqrt(pairs_.evidence(*row, now) + kPrior);
    }
  }

  RecommendReason reason(const Context& context, ItemSlot item) const override {
    RecommendReason best;
    float most = 0;
    for (size_t r = 0; r < std::min(kNear, context.recents.size()); ++r) {
      const PairTable::Row* row = pairs_.find(context.recents[r].item);
      if (row == nullptr) continue;
      for (uint32_t e = 0; e < get(row->size); ++e) {
        const Pair pair = row->read(e);
        if (pair.item != item) continue;
        const float share =
            weight_of(context, r) * (pair.slow + pair.back) * inverse(get(row->slow) + get(row->back));
        if (share <= most) continue;
        most = share;
        best = {RecommendReason::Kind::kAfter, context.recents[r].item};
      }
    }
    return best;
  }

  void evict(const SlotSet& items) override { pairs_.evict(items); }
  void save(Writer& out) const override {
    out.u64(get(lessons_));
    pairs_.save(out);
  }
  Status load(Reader& in) override {
    put(lessons_, in.u64());
    return pairs_.load(in);
  }
  size_t bytes() const override { return pairs_.bytes(); }

 private:
  static float weight_of(const Context& context, size_t r) {
    return 1 / static_cast<float>(context.recents[r].rank + 1);
  }
  static float inverse(float total) { return total > 0 ? 1 / total : 0; }

  PairTable pairs_;
  std::atomic<uint64_t> lessons_{0};
};

}  // namespace

std::unique_ptr<Source> make_covisitation(size_t bytes_max) {
  return std::make_unique<Covisitation>(bytes_max);
}

}  // namespace freshet
