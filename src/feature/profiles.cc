#include "feature/profiles.h"

#include <algorithm>
#include <new>

#include "base/hash.h"
#include "event/codec.h"
#include "feature/internal/profile.h"

namespace freshet {
namespace {

// How the extras of a profile stand in a snapshot. Without origins: as written before dismissals had them.
constexpr uint8_t kNoExtras = 0, kExtrasWithoutOrigins = 1, kExtras = 2;
constexpr int kHopsMax = 256;  // More than there can be: each is a place among the links of one profile.

size_t bytes_of(const ProfileExtras& extras) {
  size_t bytes = sizeof(extras) + extras.dismissed.capacity() * sizeof(ItemSlot) + extras.origins.capacity();
  for (const auto& a : extras.attributes) bytes += sizeof(a) + a.name.capacity() + 32;
  for (const auto& l : extras.links) bytes += sizeof(l) + l.capacity();
  return bytes;
}

}  // namespace

Profiles::Profiles(Moment& moment, ProfilesConfig config) : moment_(moment), config_(config) {}

Profiles::~Profiles() {
  for (size_t i = 0; i < slots_.size(); ++i) delete slots_[i].load();
}

void Profiles::apply(Offset, const Event& event) {
  if (moment_.skip) return;
  switch (event.type) {
    case EventType::kUserUpsert:
      return upsert(event);
    case EventType::kIdentityLink:
      return link(event);
    case EventType::kIdentityUnlink:
      return unlink(event);
    case EventType::kEraseUser:
      return erase(event);
    case EventType::kDismiss:
      return dismiss(event);
    default:
      break;
  }
  const std::string_view id = shopper_id(event);
  if (!is_positive_action(event.type) || id.empty() || moment_.item == kNoItem) return;
  const ShopperSlot own = slot_for(id, moment_.time_ms);
  Profile& profile = *at(resolve(own));
  const Step step{moment_.item, event.type, origin_of(profile, id), moment_.time_ms,
                  event.order_id.empty() ? 0 : hash_bytes(event.order_id)};
  append(profile, step, new_session(profile, event, moment_.time_ms));
  if (!event.session.empty()) profile.session.store(hash_bytes(event.session), std::memory_order_relaxed);
  profile.last_ms.store(moment_.time_ms, std::memory_order_relaxed);
  at(own)->last_ms.store(moment_.time_ms, std::memory_order_relaxed);  // A linked identity in use stays.
}

// ---- reading

Profiles::Profile* Profiles::at(ShopperSlot slot) const {
  return slot < slots_.size() ? slots_[slot].load(std::memory_order_acquire) : nullptr;
}

ShopperSlot Profiles::slot_of(std::string_view id) const {
  return index_.find(hash_bytes(id), [&](uint32_t slot) {
    const Profile* profile = at(slot);
    return profile != nullptr && profile->id == id;
  });
}

ShopperSlot Profiles::resolve(ShopperSlot slot) const {
  for (int hops = 0; hops < kHopsMax && slot != kNoShopper; ++hops) {
    const Profile* profile = at(slot);
    const ShopperSlot next =
        profile == nullptr ? kNoShopper : profile->linked_to.load(std::memory_order_acquire);
    if (next == kNoShopper || at(next) == nullptr) break;
    slot = next;
  }
  return slot;
}

ShopperSlot Profiles::find(std::string_view id) const {
  return resolve(slot_of(id));
}

Sequence Profiles::sequence(ShopperSlot shopper) const {
  Sequence sequence;
  const Profile* profile = shopper == kNoShopper ? nullptr : at(shopper);
  if (profile == nullptr) return sequence;
  sequence.shopper = profile->key;
  const Block* block = profile->block.load(std::memory_order_acquire);
  if (block == nullptr) return sequence;
  const uint32_t size = block->size.load(std::memory_order_acquire);
  const uint32_t kept = std::min(size, config_.steps_max);
  const uint32_t session = std::min(block->session_begin.load(std::memory_order_acquire), size);
  sequence.steps = {block->steps + (size - kept), kept};
  sequence.session_begin = session > size - kept ? session - (size - kept) : 0;
  return sequence;
}

const ProfileExtras* Profiles::extras(ShopperSlot shopper) const {
  const Profile* profile = shopper == kNoShopper ? nullptr : at(shopper);
  return profile == nullptr ? nullptr : profile->extras.load(std::memory_order_acquire);
}

std::string_view Profiles::id(ShopperSlot shopper) const {
  const Profile* profile = shopper == kNoShopper ? nullptr : at(shopper);
  return profile == nullptr ? std::string_view() : std::string_view(profile->id);
}

TimeMs Profiles::last_ms(ShopperSlot shopper) const {
  const Profile* profile = shopper == kNoShopper ? nullptr : at(shopper);
  return profile == nullptr ? kNoTime : profile->last_ms.load(std::memory_order_relaxed);
}

bool Profiles::new_session(const Profile& profile, const Event& event, TimeMs time_ms) const {
  const uint64_t current = profile.session.load(std::memory_order_relaxed);
  if (!event.session.empty() && current != 0) return hash_bytes(event.session) != current;
  const TimeMs last = profile.last_ms.load(std::memory_order_relaxed);
  return last != kNoTime && time_ms - last > config_.session_gap_ms;
}

Sequence Profiles::before(const Event& event, TimeMs time_ms) const {
  const std::string_view id = shopper_id(event);
  const ShopperSlot slot = id.empty() ? kNoShopper : find(id);
  Sequence before = sequence(slot);
  if (slot == kNoShopper)
    before.shopper = id.empty() ? 0 : hash_bytes(id);
  else if (new_session(*at(slot), event, time_ms))
    before.session_begin = before.steps.size();
  return before;
}

// ---- writing

ShopperSlot Profiles::slot_for(std::string_view id, TimeMs time_ms) {
  if (const ShopperSlot found = slot_of(id); found != kNoShopper) return found;
  if (live_.load(std::memory_order_relaxed) >= config_.shoppers_max) evict();
  ShopperSlot slot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    slot = static_cast<ShopperSlot>(slots_.size());
    slots_.grow(slot + 1);
  }
  auto* profile = new Profile;
  profile->id = id;
  profile->key = hash_bytes(id);
  profile->last_ms.store(time_ms, std::memory_order_relaxed);
  slots_[slot].store(profile, std::memory_order_release);
  index_.insert(profile->key, slot);
  bytes_ += sizeof(Profile) + profile->id.capacity();
  live_.fetch_add(1, std::memory_order_relaxed);
  return slot;
}

