#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "eval/simulate.h"

namespace freshet::simulate {

namespace {

enum Purpose : uint64_t {
  kRegion = 21,
  kMain = 22,
  kLatent = 23,
  kStable = 24,
  kPeriod = 25,
  kBrands = 26,
  kFashion = 27
};

constexpr double kClickOffset = 4.5;
constexpr int64_t kEpoch =
    1025;  // Versions an epoch takes: odd, as each change must flip the version's last bit.
constexpr TimeMs kSlowMs =
    40 * kDayMs;  // The slow part of taste goes from one anchor to the next in this time.

Vector style_mix(std::span<const Vector> styles, uint64_t key) {
  Draw draw(key);
  const Vector& a = styles[draw.below(styles.size())];
  const Vector& b = styles[draw.below(styles.size())];
  Vector out;
  for (int d = 0; d < kTasteDims; ++d) out[d] = a[d] + 0.5f * b[d];
  return out;
}

// What of an item can be in fashion.
enum FashionOf : uint64_t { kPriceSlope, kColourFirst = 1 << 8, kBrandFirst = 1 << 16 };

float dot(const Vector& a, const Vector& b) {
  float sum = 0;
  for (int d = 0; d < kTasteDims; ++d) sum += a[d] * b[d];
  return sum;
}

}  // namespace

uint32_t Shop::region(uint32_t shopper) const {
  return static_cast<uint32_t>(mix64(options_.seed, mix64(kRegion, shopper)) % kRegions.size());
}

// The favourite category of each version of a taste: by turns of the first and of the second half of the
// categories, so that a change always leads to another department.
uint16_t Shop::main_category(uint32_t shopper, int64_t version) const {
  Draw draw(mix64(mix64(mix64(options_.seed, kMain), shopper), static_cast<uint64_t>(version)));
  const bool upper = (version & 1) != 0;
  uint32_t category = 0;
  do category = any_category(draw.next());
  while ((category >= kCategoryCount / 2) != upper);
  return static_cast<uint16_t>(category);
}

Taste Shop::taste(uint32_t shopper, TimeMs now) const {
  const uint64_t key = mix64(options_.seed, mix64(kStable, shopper));
  int64_t epoch = 0;
  if (options_.taste_days >
      0) {  // Its own period and phase for each shopper: half to one and a half of the mean.
    Draw draw(mix64(key, kPeriod));
    const double period_ms = options_.taste_days * (0.5 + draw.uniform()) * static_cast<double>(kDayMs);
    epoch = static_cast<int64_t>(static_cast<double>(now - options_.start_ms) / period_ms + draw.uniform());
  }
  const int64_t version = epoch * kEpoch + changed_[shopper];
  const int64_t before = changed_[shopper] > 0 ? version - 1 : version - kEpoch;

  Taste taste;
  taste.version = static_cast<uint32_t>(version);
  Draw stable(key);
  taste.budget = static_cast<float>((stable.uniform() + stable.uniform() - 1.0) * 1.6);
  taste.colours = {static_cast<uint8_t>(stable.below(kColours.size())),
                   static_cast<uint8_t>(stable.below(kColours.size()))};
  taste.categories = {main_category(shopper, version), main_category(shopper, before),
                      static_cast<uint16_t>(any_category(stable.next()))};
  for (size_t b = 0; b < taste.brands.size(); ++b) {  // Two in the favourite category, one in each other.
    const uint32_t category = taste.categories[b < 2 ? 0 : b - 1];
    taste.brands[b] = static_cast<uint16_t>(brand_of(category, mix64(mix64(key, kBrands + b), category)));
  }
  // Half of the hidden vector changes abruptly, with the version; half slowly, from anchor to anchor.
  const Vector abrupt = style_mix(styles_, mix64(mix64(key, kLatent), static_cast<uint64_t>(version)));
  const TimeMs since = std::max<TimeMs>(0, now - options_.start_ms);
  const auto anchor = static_cast<uint64_t>(since / kSlowMs);
  const auto along = static_cast<float>(since % kSlowMs) / static_cast<float>(kSlowMs);
  const uint64_t slow_key = mix64(key, kLatent + 100);
  const Vector from = style_mix(styles_, mix64(slow_key, anchor));
  const Vector to = style_mix(styles_, mix64(slow_key, anchor + 1));
  float square = 1e-6f;
  for (int d = 0; d < kTasteDims; ++d) {
    taste.latent[d] = abrupt[d] + 0.6f * (from[d] + along * (to[d] - from[d]));
    square += taste.latent[d] * taste.latent[d];
  }
  const float scale = 1.0f / std::sqrt(square);
  for (float& x : taste.latent) x *= scale;
  return taste;
}

Fashion Shop::fashion(TimeMs now) const {
  if (options_.fashion_days <= 0) return {};
  const double since = static_cast<double>(std::max<TimeMs>(0, now - options_.start_ms)) /
                       (options_.fashion_days * static_cast<double>(kDayMs));
  const auto number = static_cast<uint64_t>(since);
  const uint64_t key = mix64(options_.seed, kFashion);
  return {mix64(key, number), mix64(key, number + 1), static_cast<float>(since - static_cast<double>(number)),
          true};
}

float Fashion::of(uint64_t what) const {
  const auto drawn = [&](uint64_t key) {
    return static_cast<float>(2 * Draw(mix64(key, what)).uniform() - 1);
  };
  return drawn(from) + along * (drawn(to) - drawn(from));
}

float Fashion::of(const Item& item) const {
  if (!there) return 0;
  return 1.5f * of(kBrandFirst + item.brand) + of(kColourFirst + item.colour) +
         1.5f * of(kPriceSlope) * std::clamp(item.price_z, -1.0f, 1.0f);
}

namespace {

bool run_out(const CategoryWords& category, const Owned& had, TimeMs now) {
  return category.cycle_days > 0 && now / kDayMs - had.day >= category.cycle_days * 8 / 10;
}

// Demand and favourites; what begin_visit adds the mission to.
void fill(const Shop& shop, Visit& visit) {
  const uint32_t region = shop.region(visit.shopper);
  visit.taste = shop.taste(visit.shopper, visit.now_ms);
  visit.promotions = shop.promotions(visit.now_ms);
  visit.fashion = shop.fashion(visit.now_ms);
  for (uint32_t c = 0; c < kCategoryCount; ++c)
    visit.category[c] = 0.4f * shop.demand(c, region, visit.now_ms) - 1.0f;
  static constexpr float kFavourite[] = {1.4f, 0.9f, 0.6f};
  for (int f = 2; f >= 0; --f) {  // A category named twice counts as the better one.
    const uint32_t c = visit.taste.categories[static_cast<size_t>(f)];
    visit.category[c] = 0.4f * shop.demand(c, region, visit.now_ms) + kFavourite[f];
  }
}

}  // namespace

Visit begin_visit(const Shop& shop, uint32_t shopper, TimeMs now, std::span<const Owned> owned,
                  uint16_t mission, int goes_with) {
  Visit visit;
  visit.shopper = shopper;
  visit.now_ms = now;
  visit.owned = owned;
  fill(shop, visit);
  visit.mission = mission;
  visit.goes_with = goes_with;
  visit.category[mission] += 2.0f;
  return visit;
}

Visit begin_visit(const Shop& shop, uint32_t shopper, TimeMs now, std::span<const Owned> owned,
                  uint64_t key) {
  Draw draw(key);
  Visit visit;
  visit.shopper = shopper;
  visit.now_ms = now;
  visit.owned = owned;
  visit.goes_with = -1;
  fill(shop, visit);
  // Something has run out: half of the visits are for that.
  for (const Owned& had : owned) {
    const uint16_t category = shop.items()[had.item].category;
    if (!run_out(kCategories[category], had, now)) continue;
    if (draw.uniform() < 0.5) {
      visit.mission = category;
      visit.category[category] += 2.0f;
      return visit;
    }
  }
  const double u = draw.uniform();
  if (u < 0.75) {
    visit.mission = visit.taste.categories[u < 0.5 ? 0 : u < 0.64 ? 1 : 2];
  } else {  // Anything, as the season has it: a popular category accepted by its demand.
    for (int tries = 0; tries < 6; ++tries) {
      visit.mission = static_cast<uint16_t>(shop.any_category(draw.next()));
      if (draw.uniform() < 0.35 * exp_same(visit.category[visit.mission] + 1.0)) break;
    }
  }
  visit.category[visit.mission] += 2.0f;
  return visit;
}

bool Visit::has_opened(uint32_t item) const {
  const auto end = opened.begin() + std::min<size_t>(opened_count, opened.size());
  return std::find(opened.begin(), end, item) != end;
}

double utility(const Shop& shop, const Visit& visit, uint32_t number) {
  const Item& item = shop.items()[number];
  const Taste& taste = visit.taste;
  float u = visit.category[item.category] + item.quality + 2.2f * dot(taste.latent, item.latent);
  if (item.category == visit.goes_with) u += 1.2f;
  for (const uint16_t brand : taste.brands)
    if (brand == item.brand) {
      u += 0.9f;
      break;
    }
  if (item.colour == taste.colours[0] || item.colour == taste.colours[1]) u += 0.4f;
  const float away = item.price_z - taste.budget;
  u -= 0.3f * std::min(away * away, 9.0f);
  if (const float off = shop.discount(number, visit.promotions, visit.now_ms); off > 0) u += 3.0f * off;
  for (const Owned& had : visit.owned) {
    if (had.item != number) continue;
    if (kCategories[item.category].cycle_days == 0) u -= 3.0f;
    if (run_out(kCategories[item.category], had, visit.now_ms)) u += 2.5f;
    break;
  }
  if (visit.has_opened(number)) u -= 2.0f;
  u += visit.fashion.of(item);
  return static_cast<double>(u);
}

double examine(size_t place) {
  return 1.0 / (1.0 + 0.35 * static_cast<double>(place));
}

double click_probability(const Shop& shop, const Visit& visit, uint32_t item) {
  return sigmoid(utility(shop, visit, item) - kClickOffset);
}

double cart_probability(const Shop& shop, const Visit& visit, uint32_t item) {
  return 0.5 * sigmoid(utility(shop, visit, item) - kClickOffset - 0.5);
}

double expected_clicks(const Shop& shop, const Visit& visit, std::span<const uint32_t> items) {
  double sum = 0;
  for (size_t p = 0; p < items.size(); ++p) sum += examine(p) * click_probability(shop, visit, items[p]);
  return sum;
}

namespace {

// `number_of(0)` .. `number_of(count - 1)`: the items to choose from.
template <class NumberOf>
std::vector<uint32_t> best_of(const Shop& shop, const Visit& visit, size_t k, size_t count,
                              const NumberOf& number_of) {
  std::vector<std::pair<double, uint32_t>> all;
  all.reserve(count);
  for (size_t n = 0; n < count; ++n)
    if (const uint32_t i = number_of(n); shop.available(i, visit.now_ms))
      all.emplace_back(-utility(shop, visit, i), i);
  k = std::min(k, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
  std::vector<uint32_t> best(k);
  for (size_t i = 0; i < k; ++i) best[i] = all[i].second;
  return best;
}

}  // namespace

std::vector<uint32_t> best_list(const Shop& shop, const Visit& visit, size_t k) {
  return best_of(shop, visit, k, shop.items().size(), [](size_t n) { return static_cast<uint32_t>(n); });
}

std::vector<uint32_t> best_list(const Shop& shop, const Visit& visit, size_t k, uint16_t category) {
  const std::span<const uint32_t> items = shop.category_items(category);
  return best_of(shop, visit, k, items.size(), [&](size_t n) { return items[n]; });
}

std::string typed_words(std::string_view liked, uint16_t category, bool variant) {
  std::string words(liked);
  if (!words.empty()) words += ' ';
  words += variant ? kCategories[category].variant : kCategories[category].noun;
  for (char& c : words)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return words;
}

std::string search_words(const Visit& visit, uint16_t category, uint64_t key) {
  Draw draw(key);
  std::string_view colour;
  if (draw.below(3) == 0) colour = kColours[visit.taste.colours[draw.below(2)]];
  return typed_words(colour, category, draw.below(3) == 0);
}

uint32_t wander(const Shop& shop, const Visit& visit, uint16_t category, uint64_t key) {
  constexpr int kConsidered = 10;
  const std::span<const uint32_t> items = shop.category_items(category);
  Draw draw(key);
  uint32_t considered[kConsidered];
  double weight[kConsidered];
  double sum = 0;
  int count = 0;
  for (int tries = 0; tries < 2 * kConsidered && count < kConsidered; ++tries) {
    // Density ~ rank^-2/3; and each three days some other items are hot.
    double u = draw.uniform();
    auto rank = static_cast<uint64_t>(static_cast<double>(items.size()) * u * u * u);
    if (draw.below(5) == 0)
      rank = mix64(static_cast<uint64_t>(visit.now_ms / (3 * kDayMs)), category * 8u + draw.below(3)) %
             items.size();
    const uint32_t item = items[rank];
    if (!shop.available(item, visit.now_ms)) continue;
    considered[count] = item;
    sum += weight[count] = exp_same(0.8 * utility(shop, visit, item));
    ++count;
  }
  if (count == 0) return items[0];
  double at = draw.uniform() * sum;
  for (int i = 0; i + 1 < count; ++i)
    if ((at -= weight[i]) < 0) return considered[i];
  return considered[count - 1];
}

}  // namespace freshet::simulate
