#include "fold/fold_pair.h"

#include "base/result.h"

namespace freshet {
namespace {

constexpr int kSpins = 1024;           // Looks at a counter before sleeping: some ten microseconds.
constexpr uint64_t kWorthWaking = 16;  // Events: being woken costs as much as folding one or two.
constexpr uint64_t kAhead = StagedFolds::kPlaces / 2;  // So far ahead, the first thread may help the second.

void relax() {
  __builtin_ia32_pause();
}

// Before each of these the first stage settles: a catalogue handed over one by one would be a hundred
// thousand times to and fro, which takes ten microseconds each where both threads run, and ten milliseconds
// where others want the processors.
bool changes_catalogue(EventType type) {
  return type == EventType::kItemUpsert || type == EventType::kItemUpdate || type == EventType::kItemDelete;
}

}  // namespace

void FoldPair::Sleeper::wake() {
  asleep.store(0, std::memory_order_seq_cst);
  asleep.notify_one();
}

// The sleeper announces itself before it looks a last time; the other thread stores what it looks at before
// it asks whether somebody sleeps.
template <class Ready>
void FoldPair::Sleeper::sleep_unless(Ready&& ready) {
  asleep.store(1, std::memory_order_seq_cst);
  if (!ready()) asleep.wait(1, std::memory_order_seq_cst);
  asleep.store(0, std::memory_order_seq_cst);
}

FoldPair::FoldPair(StagedFolds& folds, std::function<void(Offset, const Event&)> applied)
    : folds_(folds), applied_(std::move(applied)) {
  folds_.begin([this] { wait_for(handed_.load(std::memory_order_relaxed)); });
  thread_ = std::thread([this] { second_loop(); });
}

FoldPair::~FoldPair() {
  settle();
  end_.store(true, std::memory_order_seq_cst);
  second_.wake();
  thread_.join();
  folds_.end();
}

Event& FoldPair::place() {
  retire();
  const uint64_t handed = handed_.load(std::memory_order_relaxed);
  if (handed - retired_ == kPlaces) {
    wait_for(handed - kPlaces / 2);
    retire();
  } else if (handed - retired_ >= kAhead) {
    folds_.help();
  }
  return places_[handed % kPlaces].event;
}

void FoldPair::fold(Offset at) {
  const uint64_t handed = handed_.load(std::memory_order_relaxed);
  Place& place = places_[handed % kPlaces];
  place.at = at;
  if (changes_catalogue(place.event.type)) {  // Both stages here, while the second thread has nothing to do.
    wait_for(handed);
    retire();
    folds_.first(handed % kPlaces, at, place.event);
    folds_.second(handed % kPlaces, at, place.event);
    if (applied_) applied_(at, place.event);
    return;
  }
  folds_.first(handed % kPlaces, at, place.event);
  handed_.store(handed + 1, std::memory_order_seq_cst);
  if (second_.sleeps() && handed + 1 - done_.load(std::memory_order_relaxed) >= kWorthWaking) second_.wake();
}

void FoldPair::settle() {
  wait_for(handed_.load(std::memory_order_relaxed));
  folds_.finish();
  retire();
}

// First thread.
void FoldPair::wait_for(uint64_t done) {
  const auto reached = [&] { return done_.load(std::memory_order_seq_cst) >= done; };
  while (!reached()) {
    if (second_.sleeps()) second_.wake();
    if (folds_.help()) continue;
    for (int i = 0; i < kSpins && !reached() && !folds_.help_waits(); ++i) relax();
    if (reached() || folds_.help_waits()) continue;
    wanted_.store(done, std::memory_order_seq_cst);
    first_.sleep_unless([&] { return reached() || folds_.help_waits(); });
  }
}

void FoldPair::retire() {
  for (const uint64_t done = done_.load(std::memory_order_acquire); retired_ < done; ++retired_) {
    const Place& place = places_[retired_ % kPlaces];
    if (applied_) applied_(place.at, place.event);
  }
}

void FoldPair::second_loop() {
  uint64_t done = 0;
  const auto more = [&] { return handed_.load(std::memory_order_seq_cst) != done; };
  while (true) {
    if (more()) {
      const Place& place = places_[done % kPlaces];
      folds_.second(done % kPlaces, place.at, place.event);
      done_.store(++done, std::memory_order_seq_cst);
      if (first_.sleeps() && (done >= wanted_.load(std::memory_order_relaxed) || folds_.help_waits()))
        first_.wake();
      continue;
    }
    if (end_.load(std::memory_order_seq_cst)) return;
    if (folds_.help()) continue;
    for (int i = 0; i < kSpins && !more(); ++i) relax();
    if (more()) continue;
    second_.sleep_unless([&] { return more() || end_.load(std::memory_order_seq_cst); });
  }
}

}  // namespace freshet
