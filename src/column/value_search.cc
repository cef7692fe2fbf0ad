// Search within the values of a facet: word by word, beginnings of words, a few typing errors.
#include <algorithm>

#include "column/facets.h"

namespace freshet {
namespace {

struct Word {
  size_t begin, end;  // bytes in the value
  std::string folded;
};

bool is_space(char c) {
  return std::string_view(" \t\r\n>/,;:()[]-_&+.\"'").find(c) != std::string_view::npos;
}

std::string fold(const FacetSpec& spec, std::string_view word) {
  if (spec.fold) return spec.fold(word);
  std::string out(word);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

std::vector<Word> words_of(const FacetSpec& spec, std::string_view text) {
  std::vector<Word> out;
  for (size_t at = 0; at < text.size();) {
    while (at < text.size() && is_space(text[at])) ++at;
    const size_t begin = at;
    while (at < text.size() && !is_space(text[at])) ++at;
    if (at > begin) out.push_back({begin, at, fold(spec, text.substr(begin, at - begin))});
  }
  return out;
}

std::u32string letters(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t letter = 0;
    for (size_t i = 0; i < size && at + i < text.size(); ++i)
      letter = letter << 8 | static_cast<unsigned char>(text[at + i]);
    out.push_back(letter);
    at += size;
  }
  return out;
}

// Edits (insert, delete, replace, swap of neighbours) from `typed` to the nearest beginning of `word`; above
// `most`: most + 1. Damerau 1964, in the form "optimal string alignment".
size_t edits_to_beginning(const std::u32string& typed, const std::u32string& word, size_t most) {
  const size_t columns = std::min(word.size(), typed.size() + most) + 1;
  std::vector<size_t> two_up, up(columns), row(columns);
  for (size_t j = 0; j < columns; ++j) up[j] = j;
  for (size_t i = 1; i <= typed.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j < columns; ++j) {
      row[j] = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (typed[i - 1] == word[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && typed[i - 1] == word[j - 2] && typed[i - 2] == word[j - 1])
        row[j] = std::min(row[j], two_up[j - 2] + 1);
    }
    two_up = up;
    std::swap(up, row);
  }
  return std::min(most + 1, *std::min_element(up.begin(), up.end()));
}

// Bytes of the first `n` letters of `text`.
size_t bytes_of(std::string_view text, size_t n) {
  size_t at = 0;
  for (; n > 0 && at < text.size(); --n) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}

}  // namespace

bool value_fits(const FacetSpec& spec, std::string_view value, std::string* marked) {
  const std::vector<Word> have = words_of(spec, value);
  std::vector<std::pair<size_t, size_t>> spans;
  for (const Word& want : words_of(spec, spec.search)) {
    const std::u32string typed = letters(want.folded);
    const size_t most = typed.size() >= 8 ? 2 : typed.size() >= 4 ? 1 : 0;
    bool fits = false;
    for (const Word& word : have) {
      const bool begins = word.folded.starts_with(want.folded);
      if (!begins && (most == 0 || edits_to_beginning(typed, letters(word.folded), most) > most)) continue;
      fits = true;
      if (marked == nullptr) break;
      const std::string_view text = value.substr(word.begin, word.end - word.begin);
      // The letters typed; the whole word when folding changed how many there are, or there is a typing
      // error.
      const bool exact = begins && letters(text).size() == letters(word.folded).size();
      spans.emplace_back(word.begin, exact ? word.begin + bytes_of(text, typed.size()) : word.end);
    }
    if (!fits) return false;
  }
  if (marked == nullptr) return true;
  std::sort(spans.begin(), spans.end());
  marked->clear();
  size_t at = 0;
  for (const auto& [begin, end] : spans) {
    if (begin < at) continue;
    marked->append(value.substr(at, begin - at))
        .append(spec.pre_tag)
        .append(value.substr(begin, end - begin))
        .append(spec.post_tag);
    at = end;
  }
  marked->append(value.substr(at));
  return true;
}

}  // namespace freshet
