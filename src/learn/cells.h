// What a cell of a row says: a number, or that there is none.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace freshet {

constexpr double kLargestNumber = 1e20;  // Numbers beyond it are none.

// Any case; `lower` is in small letters.
inline bool same_word(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// 1,234 and 1,234,567.8: digits, and groups of exactly three after commas.
inline bool has_thousands(std::string_view text) {
  const auto digits = [&](size_t at) {
    const size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
    return end - at;
  };
  size_t at = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  size_t count = digits(at);
  if (count < 1 || count > 3) return false;
  size_t groups = 0;
  for (at += count; at < text.size() && text[at] == ','; at += 4, ++groups)
    if (digits(at + 1) != 3) return false;
  if (groups == 0 || at == text.size()) return groups > 0;
  count = digits(at + 1);
  return text[at] == '.' && count > 0 && at + 1 + count == text.size();
}

// Written as a number, if perhaps an infinite one, or one that is too large or too small to have.
inline bool number_shaped(std::string_view text, double& out) {
  std::string without;
  if (text.find(',') != std::string_view::npos && has_thousands(text)) {
    std::copy_if(text.begin(), text.end(), std::back_inserter(without), [](char c) { return c != ','; });
    text = without;
  }
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end.ec == std::errc::result_out_of_range) out = HUGE_VAL;
  return end.ec != std::errc::invalid_argument && end.ptr == text.data() + text.size() && !std::isnan(out);
}

inline bool number_in_cell(std::string_view text, double& out) {
  return number_shaped(text, out) && std::fabs(out) <= kLargestNumber;
}

inline bool missing_cell(std::string_view text) {
  if (text.size() > 4) return false;
  for (const std::string_view word : {"", "na", "n/a", "#n/a", "null", "none", "nan", "?", "\\n", "-"})
    if (same_word(text, word)) return true;
  return false;
}

}  // namespace freshet
