#include "dialect/internal/analytics.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/hash.h"
#include "env/clock.h"

namespace freshet::dialect_internal {
namespace {

constexpr uint64_t kErasureNs = 2'000'000'000;  // Until the engine says that it is erasing.
constexpr uint32_t kNoRow = ~uint32_t{0};
constexpr int64_t kDayMilliseconds = int64_t{24} * 3600 * 1000;

Day day_of(TimeMs time) {
  return static_cast<Day>(time >= 0 ? time / kDayMilliseconds : (time + 1) / kDayMilliseconds - 1);
}

// Without spaces around, at most kQueryBytesMax bytes; cut where a character begins.
std::string tidy(std::string_view query) {
  const size_t first = query.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  query = query.substr(first, query.find_last_not_of(" \t\r\n") - first + 1);
  size_t end = std::min(query.size(), SearchCounts::kQueryBytesMax);
  while (end > 0 && end < query.size() && (static_cast<unsigned char>(query[end]) & 0xC0) == 0x80) --end;
  return std::string(query.substr(0, end));
}

std::string folded(std::string_view query) {
  std::string out(query);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

uint32_t place_hash(std::string_view item) {
  return static_cast<uint32_t>(hash_bytes(item)) | 1;  // 0: no item
}

template <class Days, class Use>
void each_day(const Days& days, AnalyticsSpan span, const Use& use) {
  for (auto at = days.lower_bound(span.first); at != days.end() && at->first <= span.last; ++at)
    use(at->first, at->second);
}

}  // namespace

void SearchTotals::add(const SearchTotals& other) {
  searches += other.searches;
  without_results += other.without_results;
  clicked += other.clicked;
  converted += other.converted;
  carted += other.carted;
  bought += other.bought;
  clicks += other.clicks;
  placed_clicks += other.placed_clicks;
  position_sum += other.position_sum;
}

// Null: older than everything kept.
SearchCounts::DayCounts* SearchCounts::day(Day day) {
  if (const auto found = days_.find(day); found != days_.end()) return &found->second;
  if (days_.size() >= kDaysMax) {
    if (day < days_.begin()->first) return nullptr;
    days_.erase(days_.begin());
  }
  DayCounts& made = days_[day];
  made.users.resize(kUserBits / 64);
  return &made;
}

QueryRow* SearchCounts::row(DayCounts& day, uint32_t number) {
  return number < day.rows.size() ? &day.rows[number] : nullptr;
}

void SearchCounts::apply(const Event& event) {
  last_ms_ = std::max(last_ms_, event.time_ms);
  switch (event.type) {
    case EventType::kSearch:
      return search(event);
    case EventType::kImpression:
      return shown(event);
    case EventType::kClick:
    case EventType::kAddToCart:
    case EventType::kPurchase:
      return acted(event);
    default:
      return;
  }
}

// The shopper's search before this one was the same text, shorter or longer, a moment ago: letters typed.
void SearchCounts::forget_letters(const Event& event, const std::string& query) {
  const std::string& who = event.user.empty() ? event.session : event.user;
  if (who.empty()) return;
  const uint64_t user = hash_bytes(who);
  const Typist& last = typists_[user % kTypistsMax];
  if (last.user != user || event.time_ms - last.time_ms > kTypingMs || event.time_ms < last.time_ms) return;
  if (last.query.empty() || !(query.starts_with(last.query) || last.query.starts_with(query))) return;
  if (last.trail >= trail_.size()) return;
  Search& before = trail_[last.trail];
  if (before.id != last.trail_id || !before.counted || before.clicked || before.carted || before.bought)
    return;
  const auto found = days_.find(before.day);
  if (found == days_.end()) return;
  before.counted = false;
  QueryRow* old = row(found->second, before.row);
  for (SearchTotals* totals : {&found->second.totals, old == nullptr ? nullptr : &old->totals}) {
    if (totals == nullptr) continue;
    --totals->searches;
    if (before.nothing) --totals->without_results;
  }
}

void SearchCounts::search(const Event& event) {
  DayCounts* today = event.time_ms == kNoTime ? nullptr : day(day_of(event.time_ms));
  if (today == nullptr) return;
  const std::string query = tidy(event.query), key = folded(query);
  uint32_t from = 0;
  if (const auto* given = event.attribute_as<int64_t>("from"))
    from = static_cast<uint32_t>(std::clamp<int64_t>(*given, 0, 1'000'000));
  if (from == 0) forget_letters(event, key);

  Search made{.id = hash_bytes(event.query_id), .day = day_of(event.time_ms), .row = kNoRow, .from = from};
  made.counted = from == 0;
  made.nothing = has_number(event.result_count) && event.result_count == 0;
  const auto [at, is_new] =
      today->by_hash.try_emplace(hash_bytes(key), static_cast<uint32_t>(today->rows.size()));
  if (is_new && today->rows.size() >= kQueriesPerDay) {
    today->by_hash.erase(at);
  } else {
    if (is_new) today->rows.push_back({query, {}, 0});
    made.row = at->second;
  }
  QueryRow* counted = row(*today, made.row);
  if (counted != nullptr && has_number(event.result_count)) counted->last_found = event.result_count;
  for (SearchTotals* totals : {&today->totals, counted == nullptr ? nullptr : &counted->totals}) {
    if (totals == nullptr || !made.counted) continue;
    ++totals->searches;
    if (made.nothing) ++totals->without_results;
  }

  const auto place = static_cast<uint32_t>(next_);
  next_ = (next_ + 1) % kTrailMax;
  if (place < trail_.size()) {
    const auto old = by_id_.find(trail_[place].id);
    if (old != by_id_.end() && old->second == place) by_id_.erase(old);
    trail_[place] = made;
  } else {
    trail_.push_back(made);
  }
  if (!event.query_id.empty()) by_id_[made.id] = place;
  const std::string& who = event.user.empty() ? event.session : event.user;
  if (who.empty()) return;
  const uint64_t user = hash_bytes(who), bit = mix64(user, 7) % kUserBits;
  today->users[bit / 64] |= uint64_t{1} << (bit % 64);
  typists_[user % kTypistsMax] = {user, event.time_ms, place, made.id, key};
}

SearchCounts::Search* SearchCounts::joined(const Event& event) {
  if (event.query_id.empty()) return nullptr;
  const auto found = by_id_.find(hash_bytes(event.query_id));
  return found == by_id_.end() ? nullptr : &trail_[found->second];
}

void SearchCounts::shown(const Event& event) {
  Search* of = joined(event);
  if (of == nullptr) return;
  for (size_t i = 0; i < std::min(event.shown.size(), kPlacesMax); ++i)
    of->places[i] = place_hash(event.shown[i].item);
}

void SearchCounts::acted(const Event& event) {
  Search* of = joined(event);
  if (of == nullptr) return;
  const auto found = days_.find(of->day);
  if (found == days_.end()) return;
  DayCounts& then = found->second;
  QueryRow* counted = row(then, of->row);
  int64_t position = 0;
  if (const auto* given = event.attribute_as<int64_t>("position")) position = *given;
  const auto at = std::find(of->places.begin(), of->places.end(), place_hash(event.item));
  if (position <= 0 && at != of->places.end()) position = of->from + (at - of->places.begin()) + 1;

  const bool click = event.type == EventType::kClick, cart = event.type == EventType::kAddToCart;
  const bool buys = event.type == EventType::kPurchase;
  const bool first_conversion = !click && !of->carted && !of->bought;
  for (SearchTotals* totals : {&then.totals, counted == nullptr ? nullptr : &counted->totals}) {
    if (totals == nullptr) continue;
    if (click) {
      ++totals->clicks;
      if (!of->clicked) ++totals->clicked;
      if (position > 0) {
        ++totals->placed_clicks;
        totals->position_sum += static_cast<uint64_t>(std::min<int64_t>(position, 1'000'000));
      }
    }
    if (first_conversion) ++totals->converted;
    if (cart && !of->carted) ++totals->carted;
    if (buys && !of->bought) ++totals->bought;
  }
  if (click && position > 0) ++then.positions[position <= 20 ? static_cast<size_t>(position) : 0];
  if (buys && has_number(event.price)) {
    const std::string currency = event.currency.empty() ? "?" : event.currency;
    if (then.revenue.size() < 16 || then.revenue.contains(currency))
      then.revenue[currency] += event.price * (has_number(event.quantity) ? event.quantity : 1);
  }
  of->clicked |= click;
  of->carted |= cart;
  of->bought |= buys;
}

std::vector<QueryRow> SearchCounts::queries(AnalyticsSpan span) const {
  std::vector<QueryRow> out;
  std::unordered_map<std::string, size_t> places;  // Never walked.
  each_day(days_, span, [&](Day, const DayCounts& of) {
    for (const QueryRow& one : of.rows) {
      const auto [at, is_new] = places.try_emplace(folded(one.query), out.size());
      if (is_new) out.push_back({one.query, {}, 0});
      out[at->second].totals.add(one.totals);
      out[at->second].last_found = one.last_found;
    }
  });
  std::erase_if(out, [](const QueryRow& one) { return one.totals.searches == 0; });
  std::sort(out.begin(), out.end(), [](const QueryRow& a, const QueryRow& b) {
    return a.totals.searches != b.totals.searches ? a.totals.searches > b.totals.searches : a.query < b.query;
  });
  return out;
}

SearchTotals SearchCounts::totals(AnalyticsSpan span) const {
  SearchTotals out;
  each_day(days_, span, [&](Day, const DayCounts& of) { out.add(of.totals); });
  return out;
}

std::vector<std::pair<Day, SearchTotals>> SearchCounts::by_day(AnalyticsSpan span) const {
  std::vector<std::pair<Day, SearchTotals>> out;
  each_day(days_, span, [&](Day day, const DayCounts& of) { out.emplace_back(day, of.totals); });
  return out;
}

std::array<uint64_t, 21> SearchCounts::positions(AnalyticsSpan span) const {
  std::array<uint64_t, 21> out{};
  each_day(days_, span, [&](Day, const DayCounts& of) {
    for (size_t i = 0; i < out.size(); ++i) out[i] += of.positions[i];
  });
  return out;
}

std::map<std::string, double> SearchCounts::revenue(AnalyticsSpan span) const {
  std::map<std::string, double> out;
  each_day(days_, span, [&](Day, const DayCounts& of) {
    for (const auto& [currency, sum] : of.revenue) out[currency] += sum;
  });
  return out;
}

// Whang, Vander-Zanden, Taylor 1990: with m bits of which z are unset, about -m ln(z/m) different ones were
// seen.
uint64_t SearchCounts::users(AnalyticsSpan span) const {
  std::vector<uint64_t> bits(kUserBits / 64);
  each_day(days_, span, [&](Day, const DayCounts& of) {
    for (size_t i = 0; i < bits.size(); ++i) bits[i] |= of.users[i];
  });
  size_t set = 0;
  for (const uint64_t word : bits) set += static_cast<size_t>(__builtin_popcountll(word));
  const double unset = std::max<double>(1.0, static_cast<double>(kUserBits - set));
  return static_cast<uint64_t>(std::llround(-static_cast<double>(kUserBits) * std::log(unset / kUserBits)));
}

AnalyticsSpan SearchCounts::all() const {
  return days_.empty() ? AnalyticsSpan{} : AnalyticsSpan{days_.begin()->first, days_.rbegin()->first};
}

void SearchAnalytics::start() {
  erased_before_ = engine_.log().end();
  thread_ = std::thread([this] { loop(); });
}

void SearchAnalytics::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void SearchAnalytics::loop() {
  while (!stopping_) {
    EventLog& log = engine_.log();
    const Offset end = log.end();
    const Offset from = std::max(log.begin(), end > kEventsMax ? end - kEventsMax : 0);
    auto cursor = log.read(from);
    if (cursor.ok()) {
      {
        const std::lock_guard lock(mutex_);
        counts_ = std::make_unique<SearchCounts>();
      }
      if (follow(**cursor)) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

bool SearchAnalytics::follow(Cursor& cursor) {
  constexpr std::chrono::milliseconds kWait{100};
  Event event;
  std::optional<uint64_t> erased_ns;  // When the event of the erasure was seen.
  for (uint64_t n = 0; !stopping_; ++n) {
    // A person was erased: what he typed is counted anew without him, when the log is without him.
    if (erased_ns && n % 256 == 0 && monotonic_ns() - *erased_ns > kErasureNs && !engine_.stats().erasing)
      return false;
    const Result<bool> moved = cursor.next(kWait);
    if (!moved.ok()) return false;  // What comes next was dropped: begin at what is kept.
    if (!*moved) {
      n = ~uint64_t{0};
      continue;
    }
    if (!cursor.decode(event).ok()) continue;
    if (event.type == EventType::kEraseUser && cursor.offset() >= erased_before_) {
      erased_before_ = cursor.offset() + 1;
      erased_ns = monotonic_ns();
    }
    const std::lock_guard lock(mutex_);
    counts_->apply(event);
  }
  return true;
}

}  // namespace freshet::dialect_internal
