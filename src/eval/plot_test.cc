#include "eval/plot.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using Points = std::vector<std::pair<double, double>>;

TEST(SlidingMean, EachPlaceIsTheMeanOfTheWindowUpToIt) {
  struct Row {
    const char* name;
    std::vector<float> values;
    size_t window, points;
    Points want;
  };
  const Row rows[] = {
      {"nothing", {}, 3, 10, {}},
      {"window as long as the values", {1, 0, 1, 0}, 4, 10, {{4, 0.5}}},
      {"window longer than the values", {1, 0}, 9, 10, {{2, 0.5}}},
      {"slides by one", {1, 0, 0, 1}, 2, 10, {{2, 0.5}, {3, 0}, {4, 0.5}}},
      {"thinned to its ends", {1, 0, 0, 0, 1}, 1, 2, {{1, 1}, {5, 1}}},
  };
  for (const Row& row : rows)
    EXPECT_EQ(sliding_mean(row.values, row.window, row.points), row.want) << row.name;
}

TEST(Plot, DrawsEveryLineWithinTheFrame) {
  const Plot plot{"Recall & time",
                  "a < b",
                  "events",
                  "recall@20",
                  {{"live", {{1, 0.2}, {50, 0.6}}}, {"frozen", {{1, 0.1}, {50, 0.3}}}}};
  const std::string svg = plot_svg(plot);
  EXPECT_EQ(svg.substr(0, 4), "<svg");
  EXPECT_NE(svg.find("Recall &amp; time"), std::string::npos);
  EXPECT_NE(svg.find("a &lt; b"), std::string::npos);
  EXPECT_NE(svg.find(">live<"), std::string::npos);
  EXPECT_NE(svg.find(">0.600<"), std::string::npos) << "the legend bears the last value";
  size_t paths = 0;
  for (size_t at = svg.find("<path"); at != std::string::npos; at = svg.find("<path", at + 1)) paths++;
  EXPECT_EQ(paths, 2u);
  EXPECT_NE(svg.find("M62.0 "), std::string::npos) << "the first point stands on the left edge";
  EXPECT_NE(svg.find("L670.0 "), std::string::npos) << "the last on the right edge";
}

TEST(Plot, EmptyIsStillAPicture) {
  const std::string svg = plot_svg({"t", "", "x", "y", {{"nothing", {}}}});
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace freshet
