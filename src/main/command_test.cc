#include "main/command.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Commands, ExitCodesAndWhere) {
  struct Row {
    std::vector<const char*> args;
    int code;
    const char* in_stdout;
    const char* in_stderr;
  };
  const Row rows[] = {
      {{"freshet"}, 0, "replay", ""},
      {{"freshet", "--help"}, 0, "replay", ""},
      {{"freshet", "--version"}, 0, "freshet 0.", ""},
      {{"freshet", "replay", "--help"}, 0, "--help", ""},
      {{"freshet", "nonsense"}, 2, "", "freshet: "},
      {{"freshet", "replay", "--no-such-flag"}, 2, "", "freshet replay: "},
      {{"freshet", "replay", "--no-such-flag"}, 2, "", "see `freshet replay --help`"},
      {{"freshet", "eval", "rank", "--seed", "x"}, 2, "", "--seed = x, expected a number"},
      {{"freshet", "eval", "rank", "--seed", "-1"},
       2,
       "",
       "--seed: expected a whole number, not below 0, got -1"},
  };
  for (const Row& row : rows) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_command_line(static_cast<int>(row.args.size()), row.args.data());
    const std::string out = testing::internal::GetCapturedStdout();
    const std::string err = testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, row.code) << row.args.back() << out << err;
    EXPECT_NE(out.find(row.in_stdout), std::string::npos) << out;
    EXPECT_NE(err.find(row.in_stderr), std::string::npos) << err;
  }
}

TEST(Commands, NamesAreUniqueAndSummed) {
  std::set<std::string_view> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
  }
}

}  // namespace
}  // namespace freshet
