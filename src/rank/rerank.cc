#include "rank/rerank.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr uint64_t kTrial = 0x72616e6b2d747279;  // Purpose of the draws.
constexpr double kSameCategory = 0.6, kSameBrand = 0.4;

double likeness(const RerankItem& a, const RerankItem& b) {
  return (a.category != 0 && a.category == b.category ? kSameCategory : 0) +
         (a.brand != 0 && a.brand == b.brand ? kSameBrand : 0);
}

// How many of the first `places` have the category, and of what is on the page besides?
size_t standing(const std::vector<RerankItem>& items, size_t places, uint32_t category,
                const RerankOptions& options) {
  const auto same = [category](const RerankItem& placed) { return placed.category == category; };
  const auto here = std::count_if(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(places), same);
  return static_cast<size_t>(here + std::count(options.placed.begin(), options.placed.end(), category));
}

// Fills the places one by one; most[i]: the greatest likeness of items[i] to what was placed.
void spread(std::vector<RerankItem>& items, size_t places, const RerankOptions& options) {
  const double best = items.front().score;
  const double range = std::max(best - items.back().score, 1e-9);
  std::vector<double> most(items.size());
  for (size_t place = 0; place < places; ++place) {
    size_t pick = items.size();
    double worth = -HUGE_VAL;
    bool pick_capped = true;
    for (size_t i = place; i < items.size(); ++i) {
      const double one =
          (1 - options.diversity) * (1 - (best - items[i].score) / range) - options.diversity * most[i];
      const bool capped = options.category_cap > 0 && items[i].category != 0 &&
                          standing(items, place, items[i].category, options) >= options.category_cap;
      if (pick != items.size() && (capped != pick_capped ? capped : one <= worth)) continue;
      pick = i;
      worth = one;
      pick_capped = capped;
      if (options.diversity <= 0 && !capped) break;  // By score: the first that may is the best.
    }
    const auto from = static_cast<std::ptrdiff_t>(place), to = static_cast<std::ptrdiff_t>(pick);
    std::rotate(items.begin() + from, items.begin() + to, items.begin() + to + 1);
    std::rotate(most.begin() + from, most.begin() + to, most.begin() + to + 1);
    if (options.diversity <= 0) continue;
    for (size_t i = place + 1; i < items.size(); ++i)
      most[i] = std::max(most[i], likeness(items[place], items[i]));
  }
}

// P(a is better than b), both Gaussian; the distribution by its logistic approximation.
double better(const RerankItem& a, const RerankItem& b) {
  const double spread = std::sqrt(a.deviation * a.deviation + b.deviation * b.deviation);
  if (!(spread > 1e-9)) return a.score > b.score ? 1 : 0;
  const double x = std::clamp(1.702 * (a.score - b.score) / spread, -30.0, 30.0);
  return static_cast<double>(sigmoid_f32(static_cast<float>(x)));
}

// May items[newcomer] stand at the place? Not if it would be one too many of its category.
bool may_come(const std::vector<RerankItem>& items, size_t places, size_t place, size_t newcomer,
              const RerankOptions& options) {
  const uint32_t category = items[newcomer].category;
  return options.category_cap == 0 || category == 0 || category == items[place].category ||
         standing(items, places, category, options) < options.category_cap;
}

void try_out(std::vector<RerankItem>& items, size_t places, const RerankOptions& options) {
  const double share = options.exploration / static_cast<double>(places - 1);
  const auto chance_of = [&](size_t newcomer, size_t place) {
    return may_come(items, places, place, newcomer, options) ? better(items[newcomer], items[place]) : 0;
  };
  for (size_t place = 1; place < places; ++place)
    for (size_t i = places; i < items.size(); ++i)
      if (chance_of(i, place) > 0) {
        items[place].propensity = static_cast<float>(1 - share);
        break;
      }
  Draw draw(mix64(options.key, kTrial));
  if (draw.uniform() >= options.exploration) return;
  const size_t place = 1 + draw.below(places - 1);
  std::vector<double> chance;
  double sum = 0;
  for (size_t i = places; i < items.size(); ++i) sum += chance.emplace_back(chance_of(i, place));
  if (!(sum > 0)) return;
  double at = draw.uniform() * sum;
  size_t pick = 0;
  while (pick + 1 < chance.size() && (at -= chance[pick]) >= 0) ++pick;
  while (chance[pick] <= 0) --pick;  // Rounding may lead past the last that may come.
  std::swap(items[place], items[places + pick]);
  items[place].propensity = static_cast<float>(std::max(share * chance[pick] / sum, 1e-6));
  items[place].trial = true;
}

}  // namespace

void rerank(std::vector<RerankItem>& items, const RerankOptions& options) {
  const size_t places = std::min(options.places, items.size());
  if (places == 0) return;
  if (options.diversity > 0 || options.category_cap > 0) spread(items, places, options);
  if (options.key != 0 && options.exploration > 0 && places > 1 && items.size() > places)
    try_out(items, places, options);
}

}  // namespace freshet
