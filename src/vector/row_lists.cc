#include "vector/internal/row_lists.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "env/memory.h"
#include "model/math.h"
#include "vector/internal/best.h"

namespace freshet {
namespace {

constexpr int kRounds = 8;  // of k-means; more move the answer's recall by less than a tenth of a percent
constexpr uint32_t kAtOnce = 1024;  // Rows of a list scored in one call.

const RowKernels& scan() {
  return row_kernels(RowType::kInt8);
}

}  // namespace

struct RowLists::List {
  List(uint32_t room_, uint32_t stride)
      : room(room_),
        live((room_ + 63) / 64),
        slots(room_),
        scale(room_),
        rows(static_cast<int8_t*>(::operator new (size_t{room_} * stride, std::align_val_t(64)))) {}
  ~List() { ::operator delete(rows, std::align_val_t(64)); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool lives(uint32_t at) const { return live[at / 64].load(std::memory_order_relaxed) >> (at % 64) & 1; }
  void set_live(uint32_t at, bool yes) {
    std::atomic<uint64_t>& word = live[at / 64];
    const uint64_t bit = uint64_t{1} << (at % 64), old = word.load(std::memory_order_relaxed);
    word.store(yes ? old | bit : old & ~bit, std::memory_order_relaxed);
  }

  const uint32_t room;
  std::atomic<uint32_t> count{0};  // Rows below are never written again.
  std::vector<std::atomic<uint64_t>> live;
  std::vector<uint32_t> slots;
  std::vector<float> scale;
  int8_t* const rows;
};

RowLists::RowLists(uint32_t stride, uint32_t lists)
    : stride_(stride), centres_(size_t{lists} * stride), centre_scale_(lists), lists_(lists) {}

RowLists::~RowLists() {
  for (auto& list : lists_) delete list.load(std::memory_order_relaxed);
}

void RowLists::set_centre(uint32_t list, const float* sum) {
  int8_t* centre = &centres_[size_t{list} * stride_];
  kernels().quantize(sum, centre, stride_);
  int32_t square = 0;
  kernels().dot_int8(centre, centre, &square, 1, stride_);
  centre_scale_[list] = square > 0 ? 1 / std::sqrt(static_cast<float>(square)) : 0;
}

uint32_t RowLists::nearest_list(const int8_t* row) const {
  thread_local std::vector<uint32_t> names;
  thread_local std::vector<float> scores;
  names.resize(kAtOnce + kRowSlack);
  scores.resize(kAtOnce + kRowSlack);
  uint32_t best = 0;
  float bar = -__builtin_inff();
  for (uint32_t from = 0; from < lists(); from += kAtOnce) {
    const RowSpan span = {&centres_[size_t{from} * stride_], &centre_scale_[from],
                          std::min(kAtOnce, lists() - from), from};
    const uint32_t found = scan().above({row, stride_, 1}, span, bar, names.data(), scores.data());
    for (uint32_t i = 0; i < found; ++i)
      if (scores[i] > bar) {
        bar = scores[i];
        best = names[i];
      }
  }
  return best;
}

bool RowLists::train(const std::vector<int8_t>& rows, size_t count, const std::atomic<bool>& stop) {
  CHECK(count >= lists());
  const auto row = [&](size_t i) { return rows.data() + i * stride_; };
  std::vector<float> sums(centres_.size());
  std::vector<uint32_t> members(lists());
  for (uint32_t list = 0; list < lists(); ++list) {
    std::transform(row(list * count / lists()), row(list * count / lists()) + stride_, sums.begin(),
                   [](int8_t x) { return static_cast<float>(x); });
    set_centre(list, sums.data());
  }
  for (int round = 0; round < kRounds; ++round) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    std::fill(members.begin(), members.end(), 0u);
    for (size_t i = 0; i < count; ++i) {
      if (i % 256 == 0 && stop.load(std::memory_order_relaxed)) return false;
      int32_t square = 0;
      kernels().dot_int8(row(i), row(i), &square, 1, stride_);
      if (square == 0) continue;
      const float unit = 1 / std::sqrt(static_cast<float>(square));
      const uint32_t list = nearest_list(row(i));
      ++members[list];
      float* sum = &sums[size_t{list} * stride_];
      for (uint32_t e = 0; e < stride_; ++e) sum[e] += unit * static_cast<float>(row(i)[e]);
    }
    for (uint32_t list = 0; list < lists(); ++list) {
      float* sum = &sums[size_t{list} * stride_];
      if (members[list] == 0) {  // Nobody's centre: somewhere else, then.
        const int8_t* other = row(mix64(list, static_cast<uint64_t>(round)) % count);
        std::copy(other, other + stride_, sum);
      }
      set_centre(list, sum);
    }
  }
  return true;
}

RowLists::List* RowLists::grown(const List* from) const {
  constexpr uint32_t kLeast = 64;
  uint32_t kept = 0;
  const uint32_t count = from == nullptr ? 0 : from->count.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < count; ++i) kept += from->lives(i);
  auto* list = new List(std::max(kLeast, (kept + kept / 4 + 63) / 64 * 64), stride_);
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (!from->lives(i)) continue;
    std::memcpy(list->rows + size_t{at} * stride_, from->rows + size_t{i} * stride_, stride_);
    list->scale[at] = from->scale[i];
    list->slots[at] = from->slots[i];
    list->set_live(at++, true);
  }
  list->count.store(at, std::memory_order_relaxed);
  return list;
}

