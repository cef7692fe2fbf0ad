// The last step before the shop's rules: from scores to an order. Diversity, a cap on categories, and one
// place to try something out.
//
//   diversity   places are filled one by one with the item of most
//                 (1 - d) (score - least) / (best - least) - d max over those placed of likeness
//               (Carbonell and Goldstein 1998, "The use of MMR"; d = 1 - lambda); likeness: .6 for the same
//               category and .4 for the same brand
//   cap         of what is left, an item of a category that has its places on this page waits until nothing
//               else is
//   trial       on a share of lists, one place of the first page but its first, drawn evenly, changes with an
//               item j from behind that page, drawn in proportion to P(j is better than who stands there),
//               both Gaussian: probability matching (Thompson 1933) within the pair. Neither may be one too
//               many of his category where he comes. What was drawn, and with which probability, is known
//               exactly: propensity of the newcomer = share / (places - 1) x that of the draw, and of who
//               stood there, on his later page, the same; of who stays on the first page 1 - share / (places
//               - 1), or 1 where nobody may come; behind it 1 - that of all draws of him
//
// A list may be several pages, one after the other: an item stands on one of them.
//
// Threads: pure. Cost: without diversity and cap nothing but the trial; with them places x candidates; a
// trial with places behind the first page, those of it times the candidates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace freshet {

struct RerankItem {
  double score = 0;
  double deviation = 0;
  uint32_t category = 0, brand = 0;  // Facets; 0: none
  uint32_t index = 0;                // The caller's.
  float propensity = 1;
  bool trial = false;
};

struct RerankOptions {
  size_t places = 10;                // Of the page; of all pages that are filled.
  std::span<const uint32_t> ends{};  // Of the pages, ascending; empty: the places are one.
  double diversity = 0;
  uint32_t category_cap = 0;
  double exploration = 0;
  std::span<const uint32_t> placed{};  // Categories of what is on the page besides: they count for the cap.
  uint64_t key = 0;                    // Of the draws, the same for all pages of a list; 0: nothing is tried.
};

// `items`: by score, best first; left in the order to be shown. What is behind the page keeps its order.
void rerank(std::vector<RerankItem>& items, const RerankOptions& options);

}  // namespace freshet
