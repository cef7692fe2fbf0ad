// What the enumerations of the dictionary and their slow twins share: which terms count as near, and their
// order.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "index/internal/edits.h"
#include "index/search_index.h"

namespace freshet::index {

// Fewest edits first, then the most frequent, then the smaller term; at most `limit`.
inline void best_terms(std::vector<TermInfo>& terms, uint32_t limit) {
  const auto better = [](const TermInfo& a, const TermInfo& b) {
    if (a.edits != b.edits) return a.edits < b.edits;
    return a.df != b.df ? a.df > b.df : a.term < b.term;
  };
  if (terms.size() > limit) {
    std::nth_element(terms.begin(), terms.begin() + limit, terms.end(), better);
    terms.resize(limit);
  }
  std::sort(terms.begin(), terms.end(), better);
}

struct Nearness {
  uint8_t edits = 0;
  bool first_letter = false;
};

// Is `other` within `edits` edits of the query? A different first letter is one edit, and then the rest must
// be equal: another letter, one more, one less, or the first two swapped.
inline std::optional<Nearness> compare_fuzzy(const Letters& query, std::string_view text,
                                             std::string_view other, uint32_t edits) {
  if (query.size == 0 || other.empty()) return std::nullopt;
  size_t first_of_other = 0, first_of_query = 0;
  const uint32_t other_first = Letters::next(other, first_of_other);
  Letters::next(text, first_of_query);
  if (other_first == query.letter[0]) {
    const Letters letters(other);
    const uint32_t d = edit_distance(query, letters, edits);
    if (d > edits) return std::nullopt;
    return Nearness{static_cast<uint8_t>(d), false};
  }
  if (edits == 0) return std::nullopt;
  const std::string_view rest = text.substr(first_of_query), other_rest = other.substr(first_of_other);
  if (other_rest == rest || other_rest == text || other == rest) return Nearness{1, true};
  if (!rest.empty() && !other_rest.empty()) {
    size_t second = 0, other_second = 0;
    const uint32_t b = Letters::next(rest, second), c = Letters::next(other_rest, other_second);
    if (b == other_first && c == query.letter[0] && rest.substr(second) == other_rest.substr(other_second))
      return Nearness{1, true};
  }
  return std::nullopt;
}

}  // namespace freshet::index
