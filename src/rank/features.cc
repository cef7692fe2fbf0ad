#include "rank/features.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr float kBaseSteps = 128;
constexpr size_t kTextMax = 48;  // Longer texts describe; they do not classify.
constexpr size_t kValuesMax = 16, kOfList = 4, kFacetsMax = 4, kTasteValues = 6;
constexpr size_t kTable = 4096;  // Of values of the steps looked back at: at most kSteps * (kValuesMax + 4)

int digit(char c) {
  const size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

uint32_t base_number(float base) {
  const float at = (base - kBaseMin) * kBaseSteps;
  if (!(at > 0)) return 0;
  return std::min(4095u, static_cast<uint32_t>(std::lround(at)));
}

// Names of what is told by features of its own, or by no feature.
constexpr std::array<std::string_view, 18> kOwn = {
    "title", "name",      "description",  "id",       "url",    "link",     "image",      "price", "stock",
    "brand", "available", "availability", "in_stock", "vector", "category", "categories", "sku",   "gtin"};

bool is_own(std::string_view name) {
  return std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end();
}

// Keys of (name, value) of what an item is, the first few.
size_t value_keys(const ItemRecord& item, std::array<uint64_t, kValuesMax>& out) {
  size_t n = 0;
  for (const Attribute& attribute : item.attributes) {
    if (n == out.size()) break;
    if (is_own(attribute.name)) continue;
    const auto put = [&](uint64_t value) {
      if (n < out.size()) out[n++] = mix64(hash_bytes(attribute.name), value);
    };
    if (const auto* text = std::get_if<std::string>(&attribute.value)) {
      if (text->size() <= kTextMax) put(hash_bytes(*text));
    } else if (const auto* list = std::get_if<std::vector<std::string>>(&attribute.value)) {
      for (size_t i = 0; i < std::min(kOfList, list->size()); ++i)
        if ((*list)[i].size() <= kTextMax) put(hash_bytes((*list)[i]));
    } else if (const auto* flag = std::get_if<bool>(&attribute.value)) {
      put(*flag ? 1 : 2);
    } else if (const auto* whole = std::get_if<int64_t>(&attribute.value)) {
      put(two_digits_key(static_cast<double>(*whole)));
    } else if (const auto* real = std::get_if<double>(&attribute.value)) {
      put(two_digits_key(*real));
    }
  }
  return n;
}

double log_price(const ItemRecord& item) {
  return has_number(item.price) && item.price > 0 && item.price < 1e12
             ? static_cast<double>(log_f32(static_cast<float>(item.price)))
             : kNoNumber;
}

uint64_t key_of(RankFeature feature, uint64_t a, uint64_t b) {
  return mix64(mix64(1 + static_cast<uint64_t>(feature), a), b);
}

constexpr size_t kPageCells = 5;  // Come first in a row.

uint64_t facet_key(uint32_t facet) {
  return mix64(0x6661636574, facet);
}

// 0, 1, 2, 3-4, 5-8, ...
uint64_t size_step(uint64_t n) {
  uint64_t step = 0;
  for (; n > 2; n = (n + 1) / 2) ++step;
  return step + n;
}

uint64_t share_step(float share) {
  return share <= 0 ? 0 : 1 + static_cast<uint64_t>(std::min(4.0f, share * 5));
}

int64_t steps_of(double x, double unit, int64_t most) {
  return std::clamp(static_cast<int64_t>(std::lround(x / unit)), -most, most);
}

float weight_of(EventType type) {
  return type == EventType::kPurchase                                    ? 3.0f
         : type == EventType::kAddToCart || type == EventType::kWishlist ? 2.0f
                                                                         : 1.0f;
}

struct FeatureFacts {
  RankGroup group;
  std::string_view name;
};

// By RankFeature.
constexpr FeatureFacts kFeatures[] = {
    {RankGroup::kPage, "page-kind"},
    {RankGroup::kPage, "page-hour"},
    {RankGroup::kPage, "page-shopper-known"},
    {RankGroup::kPage, "page-device"},
    {RankGroup::kPage, "page-scenario"},
    {RankGroup::kPlace, "place"},
    {RankGroup::kScore, "score"},
    {RankGroup::kScore, "score-missing"},
    {RankGroup::kItem, "item"},
    {RankGroup::kKind, "category-brand"},
    {RankGroup::kPrice, "price"},
    {RankGroup::kPrice, "price-missing"},
    {RankGroup::kPrice, "price-in-category"},
    {RankGroup::kPrice, "price-against-usual"},
    {RankGroup::kAttribute, "attribute-value"},
    {RankGroup::kTaste, "taste-category-brand"},
    {RankGroup::kTaste, "taste-value"},
    {RankGroup::kTaste, "taste-price"},
    {RankGroup::kVisit, "visit-category-brand"},
    {RankGroup::kVisit, "before-category-brand"},
    {RankGroup::kVisit, "visit-alike"},
    {RankGroup::kVisit, "before-alike"},
    {RankGroup::kVisit, "after-last"},
    {RankGroup::kVisit, "after-cart"},
    {RankGroup::kSeen, "opened"},
    {RankGroup::kSeen, "looked-at-before"},
    {RankGroup::kSeen, "in-cart"},
    {RankGroup::kSeen, "bought"},
    {RankGroup::kSeen, "never-seen"},
    {RankGroup::kSeen, "shown-in-vain"},
    {RankGroup::kLately, "item-rate"},
    {RankGroup::kLately, "item-shown"},
    {RankGroup::kLately, "category-rate"},
    {RankGroup::kMatch, "match"},
    {RankGroup::kMatch, "match-missing"},
    {RankGroup::kMoment, "category-hour"},
    {RankGroup::kMoment, "category-weekend"},
    {RankGroup::kMoment, "category-month"},
    {RankGroup::kContext, "context-category"},
    {RankGroup::kContext, "region-category"},
    {RankGroup::kContext, "device-category"},
    {RankGroup::kContext, "device-price"},
    {RankGroup::kScenario, "scenario-category-brand"},
    {RankGroup::kScenario, "scenario-price"},
    {RankGroup::kScenario, "scenario-score"},
    {RankGroup::kScenario, "scenario-age"},
};
static_assert(std::size(kFeatures) == kRankFeatures);

}  // namespace

