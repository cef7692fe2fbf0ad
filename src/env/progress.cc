#include "env/progress.h"

#include <algorithm>
#include <cstdio>

#include "base/text_table.h"
#include "env/process.h"

namespace freshet {
namespace {

constexpr int kBarCells = 24;

std::string bar(double share) {
  const char* const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int filled = static_cast<int>(share * kBarCells * 8);
  std::string text;
  for (int cell = 0; cell < kBarCells; cell++) {
    const int part = std::clamp(filled - cell * 8, 0, 8);
    text += part == 8 ? "█" : eighths[part];
  }
  return text;
}

}  // namespace

Progress::Progress(std::string_view what, uint64_t total, std::string_view unit)
    : Progress(what, total, unit, stderr_is_terminal()) {}

Progress::Progress(std::string_view what, uint64_t total, std::string_view unit, bool draw)
    : what_(what), total_(total), unit_(unit), draw_(draw), begin_s_(wall_seconds()) {}

void Progress::tick() {
  const double now = wall_seconds();
  if (now - drawn_s_ < 0.1) return;
  drawn_s_ = now;
  std::fprintf(stderr, "\r\033[K%s", line(now - begin_s_).c_str());
  std::fflush(stderr);
  on_screen_ = true;
}

void Progress::done() {
  if (!on_screen_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  on_screen_ = false;
}

std::string Progress::line(double elapsed_s) const {
  std::string text = what_;
  const double share =
      total_ == 0 ? 0 : std::min(1.0, static_cast<double>(position_) / static_cast<double>(total_));
  if (total_ > 0) text += " " + bar(share) + " " + format_number(share * 100, 0) + " %";
  text += "  " + format_count(count_) + " " + unit_;
  if (elapsed_s > 0)
    text += "  " + format_count(static_cast<uint64_t>(static_cast<double>(count_) / elapsed_s)) + "/s";
  if (share > 0 && share < 1) text += "  " + format_seconds(elapsed_s * (1 - share) / share) + " left";
  if (!note_.empty()) text += "  " + note_;
  return text;
}

}  // namespace freshet
