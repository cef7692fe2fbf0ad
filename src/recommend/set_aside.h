// Jobs put aside by one thread and done in their order by whichever of two threads has time: by then, the one
// that put them aside, before it reads what they change.
//
// Only one thread at a time does jobs, and what it did is seen by the next one. Threads: next(), put() and
// finish() by one thread at a time (the one that learns); help() and waits() by one other besides.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace freshet {

template <class Job, uint64_t kRoom>
class SetAside {
 public:
  // The next job, to be filled; it keeps the memory of an earlier one. work(job) does a job.
  template <class Work>
  Job& next(Work&& work) {
    if (put_.load(std::memory_order_relaxed) - done_.load(std::memory_order_acquire) == kRoom) finish(work);
    return jobs_[put_.load(std::memory_order_relaxed) % kRoom];
  }
  // `long_one`: it takes long, so that help is worth while.
  void put(bool long_one) {
    const uint64_t put = put_.load(std::memory_order_relaxed) + 1;
    put_.store(put, std::memory_order_release);
    if (long_one) worth_.store(put, std::memory_order_release);
  }

  // Returns when all jobs are done. Nothing to do costs two loads.
  template <class Work>
  void finish(Work&& work) {
    while (done_.load(std::memory_order_acquire) != put_.load(std::memory_order_relaxed))
      if (!try_work(work)) wait();
  }
  // Does the jobs that are there. False: no long one is, or the other thread is at it.
  template <class Work>
  bool help(Work&& work) {
    return waits() && try_work(work);
  }
  bool waits() const {
    return worth_.load(std::memory_order_acquire) > done_.load(std::memory_order_relaxed) &&
           at_work_.load(std::memory_order_relaxed) == 0;
  }

 private:
  static constexpr int kSpins = 256;  // Before sleeping: what the other thread is at takes little longer.

  template <class Work>
  bool try_work(Work& work) {
    if (at_work_.exchange(1, std::memory_order_acq_rel) != 0) return false;
    const uint64_t put = put_.load(std::memory_order_acquire);
    for (uint64_t done = done_.load(std::memory_order_relaxed); done != put; ++done) {
      work(jobs_[done % kRoom]);
      done_.store(done + 1, std::memory_order_release);
    }
    at_work_.store(0, std::memory_order_release);
    at_work_.notify_one();
    return true;
  }
  void wait() {
    for (int i = 0; i < kSpins && at_work_.load(std::memory_order_acquire) != 0; ++i) __builtin_ia32_pause();
    at_work_.wait(1, std::memory_order_acquire);
  }

  std::array<Job, kRoom> jobs_;
  alignas(64) std::atomic<uint64_t> put_{0};
  std::atomic<uint64_t> worth_{0};  // One past the last long one.
  alignas(64) std::atomic<uint64_t> done_{0};
  std::atomic<uint32_t> at_work_{0};
};

}  // namespace freshet
