// Embedding rows against the memory they are in: gather and Adagrad update of random rows.
//
//   table_rows [--rows 20000000] [--dim 16] [--type bf16] [--optimizer rowwise] [--rounds 15]
//
//   by number   gather() and update() of known rows, against as many records of the same bytes at known
//               random places, read, added to and written, fetched ahead: the random-access limit of a record
//   by key      sight() with weights, which looks the keys up and gathers, and update(), against the limit of
//               what a look-up must touch: one random line of memory as large as the index, and one record
//
// A limit does nothing but touch memory: places known before, sixteen bytes at an addition, the best of three
// distances of fetching ahead.
//
// A round is the limit and the table in turn, a quarter of a CPU second each, drawing numbers excluded.
// Prints bytes a row as held, what 100 million such rows would take, medians over the rounds of both rates
// and of their quotient (with its quartiles: other programs share the memory), and the longest time that a
// single call took while the table grew.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/hash.h"
#include "env/memory.h"
#include "env/process.h"
#include "table/row_table.h"

namespace freshet {
namespace {

struct Flags {
  uint64_t rows = 20'000'000;
  size_t rounds = 15;
  RowTableConfig table{.type = WeightType::kBf16};
};

constexpr size_t kBatch = 1024;

// Runs `work` on batches of random row numbers; rows a CPU second.
template <class Work>
double rate(const Flags& flags, uint64_t& turn, Work work) {
  constexpr size_t kBatches = 16;  // Drawn together, before the clock starts.
  std::vector<std::vector<uint64_t>> batches(kBatches, std::vector<uint64_t>(kBatch));
  double spent = 0;
  uint64_t done = 0;
  while (spent < 0.25) {
    for (auto& batch : batches) {
      Draw draw(++turn);
      for (uint64_t& each : batch) each = draw.below(flags.rows);
    }
    const double begin = thread_cpu_seconds();
    for (const auto& batch : batches) work(batch);
    spent += thread_cpu_seconds() - begin;
    done += kBatches * kBatch;
  }
  return static_cast<double>(done) / spent;
}

double quantile(std::vector<double> of, double at) {
  std::sort(of.begin(), of.end());
  return of[static_cast<size_t>(at * static_cast<double>(of.size() - 1))];
}

// The limits.
struct Memory {
  char* records;
  size_t record;
  char* lines;
  size_t line_count;
  uint64_t sum = 0;
  const char* line[kBatch] = {};

  void fetch(char* to, size_t i, bool index) const {
    if (index) __builtin_prefetch(line[i], 0, 3);
    for (size_t byte = 0; byte < record; byte += 64) __builtin_prefetch(to + byte, 1, 3);
  }
  void access(const std::vector<uint64_t>& at, bool index, size_t ahead) {
    typedef uint64_t Two __attribute__((vector_size(16)));
    const auto place = [&](size_t i) { return records + at[i] * record; };
    for (size_t i = 0; index && i < at.size(); ++i)
      line[i] =
          lines + static_cast<uint64_t>(static_cast<unsigned __int128>(mix64(at[i])) * line_count >> 64) * 64;
    for (size_t i = 0; i < ahead; ++i) fetch(place(i), i, index);
    for (size_t i = 0; i < at.size(); ++i) {
      if (const size_t next = i + ahead; next < at.size()) fetch(place(next), next, index);
      if (index) sum += static_cast<uint64_t>(*line[i]);
      char* to = place(i);
      for (size_t byte = 0; byte < record; byte += 16) {
        Two words;
        std::memcpy(&words, to + byte, 16);
        words += i;
        std::memcpy(to + byte, &words, 16);
      }
    }
  }
};

[[noreturn]] void usage(const std::string& what) {
  std::fprintf(stderr, "table_rows: %s; see the head of bench/table_rows.cc\n", what.c_str());
  std::exit(2);
}

Flags parse(int argc, char** argv) {
  Flags flags;
  flags.table.bytes_max = 0;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc) usage(name + " needs a value");
    const std::string value = argv[i + 1];
    if (name == "--rows") {
      flags.rows = std::stoull(value);
    } else if (name == "--dim") {
      flags.table.dim = std::stoull(value);
    } else if (name == "--rounds") {
      flags.rounds = std::max<size_t>(1, std::stoull(value));
    } else if (name == "--type") {
      flags.table.type = value == "f32" ? WeightType::kF32 : WeightType::kBf16;
    } else if (name == "--optimizer") {
      const Result<Optimizer> kind = parse_optimizer(value);
      if (!kind.ok()) usage(kind.error().what);
      flags.table.optimizer.kind = *kind;
    } else {
      usage("unknown " + name);
    }
  }
  flags.table.bytes_max = flags.rows * (flags.table.dim * 12 + 64) + (size_t{64} << 20);
  return flags;
}

