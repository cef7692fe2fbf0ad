// Exact scan against the memory's own speed, and the graph against the exact scan.
//
//   build/release/bench/vector_bench [rows] [dim] [graph rows]      default: 1000000 64 200000
//
// limit    the fastest of four ways to read as many bytes in large pages, in turn with the scan
// scan     exact top 100 over all rows; filtered: one row in 2, in 20, in 1000 allowed
// graph    top 10 through the graph on rows around 2000 centres (noise has no neighbours), the exact top 10
//          beside it; recall against the exact answer
// encoder  item texts embedded and lessons learned a second
//
// Times are CPU times of the one thread that works. Rows are made up. One thread, except that the graph is
// built by its worker.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/text_table.h"
#include "env/memory.h"
#include "env/process.h"
#include "vector/learned_encoder.h"
#include "vector/nearest.h"

namespace freshet {
namespace {

constexpr uint32_t kCentres = 2000;

std::vector<float> made_up(uint64_t key, uint32_t dim) {
  std::vector<float> row(dim), own(dim);
  Draw centre(mix64(key, 1) % kCentres), draw(mix64(key, 2));
  for (uint32_t i = 0; i < dim; ++i)
    row[i] = static_cast<float>(centre.uniform()) - 0.5f + 0.7f * (static_cast<float>(draw.uniform()) - 0.5f);
  return row;
}

double median_ms(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  return ms[ms.size() / 2];
}

double timed_ms(const std::function<void()>& what) {
  const double begun = thread_cpu_seconds();  // Other jobs of the machine do not count.
  what();
  return (thread_cpu_seconds() - begun) * 1e3;
}

typedef uint64_t Words __attribute__((vector_size(64)));

// Sums `bytes` in registers, as `streams` streams side by side, fetched `ahead` bytes ahead.
template <size_t streams, size_t ahead>
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline)) uint64_t read_all(
    const char* data, size_t bytes) {
  Words sum[streams] = {};
  const size_t part = bytes / streams / 4096 * 4096;
  for (size_t at = 0; at < part; at += 64)
    for (size_t i = 0; i < streams; ++i) {
      if (ahead > 0) __builtin_prefetch(data + i * part + at + ahead);
      Words next;
      std::memcpy(&next, data + i * part + at, 64);
      sum[i] += next;
    }
  uint64_t total = 0;
  for (const Words& words : sum)
    for (int i = 0; i < 8; ++i) total += words[i];
  return total;
}

struct Reading {
  const char* what;
  uint64_t (*read)(const char* data, size_t bytes);
  std::vector<double> ms;
};

const char* name_of(RowType type) {
  return type == RowType::kInt8 ? "int8" : "bf16";
}

void scan(uint32_t rows, uint32_t dim, RowType type) {
  VectorSet set({.dim = dim, .type = type});
  const double load_ms = timed_ms([&] {
    for (uint32_t slot = 0; slot < rows; ++slot) {
      set.set(slot, made_up(slot, dim));
      if (slot % 1000 == 0) set.publish();
    }
    set.publish();
  });
  const size_t bytes = rows * set.row_bytes();
  auto* plain = static_cast<char*>(allocate_large(bytes));
  std::memset(plain, 1, bytes);
  const EpochGuard guard;
  const VectorSet::Query query = set.prepare(made_up(1u << 30, dim));
  std::vector<VectorHit> hits;
  uint64_t sum = 0;
  Reading readings[] = {{"one stream", read_all<1, 0>, {}},
                        {"one stream, fetched 8 KiB ahead", read_all<1, 8192>, {}},
                        {"two streams", read_all<2, 0>, {}},
                        {"two streams, fetched 8 KiB ahead", read_all<2, 8192>, {}}};
  std::vector<double> exact;
  for (int round = 0; round < 31; ++round) {
    for (Reading& reading : readings)
      reading.ms.push_back(timed_ms([&] { sum += reading.read(plain, bytes); }));
    exact.push_back(timed_ms([&] { set.top(query, nullptr, 100, hits); }));
  }
  free_large(plain);
  const Reading& best =
      *std::min_element(std::begin(readings), std::end(readings),
                        [](const Reading& a, const Reading& b) { return median_ms(a.ms) < median_ms(b.ms); });
  const double limit_ms = median_ms(best.ms);
  const double gb = static_cast<double>(bytes) * 1e-9;
  std::printf("%u rows x %u %s, %s held, loaded in %.1f s (checksum %llu)\n\n", rows, dim, name_of(type),
              format_bytes(set.bytes()).c_str(), load_ms * 1e-3, static_cast<unsigned long long>(sum));
  TextTable table({"", "ms (median)", "GB/s", "of the limit"});
  const auto row = [&](const char* what, double ms, double share) {
    table.row({what, format_number(ms, 2), format_number(gb * share / (ms * 1e-3), 1),
               format_number(100 * limit_ms * share / ms, 0) + " %"});
  };
  for (const Reading& reading : readings)
    row((std::string(&reading == &best ? "limit: " : "") + reading.what).c_str(), median_ms(reading.ms), 1);
  row("exact top 100", median_ms(exact), 1);
  for (const uint32_t every : {2u, 20u, 1000u}) {
    SlotSet filter;
    Draw draw(every);
    for (uint32_t slot = 0; slot < rows; ++slot)
      if (draw.below(every) == 0) filter.add(slot);
    std::vector<double> ms;
    for (int round = 0; round < 15; ++round)
      ms.push_back(timed_ms([&] { set.top(query, &filter, 100, hits); }));
    row(("one row in " + std::to_string(every) + " allowed").c_str(), median_ms(ms), 1.0 / every);
  }
  std::printf("%s\n", table.text().c_str());
}

