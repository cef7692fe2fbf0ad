// The lists of vector/nearest.h beside an HNSW graph (hnswlib) and the inverted files of faiss, in one run:
// the same rows, the same queries, one thread, CPU times.
//
//   build/release/bench/vector_peers [rows] [dim] [kind 0..2] [graph: 1 or 0]      default: 200000 64 0 1
//
// truth     the ten nearest by the cosine of the float rows
// searches  each index at the least effort (probes, width) that finds 98 % of them; ours chooses its own
// changes   a row becomes another one and is found as such
// filter    every second row allowed; hnswlib 0.6 has none: it is asked for four times as many
//
// Peers are libraries of the system's packages, linked into this program only.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <unordered_set>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/IndexScalarQuantizer.h>
#include <faiss/impl/IDSelector.h>
#include <hnswlib/hnswlib.h>
#include <malloc.h>
#include <omp.h>

#include "base/text_table.h"
#include "vector/nearest.h"
#include "vector_rows.h"

namespace freshet {
namespace {

constexpr size_t kTop = 10, kQueries = 300;
constexpr double kRecall = 0.98;

double process_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

size_t held_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

struct Rows {
  Rows(uint32_t count, uint32_t dim, const Kind& kind) : count(count), dim(dim), kind(kind) {
    for (uint32_t i = 0; i < count; ++i) put(i, values);
    for (uint32_t q = 0; q < kQueries; ++q) put((1u << 30) + q, queries);
  }
  void put(uint64_t key, std::vector<float>& out) const {
    std::vector<float> row = made_up(key, dim, kind);
    const float length = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0f));
    for (const float x : row) out.push_back(x / length);
  }
  bool allowed(size_t row) const { return mix64(row, 9) % 2 == 0; }
  const float* row(size_t i) const { return values.data() + i * dim; }
  const float* query(size_t i) const { return queries.data() + i * dim; }

  const uint32_t count, dim;
  const Kind& kind;
  std::vector<float> values, queries;
};

using Found = std::vector<std::vector<int64_t>>;  // by query

Found truth(const Rows& rows, bool filtered) {
  Found out(kQueries);
  for (size_t q = 0; q < kQueries; ++q) {
    std::vector<std::pair<float, int64_t>> all;
    for (size_t i = 0; i < rows.count; ++i)
      if (!filtered || rows.allowed(i))
        all.emplace_back(-std::inner_product(rows.query(q), rows.query(q) + rows.dim, rows.row(i), 0.0f),
                         static_cast<int64_t>(i));
    std::partial_sort(all.begin(), all.begin() + kTop, all.end());
    for (size_t i = 0; i < kTop; ++i) out[q].push_back(all[i].second);
  }
  return out;
}

double recall(const Found& found, const Found& truth) {
  size_t right = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::unordered_set<int64_t> want(truth[q].begin(), truth[q].end());
    for (const int64_t id : found[q]) right += want.contains(id);
  }
  return static_cast<double>(right) / static_cast<double>(kQueries * kTop);
}

struct Measured {
  double ms = 0, recall = 0;
};

// Asks everything; `ask` answers one query.
template <class Ask>
Measured measure(const Found& truth, Ask&& ask) {
  Found found(kQueries);
  std::vector<double> ms;
  for (size_t q = 0; q < kQueries; ++q) ms.push_back(timed_ms([&] { ask(q, found[q]); }));
  return {median_ms(ms), recall(found, truth)};
}

// The least effort of 1, 2, 3, 4, 6, 8, 12, ... that reaches the recall.
template <class Try>
Measured least(uint32_t most, uint32_t& effort, Try&& attempt) {
  Measured out;
  for (uint32_t step = 1;; ++step) {
    effort = step < 3 ? step : (step % 2 == 0 ? 3u : 2u) << (step / 2 - 1);
    effort = std::min(effort, most);
    out = attempt(effort);
    if (out.recall >= kRecall || effort == most) return out;
  }
}

struct Line {
  std::string what;
  double build_s = 0, bytes = 0, change_us = 0;
  uint32_t effort = 0;
  Measured plain, filtered;
};

struct Bench {
  const Rows& rows;
  const Found plain = truth(rows, false), filtered = truth(rows, true);
  std::vector<Line> lines;

