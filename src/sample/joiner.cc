#include "sample/joiner.h"

#include <algorithm>

#include "base/hash.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr uint32_t kVersion = 2;    // 1: without windows and what was lost.
constexpr size_t kChainMax = 16;    // Impressions of a shopper looked through for an item.
constexpr size_t kClosedEach = 64;  // Pages an event closes at most.
constexpr size_t kPairwiseTries = 8;
constexpr uint8_t kDwelt = 1 << 7;                  // Of ShownPlace::answered
constexpr float kDwellMost = 0.8f;                  // Of a click, that a short visit takes back.
constexpr uint64_t kPairwise = 0x7061697277697365;  // Purpose of its draws.

uint8_t bit(SampleTask task) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(task));
}

void forget(std::unordered_map<uint64_t, uint64_t>& map, uint64_t key, uint64_t number) {
  const auto found = map.find(key);
  if (found != map.end() && found->second == number) map.erase(found);
}

int64_t number_of(const Event& event, std::string_view name, int64_t absent, int64_t most) {
  const auto* number = event.attribute_as<int64_t>(name);
  return number != nullptr && *number >= 0 ? std::min(*number, most) : absent;
}

}  // namespace

size_t ShownPage::bytes() const {
  return sizeof *this + query.size() + features.size() + places.size() * sizeof(ShownPlace) + 64;
}

Joiner::Joiner(const Moment& moment, const Catalog& catalog, JoinerConfig config, const Profiles* profiles)
    : moment_(moment), catalog_(catalog), config_(config), profiles_(profiles) {
  configure(config.windows);
}

void Joiner::configure(const JoinerWindows& windows) {
  windows_ = windows;
  windows_.late_ms = std::max(windows.late_ms, windows.window_ms);
}

JoinerLost Joiner::lost() const {
  const auto of = [&](Lost what) { return lost_[what].load(std::memory_order_relaxed); };
  return {of(kLostOpen), of(kLostLate), of(kLostPlaces), of(kLostFeatures)};
}

void Joiner::apply(Offset, const Event& event) {
  shown_ = followed_ = nullptr;
  examples_.clear();
  first_answer_ = false;
  keep_bounds();
  if (moment_.skip) return;
  close_old();
  if (event.type == EventType::kImpression) {
    const std::string_view who = Profiles::shopper_id(event);
    show(event, who.empty() ? 0 : hash_bytes(who));
  } else if (is_item_action(event.type)) {
    act(event);
  }
  waiting_.store(pages_.size(), std::memory_order_relaxed);
}

void Joiner::keep_bounds() {
  while (pages_.size() > config_.impressions_max || page_bytes_ > config_.bytes_max) {
    const ShownPage& page = pages_.front();
    if (!page.closed)
      lose(kLostOpen);
    else if (moment_.now_ms - page.time_ms <= windows_.late_ms)
      lose(kLostLate);
    drop_first();
  }
}

void Joiner::show(const Event& event, uint64_t shopper) {
  if (event.shown.empty()) return;
  const uint64_t number = first_ + pages_.size();
  ShownPage page;
  page.number = number;
  page.query_id = event.query_id.empty() ? 0 : hash_bytes(event.query_id);
  page.shopper = shopper;
  page.time_ms = moment_.time_ms;
  page.from = static_cast<uint32_t>(number_of(event, "from", 0, 1'000'000));
  page.exchanged = static_cast<int8_t>(number_of(event, "exchanged", -1, 127));
  page.search = event.surface == "search" || !event.query.empty();
  fold_words(event.query, page.query, config_.query_bytes_max);
  const auto* given = event.attribute_as<std::string>("features");
  const std::string_view features = given == nullptr ? std::string_view() : *given;
  if (features.size() <= config_.features_bytes_max)
    page.features = features;
  else
    lose(kLostFeatures);
  page.places.reserve(std::min(event.shown.size(), config_.places_max));
  for (const ShownItem& item : event.shown) {
    if (page.places.size() == config_.places_max) {
      lose(kLostPlaces, event.shown.size() - config_.places_max);
      break;
    }
    page.places.push_back({catalog_.find(item.item), item.propensity});
  }
  if (shopper != 0) {
    const auto last = by_shopper_.find(shopper);
    if (last != by_shopper_.end()) page.before = last->second + 1;
    by_shopper_[shopper] = number;
  }
  if (page.query_id != 0) by_query_id_[page.query_id] = number;
  page_bytes_ += page.bytes();
  pages_.push_back(std::move(page));
  shown_ = &pages_.back();
}

