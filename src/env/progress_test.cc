#include "env/progress.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Progress, SaysShareRateAndTimeLeft) {
  struct Row {
    const char* name;
    uint64_t total, position, count;
    double elapsed_s;
    const char* want;
  };
  const Row rows[] = {
      {"half way", 100, 50, 1000, 2, "read ████████████             50 %  1,000 lines  500/s  2.0 s left"},
      {"done", 100, 100, 1000, 2, "read ████████████████████████ 100 %  1,000 lines  500/s"},
      {"more than promised", 100, 200, 10, 1, "read ████████████████████████ 100 %  10 lines  10/s"},
      {"total not known", 0, 7, 7, 7, "read  7 lines  1/s"},
      {"nothing yet", 100, 0, 0, 0, "read                          0 %  0 lines"},
  };
  for (const Row& row : rows) {
    Progress progress("read", row.total, "lines", false);
    progress.at(row.position, row.count);
    EXPECT_EQ(progress.line(row.elapsed_s), row.want) << row.name;
    progress.note("recall 0.571");
    EXPECT_EQ(progress.line(row.elapsed_s), std::string(row.want) + "  recall 0.571") << row.name;
  }
}

}  // namespace
}  // namespace freshet
