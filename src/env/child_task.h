// Work done by a forked child, which sees the memory as it is at the fork (copy on write).
//
// The child has only the calling thread: the work may allocate and use files, but must not log, start
// threads, or take a lock that another thread of the parent could hold.
#pragma once

#include <functional>

#include "base/result.h"

namespace freshet {

class ChildTask {
 public:
  // Forks and returns at once. kUnavailable: the system cannot fork. Cost: copying the page table, about
  // 10 ms per GB resident.
  static Result<ChildTask> start(const std::function<Status()>& work);
  ChildTask(ChildTask&& other) noexcept;
  ChildTask& operator=(ChildTask&&) = delete;
  ~ChildTask();   // Kills and reaps a child that is still running.
  bool done();    // Never waits.
  Status wait();  // Until the end. The error of `work`, or kUnavailable when the child was killed.

 private:
  ChildTask(int pid, int pipe) : pid_(pid), pipe_(pipe) {}
  int pid_;   // -1: moved from, or reaped.
  int pipe_;  // Read end: the child writes its error here, a code byte and a text.
  int wait_status_ = 0;
};

}  // namespace freshet
