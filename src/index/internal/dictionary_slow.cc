// The slow twins of the dictionary's enumerations: every term is looked at.
#include <algorithm>

#include "index/internal/dictionary.h"
#include "index/internal/edits.h"
#include "index/internal/enumerate.h"

namespace freshet::index {

void Dictionary::prefix_slowly(std::string_view prefix, uint32_t limit, std::vector<TermInfo>& out) const {
  out.clear();
  for (uint32_t number = 0; number < size(); ++number)
    if (df(number) > 0 && text(number).starts_with(prefix))
      out.push_back({text(number), df(number), 0, false});
  best_terms(out, limit);
}

void Dictionary::fuzzy_slowly(std::string_view term, uint32_t edits, uint32_t limit,
                              std::vector<TermInfo>& out) const {
  out.clear();
  const Letters query(term);
  for (uint32_t number = 0; number < size(); ++number) {
    if (df(number) == 0) continue;
    if (const auto found = compare_fuzzy(query, term, text(number), edits))
      out.push_back({text(number), df(number), found->edits, found->first_letter});
  }
  best_terms(out, limit);
}

void Dictionary::fuzzy_prefix_slowly(std::string_view prefix, uint32_t edits, uint32_t limit,
                                     std::vector<TermInfo>& out) const {
  out.clear();
  const Letters query(prefix);
  for (uint32_t number = 0; number < size() && query.size > 0; ++number) {
    if (df(number) == 0) continue;
    const Letters letters(text(number));
    if (letters.letter[0] != query.letter[0]) continue;
    const uint32_t d = edit_distance(query, letters, edits, true);
    if (d <= edits) out.push_back({text(number), df(number), static_cast<uint8_t>(d), false});
  }
  best_terms(out, limit);
}

}  // namespace freshet::index
