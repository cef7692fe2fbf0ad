// The deep ranker (learn/deep_ranker.h): 26 fields of dim 16 over 2 million rows, crosses of rank 16,
// perceptron 256-128, three heads, Adagrad.
//
//   ranker_bench write FILE [examples]         a stream: u32[26] values (unique over all fields), f32[3]
//   labels ranker_bench learn FILE [batch] [examples] one pass: examples a CPU second, progressive log loss
//   (mean of
//                                              the heads), share of the matrix multiplication limit
//   ranker_bench score FILE                    200 and 500 candidates: p50 and p99 of one request
//
// The limit is this machine's rate of the same kernel on matrices that stay in cache. One JSON line each.
// bench/ranker_vs_torch.py runs it and PyTorch in turn.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/hash.h"
#include "env/process.h"
#include "learn/deep_ranker.h"

namespace freshet {
namespace {

constexpr size_t kFields = 26;
constexpr size_t kHeads = 3;
constexpr uint64_t kRows = 2'000'000;
constexpr uint64_t kValues = kRows / kFields;  // Of a field.

struct Example {
  uint32_t values[kFields];
  float labels[kHeads];
};

// Hidden: a weight and a vector of three for each value; neighbouring fields interact; a cart needs a click,
// a purchase a cart.
Example make_example(uint64_t n) {
  Draw draw(mix64(23, n));
  Example out;
  double odds = -0.8;
  double vectors[kFields][3];
  for (uint64_t field = 0; field < kFields; ++field) {
    const double u = draw.uniform();
    const double common = static_cast<double>(kValues - 1);
    const auto value = static_cast<uint64_t>(field < 13 ? 40 * u * u : std::pow(common, u * (0.4 + 0.6 * u)));
    out.values[field] = static_cast<uint32_t>(field * kValues + std::min(value, kValues - 1));
    Draw hidden(mix64(7, out.values[field]));
    odds += hidden.uniform() - 0.5;
    for (double& each : vectors[field]) each = 2 * hidden.uniform() - 1;
  }
  for (size_t field = 0; field + 1 < kFields; field += 2)
    for (size_t i = 0; i < 3; ++i) odds += 0.9 * vectors[field][i] * vectors[field + 1][i];
  bool did = true;
  for (size_t head = 0; head < kHeads; ++head) {
    did = did && draw.uniform() < 1 / (1 + std::exp(-odds - (head == 0 ? 0 : 0.3)));
    out.labels[head] = did ? 1.0f : 0.0f;
  }
  return out;
}

struct Stream {
  std::vector<uint64_t> keys;  // [examples][kFields]
  std::vector<float> labels;   // [examples][kHeads]
  size_t examples = 0;
};

Stream read_stream(const char* path, size_t examples_max) {
  Stream out;
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) std::exit((std::perror(path), 1));
  Example example;
  for (; out.examples < examples_max && std::fread(&example, sizeof example, 1, file) == 1; ++out.examples) {
    out.keys.insert(out.keys.end(), example.values, example.values + kFields);
    out.labels.insert(out.labels.end(), example.labels, example.labels + kHeads);
  }
  std::fclose(file);
  return out;
}

DeepRankerConfig config() {
  DeepRankerConfig out;
  out.fields = kFields;
  out.table.bytes_max = size_t{1} << 30;
  out.table.optimizer.rate = 0.05f;
  return out;
}

DeepRanker full_ranker() {  // All rows are there before the first example.
  DeepRanker ranker(config());
  for (uint64_t key = 0; key < kRows; ++key) ranker.table().sight(key);
  return ranker;
}

double gemm_limit() {  // Multiply-adds a CPU second.
  constexpr size_t kM = CrossNetwork::kBlock, kN = 256, kK = 256;
  std::vector<float> a(kM * kK, 0.5f), b(kK * kN, 0.5f), c(kM * kN);
  double best = 0;
  for (int round = 0; round < 20; ++round) {
    const double begin = thread_cpu_seconds();
    for (int i = 0; i < 20; ++i)
      dense_kernels().gemm(kM, kN, kK, a.data(), kK, 1, b.data(), kN, c.data(), kN, false);
    best = std::max(best, 20.0 * kM * kN * kK / (thread_cpu_seconds() - begin));
  }
  return best;
}

void learn(const char* path, size_t batch, size_t examples_max) {
  const Stream stream = read_stream(path, examples_max);
  DeepRanker ranker = full_ranker();
  std::vector<float> logits(stream.labels.size());
  const double limit = gemm_limit();
  const double begin = thread_cpu_seconds();
  for (size_t i = 0; i < stream.examples; i += batch) {
    const size_t count = std::min(batch, stream.examples - i);
    ranker.learn(count, &stream.keys[i * kFields], nullptr, &stream.labels[i * kHeads], &logits[i * kHeads]);
  }
  const double spent = thread_cpu_seconds() - begin;
  double loss = 0;
  for (size_t i = 0; i < logits.size(); ++i)
    loss += std::log1p(std::exp(stream.labels[i] > 0.5f ? -double{logits[i]} : double{logits[i]}));
  const double rate = static_cast<double>(stream.examples) / spent;
  const double work = 3.0 * static_cast<double>(ranker.network().multiply_adds());
  std::printf(
      "{\"batch\":%zu,\"examples\":%zu,\"examples_per_cpu_second\":%.0f,\"log_loss\":%.6f,"
      "\"gemm_limit_gflops\":%.1f,\"share_of_gemm_limit\":%.3f,\"kernels\":\"%s\"}\n",
      batch, stream.examples, rate, loss / static_cast<double>(logits.size()), 2e-9 * limit,
      rate * work / limit, dense_kernels().name);
}

void score(const char* path) {
  const Stream stream = read_stream(path, 20'000);
  DeepRanker ranker = full_ranker();
  DeepRanker::Workspace space;
  for (const size_t candidates : {200, 500}) {
    std::vector<double> cpu_ms, wall_ms;
    std::vector<float> logits(candidates * kHeads);
    for (size_t i = 0; i < 400; ++i) {
      const size_t at = mix64(i) % (stream.examples - candidates);
      const double begin = thread_cpu_seconds();
      const double clock = wall_seconds();
      ranker.score(candidates, &stream.keys[at * kFields], nullptr, logits.data(), space);
      wall_ms.push_back((wall_seconds() - clock) * 1e3);
      cpu_ms.push_back((thread_cpu_seconds() - begin) * 1e3);
    }
    for (auto* each : {&cpu_ms, &wall_ms}) std::sort(each->begin(), each->end());
    std::printf(
        "{\"candidates\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"cpu_p50_ms\":%.3f,\"cpu_p99_ms\":%.3f}\n",
        candidates, wall_ms[200], wall_ms[396], cpu_ms[200], cpu_ms[396]);
  }
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  const auto number = [&](int i, size_t otherwise) { return argc > i ? std::stoull(argv[i]) : otherwise; };
  if (what == "write") {
    std::FILE* file = std::fopen(argv[2], "wb");
    if (file == nullptr) std::exit((std::perror(argv[2]), 1));
    for (uint64_t n = 0; n < number(3, 100'000); ++n) {
      const freshet::Example example = freshet::make_example(n);
      std::fwrite(&example, sizeof example, 1, file);
    }
    std::fclose(file);
  } else if (what == "learn") {
    freshet::learn(argv[2], number(3, 1024), number(4, SIZE_MAX));
  } else if (what == "score") {
    freshet::score(argv[2]);
  } else {
    std::fprintf(stderr, "see the head of bench/ranker_bench.cc\n");
    return 2;
  }
  return 0;
}