bool Joiner::shows(uint64_t number, ItemSlot item, TimeMs age_max) {
  if (number < first_) return false;
  ShownPage& page = this->page(number);
  if (std::abs(moment_.time_ms - page.time_ms) > age_max) return false;
  for (size_t i = 0; i < page.places.size(); ++i) {
    if (page.places[i].item != item) continue;
    followed_ = &page;
    place_ = static_cast<uint32_t>(i);
    return true;
  }
  return false;
}

bool Joiner::join(const Event& event) {
  if (!event.query_id.empty()) {
    const auto named = by_query_id_.find(hash_bytes(event.query_id));
    if (named != by_query_id_.end() && shows(named->second, moment_.item, windows_.late_ms)) return true;
  }
  const bool waits = event.type == EventType::kPurchase || event.type == EventType::kRefund;
  const std::string_view who = Profiles::shopper_id(event);
  return !who.empty() && join_by_touch(who, waits ? windows_.late_ms : windows_.window_ms);
}

// The newest of the impressions that were shown to any of the shopper's identities: each has a chain of its
// own, from new to old, so that an unlink leaves everything where it was.
bool Joiner::join_by_touch(std::string_view who, TimeMs age_max) {
  identities_.clear();
  if (profiles_ != nullptr) profiles_->identities(who, identities_);
  if (identities_.empty()) identities_.push_back(hash_bytes(who));
  for (uint64_t& id : identities_) {  // To the number + 1 of its newest impression; 0: none
    const auto last = by_shopper_.find(id);
    id = last == by_shopper_.end() ? 0 : last->second + 1;
  }
  for (size_t looked = 0; looked < kChainMax; ++looked) {
    uint64_t& newest = *std::max_element(identities_.begin(), identities_.end());
    if (newest <= first_) return false;
    if (shows(newest - 1, moment_.item, age_max)) return true;
    newest = page(newest - 1).before;
  }
  return false;
}

void Joiner::act(const Event& event) {
  if (moment_.item == kNoItem) return;
  if (event.type == EventType::kDismiss || event.type == EventType::kRefund) {
    if (!join(event)) return;
    if (event.type == EventType::kDismiss)
      dismiss();
    else
      take_back(SampleTask::kPurchase, 1);
    followed_ = nullptr;  // Nobody answered.
    return;
  }
  if (!is_positive_action(event.type)) return;
  if (!join(event)) {
    explain_alone(moment_.item);
    return;
  }
  const ShownPlace& place = followed_->places[place_];
  first_answer_ = place.answered == 0;
  // Who buys from the page itself has answered it as who opens the item first: it was wanted there. He names
  // the page: found by item and time alone, it may have shown the item once more after it was chosen on
  // another. And when the zero was given long ago, the purchase may have begun anywhere.
  const bool named = !event.query_id.empty() && followed_->query_id == hash_bytes(event.query_id);
  if (named && (event.type == EventType::kPurchase || event.type == EventType::kAddToCart))
    if ((place.settled & bit(SampleTask::kClick)) == 0) answer(SampleTask::kClick, 1);
  if (event.type == EventType::kPurchase) {
    answer(SampleTask::kPurchase, 1);
    // Of what was earned: for who folds the log himself. The ranker orders by P(purchase) times the item's
    // value (docs/decisions/0137-revenue-is-a-value.md).
    const double many = has_number(event.quantity) ? event.quantity : 1;
    if (has_number(event.price) && event.price > 0 && many > 0)
      answer(SampleTask::kRevenue, event.price * many);
  } else if (event.type == EventType::kAddToCart) {
    answer(SampleTask::kCart, 1);
  } else {
    answer(SampleTask::kClick, 1);
    dwell(event);
  }
}

bool Joiner::clicked() const {
  return std::any_of(examples_.begin(), examples_.end(), [this](const LabelledExample& example) {
    return example.task == SampleTask::kClick && example.label > 0 && example.page != nullptr &&
           example.page == followed_;
  });
}