std::string_view rank_group_name(RankGroup group) {
  static constexpr std::string_view kNames[] = {"page",   "place",     "score",  "item",    "kind",
                                                "price",  "attribute", "taste",  "visit",   "seen",
                                                "lately", "match",     "moment", "context", "scenario"};
  static_assert(std::size(kNames) == kRankGroups);
  return kNames[static_cast<size_t>(group)];
}

std::string_view rank_group_reason(RankGroup group) {
  static constexpr std::string_view kReasons[] = {"the page",
                                                  "its place",
                                                  "what scores like this are worth",
                                                  "how shoppers answer to this item",
                                                  "how they answer to its category and brand",
                                                  "its price",
                                                  "what it is like",
                                                  "what this shopper chose before",
                                                  "like what was looked at lately",
                                                  "seen, bought or passed over before",
                                                  "chosen more than expected lately",
                                                  "how it matches the words",
                                                  "the hour and season",
                                                  "the weather, the holiday, the place",
                                                  "how shoppers choose on days like this"};
  static_assert(std::size(kReasons) == kRankGroups);
  return kReasons[static_cast<size_t>(group)];
}

const std::array<RankGroup, kRankFeatures> kGroupOf = [] {
  std::array<RankGroup, kRankFeatures> out{};
  for (size_t i = 0; i < kRankFeatures; ++i) out[i] = kFeatures[i].group;
  return out;
}();

std::string_view rank_feature_name(RankFeature feature) {
  return kFeatures[static_cast<size_t>(feature)].name;
}

