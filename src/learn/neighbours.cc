#include "learn/neighbours.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/hash.h"

namespace freshet {
namespace {

constexpr float kShrink = 30;
constexpr float kCountMost = 1e6f;  // Beyond 2^24 a float counts no more.
constexpr size_t kRow = 1 + 2 * Neighbours::kRemembered;

uint64_t pair_of(uint32_t a, uint32_t b) {
  return mix64((uint64_t{std::min(a, b)} << 32) | std::max(a, b));
}

uint32_t short_key(uint64_t what) {
  return static_cast<uint32_t>(mix64(what, 11));
}

uint32_t remembered(const float* row, size_t i) {
  uint32_t what = 0;
  std::memcpy(&what, row + 1 + 2 * i, sizeof what);
  return what;
}

}  // namespace

Neighbours::Neighbours(uint32_t bits, size_t bytes_max)
    : cells_(size_t{1} << bits),
      history_({.dim = kRow, .optimizer = {.kind = Optimizer::kSgd}, .bytes_max = bytes_max, .init = 0}) {}

const Neighbours::Cell* Neighbours::find(uint64_t pair) const {
  const Cell* set = &cells_[set_of(pair)];
  const auto tag = static_cast<uint16_t>(pair >> 48);
  for (size_t i = 0; i < kSet; ++i)
    if (set[i].tag == tag && set[i].n > 0) return set + i;
  return nullptr;
}

void Neighbours::add(uint64_t pair, float product) {
  Cell* cell = const_cast<Cell*>(find(pair));  // NOLINT: ours
  if (cell == nullptr) {
    Cell* set = &cells_[set_of(pair)];
    cell = std::min_element(set, set + kSet, [](const Cell& a, const Cell& b) { return a.n < b.n; });
    if (cell->n > 1) {  // Counted more than once: fades before it goes.
      --cell->n;
      cell->sum *= static_cast<float>(cell->n) / static_cast<float>(cell->n + 1);
      return;
    }
    *cell = {.tag = static_cast<uint16_t>(pair >> 48)};
  }
  if (cell->n < 1000) {
    ++cell->n;
  } else {
    cell->sum *= 0.999f;
  }
  cell->sum += product;
}

Neighbours::Evidence Neighbours::evidence(uint64_t who, uint64_t what) const {
  Evidence out;
  const uint32_t at = history_.find(who);
  if (at == EmbeddingTable::kNone) return out;
  const float* row = history_.row(at);
  const size_t count = std::min(static_cast<size_t>(row[0]), kRemembered);
  const uint32_t me = short_key(what);
  uint64_t pairs[kRemembered];
  for (size_t i = 0; i < count; ++i) {
    pairs[i] = pair_of(me, remembered(row, i));
    __builtin_prefetch(&cells_[set_of(pairs[i])]);
  }
  for (size_t i = 0; i < count; ++i) {
    const Cell* cell = find(pairs[i]);
    if (cell == nullptr || remembered(row, i) == me) continue;
    const float similarity = cell->sum / (static_cast<float>(cell->n) + kShrink);
    out.sum += similarity * row[2 + 2 * i];
    out.weight += std::fabs(similarity);
  }
  return out;
}

void Neighbours::learn(uint64_t who, uint64_t what, float difference) {
  const uint32_t at = history_.touch(who);
  if (at == EmbeddingTable::kNone) return;
  float* row = history_.row(at);
  const size_t count = std::min(static_cast<size_t>(row[0]), kRemembered);
  const uint32_t me = short_key(what);
  uint64_t pairs[kRemembered];
  for (size_t i = 0; i < count; ++i) {
    pairs[i] = pair_of(me, remembered(row, i));
    __builtin_prefetch(&cells_[set_of(pairs[i])], 1);
  }
  for (size_t i = 0; i < count; ++i)
    if (remembered(row, i) != me) add(pairs[i], difference * row[2 + 2 * i]);
  const size_t place = static_cast<size_t>(row[0]) % kRemembered;
  std::memcpy(row + 1 + 2 * place, &me, sizeof me);
  row[2 + 2 * place] = difference;
  row[0] = row[0] + 1 < kCountMost ? row[0] + 1 : row[0] + 1 - 2048 * kRemembered;
}

void Neighbours::save(Writer& out) const {
  uint64_t used = 0;
  for (const Cell& cell : cells_) used += cell.n > 0 ? 1 : 0;
  out.varint(used);
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i].n == 0) continue;
    out.u32(static_cast<uint32_t>(i));
    out.raw(cells_[i]);
  }
  history_.save(out);
}

void Neighbours::load(Reader& in) {
  std::fill(cells_.begin(), cells_.end(), Cell{});
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const uint32_t i = in.u32();
    if (i >= cells_.size()) return in.fail();
    cells_[i] = in.raw<Cell>();
  }
  history_.load(in);
}

}  // namespace freshet
