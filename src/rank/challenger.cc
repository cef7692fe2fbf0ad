#include "rank/challenger.h"

#include <algorithm>
#include <cmath>

namespace freshet {

GaussWeights::Config challenger_config(GaussWeights::Config base, const RankerChallenger& of) {
  for (float& prior : base.prior) prior *= static_cast<float>(of.prior);
  base.caution = static_cast<float>(of.caution);
  return base;
}

void Challenger::begin(const RankerChallenger& of, GaussWeights::Config config,
                       std::span<const uint64_t> words) {
  end();
  of_ = of;
  if (of.name.empty()) return;
  weights_ = std::make_unique<GaussWeights>(challenger_config(config, of));
  weights_->set_direct(true);
  if (!words.empty()) weights_->replace(words);
}

void Challenger::page(double live_loss, double own_loss) {
  const double gain = std::clamp(live_loss - own_loss, -kClip, kClip) / kClip;
  better_.add(gain);
  worse_.add(-gain);
}

ChallengerReport Challenger::report() const {
  return {.of = of_,
          .pages = better_.n(),
          .difference = better_.mean() * kClip,
          .log_wealth_better = better_.log_wealth(),
          .log_wealth_worse = worse_.log_wealth(),
          .log_wealth_needed = -std::log(kAlpha),
          .better = better_.proved(),
          .worse = worse_.proved()};
}

void Challenger::save(Writer& out) const {
  out.str(of_.name);
  if (!on()) return;
  out.u8(static_cast<uint8_t>(of_.learner));
  out.f64(of_.prior);
  out.f64(of_.caution);
  out.u8(of_.promote ? 1 : 0);
  weights_->save(out);
  better_.save(out);
  worse_.save(out);
}

Status Challenger::load(Reader& in, const GaussWeights::Config& config) {
  end();
  RankerChallenger of;
  of.name = in.str();
  if (!in.ok()) return corrupt("ranker: challenger cut short");
  if (of.name.empty()) return {};
  of.learner =
      static_cast<RankLearner>(std::min<uint8_t>(in.u8(), static_cast<uint8_t>(RankLearner::kEnsemble)));
  of.prior = in.f64();
  of.caution = in.f64();
  of.promote = in.u8() != 0;
  if (!in.ok() || !(of.prior > 0) || !(of.caution > 0)) return corrupt("ranker: challenger cut short");
  begin(of, config, {});
  TRY_STATUS(weights_->load(in));
  weights_->set_direct(true);
  better_.load(in);
  worse_.load(in);
  return in.ok() ? Status() : Status(corrupt("ranker: challenger cut short"));
}

}  // namespace freshet
