// What the learned ranker says of the first of the ranked candidates, beyond what words, vectors and clicks
// say (rank/ranker.h); then diversity, the cap on categories, and what is tried out (rank/rerank.h).
//
//   ranker  weight . best score by words . (lift - the least lift of the window), lifts limited to
//           -1.5 .. 1.5 around their middle; of all that is known (search_weight), or of the shopper who
//           searches (personal_weight); of nobody, where the request is not to be personal
//
// Diversity and the cap hold for every search by words in its own order, whether the ranker is heard or not;
// what is tried out, only when it is. Like what clicks taught, it moves only the first kClickWindow, and none
// of them falls behind what stands after the window. A page in an order that was asked for is left alone.
#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "rank/objective.h"
#include "rank/rerank.h"
#include "search/internal/context.h"

namespace freshet::search_internal {
namespace {

constexpr double kLiftMax = 1.5;  // To either side, of the best score by words.

RankHeard heard_of(const SearchContext& c) {
  return c.settings.ranker.search_weight > 0 ? RankHeard::kAll : RankHeard::kShopper;
}
double weight_of(const SearchContext& c) {
  if (heard_of(c) == RankHeard::kAll) return c.settings.ranker.search_weight;
  return c.request.personal ? c.settings.ranker.personal_weight : 0;
}

RankAsked asked_of(const SearchContext& c) {
  RankAsked asked{
      .kind = RankKind::kSearch, .now_ms = c.now_ms, .region = c.request.region, .device = c.request.device};
  const std::string& id = c.request.user.empty() ? c.request.session : c.request.user;
  if (id.empty() || c.profiles == nullptr || !c.request.personal) return asked;  // For everybody.
  const Sequence sequence = c.profiles->sequence(c.profiles->find(id));
  asked.shopper = sequence.shopper != 0 ? sequence.shopper : hash_bytes(id);
  asked.steps = sequence.steps;
  return asked;
}

void order(SearchContext& c, std::span<Candidate> window, std::span<const RankVerdict> verdicts,
           double scale) {
  const RankerSettings& settings = c.settings.ranker;
  std::vector<RerankItem> items(window.size());
  for (size_t i = 0; i < window.size(); ++i) {
    items[i] = {.score = window[i].score,
                .deviation = scale * verdicts[i].deviation,
                .index = static_cast<uint32_t>(i)};
    const ItemRecord* item = c.catalog.item(window[i].slot);
    if (item == nullptr) continue;
    items[i].category = item->category();
    items[i].brand = item->brand();
  }
  std::sort(items.begin(), items.end(), [&](const RerankItem& a, const RerankItem& b) {
    return stands_before(c, window[a.index], window[b.index]);
  });
  // Places are filled from the first on, whatever the page: pages follow one another. Where an item may come
  // to the first page from behind it, all of them are filled: each page must know who has left it.
  const bool tries =
      c.answer.ranked && settings.exploration > 0 && coins_of_search(c) != 0 && group_attribute(c).empty();
  const size_t places =
      tries ? items.size() : std::min(items.size(), size_t{c.request.from} + c.request.count);
  std::vector<uint32_t> ends = page_ends(c.request);
  while (ends.back() < places) ends.push_back(ends.back() + c.request.count);
  rerank(items, {.places = places,
                 .ends = ends,
                 .diversity = settings.diversity,
                 .category_cap = settings.category_cap,
                 .exploration = settings.exploration,
                 .key = tries ? coins_of_search(c) : 0});
  std::vector<Candidate> ordered;
  ordered.reserve(window.size());
  for (const RerankItem& item : items) {
    ordered.push_back(std::move(window[item.index]));
    ordered.back().propensity = item.propensity;
  }
  std::move(ordered.begin(), ordered.end(), window.begin());
}

// What the ranker says of the window, added to its scores. Returns what a unit of a lift is in the score.
double add_verdicts(SearchContext& c, std::span<Candidate> window, std::vector<RankVerdict>& verdicts) {
  const RankerSettings& settings = c.settings.ranker;
  const double scale = weight_of(c) * static_cast<double>(c.best_lexical);
  const RankQuery query(*c.ranker, asked_of(c), heard_of(c));
  if (!query.ready()) return scale;
  c.answer.ranked = true;
  std::vector<RankCandidate> candidates;
  const double top = window.empty() ? 0 : window.front().score;
  for (size_t i = 0; i < window.size(); ++i) {
    if (!window[i].has_match) put_match(c, window[i], i, top);
    candidates.push_back({.item = window[i].slot, .base = window[i].base, .match = &window[i].match});
  }
  add_values(c.catalog, settings, candidates);
  query.judge(candidates, objective_of(settings), verdicts);
  double least = HUGE_VAL, most = -HUGE_VAL;
  for (const RankVerdict& one : verdicts) {
    least = std::min(least, one.lift);
    most = std::max(most, one.lift);
  }
  const double middle = (least + most) / 2;
  for (size_t i = 0; i < window.size(); ++i) {
    const double said = verdicts[i].lift - middle, counts = std::clamp(said, -kLiftMax, kLiftMax);
    window[i].ranker = in_steps(scale * (counts - std::max(least - middle, -kLiftMax)));
    window[i].score += window[i].ranker;
    if (!c.request.explain) continue;
    const double unit = scale * counted_share(said, counts);
    for (size_t part = 0; part < kRankParts; ++part)
      window[i].ranker_parts[part] = static_cast<float>(unit * verdicts[i].parts[part]);
  }
  return scale;
}

}  // namespace

bool asks_ranker(const SearchContext& c) {
  if (c.ranker == nullptr || weight_of(c) <= 0) return false;
  const Ranker::Kind& kind = c.ranker->parameters().kinds[static_cast<size_t>(RankKind::kSearch)];
  return kind.voices.heard;
}

void ask_ranker(SearchContext& c) {
  const RankerSettings& settings = c.settings.ranker;
  const std::span<Candidate> window(c.pool.data(),
                                    std::min({c.ranked, kClickWindow, size_t{settings.candidates}}));
  std::vector<RankVerdict> verdicts(window.size());
  double scale = 0;
  if (c.ranker != nullptr && learns_clicks(c)) {
    const double best = static_cast<double>(c.best_lexical);
    for (Candidate& one : window) one.base = round_base(static_cast<float>((one.score - one.trial) / best));
    if (asks_ranker(c) && !is_control(settings, coins_of_search(c)))
      scale = add_verdicts(c, window, verdicts);
  }
  if (c.request.count == 0) return;  // Nothing is shown.
  if (c.answer.ranked || (spreads(settings) && c.words)) order(c, window, verdicts, scale);
}

// One part a group, of a lift that was cut as much as is left of it; and the rest: against the least of the
// window, the objective's.
void ranker_parts(const Candidate& candidate, std::vector<HitPart>& out) {
  if (candidate.ranker == 0) return;
  double sum = 0;
  for (size_t p = 0; p < kRankParts; ++p) {
    const double part = in_steps(static_cast<double>(candidate.ranker_parts[p]));
    if (part == 0) continue;
    out.push_back({"ranker", std::string(rank_part_reason(p)), part});
    sum += part;
  }
  if (candidate.ranker != sum) out.push_back({"ranker", "against the others", candidate.ranker - sum});
}

}  // namespace freshet::search_internal
