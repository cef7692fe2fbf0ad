// Requests on several threads while the fold learns and evicts. What it checks of the answers is little; the
// thread sanitizer checks the rest.
#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "recommend/recommender.h"

namespace freshet {
namespace {

constexpr uint32_t kItems = 300;

class Facets final : public ItemFacts {
 public:
  Facets() {
    for (uint32_t i = 0; i < kItems; ++i) facets_[i] = 1 + i % 7;
  }
  uint32_t slots() const override { return kItems; }
  std::span<const uint32_t> facets(ItemSlot item) const override { return {&facets_[item], 1}; }
  uint64_t key(ItemSlot item) const override { return mix64(item); }

 private:
  uint32_t facets_[kItems];
};

TEST(RecommenderThreads, RequestsReadWhileTheFoldWrites) {
  const Facets facts;
  auto recommender = std::move(Recommender::open(facts, {})).value();
  std::atomic<bool> done{false};
  std::atomic<uint64_t> answered{0};
  std::vector<std::thread> readers;
  for (uint64_t reader = 0; reader < 2; ++reader)
    readers.emplace_back([&, reader] {
      for (uint64_t n = 0; !done; ++n) {
        Draw draw(mix64(reader, n));
        std::vector<Step> steps;
        for (uint64_t s = 0; s < 1 + draw.below(6); ++s)
          steps.push_back({.item = static_cast<ItemSlot>(draw.below(kItems)),
                           .type = s == 0 ? EventType::kPurchase : EventType::kView});
        const ItemSlot anchor = steps[0].item;
        const auto surface = static_cast<Surface>(draw.below(7));
        const auto page = recommender->recommend(
            {.surface = surface, .sequence = {reader + 1, steps, 0}, .anchors = {&anchor, 1}, .k = 10});
        std::vector<bool> seen(kItems, false);
        for (const Recommended& r : page) {
          ASSERT_LT(r.item, kItems);
          ASSERT_FALSE(seen[r.item]) << "twice on one page";
          seen[r.item] = true;
        }
        if (n % 16 == 0) {
          (void)recommender->stats();
          (void)recommender->bytes();
          (void)recommender->trending_facets(5);
        }
        ++answered;
      }
    });
  std::map<uint64_t, std::vector<Step>> history;
  for (uint64_t n = 0; n < 600 || answered < 50; ++n) {
    Draw draw(mix64(77, n));
    const uint64_t shopper = 1 + draw.below(30);
    std::vector<Step>& steps = history[shopper];
    const Step step{.item = static_cast<ItemSlot>(draw.below(kItems)),
                    .type = draw.below(4) == 0 ? EventType::kPurchase : EventType::kView,
                    .time_ms = static_cast<TimeMs>(n) * 1000,
                    .order = draw.below(4) == 0 ? n / 8 + 1 : 0};
    recommender->learn({step, {shopper, steps, steps.size() / 2}, mix64(n)});
    steps.push_back(step);
    if (n % 150 == 149) {
      const ItemSlot gone[] = {static_cast<ItemSlot>(draw.below(kItems)),
                               static_cast<ItemSlot>(draw.below(kItems))};
      recommender->evict(gone);
      for (auto& [who, theirs] : history)
        std::erase_if(theirs, [&](const Step& s) { return s.item == gone[0] || s.item == gone[1]; });
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace freshet
