#include "eval/simulate_stream.h"

#include <algorithm>
#include <charconv>

namespace freshet::simulate {

namespace {

enum Purpose : uint64_t { kArrival = 41, kWho = 42, kVisit = 43, kLaterPurpose = 44 };

constexpr uint32_t kLaterBit = 0x80000000u;
constexpr std::string_view kSources[] = {"web", "web", "ios", "android"};
constexpr size_t kResults = 10;

// Visits by hour of the day; the mean is 1.
constexpr double kHours[24] = {.3,  .2,  .1,  .1,  .1,  .2,  .5,  .8,  1.,  1.1, 1.1, 1.2,
                               1.4, 1.3, 1.1, 1.1, 1.2, 1.4, 1.6, 1.9, 2.1, 2.,  1.4, .8};

constexpr double kRareMs = 0.25 * static_cast<double>(kHourMs);  // Between two visits.

void put_number(std::string& out, std::string_view prefix, uint64_t number) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.assign(prefix);
  out.append(text, end);
}

}  // namespace

Population::Population(const Shop& shop, double visits_per_day)
    : shop_(shop),
      gap_ms_(static_cast<double>(kDayMs) / visits_per_day),
      next_ms_(shop.options().start_ms + kMinuteMs) {
  const size_t shoppers = shop.options().shoppers;
  owned_.resize(shoppers * kOwnedMax);
  owned_count_.resize(shoppers);
  owned_next_.resize(shoppers);
  visiting_.resize(shoppers);
}

void Population::bought(uint32_t shopper, uint32_t item, TimeMs now) {
  Owned* mine = owned_.data() + shopper * kOwnedMax;
  const Owned bought{item, static_cast<uint32_t>(now / kDayMs)};
  for (size_t i = 0; i < owned_count_[shopper]; ++i)
    if (mine[i].item == item) {
      mine[i] = bought;
      return;
    }
  mine[owned_next_[shopper]] = bought;
  owned_next_[shopper] = static_cast<uint8_t>((owned_next_[shopper] + 1) % kOwnedMax);
  owned_count_[shopper] = static_cast<uint8_t>(std::min<size_t>(owned_count_[shopper] + 1u, kOwnedMax));
}

uint32_t Population::next_shopper() {
  const uint64_t seed = shop_.options().seed;
  const uint64_t number = visits_++;
  Draw draw(mix64(seed, mix64(kWho, number)));
  // Some shoppers come far more often than others: density ~ rank^-1/2.
  uint32_t shopper = 0;
  for (int tries = 0; tries < 8; ++tries) {
    const double u = draw.uniform();
    shopper = static_cast<uint32_t>(u * u * shop_.options().shoppers);
    if (visiting_[shopper] == 0) break;
  }
  for (; visiting_[shopper] != 0; shopper = (shopper + 1) % shop_.options().shoppers)
    if (draw.below(1 << 20) == 0) break;  // All are here already: two visits at once then.
  visiting_[shopper] = 1;
  Draw gap(mix64(seed, mix64(kArrival, number)));
  double left = 2 * gap.uniform() * gap_ms_;  // At the day's mean rate.
  // Where visits are hours apart each hour counts by its own rate: by that of its beginning alone, a gap that
  // begins at night would last for days.
  while (gap_ms_ > kRareMs) {
    const double hour = static_cast<double>(kHourMs - next_ms_ % kHourMs) * kHours[next_ms_ / kHourMs % 24];
    if (left <= hour) break;
    left -= hour;
    next_ms_ += kHourMs - next_ms_ % kHourMs;
  }
  next_ms_ += static_cast<TimeMs>(left / kHours[next_ms_ / kHourMs % 24]) + 1;
  return shopper;
}