void Profiles::append(Profile& profile, const Step& step, bool new_session) {
  Block* block = profile.block.load(std::memory_order_relaxed);
  uint32_t size = block == nullptr ? 0 : block->size.load(std::memory_order_relaxed);
  if (block == nullptr || size == block->capacity) {
    const uint32_t kept = std::min(size, config_.steps_max);
    auto* next = new Block(std::min(std::max(4u, kept * 2), config_.steps_max * 2));
    for (uint32_t i = 0; i < kept; ++i) next->steps[i] = block->steps[size - kept + i];
    next->size.store(kept, std::memory_order_relaxed);
    if (block != nullptr) {
      const uint32_t session = block->session_begin.load(std::memory_order_relaxed);
      next->session_begin.store(session > size - kept ? session - (size - kept) : 0,
                                std::memory_order_relaxed);
      bytes_ -= sizeof(Block) + block->capacity * sizeof(Step);
    }
    bytes_ += sizeof(Block) + next->capacity * sizeof(Step);
    profile.block.store(next, std::memory_order_release);
    retired_.retire(block);
    block = next;
    size = kept;
  }
  block->steps[size] = step;
  if (new_session) block->session_begin.store(size, std::memory_order_release);
  block->size.store(size + 1, std::memory_order_release);
}

void Profiles::replace_steps(Profile& profile, std::vector<Step> steps, size_t session_begin) {
  const size_t drop = steps.size() > config_.steps_max ? steps.size() - config_.steps_max : 0;
  const auto kept = static_cast<uint32_t>(steps.size() - drop);
  Block* old = profile.block.load(std::memory_order_relaxed);
  Block* next = nullptr;
  if (kept > 0) {
    next = new Block(std::min(std::max(4u, kept * 2), config_.steps_max * 2));
    std::copy(steps.begin() + static_cast<std::ptrdiff_t>(drop), steps.end(), next->steps);
    next->session_begin.store(static_cast<uint32_t>(session_begin > drop ? session_begin - drop : 0));
    next->size.store(kept);
    bytes_ += sizeof(Block) + next->capacity * sizeof(Step);
  }
  if (old != nullptr) bytes_ -= sizeof(Block) + old->capacity * sizeof(Step);
  profile.block.store(next, std::memory_order_release);
  retired_.retire(old);
}

