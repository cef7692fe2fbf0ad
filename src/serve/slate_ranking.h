// The ranker over a page of recommendations: the mixture's candidates in, the order to be shown out. Lives
// for one request, under its EpochGuard.
//
//   score = Z p exp(weight . lift)      p: of the mixture; Z: so that the candidates' sum stays what it was
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
  SlateRanking(const Ranker& ranker, const Catalog& catalog, const RankerSettings& settings,
               const RankAsked& asked, uint64_t explore)
      : catalog_(catalog), settings_(settings), query_(ranker, asked), explore_(explore) {}

  bool changes_something() const {
    return settings_.weight > 0 && query_.ready() && !is_control(settings_, explore_);
  }
  size_t candidates() const override { return settings_.candidates; }
  void rank(size_t places, bool explain, std::vector<Entry>& slate) override;

 private:
  const Catalog& catalog_;
  const RankerSettings& settings_;
  const RankQuery query_;
  const uint64_t explore_;
};

}  // namespace freshet