std::optional<RankFeature> find_rank_feature(std::string_view name) {
  for (size_t i = 0; i < kRankFeatures; ++i)
    if (kFeatures[i].name == name) return static_cast<RankFeature>(i);
  return std::nullopt;
}

RankKind rank_kind(std::string_view surface, bool search) {
  if (search) return RankKind::kSearch;
  if (surface == "for-you") return RankKind::kForYou;
  if (surface == "next") return RankKind::kNext;
  if (surface == "related") return RankKind::kRelated;
  return RankKind::kOther;
}

std::string_view rank_kind_name(RankKind kind) {
  static constexpr std::string_view kNames[] = {"search", "for-you", "next", "related", "other"};
  static_assert(std::size(kNames) == kRankKinds);
  return kNames[static_cast<size_t>(kind)];
}

float round_base(float base) {
  if (std::isnan(base)) return base;
  return kBaseMin + static_cast<float>(base_number(base)) / kBaseSteps;
}

void append_base(float base, std::string& out) {
  if (std::isnan(base)) {
    out += "..";
    return;
  }
  const uint32_t number = base_number(base);
  out += kDigits[number / 64];
  out += kDigits[number % 64];
}

float read_base(std::string_view text, size_t place) {
  if (text.size() / 2 <= place) return std::nanf("");
  const int high = digit(text[2 * place]), low = digit(text[2 * place + 1]);
  if (high < 0 || low < 0) return std::nanf("");
  return kBaseMin + static_cast<float>(high * 64 + low) / kBaseSteps;
}

void RankPage::add(RankRow& out, RankFeature feature, uint64_t a, uint64_t b) const {
  if ((active_ >> static_cast<size_t>(feature) & 1) != 0) out.add(feature, key_of(feature, a, b), mask_);
}

void RankPage::assign(const Catalog& catalog, const ActiveContexts& contexts, const RankAsked& asked,
                      uint64_t active, uint32_t mask) {
  mask_ = mask;
  active_ = active;
  contexts_ = contexts;
  region_ = asked.region.empty() ? 0 : hash_bytes(asked.region);
  device_ = asked.device.empty() ? 0 : hash_bytes(asked.device);
  kind_ = asked.kind;
  shopper_ = asked.shopper;
  now_ms_ = asked.now_ms;
  if (table_.empty()) table_.resize(kTable);
  for (const uint32_t at : filled_) table_[at] = 0;
  filled_.clear();
  values_.clear();
  known_.clear();
  visit_weight_ = before_weight_ = 0;
  price_sum_ = price_n_ = 0;
  last_category_ = cart_category_ = 0;
  digest(catalog, asked);
}

const RankPage::Known* RankPage::known(ItemSlot item) const {
  for (const Known& one : known_)  // At most kSteps.
    if (one.item == item) return &one;
  return nullptr;
}

const RankPage::Value* RankPage::value(uint64_t key) const {
  for (size_t at = key % kTable; table_[at] != 0; at = (at + 1) % kTable)
    if (values_[table_[at] - 1].key == key) return &values_[table_[at] - 1];
  return nullptr;
}

RankPage::Value& RankPage::value_for(uint64_t key) {
  size_t at = key % kTable;
  for (; table_[at] != 0; at = (at + 1) % kTable)
    if (values_[table_[at] - 1].key == key) return values_[table_[at] - 1];
  values_.push_back({.key = key});
  table_[at] = static_cast<uint32_t>(values_.size());
  filled_.push_back(static_cast<uint32_t>(at));
  return values_.back();
}

void RankPage::add_values(const ItemRecord& item, float weight, bool visit) {
  const auto put = [&](uint64_t key) {
    Value& value = value_for(key);
    (visit ? value.visit : value.before) += weight;
  };
  for (size_t i = 0; i < std::min(item.facets.size(), kFacetsMax); ++i) put(facet_key(item.facets[i]));
  std::array<uint64_t, kValuesMax> keys;
  const size_t n = value_keys(item, keys);
  for (size_t i = 0; i < n; ++i) put(keys[i]);
}

