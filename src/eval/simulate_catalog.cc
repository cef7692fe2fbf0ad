#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "base/result.h"
#include "eval/simulate.h"

namespace freshet::simulate {

namespace {

// Purposes of draws. Part of the generator: a new one gets a new number.
enum Purpose : uint64_t {
  kBrand = 1,
  kItem = 2,
  kStyle = 3,
  kTitle = 4,
  kStock = 5,
  kPromotion = 6,
  kWeather = 7
};

constexpr uint32_t kBrandsPerDepartment = 16;
constexpr uint32_t kBrandsPerCategory = 8;

// Sum of uniforms: near enough to a normal for a shop, and the same on every machine.
double normal(Draw& draw) {
  double sum = 0;
  for (int i = 0; i < 6; ++i) sum += draw.uniform();
  return (sum - 3.0) * 1.41421356;
}

Vector unit(Vector v) {
  double square = 1e-12;
  for (const float x : v) square += static_cast<double>(x) * x;
  const auto scale = static_cast<float>(1.0 / std::sqrt(square));
  for (float& x : v) x *= scale;
  return v;
}

std::string brand_from(Draw& draw) {
  static constexpr std::string_view kFirst[] = {"Nor", "Vel", "Kas", "Tor", "Lum",   "Bri",  "Ost",
                                                "Mar", "Fen", "Sol", "Hav", "Zan",   "Quil", "Ard",
                                                "Pel", "Ril", "Gal", "Wex", "Ember", "Yar"};
  static constexpr std::string_view kMiddle[] = {"", "a", "o", "i", "en", "ar", "el"};
  static constexpr std::string_view kLast[] = {"vik",   "lo",    "dra", "mont", "sen", "ra",
                                               "quist", "field", "wyn", "tec",  "nia", "ko",
                                               "bay",   "ven",   "lis", "moor", "dal", "hus"};
  std::string name(kFirst[draw.below(std::size(kFirst))]);
  name += kMiddle[draw.below(std::size(kMiddle))];
  name += kLast[draw.below(std::size(kLast))];
  return name;
}

std::string numbered(char kind, uint32_t number) {
  char text[16];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  std::string id(1, kind);
  if (end - text < 6) id.append(static_cast<size_t>(6 - (end - text)), '0');
  return id.append(text, end);
}

}  // namespace

double exp_same(double x) {
  if (x < -80) return 0;
  if (x > 80) x = 80;
  const double k = std::nearbyint(x * 1.4426950408889634);
  const double r = (x - k * 0.6931471805599453) * 0.25;  // |r| < 0.087
  double p = 1 + r * (1 + r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120)))));
  p *= p;
  p *= p;
  return std::ldexp(p, static_cast<int>(k));
}

double sigmoid(double x) {
  return 1.0 / (1.0 + exp_same(-x));
}

Shop::Shop(const Options& options) : options_(options) {
  CHECK(options_.items >= 100 && options_.shoppers >= 1);
  changed_.resize(options_.shoppers);
  make_brands();
  make_items();
}

void Shop::make_brands() {
  // Brands belong to a department; a category carries some of them.
  std::vector<std::string_view> departments;
  for (uint32_t c = 0; c < kCategoryCount; ++c) {
    const std::string_view name = kCategories[c].department;
    auto at = std::find(departments.begin(), departments.end(), name);
    if (at == departments.end()) {
      Draw draw(mix64(options_.seed, mix64(kBrand, departments.size())));
      for (uint32_t b = 0; b < kBrandsPerDepartment;) {
        std::string brand = brand_from(draw);
        if (std::find(brands_.begin(), brands_.end(), brand) != brands_.end()) continue;
        brands_.push_back(std::move(brand));
        ++b;
      }
      departments.push_back(name);
      at = departments.end() - 1;
    }
    const auto first = static_cast<uint32_t>(at - departments.begin()) * kBrandsPerDepartment;
    Draw draw(mix64(options_.seed, mix64(kBrand, 1000 + c)));
    auto& mine = category_brands_[c];
    while (mine.size() < kBrandsPerCategory) {
      const auto brand = static_cast<uint16_t>(first + draw.below(kBrandsPerDepartment));
      if (std::find(mine.begin(), mine.end(), brand) == mine.end()) mine.push_back(brand);
    }
  }
}

