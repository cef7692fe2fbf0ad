#include "feature/contexts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "base/decay.h"
#include "base/hash.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 1;
constexpr TimeMs kLately = 30 * kMinuteMs, kUsually = 7 * kDayMs;
constexpr TimeMs kLearns = 2 * kDayMs;  // Before that nothing is known to be usual.
constexpr double kFew = 200;            // Actions lately; fewer are no busy time.

uint8_t scenario_of(std::string_view name) {
  return name == "scenario" ? 2 : name == "holiday" ? 1 : 0;
}

uint64_t key_of(std::string_view name, std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size() && std::isfinite(number))
    return mix64(hash_bytes(name), two_digits_key(number));
  return mix64(hash_bytes(name), hash_bytes(value));
}

bool holds_in(std::string_view held, std::string_view region) {
  return held.empty() || region == held ||
         (region.size() > held.size() && region[held.size()] == '-' && region.starts_with(held));
}

}  // namespace

bool ContextSpan::holds(std::string_view in_region, TimeMs now_ms) const {
  return from_ms <= now_ms && now_ms < until_ms && holds_in(region, in_region);
}

Contexts::Contexts(const Moment& moment) : moment_(moment), book_(new Book) {}

void Contexts::publish(Book book) {
  retired_.retire(book_.exchange(new Book(std::move(book)), std::memory_order_acq_rel));
}

void Contexts::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  if (event.type == EventType::kContext) return add(event);
  if (is_item_action(event.type) && count()) {
    Book next = book();
    next.busy = !next.busy;
    publish(std::move(next));
  }
}

void Contexts::add(const Event& event) {
  ContextSpan span{.name = event.name,
                   .value = event.value,
                   .region = event.region,
                   .from_ms = moment_.time_ms,
                   .until_ms = event.until_ms == kNoTime ? moment_.time_ms + kDayMs : event.until_ms,
                   .key = key_of(event.name, event.value),
                   .scenario = scenario_of(event.name)};
  Book next = book();
  std::erase_if(next.spans, [&](const ContextSpan& one) {
    return one.until_ms <= moment_.now_ms || (one.name == span.name && one.value == span.value &&
                                              one.region == span.region && one.from_ms == span.from_ms);
  });
  if (next.spans.size() >= kSpans)
    next.spans.erase(
        std::min_element(next.spans.begin(), next.spans.end(),
                         [](const ContextSpan& a, const ContextSpan& b) { return a.from_ms < b.from_ms; }));
  const auto order = [](const ContextSpan& one) {
    return std::tie(one.name, one.region, one.from_ms, one.value);
  };
  const auto place =
      std::lower_bound(next.spans.begin(), next.spans.end(), span,
                       [&](const ContextSpan& a, const ContextSpan& b) { return order(a) < order(b); });
  next.spans.insert(place, std::move(span));
  publish(std::move(next));
}

bool Contexts::count() {
  if (counted_ms_ == kNoTime) counted_ms_ = first_ms_ = moment_.time_ms;
  if (moment_.time_ms > counted_ms_) {
    const auto age = static_cast<double>(moment_.time_ms - counted_ms_);
    lately_ *= decayed(age / static_cast<double>(kLately));
    usually_ *= decayed(age / static_cast<double>(kUsually));
    counted_ms_ = moment_.time_ms;
  }
  lately_ += 1;
  usually_ += 1;
  const TimeMs known = counted_ms_ - first_ms_;
  if (known < kLearns) return false;
  // Of a steady stream, a decayed count is its rate times half-life / ln 2, of the long one only as far as
  // the log reaches back.
  const double seen = 1 - decayed(static_cast<double>(known) / static_cast<double>(kUsually));
  const double usual = usually_ / seen * static_cast<double>(kLately) / static_cast<double>(kUsually);
  return book().busy ? lately_ < kBusyUntil * usual : lately_ >= kFew && lately_ > kBusyFrom * usual;
}

ActiveContexts Contexts::active(std::string_view region, TimeMs now_ms) const {
  ActiveContexts out;
  const Book& now = book();
  const ContextSpan* scenario = nullptr;
  const ContextSpan* last = nullptr;  // The one whose key is at the end of `out.keys`.
  for (const ContextSpan& one : now.spans) {
    if (!one.holds(region, now_ms)) continue;
    if (one.scenario > 0 && (scenario == nullptr || std::pair(one.scenario, one.from_ms) >
                                                        std::pair(scenario->scenario, scenario->from_ms)))
      scenario = &one;
    // In the order of name, region (the closer one comes later) and start.
    const bool instead =
        last != nullptr && one.scenario == 0 && one.name != "promotion" && last->name == one.name;
    if (instead) --out.count;
    if (out.count == out.keys.size()) continue;
    out.keys[out.count++] = one.key;
    last = &one;
  }
  out.scenario = scenario != nullptr ? scenario->key : now.busy ? kBusy : 0;
  return out;
}

void Contexts::save(Writer& out) const {
  const Book& now = book();
  out.u32(kVersion);
  out.varint(now.spans.size());
  for (const ContextSpan& one : now.spans) {
    out.str(one.name);
    out.str(one.value);
    out.str(one.region);
    out.i64(one.from_ms);
    out.i64(one.until_ms);
  }
  out.u8(now.busy ? 1 : 0);
  out.f64(lately_);
  out.f64(usually_);
  out.i64(counted_ms_);
  out.i64(first_ms_);
}

Status Contexts::load(Reader& in) {
  if (in.u32() != kVersion) return corrupt("contexts: not of this version");
  Book next;
  const uint64_t spans = in.varint();
  if (spans > kSpans) return corrupt("contexts: more than there may be");
  for (uint64_t i = 0; i < spans && in.ok(); ++i) {
    ContextSpan one;
    one.name = in.str();
    one.value = in.str();
    one.region = in.str();
    one.from_ms = in.i64();
    one.until_ms = in.i64();
    one.key = key_of(one.name, one.value);
    one.scenario = scenario_of(one.name);
    next.spans.push_back(std::move(one));
  }
  next.busy = in.u8() != 0;
  lately_ = in.f64();
  usually_ = in.f64();
  counted_ms_ = in.i64();
  first_ms_ = in.i64();
  if (!in.ok()) return corrupt("contexts: cut short");
  publish(std::move(next));
  return {};
}

size_t Contexts::bytes() const {
  size_t bytes = sizeof *this;
  for (const ContextSpan& one : book().spans)
    bytes += sizeof one + one.name.capacity() + one.value.capacity() + one.region.capacity();
  return bytes;
}

}  // namespace freshet