  std::vector<std::vector<float>> changes() const {
    std::vector<std::vector<float>> out(300);
    for (size_t i = 0; i < out.size(); ++i) rows.put((1u << 29) + i, out[i]);
    return out;
  }
  size_t changed(size_t i) const { return mix64(i, 10) % rows.count; }

  void ours() {
    SlotSet half;
    for (uint32_t i = 0; i < rows.count; ++i)
      if (rows.allowed(i)) half.add(i);
    VectorSet set({.dim = rows.dim});
    for (uint32_t i = 0; i < rows.count; ++i) set.set(i, {rows.row(i), rows.dim});
    set.publish();
    const EpochGuard guard;
    std::vector<VectorHit> hits;
    const auto ask = [&](auto&& top) {
      return [&, top](size_t q, std::vector<int64_t>& out) {
        top(set.prepare({rows.query(q), rows.dim}));
        for (const VectorHit& hit : hits) out.push_back(hit.slot);
      };
    };
    Line exact{.what = "exact scan of int8 rows"};
    exact.bytes = static_cast<double>(set.bytes());
    exact.plain = measure(plain, ask([&](const auto& query) { set.top(query, nullptr, kTop, hits); }));
    exact.filtered = measure(filtered, ask([&](const auto& query) { set.top(query, &half, kTop, hits); }));
    lines.push_back(exact);
    Nearest nearest(set, {.rows_min = 1});
    Line line{.what = "lists (ours)"};
    line.build_s = timed_seconds([&] { nearest.settle(); });
    line.effort = nearest.status().probes;
    line.bytes = static_cast<double>(set.bytes() + nearest.bytes());
    line.plain = measure(plain, ask([&](const auto& query) { nearest.top(query, nullptr, kTop, hits); }));
    line.filtered = measure(filtered, ask([&](const auto& query) { nearest.top(query, &half, kTop, hits); }));
    std::vector<double> us;
    const auto next = changes();
    for (size_t i = 0; i < next.size(); ++i)
      us.push_back(1e3 * timed_ms([&] {
                     set.set(static_cast<uint32_t>(changed(i)), next[i]);
                     set.publish();
                     nearest.changed(static_cast<uint32_t>(changed(i)), 2);
                     nearest.tick();
                   }));
    line.change_us = median_ms(us);
    lines.push_back(line);
  }

