// One list from two: candidates found by words and candidates found by vectors.
//
//   score = (1 - w) lexical / best lexical  +  w (semantic - floor) / (1 - floor)
//
// lexical: of the index, >= 0, brought to 0..1 by the best of this query; semantic: a cosine, brought to 0..1
// by the bounds that it has anyway, so that a list of poor neighbours stays poor. (Bruch, Gai, Ingber 2023,
// "An analysis of fusion functions for hybrid retrieval", section 4: such a mix keeps distances, which ranks
// lose.) A candidate not in a list counts 0 in it.
// fuse_ranks is reciprocal rank fusion (Cormack, Clarke, Buettcher 2009): sum of weight / (60 + rank).
//
// Exact matches are never drowned: an item flagged `exact` (all words match as typed) never stands behind an
// item that only its vector found; the gap is paid by a part called "kept".
//
// Pure functions; any thread. Cost: n log n of the candidates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vector/vector_set.h"

namespace freshet {

struct LexicalHit {
  uint32_t slot = 0;
  float score = 0;
  bool exact = false;
};

struct FusedHit {
  uint32_t slot = 0;
  float score = 0;  // lexical + semantic + kept, added in that order
  float lexical = 0, semantic = 0, kept = 0;
  bool found_by_words = false;
};

struct FusionOptions {
  double semantic_weight = 0.3;  // w: 0 words only .. 1 vectors only
  float floor = 0.2f;            // Cosines at or below it say nothing.
};

// Both inputs best first. `out`: the union, best first, ties by slot; semantic hits at or below the floor
// that words did not find are left out.
void fuse_scores(std::span<const LexicalHit> lexical, std::span<const VectorHit> semantic,
                 const FusionOptions& options, std::vector<FusedHit>& out);
void fuse_ranks(std::span<const LexicalHit> lexical, std::span<const VectorHit> semantic,
                const FusionOptions& options, std::vector<FusedHit>& out);

}  // namespace freshet
