// What people ask about the learned ranker.
#include <algorithm>

#include "engine/engine.h"

namespace freshet {

RankerFeatures Engine::ranker_features() const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  const Ranker::Parameters& now = current->state->ranker().parameters();
  return {now.importance, now.active, current->state->settings().book().published->settings.ranker};
}

EngineContexts Engine::contexts(std::string_view region) const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  const Contexts& from = current->state->contexts();
  EngineContexts out;
  out.now_ms = current->state->entry().now_ms();
  out.busy = from.book().busy;
  const ActiveContexts active = from.active(region, out.now_ms);
  if (active.scenario == Contexts::kBusy) out.scenario = "busy";
  for (const ContextSpan& span : from.book().spans) {
    const auto end = active.keys.begin() + static_cast<std::ptrdiff_t>(active.count);
    const bool now = span.holds(region, out.now_ms);
    out.spans.push_back({span, now && std::find(active.keys.begin(), end, span.key) != end});
    if (now && span.key == active.scenario) out.scenario = span.name + ": " + span.value;
  }
  return out;
}

// kInvalid: names the one that there is not.
Status check_features(const RankerSettings& settings) {
  const auto check = [](std::string_view member, const std::vector<std::string>& names) -> Status {
    for (size_t i = 0; i < names.size(); ++i) {
      if (find_rank_feature(names[i])) continue;
      std::string known;
      for (size_t f = 0; f < kRankFeatures; ++f)
        known.append(f == 0 ? "" : ", ").append(rank_feature_name(static_cast<RankFeature>(f)));
      return invalid("ranker." + std::string(member) + "[" + std::to_string(i) + "]: unknown feature \"" +
                     names[i].substr(0, 64) + "\"; expected one of " + known);
    }
    return {};
  };
  TRY_STATUS(check("keep", settings.keep));
  TRY_STATUS(check("drop", settings.drop));
  for (const std::string& name : settings.keep)
    if (std::find(settings.drop.begin(), settings.drop.end(), name) != settings.drop.end())
      return invalid("ranker.drop: \"" + name + "\" is in ranker.keep, too");
  return {};
}

}  // namespace freshet
