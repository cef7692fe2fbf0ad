#include "feature/counters.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "base/decay.h"
#include "base/hash.h"
#include "feature/profiles.h"

namespace freshet {
namespace {

constexpr TimeMs kHalfLifeMs[kHalfLives] = {kHourMs, kDayMs, 30 * kDayMs};

uint64_t row_key(Scope scope, uint64_t id) {
  const uint64_t key = mix64(static_cast<uint64_t>(scope) + 1, id);
  return key == 0 ? 1 : key;
}

std::optional<Tally> tally_of(EventType type) {
  switch (type) {
    case EventType::kImpression:
      return Tally::kImpression;
    case EventType::kView:
    case EventType::kClick:
      return Tally::kView;
    case EventType::kAddToCart:
      return Tally::kCart;
    case EventType::kPurchase:
      return Tally::kPurchase;
    case EventType::kSearch:
      return Tally::kSearch;
    default:
      return std::nullopt;
  }
}

constexpr double kByDraw = 1 << 20;

float stored(double sum, uint64_t draw) {
  if (sum < kByDraw) return static_cast<float>(sum);
  auto below = static_cast<float>(sum);
  if (below > sum) below = std::bit_cast<float>(std::bit_cast<uint32_t>(below) - 1);
  const float above = std::bit_cast<float>(std::bit_cast<uint32_t>(below) + 1);
  const double share = (sum - below) / (static_cast<double>(above) - below);
  return static_cast<double>(draw >> 11) * 0x1p-53 < share ? above : below;
}

}  // namespace

void DecayedCount::add(double amount, TimeMs at_ms, TimeMs half_life_ms, uint64_t draw) {
  const uint64_t old = word();
  const double value = std::bit_cast<float>(static_cast<uint32_t>(old >> 32));
  const auto last_s = static_cast<int64_t>(static_cast<uint32_t>(old));
  const int64_t at_s = std::clamp<int64_t>(at_ms / kSecondMs, 0, UINT32_MAX);
  const double half_life_s = static_cast<double>(half_life_ms) / kSecondMs;
  const int64_t now_s = std::max(last_s, at_s);
  const double sum = value * decayed(static_cast<double>(now_s - last_s) / half_life_s) +
                     amount * decayed(static_cast<double>(now_s - at_s) / half_life_s);
  set_word(static_cast<uint64_t>(std::bit_cast<uint32_t>(stored(sum, draw))) << 32 |
           static_cast<uint32_t>(now_s));
}

double DecayedCount::value(TimeMs now_ms, TimeMs half_life_ms) const {
  const uint64_t all = word();
  const double value = std::bit_cast<float>(static_cast<uint32_t>(all >> 32));
  const double age_s =
      static_cast<double>(now_ms / kSecondMs) - static_cast<double>(static_cast<uint32_t>(all));
  return value * decayed(age_s * kSecondMs / static_cast<double>(half_life_ms));
}

void DayWindow::add(TimeMs at_ms) {
  const auto window = static_cast<uint32_t>(std::max<TimeMs>(at_ms, 0) / kWindowMs);
  const uint32_t newest = newest_.load(std::memory_order_relaxed);
  if (window + kWindows <= newest) return;  // Too late to matter.
  if (window > newest) {
    for (uint32_t w = window - newest > kWindows ? window - kWindows + 1 : newest + 1; w <= window; ++w)
      counts_[w % kWindows].store(0, std::memory_order_relaxed);
    newest_.store(window, std::memory_order_relaxed);
  }
  auto& count = counts_[window % kWindows];
  const uint16_t old = count.load(std::memory_order_relaxed);
  if (old != UINT16_MAX) count.store(static_cast<uint16_t>(old + 1), std::memory_order_relaxed);
}

uint32_t DayWindow::count(TimeMs now_ms) const {
  const auto now = static_cast<uint32_t>(std::max<TimeMs>(now_ms, 0) / kWindowMs);
  const uint32_t newest = newest_.load(std::memory_order_relaxed);
  uint32_t sum = 0;
  for (uint32_t back = 0; back < kWindows && back <= newest; ++back)  // What is in the ring, newest first...
    if (newest - back + kWindows > now)
      sum += counts_[(newest - back) % kWindows].load(std::memory_order_relaxed);
  return sum;  // ...as far as it is younger than 24 hours at `now`.
}

void DayWindow::save(Writer& out) const {
  out.u32(newest_);
  for (const auto& count : counts_) out.u16(count);
}

void DayWindow::load(Reader& in) {
  newest_ = in.u32();
  for (auto& count : counts_) count = in.u16();
}

struct Counters::Row {
  uint64_t key = 0;
  DecayedCount decayed[kTallies][kHalfLives];
  DayWindow windows[kTallies];