  void inverted_file(bool int8) {
    const size_t before = held_bytes();
    faiss::IndexFlatIP centres(rows.dim);
    const size_t count = std::max<size_t>(1, rows.count / 256);
    std::unique_ptr<faiss::IndexIVF> index;
    if (int8) {
      index = std::make_unique<faiss::IndexIVFScalarQuantizer>(
          &centres, rows.dim, count, faiss::ScalarQuantizer::QT_8bit, faiss::METRIC_INNER_PRODUCT);
    } else {
      index = std::make_unique<faiss::IndexIVFFlat>(&centres, rows.dim, count, faiss::METRIC_INNER_PRODUCT);
    }
    Line line{.what = int8 ? "faiss IVF, 8-bit rows" : "faiss IVF, float rows"};
    line.build_s = timed_seconds([&] {
      index->train(rows.count, rows.values.data());
      index->add(rows.count, rows.values.data());
    });
    line.bytes = static_cast<double>(held_bytes() - before);
    const auto ask = [&](size_t q, std::vector<int64_t>& out) {
      std::vector<float> scores(kTop);
      out.resize(kTop);
      index->search(1, rows.query(q), kTop, scores.data(), out.data());
    };
    line.plain = least(static_cast<uint32_t>(count), line.effort, [&](uint32_t probes) {
      index->nprobe = probes;
      return measure(plain, ask);
    });
    std::vector<uint8_t> bits((rows.count + 7) / 8);
    for (size_t i = 0; i < rows.count; ++i)
      if (rows.allowed(i)) bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | 1u << (i % 8));
    faiss::IDSelectorBitmap half(bits.size(), bits.data());
    faiss::SearchParametersIVF asked;
    asked.sel = &half;
    uint32_t probes = 0;
    line.filtered = least(static_cast<uint32_t>(count), probes, [&](uint32_t n) {
      asked.nprobe = n;
      return measure(filtered, [&](size_t q, std::vector<int64_t>& out) {
        std::vector<float> scores(kTop);
        out.resize(kTop);
        index->search(1, rows.query(q), kTop, scores.data(), out.data(), &asked);
      });
    });
    index->make_direct_map(true);
    std::vector<double> us;
    const auto next = changes();
    for (size_t i = 0; i < next.size(); ++i) {
      const auto id = static_cast<faiss::Index::idx_t>(changed(i));
      us.push_back(1e3 * timed_ms([&] { index->update_vectors(1, &id, next[i].data()); }));
    }
    line.change_us = median_ms(us);
    lines.push_back(line);
  }

  void graph() {
    const size_t before = held_bytes();
    hnswlib::InnerProductSpace space(rows.dim);
    hnswlib::HierarchicalNSW<float> index(&space, rows.count, 16, 100);
    Line line{.what = "hnswlib graph (M 16, width 100)"};
    line.build_s = timed_seconds([&] {
      for (size_t i = 0; i < rows.count; ++i) index.addPoint(rows.row(i), i);
    });
    line.bytes = static_cast<double>(held_bytes() - before);
    const auto ask = [&](size_t k, bool filter) {
      return [&, k, filter](size_t q, std::vector<int64_t>& out) {
        auto heap = index.searchKnn(rows.query(q), k);
        for (; !heap.empty(); heap.pop())
          if (!filter || rows.allowed(heap.top().second))
            out.push_back(static_cast<int64_t>(heap.top().second));
        std::reverse(out.begin(), out.end());
        out.resize(std::min(out.size(), kTop));
      };
    };
    line.plain = least(1000, line.effort, [&](uint32_t width) {
      index.setEf(std::max<size_t>(width, kTop));
      return measure(plain, ask(kTop, false));
    });
    uint32_t width = 0;
    line.filtered = least(1000, width, [&](uint32_t n) {
      index.setEf(std::max<size_t>(n, 4 * kTop));
      return measure(filtered, ask(4 * kTop, true));
    });
    std::vector<double> us;
    const auto next = changes();
    for (size_t i = 0; i < next.size(); ++i)
      us.push_back(1e3 * timed_ms([&] { index.addPoint(next[i].data(), changed(i)); }));
    line.change_us = median_ms(us);
    lines.push_back(line);
  }

  static double timed_seconds(const std::function<void()>& what) {
    const double begun = process_seconds();
    what();
    return process_seconds() - begun;
  }

  void print() const {
    std::printf("%s: %u rows x %u, top %zu, recall against float cosines\n\n", rows.kind.what, rows.count,
                rows.dim, kTop);
    TextTable table({"", "made in s", "bytes a row", "a change us", "effort", "ms", "times exact", "recall",
                     "1 in 2: ms", "times exact", "recall"});
    const Line& exact = lines.front();
    for (const Line& line : lines)
      table.row({line.what, format_number(line.build_s, 1), format_number(line.bytes / rows.count, 0),
                 format_number(line.change_us, 1), std::to_string(line.effort),
                 format_number(line.plain.ms, 3), format_number(exact.plain.ms / line.plain.ms, 1),
                 format_number(line.plain.recall, 4), format_number(line.filtered.ms, 3),
                 format_number(exact.filtered.ms / line.filtered.ms, 1),
                 format_number(line.filtered.recall, 4)});
    std::printf("%s\n", table.text().c_str());
  }
};

uint32_t argument(int argc, char** argv, int at, uint32_t otherwise) {
  return argc > at ? static_cast<uint32_t>(std::strtoul(argv[at], nullptr, 10)) : otherwise;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  using namespace freshet;
  omp_set_num_threads(1);
  const uint32_t kind = argument(argc, argv, 3, 0);
  if (kind >= std::size(kKinds)) {
    std::fprintf(stderr, "vector_peers [rows] [dim] [kind 0..%zu] [graph: 1 or 0]\n", std::size(kKinds) - 1);
    return 2;
  }
  const Rows rows(argument(argc, argv, 1, 200'000), argument(argc, argv, 2, 64), kKinds[kind]);
  Bench bench{.rows = rows};
  bench.ours();
  bench.inverted_file(false);
  bench.inverted_file(true);
  if (argument(argc, argv, 4, 1) != 0) bench.graph();
  bench.print();
  return 0;
}
