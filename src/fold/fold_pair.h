// Two threads that fold one log: the caller's does the first stage of each event, a second one the second
// stage, in the same order, up to StagedFolds::kPlaces events behind.
//
//   FoldPair pair(folds, [&](Offset at, const Event& event) { ... });   // after both stages of the event
//   while (...) { decode(pair.place()); pair.fold(at); }
//   pair.settle();                                                      // now anybody may read the folds
//
// Who has nothing to do takes work that was put aside, spins for some ten microseconds, and then sleeps; a
// sleeper is woken when there is enough for it to do. Events are handed over through one counter in each
// direction.
//
// Threads: all calls by one thread. Cost: about 0.1 us an event.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "fold/staged_folds.h"

namespace freshet {

class FoldPair {
 public:
  // `applied`: called by place() and settle(), in the order of the log.
  FoldPair(StagedFolds& folds, std::function<void(Offset, const Event&)> applied);
  ~FoldPair();  // settle()
  FoldPair(const FoldPair&) = delete;
  FoldPair& operator=(const FoldPair&) = delete;

  Event& place();        // Where the next event is to be put. Waits while all places are taken.
  void fold(Offset at);  // The event in place(): its first stage now, the second when its turn comes.
  void settle();         // Returns when everything is done.

 private:
  static constexpr uint64_t kPlaces = StagedFolds::kPlaces;
  struct Place {
    Event event;
    Offset at = 0;
  };
  // A thread that sleeps until the other one thinks that it has something to do.
  struct Sleeper {
    std::atomic<uint32_t> asleep{0};
    bool sleeps() const { return asleep.load(std::memory_order_seq_cst) != 0; }
    void wake();
    template <class Ready>
    void sleep_unless(Ready&& ready);
  };

  void second_loop();
  void wait_for(uint64_t done);
  void retire();

  StagedFolds& folds_;
  const std::function<void(Offset, const Event&)> applied_;
  std::array<Place, kPlaces> places_;
  uint64_t retired_ = 0;                         // Caller only: events reported as applied.
  alignas(64) std::atomic<uint64_t> handed_{0};  // Events of which the first stage is done.
  alignas(64) std::atomic<uint64_t> done_{0};    // Events of which both are.
  alignas(64) std::atomic<uint64_t> wanted_{0};  // By the first thread when it sleeps: done_ at least this.
  std::atomic<bool> end_{false};
  alignas(64) Sleeper first_;
  alignas(64) Sleeper second_;
  std::thread thread_;
};

}  // namespace freshet
