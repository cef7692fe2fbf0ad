#include "vector/fusion.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr float kRankOffset = 60;

// Joins by slot; then the best of the vector-only hits bounds what exact matches must reach.
void finish(std::vector<FusedHit>& out) {
  std::sort(out.begin(), out.end(), [](const FusedHit& a, const FusedHit& b) {
    return a.slot != b.slot ? a.slot < b.slot : a.found_by_words > b.found_by_words;
  });
  size_t kept = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (kept > 0 && out[kept - 1].slot == out[i].slot) {
      out[kept - 1].semantic += out[i].semantic;
      continue;
    }
    out[kept++] = out[i];
  }
  out.resize(kept);
  float bar = 0;
  for (FusedHit& hit : out) {
    hit.score = hit.lexical + hit.semantic;
    if (!hit.found_by_words) bar = std::max(bar, hit.score);
  }
  for (FusedHit& hit : out) {
    if (hit.kept == 0) continue;  // Holds the mark of an exact match until here.
    hit.kept = hit.score < bar ? bar - hit.score : 0;
    hit.score = hit.lexical + hit.semantic + hit.kept;
  }
  std::sort(out.begin(), out.end(), [](const FusedHit& a, const FusedHit& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.found_by_words != b.found_by_words) return a.found_by_words;
    if (a.lexical != b.lexical) return a.lexical > b.lexical;
    return a.slot < b.slot;
  });
}

}  // namespace

void fuse_scores(std::span<const LexicalHit> lexical, std::span<const VectorHit> semantic,
                 const FusionOptions& options, std::vector<FusedHit>& out) {
  out.clear();
  const auto w = static_cast<float>(std::clamp(options.semantic_weight, 0.0, 1.0));
  float best = 0;
  for (const LexicalHit& hit : lexical) best = std::max(best, hit.score);
  for (const LexicalHit& hit : lexical)
    out.push_back(
        {hit.slot, 0, best > 0 ? (1 - w) * (hit.score / best) : 0, 0, hit.exact ? 1.0f : 0.0f, true});
  for (const VectorHit& hit : semantic)
    if (hit.score > options.floor)
      out.push_back({hit.slot, 0, 0, w * ((hit.score - options.floor) / (1 - options.floor)), 0, false});
  finish(out);
}

void fuse_ranks(std::span<const LexicalHit> lexical, std::span<const VectorHit> semantic,
                const FusionOptions& options, std::vector<FusedHit>& out) {
  out.clear();
  const auto w = static_cast<float>(std::clamp(options.semantic_weight, 0.0, 1.0));
  float rank = 1;
  for (const LexicalHit& hit : lexical)
    out.push_back({hit.slot, 0, (1 - w) / (kRankOffset + rank++), 0, hit.exact ? 1.0f : 0.0f, true});
  rank = 1;
  for (const VectorHit& hit : semantic)
    if (hit.score > options.floor) out.push_back({hit.slot, 0, 0, w / (kRankOffset + rank++), 0, false});
  finish(out);
}

}  // namespace freshet
