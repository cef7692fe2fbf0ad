#include "recommend/covisitation.h"

#include "recommend/pair_source.h"

namespace freshet {

namespace {

constexpr size_t kWindow = 8;         // Recent items that learn the new one.
constexpr size_t kBasketWindow = 24;  // The same where a recent order counts as one step.
constexpr float kEarlier = 0.5f;      // Steps before this session count less.
constexpr size_t kNear = 10;          // Recent items whose whole rows are read...
constexpr size_t kFar = 40;           // ...and those of which only the heaviest entries are.
constexpr uint32_t kFarEntries = 64;

constexpr SourceColumn kColumns[] = {
    {"rules"},
    {"rules_last"},
    {"rules_last_fast"},
    {"rules_fast"},
    {"rules_back"},
    {"rules_long"},
    {"rules_support", SourceColumn::Kind::kPlain, 1, 0.3f},
};

class Covisitation final : public PairSource {
 public:
  explicit Covisitation(size_t bytes_max) : PairSource({.bytes_max = bytes_max}) {}
  std::string_view name() const override { return "covisitation"; }
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context& context) override {
    const uint64_t now = next_lesson();
    const size_t window = context.basket ? kBasketWindow : kWindow;
    for (size_t r = 0; r < std::min(window, context.recents.size()); ++r) {
      const Recent& recent = context.recents[r];
      if (recent.item == lesson.step.item) continue;
      float weight = weight_of(recent);
      if (recent.in_session == 0 && !context.basket) weight *= kEarlier;
      pairs().add(recent.item, lesson.step.item, now, weight, 0);
      pairs().add(lesson.step.item, recent.item, now, 0, weight);
    }
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    const size_t count = std::min(kFar, context.recents.size());
    float norm = 0;
    for (size_t r = 0; r < std::min(kNear, count); ++r) norm += weight_of(context.recents[r]);
    each_row(context, count, [&](size_t r, const PairTable::Row& row) {
      const bool near = r < kNear;
      const float share = near ? weight_of(context.recents[r]) / norm : 0;
      const float slow = inverse(get(row.slow)), fast = inverse(get(row.fast)), back = inverse(get(row.back));
      const float cosine = cosine_of(row, get(row.slow) + get(row.back));
      const uint32_t entries = near ? get(row.size) : std::min(get(row.size), kFarEntries);
      for (uint32_t e = 0; e < entries; ++e) {
        const Pair pair = row.read(e);
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
    });
  }

  void fill(const Context&, size_t first, std::span<const uint32_t> chosen, Slate& slate) const override {
    each_root(chosen, slate, [first](float* columns, float root) { columns[first + 5] *= root; });
  }

  RecommendReason reason(const Context& context, ItemSlot item) const override {
    return strongest(RecommendReason::Kind::kAfter, context, kNear, item,
                     [](const Pair& pair, const PairTable::Row& row, const Recent& recent) {
                       return weight_of(recent) * (pair.slow + pair.back) *
                              inverse(get(row.slow) + get(row.back));
                     });
  }

 private:
  static float inverse(float total) { return total > 0 ? 1 / total : 0; }
};

}  // namespace

std::unique_ptr<Source> make_covisitation(size_t bytes_max) {
  return std::make_unique<Covisitation>(bytes_max);
}

}  // namespace freshet
