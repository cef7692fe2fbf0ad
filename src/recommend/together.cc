#include "recommend/together.h"

#include <cmath>

#include "recommend/pair_table.h"

namespace freshet {

namespace {

constexpr size_t kLines = 24;
constexpr size_t kRecents = 100;
constexpr uint32_t kEntries = 128;
constexpr float kPrior = 1;  // Added to totals under a root: few sights are little evidence.

constexpr Column kColumns[] = {{"together"}, {"together_recent"}, {"together_share"}};

class Together final : public Source {
 public:
  explicit Together(size_t bytes_max) : pairs_({.row_max = 256, .bytes_max = bytes_max}) {}
  std::string_view name() const override { return "together"; }
  std::span<const Column> columns() const override { return kColumns; }

  void learn(const Lesson& lesson, const Context&) override {
    const uint64_t now = get(lessons_) + 1;
    put(lessons_, now);
    if (lesson.step.order == 0) return;
    const std::span<const Step> steps = lesson.before.steps;
    for (size_t n = 0; n < std::min(kLines, steps.size()); ++n) {
      const Step& other = steps[steps.size() - 1 - n];
      if (other.order != lesson.step.order) break;
      if (other.item == lesson.step.item) continue;
      pairs_.add(other.item, lesson.step.item, now, 1, 0);
      pairs_.add(lesson.step.item, other.item, now, 1, 0);
    }
  }

  void collect(const Context& context, size_t first, Slate& slate) const override {
    const size_t count = std::min(kRecents, context.recents.size());
    const uint64_t now = get(lessons_);
    float norm = 0;
    for (size_t r = 0; r < count; ++r) norm += 1 / static_cast<float>(context.recents[r].rank + 1);
    for (size_t r = 0; r < count; ++r) {
      const Recent& recent = context.recents[r];
      const PairTable::Row* row = pairs_.find(recent.item);
      if (row == nullptr) continue;
      const float total = get(row->slow);
      const float worth = pairs_.worth(*row, now);
      const float cosine = worth / std::sqrt(worth * total + kPrior);
      const float share = 1 / (static_cast<float>(recent.rank + 1) * norm);
      const uint32_t entries = std::min(get(row->size), kEntries);
      for (uint32_t e = 0; e < entries; ++e) {
        const Pair pair = row->read(e);
        float* x = slate.row(pair.item);
        if (x == nullptr) continue;
        x += first;
        x[0] += pair.slow * cosine / static_cast<float>(count);  // fill() divides by the other root
        x[1] += pair.slow * cosine * share;
        x[2] += pair.slow / (total + 1e-20f) * share;
      }
    }
  }

  void fill(const Context&, size_t first, std::span<const uint32_t> chosen, Slate& slate) const override {
    const uint64_t now = get(lessons_);
    for (const uint32_t at : chosen) {
      const PairTable::Row* row = pairs_.find(slate.item(at));
      if (row == nullptr) continue;
      const float root = 1 / std::sqrt(pairs_.evidence(*row, now) + kPrior);
      slate.columns(at)[first] *= root;
      slate.columns(at)[first + 1] *= root;
    }
  }

  RecommendReason reason(const Context& context, ItemSlot item) const override {
    RecommendReason best;
    float most = 0;
    for (size_t r = 0; r < std::min(kRecents, context.recents.size()); ++r) {
      const PairTable::Row* row = pairs_.find(context.recents[r].item);
      if (row == nullptr) continue;
      for (uint32_t e = 0; e < get(row->size); ++e) {
        const Pair pair = row->read(e);
        const float share = pair.slow / (get(row->slow) * static_cast<float>(context.recents[r].rank + 1));
        if (pair.item != item || share <= most) continue;
        most = share;
        best = {RecommendReason::Kind::kWith, context.recents[r].item};
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
  PairTable pairs_;
  std::atomic<uint64_t> lessons_{0};
};

}  // namespace

std::unique_ptr<Source> make_together(size_t bytes_max) {
  return std::make_unique<Together>(bytes_max);
}

}  // namespace freshet
