// Pages, and clicks on them, that are learned later or not at all: while answers are in doubt nobody knows
// yet whether they are a program's. In the order in which they came. Threads: one. Memory: about 1 KB an
// entry.
#pragma once

#include <algorithm>
#include <deque>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "sample/joiner.h"

namespace freshet {

class PagesInDoubt {
 public:
  static constexpr size_t kMax = 2000;  // Then the oldest is learned after all.
  static constexpr uint32_t kShown = UINT32_MAX;
  struct One {
    ShownPage page;           // What the click model reads of it.
    uint32_t place = kShown;  // That was clicked; kShown: the page was shown.
  };

  bool empty() const { return waiting_.empty(); }
  bool full() const { return waiting_.size() > kMax; }
  void add(const ShownPage& page, uint32_t place) {
    waiting_.push_back({page, place});
    bytes_ += bytes_of(waiting_.back());
  }
  One take() {
    One out = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= bytes_of(out);
    return out;
  }
  void clear() {
    waiting_.clear();
    bytes_ = 0;
  }
  // items: ascending. Their slots may mean others from now on.
  void evict(std::span<const ItemSlot> items) {
    for (One& one : waiting_)
      for (ShownPlace& place : one.page.places)
        if (std::binary_search(items.begin(), items.end(), place.item)) place.item = kNoItem;
  }
  size_t bytes() const { return bytes_; }

  void save(Writer& out) const {
    out.varint(waiting_.size());
    for (const One& one : waiting_) {
      out.u32(one.place);
      out.u32(one.page.from);
      out.u8(static_cast<uint8_t>(one.page.exchanged));
      out.str(one.page.query);
      out.str(one.page.features);
      out.varint(one.page.places.size());
      for (const ShownPlace& place : one.page.places) {
        out.u32(place.item);
        out.f32(place.propensity);
      }
    }
  }
  Status load(Reader& in) {
    clear();
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      One one;
      one.place = in.u32();
      one.page.search = true;
      one.page.from = in.u32();
      one.page.exchanged = static_cast<int8_t>(in.u8());
      one.page.query = in.str();
      one.page.features = in.str();
      const uint64_t places = in.varint();
      if (places > in.remaining()) return corrupt("clicks: a page in doubt cut short");
      one.page.places.resize(places);
      for (ShownPlace& place : one.page.places) {
        place.item = in.u32();
        place.propensity = in.f32();
      }
      if (one.place != kShown && one.place >= places) return corrupt("clicks: a click beyond its page");
      waiting_.push_back(std::move(one));
      bytes_ += bytes_of(waiting_.back());
    }
    return in.ok() ? Status() : Status(corrupt("clicks: pages in doubt cut short"));
  }

 private:
  static size_t bytes_of(const One& one) { return sizeof one + one.page.bytes(); }

  std::deque<One> waiting_;
  size_t bytes_ = 0;
};

}  // namespace freshet
