// How much of what retraining every hour wins over a frozen model does learning online win?
//
//   F  frozen     trained once on what came before T0; the question (a shopper's own history) stays live
//   R  retrained  from scratch at the beginning of each sampled full hour after T0, served from its very next
//                 event: no delay of deployment
//   O  online     one pass, as shipped
//
//   G = (O - F) / (R - F)   on the same targets, those of the sampled hours
//
// F and R are each trained in the way (all data, the last seven or two days; once or twice over it) that was
// best on hours before T0. The interval of G is the percentile bootstrap over hours (Efron 1979; blocks as in
// Kuensch 1989). A gap is only spoken of when R - F is more than two of its own bootstrap deviations.
//
// CPU seconds are of learning from lessons that are already made: of O all that came after T0; of R the mean
// of the sampled trainings times the hours after T0 in which anything came.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace freshet {

// A way of training: which part of the past, and how often.
struct FreshnessTraining {
  int64_t hours = 0;  // The last so many; 0: all.
  int passes = 1;
};
inline constexpr FreshnessTraining kFreshnessTrainings[] = {{0, 1},      {0, 2},      {7 * 24, 1},
                                                            {7 * 24, 2}, {2 * 24, 1}, {2 * 24, 2}};
std::string training_name(const FreshnessTraining& training);  // "all, 2 passes"

struct FreshnessReport {
  enum Arm : uint8_t { kFrozen, kRetrained, kOnline };
  static constexpr size_t kArms = 3;
  struct Metric {
    std::string name;
    bool loss = false;  // Less is better.
  };
  struct Hour {
    double at = 0;  // Hours since T0.
    uint64_t targets = 0;
    std::vector<std::array<double, kArms>> sums;  // [metric][arm], over the targets
  };
  std::string title;
  std::vector<Metric> metrics;
  std::vector<Hour> hours;
  FreshnessTraining frozen, retrained;
  uint64_t lessons = 0, lessons_after = 0;  // All; those after T0.
  uint64_t hours_after = 0;                 // With data, after T0.
  double online_cpu_s = 0, retrained_cpu_s = 0;
};

// Of one metric. Means over targets.
struct FreshnessGap {
  std::array<double, FreshnessReport::kArms> mean{};
  double gap = 0, gap_deviation = 0;     // R - F as a gain (of a loss: F - R), and its bootstrap deviation
  double closed = 0, low = 0, high = 0;  // G and its interval of 95 %
  bool there() const { return gap > 2 * gap_deviation; }
};
FreshnessGap freshness_gap(const FreshnessReport& report, size_t metric);

// `n` of them (or all), drawn by a fixed hash, ascending. `hours`: distinct.
std::vector<int64_t> sample_hours(std::vector<int64_t> hours, size_t n);

// Of the first metric, of the hours so far: a line while it runs, so that who must stop early has something.
// Hours come in order, so it speaks of the earlier ones.
std::string freshness_so_far(const FreshnessReport& report);
std::string freshness_text(const FreshnessReport& report);
std::string freshness_json(const FreshnessReport& report);
std::string freshness_svg(const FreshnessReport& report);  // Of the first metric, summed up over the hours.

}  // namespace freshet