void Profiles::replace_extras(Profile& profile, ProfileExtras next) {
  const ProfileExtras* old = profile.extras.load(std::memory_order_relaxed);
  auto* published = new ProfileExtras(std::move(next));
  if (old != nullptr) bytes_ -= bytes_of(*old);
  bytes_ += bytes_of(*published);
  profile.extras.store(published, std::memory_order_release);
  retired_.retire(old);
}

void Profiles::upsert(const Event& event) {
  if (event.user.empty()) return;
  Profile& profile = *at(resolve(slot_for(event.user, moment_.time_ms)));
  const ProfileExtras* old = profile.extras.load(std::memory_order_relaxed);
  ProfileExtras next = old == nullptr ? ProfileExtras{} : *old;
  next.attributes = event.attributes;
  std::stable_sort(next.attributes.begin(), next.attributes.end(),
                   [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
  replace_extras(profile, std::move(next));
}

void Profiles::dismiss(const Event& event) {
  const std::string_view id = shopper_id(event);
  if (id.empty() || moment_.item == kNoItem) return;
  Profile& profile = *at(resolve(slot_for(id, moment_.time_ms)));
  const ProfileExtras* old = profile.extras.load(std::memory_order_relaxed);
  ProfileExtras next = old == nullptr ? ProfileExtras{} : *old;
  next.dismiss(moment_.item, profile.id == id ? uint8_t{0} : origin_of(profile, id), config_.dismissed_max);
  replace_extras(profile, std::move(next));
}

// Anonymous `user` is from now on `user_to`.
void Profiles::link(const Event& event) {
  if (event.user.empty() || event.user_to.empty() || event.user == event.user_to) return;
  const ShopperSlot from = slot_for(event.user, moment_.time_ms);
  const ShopperSlot to = resolve(slot_for(event.user_to, moment_.time_ms));
  if (at(from) == nullptr || resolve(from) == to) return;  // Linked already, or a circle.
  if (at(from)->linked_to.load(std::memory_order_relaxed) != kNoShopper) return;  // Unlink first.
  make_room(to, from);
  Profile& anonymous = *at(from);
  Profile& known = *at(to);
  const ProfileExtras* old = known.extras.load(std::memory_order_relaxed);
  ProfileExtras extras = old == nullptr ? ProfileExtras{} : *old;
  const Origins origins = hand_over(anonymous, extras);
  const Sequence mine = sequence(to), theirs = sequence(from);
  std::vector<Step> moved(theirs.steps.begin(), theirs.steps.end());
  for (Step& step : moved) step.origin = origins[step.origin];
  std::vector<Step> merged;
  std::merge(mine.steps.begin(), mine.steps.end(), moved.begin(), moved.end(), std::back_inserter(merged),
             [](const Step& a, const Step& b) { return a.time_ms < b.time_ms; });
  // The session the shopper is in is the anonymous one, if it has steps.
  const TimeMs session_ms = !theirs.session().empty() ? theirs.session().front().time_ms
                            : !mine.session().empty() ? mine.session().front().time_ms
                                                      : moment_.time_ms;
  const auto begin =
      std::find_if(merged.begin(), merged.end(), [&](const Step& s) { return s.time_ms >= session_ms; });
  const auto session_begin = static_cast<size_t>(begin - merged.begin());
  replace_extras(known, std::move(extras));
  replace_steps(known, std::move(merged), session_begin);
  replace_steps(anonymous, {}, 0);
  if (const uint64_t session = anonymous.session.load(std::memory_order_relaxed); session != 0)
    known.session.store(session, std::memory_order_relaxed);
  known.last_ms.store(std::max(known.last_ms.load(), anonymous.last_ms.load()), std::memory_order_relaxed);
  const ShopperSlot named = slot_of(event.user_to);  // Unless it has just given way.
  anonymous.linked_to.store(named == kNoShopper ? to : named, std::memory_order_release);
}

void Profiles::unlink(const Event& event) {
  const ShopperSlot from = slot_of(event.user);
  const ShopperSlot to = resolve(from);
  if (from == kNoShopper || to == from) return;
  Profile& anonymous = *at(from);
  Profile& known = *at(to);
  const Origins origins = take_back(from, to);
  const Sequence all = sequence(to);
  std::vector<Step> keep, back;
  size_t keep_session = 0, back_session = 0;
  for (size_t i = 0; i < all.steps.size(); ++i) {
    Step step = all.steps[i];
    const bool theirs = origins[step.origin] != kStays;
    if (i < all.session_begin) ++(theirs ? back_session : keep_session);
    if (theirs) step.origin = origins[step.origin];
    (theirs ? back : keep).push_back(step);
  }
  replace_steps(known, std::move(keep), keep_session);
  replace_steps(anonymous, std::move(back), back_session);
  anonymous.linked_to.store(kNoShopper, std::memory_order_release);
}

// All but that its slot may be taken again: the caller sees to the order of the free ones.
void Profiles::forget(ShopperSlot slot) {
  Profile* profile = at(slot);
  replace_steps(*profile, {}, 0);
  if (const ProfileExtras* extras = profile->extras.load(std::memory_order_relaxed))
    bytes_ -= bytes_of(*extras);
  bytes_ -= sizeof(Profile) + profile->id.capacity();
  index_.erase(profile->key, slot);
  slots_[slot].store(nullptr, std::memory_order_release);
  retired_.retire(profile);
  live_.fetch_sub(1, std::memory_order_relaxed);
}

void Profiles::remove(ShopperSlot slot) {
  forget(slot);
  free_.insert(std::lower_bound(free_.begin(), free_.end(), slot, std::greater<>()), slot);
}

void Profiles::evict() {
  std::vector<std::pair<TimeMs, ShopperSlot>> by_value;
  by_value.reserve(live_);
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot) {
    if (at(slot) == nullptr) continue;
    const size_t kept = sequence(resolve(slot)).steps.size();  // Those of a linked identity are there.
    const auto steps = std::min<TimeMs>(static_cast<TimeMs>(kept), 32);
    by_value.emplace_back(last_ms(slot) + steps * kHourMs, slot);
  }
  const size_t count = std::max<size_t>(1, by_value.size() / 16);
  std::nth_element(by_value.begin(), by_value.begin() + static_cast<std::ptrdiff_t>(count - 1),
                   by_value.end());
  by_value.resize(count);
  std::vector<bool> gone(slots_.size());
  for (const auto& [value, slot] : by_value) gone[slot] = true;
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot) {  // Over those that go, to who stays.
    Profile* profile = at(slot);
    if (profile == nullptr || gone[slot]) continue;
    ShopperSlot to = profile->linked_to.load(std::memory_order_relaxed);
    if (to == kNoShopper || !gone[to]) continue;
    while (to != kNoShopper && gone[to]) to = at(to)->linked_to.load(std::memory_order_relaxed);
    profile->linked_to.store(to, std::memory_order_release);
  }
  std::sort(by_value.begin(), by_value.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  for (const auto& [value, slot] : by_value) {
    forget(slot);
    free_.push_back(slot);
  }
  std::sort(free_.begin(), free_.end(), std::greater<>());
  tidy_links();
  evicted_.fetch_add(count, std::memory_order_relaxed);
}

void Profiles::evict_items(std::span<const ItemSlot> items) {
  const auto gone = [&](ItemSlot item) { return std::binary_search(items.begin(), items.end(), item); };
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot) {
    Profile* profile = at(slot);
    if (profile == nullptr) continue;
    const Sequence all = sequence(slot);
    if (std::any_of(all.steps.begin(), all.steps.end(), [&](const Step& s) { return gone(s.item); })) {
      std::vector<Step> keep;
      size_t session_begin = 0;
      for (size_t i = 0; i < all.steps.size(); ++i) {
        if (gone(all.steps[i].item)) continue;
        session_begin += i < all.session_begin;
        keep.push_back(all.steps[i]);
      }
      replace_steps(*profile, std::move(keep), session_begin);
    }
    const ProfileExtras* extras = profile->extras.load(std::memory_order_relaxed);
    if (extras == nullptr || std::none_of(extras->dismissed.begin(), extras->dismissed.end(), gone)) continue;
    ProfileExtras next = *extras;
    next.forget([&](ItemSlot item, uint8_t) { return gone(item); });
    replace_extras(*profile, std::move(next));
  }
}

