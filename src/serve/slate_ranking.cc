#include "serve/slate_ranking.h"

#include <algorithm>
#include <cmath>

#include "model/math.h"
#include "rank/rerank.h"

namespace freshet {
namespace {

std::vector<RecommendPart> parts_of(const RankVerdict& verdict, double share) {
  std::vector<RecommendPart> parts;
  for (size_t part = 0; part < kRankParts; ++part)
    if (verdict.parts[part] != 0)
      parts.push_back({"ranker", rank_part_name(part), share * verdict.parts[part]});
  return parts;
}

// Of what lifted it, the most that a shopper can be told.
std::string_view moved_by(const RankVerdict& verdict) {
  std::string_view out;
  double most = 0;
  for (size_t part = 0; part < kRankParts; ++part) {
    if (verdict.parts[part] <= most || rank_part_sentence(part).empty()) continue;
    most = verdict.parts[part];
    out = rank_part_sentence(part);
  }
  return out;
}

void put_kind(const Catalog& catalog, ItemSlot slot, RerankItem& item) {
  const ItemRecord* record = catalog.item(slot);
  if (record == nullptr) return;
  item.category = record->category();
  item.brand = record->brand();
}

double log_of(float score) {
  return static_cast<double>(log_f32(std::max(score, 1e-30f)));
}

}  // namespace

std::vector<RankVerdict> SlateRanking::judge(const std::vector<Entry>& slate) const {
  std::vector<RankVerdict> verdicts(slate.size());
  if (!ranks_) return verdicts;
  std::vector<RankCandidate> candidates;
  candidates.reserve(slate.size());
  for (const Entry& entry : slate)
    candidates.push_back(
        {.item = entry.item, .base = round_base(static_cast<float>(log_of(entry.score))), .value = 1});
  add_values(catalog_, settings_, candidates);
  query_.judge(candidates, objective_of(settings_), verdicts);
  return verdicts;
}

void SlateRanking::rank(size_t places, bool explain, std::vector<Entry>& slate) {
  const std::vector<RankVerdict> verdicts = judge(slate);
  std::vector<RerankItem> items(slate.size());
  const std::vector<BoundedLift> lifts = bounded_lifts(verdicts, settings_.weight);
  double before = 0, after = 0;
  for (size_t i = 0; i < slate.size(); ++i) {
    RerankItem& item = items[i];
    item.score = log_of(slate[i].score) + lifts[i].lift;
    item.deviation = settings_.weight * verdicts[i].deviation;
    item.index = static_cast<uint32_t>(i);
    put_kind(catalog_, slate[i].item, item);
    before += static_cast<double>(slate[i].score);
    after += static_cast<double>(exp_f32(static_cast<float>(item.score)));
  }
  // Equal scores stay in the mixture's order.
  std::stable_sort(items.begin(), items.end(),
                   [](const RerankItem& a, const RerankItem& b) { return a.score > b.score; });
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].index > i) slate[items[i].index].moved = moved_by(verdicts[items[i].index]);
  rerank(items, {.places = places,
                 .diversity = settings_.diversity,
                 .category_cap = settings_.category_cap,
                 .exploration = ranks_ && tries_ ? settings_.exploration : 0,
                 .placed = placed_,
                 .key = explore_});
  const double scale = after > 0 ? before / after : 1;
  std::vector<Entry> shown;
  shown.reserve(std::min(places, items.size()));
  for (size_t i = 0; i < std::min(places, items.size()); ++i) {
    Entry& entry = shown.emplace_back(std::move(slate[items[i].index]));
    entry.propensity = items[i].propensity;
    if (!ranks_) continue;
    const uint32_t index = items[i].index;
    const double p = static_cast<double>(entry.score);
    entry.score =
        static_cast<float>(scale * static_cast<double>(exp_f32(static_cast<float>(items[i].score))));
    if (!explain) continue;
    // ln(score) - ln(p) is shared by the logarithmic mean of the two, as the mixture's parts are.
    const double s = static_cast<double>(entry.score),
                 far = std::log(std::max(s, 1e-30) / std::max(p, 1e-30));
    const double mean = std::abs(far) < 1e-9 ? p : (s - p) / far;
    entry.parts = parts_of(verdicts[index], mean * settings_.weight * lifts[index].share);
    if (items[i].trial) entry.parts.push_back({"ranker", "trial", 0});
    entry.parts.push_back({"ranker", "others", 0});  // What the others gained or lost; settled by the caller.
  }
  slate = std::move(shown);
}

void spread(const Catalog& catalog, const RankerSettings& settings, size_t places,
            std::span<const uint32_t> placed, std::vector<Recommended>& page) {
  std::vector<RerankItem> items(page.size());
  for (size_t i = 0; i < page.size(); ++i) {
    items[i].score = log_of(page[i].score);
    items[i].index = static_cast<uint32_t>(i);
    put_kind(catalog, page[i].item, items[i]);
  }
  rerank(items, {.places = places,
                 .diversity = settings.diversity,
                 .category_cap = settings.category_cap,
                 .placed = placed});
  std::vector<Recommended> shown;
  for (size_t i = 0; i < std::min(places, items.size()); ++i)
    shown.push_back(std::move(page[items[i].index]));
  page = std::move(shown);
}

}  // namespace freshet
