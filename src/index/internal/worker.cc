// The background of the index: full heads become segments, segments of like size are merged, the dictionary's
// sorted copy is renewed. None of it changes an answer.
#include <algorithm>

#include "index/internal/state.h"

namespace freshet {

using index::Segment;
using index::SegmentItem;
using index::View;

namespace {

constexpr size_t kMergeWidth = 8;     // So many segments of one size class become one.
constexpr double kAliveMin = 0.66;    // A segment with fewer of its items alive is written again.
constexpr uint64_t kWaitingMax = 64;  // Full heads the worker may be behind before the fold thread waits.

uint32_t size_class(const Segment& segment, uint32_t head_items) {
  uint32_t level = 0;
  for (uint64_t size = segment.items(); size > 2 * uint64_t{head_items}; size /= kMergeWidth) ++level;
  return level;
}

}  // namespace

void SearchIndex::State::next_head(uint32_t postings) {
  auto* next = new index::Head(config.head_items, std::max(postings, config.head_items * 16));
  index::Head* full = head;
  head = next;
  full->next.store(next, std::memory_order_release);
  std::unique_lock lock(mutex);
  ++full_heads;
  if (!config.background) {
    lock.unlock();
    while (seal_one()) {
    }
    while (merge_some(false)) {
    }
    if (dictionary.wants_refresh(false)) dictionary.refresh();
    return;
  }
  wake.notify_one();
  idle.wait(lock, [&] { return full_heads - heads_done < kWaitingMax; });
}

void SearchIndex::State::wait_idle() {
  std::unique_lock lock(mutex);
  if (!config.background) return;
  wake.notify_one();
  idle.wait(lock, [&] { return full_heads == heads_done && !busy && !everything; });
}

void SearchIndex::State::run_worker() {
  if (config.worker_begins) config.worker_begins();
  std::unique_lock lock(mutex);
  while (!stop) {
    wake.wait(lock, [&] { return stop || full_heads != heads_done || everything; });
    if (stop) return;
    busy = true;
    lock.unlock();
    work();
    lock.lock();
    busy = false;
    idle.notify_all();
  }
}

void SearchIndex::State::work() {
  while (true) {
    bool all = false;
    {
      const std::lock_guard lock(mutex);
      if (stop) return;
      all = everything;
    }
    if (seal_one()) {
      idle.notify_all();
      continue;
    }
    if (merge_some(all)) continue;
    if (dictionary.wants_refresh(true)) dictionary.refresh();
    const std::lock_guard lock(mutex);
    if (full_heads != heads_done) continue;
    if (all) everything = false;
    return;
  }
}

void SearchIndex::State::publish(const View* next) {
  const View* old = view.load(std::memory_order_relaxed);
  view.store(next, std::memory_order_release);
  for (const Segment* segment : old->segments)
    if (std::find(next->segments.begin(), next->segments.end(), segment) == next->segments.end())
      replaced.retire(segment);
  for (index::Head* gone = old->heads; gone != next->heads;) {
    index::Head* after = gone->next.load(std::memory_order_relaxed);
    replaced.retire(gone);
    gone = after;
  }
  replaced.retire(old);
  replaced.reclaim();
}

Segment* SearchIndex::State::build(std::vector<SegmentItem>& chosen, uint64_t removals_before) {
  std::sort(chosen.begin(), chosen.end(),
            [](const SegmentItem& a, const SegmentItem& b) { return a.slot < b.slot; });
  const index::Statistics now = statistics();
  QueryPlan plan;
  {
    const std::lock_guard lock(mutex);
    plan.scoring = scoring;
  }
  const index::CompiledPlan compiled(plan, dictionary, now);
  Segment* segment = builder.build(chosen, dictionary.size(), compiled, plan.scoring, now);
  segment->removals = removals_before;
  return segment;
}

// Makes a segment of the oldest head, if that is full.
bool SearchIndex::State::seal_one() {
  const View& old = *view.load(std::memory_order_relaxed);
  index::Head* const full = old.heads;
  index::Head* const after = full->next.load(std::memory_order_acquire);
  if (after == nullptr) return false;
  auto* next = new View(old);
  next->heads = after;
  {
    const EpochGuard guard;  // Records stay while they are read.
    const uint64_t before = removals.load(std::memory_order_acquire);
    std::vector<SegmentItem> chosen;
    for (uint32_t item = 0; item < full->items(); ++item) {
      const Record* record = table.record(full->slot(item));
      if (record != nullptr && record->version == full->version(item))
        chosen.push_back({full->slot(item), record});
    }
    if (!chosen.empty()) next->segments.push_back(build(chosen, before));
  }
  publish(next);
  if (dictionary.wants_refresh(false)) dictionary.refresh();
  const std::lock_guard lock(mutex);
  ++heads_done;
  return true;
}

double SearchIndex::State::alive_share(const Segment& segment) const {
  if (removals.load(std::memory_order_relaxed) == segment.removals) return 1;
  uint32_t alive = 0;
  for (uint32_t item = 0; item < segment.items(); ++item)
    alive += table.alive(segment.slots[item], segment.versions[item]) ? 1 : 0;
  return static_cast<double>(alive) / std::max(1u, segment.items());
}

// Merges the segments of the smallest size class that has enough of them, or rewrites one with many dead
// items. `all`: everything into one.
bool SearchIndex::State::merge_some(bool all) {
  const View& old = *view.load(std::memory_order_relaxed);
  std::vector<const Segment*> chosen;
  if (all) {
    if (old.segments.size() == 1 && alive_share(*old.segments[0]) == 1) return false;
    chosen = old.segments;
  } else {
    for (uint32_t level = 0; level < 16 && chosen.empty(); ++level) {
      for (const Segment* segment : old.segments)
        if (size_class(*segment, config.head_items) == level) chosen.push_back(segment);
      if (chosen.size() < kMergeWidth) chosen.clear();
    }
    for (const Segment* segment : old.segments)
      if (chosen.empty() && alive_share(*segment) < kAliveMin) chosen.push_back(segment);
  }
  if (chosen.empty()) return false;
  auto* next = new View;
  next->heads = old.heads;
  for (const Segment* segment : old.segments)
    if (std::find(chosen.begin(), chosen.end(), segment) == chosen.end()) next->segments.push_back(segment);
  {
    const EpochGuard guard;
    const uint64_t before = removals.load(std::memory_order_acquire);
    std::vector<SegmentItem> items_chosen;
    for (const Segment* segment : chosen)
      for (uint32_t item = 0; item < segment->items(); ++item) {
        const Record* record = table.record(segment->slots[item]);
        if (record != nullptr && record->version == segment->versions[item])
          items_chosen.push_back({segment->slots[item], record});
      }
    if (!items_chosen.empty()) next->segments.push_back(build(items_chosen, before));
  }
  std::stable_sort(next->segments.begin(), next->segments.end(),
                   [](const Segment* a, const Segment* b) { return a->items() > b->items(); });
  publish(next);
  const std::lock_guard lock(mutex);
  ++merges;
  return true;
}

}  // namespace freshet