void graph(uint32_t rows, uint32_t dim) {
  VectorSet set({.dim = dim});
  for (uint32_t slot = 0; slot < rows; ++slot) set.set(slot, made_up(slot, dim));
  set.publish();
  Nearest nearest(set, {.rows_min = 1});
  const auto begun = std::chrono::steady_clock::now();
  nearest.settle();
  const double build_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  constexpr int kQueries = 300;
  std::vector<double> fast_ms, exact_ms;
  size_t found = 0, possible = 0;
  const EpochGuard guard;
  std::vector<VectorHit> fast, exact;
  for (uint64_t q = 0; q < kQueries; ++q) {
    const VectorSet::Query query = set.prepare(made_up((1u << 30) + q, dim));
    fast_ms.push_back(timed_ms([&] { nearest.top(query, nullptr, 10, fast); }));
    exact_ms.push_back(timed_ms([&] { set.top(query, nullptr, 10, exact); }));
    for (const VectorHit& hit : fast) found += hit.score >= exact.back().score;
    possible += exact.size();
  }
  std::printf("graph over %u rows x %u: built in %.1f s of the clock, %s\n\n", rows, dim, build_ms * 1e-3,
              format_bytes(nearest.bytes()).c_str());
  TextTable table({"top 10", "ms (median)", "times exact", "recall@10"});
  table.row({"exact", format_number(median_ms(exact_ms), 3), "1.0", "1.0000"});
  table.row({"graph", format_number(median_ms(fast_ms), 3),
             format_number(median_ms(exact_ms) / median_ms(fast_ms), 1),
             format_number(static_cast<double>(found) / static_cast<double>(possible), 4)});
  std::printf("%s\n", table.text().c_str());
}

void encoder() {
  LearnedEncoder encoder;
  std::vector<std::string> titles;
  for (uint32_t i = 0; i < 20'000; ++i) {
    std::string title;
    Draw draw(i);
    for (int w = 0; w < 8; ++w) title += "word" + std::to_string(draw.below(1 + draw.below(5000))) + " ";
    titles.push_back(title);
  }
  encoder.count_words(titles[0]);
  std::vector<float> out(encoder.dim());
  TextFeatures features;
  const double items_ms = timed_ms([&] {
    for (const std::string& title : titles) {
      encoder.features(title, features);
      encoder.embed(features, out);
    }
  });
  const double queries_ms = timed_ms([&] {
    for (const std::string& title : titles)
      encoder.encode(std::string_view(title).substr(0, 17), TextSide::kQuery, out);
  });
  constexpr size_t kLessons = 3000;
  std::vector<LearnedEncoder::Candidate> candidates(6);
  const double lessons_ms = timed_ms([&] {
    for (size_t i = 0; i < kLessons; ++i) {
      encoder.features(std::string_view(titles[i]).substr(0, 17), features);
      for (size_t c = 0; c < candidates.size(); ++c)
        encoder.features(titles[(i + c * 977) % titles.size()], candidates[c].text);
      encoder.learn(features, candidates, 1);
    }
  });
  TextTable table({"encoder", "us each"});
  table.row({"item of 8 words", format_number(items_ms * 1e3 / static_cast<double>(titles.size()), 1)});
  table.row({"query of 2 words", format_number(queries_ms * 1e3 / static_cast<double>(titles.size()), 1)});
  table.row({"lesson against 5 items", format_number(lessons_ms * 1e3 / kLessons, 1)});
  std::printf("%s", table.text().c_str());
}

uint32_t argument(int argc, char** argv, int at, uint32_t otherwise) {
  return argc > at ? static_cast<uint32_t>(std::strtoul(argv[at], nullptr, 10)) : otherwise;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  using namespace freshet;
  const uint32_t rows = argument(argc, argv, 1, 1'000'000), dim = argument(argc, argv, 2, 64);
  const uint32_t graph_rows = argument(argc, argv, 3, 200'000);
  if (rows == 0 || dim == 0 || dim > kVectorDimMax) {
    std::fprintf(stderr, "vector_bench [rows] [dim 1..4096] [graph rows; 0: none]\n");
    return 2;
  }
  scan(rows, dim, RowType::kInt8);
  scan(rows, dim, RowType::kBf16);
  if (graph_rows > 0) graph(graph_rows, dim);
  encoder();
  return 0;
}
