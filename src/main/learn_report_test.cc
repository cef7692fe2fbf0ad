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

// A row without a label waits for none, whenever it would have been known.
TEST(LearnReport, RowsWithoutLabelDoNotWait) {
  LearnFlags flags;
  flags.config.learner = "ftrl";
  flags.config.encoder.time = "at";
  flags.config.encoder.label_at = "known";
  Trainer trainer(flags.config);
  RowReader reader(RowFormat::kCsv);
  std::vector<Row> rows(300);
  ASSERT_TRUE(reader.read("at,known,price,label", rows[0]).ok());
  for (size_t n = 0; n < rows.size(); ++n) {
    const std::string at = std::to_string(n), known = std::to_string(n + 5);
    ASSERT_TRUE(*reader.read(at + "," + known + ",1," + (n % 3 == 0 ? "" : "0"), rows[n]));
  }
  ASSERT_TRUE(trainer.start(reader, rows).ok());
  double score = 0;
  for (const Row& row : rows) ASSERT_TRUE(trainer.step(row, &score).ok());
  const auto report = parse_json(learn_report_json(flags, trainer, LearnTally(), "state"));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->number_at("rows_unlabelled"), 100);
  EXPECT_EQ(report->number_at("labels_waiting"),
            4);  // Of the last five: 295, 296, 298 and 299, due at 300 or later.
  EXPECT_NE(learn_report_text(flags, trainer, LearnTally(), "state").find("rows without label"),
            std::string::npos);
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
