#include "main/learn_report.h"

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

}  // namespace
}  // namespace freshet