void Joiner::dismiss() {
  ShownPlace& place = followed_->places[place_];
  for (const SampleTask task : {SampleTask::kClick, SampleTask::kCart, SampleTask::kPurchase}) {
    if (((place.answered | place.settled) & bit(task)) != 0) continue;
    place.settled |= bit(task);
    ++counted_[static_cast<size_t>(task)].zeros;
    examples_.push_back({.task = task, .firm = true, .page = followed_, .place = place_, .item = place.item});
  }
  place.settled |= bit(SampleTask::kRevenue);
}

// A 1 turns out to be a 0, or a share of one.
void Joiner::take_back(SampleTask task, float share) {
  ShownPlace& place = followed_->places[place_];
  if ((place.answered & bit(task)) == 0) return;
  if (share == 1) {  // The next one counts again, as one that comes late.
    place.answered = static_cast<uint8_t>(place.answered & ~bit(task));
    place.settled |= bit(task);
  }
  examples_.push_back({.task = task,
                       .weight = share,
                       .firm = true,
                       .taken = share,
                       .page = followed_,
                       .place = place_,
                       .item = place.item});
}

void Joiner::dwell(const Event& event) {
  const auto* ms = event.attribute_as<int64_t>("dwell_ms");
  ShownPlace& place = followed_->places[place_];
  if (ms == nullptr || *ms < 0 || (place.answered & kDwelt) != 0) return;
  place.answered |= kDwelt;
  if (*ms >= kDwell) return;
  const auto stayed = static_cast<float>(*ms) / static_cast<float>(kDwell);
  take_back(SampleTask::kClick, std::min(1 - stayed, kDwellMost));
}

void Joiner::answer(SampleTask task, double value) {
  ShownPlace& place = followed_->places[place_];
  if ((place.answered & bit(task)) != 0) return;
  place.answered |= bit(task);
  const bool late = (place.settled & bit(task)) != 0;
  Counted& counted = counted_[static_cast<size_t>(task)];
  ++(late ? counted.late : counted.ones);
  examples_.push_back({.task = task,
                       .label = static_cast<float>(value),
                       .weight = static_cast<float>(1 + delay(task).late),
                       .late = late,
                       .page = followed_,
                       .place = place_,
                       .item = place.item});
}

// One of what was shown lately, for an item that nobody saw being shown.
void Joiner::explain_alone(ItemSlot item) {
  if (pages_.empty()) return;
  Draw draw(mix64(moment_.key, kPairwise));
  for (size_t i = 0; i < kPairwiseTries; ++i) {
    const ShownPage& page = pages_[draw.below(pages_.size())];
    const ItemSlot other = page.places[draw.below(page.places.size())].item;
    if (other == kNoItem || other == item) continue;
    examples_.push_back(
        {.label = 1, .pairwise = true, .against_found = page.search, .item = item, .against = other});
    return;
  }
}

Joiner::Delay Joiner::delay(SampleTask task) const {
  const Counted& counted = counted_[static_cast<size_t>(task)];
  const uint64_t places = counted.ones + counted.zeros;
  if (places == 0) return {};
  return {static_cast<double>(counted.late) / static_cast<double>(places),
          counted.zeros == 0 ? 1
                             : 1 - static_cast<double>(std::min(counted.late, counted.zeros)) /
                                       static_cast<double>(counted.zeros)};
}

uint64_t Joiner::open() const {
  return first_ + pages_.size() - std::max(open_, first_);
}

void Joiner::close(ShownPage& page) {
  page.closed = true;
  for (size_t i = 0; i < page.places.size(); ++i) {
    ShownPlace& place = page.places[i];
    if (place.item == kNoItem) continue;
    for (const SampleTask task : {SampleTask::kClick, SampleTask::kCart, SampleTask::kPurchase}) {
      if (((place.answered | place.settled) & bit(task)) != 0) continue;
      place.settled |= bit(task);
      ++counted_[static_cast<size_t>(task)].zeros;
      const Delay delay = this->delay(task);
      examples_.push_back({.task = task,
                           .weight = static_cast<float>((1 + delay.late) * delay.real),
                           .page = &page,
                           .place = static_cast<uint32_t>(i),
                           .item = place.item});
    }
    place.settled |= bit(SampleTask::kRevenue);
  }
}

