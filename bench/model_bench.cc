// Kernels, learning, and scans of the sequence model. Everything is generated from a seed.
//
//   model_bench --benchmark_filter=Learn
//
// The counters say what the time is of: us_per_lesson, recall (of the index at 100, against an exact scan),
// rms_error_share and worst_error_share (error of served int8 scores against float32, in deviations of the
// scores).
#include <algorithm>
#include <cmath>
#include <memory>

#include <benchmark/benchmark.h>

#include "base/hash.h"
#include "model/math.h"
#include "model/sequence_learner.h"
#include "model/sequence_model.h"
#include "model/serving_copy.h"

namespace freshet {
namespace {

// Shoppers walk between neighbours in a hidden space of `groups` groups, popular items more often: what makes
// learned vectors cluster the way real ones do.
class Walk {
 public:
  Walk(uint32_t items, uint32_t groups) : items_(items), groups_(groups) {}
  void next(std::vector<SequenceStep>& steps) {
    Draw draw(mix64(99, ++count_));
    const uint32_t group = pick(draw, groups_);
    const uint32_t size = items_ / groups_;
    const size_t n = 3 + draw.below(6);
    steps.clear();
    uint32_t at = pick(draw, size);
    for (size_t i = 0; i < n; ++i) {
      steps.push_back({group * size + at, 8, 3, static_cast<uint8_t>(i == 0), 0});
      at = draw.below(4) == 0 ? pick(draw, size) : (at + 1 + static_cast<uint32_t>(draw.below(3))) % size;
    }
  }
  uint64_t count() const { return count_; }

