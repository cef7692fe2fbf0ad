// Exact scan against the memory's own speed, and the lists against the exact scan.
//
//   build/release/bench/vector_bench [rows] [dim] [rows of the lists; 0: none]     default: 1000000 64
//   1000000
//
// limit    the fastest of four ways to read as many bytes in large pages, in turn with the scan
// scan     exact top 100 over all rows; filtered: one row in 2, in 20, in 1000 allowed
// lists    top 10 through the lists, the exact top 10 beside it, and recall against that; three kinds of rows
// encoder  item texts embedded and lessons learned a second
//
// Times are CPU times of the one thread that works. Rows are made up.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/text_table.h"
#include "env/memory.h"
#include "vector/learned_encoder.h"
#include "vector/nearest.h"
#include "vector_rows.h"

namespace freshet {
namespace {

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

void lists(uint32_t rows, uint32_t dim, const Kind& kind) {
  VectorSet set({.dim = dim});
  for (uint32_t slot = 0; slot < rows; ++slot) set.set(slot, made_up(slot, dim, kind));
  set.publish();
  Nearest nearest(set, {.rows_min = 1});
  nearest.settle();
  const NearestStatus made = nearest.status();
  constexpr int kQueries = 300;
  std::vector<double> fast_ms, exact_ms, half_ms;
  size_t found = 0, found_half = 0, possible = 0;
  SlotSet half;
  for (uint32_t slot = 0; slot < rows; ++slot)
    if (mix64(slot, 9) % 2 == 0) half.add(slot);
  const EpochGuard guard;
  std::vector<VectorHit> fast, exact;
  for (uint64_t q = 0; q < kQueries; ++q) {
    const VectorSet::Query query = set.prepare(made_up((1u << 30) + q, dim, kind));
    fast_ms.push_back(timed_ms([&] { nearest.top(query, nullptr, 10, fast); }));
    exact_ms.push_back(timed_ms([&] { set.top(query, nullptr, 10, exact); }));
    for (const VectorHit& hit : fast) found += hit.score >= exact.back().score;
    half_ms.push_back(timed_ms([&] { nearest.top(query, &half, 10, fast); }));
    set.top(query, &half, 10, exact);
    for (const VectorHit& hit : fast) found_half += hit.score >= exact.back().score;
    possible += exact.size();
  }
  std::vector<double> move_us;
  for (uint32_t i = 0; i < 2000; ++i) {
    const auto slot = static_cast<uint32_t>(mix64(i, 10) % rows);
    set.set(slot, made_up((1u << 29) + i, dim, kind));
    set.publish();
    nearest.changed(slot, 2);
    move_us.push_back(1e3 * timed_ms([&] { nearest.tick(); }));
  }
  std::printf(
      "%s: %u rows x %u; %u lists made in %.1f s of CPU, %u read; %.0f bytes a row; a row moves in %.1f "
      "us\n\n",
      kind.what, rows, dim, made.lists, made.build_seconds, made.probes,
      static_cast<double>(nearest.bytes()) / rows, median_ms(move_us));
  TextTable table({"top 10", "ms (median)", "times exact", "recall@10"});
  const auto row = [&](const char* what, std::vector<double>& ms, size_t right) {
    table.row({what, format_number(median_ms(ms), 3), format_number(median_ms(exact_ms) / median_ms(ms), 1),
               format_number(static_cast<double>(right) / static_cast<double>(possible), 4)});
  };
  row("exact", exact_ms, possible);
  row("lists", fast_ms, found);
  row("lists, every second row allowed", half_ms, found_half);
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
  const uint32_t list_rows = argument(argc, argv, 3, 1'000'000);
  if (rows == 0 || dim == 0 || dim > kVectorDimMax) {
    std::fprintf(stderr, "vector_bench [rows] [dim 1..4096] [list rows; 0: none]\n");
    return 2;
  }
  scan(rows, dim, RowType::kInt8);
  scan(rows, dim, RowType::kBf16);
  for (const Kind& kind : kKinds)
    if (list_rows > 0) lists(list_rows, dim, kind);
  encoder();
  return 0;
}