void RowLists::put(uint32_t slot, const int8_t* row, float scale) {
  const uint32_t to = nearest_list(row);
  List* list = lists_[to].load(std::memory_order_relaxed);
  if (list == nullptr || list->count.load(std::memory_order_relaxed) == list->room) {
    List* next = grown(list);
    for (uint32_t i = 0, n = next->count.load(std::memory_order_relaxed); i < n; ++i)
      places_[next->slots[i]].at = i;
    const auto room = [this](const List* l) { return l == nullptr ? 0 : l->room * (size_t{stride_} + 9); };
    bytes_.store(bytes() + room(next) - room(list), std::memory_order_relaxed);
    lists_[to].store(next, std::memory_order_release);
    retired_.retire(list);
    list = next;
  }
  if (slot >= places_.size()) places_.resize(slot + 1 + slot / 4);
  const Place before = places_[slot];
  const uint32_t at = list->count.load(std::memory_order_relaxed);
  std::memcpy(list->rows + size_t{at} * stride_, row, stride_);
  list->scale[at] = scale;
  list->slots[at] = slot;
  list->set_live(at, true);
  list->count.store(at + 1, std::memory_order_release);
  places_[slot] = {to, at};
  if (before.list != UINT32_MAX) {
    lists_[before.list].load(std::memory_order_relaxed)->set_live(before.at, false);
  } else {
    rows_.store(rows() + 1, std::memory_order_relaxed);
  }
}

void RowLists::remove(uint32_t slot) {
  if (list_of(slot) == UINT32_MAX) return;
  lists_[places_[slot].list].load(std::memory_order_relaxed)->set_live(places_[slot].at, false);
  places_[slot] = {};
  rows_.store(rows() - 1, std::memory_order_relaxed);
}

uint32_t RowLists::list_of(uint32_t slot) const {
  return slot < places_.size() ? places_[slot].list : UINT32_MAX;
}

void RowLists::nearest_lists(const RowQuery& query, uint32_t probes, std::vector<VectorHit>& out) const {
  Best best(std::min(probes, lists()), kAtOnce);
  for (uint32_t from = 0; from < lists(); from += kAtOnce) {
    const RowSpan span = {&centres_[size_t{from} * stride_], &centre_scale_[from],
                          std::min(kAtOnce, lists() - from), from};
    best.added(scan().above(query, span, best.bar(), best.slots(), best.scores()));
  }
  best.finish(out);
}

RowLists::Passed RowLists::search(const RowQuery& query, uint32_t probes, const SlotSet::Probe* pass,
                                  uint32_t k, std::vector<VectorHit>& out) const {
  thread_local std::vector<VectorHit> chosen;
  nearest_lists(query, probes, chosen);
  Best best(k, kAtOnce);
  Passed seen;
  uint64_t mask[kAtOnce / 64];
  for (size_t c = 0; c < chosen.size(); ++c) {
    const List* list = lists_[chosen[c].slot].load(std::memory_order_acquire);
    const List* next =
        c + 1 < chosen.size() ? lists_[chosen[c + 1].slot].load(std::memory_order_acquire) : nullptr;
    if (list == nullptr) continue;
    const uint32_t count = list->count.load(std::memory_order_acquire);
    for (uint32_t from = 0; from < count; from += kAtOnce) {
      RowSpan span = {list->rows + size_t{from} * stride_, &list->scale[from],
                      std::min(kAtOnce, count - from), from, mask};
      for (uint32_t w = 0; w < (span.count + 63) / 64; ++w)
        mask[w] = list->live[from / 64 + w].load(std::memory_order_relaxed);
      if (from + kAtOnce < count) {
        span.next = list->rows + size_t{from + kAtOnce} * stride_;
      } else if (next != nullptr) {
        span.next = next->rows;
        span.next_scale = next->scale.data();
      }
      const uint32_t found = scan().above(query, span, best.bar(), best.slots(), best.scores());
      uint32_t kept = 0;
      for (uint32_t i = 0; i < found; ++i) {
        const uint32_t slot = list->slots[best.slots()[i]];
        if (pass != nullptr && !(*pass)(slot)) continue;
        best.scores()[kept] = best.scores()[i];
        best.slots()[kept++] = slot;
      }
      seen.asked += found;
      seen.passed += kept;
      best.added(kept);
    }
  }
  best.finish(out);
  return seen;
}

}  // namespace freshet
