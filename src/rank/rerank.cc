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

// Of a page, places [from, end).
struct Page {
  size_t from = 0, end = 0;
};

// The page of a place; beyond the last one there is none, as if it were empty.
Page page_of(size_t place, size_t places, const RerankOptions& options) {
  if (options.ends.empty()) return place < places ? Page{0, places} : Page{place, place};
  const auto end = std::upper_bound(options.ends.begin(), options.ends.end(), place);
  if (end == options.ends.end()) return {place, place};
  return {end == options.ends.begin() ? 0 : *(end - 1), std::min<size_t>(*end, places)};
}

// How many of the page have the category, and of what is on it besides?
size_t standing(const std::vector<RerankItem>& items, Page page, uint32_t category,
                const RerankOptions& options) {
  const auto same = [category](const RerankItem& placed) { return placed.category == category; };
  const auto here = std::count_if(items.begin() + static_cast<std::ptrdiff_t>(page.from),
                                  items.begin() + static_cast<std::ptrdiff_t>(page.end), same);
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
    const Page filled{page_of(place, places, options).from, place};
    for (size_t i = place; i < items.size(); ++i) {
      const double one =
          (1 - options.diversity) * (1 - (best - items[i].score) / range) - options.diversity * most[i];
      const bool capped = options.category_cap > 0 && items[i].category != 0 &&
                          standing(items, filled, items[i].category, options) >= options.category_cap;
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

// May items[newcomer] stand at the place? Not if it would be one too many of its category on that page.
bool may_come(const std::vector<RerankItem>& items, size_t places, size_t place, size_t newcomer,
              const RerankOptions& options) {
  const uint32_t category = items[newcomer].category;
  const Page page = page_of(place, places, options);
  return options.category_cap == 0 || category == 0 || category == items[place].category ||
         page.from == page.end || standing(items, page, category, options) < options.category_cap;
}

// For each place but the first of the first page, how likely each of those behind it comes, if somebody does.
class Trial {
 public:
  Trial(std::vector<RerankItem>& items, size_t first, size_t places, const RerankOptions& options)
      : items_(items),
        first_(first),
        places_(places),
        options_(options),
        share_(options.exploration / static_cast<double>(first - 1)) {}

  void put_propensities() {
    std::vector<double> comes(places_ > first_ ? places_ - first_ : 0);
    for (size_t place = 1; place < first_; ++place) {
      if (comes.empty()) {  // Who they are matters to nobody.
        if (anybody_for(place)) items_[place].propensity = static_cast<float>(1 - share_);
        continue;
      }
      const double sum = chances_of(place);
      if (!(sum > 0)) continue;
      items_[place].propensity = static_cast<float>(1 - share_);
      for (size_t i = 0; i < comes.size(); ++i) comes[i] += share_ * chance_[i] / sum;
    }
    for (size_t i = 0; i < comes.size(); ++i)
      items_[first_ + i].propensity = static_cast<float>(std::max(1 - comes[i], 1e-6));
  }

  void draw() {
    Draw draw(mix64(options_.key, kTrial));
    if (draw.uniform() >= options_.exploration) return;
    const size_t place = 1 + draw.below(first_ - 1);
    const double sum = chances_of(place);
    if (!(sum > 0)) return;
    double at = draw.uniform() * sum;
    size_t pick = 0;
    while (pick + 1 < chance_.size() && (at -= chance_[pick]) >= 0) ++pick;
    while (chance_[pick] <= 0) --pick;  // Rounding may lead past the last that may come.
    std::swap(items_[place], items_[first_ + pick]);
    items_[place].propensity = static_cast<float>(std::max(share_ * chance_[pick] / sum, 1e-6));
    items_[first_ + pick].propensity = items_[place].propensity;
    items_[place].trial = true;
  }

 private:
  double chance_of(size_t newcomer, size_t place) const {
    const bool may = may_come(items_, places_, place, newcomer, options_) &&
                     may_come(items_, places_, newcomer, place, options_);
    return may ? better(items_[newcomer], items_[place]) : 0;
  }
  bool anybody_for(size_t place) const {
    for (size_t i = first_; i < items_.size(); ++i)
      if (chance_of(i, place) > 0) return true;
    return false;
  }
  double chances_of(size_t place) {
    chance_.clear();
    double sum = 0;
    for (size_t i = first_; i < items_.size(); ++i) sum += chance_.emplace_back(chance_of(i, place));
    return sum;
  }

  std::vector<RerankItem>& items_;
  const size_t first_, places_;  // Of the first page, and of all.
  const RerankOptions& options_;
  const double share_;
  std::vector<double> chance_;
};

}  // namespace

void rerank(std::vector<RerankItem>& items, const RerankOptions& options) {
  const size_t places = std::min(options.places, items.size());
  if (places == 0) return;
  if (options.diversity > 0 || options.category_cap > 0) spread(items, places, options);
  const size_t first = page_of(0, places, options).end;
  if (options.key == 0 || options.exploration <= 0 || first < 2 || items.size() <= first) return;
  Trial trial(items, first, places, options);
  trial.put_propensities();
  trial.draw();
}

}  // namespace freshet
