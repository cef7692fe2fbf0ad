// The ranker over a page of recommendations: the mixture's candidates in, the order to be shown out. Lives
// for one request, under its EpochGuard.
//
//   score = Z p exp(weight . lift)      p: of the mixture; Z: so that the candidates' sum stays what it was
//
// Diversity and the cap on categories hold whether the ranker is heard or not; what is tried out, only when
// it is.
//
// Threads: one. Cost: docs/benchmarks.md.
#pragma once

#include "feature/catalog.h"
#include "rank/objective.h"
#include "rank/ranker.h"
#include "recommend/recommender.h"
#include "settings/ranker_settings.h"

namespace freshet {

class SlateRanking final : public SlateRanker {
 public:
  // explore: of the page. placed: categories of what stands on the page already. tries: something may be
  // tried out.
  SlateRanking(const Ranker& ranker, const Catalog& catalog, const RankerSettings& settings,
               const RankAsked& asked, uint64_t explore, std::span<const uint32_t> placed, bool tries)
      : catalog_(catalog),
        settings_(settings),
        query_(ranker, asked),
        explore_(explore),
        placed_(placed),
        tries_(tries),
        ranks_(settings.weight > 0 && query_.ready() && !is_control(settings, explore)) {}

  bool ranks() const { return ranks_; }  // By what was learned.
  bool changes_something() const { return ranks_ || spreads(settings_); }
  size_t candidates() const override { return settings_.candidates; }
  void rank(size_t places, bool explain, std::vector<Entry>& slate) override;

 private:
  std::vector<RankVerdict> judge(const std::vector<Entry>& slate) const;

  const Catalog& catalog_;
  const RankerSettings& settings_;
  const RankQuery query_;
  const uint64_t explore_;
  const std::span<const uint32_t> placed_;
  const bool tries_, ranks_;
};

// A page that the ranker has no say in, best first, its first `places` as the settings spread them.
void spread(const Catalog& catalog, const RankerSettings& settings, size_t places,
            std::span<const uint32_t> placed, std::vector<Recommended>& page);

}  // namespace freshet
