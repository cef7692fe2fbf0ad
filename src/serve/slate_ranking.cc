#include "serve/slate_ranking.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"
#include "rank/rerank.h"

namespace freshet {
namespace {

constexpr double kLiftMax = 6;  // exp(6): what nothing was known of may come first.

std::vector<RecommendPart> parts_of(const RankVerdict& verdict, double share) {
  std::vector<RecommendPart> parts;
  for (size_t part = 0; part < kRankParts; ++part)
    if (verdict.parts[part] != 0)
      parts.push_back({"ranker", rank_part_name(part), share * verdict.parts[part]});
  return parts;
}

}  // namespace

void SlateRanking::rank(size_t places, bool explain, std::vector<Entry>& slate) {
  std::vector<RankCandidate> candidates;
  candidates.reserve(slate.size());
  for (const Entry& entry : slate)
    candidates.push_back(
        {.item = entry.item, .base = round_base(log_f32(std::max(entry.score, 1e-30f))), .value = 1});
  add_values(catalog_, settings_, candidates);
  std::vector<RankVerdict> verdicts;
  query_.judge(candidates, objective_of(settings_), verdicts);
  std::vector<RerankItem> items(slate.size());
  double before = 0, after = 0;
  for (size_t i = 0; i < slate.size(); ++i) {
    const double lift = std::clamp(settings_.weight * verdicts[i].lift, -kLiftMax, kLiftMax);
    const double base = static_cast<double>(log_f32(std::max(slate[i].score, 1e-30f)));
    RerankItem& item = items[i];
    item.score = base + lift;
    item.deviation = settings_.weight * verdicts[i].deviation;
    item.index = static_cast<uint32_t>(i);
    if (const ItemRecord* record = catalog_.item(slate[i].item);
        record != nullptr && !record->facets.empty()) {
      item.category = record->facets.front();
      item.brand = record->facets.back();
    }
    before += static_cast<double>(slate[i].score);
    after += static_cast<double>(exp_f32(static_cast<float>(item.score)));
  }
  // Equal scores stay in the mixture's order.
  std::stable_sort(items.begin(), items.end(),
                   [](const RerankItem& a, const RerankItem& b) { return a.score > b.score; });
  rerank(items, {.places = places,
                 .diversity = settings_.diversity,
                 .category_cap = settings_.category_cap,
                 .exploration = settings_.exploration,
                 .key = explore_});
  const double scale = after > 0 ? before / after : 1;
  std::vector<Entry> shown;
  shown.reserve(std::min(places, items.size()));
  for (size_t i = 0; i < std::min(places, items.size()); ++i) {
    Entry& entry = shown.emplace_back(std::move(slate[items[i].index]));
    const double p = static_cast<double>(entry.score);
    entry.score =
        static_cast<float>(scale * static_cast<double>(exp_f32(static_cast<float>(items[i].score))));
    entry.propensity = items[i].propensity;
    if (!explain) continue;
    // ln(score) - ln(p) is shared by the logarithmic mean of the two, as the mixture's parts are.
    const double s = static_cast<double>(entry.score),
                 far = std::log(std::max(s, 1e-30) / std::max(p, 1e-30));
    const double mean = std::abs(far) < 1e-9 ? p : (s - p) / far;
    entry.parts = parts_of(verdicts[items[i].index], mean * settings_.weight);
    if (items[i].trial) entry.parts.push_back({"ranker", "trial", 0});
    entry.parts.push_back({"ranker", "others", 0});  // What the others gained or lost; settled by the caller.
  }
  slate = std::move(shown);
}

}  // namespace freshet
