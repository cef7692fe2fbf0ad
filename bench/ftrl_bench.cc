// Sparse logistic regression by FTRL-Proximal (model/ftrl.h): examples a CPU second, parsing excluded.
//
//   ftrl_bench write FILE [examples]    a stream of 40 categorical features an example, as VW text
//   ftrl_bench learn FILE [alpha]       learns it: 2^22 weights, examples fetched two ahead
//
// `learn` reads the file into memory first, then prints one line of JSON: examples, learn_cpu_s (of one pass
// over a fresh table), examples_per_cpu_second, log_loss (progressive, natural logarithm).
// bench/ftrl_vs_vw.py runs it and Vowpal Wabbit in turn.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/hash.h"
#include "env/memory.h"
#include "env/process.h"
#include "model/ftrl.h"
#include "model/math.h"

namespace freshet {
namespace {

constexpr size_t kFields = 40;
constexpr uint32_t kBits = 22;

// Values of a field: few common, many rare; each moves the odds by a hidden weight.
void write_stream(const char* path, uint64_t examples) {
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) std::exit((std::perror(path), 1));
  for (uint64_t n = 0; n < examples; ++n) {
    Draw draw(mix64(11, n));
    double odds = -1.5;
    std::string line;
    for (uint64_t field = 0; field < kFields; ++field) {
      const double u = draw.uniform();
      const auto value = static_cast<uint64_t>(std::pow(10, 5.3 * u * u) * (1 + draw.uniform()));
      const uint64_t key = mix64(field, value);
      odds += 0.5 * (Draw(key).uniform() - 0.5) * (field < 20 ? 1.5 : 0.3);
      line += ' ' + std::to_string(key & ((1u << kBits) - 1));
    }
    const bool label = draw.uniform() < 1 / (1 + std::exp(-odds));
    std::fprintf(file, "%s |f%s\n", label ? "1" : "-1", line.c_str());
  }
  std::fclose(file);
}

struct Stream {
  std::vector<Feature> features;  // [examples][kFields]
  std::vector<float> labels;
};

Stream read_stream(const char* path) {
  Stream stream;
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) std::exit((std::perror(path), 1));
  char line[2048];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    stream.labels.push_back(line[0] == '-' ? 0.0f : 1.0f);
    const char* at = std::strchr(line, 'f');
    for (size_t i = 0; i < kFields && at != nullptr; ++i) {
      char* end = nullptr;
      stream.features.push_back({static_cast<uint32_t>(std::strtoul(at + 1, &end, 10)), 1});
      at = end;
    }
  }
  std::fclose(file);
  return stream;
}

void learn(const char* path, float alpha) {
  const Stream stream = read_stream(path);
  const size_t examples = stream.labels.size();
  constexpr size_t kSlots = size_t{1} << kBits;
  auto* slots = static_cast<FtrlSlot*>(allocate_large(kSlots * sizeof(FtrlSlot)));
  std::fill(slots, slots + kSlots, FtrlSlot{});
  Ftrl ftrl({.alpha = alpha}, {slots, kSlots});
  const auto example = [&](size_t n) { return std::span(stream.features).subspan(n * kFields, kFields); };
  std::vector<float> scores(examples);
  const double begin = thread_cpu_seconds();
  for (size_t n = 0; n < examples; ++n) {
    scores[n] = ftrl.learn_logistic(example(n), stream.labels[n], example(std::min(n + 2, examples - 1)));
  }
  const double spent = thread_cpu_seconds() - begin;
  double loss = 0;
  for (size_t n = 0; n < examples; ++n)
    loss += std::log1p(std::exp(stream.labels[n] > 0.5f ? -double{scores[n]} : double{scores[n]}));
  std::printf("{\"examples\":%zu,\"learn_cpu_s\":%.4f,\"examples_per_cpu_second\":%.0f,\"log_loss\":%.6f}\n",
              examples, spent, static_cast<double>(examples) / spent, loss / static_cast<double>(examples));
  free_large(slots);
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  if (what == "write")
    freshet::write_stream(argv[2], argc > 3 ? std::stoull(argv[3]) : 300'000);
  else if (what == "learn")
    freshet::learn(argv[2], argc > 3 ? std::stof(argv[3]) : 0.1f);
  else
    std::fprintf(stderr, "see the head of bench/ftrl_bench.cc\n");
  return what == "write" || what == "learn" ? 0 : 2;
}
