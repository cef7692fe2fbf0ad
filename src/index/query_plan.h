// What the index is asked: clauses of alternatives. One clause stands for one word or concept of the query;
// its alternatives are the ways an item may say it: the word, its stem, typos, completions, synonyms, a
// phrase.
//
//   "red tshirts"  ->  clause 0 {red exact}   clause 1 {tshirts exact, tshirt stem .9, "t shirt" phrase .9}
//
// An item matches when it has at least one alternative of every required clause, none of an excluded clause,
// and at least `minimum_match` clauses in all (excluded ones do not count).
//
// Score (Robertson, Zaragoza, Taylor 2004, "Simple BM25 extension to multiple weighted fields"):
//   w(t, d)      = sum over fields f of  weight_f * tf(t, f, d) / (1 - b_f + b_f * length(f, d) / mean
//   length(f)) alternative  = alternative.weight * idf(t) * (k1 + 1) * w / (k1 + w),  idf = ln(1 + (N - df +
//   .5) / (df + .5)) clause       = clause.weight * (best alternative, or best + .25 * the others up to 1.25
//   * best: `combine`) item         = sum of clauses + proximity + exact + begins
// N, df and mean lengths are those of the items alive at the moment of the query. With `shared_df` all
// alternatives of a clause use the df of its most frequent one, so that a rare misspelling is not rewarded
// for being rare. A phrase takes the least df of its words, and its w has tf = how often the phrase stands
// there. Lengths are counted in positions and kept in 8 bits: exact to 64, then in steps of 1/16 octave
// (index/length.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace freshet {

inline constexpr uint32_t kSearchFields = 16;  // Searchable fields of an index, at most.

// Limits of a plan; SearchIndex::check() names what is beyond them.
inline constexpr uint32_t kClausesMax = 64;
inline constexpr uint32_t kAlternativesMax = 256;  // of one clause
inline constexpr uint32_t kPhraseTermsMax = 16;

enum class MatchKind : uint8_t { kExact, kStem, kPrefix, kTypo, kSynonym, kSplit, kJoin, kWeak };

struct Alternative {
  std::vector<std::string>
      terms;         // One term, or the words of a phrase at consecutive positions of one field.
  float weight = 1;  // In [0, 16].
  MatchKind kind = MatchKind::kExact;
  uint8_t edits = 0;      // For reports only.
  uint32_t fields = ~0u;  // Bit f: field f may match, if the clause's may.
};

enum class Combine : uint8_t { kBest, kSaturatingSum };

struct Clause {
  std::vector<Alternative> alternatives;
  bool required = false;
  bool excluded = false;
  float weight = 1;
  Combine combine = Combine::kBest;
  bool shared_df = true;
  uint32_t fields = ~0u;  // Bit f: field f may match.
};

struct Scoring {
  float k1 = 1.2f;
  std::array<float, kSearchFields> weight;  // 0: not searched (a term found only there does not match)
  std::array<float, kSearchFields> b;
  Scoring() {
    weight.fill(1);
    b.fill(0.75f);
  }
  bool operator==(const Scoring&) const = default;
};

struct QueryPlan {
  std::vector<Clause> clauses;
  uint32_t minimum_match = 1;  // Clauses an item must match at least (the required ones count).
  Scoring scoring;

  // Added to the sum of the clauses; 0 turns a bonus off and its cost with it. Clauses are in query order.
  //   proximity: for each two neighbouring clauses that both match in one field, with the least distance d of
  //     their positions (second after first; one more when before): proximity * least of the two idf / d, d
  //     <= 8.
  //   exact:  one field's words are the clauses' words, in order and nothing else: exact * sum of idf.
  //   begins: one field begins with the clauses' words in order (and is not exact): begins * sum of idf.
  // The idf here is the clause's (of its most frequent alternative). Sources of the forms: Tao and Zhai 2007,
  // "An exploration of proximity measures in information retrieval" (smallest pair distance); the others are
  // the custom of shop search.
  float proximity = 0;
  float exact = 0;
  float begins = 0;
};

}  // namespace freshet