  double worth(TimeMs now_ms) const {
    double sum = 0;
    for (const auto& tally : decayed)
      sum += tally[static_cast<int>(HalfLife::kMonth)].value(now_ms, 30 * kDayMs);
    return sum;
  }
};

Counters::Counters(Moment& moment, const Catalog& catalog, CountersConfig config)
    : moment_(moment), catalog_(catalog), config_(config) {}

Counters::~Counters() {
  for (size_t i = 0; i < rows_.size(); ++i) delete rows_[i].load();
}

size_t Counters::bytes() const {
  return rows() * sizeof(Row) + index_.bytes() + 8 * rows_.size();
}

Counters::Row* Counters::row(uint64_t key) const {
  const uint32_t slot = index_.find(key, [&](uint32_t candidate) {
    const Row* there = rows_[candidate].load(std::memory_order_acquire);
    return there != nullptr && there->key == key;
  });
  return slot == IdIndex::kNone ? nullptr : rows_[slot].load(std::memory_order_acquire);
}

void Counters::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  const std::optional<Tally> tally = tally_of(event.type);
  if (!tally) return;
  counted_ = 0;
  count(Scope::kGlobal, 0, *tally);
  if (const std::string_view shopper = Profiles::shopper_id(event); !shopper.empty())
    count(Scope::kShopper, hash_bytes(shopper), *tally);
  if (!event.query.empty()) count(Scope::kQuery, hash_bytes(event.query), *tally);
  const auto count_item = [&](ItemSlot slot) {
    const ItemRecord* record = slot == kNoItem ? nullptr : catalog_.item(slot);
    if (record == nullptr) return;
    count(Scope::kItem, record->key, *tally);
    for (const uint32_t facet : record->facets) count(Scope::kFacet, facet, *tally);
  };
  count_item(moment_.item);
  for (const ShownItem& shown : event.shown) count_item(catalog_.find(shown.item));
}

void Counters::count(Scope scope, uint64_t id, Tally tally) {
  const uint64_t key = row_key(scope, id);
  Row* found = row(key);
  if (found == nullptr) {
    if (rows() >= config_.rows_max) evict();
    uint32_t slot;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else {
      slot = static_cast<uint32_t>(rows_.size());
      rows_.grow(slot + 1);
    }
    found = new Row;
    found->key = key;
    rows_[slot].store(found, std::memory_order_release);
    index_.insert(key, slot);
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  const auto t = static_cast<size_t>(tally);
  // An event may count in one row more than once: a page shows many items of one category.
  const uint64_t draw = mix64(moment_.key, mix64(key, ++counted_));
  for (int h = 0; h < kHalfLives; ++h) found->decayed[t][h].add(1, moment_.time_ms, kHalfLifeMs[h], draw);
  found->windows[t].add(moment_.time_ms);
}

CounterView Counters::read(Scope scope, uint64_t id, TimeMs now_ms) const {
  CounterView view;
  const Row* found = row(row_key(scope, id));
  if (found == nullptr) return view;
  for (int t = 0; t < kTallies; ++t) {
    for (int h = 0; h < kHalfLives; ++h)
      view.decayed[t][h] = found->decayed[t][h].value(now_ms, kHalfLifeMs[h]);
    view.last_day[t] = found->windows[t].count(now_ms);
  }
  return view;
}

void Counters::evict() {
  std::vector<std::pair<double, uint32_t>> by_worth;
  for (uint32_t slot = 0; slot < rows_.size(); ++slot)
    if (const Row* there = rows_[slot].load()) by_worth.emplace_back(there->worth(moment_.now_ms), slot);
  const size_t count = std::max<size_t>(1, by_worth.size() / 16);
  std::nth_element(by_worth.begin(), by_worth.begin() + static_cast<std::ptrdiff_t>(count - 1),
                   by_worth.end());
  by_worth.resize(count);
  std::sort(by_worth.begin(), by_worth.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  for (const auto& [worth, slot] : by_worth) {
    Row* gone = rows_[slot].load();
    index_.erase(gone->key, slot);
    rows_[slot].store(nullptr, std::memory_order_release);
    retired_.retire(gone);
    free_.push_back(slot);
  }
  std::sort(free_.begin(), free_.end(), std::greater<>());
  live_.fetch_sub(count, std::memory_order_relaxed);
  evicted_.fetch_add(count, std::memory_order_relaxed);
}

void Counters::save(Writer& out) const {
  out.u64(evicted());
  out.varint(rows_.size());
  for (uint32_t slot = 0; slot < rows_.size(); ++slot) {
    const Row* there = rows_[slot].load(std::memory_order_relaxed);
    out.u64(there == nullptr ? 0 : there->key);
    if (there == nullptr) continue;
    for (int t = 0; t < kTallies; ++t) {
      const bool used = there->decayed[t][0].word() != 0;
      out.u8(used);
      if (!used) continue;
      for (const DecayedCount& count : there->decayed[t]) out.u64(count.word());
      there->windows[t].save(out);
    }
  }
}

Status Counters::load(Reader& in) {
  CHECK(rows_.size() == 0);  // Into fresh counters only.
  evicted_ = in.u64();
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto slot = static_cast<uint32_t>(i);
    rows_.grow(i + 1);
    const uint64_t key = in.u64();
    if (key == 0) {
      free_.push_back(slot);
      continue;
    }
    auto* next = new Row;
    next->key = key;
    for (int t = 0; t < kTallies; ++t) {
      if (in.u8() == 0) continue;
      for (DecayedCount& word : next->decayed[t]) word.set_word(in.u64());
      next->windows[t].load(in);
    }
    rows_[slot].store(next, std::memory_order_release);
    index_.insert(key, slot);
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  if (!in.ok()) return corrupt("counters section: ends too early");
  std::sort(free_.begin(), free_.end(), std::greater<>());
  return {};
}

}  // namespace freshet