// The newest step first: pauses end the visit.
void RankPage::digest(const Catalog& catalog, const RankAsked& asked) {
  steps_ = std::min(asked.steps.size(), kSteps);
  visit_steps_ = 0;
  bool visit = true;
  TimeMs later = asked.now_ms;
  for (size_t back = 0; back < steps_; ++back) {
    const Step& step = asked.steps[asked.steps.size() - 1 - back];
    if (later - step.time_ms > kPauseMs) visit = false;
    later = std::min(later, step.time_ms);
    if (visit) ++visit_steps_;
    const ItemRecord* item = catalog.item(step.item);
    if (item == nullptr) continue;
    const float weight = weight_of(step.type);
    (visit ? visit_weight_ : before_weight_) += weight;
    add_values(*item, weight, visit);
    if (const double price = log_price(*item); has_number(price)) {
      price_sum_ += price;
      price_n_ += 1;
    }
    const uint32_t category = item->facets.empty() ? 0 : item->facets[0];
    if (last_category_ == 0) last_category_ = category;
    if (cart_category_ == 0 && visit && step.type == EventType::kAddToCart) cart_category_ = category;
    auto found =
        std::find_if(known_.begin(), known_.end(), [&](const Known& k) { return k.item == step.item; });
    if (found == known_.end()) {
      known_.push_back({.item = step.item, .ago = static_cast<uint16_t>(back)});
      found = known_.end() - 1;
    }
    if (step.type == EventType::kPurchase) {
      found->bought_ms = std::max(found->bought_ms, step.time_ms);
    } else if (step.type == EventType::kAddToCart && visit) {
      ++found->cart;
    } else {
      ++(visit ? found->visit : found->before);
    }
  }
}

void RankPage::page_cells(RankRow& out) const {
  const auto kind = static_cast<uint64_t>(kind_);
  add(out, RankFeature::kPageKind, kind);
  add(out, RankFeature::kPageHour, kind, static_cast<uint64_t>(now_ms_ / (4 * 3'600'000) % 6));
  add(out, RankFeature::kPageKnown, size_step(visit_steps_), size_step(steps_));
  if (device_ != 0) add(out, RankFeature::kPageDevice, kind, device_);
  if (contexts_.scenario != 0) add(out, RankFeature::kPageScenario, kind, contexts_.scenario);
}

uint32_t RankPage::scenario() const {
  if (contexts_.scenario == 0) return 0;
  RankRow row;
  row.add(RankFeature::kPageScenario,
          key_of(RankFeature::kPageScenario, static_cast<uint64_t>(kind_), contexts_.scenario), mask_);
  return scenario_of(row.all());
}

uint32_t scenario_of(std::span<const uint32_t> row) {
  for (const uint32_t cell : row.first(std::min<size_t>(row.size(), kPageCells)))
    if (feature_of(cell) == RankFeature::kPageScenario) return std::max(1u, index_of(cell));
  return 0;
}

void RankPage::place_cell(uint32_t place, RankRow& out) const {
  add(out, RankFeature::kPlace, static_cast<uint64_t>(kind_), std::min(place, 40u));
}

