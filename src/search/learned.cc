// What clicks on earlier pages have taught, over the first of the ranked candidates; and what a page tries
// out to learn more.
//
//   clicks  click_weight . best score by words . (part - the least part of the window), parts limited to
//           -1.5 .. 1.5 around their middle (clicks/click_model.h says what they are)
//   trial   the worth of a rate of g (1 + click_exploration . doubt . (6 + a draw of a normal distribution)),
//           the draw by (search, item): what is little known is lifted, more or less
//
// Both only move the first kClickWindow; none of them falls behind what stands after the window.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/hash.h"
#include "search/internal/context.h"
#include "text/words.h"

namespace freshet::search_internal {
namespace {

constexpr double kOptimism = 6;   // Deviations of the draw that what is doubtful is lifted by.
constexpr double kPartMax = 1.5;  // To either side, of the best score by words.
constexpr uint64_t kTrial = 0x747269616c, kSwap = 0x73776170;  // Purposes of draws.
constexpr double kDoubtMax = 0.08;     // Of ln theta of the tenth place: until then there are
constexpr double kMoreSwaps = 6;       // so many times as many pages with exchanges.
constexpr double kLittleDoubt = 0.05;  // Until then,
constexpr double kLittle = 0.05;       // on all pages, those that lose no more than this.

float log2_of(double x) {
  return static_cast<float>(std::log2(x));
}

// Sum of twelve uniform draws less six: mean 0, variance 1, never beyond 6.
double normal(Draw& draw) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += draw.uniform();
  return sum;
}

}  // namespace

void put_match(const SearchContext& c, Candidate& one, size_t place, double top) {
  const double scale = 1 / static_cast<double>(c.best_lexical);
  const auto share = [&](double value) { return static_cast<float>(value * scale); };
  MatchFeatures& match = one.match;
  at(match, MatchFeature::kScore) = share(one.score);
  at(match, MatchFeature::kLexical) = share(c.lexical_scale * static_cast<double>(one.lexical));
  at(match, MatchFeature::kLetters) = static_cast<float>(one.wording.letters);
  at(match, MatchFeature::kWords) = static_cast<float>(one.wording.words);
  at(match, MatchFeature::kPairs) = static_cast<float>(one.wording.pairs);
  at(match, MatchFeature::kNumbers) = static_cast<float>(one.wording.numbers);
  at(match, MatchFeature::kSemantic) = share(one.semantic);
  at(match, MatchFeature::kIntent) = share(one.intent);
  at(match, MatchFeature::kPopularity) = share(popularity_part(c, one.slot));
  at(match, MatchFeature::kGap) = share(top - one.score);
  at(match, MatchFeature::kPlace) = log2_of(static_cast<double>(place + 1)) / 2;
  at(match, MatchFeature::kFound) = log2_of(1 + static_cast<double>(c.matched.size())) / 6;
  at(match, MatchFeature::kLength) = static_cast<float>(c.query.words.size()) / 4;
  round_features(match);
  one.has_match = true;
}

uint64_t coins_of_search(const SearchContext& c) {
  if (c.request.explore == 0 || c.request.explore_search == 0) return c.request.explore;
  return c.request.explore_search;
}

bool learns_clicks(const SearchContext& c) {
  return c.clicks != nullptr && c.words && c.ranked > 0 && c.best_lexical > 0 && c.request.sort.empty() &&
         c.by_id == kNoItem;
}