void Shop::make_items() {
  for (size_t s = 0; s < styles_.size(); ++s) {
    Draw draw(mix64(options_.seed, mix64(kStyle, s)));
    for (float& x : styles_[s]) x = static_cast<float>(normal(draw));
    styles_[s] = unit(styles_[s]);
  }
  double sum = 0;
  for (uint32_t c = 0; c < kCategoryCount; ++c) popularity_[c] = sum += kCategories[c].popularity;
  for (double& p : popularity_) p /= sum;

  items_.resize(options_.items);
  const double span_ms = options_.days * static_cast<double>(kDayMs);
  for (uint32_t i = 0; i < options_.items; ++i) {
    Draw draw(mix64(options_.seed, mix64(kItem, i)));
    Item& item = items_[i];
    // The first ones go round the categories, so that a small shop has something in each.
    item.category = static_cast<uint16_t>(i < kCategoryCount ? i : any_category(draw.next()));
    const CategoryWords& words = kCategories[item.category];
    item.brand = static_cast<uint16_t>(brand_of(item.category, draw.next()));
    item.colour = static_cast<uint8_t>(draw.below(kColours.size()));
    item.style = static_cast<uint8_t>(draw.below(kStyles.size()));
    for (int d = 0; d < kTasteDims; ++d)
      item.latent[d] = styles_[item.style][d] + 0.22f * static_cast<float>(normal(draw));
    item.latent = unit(item.latent);
    item.price_z = static_cast<float>(normal(draw));
    const double price = words.price * exp_same(words.price_sigma * item.price_z);
    item.price = static_cast<float>(std::floor(price) + (price < 200 ? 0.95 : 0.0));
    item.quality = static_cast<float>(0.4 * normal(draw));
    item.born_ms = options_.start_ms;
    if (draw.uniform() < options_.new_items && i >= kCategoryCount)
      item.born_ms += static_cast<TimeMs>(draw.uniform() * span_ms) / kMinuteMs * kMinuteMs;
    by_category_[item.category].push_back(i);
  }
}

uint32_t Shop::any_category(uint64_t draw) const {
  const double u = static_cast<double>(draw >> 11) * 0x1.0p-53;
  const auto at = std::upper_bound(popularity_.begin(), popularity_.end(), u);
  return std::min(static_cast<uint32_t>(at - popularity_.begin()), kCategoryCount - 1);
}

uint32_t Shop::brand_of(uint32_t category, uint64_t draw) const {
  // The first brands of a category are bigger: the lower of two draws.
  const uint64_t a = (draw >> 8) % kBrandsPerCategory;
  const uint64_t b = (draw >> 32) % kBrandsPerCategory;
  return category_brands_[category][std::min(a, b)];
}

