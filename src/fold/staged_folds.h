// Folds whose work on an event has two stages, so that two threads can share it: the second stage of one
// event runs while the first stage of later ones goes on (fold/fold_pair.h). What is folded is the same as
// with one thread, by construction:
//
//   - each part of the state is changed by one stage only, in the order of the log;
//   - the second stage of an event reads, of what the first stage changes, only what first() left in the
//     event's place, and what never changes while a second stage is still to come: the folds call `settle`
//     before they change such a thing.
//
// Work that the second stage puts aside (to be done before it is next read) may be done by either thread.
#pragma once

#include <cstddef>
#include <functional>

#include "event/event.h"

namespace freshet {

class StagedFolds {
 public:
  static constexpr size_t kPlaces = 256;  // Events between the two stages at most.

  virtual ~StagedFolds() = default;
  // From here until end() the stages are called on two threads. `settle`, for the first stage: returns when
  // the second stage of all events handed over is done; nothing is at work then but the caller.
  virtual void begin(std::function<void()> settle) = 0;
  virtual void end() = 0;  // Both stages of all events are done; finish() was called.
  virtual void first(size_t place, Offset at, const Event& event) = 0;
  virtual void second(size_t place, Offset at, const Event& event) = 0;
  // Either thread: does some of what was put aside; false: there is not enough to be worth it, or the other
  // thread is at it.
  virtual bool help() = 0;
  virtual bool help_waits() const = 0;
  virtual void finish() = 0;  // While nothing is at work: does all that was put aside.
};

}  // namespace freshet