void Joiner::close_old() {
  open_ = std::max(open_, first_);
  // Some at a time: after a pause, or a shorter window, one event would close all that wait.
  for (size_t n = 0; n < kClosedEach && open_ < first_ + pages_.size() &&
                     moment_.now_ms - page(open_).time_ms > windows_.window_ms;
       ++n)
    close(page(open_++));
  // What is too old to be joined is given up one at a time, so that an event costs no more than it adds.
  if (!pages_.empty() && pages_.front().closed &&
      moment_.now_ms - pages_.front().time_ms > windows_.late_ms && examples_.empty())
    drop_first();
}

// Before the examples of an event are made: they point into pages.
void Joiner::drop_first() {
  ShownPage& page = pages_.front();
  forget(by_query_id_, page.query_id, first_);
  forget(by_shopper_, page.shopper, first_);
  page_bytes_ -= std::min(page_bytes_, page.bytes());
  pages_.pop_front();
  ++first_;
}

void Joiner::evict(std::span<const ItemSlot> items) {
  for (ShownPage& page : pages_)
    for (ShownPlace& place : page.places)
      if (std::binary_search(items.begin(), items.end(), place.item)) place.item = kNoItem;
}

void Joiner::save(Writer& out) const {
  out.u32(kVersion);
  out.u64(first_);
  out.u64(open_);
  for (const Counted& counted : counted_) out.raw(counted);
  out.i64(windows_.window_ms);
  out.i64(windows_.late_ms);
  for (const auto& lost : lost_) out.u64(lost.load(std::memory_order_relaxed));
  out.varint(pages_.size());
  for (const ShownPage& page : pages_) {
    out.u64(page.query_id);
    out.u64(page.shopper);
    out.u64(page.before);
    out.i64(page.time_ms);
    out.u32(page.from);
    out.u8(static_cast<uint8_t>(page.exchanged));
    out.u8(static_cast<uint8_t>(page.search | page.closed << 1));
    out.str(page.query);
    out.str(page.features);
    out.varint(page.places.size());
    for (const ShownPlace& place : page.places) {
      out.u32(place.item);
      out.f32(place.propensity);
      out.u8(place.answered);
      out.u8(place.settled);
    }
  }
}

Status Joiner::readable(Reader section) const {
  const uint32_t version = section.u32();
  if (version >= 1 && version <= kVersion) return {};
  return corrupt("joiner: section of version " + std::to_string(version) + ", this program reads 1 to " +
                 std::to_string(kVersion));
}

Status Joiner::load(Reader& in) {
  pages_.clear();
  by_query_id_.clear();
  by_shopper_.clear();
  page_bytes_ = 0;
  TRY_STATUS(readable(in));
  const uint32_t version = in.u32();
  first_ = in.u64();
  open_ = in.u64();
  for (Counted& counted : counted_) counted = in.raw<Counted>();
  configure(config_.windows);
  for (auto& lost : lost_) lost = 0;
  if (version >= 2) {
    const TimeMs window_ms = in.i64(), late_ms = in.i64();
    if (in.ok() && (window_ms <= 0 || late_ms < window_ms)) return corrupt("joiner: windows that cannot be");
    configure({.window_ms = window_ms, .late_ms = late_ms});
    for (auto& lost : lost_) lost = in.u64();
  }
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    ShownPage page;
    page.number = first_ + i;
    page.query_id = in.u64();
    page.shopper = in.u64();
    page.before = in.u64();
    page.time_ms = in.i64();
    page.from = in.u32();
    page.exchanged = static_cast<int8_t>(in.u8());
    const uint8_t flags = in.u8();
    page.search = (flags & 1) != 0;
    page.closed = (flags & 2) != 0;
    page.query = in.str();
    page.features = in.str();
    const uint64_t places = in.varint();
    if (places > config_.places_max) return corrupt("joiner: an impression with more places than places_max");
    page.places.resize(places);
    for (ShownPlace& place : page.places) {
      place.item = in.u32();
      place.propensity = in.f32();
      place.answered = in.u8();
      place.settled = in.u8();
    }
    if (page.query_id != 0) by_query_id_[page.query_id] = first_ + i;
    if (page.shopper != 0) by_shopper_[page.shopper] = first_ + i;
    page_bytes_ += page.bytes();
    pages_.push_back(std::move(page));
  }
  waiting_ = pages_.size();
  return in.ok() ? Status() : Status(corrupt("joiner: cut short"));
}

size_t Joiner::bytes() const {
  return page_bytes_ + (by_query_id_.size() + by_shopper_.size()) * 40;
}

}  // namespace freshet
