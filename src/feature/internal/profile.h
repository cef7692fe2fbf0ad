// What a slot of Profiles points at.
#pragma once

#include <atomic>
#include <string>

#include "feature/profiles.h"

namespace freshet {

struct Profiles::Block {
  explicit Block(uint32_t room) : capacity(room), steps(new Step[room]) {}
  ~Block() { delete[] steps; }
  std::atomic<uint32_t> size{0};
  std::atomic<uint32_t> session_begin{0};  // Index of the first step of the current session.
  const uint32_t capacity;
  Step* const steps;
};

struct Profiles::Profile {
  ~Profile() {
    delete block.load();
    delete extras.load();
  }
  std::string id;
  uint64_t key = 0;  // hash_bytes(id)
  std::atomic<Block*> block{nullptr};
  std::atomic<const ProfileExtras*> extras{nullptr};
  std::atomic<TimeMs> last_ms{kNoTime};
  std::atomic<uint64_t> session{0};                // Hash of the current session's id; 0: none given.
  std::atomic<ShopperSlot> linked_to{kNoShopper};  // This identity is another's now.
};

template <class Which>
void ProfileExtras::forget(Which which) {
  size_t kept = 0;
  for (size_t i = 0; i < dismissed.size(); ++i) {
    if (which(dismissed[i], origins[i])) continue;
    dismissed[kept] = dismissed[i];
    origins[kept++] = origins[i];
  }
  dismissed.resize(kept);
  origins.resize(kept);
}

}  // namespace freshet
