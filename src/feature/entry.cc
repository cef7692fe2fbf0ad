#include "feature/entry.h"

#include <algorithm>

#include "base/hash.h"
#include "event/codec.h"

namespace freshet {

uint64_t event_key(const Event& event) {
  uint64_t key;
  if (!event.id.empty()) {
    key = hash_bytes(event.id, hash_bytes(event.source));
  } else {
    Writer bytes;
    encode_event(event, bytes);
    key = hash_bytes(bytes.bytes());
  }
  return key == 0 ? 1 : key;  // 0 marks a free place.
}

Entry::Entry(Moment& moment, uint32_t window) : moment_(moment), window_(window), table_(1024) {}

void Entry::apply(Offset, const Event& event) {
  moment_ = Moment{};
  moment_.now_ms = now_ms();
  if (event.type == EventType::kErased) return;
  moment_.key = event_key(event);
  if (window_ > 0 && !remember(moment_.key)) {
    duplicates_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  moment_.skip = false;
  moment_.time_ms = event.time_ms == kNoTime ? moment_.now_ms : event.time_ms;
  // A context says what will hold: its time may lie ahead, and nothing has happened at it yet.
  if (event.type != EventType::kContext) moment_.now_ms = std::max(moment_.now_ms, moment_.time_ms);
  now_ms_.store(moment_.now_ms, std::memory_order_relaxed);
  counted_.fetch_add(1, std::memory_order_relaxed);
}

bool Entry::remember(uint64_t key) {
  const size_t mask = table_.size() - 1;
  for (size_t at = mix64(key) & mask; table_[at] != 0; at = (at + 1) & mask)
    if (table_[at] == key) return false;
  if (ring_.size() < window_) {
    ring_.push_back(key);
    if (ring_.size() * 2 > table_.size()) grow();
  } else {
    remove(ring_[at_]);
    ring_[at_] = key;
    at_ = (at_ + 1) % window_;
  }
  put(key);
  return true;
}

void Entry::put(uint64_t key) {
  const size_t mask = table_.size() - 1;
  size_t at = mix64(key) & mask;
  while (table_[at] != 0) at = (at + 1) & mask;
  table_[at] = key;
}

// Closes the gap instead of leaving a mark, so that the table never fills with marks (Knuth, volume 3, 6.4
// R).
void Entry::remove(uint64_t key) {
  const size_t mask = table_.size() - 1;
  size_t hole = mix64(key) & mask;
  while (table_[hole] != key) hole = (hole + 1) & mask;
  for (size_t at = (hole + 1) & mask; table_[at] != 0; at = (at + 1) & mask) {
    const size_t home = mix64(table_[at]) & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      table_[hole] = table_[at];
      hole = at;
    }
  }
  table_[hole] = 0;
}

void Entry::grow() {
  table_.assign(table_.size() * 4, 0);
  for (size_t i = 0; i + 1 < ring_.size(); ++i) put(ring_[i]);  // The newest is put by the caller.
}

void Entry::save(Writer& out) const {
  out.i64(now_ms());
  out.u64(duplicates());
  out.u64(counted());
  out.varint(ring_.size());
  for (size_t i = 0; i < ring_.size(); ++i) out.u64(ring_[(at_ + i) % ring_.size()]);  // Oldest first.
}

Status Entry::load(Reader& in) {
  now_ms_ = in.i64();
  duplicates_ = in.u64();
  counted_ = in.u64();
  const uint64_t count = in.varint();
  if (count > window_) return corrupt("entry section: more ids than the configured window");
  for (uint64_t i = 0; i < count && in.ok(); ++i) remember(in.u64());
  if (!in.ok()) return corrupt("entry section: ends too early");
  return {};
}

}  // namespace freshet
