// Tables for a terminal: columns as wide as their widest cell, the first left-aligned, the others
// right-aligned.
//
//   TextTable table({"", "recall", "n"});
//   table.row({"all", format_number(0.571, 4), format_count(71831)});
//   std::fputs(table.text().c_str(), stdout);
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// "0.5710"; "-" when there is no number.
inline std::string format_number(double x, int decimals) {
  if (std::isnan(x)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, x);
  return text;
}

// "1,234,567"
inline std::string format_count(uint64_t n) {
  std::string digits = std::to_string(n);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

// "12.3 MiB"
inline std::string format_bytes(uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double x = static_cast<double>(bytes);
  int unit = 0;
  for (; x >= 1024 && unit < 4; unit++) x /= 1024;
  return format_number(x, unit == 0 ? 0 : 1) + " " + units[unit];
}

// "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min"
inline std::string format_seconds(double s) {
  char text[64];
  if (s < 1) {
    std::snprintf(text, sizeof text, "%.0f ms", s * 1e3);
  } else if (s < 60) {
    std::snprintf(text, sizeof text, "%.1f s", s);
  } else if (s < 3600) {
    std::snprintf(text, sizeof text, "%d min %02d s", static_cast<int>(s) / 60, static_cast<int>(s) % 60);
  } else {
    std::snprintf(text, sizeof text, "%d h %02d min", static_cast<int>(s) / 3600,
                  static_cast<int>(s) / 60 % 60);
  }
  return text;
}

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : rows_{std::move(head)} {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void rule() { rows_.emplace_back(); }  // A line across.

  std::string text() const {
    std::vector<size_t> width;
    for (const auto& row : rows_) {
      width.resize(std::max(width.size(), row.size()));
      for (size_t i = 0; i < row.size(); i++) width[i] = std::max(width[i], letters(row[i]));
    }
    size_t total = 0;
    for (const size_t w : width) total += w + 2;
    std::string out;
    for (size_t r = 0; r < rows_.size(); r++) {
      if (rows_[r].empty()) {
        line(out, total);
        continue;
      }
      add_row(out, rows_[r], width);
      if (r == 0) line(out, total);
    }
    return out;
  }

 private:
  static size_t letters(std::string_view s) {  // UTF-8 code points: good enough for what we print.
    return static_cast<size_t>(std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  }
  static void line(std::string& out, size_t total) {
    for (size_t i = 2; i < total; i++) out.append("─");
    out.push_back('\n');
  }
  static void add_row(std::string& out, const std::vector<std::string>& row,
                      const std::vector<size_t>& width) {
    std::string text;
    for (size_t i = 0; i < row.size(); i++) {
      if (i > 0) text.append("  ");
      const size_t pad = width[i] - letters(row[i]);
      if (i > 0) text.append(pad, ' ');
      text.append(row[i]);
      if (i == 0) text.append(pad, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out.append(text).push_back('\n');
  }

  std::vector<std::vector<std::string>> rows_;
};

}  // namespace freshet