void RankPage::visit_cells(const ItemRecord& item, std::span<const uint64_t> values, RankRow& out) const {
  // Of each facet, most specific category first: how much of the visit, and of what was before, had it.
  const uint64_t length = size_step(std::min<size_t>(visit_steps_, 8));
  for (size_t i = 0; i < std::min(item.facets.size(), kFacetsMax); ++i) {
    const Value* value = this->value(facet_key(item.facets[i]));
    const float visit = value == nullptr || visit_weight_ == 0 ? 0 : value->visit / visit_weight_;
    const float before = value == nullptr || before_weight_ == 0 ? 0 : value->before / before_weight_;
    const bool last = i + 1 == item.facets.size() && i > 0;  // The brand, or the widest category
    add(out, RankFeature::kVisitFacet, last ? 9 : i, share_step(visit) * 16 + length);
    add(out, RankFeature::kBeforeFacet, last ? 9 : i, share_step(before) * 2 + (before_weight_ > 0));
  }
  float visit = 0, before = 0;
  for (const uint64_t key : values) {
    const Value* value = this->value(key);
    if (value == nullptr) continue;
    if (visit_weight_ > 0) visit += value->visit / visit_weight_;
    if (before_weight_ > 0) before += value->before / before_weight_;
  }
  add(out, RankFeature::kVisitAlike, static_cast<uint64_t>(std::min(8.0f, visit * 3)), length);
  add(out, RankFeature::kBeforeAlike, static_cast<uint64_t>(std::min(8.0f, before * 4)));
  const uint32_t category = item.facets.empty() ? 0 : item.facets[0];
  if (last_category_ != 0) add(out, RankFeature::kAfterLast, last_category_, category);
  if (cart_category_ != 0) add(out, RankFeature::kAfterCart, cart_category_, category);
}

void RankPage::seen_cells(const ItemRecord& item, ItemSlot slot, uint32_t in_vain, RankRow& out) const {
  add(out, RankFeature::kInVain, size_step(std::min(in_vain, 16u)));
  const Known* known = this->known(slot);
  if (known == nullptr) return add(out, RankFeature::kNeverSeen);
  if (known->visit > 0) add(out, RankFeature::kOpened, std::min<uint64_t>(known->ago, 3));
  if (known->before > 0) add(out, RankFeature::kLooked, size_step(std::min<uint64_t>(known->before, 8)));
  if (known->cart > 0) add(out, RankFeature::kInCart);
  if (known->bought_ms == 0) return;
  const int64_t days = std::max<int64_t>(0, (now_ms_ - known->bought_ms) / kDayMs);
  add(out, RankFeature::kBought, size_step(static_cast<uint64_t>(std::min<int64_t>(days, 120))));
  add(out, RankFeature::kBought, size_step(static_cast<uint64_t>(std::min<int64_t>(days, 120))),
      item.facets.empty() ? 1 : uint64_t{item.facets[0]} + 2);
}

// What goes on there; and the adjustment of the scenario, which the ranker weighs by a share of its own.
void RankPage::context_cells(const ItemRecord& item, float base, RankRow& out) const {
  const uint32_t category = item.facets.empty() ? 0 : item.facets[0];
  for (size_t i = 0; i < contexts_.count; ++i)
    add(out, RankFeature::kContextCategory, contexts_.keys[i], category);
  const double price = log_price(item);
  const uint64_t price_step = has_number(price) ? static_cast<uint64_t>(100 + steps_of(price, 0.5, 60)) : 0;
  if (region_ != 0) add(out, RankFeature::kRegionCategory, region_, category);
  if (device_ != 0) {
    add(out, RankFeature::kDeviceCategory, device_, category);
    add(out, RankFeature::kDevicePrice, device_, price_step);
  }
  const uint64_t scenario = contexts_.scenario;
  if (scenario == 0) return;
  for (size_t i = 0; i < std::min(item.facets.size(), kFacetsMax); ++i)
    add(out, RankFeature::kScenarioFacet, scenario, item.facets[i]);
  add(out, RankFeature::kScenarioPrice, scenario, price_step);
  if (!std::isnan(base))
    add(out, RankFeature::kScenarioScore, mix64(scenario, static_cast<uint64_t>(kind_)),
        static_cast<uint64_t>((base - kBaseMin) * (kind_ == RankKind::kSearch ? 5.0f : 1.0f)));
  add(out, RankFeature::kScenarioAge, scenario, age_step(item));
}

// 0: of today, 1: of the last three days, 2: week, 3: month, 4: older
uint64_t RankPage::age_step(const ItemRecord& item) const {
  const TimeMs days = (now_ms_ - item.created_ms) / kDayMs;
  return days < 1 ? 0 : days < 3 ? 1 : days < 7 ? 2 : days < 30 ? 3 : 4;
}

