#include "eval/late_eval.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

// Customers who order four articles each four days; of the red ones they buy half again, `delay` days later.
EventBuffer orders(double delay, int customers = 60, int rounds = 25) {
  struct Due {
    double day;
    std::string user, item;
  };
  std::vector<Due> lines;
  for (int c = 0; c < customers; ++c)
    for (int r = 0; r < rounds; ++r) {
      const double day = 4.0 * r + 0.05 * c;
      Draw draw(mix64(c, static_cast<uint64_t>(r)));
      const std::string user = "u" + std::to_string(c);
      for (int k = 0; k < 4; ++k) {
        const auto item = static_cast<int>(draw.below(40)) + 100 * (r % 5);
        lines.push_back({day, user, std::to_string(item)});
        if (item % 2 == 0 && draw.uniform() < 0.5)
          lines.push_back({day + delay * (0.5 + draw.uniform()), user, std::to_string(item)});
      }
    }
  std::stable_sort(lines.begin(), lines.end(), [](const Due& a, const Due& b) { return a.day < b.day; });
  EventBuffer out;
  for (const Due& one : lines) {
    Event event;
    event.type = EventType::kPurchase;
    event.user = one.user;
    event.item = one.item;
    event.time_ms = 1'700'000'000'000 + static_cast<TimeMs>(one.day * static_cast<double>(kDayMs));
    event.order_id = one.user + std::to_string(event.time_ms);
    out.add(event);
  }
  return out;
}

using Report = LateEvalReport;

TEST(LateEval, WhoDoesNotKnowTheFutureLoses) {
  EventBuffer source = orders(6);
  const auto report =
      evaluate_late(source, {.window_ms = kDayMs, .late_ms = 12 * kDayMs, .after_ms = kHourMs});
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_GT(report->all.places, 4000u);
  EXPECT_GT(report->late, report->ones / 2);
  EXPECT_NEAR(report->delay_days[1], 6, 2);
  for (size_t arm = 1; arm < Report::kArms; ++arm)
    EXPECT_GT(report->loss(arm), report->loss(Report::kOracle)) << late_arm_name(arm);
  EXPECT_LT(report->loss(Report::kAll), report->loss(Report::kOnes)) << "ones alone are no rate";
  EXPECT_LT(report->loss(Report::kAtOnce), report->loss(Report::kOnes));
  const double is = static_cast<double>(report->all.ones), n = static_cast<double>(report->all.places);
  EXPECT_LT(report->all.said[Report::kBelieving] / n, report->all.said[Report::kTaken] / n)
      << "late ones beside the wrong zeros are too few";
  EXPECT_NEAR(report->all.said[Report::kOracle] / n, is / n, 0.03);
  EXPECT_NE(late_report_text(*report).find("weighted"), std::string::npos);
  EXPECT_NE(late_report_json(*report).find("\"at-once\""), std::string::npos);
}

TEST(LateEval, WithoutLateOnesNothingIsToBeCorrected) {
  EventBuffer source = orders(6);
  const auto report = evaluate_late(source, {.window_ms = 12 * kDayMs, .late_ms = 12 * kDayMs});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->late, 0u);
  EXPECT_NEAR(report->loss(Report::kBelieving), report->loss(Report::kWeighted), 1e-9);
  EXPECT_NEAR(report->loss(Report::kTaken), report->loss(Report::kWeighted), 1e-9);
}

TEST(LateEval, SaysWhenThereIsNothingToJudge) {
  EventBuffer source = orders(6, 2, 2);
  EXPECT_FALSE(evaluate_late(source, {.window_ms = kDayMs, .late_ms = 90 * kDayMs}).ok());
}

}  // namespace
}  // namespace freshet
