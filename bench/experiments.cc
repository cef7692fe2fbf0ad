// How many searches an experiment needs, and how often it claims a difference that is not there, in a world
// of shoppers whose truth is known (experiment/testing/click_world.h). docs/benchmarks.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/text_table.h"
#include "experiment/testing/click_world.h"

namespace freshet::testing {
namespace {

ExperimentDefinition definition(ExperimentKind kind, double alpha) {
  ExperimentDefinition of;
  of.name = "bench";
  of.kind = kind;
  of.alpha = alpha;
  return of;
}

constexpr ExperimentKind kKinds[] = {ExperimentKind::kSplit, ExperimentKind::kInterleaving};

// Median over seeds; what is not proved within `most` counts as that.
std::string needed(ExperimentKind kind, double noise, uint64_t most, int* found) {
  std::vector<uint64_t> all;
  *found = 0;
  for (uint64_t seed = 1; seed <= 11; ++seed) {
    ClickWorld world({.seed = seed, .noise_control = noise, .noise_variant = 0, .shoppers = 50'000});
    bool better = false;
    const uint64_t n = until_proved(world, definition(kind, 0.05), most, &better);
    *found += n > 0 && better ? 1 : 0;
    all.push_back(n > 0 ? n : most);
  }
  std::sort(all.begin(), all.end());
  return (all[5] == most ? "> " : "") + format_count(all[5]);
}

void run(int replays) {
  std::printf(
      "searches until the better ranking is proved, looking after each (median of 11 worlds, alpha .05)\n");
  TextTable power({"noise of the worse ranking", "ab", "found", "interleaving", "found"});
  for (const double noise : {0.35, 0.2, 0.12}) {
    int split = 0, drafted = 0;
    const std::string by_split = needed(ExperimentKind::kSplit, noise, 200'000, &split);
    const std::string by_draft = needed(ExperimentKind::kInterleaving, noise, 200'000, &drafted);
    power.row({format_number(noise, 2), by_split, std::to_string(split), by_draft, std::to_string(drafted)});
  }
  std::printf("%s\n", power.text().c_str());

  std::printf(
      "equal arms, a look after each of 4,000 searches: share of %d replays that claim a difference\n",
      replays);
  TextTable alarms({"alpha", "ab", "interleaving"});
  for (const double alpha : {0.05, 0.2}) {
    std::vector<std::string> row = {format_number(alpha, 2)};
    for (const ExperimentKind kind : kKinds) {
      int wrong = 0;
      for (int replay = 0; replay < replays; ++replay) {
        ClickWorld world({.seed = 7000 + static_cast<uint64_t>(replay), .equal_items = true});
        wrong += until_proved(world, definition(kind, alpha), 4000) > 0 ? 1 : 0;
      }
      row.push_back(format_number(static_cast<double>(wrong) / replays, 4));
    }
    alarms.row(row);
  }
  std::printf("%s", alarms.text().c_str());
}

}  // namespace
}  // namespace freshet::testing

int main(int argc, char** argv) {
  freshet::testing::run(argc > 1 ? std::atoi(argv[1]) : 1000);
  return 0;
}