// ---- snapshot section

void Profiles::save(Writer& out) const {
  out.u64(evicted());
  out.varint(slots_.size());
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot) {
    const Profile* profile = at(slot);
    out.u8(profile == nullptr ? 0 : 1);
    if (profile == nullptr) continue;
    out.str(profile->id);
    out.i64(profile->last_ms);
    out.u64(profile->session);
    out.u32(profile->linked_to);
    const Sequence all = sequence(slot);
    out.varint(all.steps.size());
    out.varint(all.session_begin);
    for (const Step& step : all.steps) {
      out.u32(step.item);
      out.u8(static_cast<uint8_t>(step.type));
      out.u8(step.origin);
      out.i64(step.time_ms);
      out.u64(step.order);
    }
    const ProfileExtras* extras = profile->extras.load(std::memory_order_relaxed);
    out.u8(extras == nullptr ? kNoExtras : kExtras);
    if (extras == nullptr) continue;
    encode_attributes(extras->attributes, out);
    out.varint(extras->dismissed.size());
    for (size_t n = 0; n < extras->dismissed.size(); ++n) {
      out.u32(extras->dismissed[n]);
      out.u8(extras->origins[n]);
    }
    out.varint(extras->links.size());
    for (const std::string& link : extras->links) out.str(link);
  }
}

