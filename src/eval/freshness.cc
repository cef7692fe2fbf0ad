#include "eval/freshness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/hash.h"
#include "base/json_writer.h"
#include "eval/plot.h"

namespace freshet {
namespace {

constexpr uint64_t kHourSeed = 0x66686f7572, kBootstrapSeed = 0x66626f6f74;
constexpr int kResamples = 2000;
constexpr const char* kArmNames[] = {"frozen", "retrained", "online"};
using Arms = std::array<double, FreshnessReport::kArms>;

// What `arm` is better by than the frozen one.
double gain(const Arms& sums, FreshnessReport::Arm arm, bool loss) {
  const double more = sums[arm] - sums[FreshnessReport::kFrozen];
  return loss ? -more : more;
}

double closed_of(const Arms& sums, bool loss) {
  const double gap = gain(sums, FreshnessReport::kRetrained, loss);
  return gap == 0 ? 0 : gain(sums, FreshnessReport::kOnline, loss) / gap;
}

std::string format(const char* text, auto... values) {
  char out[256];
  std::snprintf(out, sizeof out, text, values...);
  return out;
}

}  // namespace

std::string training_name(const FreshnessTraining& training) {
  std::string name = training.hours == 0 ? "all data" : "last " + std::to_string(training.hours / 24) + " d";
  return name + (training.passes == 1 ? ", one pass" : ", " + std::to_string(training.passes) + " passes");
}

std::vector<int64_t> sample_hours(std::vector<int64_t> hours, size_t n) {
  const auto drawn = [](int64_t hour) { return mix64(kHourSeed, static_cast<uint64_t>(hour)); };
  std::sort(hours.begin(), hours.end(),
            [&](int64_t a, int64_t b) { return drawn(a) != drawn(b) ? drawn(a) < drawn(b) : a < b; });
  if (hours.size() > n) hours.resize(n);
  std::sort(hours.begin(), hours.end());
  return hours;
}

FreshnessGap freshness_gap(const FreshnessReport& report, size_t metric) {
  FreshnessGap out;
  const bool loss = report.metrics[metric].loss;
  Arms sums{};
  uint64_t targets = 0;
  for (const FreshnessReport::Hour& hour : report.hours) {
    for (size_t arm = 0; arm < sums.size(); ++arm) sums[arm] += hour.sums[metric][arm];
    targets += hour.targets;
  }
  if (targets == 0) return out;
  const double n = static_cast<double>(targets);
  for (size_t arm = 0; arm < sums.size(); ++arm) out.mean[arm] = sums[arm] / n;
  out.gap = gain(sums, FreshnessReport::kRetrained, loss) / n;
  out.closed = closed_of(sums, loss);
  std::vector<double> closed;
  double sum = 0, squares = 0;
  for (int r = 0; r < kResamples; ++r) {
    Draw draw(mix64(kBootstrapSeed, static_cast<uint64_t>(r)));
    Arms drawn{};
    uint64_t drawn_targets = 0;
    for (size_t i = 0; i < report.hours.size(); ++i) {
      const FreshnessReport::Hour& hour = report.hours[draw.below(report.hours.size())];
      for (size_t arm = 0; arm < drawn.size(); ++arm) drawn[arm] += hour.sums[metric][arm];
      drawn_targets += hour.targets;
    }
    closed.push_back(closed_of(drawn, loss));
    const double gap =
        gain(drawn, FreshnessReport::kRetrained, loss) / std::max(1.0, static_cast<double>(drawn_targets));
    sum += gap;
    squares += gap * gap;
  }
  std::sort(closed.begin(), closed.end());
  out.low = closed[kResamples / 40];
  out.high = closed[kResamples - 1 - kResamples / 40];
  out.gap_deviation = std::sqrt(std::max(0.0, squares / kResamples - sum / kResamples * (sum / kResamples)));
  return out;
}

std::string freshness_so_far(const FreshnessReport& report) {
  const FreshnessGap gap = freshness_gap(report, 0);
  return format(
      "  %zu hours so far: %s frozen %.4f, retrained %.4f, online %.4f; gap closed %.0f%% (%.0f%% to %.0f%%)",
      report.hours.size(), report.metrics[0].name.c_str(), gap.mean[0], gap.mean[1], gap.mean[2],
      100 * gap.closed, 100 * gap.low, 100 * gap.high);
}

std::string freshness_text(const FreshnessReport& report) {
  uint64_t targets = 0;
  for (const FreshnessReport::Hour& hour : report.hours) targets += hour.targets;
  std::string out = format(
      "%llu targets in %zu of %llu hours after half; %llu lessons, %llu of them after half\n",
      static_cast<unsigned long long>(targets), report.hours.size(),
      static_cast<unsigned long long>(report.hours_after), static_cast<unsigned long long>(report.lessons),
      static_cast<unsigned long long>(report.lessons_after));
  out += "frozen: " + training_name(report.frozen) +
         "; retrained each hour: " + training_name(report.retrained) + "\n";
  out += format("%-10s %9s %10s %9s   %8s %6s   gap closed\n", "", "frozen", "retrained", "online", "gap",
                "/dev");
  for (size_t m = 0; m < report.metrics.size(); ++m) {
    const FreshnessGap gap = freshness_gap(report, m);
    out += format("%-10s %9.4f %10.4f %9.4f   %+8.4f %6.1f   ", report.metrics[m].name.c_str(), gap.mean[0],
                  gap.mean[1], gap.mean[2], gap.gap, gap.gap_deviation > 0 ? gap.gap / gap.gap_deviation : 0);
    out += gap.there()
               ? format("%.0f%% (%.0f%% to %.0f%%)\n", 100 * gap.closed, 100 * gap.low, 100 * gap.high)
               : std::string("none to close\n");
  }
  out += format("CPU of learning: online %.2f s, retraining each hour %.0f s: %.3f%%\n", report.online_cpu_s,
                report.retrained_cpu_s,
                report.retrained_cpu_s > 0 ? 100 * report.online_cpu_s / report.retrained_cpu_s : 0);
  return out;
}

std::string freshness_json(const FreshnessReport& report) {
  JsonWriter json;
  json.object();
  uint64_t targets = 0;
  for (const FreshnessReport::Hour& hour : report.hours) targets += hour.targets;
  json.field("targets", targets).field("hours", uint64_t{report.hours.size()});
  json.field("hours_after", report.hours_after).field("lessons", report.lessons);
  json.field("lessons_after", report.lessons_after);
  json.field("frozen_training", training_name(report.frozen));
  json.field("retrained_training", training_name(report.retrained));
  json.key("metrics").object();
  for (size_t m = 0; m < report.metrics.size(); ++m) {
    const FreshnessGap gap = freshness_gap(report, m);
    json.key(report.metrics[m].name).object();
    for (size_t arm = 0; arm < FreshnessReport::kArms; ++arm) json.field(kArmNames[arm], gap.mean[arm]);
    json.field("gap", gap.gap).field("gap_deviation", gap.gap_deviation).field("gap_there", gap.there());
    json.field("closed", gap.closed).field("closed_low", gap.low).field("closed_high", gap.high);
    json.end();
  }
  json.end();
  json.field("online_cpu_s", report.online_cpu_s).field("retrained_cpu_s", report.retrained_cpu_s);
  json.field("cpu_share", report.retrained_cpu_s > 0 ? report.online_cpu_s / report.retrained_cpu_s : 0);
  json.end();
  return json.take() + "\n";
}

std::string freshness_svg(const FreshnessReport& report) {
  Plot plot;
  plot.title = report.title;
  plot.subtitle = report.metrics[0].name + " over the sampled hours up to here";
  plot.x_label = "hours since half";
  plot.y_label = report.metrics[0].name;
  for (const size_t arm : {FreshnessReport::kOnline, FreshnessReport::kRetrained, FreshnessReport::kFrozen}) {
    PlotLine& line = plot.lines.emplace_back(PlotLine{kArmNames[arm], {}});
    double sum = 0;
    uint64_t n = 0;
    for (const FreshnessReport::Hour& hour : report.hours) {
      sum += hour.sums[0][arm];
      n += hour.targets;
      if (n > 0) line.points.emplace_back(hour.at, sum / static_cast<double>(n));
    }
  }
  return plot_svg(plot);
}

}  // namespace freshet
