// The ways a word of a query may be said, found in the catalogue's own words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/query_parser.h"

namespace freshet {

// A word (or number) of the query with what the analyser said of its position.
struct WordTokens {
  std::string term;                // folded
  std::vector<std::string> stems;  // stems, one-form units, values in decimals
  std::vector<std::string> grams;  // characters and bigrams (unspaced scripts, Hangul)
  std::vector<std::string> weak;   // with their mark
  std::vector<std::string> parts;  // of a model number
  uint32_t begin = 0, end = 0;
  uint32_t position = 0;
  bool number = false;  // digits only
  bool has_digit = false;
  bool stop_word = false;
  bool head = false;  // what the query asks for: "fan" of "white fan with lights"
  bool latin = true;  // ASCII letters
};

class AlternativeFinder {
 public:
  AlternativeFinder(const Analyzer& analyzer, const Vocabulary& vocabulary, const QueryOptions& options);

  // Document frequency of the word as typed or of its stems.
  uint32_t known(const WordTokens& word) const;

  void add_word(const WordTokens& word, Clause& clause) const;  // itself, stems, parts, grams, weak
  // Misspellings. Returns the likeliest word meant; empty: the word is fine or nothing is near.
  std::string add_typos(const WordTokens& word, uint32_t df, Clause& clause) const;
  // One word written as two: returns them ("ice maker"), or nothing.
  std::string add_split(const WordTokens& word, uint32_t df, Clause& clause) const;
  // In a language that writes compounds as one word: compounds of the catalogue that end in this one
  // ("fahrrad": "kinderfahrrad"), when what stands before is a word too; and of one it lacks, what it ends
  // in.
  void add_compounds(const WordTokens& word, uint32_t df, Clause& clause) const;
  // The same with an edit in one of the two ("petsreen"), for a word that nothing else explains. Cost: a
  // fuzzy look-up for each place where one part is a word.
  std::string add_misspelt_split(const WordTokens& word, Clause& clause) const;
  // Words that look like one that nothing else explains: see SearchIndex::similar(). Returns the likeliest.
  std::string add_similar(const WordTokens& word, Clause& clause) const;
  // Of a word written as two that stand nowhere side by side: the second, which says what it is
  // ("underdeck").
  void add_ending(const WordTokens& word, std::string_view split, Clause& clause) const;
  void add_completions(const WordTokens& word, uint32_t df, Clause& clause) const;
  // Two words written as one: the alternatives belong to both clauses.
  bool joined(const WordTokens& first, const WordTokens& second, Clause& out) const;

  // A word and its stem, with a weight.
  void add_with_stems(std::string_view word, bool head, float weight, MatchKind kind, uint8_t edits,
                      Clause& clause) const;
  // An alternative, unless the clause has it or is full.
  static void add(Clause& clause, Alternative alternative);

 private:
  void add_head(std::string_view stem, float weight, MatchKind kind, uint8_t edits, Clause& clause) const;
  uint32_t edits_allowed(const WordTokens& word, bool unknown) const;
  bool begins_a_word(std::string_view beginning) const;
  std::string stem_of(std::string_view word) const;  // empty: none
  std::string known_form(const std::string& word) const;
  bool is_modifier(std::string_view beginning) const;  // "kinder", "kuchen", "arbeits" of a compound

  const Analyzer& analyzer_;
  const Vocabulary& vocabulary_;
  const QueryOptions& options_;
};

size_t letters(std::string_view text);  // code points

}  // namespace freshet
