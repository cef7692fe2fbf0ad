// Who is whom. An identity points at the one it was linked to, and so on up to the root, whose profile has
// the steps of all. The root lists them all, so that nobody has to be searched for.
#include <algorithm>

#include "base/hash.h"
#include "feature/internal/profile.h"

namespace freshet {
namespace {

// The place of one more, counted from 1.
uint8_t place_for(std::vector<std::string>& links, const std::string& id) {
  auto place = std::find(links.begin(), links.end(), "");
  if (place == links.end()) place = links.insert(place, id);
  *place = id;
  return static_cast<uint8_t>(place - links.begin() + 1);
}

void trim(std::vector<std::string>& links) {
  while (!links.empty() && links.back().empty()) links.pop_back();
}

}  // namespace

void ProfileExtras::dismiss(ItemSlot item, uint8_t origin, size_t most) {
  forget([&](ItemSlot i, uint8_t o) { return i == item && o == origin; });
  if (dismissed.size() >= most) {
    dismissed.erase(dismissed.begin());
    origins.erase(origins.begin());
  }
  dismissed.push_back(item);
  origins.push_back(origin);
}

template <class Visit>
void Profiles::each_linked(ShopperSlot root, Visit&& visit) const {
  const Profile* profile = at(root);
  const ProfileExtras* extras =
      profile == nullptr ? nullptr : profile->extras.load(std::memory_order_acquire);
  if (extras == nullptr) return;
  for (const std::string& id : extras->links) {
    const ShopperSlot slot = id.empty() ? kNoShopper : slot_of(id);
    if (slot != kNoShopper && slot != root && resolve(slot) == root) visit(slot);
  }
}

void Profiles::identities(std::string_view id, std::vector<uint64_t>& out) const {
  out.assign(1, hash_bytes(id));
  const ShopperSlot whole = find(id);
  const Profile* root = whole == kNoShopper ? nullptr : at(whole);
  if (root == nullptr) return;
  const auto add = [&](uint64_t key) {
    if (out.size() < kIdentities && std::find(out.begin(), out.end(), key) == out.end()) out.push_back(key);
  };
  add(root->key);
  each_linked(whole, [&](ShopperSlot slot) {
    if (const Profile* linked = at(slot)) add(linked->key);
  });
}

std::vector<std::string> Profiles::all_of(std::string_view id) const {
  std::vector<std::string> all = {std::string(id)};
  const ShopperSlot root = find(id);
  if (root == kNoShopper) return all;
  const auto add = [&](ShopperSlot slot) {
    if (at(slot)->id != id) all.push_back(at(slot)->id);
  };
  add(root);
  each_linked(root, add);
  return all;
}

void Profiles::erase(const Event& event) {
  if (event.user.empty()) return;
  const std::vector<std::string> all = all_of(event.user);
  for (const std::string& id : all)
    if (const ShopperSlot slot = slot_of(id); slot != kNoShopper) remove(slot);
  if (on_erase_) on_erase_(event.user, all);
}

uint8_t Profiles::origin_of(const Profile& root, std::string_view id) const {
  const ProfileExtras* extras = root.extras.load(std::memory_order_relaxed);
  if (extras == nullptr) return 0;
  const auto place = std::find(extras->links.begin(), extras->links.end(), id);
  return place == extras->links.end() ? uint8_t{0} : static_cast<uint8_t>(place - extras->links.begin() + 1);
}

// For `from` and what is linked to it among what is linked to `to`.
void Profiles::make_room(ShopperSlot to, ShopperSlot from) {
  for (;;) {
    size_t count = 1;
    ShopperSlot oldest = kNoShopper;
    const auto look = [&](ShopperSlot slot) {
      ++count;
      if (oldest == kNoShopper || last_ms(slot) < last_ms(oldest)) oldest = slot;
    };
    each_linked(to, look);
    each_linked(from, look);
    if (count <= config_.links_max || oldest == kNoShopper) return;
    give_way(oldest);
  }
}

// Its steps become the root's own, what is linked to it is linked to what it was linked to.
void Profiles::give_way(ShopperSlot slot) {
  const ShopperSlot root = resolve(slot), above = at(slot)->linked_to.load(std::memory_order_relaxed);
  each_linked(root, [&](ShopperSlot other) {
    if (at(other)->linked_to.load(std::memory_order_relaxed) == slot)
      at(other)->linked_to.store(above, std::memory_order_release);
  });
  release(root, at(slot)->id);
  remove(slot);
}

// The place of this id is free; steps that came with it are the root's own.
void Profiles::release(ShopperSlot root, std::string_view id) {
  Profile& profile = *at(root);
  const uint8_t origin = origin_of(profile, id);
  if (origin == 0) return;
  const Sequence all = sequence(root);
  std::vector<Step> steps(all.steps.begin(), all.steps.end());
  for (Step& step : steps)
    if (step.origin == origin) step.origin = 0;
  replace_steps(profile, std::move(steps), all.session_begin);
  ProfileExtras extras = *profile.extras.load(std::memory_order_relaxed);
  for (uint8_t& of : extras.origins)
    if (of == origin) of = 0;
  extras.links[origin - 1].clear();
  trim(extras.links);
  replace_extras(profile, std::move(extras));
}

// Its identities and itself get places in `known`: what of the origins of its steps become.
Profiles::Origins Profiles::hand_over(Profile& anonymous, ProfileExtras& known) {
  Origins origins;
  origins.fill(place_for(known.links, anonymous.id));
  const ProfileExtras* old = anonymous.extras.load(std::memory_order_relaxed);
  if (old == nullptr) return origins;
  for (size_t n = 0; n < old->links.size(); ++n)
    if (!old->links[n].empty()) origins[n + 1] = place_for(known.links, old->links[n]);
  for (size_t i = 0; i < old->dismissed.size(); ++i)
    known.dismiss(old->dismissed[i], origins[old->origins[i]], config_.dismissed_max);
  ProfileExtras mine = *old;
  mine.links.clear();
  mine.dismissed.clear();
  mine.origins.clear();
  replace_extras(anonymous, std::move(mine));
  return origins;
}

// The reverse: `from` leaves, and what is linked to it goes along.
Profiles::Origins Profiles::take_back(ShopperSlot from, ShopperSlot root) {
  Origins origins;
  origins.fill(kStays);
  Profile& anonymous = *at(from);
  const ProfileExtras* old = anonymous.extras.load(std::memory_order_relaxed);
  ProfileExtras mine = old == nullptr ? ProfileExtras{} : *old, known;
  if (const ProfileExtras* extras = at(root)->extras.load(std::memory_order_relaxed)) known = *extras;
  for (size_t n = 0; n < known.links.size(); ++n) {
    std::string& id = known.links[n];
    ShopperSlot slot = id.empty() ? kNoShopper : slot_of(id);
    while (slot != kNoShopper && slot != from) slot = at(slot)->linked_to.load(std::memory_order_relaxed);
    if (slot != from) continue;
    origins[n + 1] = id == anonymous.id ? uint8_t{0} : place_for(mine.links, id);
    id.clear();
  }
  trim(known.links);
  for (size_t i = 0; i < known.dismissed.size(); ++i)
    if (const uint8_t origin = origins[known.origins[i]]; origin != kStays)
      mine.dismiss(known.dismissed[i], origin, config_.dismissed_max);
  known.forget([&](ItemSlot, uint8_t origin) { return origins[origin] != kStays; });
  replace_extras(*at(root), std::move(known));
  if (!mine.links.empty() || !mine.dismissed.empty()) replace_extras(anonymous, std::move(mine));
  return origins;
}

// After profiles have gone: links and places that name them go too. No more than that where all is in order.
void Profiles::tidy_links() {
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot)
    if (at(slot) != nullptr && !stands(slot))
      at(slot)->linked_to.store(kNoShopper, std::memory_order_release);
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot) {  // Earlier versions listed some further down.
    const ShopperSlot root = at(slot) == nullptr ? slot : resolve(slot);
    if (root == slot || origin_of(*at(root), at(slot)->id) != 0) continue;
    const ProfileExtras* old = at(root)->extras.load(std::memory_order_relaxed);
    ProfileExtras extras = old == nullptr ? ProfileExtras{} : *old;
    if (extras.links.size() < kPlacesMax) place_for(extras.links, at(slot)->id);
    replace_extras(*at(root), std::move(extras));
  }
  for (ShopperSlot slot = 0; slot < slots_.size(); ++slot)
    if (at(slot) != nullptr) tidy_places(slot);
}

// A slot that was freed may be another shopper's by now: a link counts if somebody above knows of it.
bool Profiles::stands(ShopperSlot slot) const {
  const ShopperSlot to = at(slot)->linked_to.load(std::memory_order_relaxed);
  if (to == kNoShopper) return true;
  const ShopperSlot root = resolve(slot);
  return at(to) != nullptr && root != slot &&
         (origin_of(*at(root), at(slot)->id) != 0 || origin_of(*at(to), at(slot)->id) != 0);
}

void Profiles::tidy_places(ShopperSlot slot) {
  Profile& profile = *at(slot);
  const ProfileExtras* extras = profile.extras.load(std::memory_order_relaxed);
  if (extras == nullptr || extras->links.empty()) return;
  const std::vector<std::string> links = extras->links;
  const bool root = resolve(slot) == slot;
  for (const std::string& id : links)
    if (!id.empty() && (!root || slot_of(id) == slot || find(id) != slot)) release(slot, id);
}

}  // namespace freshet
