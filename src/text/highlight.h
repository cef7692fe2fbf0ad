// Marks in a text what a query found in it, and cuts the best piece out of a long one.
//
//   "The Kettles of Acme", sought: kettle (as the term "kettl"), acm (a beginning)
//   -> "The <em>Kettles</em> of <em>Acm</em>e", full
//
// Works on the tokens that the analyser made of the text: a token whose term is one of those sought is marked
// at its own bytes of the source, so what is marked is the word as it stands there, whatever stemming, a
// typing error or a synonym made it match. Overlapping and touching marks are one (bigrams of an unspaced
// script). No mark, and no cut of a snippet, falls inside a character as readers see it (extended grapheme
// clusters, UAX 29).
//
// Threads: pure functions on any thread. Cost: about 20 ns a token.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/analyzer.h"

namespace freshet {

// One word (or concept) of the query and what it may match: the terms that the plan searched with.
struct SoughtWord {
  std::string word;  // As the shopper wrote it: what matched_words says.
  // Each is one term, or several that must stand at consecutive positions.
  std::vector<std::vector<std::string>> terms;
  std::string prefix;  // Terms that begin with this match too; empty: none.
};

struct HighlightOptions {
  std::string pre_tag = "<em>", post_tag = "</em>";
  bool escape_html = false;    // & < > " ' of the text become entities; the tags stay as they are.
  bool whole_words = false;    // true: a beginning that matched marks its whole word.
  std::string ellipsis = "…";  // Where a snippet was cut.
  uint32_t snippet_words = 20;
};

enum class MatchLevel : uint8_t { kNone, kPartial, kFull };  // none, some, all of the words sought
constexpr std::string_view match_level_name(MatchLevel level) {
  return level == MatchLevel::kFull ? "full" : level == MatchLevel::kPartial ? "partial" : "none";
}

struct Highlighted {
  std::string text;
  MatchLevel level = MatchLevel::kNone;
  std::vector<std::string> matched_words;  // of the query, in its order
  bool fully_highlighted = false;          // every word of the text is marked
};

// `tokens`: what Analyzer::analyze gave for `text`. Tokens that point outside it are ignored.
Highlighted highlight(std::string_view text, std::span<const Token> tokens,
                      std::span<const SoughtWord> sought, const HighlightOptions& options = {});

// The same of the `snippet_words` words with most different words sought in them (then most marks, then
// first). Nothing sought is there: the beginning.
Highlighted snippet(std::string_view text, std::span<const Token> tokens, std::span<const SoughtWord> sought,
                    const HighlightOptions& options = {});

}  // namespace freshet
