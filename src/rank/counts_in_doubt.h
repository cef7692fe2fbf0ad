// What was counted of answers since nothing spoke against them: when a doubt comes it is taken out of the
// counts and waits with what follows, until it is believed or forgotten. In the order in which it came.
// Threads: one. Memory: 24 bytes an entry.
#pragma once

#include <deque>

#include "base/bytes.h"
#include "base/result.h"
#include "rank/memory.h"

namespace freshet {

class CountsInDoubt {
 public:
  static constexpr size_t kMax = size_t{1} << 16;  // Then the oldest is believed after all.

  void add(RankMemory& counts, uint64_t key, float a, float b, TimeMs now_ms) {
    if (!out_) counts.add(key, a, b, now_ms);
    since_.push_back({key, a, b, now_ms});
    if (since_.size() <= kMax) return;
    if (out_) put(counts, since_.front(), 1);
    since_.pop_front();
  }
  void doubt(RankMemory& counts) {
    if (out_) return;
    for (const One& one : since_) put(counts, one, -1);
    out_ = true;
  }
  void believe(RankMemory& counts) {
    if (out_)
      for (const One& one : since_) put(counts, one, 1);
    since_.clear();
    out_ = false;
  }
  void forget(RankMemory& counts) {
    doubt(counts);
    since_.clear();
  }

  size_t bytes() const { return since_.size() * sizeof(One); }
  void save(Writer& out) const {
    out.u8(out_ ? 1 : 0);
    out.varint(since_.size());
    for (const One& one : since_) {
      out.u64(one.key);
      out.f32(one.a);
      out.f32(one.b);
      out.i64(one.time_ms);
    }
  }
  Status load(Reader& in) {
    since_.clear();
    out_ = in.u8() != 0;
    const uint64_t size = in.varint();
    if (size > kMax) return corrupt("ranker: more counts in doubt than there may be");
    for (uint64_t n = 0; n < size && in.ok(); ++n) {
      One one;
      one.key = in.u64();
      one.a = in.f32();
      one.b = in.f32();
      one.time_ms = in.i64();
      since_.push_back(one);
    }
    return in.ok() ? Status() : Status(corrupt("ranker: counts in doubt cut short"));
  }

 private:
  struct One {
    uint64_t key = 0;
    float a = 0, b = 0;
    TimeMs time_ms = 0;
  };
  static void put(RankMemory& counts, const One& one, float sign) {
    counts.add(one.key, sign * one.a, sign * one.b, one.time_ms);
  }
  std::deque<One> since_;
  bool out_ = false;  // They are not in the counts.
};

}  // namespace freshet
