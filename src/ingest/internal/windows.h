// Bounded memories of the cleaner: ids seen lately, shoppers that are too fast, sources that send too much.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/time.h"

namespace freshet {

// The last `window` keys. Open addressing with linear probing at a load of at most one half, and a ring that
// says which key is the oldest. 24 bytes a key.
class DuplicateWindow {
 public:
  explicit DuplicateWindow(size_t window) : ring_(window) {
    if (window == 0) return;
    size_t slots = 4;
    while (slots < 2 * window) slots *= 2;
    slots_.resize(slots);
  }

  bool contains(uint64_t key) const {
    if (ring_.empty()) return false;
    key = key == 0 ? 1 : key;
    for (size_t at = home(key); slots_[at] != 0; at = next(at))
      if (slots_[at] == key) return true;
    return false;
  }
  // False: known already.
  bool insert(uint64_t key) {
    if (ring_.empty()) return true;
    key = key == 0 ? 1 : key;
    size_t at = home(key);
    for (; slots_[at] != 0; at = next(at))
      if (slots_[at] == key) return false;
    slots_[at] = key;
    if (ring_[head_] != 0) erase(ring_[head_]);
    ring_[head_] = key;
    head_ = head_ + 1 == ring_.size() ? 0 : head_ + 1;
    if (pending_ < ring_.size()) ++pending_;
    return true;
  }
  void keep() { pending_ = 0; }
  // Forgets the keys inserted since keep(). What they pushed out stays forgotten.
  void take_back() {
    for (; pending_ > 0; --pending_) {
      head_ = head_ == 0 ? ring_.size() - 1 : head_ - 1;
      erase(ring_[head_]);
      ring_[head_] = 0;
    }
  }
  size_t bytes() const { return (ring_.capacity() + slots_.capacity()) * sizeof(uint64_t); }

 private:
  size_t home(uint64_t key) const { return key & (slots_.size() - 1); }
  size_t next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  // Closes the gap, so that no probe ends too early (Knuth, TAOCP 6.4, algorithm R).
  void erase(uint64_t key) {
    size_t gap = home(key);
    for (; slots_[gap] != key; gap = next(gap))
      if (slots_[gap] == 0) return;
    for (size_t at = next(gap); slots_[at] != 0; at = next(at)) {
      const size_t want = home(slots_[at]);
      const bool stays = gap <= at ? (gap < want && want <= at) : (gap < want || want <= at);
      if (stays) continue;
      slots_[gap] = slots_[at];
      gap = at;
    }
    slots_[gap] = 0;
  }

  std::vector<uint64_t> ring_;
  std::vector<uint64_t> slots_;
  size_t head_ = 0;
  size_t pending_ = 0;
};

// Counts item events and distinct items of a shopper within a window of event time. Distinct items by linear
// counting in 64 bits (Whang et al. 1990): enough to tell 120 different items from the same ten again.
class RobotWatch {
 public:
  RobotWatch(size_t shoppers, uint32_t events, TimeMs window_ms, double distinct_share)
      : entries_(shoppers), events_(events), window_ms_(window_ms), distinct_share_(distinct_share) {}

  bool is_robot(uint64_t shopper, uint64_t item, TimeMs time) {
    if (entries_.empty()) return false;
    Entry& entry = entries_[shopper % entries_.size()];
    const bool old = time - entry.begin >= window_ms_ || time < entry.begin - window_ms_;
    if (entry.shopper != shopper) {
      if (!old && entry.count > 1) {
        --entry.count;
        return false;
      }
      entry = Entry{shopper, time, 0, 0, false};
    } else if (old) {
      entry = Entry{shopper, time, 0, 0, false};
    }
    ++entry.count;
    entry.items |= 1ull << (item & 63);
    if (!entry.robot && entry.count >= events_)
      entry.robot = distinct(entry) >= distinct_share_ * entry.count;
    return entry.robot;
  }
  size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    uint64_t shopper = 0;
    TimeMs begin = 0;
    uint64_t items = 0;  // Bit of each item's hash.
    uint32_t count = 0;
    bool robot = false;
  };
  static double distinct(const Entry& entry) {
    const int zeros = 64 - __builtin_popcountll(entry.items);
    return zeros == 0 ? 1e9 : 64 * std::log(64.0 / zeros);
  }

  std::vector<Entry> entries_;
  const uint32_t events_;
  const TimeMs window_ms_;
  const double distinct_share_;
};

// Token buckets, one a source. Sources beyond kSourcesMax share one.
class Quotas {
 public:
  Quotas(double per_second, double burst) : per_ms_(per_second / 1000), burst_(burst) {}

  bool take(std::string_view source, TimeMs now) {
    if (per_ms_ <= 0) return true;
    Bucket& bucket = bucket_of(source);
    if (bucket.at == kUnset) bucket = {burst_, now};
    if (now > bucket.at) {
      bucket.tokens = std::min(burst_, bucket.tokens + static_cast<double>(now - bucket.at) * per_ms_);
      bucket.at = now;
    }
    if (bucket.tokens < 1) {
      retry_after_ms_ = static_cast<TimeMs>(std::ceil((1 - bucket.tokens) / per_ms_));
      return false;
    }
    bucket.tokens -= 1;
    return true;
  }
  TimeMs retry_after_ms() const { return retry_after_ms_; }

 private:
  static constexpr size_t kSourcesMax = 10'000;
  static constexpr TimeMs kUnset = INT64_MIN;
  struct Bucket {
    double tokens = 0;
    TimeMs at = kUnset;
  };
  Bucket& bucket_of(std::string_view source) {
    name_.assign(source);
    const auto found = buckets_.find(name_);
    if (found != buckets_.end()) return found->second;
    return buckets_.size() < kSourcesMax ? buckets_[name_] : rest_;
  }

  const double per_ms_;
  const double burst_;
  std::string name_;
  std::unordered_map<std::string, Bucket> buckets_;
  Bucket rest_;
  TimeMs retry_after_ms_ = 0;
};

}  // namespace freshet
