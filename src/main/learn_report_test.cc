#include "main/learn_report.h"

#include <cmath>

#include <gtest/gtest.h>

#include "json/json.h"

namespace freshet {
namespace {

// Rows a second are those of this run, also after a model was loaded that has seen many more.
TEST(LearnReport, RowsASecondAreOfThisRun) {
  LearnFlags flags;
  flags.config.learner = "ftrl";
  Trainer trainer(flags.config);
  RowReader reader(RowFormat::kCsv);
  Row row;
  ASSERT_TRUE(reader.read("price,label", row).ok());
  ASSERT_TRUE(*reader.read("1,0", row));
  ASSERT_TRUE(trainer.start(reader, std::span(&row, 1)).ok());
  double score = 0;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(trainer.step(row, &score).ok());
  LearnTally tally;
  tally.rows = 30;  // The others were of the run before.
  tally.learn_s = 0.5;
  const auto report = parse_json(learn_report_json(flags, trainer, tally, "state"));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->number_at("examples_per_second"), 60);
  EXPECT_EQ(report->number_at("rows"), 1000);
}

// Bounded, and by quarter what all rows say, to a bucket.
TEST(LearnReport, LossesByQuarter) {
  LossSums few(8), all;
  for (int i = 0; i < 1000; ++i) {
    few.add(i, 1);
    all.add(i, 1);
  }
  for (size_t q = 0; q < 4; ++q) {
    EXPECT_EQ(all.quarter(q), 250 * static_cast<double>(q) + 124.5);
    EXPECT_NEAR(few.quarter(q), all.quarter(q), 130);
  }
  EXPECT_TRUE(std::isnan(LossSums().quarter(0)));
}

}  // namespace
}  // namespace freshet