struct Stream::ActiveVisit {
  explicit ActiveVisit(uint64_t key) : draw(key) {}
  uint64_t number = 0;
  TimeMs now_ms = 0;
  Draw draw;
  Visit truth;
  int views_left = 0;
  bool first = true;
  bool done = false;
  int link_after = -1;  // Events until an unknown shopper becomes known; -1: known.
  uint64_t order = 0;
  std::vector<uint32_t> seen, cart, results;
  std::deque<Planned> planned;
  std::string user, session, query;
};

Stream::Stream(const Shop& shop, const StreamOptions& options)
    : shop_(shop),
      options_(options),
      population_(shop, options.visits_per_day),
      day_ms_(shop.options().start_ms) {
  for (uint32_t i = 0; i < shop_.items().size(); ++i)
    if (shop_.items()[i].born_ms > shop_.options().start_ms) arrivals_.push_back(i);
  std::stable_sort(arrivals_.begin(), arrivals_.end(), [&](uint32_t a, uint32_t b) {
    return shop_.items()[a].born_ms < shop_.items()[b].born_ms;
  });
  if (!options_.catalogue) catalogue_next_ = static_cast<uint32_t>(shop_.items().size());
}

Stream::~Stream() = default;

void Stream::stamp(Event& out, TimeMs time_ms) {
  out.time_ms = time_ms;
  put_number(out.id, "e", event_count_++);
}

void Stream::next(Event& out) {
  while (catalogue_next_ < shop_.items().size()) {
    const uint32_t item = catalogue_next_++;
    if (shop_.items()[item].born_ms > shop_.options().start_ms) continue;
    shop_.describe(item, shop_.options().start_ms, out);
    out.source = "shop";
    return stamp(out, out.time_ms);
  }
  for (;;) {
    const TimeMs visit_ms = population_.next_time();
    const TimeMs due_ms = due_.empty() ? visit_ms : due_.top().time_ms;
    const TimeMs now = std::min(visit_ms, due_ms);
    if (now >= day_ms_) prepare_day();
    if (!shop_events_.empty() && shop_events_.front().time_ms <= now) {
      out = std::move(shop_events_.front());
      shop_events_.pop_front();
      out.source = "shop";
      return stamp(out, out.time_ms);
    }
    if (due_.empty() || visit_ms < due_ms) {
      open_visit();
      continue;
    }
    const Due due = due_.top();
    due_.pop();
    out.clear();
    if ((due.visit & kLaterBit) != 0) {
      const uint32_t index = due.visit & ~kLaterBit;
      const Later& later = later_[index];
      out.type = later.type;
      out.user = Shop::shopper_id(later.shopper);
      out.item = Shop::item_id(later.item);
      out.source = "web";
      Draw draw(mix64(shop_.options().seed, mix64(kLaterPurpose, event_count_)));
      if (later.type == EventType::kRating) {
        const double stars =
            3.6 + 2 * static_cast<double>(shop_.items()[later.item].quality) + draw.uniform() - 0.5;
        out.rating = std::clamp(std::floor(stars + 0.5), 1.0, 5.0);
      } else {
        out.quantity = 1;
        out.price = shop_.price(later.item, due.time_ms);
        out.currency = "EUR";
      }
      free_later_.push_back(index);
      return stamp(out, due.time_ms);
    }
    ActiveVisit& visit = *visits_[due.visit];
    visit.now_ms = due.time_ms;
    if (visit.planned.empty()) plan(visit);
    if (visit.planned.empty()) {
      close_visit(due.visit);
      continue;
    }
    const Planned planned = visit.planned.front();
    visit.planned.pop_front();
    happen(visit, planned, out);
    const TimeMs pause = planned.type == EventType::kImpression || planned.type == EventType::kPurchase
                             ? 1
                             : 2000 + static_cast<TimeMs>(visit.draw.below(38000));
    due_.push({due.time_ms + pause, event_count_, due.visit});
    return stamp(out, due.time_ms);
  }
}

