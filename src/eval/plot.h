// A line chart as one SVG file: axes with round numbers, a grid, a legend with each line's last value.
// Follows the reader's light or dark theme; without a theme it is dark text on a white sheet.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet {

struct PlotLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x ascending
};

struct Plot {
  std::string title;
  std::string subtitle;
  std::string x_label, y_label;
  std::vector<PlotLine> lines;  // Each gets its own colour, in order; eight are told apart.
};

std::string plot_svg(const Plot& plot);
// Into a file. kUnavailable: names it.
Status write_plot(const std::string& path, const std::string& svg);

// Mean of `values` over a window that slides along: about `points` places, each the mean of the `window`
// values up to it. x is the position of the value, from 1.
std::vector<std::pair<double, double>> sliding_mean(const std::vector<float>& values, size_t window,
                                                    size_t points);

}  // namespace freshet
