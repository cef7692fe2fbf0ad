#include "rank/memory.h"

#include <algorithm>
#include <bit>

#include "base/decay.h"

namespace freshet {
namespace {

uint32_t tag_of(uint64_t key) {
  return std::max<uint32_t>(1, static_cast<uint32_t>(key));
}
uint32_t hour_of(TimeMs time) {
  return static_cast<uint32_t>(std::max<TimeMs>(0, time) / kHourMs);
}

}  // namespace

float RankMemory::left_after(uint32_t hours) const {
  return static_cast<float>(decayed(static_cast<double>(hours) / static_cast<double>(half_life_)));
}

RankMemory::Counts RankMemory::decayed_to(const Cell& cell, uint32_t hour) const {
  const auto head = std::bit_cast<Head>(cell.head.load(std::memory_order_relaxed));
  auto counts = std::bit_cast<Counts>(cell.counts.load(std::memory_order_relaxed));
  if (hour > head.hour) {
    const float left = left_after(hour - head.hour);
    counts.a *= left;
    counts.b *= left;
  }
  return counts;
}

RankMemory::Counts RankMemory::read(uint64_t key, TimeMs now_ms) const {
  const Cell* cells = cells_.load(std::memory_order_acquire);
  if (cells == nullptr) return {};
  const size_t at = home(key);
  for (const size_t i : {at, at + 1})
    if (std::bit_cast<Head>(cells[i].head.load(std::memory_order_relaxed)).tag == tag_of(key))
      return decayed_to(cells[i], hour_of(now_ms));
  return {};
}

void RankMemory::add(uint64_t key, float a, float b, TimeMs now_ms) {
  Cell* cells = cells_.load(std::memory_order_relaxed);
  if (cells == nullptr) {
    cells = new Cell[size_t{1} << bits_];
    cells_.store(cells, std::memory_order_release);
  }
  const size_t first = home(key);
  const auto head = [&](size_t i) {
    return std::bit_cast<Head>(cells[i].head.load(std::memory_order_relaxed));
  };
  const uint32_t tag = tag_of(key), hour = hour_of(now_ms);
  size_t at = first;
  if (head(first).tag != tag && head(first).tag != 0)
    if (const Head other = head(first + 1);
        other.tag == tag || other.tag == 0 || other.hour < head(first).hour)
      at = first + 1;
  Counts counts;
  uint32_t stands = hour;
  float left = 1;
  if (head(at).tag == tag) {
    counts = decayed_to(cells[at], hour);
    stands = std::max(stands, head(at).hour);
    left = left_after(stands - hour);
  }
  counts.a = std::max(counts.a + left * a, 0.0f);
  counts.b = std::max(counts.b + left * b, 0.0f);
  cells[at].counts.store(std::bit_cast<uint64_t>(counts), std::memory_order_relaxed);
  cells[at].head.store(std::bit_cast<uint64_t>(Head{tag, stands}), std::memory_order_relaxed);
}

void RankMemory::save(Writer& out) const {
  const Cell* cells = cells_.load(std::memory_order_relaxed);
  size_t live = 0;
  const size_t size = cells == nullptr ? 0 : size_t{1} << bits_;
  for (size_t i = 0; i < size; ++i) live += cells[i].head.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  out.varint(live);
  size_t last = 0;
  for (size_t i = 0; i < size; ++i) {
    if (cells[i].head.load(std::memory_order_relaxed) == 0) continue;
    out.varint(i - last);
    last = i;
    out.u64(cells[i].head.load(std::memory_order_relaxed));
    out.u64(cells[i].counts.load(std::memory_order_relaxed));
  }
}

Status RankMemory::load(Reader& in) {
  delete[] cells_.exchange(nullptr);
  const uint64_t live = in.varint();
  if (live == 0) return {};
  const size_t size = size_t{1} << bits_;
  Cell* cells = new Cell[size];
  cells_.store(cells);
  size_t at = 0;
  for (uint64_t n = 0; n < live && in.ok(); ++n) {
    at += in.varint();
    if (at >= size) return corrupt("ranker: a count outside its table");
    cells[at].head.store(in.u64());
    cells[at].counts.store(in.u64());
  }
  return in.ok() ? Status() : Status(corrupt("ranker: counts cut short"));
}

}  // namespace freshet
