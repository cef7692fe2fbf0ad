#include "recommend/together.h"

#include "recommend/pair_source.h"

namespace freshet {

namespace {

constexpr size_t kLines = 24;
constexpr size_t kRecents = 100;
constexpr uint32_t kEntries = 128;

constexpr SourceColumn kColumns[] = {{"together"}, {"together_recent"}, {"together_share"}};

class Together final : public PairSource {
 public:
  explicit Together(size_t bytes_max) : PairSource({.row_max = 256, .bytes_max = bytes_max}) {}
  std::string_view name() const override { return "together"; }
  std::span<const SourceColumn> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context&) override {
    const uint64_t now = next_lesson();
    if (lesson.step.order == 0) return;
    const std::span<const Step> steps = lesson.before.steps;
    for (size_t n = 0; n < std::min(kLines, steps.size()); ++n) {
      const Step& other = steps[steps.size() - 1 - n];
      if (other.order != lesson.step.order) break;
      if (other.item == lesson.step.item) continue;
      pairs().add(other.item, lesson.step.item, now, 1, 0);
      pairs().add(lesson.step.item, other.item, now, 1, 0);
    }
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    const size_t count = std::min(kRecents, context.recents.size());
    float norm = 0;
    for (size_t r = 0; r < count; ++r) norm += weight_of(context.recents[r]);
    each_row(context, count, [&](size_t r, const PairTable::Row& row) {
      const float total = get(row.slow);
      const float cosine = cosine_of(row, total);
      const float share = 1 / (static_cast<float>(context.recents[r].rank + 1) * norm);
      const uint32_t entries = std::min(get(row.size), kEntries);
      for (uint32_t e = 0; e < entries; ++e) {
        const Pair pair = row.read(e);
        float* x = slate.row(pair.item);
        if (x == nullptr) continue;
        x += first;
        x[0] += pair.slow * cosine / static_cast<float>(count);  // fill() divides by the other root
        x[1] += pair.slow * cosine * share;
        x[2] += pair.slow / (total + 1e-20f) * share;
      }
    });
  }

  void fill(const Context&, size_t first, std::span<const uint32_t> chosen, Slate& slate) const override {
    each_root(chosen, slate, [first](float* columns, float root) {
      columns[first] *= root;
      columns[first + 1] *= root;
    });
  }

  RecommendReason reason(const Context& context, ItemSlot item) const override {
    return strongest(RecommendReason::Kind::kWith, context, kRecents, item,
                     [](const Pair& pair, const PairTable::Row& row, const Recent& recent) {
                       return pair.slow / (get(row.slow) * static_cast<float>(recent.rank + 1));
                     });
  }
};

}  // namespace

std::unique_ptr<Source> make_together(size_t bytes_max) {
  return std::make_unique<Together>(bytes_max);
}

}  // namespace freshet
