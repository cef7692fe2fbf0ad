// What a cell of a row says: a number, or that there is none.
#pragma once

#include <charconv>
#include <cmath>
#include <string>

namespace freshet {

constexpr double kLargestNumber = 1e20;  // Numbers beyond it are none.

inline bool number_in_cell(const std::string& text, double& out) {
  const char* begin = text.data();
  if (!text.empty() && *begin == '+') ++begin;
  const auto end = std::from_chars(begin, text.data() + text.size(), out);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() && std::fabs(out) <= kLargestNumber;
}

inline bool missing_cell(const std::string& text) {
  return text.empty() || text == "NA" || text == "null" || text == "nan" || text == "NaN" || text == "?";
}

}  // namespace freshet
