#include "base/epoch.h"

#include <array>

#include "base/result.h"

namespace freshet {
namespace {

constexpr size_t kReaders = 512;

struct alignas(64) ReaderSlot {
  std::atomic<uint64_t> epoch{0};  // 0: holds no guard
  std::atomic<bool> taken{false};
};

std::atomic<uint64_t> global_epoch{1};
std::array<ReaderSlot, kReaders> slots;

// A thread's claim on a slot, given back when the thread ends.
struct Claim {
  ReaderSlot* slot = nullptr;
  int depth = 0;
  Claim() {
    for (ReaderSlot& candidate : slots) {
      bool expected = false;
      if (candidate.taken.compare_exchange_strong(expected, true)) {
        slot = &candidate;
        return;
      }
    }
    CHECK(slot != nullptr);  // More than kReaders threads read at once.
  }
  ~Claim() {
    if (slot != nullptr) slot->taken.store(false);
  }
};

Claim& claim() {
  thread_local Claim mine;
  return mine;
}

uint64_t oldest_reader() {
  uint64_t oldest = UINT64_MAX;
  for (const ReaderSlot& slot : slots) {
    const uint64_t epoch = slot.epoch.load(std::memory_order_seq_cst);
    if (epoch != 0 && epoch < oldest) oldest = epoch;
  }
  return oldest;
}

}  // namespace

EpochGuard::EpochGuard() {
  Claim& mine = claim();
  if (mine.depth++ == 0)
    mine.slot->epoch.store(global_epoch.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
}

EpochGuard::~EpochGuard() {
  Claim& mine = claim();
  if (--mine.depth == 0) mine.slot->epoch.store(0, std::memory_order_seq_cst);
}

RetireList::~RetireList() {
  for (const Entry& entry : waiting_) entry.free(entry.object);
}

void RetireList::add(void* object, void (*free)(void*)) {
  // A reader that starts after this increment sees the new pointer, so only guards at or below `epoch`
  // matter.
  const uint64_t epoch = global_epoch.fetch_add(1, std::memory_order_seq_cst);
  waiting_.push_back({object, free, epoch});
  if (waiting_.size() % 64 == 0) reclaim();
}

void RetireList::reclaim() {
  const uint64_t oldest = oldest_reader();
  while (!waiting_.empty() && waiting_.front().epoch < oldest) {
    waiting_.front().free(waiting_.front().object);
    waiting_.pop_front();
  }
}

}  // namespace freshet