void learned(SearchContext& c) {
  if (!learns_clicks(c)) return;
  const std::span<Candidate> window(c.pool.data(), std::min(c.ranked, kClickWindow));
  const bool asked = c.settings.click_weight > 0 && c.clicks->parameters().ready;
  if (!asked && c.request.explore == 0) return;
  for (size_t i = 0; i < window.size(); ++i) put_match(c, window[i], i, window.front().score);
  if (!asked) return;
  thread_local std::string words;
  fold_words(c.request.query, words, JoinerConfig{}.query_bytes_max);
  const ClickModel::Query query(*c.clicks, words);
  thread_local std::vector<ClickModel::Query::Asked> asked_of;
  thread_local std::vector<ClickModel::Query::Verdict> verdicts;
  asked_of.clear();
  for (const Candidate& one : window) {
    const ItemRecord* item = c.catalog.item(one.slot);
    asked_of.push_back({.item = one.slot, .match = one.match});
    if (item == nullptr) continue;
    asked_of.back().item_key = item->key;
    asked_of.back().title = item->title;
  }
  verdicts.assign(window.size(), {});
  query.verdicts(asked_of, verdicts);
  double least = HUGE_VAL, most = -HUGE_VAL;
  for (size_t i = 0; i < window.size(); ++i) {
    window[i].clicks = verdicts[i].part;
    window[i].trial = verdicts[i].doubt;
    least = std::min(least, window[i].clicks);
    most = std::max(most, window[i].clicks);
  }
  // The middle of what is said is the middle of what may be said.
  const double middle = (least + most) / 2,
               scale = c.settings.click_weight * static_cast<double>(c.best_lexical);
  for (Candidate& one : window) {
    const double part =
        std::clamp(one.clicks - middle, -kPartMax, kPartMax) - std::max(least - middle, -kPartMax);
    one.clicks = in_steps(scale * part);
    double trial = 0;
    if (c.request.explore != 0) {
      Draw draw(mix64(coins_of_search(c), mix64(one.slot, kTrial)));
      const double more = c.settings.click_exploration * one.trial * (kOptimism + normal(draw));
      trial = std::clamp(query.worth(more), -kPartMax, kPartMax);
    }
    // A trial that lowers takes no more than clicks gave: what is after the window stays there.
    one.trial = std::max(in_steps(scale * trial), -one.clicks);
    one.score += one.clicks + one.trial;
  }
  std::sort(window.begin(), window.end(),
            [&](const Candidate& a, const Candidate& b) { return stands_before(c, a, b); });
}

// What a page is expected to lose, as a share of a best first place, when two items change places: what the
// lower place is looked at less (as nDCG discounts), times what the lower item is clicked less, by its score.
double loss_of(const SearchContext& c, const Examination::Pair& pair) {
  const auto discount = [](uint32_t place) { return 1 / std::log2(place + 2.0); };
  const double scale = c.settings.click_weight * static_cast<double>(c.best_lexical);
  const double ahead = (c.pool[pair.upper].score - c.pool[pair.lower].score) / scale;
  const double less = 1 - std::exp(-c.clicks->parameters().slope * std::max(0.0, ahead));
  return (discount(pair.upper) - discount(pair.lower)) * less;
}

// The design of a page. Where all pairs change, any whose first pair is on it; else the one with the farthest
// partner of the first place that loses little by it, which says most (clicks/examination.h), or any.
size_t design_of(const SearchContext& c, bool all, Draw& draw) {
  const auto& designs = Examination::kDesigns;
  std::array<size_t, Examination::kDesigns.size()> here{};
  size_t count = 0, best = designs.size();
  for (size_t i = 0; i < designs.size(); ++i) {
    const Examination::Pair& first = designs[i].front();
    if (first.lower >= c.pool.size()) continue;
    here[count++] = i;
    if (all || loss_of(c, first) > kLittle) continue;
    if (best == designs.size() || first.lower > designs[best].front().lower) best = i;
  }
  const size_t any = all && count > 0 ? here[draw.below(count)] : draw.below(designs.size());
  return best == designs.size() ? any : best;
}

// Items of the first places change places with probability one half, in the pairs of one design: all of them
// on some pages; on the others, while how often places are looked at is in doubt, those that lose little by
// it.
void exchange_places(SearchContext& c) {
  if (c.request.explore == 0 || !c.request.exchanges || c.request.from != 0 || !learns_clicks(c) ||
      !group_attribute(c).empty())
    return;
  const ClickModel::Parameters& known = c.clicks->parameters();
  if (!known.ready || c.settings.click_weight <= 0 || c.settings.click_swaps <= 0) return;
  Draw draw(mix64(c.request.explore, kSwap));
  const bool doubtful = known.doubt > kDoubtMax;
  const bool all = draw.uniform() < c.settings.click_swaps * (doubtful ? kMoreSwaps : 1);
  if (!all && known.doubt <= kLittleDoubt) return;
  const size_t design = design_of(c, all, draw);
  for (const Examination::Pair& pair : Examination::kDesigns[design]) {
    if (pair.lower >= c.pool.size()) continue;
    if (!all && loss_of(c, pair) > kLittle) continue;
    if (draw.below(2) != 0) std::swap(c.pool[pair.upper], c.pool[pair.lower]);
    c.pool[pair.upper].propensity = c.pool[pair.lower].propensity = 0.5f;
    c.answer.exchanged = static_cast<int>(design);
  }
}

}  // namespace freshet::search_internal