std::string Shop::item_id(uint32_t item) {
  return numbered('p', item);
}
std::string Shop::shopper_id(uint32_t shopper) {
  return numbered('u', shopper);
}
std::optional<uint32_t> Shop::item_number(std::string_view id) {
  uint32_t number = 0;
  if (id.size() < 7 || id[0] != 'p') return std::nullopt;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

std::string Shop::title(uint32_t number) const {
  const Item& item = items_[number];
  const CategoryWords& words = kCategories[item.category];
  Draw draw(mix64(options_.seed, mix64(kTitle, number)));
  std::string title(brands_[item.brand]);
  title.append(" ").append(kModels[draw.below(kModels.size())]).append(" ");
  title.append(kStyles[item.style]).append(" ");
  title.append(draw.below(2) == 0 ? words.noun : words.variant);
  return title.append(", ").append(kColours[item.colour]);
}

void Shop::describe(uint32_t number, TimeMs now, Event& out) const {
  const Item& item = items_[number];
  const CategoryWords& words = kCategories[item.category];
  out.clear();
  out.type = EventType::kItemUpsert;
  out.time_ms = std::max(now, item.born_ms);
  out.item = item_id(number);
  const auto rating = std::round((3.9 + item.quality) * 10) / 10;
  out.attributes = {
      {"title", title(number)},
      {"category", std::string(words.department).append(" > ").append(words.name)},
      {"brand", brands_[item.brand]},
      {"price", price(number, now)},
      {"available", available(number, now)},
      {"color", std::string(kColours[item.colour])},
      {"style", std::string(kStyles[item.style])},
      {"rating", std::clamp(rating, 1.0, 5.0)},
  };
  if (words.department == "Shoes" || words.department == "Fashion")
    out.attributes.push_back({"sizes", std::vector<std::string>(kSizes.begin(), kSizes.end())});
}

bool Shop::available(uint32_t item, TimeMs now) const {
  if (now < items_[item].born_ms) return false;
  // In each 64 days of its own an item is out of stock once with probability 0.15, for 2 to 9 days.
  const uint64_t key = mix64(options_.seed, mix64(kStock, item));
  const int64_t day = now / kDayMs + static_cast<int64_t>(key & 63);
  Draw draw(mix64(key, static_cast<uint64_t>(day / 64)));
  if (draw.uniform() >= 0.15) return true;
  const auto first = static_cast<int64_t>(draw.below(54));
  const auto days = static_cast<int64_t>(2 + draw.below(8));
  const int64_t at = day % 64;
  return at < first || at >= first + days;
}

Shop::Promotions Shop::promotions(TimeMs now) const {
  Promotions list;
  for (size_t p = 0; p < list.size(); ++p) {
    Draw draw(mix64(mix64(options_.seed, kPromotion), static_cast<uint64_t>(week(now)) * 16 + p));
    list[p].category = static_cast<uint16_t>(any_category(draw.next()));
    list[p].brand = static_cast<uint16_t>(brand_of(list[p].category, draw.next()));
    list[p].discount = 0.15f + 0.05f * static_cast<float>(draw.below(4));
  }
  return list;
}

float Shop::discount(uint32_t number, const Promotions& promotions, TimeMs now) const {
  const Item& item = items_[number];
  for (const Promotion& promotion : promotions) {
    if (promotion.category != item.category || promotion.brand != item.brand) continue;
    // Of a big assortment some forty items are taken, other ones each week.
    const uint64_t size = 1 + by_category_[item.category].size() / kBrandsPerCategory;
    if (mix64(mix64(options_.seed, number), static_cast<uint64_t>(week(now))) % size < 40)
      return promotion.discount;
  }
  return 0;
}

double Shop::price(uint32_t item, TimeMs now) const {
  const double full = items_[item].price;
  const float off = discount(item, promotions(now), now);
  const double exact = off > 0 ? full * (1.0 - static_cast<double>(off)) : full;
  return std::round(exact * 100) / 100;
}

Weather Shop::weather(uint32_t region, TimeMs now) const {
  // Spells of three days; winter snows and summer is hot, the year over it rains.
  const auto spell = static_cast<uint64_t>(now / (3 * kDayMs));
  Draw draw(mix64(mix64(options_.seed, kWeather), spell * 8 + region));
  const double u = draw.uniform();
  if (u < 0.3) return Weather::kRain;
  if (u > 0.62) return Weather::kMild;
  const int month = static_cast<int>(now / kDayMs % 365 / 30.5);
  if (month <= 1 || month >= 11) return Weather::kSnow;
  return month >= 5 && month <= 7 ? Weather::kHeat : Weather::kMild;
}

const HolidayWords* Shop::holiday(TimeMs now) const {
  const auto day = static_cast<int>(now / kDayMs % 365);
  for (const HolidayWords& holiday : kHolidays) {
    const int first = static_cast<int>(holiday.month * 30.42) + holiday.day - 1;
    if (day >= first && day < first + holiday.days) return &holiday;
  }
  return nullptr;
}

float Shop::demand(uint32_t category, uint32_t region, TimeMs now) const {
  const CategoryWords& words = kCategories[category];
  double log_demand = 0;
  if (words.peak_month >= 0) {
    const double month = static_cast<double>(now / kDayMs % 365) / 30.42;
    double away = std::abs(month - words.peak_month - 0.5);
    away = std::min(away, 12.0 - away);               // 0 .. 6 months from the peak
    log_demand += words.season * (1.0 - away / 3.0);  // season .. -season
  }
  if (words.weather != Weather::kMild && weather(region, now) == words.weather) log_demand += 0.9;
  if (const HolidayWords* now_on = holiday(now); now_on != nullptr)
    if (now_on->department.empty() || now_on->department == words.department) log_demand += now_on->boost;
  return static_cast<float>(log_demand);
}

}  // namespace freshet::simulate