void Stream::open_visit() {
  const TimeMs now = population_.next_time();
  const uint32_t shopper = population_.next_shopper();
  const uint64_t number = visit_count_++;
  const uint64_t key = mix64(shop_.options().seed, mix64(kVisit, number));
  uint32_t index = 0;
  if (free_visits_.empty()) {
    index = static_cast<uint32_t>(visits_.size());
    visits_.push_back(std::make_unique<ActiveVisit>(key));
  } else {
    index = free_visits_.back();
    free_visits_.pop_back();
  }
  ActiveVisit& visit = *visits_[index];
  visit.draw = Draw(key);
  visit.number = number;
  visit.now_ms = now;
  visit.truth = begin_visit(shop_, shopper, now, population_.owned(shopper), visit.draw.next());
  visit.views_left = 1 + static_cast<int>(visit.draw.below(4) + visit.draw.below(5));
  visit.first = true;
  visit.done = false;
  visit.link_after = visit.draw.below(25) == 0 ? 2 + static_cast<int>(visit.draw.below(3)) : -1;
  put_number(visit.session, "s", number);
  visit.user = Shop::shopper_id(shopper);
  if (visit.link_after >= 0) put_number(visit.user, "anonymous", number);
  visit.seen.clear();
  visit.cart.clear();
  due_.push({now, number, index});
}

void Stream::close_visit(uint32_t index) {
  population_.end_visit(visits_[index]->truth.shopper);
  free_visits_.push_back(index);
}

void Stream::plan(ActiveVisit& visit) {
  visit.truth.now_ms = visit.now_ms;
  if (visit.first) {
    visit.first = false;
    if (visit.draw.uniform() < 0.35) return plan_search(visit);
  }
  if (visit.views_left-- > 0) return plan_view(visit);
  if (!visit.done) plan_checkout(visit);
  visit.done = true;
}

void Stream::plan_search(ActiveVisit& visit) {
  // A word of what the shopper likes, and the thing itself; the shop finds what bears both, popular first.
  const uint16_t category = visit.truth.mission;
  const Taste& taste = visit.truth.taste;
  const uint64_t kind = visit.draw.below(4);
  const uint8_t colour = taste.colours[visit.draw.below(2)];
  const uint16_t brand = taste.categories[0] == category
                             ? taste.brands[0]
                             : static_cast<uint16_t>(shop_.brand_of(category, visit.draw.next()));
  std::string_view liked;
  if (kind == 1) liked = kColours[colour];
  if (kind == 2) liked = shop_.brand_name(brand);
  visit.query = typed_words(liked, category, visit.draw.below(3) == 0);
  visit.results.clear();
  if (visit.draw.below(30) == 0) {  // Mistyped, nothing found; typed again.
    const size_t at = 1 + visit.draw.below(visit.query.size() - 1);
    visit.query.erase(at, 1);
    visit.planned.push_back({EventType::kSearch, 0, 0});
    return;
  }
  size_t looked = 0;
  for (const uint32_t item : shop_.category_items(category)) {
    if (visit.results.size() >= 5 * kResults || ++looked > 500) break;
    if (kind == 1 && shop_.items()[item].colour != colour) continue;
    if (kind == 2 && shop_.items()[item].brand != brand) continue;
    if (shop_.available(item, visit.now_ms)) visit.results.push_back(item);
  }
  visit.planned.push_back({EventType::kSearch, 0, static_cast<uint32_t>(visit.results.size())});
  if (visit.results.size() > kResults) visit.results.resize(kResults);
  if (visit.results.empty()) return;
  if (options_.impressions) visit.planned.push_back({EventType::kImpression, 0, 0});
  for (uint32_t p = 0; p < visit.results.size(); ++p) {
    const uint32_t item = visit.results[p];
    if (visit.draw.uniform() < examine(p) * click_probability(shop_, visit.truth, item)) {
      visit.planned.push_back({EventType::kClick, item, p});
    } else if (visit.draw.below(400) == 0) {
      visit.planned.push_back({EventType::kDismiss, item, p});
    }
  }
}

