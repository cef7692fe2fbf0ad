// What this process has used so far, and how long things take: for reports, never for folds.
#pragma once

#include <cstdint>

namespace freshet {

double cpu_seconds();         // User and system time of all threads.
double thread_cpu_seconds();  // Of the calling thread.
double wall_seconds();        // Monotonic; only differences mean something.
uint64_t rss_bytes();         // Resident memory now.
uint64_t peak_rss_bytes();    // The most resident memory so far.
bool stderr_is_terminal();
bool stdout_is_terminal();

}  // namespace freshet