void run(const Flags& flags) {
  RowTable table(flags.table);
  double longest = 0;
  const double begin = thread_cpu_seconds();
  for (uint64_t key = 0; key < flags.rows; ++key) {
    const double before = key % 16 == 0 ? thread_cpu_seconds() : 0;
    table.sight(key);
    if (key % 16 == 0) longest = std::max(longest, thread_cpu_seconds() - before);
  }
  const double made = thread_cpu_seconds() - begin;
  const double per_row = static_cast<double>(table.bytes()) / static_cast<double>(table.rows());
  std::printf("rows %zu, dim %zu, %s, record %zu bytes; made at %.2f million a CPU second\n", table.rows(),
              table.dim(), flags.table.type == WeightType::kF32 ? "f32" : "bf16", table.record_bytes(),
              static_cast<double>(flags.rows) / made / 1e6);
  std::printf("held %.1f bytes a row (process: %.2f GiB); 100 million rows: %.2f GiB\n", per_row,
              static_cast<double>(rss_bytes()) / (1 << 30), per_row * 1e8 / (1 << 30));
  std::printf("longest of one sight in sixteen that made a row: %.3f ms (CPU)\n", longest * 1e3);
  Memory memory{.record = table.record_bytes(), .line_count = table.buckets()};
  memory.records = static_cast<char*>(allocate_large(flags.rows * memory.record));
  memory.lines = static_cast<char*>(allocate_large(memory.line_count * 64));
  std::memset(memory.records, 1, flags.rows * memory.record);
  std::memset(memory.lines, 1, memory.line_count * 64);
  std::vector<uint32_t> rows(kBatch);
  std::vector<float> weights(kBatch * flags.table.dim);
  uint64_t turn = 0;
  const auto learn = [&](bool by_key, const std::vector<uint64_t>& at) {
    if (by_key) {
      table.advance(static_cast<uint32_t>(turn));
      table.sight(at, rows, weights.data());
    } else {
      std::copy(at.begin(), at.end(), rows.begin());  // Keys were made in order: the row is the key.
      table.gather(rows, weights.data());
    }
    table.update(rows, weights.data());  // The gradient of w^2 / 2.
  };
  for (const bool by_key : {false, true}) {
    std::printf("limit of a row by %s\n", by_key ? "key: one random line of an index and one random record"
                                                 : "number: one random record, read, added to and written");
    size_t ahead = 0;
    double best = 0;
    for (const size_t each : {16, 32, 64}) {
      const double got = rate(flags, turn, [&](const auto& at) { memory.access(at, by_key, each); });
      if (got > best) ahead = each;
      best = std::max(best, got);
    }
    std::vector<double> limits, rates, shares;
    for (size_t round = 0; round < flags.rounds; ++round) {
      limits.push_back(rate(flags, turn, [&](const auto& at) { memory.access(at, by_key, ahead); }));
      rates.push_back(rate(flags, turn, [&](const auto& at) { learn(by_key, at); }));
      shares.push_back(rates.back() / limits.back());
    }
    std::printf("%-9s limit %6.2f M rows/s   table %6.2f M rows/s   share %.2f (quartiles %.2f, %.2f)\n",
                by_key ? "by key" : "by number", quantile(limits, 0.5) / 1e6, quantile(rates, 0.5) / 1e6,
                quantile(shares, 0.5), quantile(shares, 0.25), quantile(shares, 0.75));
  }
  free_large(memory.records);
  free_large(memory.lines);
  if (memory.sum == 0) std::printf("nothing was read\n");
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  freshet::run(freshet::parse(argc, argv));
}
