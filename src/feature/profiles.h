// Shoppers: id <-> slot, the bounded sequence of their steps, session, attributes, dismissals, linked
// identities.
//
// A shopper is known by user id, or by session id while anonymous. Steps are the positive item actions in log
// order. A session ends with a new session id, or after `session_gap_ms` without a step.
//
// identity-link moves the anonymous profile's steps into the known one (merged by time, marked with their
// origin), and what it dismissed; from then on events of the anonymous id go to the known profile. What had
// been linked to the anonymous one goes along. identity-unlink moves it, what is linked to it, and their
// steps and dismissals back. A profile has at most `links_max` identities: the one that was idle longest
// gives way, its steps stay. erase-user removes all that is linked, whichever of the ids it names, and every
// step.
//
// At `shoppers_max` the least valuable sixteenth is evicted: value is the time of the last step plus an hour
// for each step kept (at most 32), of a linked identity those of the profile it belongs to.
//
// Threads: fold thread writes; find(), view() and the like on any thread under an EpochGuard, and what they
// return lives as long as that guard. Steps are appended behind the published size, so a reader never sees
// half a step. Cost: about 250 bytes a shopper plus 24 bytes a step kept (at most 2 x steps_max of them while
// a block fills).
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stable_array.h"
#include "feature/id_index.h"
#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

struct ProfilesConfig {
  uint32_t shoppers_max = 4'000'000;
  uint32_t steps_max = 256;
  TimeMs session_gap_ms = 30 * kMinuteMs;
  uint32_t dismissed_max = 64;
  uint32_t links_max = 16;  // Below kPlacesMax.
};

// What changes seldom, as published: immutable.
struct ProfileExtras {
  std::vector<Attribute> attributes;  // from user upserts, sorted by name
  std::vector<ItemSlot> dismissed;    // newest last; once for each origin
  std::vector<uint8_t> origins;       // of what was dismissed, as of steps
  // Ids linked into this profile, directly or through another; "": a free place. Steps with origin n came
  // with links[n-1]. Of a profile that is itself linked: empty.
  std::vector<std::string> links;
  void dismiss(ItemSlot item, uint8_t origin, size_t most);
  template <class Which>
  void forget(Which which);  // Dismissals for which which(item, origin): feature/internal/profile.h.
};

using ShopperSlot = uint32_t;
constexpr ShopperSlot kNoShopper = IdIndex::kNone;

class Profiles final : public Fold {
 public:
  Profiles(Moment& moment, ProfilesConfig config = {});
  ~Profiles() override;

  std::string_view name() const override { return "profiles"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override { return bytes_ + index_.bytes() + 8 * slots_.size(); }

  // Called by erase-user with its id, and with all that was one with it (that id first). Set once, before
  // the first event.
  using Erased = std::function<void(const std::string& id, const std::vector<std::string>& all)>;
  void on_erase(Erased listener) { on_erase_ = std::move(listener); }
  // Fold thread. All ids that are one with this, itself first.
  std::vector<std::string> all_of(std::string_view id) const;

  // Fold thread: forgets the steps and dismissals that name these items (ascending).
  void evict_items(std::span<const ItemSlot> items);

  // Any thread, under an EpochGuard.
  ShopperSlot find(std::string_view id) const;             // Follows a link. kNoShopper: not known
  Sequence sequence(ShopperSlot shopper) const;            // Empty for kNoShopper
  const ProfileExtras* extras(ShopperSlot shopper) const;  // nullptr: none
  std::string_view id(ShopperSlot shopper) const;
  TimeMs last_ms(ShopperSlot shopper) const;
  // The sequence as it stands for the shopper that `event` names: where its session boundary falls is decided
  // by the event (a new session id or a long pause begin a new session).
  Sequence before(const Event& event, TimeMs time_ms) const;

  // Hashes of the ids whose events go to the same profile as those of `id`, itself first; at most
  // kIdentities.
  static constexpr size_t kIdentities = 64;
  void identities(std::string_view id, std::vector<uint64_t>& out) const;

  size_t shoppers() const { return live_.load(std::memory_order_relaxed); }
  uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  static std::string_view shopper_id(const Event& event) {
    return event.user.empty() ? event.session : event.user;
  }

 private:
  struct Block;  // Steps with their published size.
  struct Profile;

  Profile* at(ShopperSlot slot) const;
  ShopperSlot slot_of(std::string_view id) const;  // Without following a link.
  ShopperSlot slot_for(std::string_view id, TimeMs time_ms);
  ShopperSlot resolve(ShopperSlot slot) const;
  bool new_session(const Profile& profile, const Event& event, TimeMs time_ms) const;
  void append(Profile& profile, const Step& step, bool new_session);
  void replace_steps(Profile& profile, std::vector<Step> steps, size_t session_begin);
  void replace_extras(Profile& profile, ProfileExtras next);
  // identities.cc
  static constexpr size_t kPlacesMax = 254;
  static constexpr uint8_t kStays = 255;
  using Origins = std::array<uint8_t, 256>;  // [old] = new
  template <class Visit>
  void each_linked(ShopperSlot root, Visit&& visit) const;
  uint8_t origin_of(const Profile& root, std::string_view id) const;
  void make_room(ShopperSlot to, ShopperSlot from);
  void give_way(ShopperSlot slot);
  void release(ShopperSlot root, std::string_view id);
  Origins hand_over(Profile& anonymous, ProfileExtras& known);
  Origins take_back(ShopperSlot from, ShopperSlot root);
  void tidy_links();
  bool stands(ShopperSlot slot) const;
  void tidy_places(ShopperSlot slot);

  void link(const Event& event);
  void unlink(const Event& event);
  void upsert(const Event& event);
  void dismiss(const Event& event);
  void erase(const Event& event);
  void forget(ShopperSlot slot);
  void remove(ShopperSlot slot);
  void evict();

  Moment& moment_;
  const ProfilesConfig config_;
  StableArray<std::atomic<Profile*>> slots_;
  IdIndex index_;
  std::vector<ShopperSlot> free_;  // Descending.
  std::atomic<size_t> live_{0};
  std::atomic<uint64_t> evicted_{0};
  size_t bytes_ = 0;
  Erased on_erase_;
  RetireList retired_;
};

}  // namespace freshet
