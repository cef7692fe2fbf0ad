// What this process has used so far, and how long things take: for reports, never for folds.
#pragma once

#include <cstdint>

namespace freshet {

double cpu_seconds();         // User and system time of all threads.
double thread_cpu_seconds();  // Of the calling thread.
double wall_seconds();        // Monotonic; only differences mean something.
uint64_t rss_bytes();         // Resident memory now.
uint64_t peak_rss_bytes();    // The most resident memory so far, of this program.
uint64_t process_id();
// For threads that answer somebody: each works for a moment at a time, and says so to the scheduler, so that
// when it wakes it goes before a thread that computes for long (Linux 6.12 on: a shorter slice preempts; no
// thread gets more or less of the processor by it). The calling thread, and those it starts afterwards.
void run_in_short_slices();
// The calling thread gives way to others when they all want a core: work that nobody waits for.
void lower_thread_priority();
bool stderr_is_terminal();
bool stdout_is_terminal();

}  // namespace freshet
