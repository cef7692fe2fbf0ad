// The words of a short text in one spelling, without a language: what queries are compared by and what the
// text encoder reads.
//
// Compatibility normal form with case folding (NFKC_Casefold), diacritics off; a word is a run of letters and
// digits, and each character of an unspaced script (Han, kana, Thai, ...) is a word of its own. "Café-Table
// 10ft" gives cafe, table, 10ft. Stems, units and dictionaries are the Analyzer's affair (text/analyzer.h).
//
// Threads: pure. Cost: about 10 ns a byte of ASCII, 1 us a word else. Bytes that are not UTF-8 separate
// words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// Replaces `out` by the words of `text` joined by single spaces; at most `bytes_max` bytes, cut between
// words.
void fold_words(std::string_view text, std::string& out, size_t bytes_max = 4096);

// The parts of `folded` between single spaces; `words` is replaced.
void split_words(std::string_view folded, std::vector<std::string_view>& words);

}  // namespace freshet
