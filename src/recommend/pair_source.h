// What the sources over a table of pairs (recommend/pair_table.h) have in common: lessons counted, rows read
// for the shopper's recent items, one root of a cosine for the candidates.
#pragma once

#include <atomic>
#include <cmath>

#include "recommend/pair_table.h"
#include "recommend/source.h"

namespace freshet {

class PairSource : public Source {
 public:
  void evict(const ForgottenItems& items) override { pairs_.evict(items); }
  void save(Writer& out) const override {
    out.u64(get(lessons_));
    pairs_.save(out);
  }
  Status load(Reader& in) override {
    put(lessons_, in.u64());
    return pairs_.load(in);
  }
  size_t bytes() const override { return pairs_.bytes(); }

 protected:
  static constexpr float kPrior = 1;  // Added to totals under a root: few sights are little evidence.

  explicit PairSource(const PairOptions& options) : pairs_(options) {}

  uint64_t next_lesson() {
    put(lessons_, get(lessons_) + 1);
    return now();
  }
  uint64_t now() const { return get(lessons_); }
  PairTable& pairs() { return pairs_; }
  const PairTable& pairs() const { return pairs_; }

  static float weight_of(const Recent& recent) { return 1 / static_cast<float>(recent.rank + 1); }

  // visit(index into recents, row) for those of the `count` most recent items that have a row.
  template <class Visit>
  void each_row(const Context& context, size_t count, Visit&& visit) const {
    const size_t asked = std::min(count, context.recents.size());
    for (size_t r = 0; r < asked; ++r) pairs_.fetch(context.recents[r].item);
    for (size_t r = 0; r < asked; ++r)
      if (const PairTable::Row* row = pairs_.find(context.recents[r].item)) visit(r, *row);
  }

  // One root of a row's cosine, `total` being what its pairs sum up to: rows have scales of their own, so it
  // is made of what the weights are worth now. fill() gives the other.
  float cosine_of(const PairTable::Row& row, float total) const {
    const float worth = pairs_.worth(row, now());
    return worth / std::sqrt(worth * total + kPrior);
  }
  // The other root, for candidates: use(columns of the candidate, root); not for those without a row.
  template <class Use>
  void each_root(std::span<const uint32_t> chosen, Slate& slate, Use&& use) const {
    static thread_local std::vector<const PairTable::Row*> rows;
    pairs_.find_all(slate.items_of(chosen), rows);
    for (size_t i = 0; i < chosen.size(); ++i)
      if (rows[i] != nullptr)
        use(slate.columns(chosen[i]), 1 / std::sqrt(pairs_.evidence(*rows[i], now()) + kPrior));
  }

  // The recent item whose row says most of `item`; share(pair, row, recent) says how much.
  template <class Share>
  RecommendReason strongest(RecommendReason::Kind kind, const Context& context, size_t count, ItemSlot item,
                            Share&& share) const {
    RecommendReason best;
    float most = 0;
    each_row(context, count, [&](size_t r, const PairTable::Row& row) {
      for (uint32_t e = 0; e < get(row.size); ++e) {
        const Pair pair = row.read(e);
        if (pair.item != item) continue;
        const float said = share(pair, row, context.recents[r]);
        if (said <= most) continue;
        most = said;
        best = {kind, context.recents[r].item};
      }
    });
    return best;
  }

 private:
  PairTable pairs_;
  std::atomic<uint64_t> lessons_{0};
};

}  // namespace freshet