void RankPage::item_cells(const ItemRecord& item, ItemSlot slot, float base, const MatchFeatures* match,
                          const RankCounts& counts, RankRow& out) const {
  const auto kind = static_cast<uint64_t>(kind_);
  const uint32_t category = item.facets.empty() ? 0 : item.facets[0];
  if (std::isnan(base)) {
    add(out, RankFeature::kScoreMissing, kind);
  } else {
    const float per_step = kind_ == RankKind::kSearch ? 10.0f : 2.0f;
    add(out, RankFeature::kScore, kind, static_cast<uint64_t>((base - kBaseMin) * per_step));
  }
  add(out, RankFeature::kItem, item.key);
  for (size_t i = 0; i < std::min(item.facets.size(), kFacetsMax); ++i) {
    add(out, RankFeature::kFacet, item.facets[i]);
    if (shopper_ != 0) add(out, RankFeature::kTasteFacet, shopper_, item.facets[i]);
  }
  const double price = log_price(item);
  if (has_number(price)) {
    add(out, RankFeature::kPrice, static_cast<uint64_t>(100 + steps_of(price, 0.5, 60)));
    add(out, RankFeature::kPriceIn, category, static_cast<uint64_t>(100 + steps_of(price, 0.5, 60)));
    const double usual = price_n_ > 0 ? price_sum_ / price_n_ : kNoNumber;
    const uint64_t against =
        has_number(usual) ? static_cast<uint64_t>(100 + steps_of(price - usual, 0.4, 6)) : 0;
    add(out, RankFeature::kPriceAgainst, against);
    if (shopper_ != 0)
      add(out, RankFeature::kTastePrice, shopper_, static_cast<uint64_t>(100 + steps_of(price, 1, 30)));
  } else {
    add(out, RankFeature::kPriceMissing);
  }
  std::array<uint64_t, kValuesMax> keys;
  const size_t n = value_keys(item, keys);
  for (size_t i = 0; i < n; ++i) {
    add(out, RankFeature::kValue, keys[i]);
    if (shopper_ != 0 && i < kTasteValues) add(out, RankFeature::kTasteValue, shopper_, keys[i]);
  }
  visit_cells(item, {keys.data(), n}, out);
  seen_cells(item, slot, counts.shown_in_vain, out);
  const auto rate = [&](float clicks, float expected) {
    return static_cast<uint64_t>(50 + steps_of(static_cast<double>(log_f32((std::max(0.0f, clicks) + 1) /
                                                                           (std::max(0.0f, expected) + 1))),
                                               0.2, 8));
  };
  add(out, RankFeature::kItemLately, rate(counts.item_clicks, counts.item_expected));
  add(out, RankFeature::kItemShown,
      size_step(static_cast<uint64_t>(std::clamp(counts.item_expected, 0.0f, 1e6f))));
  add(out, RankFeature::kKindLately, rate(counts.kind_clicks, counts.kind_expected));
  if (kind_ == RankKind::kSearch) {
    if (match == nullptr) add(out, RankFeature::kMatchMissing);
    for (size_t i = 0; match != nullptr && i < kMatchFeatures; ++i) {
      const auto which = static_cast<MatchFeature>(i);
      if (which == MatchFeature::kPlace || which == MatchFeature::kScore || which == MatchFeature::kGap)
        continue;
      add(out, RankFeature::kMatch, i, static_cast<uint64_t>(std::max(0.0f, (*match)[i]) * 8));
    }
  }
  context_cells(item, base, out);
  add(out, RankFeature::kHour, category, static_cast<uint64_t>(now_ms_ / (4 * 3'600'000) % 6));
  add(out, RankFeature::kWeekend, category, (now_ms_ / kDayMs + 3) % 7 >= 5 ? 1 : 0);
  add(out, RankFeature::kMonth, category, static_cast<uint64_t>(now_ms_ / kDayMs / 30));
}

}  // namespace freshet
