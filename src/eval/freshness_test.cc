#include "eval/freshness.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "eval/freshness_events.h"
#include "eval/freshness_rows.h"

namespace freshet {
namespace {

constexpr auto kFrozen = FreshnessReport::kFrozen;
constexpr auto kRetrained = FreshnessReport::kRetrained;
constexpr auto kOnline = FreshnessReport::kOnline;

FreshnessReport report_of(bool loss, std::array<double, 3> sums, int hours) {
  FreshnessReport report;
  report.metrics = {{"m", loss}};
  for (int h = 0; h < hours; ++h) report.hours.push_back({static_cast<double>(h), 10, {sums}});
  return report;
}

TEST(Freshness, GapIsWhatRetrainingWinsAndOnlineClosesAPartOfIt) {
  struct Row {
    const char* name;
    bool loss;
    std::array<double, 3> sums;  // frozen, retrained, online; of ten targets an hour
    double gap, closed;
  };
  const Row rows[] = {
      {"all of it", false, {1, 2, 2}, 0.1, 1},
      {"half of it", false, {1, 2, 1.5}, 0.1, 0.5},
      {"more than all", false, {1, 2, 3}, 0.1, 2},
      {"of a loss, less is better", true, {8, 6, 6.5}, 0.2, 0.75},
      {"worse than frozen", true, {8, 6, 9}, 0.2, -0.5},
      {"nothing to win", false, {2, 2, 3}, 0, 0},
  };
  for (const Row& row : rows) {
    const FreshnessGap gap = freshness_gap(report_of(row.loss, row.sums, 30), 0);
    EXPECT_NEAR(gap.gap, row.gap, 1e-12) << row.name;
    EXPECT_NEAR(gap.closed, row.closed, 1e-12) << row.name;
    EXPECT_NEAR(gap.low, row.closed, 1e-9) << row.name;  // Hours are alike: no spread.
    EXPECT_NEAR(gap.high, row.closed, 1e-9) << row.name;
    EXPECT_EQ(gap.there(), row.gap > 0) << row.name;
    EXPECT_NE(freshness_so_far(report_of(row.loss, row.sums, 30)).find("30 hours so far: m frozen"),
              std::string::npos);
  }
}

TEST(Freshness, HoursThatDisagreeWidenTheIntervalAndHideTheGap) {
  FreshnessReport report = report_of(false, {5, 9, 8}, 15);
  for (int h = 0; h < 15; ++h) report.hours.push_back({15.0 + h, 10, {{9, 5.2, 6}}});
  const FreshnessGap gap = freshness_gap(report, 0);
  EXPECT_NEAR(gap.mean[kFrozen], 0.7, 1e-12);
  EXPECT_GT(gap.gap, 0);
  EXPECT_GT(gap.gap_deviation, gap.gap);
  EXPECT_FALSE(gap.there());
  EXPECT_GT(gap.high, gap.low + 0.1);
}

TEST(Freshness, SampledHoursAreDrawnOnceForEver) {
  const std::vector<int64_t> hours = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  const std::vector<int64_t> drawn = sample_hours(hours, 4);
  EXPECT_EQ(drawn.size(), 4u);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(drawn, sample_hours({19, 18, 17, 16, 15, 14, 13, 12, 11, 10}, 4));
  EXPECT_EQ(sample_hours(hours, 100), hours);
  // A longer sample contains the shorter one: more hours refine the same measurement.
  const std::vector<int64_t> longer = sample_hours(hours, 6);
  EXPECT_TRUE(std::includes(longer.begin(), longer.end(), drawn.begin(), drawn.end()));
}

// The twin: retrained by one pass over everything just before each target is what was learned online, list by
// list (the catalogue is there from the first, so that both draw the same negatives). What is frozen at half
// is not: the items changed places then.
TEST(Freshness, RetrainedBeforeEachEventIsOnline) {
  constexpr int kItems = 120;
  const auto view = [](uint64_t item, TimeMs time_ms, uint64_t user) {
    Event event;
    event.type = EventType::kView;
    event.item = "p" + std::to_string(item);
    event.user = "u" + std::to_string(user);
    event.time_ms = time_ms;
    return event;
  };
  EventBuffer events;
  uint64_t items[20] = {};
  for (TimeMs n = 0; n < 1600; ++n) {
    Draw draw(mix64(3, static_cast<uint64_t>(n)));
    const uint64_t user = draw.below(std::size(items));
    const uint64_t step = n < 800 ? 1 : 7;
    items[user] =
        n < kItems ? static_cast<uint64_t>(n) : (items[user] + step + (draw.below(4) == 0 ? 1 : 0)) % kItems;
    events.add(view(items[user], 1'700'000'000'000 + n * kSecondMs, user));
  }
  FreshnessOptions options;
  options.protocol.task = EvalTask::kNextItem;
  options.protocol.group = Grouping::kUser;
  options.state.recommender.memory_bytes = size_t{16} << 20;
  options.state.search.background = false;
  options.hour_ms = kSecondMs;
  options.hours = 20;
  const FreshnessTraining all[] = {{0, 1}};
  options.trainings = all;
  const auto report = freshness_of_events(events, options);
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report->hours.size(), 20u);
  EXPECT_NEAR(static_cast<double>(report->lessons_after), 800, 5);
  for (size_t m = 0; m < report->metrics.size(); ++m) {
    double frozen = 0, retrained = 0;
    for (const FreshnessReport::Hour& hour : report->hours) {
      EXPECT_EQ(hour.sums[m][kRetrained], hour.sums[m][kOnline]) << report->metrics[m].name << " " << hour.at;
      frozen += hour.sums[m][kFrozen];
      retrained += hour.sums[m][kRetrained];
    }
    EXPECT_GT(retrained, frozen + 1) << report->metrics[m].name;
  }
  EXPECT_GT(report->retrained_cpu_s, report->online_cpu_s);
}

// Rows whose rule turns round at half.
std::vector<std::string> lines(size_t count) {
  std::vector<std::string> out{"size,shop,label"};
  for (size_t n = 0; n < count; ++n) {
    Draw draw(n);
    const double size = draw.uniform();
    const bool yes = draw.uniform() < ((size > 0.5) == (n < count / 2) ? 0.9 : 0.1);
    out.push_back(std::to_string(size) + ",s" + std::to_string(draw.below(5)) + "," + (yes ? "1" : "0"));
  }
  return out;
}

Result<FreshnessReport> rows_report(const std::string& learner, double hour,
                                    std::span<const FreshnessTraining> trainings) {
  RowReader reader(RowFormat::kCsv);
  std::vector<Row> rows;
  Row row;
  for (const std::string& line : lines(2000))
    if (reader.read(line, row).value()) rows.push_back(row);
  RowFreshnessOptions options;
  options.trainer.learner = learner;
  options.trainer.encoder.bits = 14;
  options.hour = hour;
  options.hours = 40;
  options.first_rows = 200;
  options.trainings = trainings;
  return freshness_of_rows(reader, rows, options);
}

TEST(Freshness, ALearnerRetrainedBeforeEachRowIsOnline) {
  const FreshnessTraining all[] = {{0, 1}};
  for (const char* learner : {"ftrl", "auto"}) {
    const auto report = rows_report(learner, 1, all);
    ASSERT_TRUE(report.ok()) << report.error().what;
    EXPECT_EQ(report->hours.size(), 40u);
    for (const FreshnessReport::Hour& hour : report->hours)
      EXPECT_EQ(hour.sums[0][kRetrained], hour.sums[0][kOnline]) << learner << " " << hour.at;
    const FreshnessGap gap = freshness_gap(*report, 0);
    EXPECT_GT(gap.mean[kFrozen], gap.mean[kRetrained] + 0.3) << learner;
    EXPECT_TRUE(gap.there());
    EXPECT_DOUBLE_EQ(gap.closed, 1) << learner;
  }
}

TEST(Freshness, WaysOfTrainingAreChosenBeforeHalf) {
  // Before half the rule never changes, so all data beat the last two days (48 rows here).
  const FreshnessTraining both[] = {{48, 1}, {0, 1}};
  const auto report = rows_report("ftrl", 1, both);
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report->retrained.hours, 0);
  EXPECT_EQ(report->frozen.hours, 0);
  EXPECT_FALSE(rows_report("ftrl", 1e9, both).ok());  // One hour: nothing after half.
  EXPECT_FALSE(rows_report("no such", 1, both).ok());
}

}  // namespace
}  // namespace freshet