 private:
  static uint32_t pick(Draw& draw, uint32_t size) {
    const double u = draw.uniform();
    return static_cast<uint32_t>(u * u * u * size);
  }
  uint32_t items_, groups_;
  uint64_t count_ = 0;
};

// Teaches the model `lessons` lessons; returns how many it really learned.
uint64_t teach(SequenceModel& model, Walk& walk, uint64_t lessons, bool publish) {
  std::vector<SequenceStep> steps;
  uint64_t done = 0;
  while (done < lessons) {
    walk.next(steps);
    for (size_t i = 1; i < steps.size(); ++i, ++done) {
      const bool changed =
          model.learn({std::span(steps).first(i), false}, steps[i].item, mix64(walk.count(), i));
      if (changed && publish) model.publish();
    }
  }
  return done;
}

struct Shop {
  Shop(uint32_t items, uint64_t lessons, uint32_t exact_rows_max) : walk(items, std::max(8u, items / 250)) {
    SequenceOptions options;
    options.rows_max = items;
    options.exact_rows_max = exact_rows_max;
    model = std::make_unique<SequenceModel>(options);
    for (uint32_t item = 0; item < items; ++item) {
      // Items of one group come in together and resemble the first of it, as add() is used by the shop.
      const uint32_t like = item / 250 * 250;
      model->add(item, mix64(item), {&like, item == like ? 0u : 1u});
    }
    teach(*model, walk, lessons, false);
    model->publish();
  }
  Walk walk;
  std::unique_ptr<SequenceModel> model;
};

Shop& shop(uint32_t items, uint32_t exact_rows_max) {
  static std::unique_ptr<Shop> last;
  static uint64_t last_key = 0;
  const uint64_t key = static_cast<uint64_t>(items) << 32 | exact_rows_max;
  if (last_key != key) {
    last.reset();
    last = std::make_unique<Shop>(items, 300'000, exact_rows_max);
    last_key = key;
  }
  return *last;
}

void Gemm(benchmark::State& state) {
  const Kernels& k =
      *all_kernels()[std::min<size_t>(static_cast<size_t>(state.range(0)), all_kernels().size() - 1)];
  std::vector<float> a(16 * 64, 0.5f), b(64 * 256, 0.25f), c(16 * 256);
  for (auto _ : state) {
    k.gemm(16, 256, 64, a.data(), 64, 1, b.data(), 256, c.data(), 256, false);
    benchmark::DoNotOptimize(c.data());
  }
  state.SetLabel(k.name);
  state.counters["gmac_per_s"] =
      benchmark::Counter(16 * 256 * 64 * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(Gemm)->DenseRange(0, 3);

void Int8Scan(benchmark::State& state) {
  const Kernels& k =
      *all_kernels()[std::min<size_t>(static_cast<size_t>(state.range(0)), all_kernels().size() - 1)];
  const size_t n = 100'000;
  std::vector<int8_t> rows(n * 64, 3), query(64, 2);
  std::vector<int32_t> out(n);
  for (auto _ : state) {
    k.dot_int8(rows.data(), query.data(), out.data(), n, 64);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(k.name);
}
BENCHMARK(Int8Scan)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

void Learn(benchmark::State& state) {
  Shop& s = shop(static_cast<uint32_t>(state.range(0)), 200'000);
  uint64_t lessons = 0;
  for (auto _ : state) lessons += teach(*s.model, s.walk, 4096, state.range(1) != 0);
  state.SetLabel(state.range(1) ? "learn and publish" : "learn");
  state.counters["us_per_lesson"] = benchmark::Counter(
      static_cast<double>(lessons) * 1e-6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(Learn)->Args({50'000, 0})->Args({50'000, 1})->Args({1'000'000, 1})->Unit(benchmark::kMillisecond);

void Encode(benchmark::State& state) {
  Shop& s = shop(100'000, 200'000);
  std::vector<SequenceStep> steps;
  s.walk.next(steps);
  const SequenceModel::View view = s.model->view();
  for (auto _ : state) benchmark::DoNotOptimize(view.encode({steps, false}));
}
BENCHMARK(Encode)->Unit(benchmark::kMicrosecond);

// What rounding to int8 costs: the error of served scores against float32 ones, as a share of the scores'
// deviation.
void Int8Error(benchmark::State& state) {
  SequenceOptions options;
  options.rows_max = 20'000;
  SequenceLearner learner(options);
  Walk walk(options.rows_max, 80);
  for (uint32_t item = 0; item < options.rows_max; ++item) learner.add(item, mix64(item), {});
  std::vector<SequenceStep> steps;
  for (int i = 0; i < 40'000; ++i) {
    walk.next(steps);
    for (size_t at = 1; at < steps.size(); ++at)
      learner.learn({std::span(steps).first(at), false}, steps[at].item, mix64(walk.count(), at), 1);
  }
  ServingCopy copy(options);
  for (uint32_t item : learner.changed()) copy.update_row(item, learner);
  copy.update_rest(learner, 1);
  double error2 = 0, sum = 0, sum2 = 0, n = 0, worst = 0;
  for (auto _ : state) {
    walk.next(steps);
    const SequenceQuery query = copy.encode({steps, false});
    for (uint32_t item = 0; item < options.rows_max; ++item) {
      const bool own =
          std::any_of(query.own.begin(), query.own.end(), [&](const auto& o) { return o.item == item; });
      if (own) continue;
      const double exact = static_cast<double>(kernels().dot(query.q.data(), learner.row(item), options.dim) +
                                               learner.bias(item));
      const double error = std::fabs(static_cast<double>(copy.score(query, item)) - exact);
      error2 += error * error;
      worst = std::max(worst, error);
      sum += exact;
      sum2 += exact * exact;
      ++n;
    }
  }
  const double deviation = std::sqrt(sum2 / n - sum / n * (sum / n));
  state.counters["rms_error_share"] = std::sqrt(error2 / n) / deviation;
  state.counters["worst_error_share"] = worst / deviation;
}
BENCHMARK(Int8Error)->Iterations(50)->Unit(benchmark::kMillisecond);

// top-100 by full scan.
void ExactTop(benchmark::State& state) {
  Shop& s = shop(static_cast<uint32_t>(state.range(0)), 2'000'000);
  const SequenceModel::View view = s.model->view();
  std::vector<SequenceStep> steps;
  for (auto _ : state) {
    s.walk.next(steps);
    benchmark::DoNotOptimize(view.top_exact(view.encode({steps, false}), 100));
  }
}
BENCHMARK(ExactTop)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

// top-100 through the index, with learning going on in between: vectors move, the index follows.
void IndexTop(benchmark::State& state) {
  Shop& s = shop(static_cast<uint32_t>(state.range(0)), 200'000);
  std::vector<SequenceStep> steps;
  uint64_t queries = 0;
  for (auto _ : state) {
    state.PauseTiming();
    if (++queries % 16 == 0) teach(*s.model, s.walk, 256, true);
    s.walk.next(steps);
    state.ResumeTiming();
    const SequenceModel::View view = s.model->view();
    benchmark::DoNotOptimize(view.top(view.encode({steps, false}), 100));
  }
  state.counters["recall"] = s.model->index_recall();
  state.counters["probes"] = s.model->index_probes();
}
BENCHMARK(IndexTop)->Arg(1'000'000)->Unit(benchmark::kMicrosecond)->MinTime(2);

}  // namespace
}  // namespace freshet

BENCHMARK_MAIN();
