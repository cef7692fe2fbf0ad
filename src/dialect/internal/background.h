// Work that takes longer than clients wait for an answer: a move of a whole catalogue. Done one after the
// other by a thread of its own; who asked gets the number of a task, and asks again until it is done.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace freshet::dialect_internal {

class Background {
 public:
  static constexpr uint64_t kFirstTask = uint64_t{1} << 52;  // Above every offset; exact as a double.
  static constexpr size_t kWaitingMax = 100;

  ~Background() { stop(); }
  // kExhausted: too much waits already. What `work` answers is logged when it fails.
  Result<uint64_t> start(std::string what, std::function<Status()> work);
  bool done(uint64_t task) const;
  void stop();  // Finishes what has begun, forgets what waits. Idempotent.

 private:
  struct Work {
    std::string what;
    std::function<Status()> run;
  };
  void loop();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  uint64_t next_ = kFirstTask, finished_ = kFirstTask;  // Tasks below `finished_` are done.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace freshet::dialect_internal
