#include "eval/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <limits>

#include "base/text_table.h"

namespace freshet {
namespace {

constexpr double kWidth = 860, kHeight = 420;
constexpr double kLeft = 62, kRight = 190, kTop = 64,
                 kBottom = 52;  // margins; the legend stands on the right
// Okabe and Ito's colours, told apart with any kind of sight, tuned to read on white and on near-black.
constexpr const char* kColours[] = {"#0a7ac4", "#e0762a", "#149a72", "#c8579b",
                                    "#8a6fd6", "#c79a00", "#4bb1e0", "#8b8f98"};

[[gnu::format(printf, 2, 3)]] void add(std::string& out, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  out.append(text, static_cast<size_t>(std::clamp(size, 0, static_cast<int>(sizeof text) - 1)));
}

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

struct Axis {
  double low = 0, high = 1, step = 0.25;
};

// About `ticks` round steps (1, 2, 2.5 or 5 times a power of ten) that cover [low, high].
Axis round_axis(double low, double high, int ticks) {
  if (!(high > low)) high = low + 1;
  const double rough = (high - low) / ticks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double nice : {5.0, 2.5, 2.0, 1.0})
    if (nice * power >= rough) step = nice * power;
  return {std::floor(low / step) * step, std::ceil(high / step) * step, step};
}

std::string tick_text(double value, double step) {
  if (step >= 1e6) return format_number(value / 1e6, 0) + " M";
  if (step >= 1e3) return format_number(value / 1e3, std::fmod(step, 1e3) == 0 ? 0 : 1) + " k";
  const int decimals = static_cast<int>(std::clamp(std::ceil(-std::log10(step) - 1e-9), 0.0, 6.0));
  const bool half =
      std::abs(step * std::pow(10, decimals) - std::round(step * std::pow(10, decimals))) > 1e-6;
  return format_number(value, decimals + (half ? 1 : 0));
}

struct Frame {
  Axis x, y;
  double at_x(double v) const { return kLeft + (v - x.low) / (x.high - x.low) * (kWidth - kLeft - kRight); }
  double at_y(double v) const {
    return kHeight - kBottom - (v - y.low) / (y.high - y.low) * (kHeight - kTop - kBottom);
  }
};

Frame frame_of(const Plot& plot) {
  const double infinity = std::numeric_limits<double>::infinity();
  double x_low = infinity, x_high = -infinity, y_low = infinity, y_high = -infinity;
  for (const PlotLine& line : plot.lines)
    for (const auto& [x, y] : line.points) {
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_low = std::min(y_low, y);
      y_high = std::max(y_high, y);
    }
  if (!(x_high >= x_low)) x_low = y_low = 0, x_high = y_high = 1;
  Frame frame{round_axis(x_low, x_high, 6), round_axis(y_low, y_high, 5)};
  frame.x.low = x_low;  // The line uses the whole width; only the ticks are round.
  frame.x.high = std::max(x_high, x_low + 1e-9);
  return frame;
}

void add_style(std::string& out) {
  out +=
      "<style>\n"
      "  .sheet{fill:#fff} .ink{fill:#22262e} .quiet{fill:#69707d} .grid{stroke:#e4e7ec} "
      ".axis{stroke:#9aa1ad}\n"
      "  text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:12px}\n"
      "  .title{font-size:16px;font-weight:600} .number{font-variant-numeric:tabular-nums}\n"
      "  .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
      "  @media (prefers-color-scheme:dark){.sheet{fill:#15181e} .ink{fill:#e8ebf0} .quiet{fill:#98a0ae}\n"
      "    .grid{stroke:#2a2f39} .axis{stroke:#586070}}\n"
      "</style>\n";
}

void add_axes(std::string& out, const Plot& plot, const Frame& frame) {
  const double right = kWidth - kRight, bottom = kHeight - kBottom;
  for (int i = 0; frame.y.low + i * frame.y.step <= frame.y.high + frame.y.step * 1e-6; i++) {
    const double value = frame.y.low + i * frame.y.step;
    const double y = frame.at_y(value);
    add(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", kLeft, y, right, y);
    add(out, "<text class=\"quiet number\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", kLeft - 8,
        y + 4, tick_text(value, frame.y.step).c_str());
  }
  for (double value = std::ceil(frame.x.low / frame.x.step) * frame.x.step;
       value <= frame.x.high * (1 + 1e-9); value += frame.x.step) {
    const double x = frame.at_x(value);
    add(out, "<line class=\"axis\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, bottom, x,
        bottom + 5);
    add(out, "<text class=\"quiet number\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x,
        bottom + 19, tick_text(value, frame.x.step).c_str());
  }
  add(out, "<line class=\"axis\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", kLeft, bottom, right,
      bottom);
  add(out, "<text class=\"quiet\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
      (kLeft + right) / 2, kHeight - 12, escape(plot.x_label).c_str());
  add(out, "<text class=\"quiet\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", kLeft - 46, kTop - 10,
      escape(plot.y_label).c_str());
}

void add_line(std::string& out, const PlotLine& line, const Frame& frame, const char* colour) {
  if (line.points.empty()) return;
  add(out, "<path class=\"line\" stroke=\"%s\" d=\"", colour);
  char move = 'M';
  for (const auto& [x, y] : line.points) {
    add(out, "%c%.1f %.1f", move, frame.at_x(x), frame.at_y(y));
    move = 'L';
  }
  out += "\"/>\n";
}

}  // namespace

std::string plot_svg(const Plot& plot) {
  std::string out;
  add(out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
      "role=\"img\" aria-label=\"%s\">\n",
      kWidth, kHeight, kWidth, kHeight, escape(plot.title).c_str());
  add_style(out);
  out += "<rect class=\"sheet\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n";
  add(out, "<text class=\"ink title\" x=\"16\" y=\"27\">%s</text>\n", escape(plot.title).c_str());
  add(out, "<text class=\"quiet\" x=\"16\" y=\"45\">%s</text>\n", escape(plot.subtitle).c_str());
  const Frame frame = frame_of(plot);
  add_axes(out, plot, frame);
  double legend_y = kTop + 6;
  for (size_t i = 0; i < plot.lines.size(); i++) {
    const char* colour = kColours[i % std::size(kColours)];
    add_line(out, plot.lines[i], frame, colour);
    const double x = kWidth - kRight + 18;
    add(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" rx=\"2\" fill=\"%s\"/>\n", x,
        legend_y - 6, colour);
    add(out, "<text class=\"ink\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 22, legend_y,
        escape(plot.lines[i].name).c_str());
    if (!plot.lines[i].points.empty())
      add(out, "<text class=\"quiet number\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
          kWidth - 16, legend_y, format_number(plot.lines[i].points.back().second, 3).c_str());
    legend_y += 22;
  }
  out += "</svg>\n";
  return out;
}

std::vector<std::pair<double, double>> sliding_mean(const std::vector<float>& values, size_t window,
                                                    size_t points) {
  std::vector<std::pair<double, double>> out;
  if (values.empty()) return out;
  window = std::clamp<size_t>(window, 1, values.size());
  std::vector<double> sum(values.size() + 1, 0);
  for (size_t i = 0; i < values.size(); i++) sum[i + 1] = sum[i] + values[i];
  const size_t places = std::min(std::max<size_t>(points, 2), values.size() - window + 1);
  for (size_t p = 0; p < places; p++) {
    const size_t end = places == 1 ? values.size() : window + (values.size() - window) * p / (places - 1);
    out.emplace_back(static_cast<double>(end), (sum[end] - sum[end - window]) / static_cast<double>(window));
  }
  return out;
}

Status write_plot(const std::string& path, const std::string& svg) {
  std::ofstream out(path, std::ios::binary);
  out << svg;
  out.close();
  if (!out) return unavailable(path + ": cannot be written; check the directory and its space");
  return {};
}

}  // namespace freshet
