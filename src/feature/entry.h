// The first fold: lets every event in once, and keeps the clock of the fold.
//
// An event counts once per (source, id): the last `window` ids are remembered, 16 bytes each. An id that
// comes back after more than `window` other events counts again; doors refuse events that old
// (docs/events.md). The clock is the newest time at which something happened. Doors bound how far ahead that
// may lie; a context, which may be announced at any time before it begins, does not move it.
#pragma once

#include <atomic>
#include <vector>

#include "feature/moment.h"
#include "fold/fold.h"

namespace freshet {

class Entry final : public Fold {
 public:
  Entry(Moment& moment, uint32_t window = 1u << 20);

  std::string_view name() const override { return "entry"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override { return ring_.capacity() * 8 + table_.size() * 8; }

  // Any thread.
  TimeMs now_ms() const { return now_ms_.load(std::memory_order_relaxed); }
  uint64_t duplicates() const { return duplicates_.load(std::memory_order_relaxed); }
  uint64_t counted() const { return counted_.load(std::memory_order_relaxed); }

 private:
  bool remember(uint64_t key);  // false: it was there
  void put(uint64_t key);
  void remove(uint64_t key);
  void grow();

  Moment& moment_;
  const uint32_t window_;
  std::vector<uint64_t> ring_;   // The last keys, in a ring once `window_` are there.
  size_t at_ = 0;                // Oldest key of the full ring.
  std::vector<uint64_t> table_;  // Open addressing over the ring's keys; 0: free.
  std::atomic<TimeMs> now_ms_{0};
  std::atomic<uint64_t> duplicates_{0};
  std::atomic<uint64_t> counted_{0};
};

// Key of an event: what idempotence and every random draw go by. An event without an id has one from its
// content.
uint64_t event_key(const Event& event);

}  // namespace freshet