Status Profiles::load(Reader& in) {
  CHECK(slots_.size() == 0);  // Into fresh profiles only.
  evicted_ = in.u64();
  const uint64_t count = in.varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto slot = static_cast<ShopperSlot>(i);
    slots_.grow(i + 1);
    if (in.u8() == 0) {
      free_.push_back(slot);
      continue;
    }
    auto* profile = new Profile;
    slots_[slot].store(profile, std::memory_order_release);
    profile->id = in.str();
    profile->key = hash_bytes(profile->id);
    profile->last_ms = in.i64();
    profile->session = in.u64();
    profile->linked_to = in.u32();
    index_.insert(profile->key, slot);
    bytes_ += sizeof(Profile) + profile->id.capacity();
    live_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t steps = in.varint(), session_begin = in.varint();
    if (steps > config_.steps_max || session_begin > steps) in.fail();
    std::vector<Step> list(in.ok() ? steps : 0);
    for (Step& step : list) {
      step.item = in.u32();
      step.type = static_cast<EventType>(in.u8());
      step.origin = in.u8();
      step.time_ms = in.i64();
      step.order = in.u64();
    }
    replace_steps(*profile, std::move(list), session_begin);
    const uint8_t form = in.u8();
    if (form == kNoExtras) continue;
    if (form > kExtras) in.fail();
    ProfileExtras extras;
    if (!decode_attributes(in, extras.attributes)) break;
    const uint64_t dismissed = in.varint();
    for (uint64_t n = 0; n < dismissed && in.ok(); ++n) {
      extras.dismissed.push_back(in.u32());
      extras.origins.push_back(form == kExtrasWithoutOrigins ? 0 : in.u8());
    }
    const uint64_t links = in.varint();
    if (links > kPlacesMax) in.fail();
    for (uint64_t n = 0; n < links && in.ok(); ++n) extras.links.emplace_back(in.str());
    replace_extras(*profile, std::move(extras));
  }
  if (!in.ok()) return corrupt("profiles section: ends too early or is malformed");
  std::sort(free_.begin(), free_.end(), std::greater<>());
  tidy_links();  // Earlier versions left links to profiles that had gone.
  return {};
}

}  // namespace freshet
