#include "env/process.h"

#include <cstdio>
#include <ctime>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace freshet {
namespace {

double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

double cpu_seconds() {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double thread_cpu_seconds() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double wall_seconds() {
  return seconds_of(CLOCK_MONOTONIC);
}

uint64_t process_id() {
  return static_cast<uint64_t>(::getpid());
}

uint64_t rss_bytes() {
  unsigned long total = 0, resident = 0;  // In pages.
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  const bool read = std::fscanf(file, "%lu %lu", &total, &resident) == 2;
  std::fclose(file);
  return read ? uint64_t{resident} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// Of this program alone: what getrusage has was perhaps its parent's, it survives exec.
uint64_t peak_rss_bytes() {
  if (std::FILE* file = std::fopen("/proc/self/status", "re"); file != nullptr) {
    char line[128];
    unsigned long long kib = 0;
    bool found = false;
    while (!found && std::fgets(line, sizeof line, file) != nullptr)
      found = std::sscanf(line, "VmHWM: %llu kB", &kib) == 1;
    std::fclose(file);
    if (found) return uint64_t{kib} * 1024;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

void run_in_short_slices() {
  constexpr uint64_t kSliceNs = 100'000;  // The least the scheduler knows of.
  struct {                                // sched_setattr(2), first version.
    uint32_t size = 48, policy = 0;       // SCHED_OTHER
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = kSliceNs, deadline = 0, period = 0;
  } slices;
  slices.nice = getpriority(PRIO_PROCESS, 0);        // Of the thread, not of the process.
  (void)syscall(SYS_sched_setattr, 0, &slices, 0u);  // An older system goes on as it does.
}

void lower_thread_priority() {
  constexpr int kNicer = 5;  // Of 20; a third of the time that an equal gets.
  // A thread is a process here (Linux): 0 is the calling one.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNicer);
}

bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

bool stdout_is_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}

}  // namespace freshet
