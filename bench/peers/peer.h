// What the peer programs share: reading the corpus and the queries, timing, printing. Separate programs,
// never linked into the product; bench/search_peers.py compiles and runs them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace peer {

struct Query {
  std::string group, mode;  // "AND 2", "AND"
  std::vector<std::string> words;
};

inline std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

inline std::vector<Query> read_queries(const std::string& path) {
  std::ifstream in(path);
  std::vector<Query> out;
  std::string mode;
  for (size_t terms = 0; in >> mode >> terms;) {
    Query query{mode + " " + std::to_string(terms), mode, std::vector<std::string>(terms)};
    for (std::string& word : query.words) in >> word;
    out.push_back(query);
  }
  return out;
}

inline std::string join(const std::vector<std::string>& words, const std::string& between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

inline double cpu_us() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// Asks the queries of each group for at most `seconds`, after a tenth of them to warm up; prints
// "<mode> <terms> <p50 us> <p99 us> <n>".
template <class Ask>
void measure(const std::vector<Query>& queries, double seconds, Ask&& ask) {
  std::map<std::string, std::vector<const Query*>> groups;
  for (const Query& query : queries) groups[query.group].push_back(&query);
  for (auto& [group, all] : groups) {
    for (size_t i = 0; i < all.size() / 50; ++i) ask(*all[i]);
    std::vector<double> times;
    const double start = cpu_us();
    for (const Query* query : all) {
      const double from = cpu_us();
      ask(*query);
      times.push_back(cpu_us() - from);
      if (cpu_us() - start > seconds * 1e6) break;
    }
    std::sort(times.begin(), times.end());
    std::printf("%s %.2f %.2f %zu\n", group.c_str(), times[times.size() / 2], times[times.size() * 99 / 100],
                times.size());
  }
}

}  // namespace peer
