// The one order of ids where scores are equal: numbers by value, other ids byte by byte; numbers first.
#pragma once

#include <algorithm>
#include <string_view>

namespace freshet {

inline bool smaller_id(std::string_view a, std::string_view b) {
  const auto all_digits = [](std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const bool number_a = all_digits(a), number_b = all_digits(b);
  if (number_a != number_b) return number_a;
  if (!number_a) return a < b;
  const std::string_view value_a = a.substr(std::min(a.find_first_not_of('0'), a.size()));
  const std::string_view value_b = b.substr(std::min(b.find_first_not_of('0'), b.size()));
  if (value_a.size() != value_b.size()) return value_a.size() < value_b.size();
  return value_a != value_b ? value_a < value_b : a < b;
}

}  // namespace freshet