void Stream::plan_view(ActiveVisit& visit) {
  uint16_t category = visit.truth.mission;
  const double u = visit.draw.uniform();
  if (visit.truth.goes_with >= 0 && u < 0.45)
    category = static_cast<uint16_t>(visit.truth.goes_with);
  else if (u < 0.08)
    category = visit.truth.taste.categories[visit.draw.below(3)];
  uint32_t item = wander(shop_, visit.truth, category, visit.draw.next());
  if (!visit.seen.empty() && visit.draw.below(10) == 0)
    item = visit.seen[visit.draw.below(visit.seen.size())];
  visit.planned.push_back({EventType::kView, item, 0});
}

void Stream::plan_checkout(ActiveVisit& visit) {
  if (visit.cart.empty()) return;
  const double u = visit.draw.uniform();
  if (u < 0.65) {
    visit.order = ++orders_;
    for (const uint32_t item : visit.cart) visit.planned.push_back({EventType::kPurchase, item, 0});
  } else if (u < 0.75) {
    visit.planned.push_back({EventType::kRemoveFromCart, visit.cart.back(), 0});
  }
}

void Stream::happen(ActiveVisit& visit, const Planned& planned, Event& out) {
  out.clear();
  const uint32_t shopper = visit.truth.shopper;
  if (visit.link_after >= 0 && visit.link_after-- == 0) {  // Logs in first; what was planned comes after.
    visit.planned.push_front(planned);
    out.type = EventType::kIdentityLink;
    out.user = visit.user;
    out.user_to = visit.user = Shop::shopper_id(shopper);
    out.source = kSources[shopper % 4];
    return;
  }
  out.type = planned.type;
  out.user = visit.user;
  out.session = visit.session;
  out.source = kSources[shopper % 4];
  out.region = kRegions[shop_.region(shopper)];
  const bool of_search = planned.type == EventType::kSearch || planned.type == EventType::kImpression ||
                         planned.type == EventType::kClick || planned.type == EventType::kDismiss;
  if (of_search) put_number(out.query_id, "q", visit.number);
  if (planned.type == EventType::kSearch) {
    out.query = visit.query;
    out.result_count = planned.place;
    if (planned.place == 0 && visit.planned.empty()) visit.first = visit.draw.below(4) != 0;  // Tries again.
    return;
  }
  if (planned.type == EventType::kImpression) {
    out.surface = "search";
    out.query = visit.query;
    out.shown.resize(visit.results.size());
    for (size_t p = 0; p < visit.results.size(); ++p) out.shown[p].item = Shop::item_id(visit.results[p]);
    return;
  }
  if (of_search) out.surface = "search";
  const uint32_t item = planned.item;
  out.item = Shop::item_id(item);
  if (planned.type == EventType::kView || planned.type == EventType::kClick) {
    const double into_cart = cart_probability(shop_, visit.truth, item);
    visit.seen.push_back(item);
    visit.truth.open(item);
    if (visit.draw.uniform() < into_cart)
      visit.planned.push_front({EventType::kAddToCart, item, 0});
    else if (visit.draw.below(60) == 0)
      visit.planned.push_front({EventType::kWishlist, item, 0});
    return;
  }
  if (planned.type == EventType::kAddToCart) {
    if (std::find(visit.cart.begin(), visit.cart.end(), item) == visit.cart.end()) visit.cart.push_back(item);
    visit.truth.goes_with = kCategories[shop_.items()[item].category].goes_with[visit.draw.below(2)];
    if (visit.truth.goes_with >= 0) ++visit.views_left;
  }
  if (planned.type == EventType::kAddToCart || planned.type == EventType::kPurchase) {
    out.price = shop_.price(item, visit.now_ms);
    out.quantity = 1;
    out.currency = "EUR";
  }
  if (planned.type != EventType::kPurchase) return;
  put_number(out.order_id, "o", visit.order);
  population_.bought(shopper, item, visit.now_ms);
  const double u = visit.draw.uniform();
  if (u > 0.15) return;
  uint32_t index = static_cast<uint32_t>(later_.size());
  if (free_later_.empty()) {
    later_.emplace_back();
  } else {
    index = free_later_.back();
    free_later_.pop_back();
  }
  later_[index] = {u < 0.03 ? EventType::kRefund : EventType::kRating, shopper, item, visit.number};
  due_.push({visit.now_ms + static_cast<TimeMs>((2 + 8 * visit.draw.uniform()) * static_cast<double>(kDayMs)),
             event_count_, index | kLaterBit});
}

void Stream::change_item(uint32_t item, TimeMs at, bool price, bool stock) {
  Event event;
  event.type = EventType::kItemUpdate;
  event.time_ms = at;
  event.item = Shop::item_id(item);
  if (price) event.attributes.push_back({"price", shop_.price(item, day_ms_)});
  if (stock) event.attributes.push_back({"available", shop_.available(item, day_ms_)});
  shop_events_.push_back(std::move(event));
}

// Weather, holidays and promotions that begin on the day; `first`: that hold on it.
std::vector<Event> context_events(const Shop& shop, TimeMs day, bool first) {
  std::vector<Event> out;
  const auto context = [&](std::string_view name, std::string_view value, std::string_view region,
                           TimeMs until) {
    Event& event = out.emplace_back();
    event.type = EventType::kContext;
    event.time_ms = day;
    event.until_ms = until;
    event.name = name;
    event.value = value;
    event.region = region;
  };
  const TimeMs before = day - kDayMs;
  for (uint32_t r = 0; r < kRegions.size(); ++r) {
    const Weather now = shop.weather(r, day);
    if (first || now != shop.weather(r, before))
      context("weather", kWeatherNames[static_cast<size_t>(now)], kRegions[r], day + 3 * kDayMs);
  }
  if (const HolidayWords* holiday = shop.holiday(day); holiday != nullptr && shop.holiday(before) != holiday)
    context("holiday", holiday->name, "", day + holiday->days * kDayMs);
  if (first || Shop::week(day) != Shop::week(before))
    for (const Promotion& promotion : shop.promotions(day)) {
      std::string what(shop.brand_name(promotion.brand));
      context("promotion", what.append(" ").append(kCategories[promotion.category].name), "",
              day + 7 * kDayMs);
    }
  return out;
}

// What the shop does by itself on the day that begins at day_ms_.
void Stream::prepare_day() {
  const TimeMs day = day_ms_;
  const TimeMs before = day - kDayMs;
  const bool first = day == shop_.options().start_ms;
  for (Event& event : context_events(shop_, day, first)) shop_events_.push_back(std::move(event));
  if (first || Shop::week(day) != Shop::week(before)) {
    const Shop::Promotions now = shop_.promotions(day);
    const Shop::Promotions gone = shop_.promotions(before);
    for (uint32_t c = 0; !first && c < kCategoryCount; ++c) {
      const auto has = [c](const Shop::Promotions& list) {
        return std::any_of(list.begin(), list.end(), [c](const Promotion& p) { return p.category == c; });
      };
      if (!has(now) && !has(gone)) continue;
      for (const uint32_t item : shop_.category_items(c))
        if (shop_.items()[item].born_ms < day &&
            shop_.discount(item, now, day) != shop_.discount(item, gone, before))
          change_item(item, day, true, false);
    }
  }
  for (uint32_t item = 0; !first && item < shop_.items().size(); ++item)
    if (shop_.items()[item].born_ms < before && shop_.available(item, day) != shop_.available(item, before))
      change_item(item, day, false, true);
  day_ms_ += kDayMs;
  for (; arrived_ < arrivals_.size() && shop_.items()[arrivals_[arrived_]].born_ms < day_ms_; ++arrived_) {
    const uint32_t item = arrivals_[arrived_];
    Event event;
    shop_.describe(item, shop_.items()[item].born_ms, event);
    shop_events_.push_back(std::move(event));
  }
}

}  // namespace freshet::simulate
