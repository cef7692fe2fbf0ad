// What kind of thing a query asks for: P(category | query) and P(brand | query), learned from the items that
// were clicked and bought after it.
//
//   P(f | q) = (n(q, f) + a * P(f | words of q)) / (n(q) + a)
//   P(f | words) = mean over words w of  (n(w, f) + b * P(f)) / (n(w) + b)
//   P(f) = share of f among all clicks; facets not kept in a row count 0
//
// (Dirichlet smoothing with back-off: Zhai, Lafferty 2004, "A study of smoothing methods".) A row, for a
// whole query or a word, keeps the 8 categories and 4 brands that are most frequent in it (space-saving:
// Metwally et al. 2005) and halves its counts when they reach `row_max`, so that it follows a changing shop.
// Rows are kept by hash in sets of four; in a full set the least gives way: memory is bounded by `rows`.
//
// It is a soft boost: what is not likely is only not lifted, never hidden.
//
// Threads: fold thread writes; categories() and brands() on any thread under an EpochGuard (counts are words
// that change in place). Cost: 120 bytes a row, made at the first click; an answer about 1 us.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "feature/catalog.h"
#include "fold/fold.h"
#include "suggest/search_trail.h"

namespace freshet {

struct IntentConfig {
  uint32_t rows = 1u << 16;   // A power of two.
  double query_doubt = 8;     // a, in clicks
  double word_doubt = 8;      // b
  float row_max = 4096;       // Clicks after which a row is halved.
  float purchase_weight = 3;  // Clicks that a purchase counts for.
};

struct FacetChance {
  uint32_t facet = 0;  // Catalog::facet_name()
  float chance = 0;    // P(facet | query); sums to at most 1 over the facets of one kind
};

class Intent final : public Fold {
 public:
  Intent(const Moment& moment, const Catalog& catalog, const SearchTrail& trail, IntentConfig config = {});
  ~Intent() override;

  std::string_view name() const override { return "intent"; }
  void apply(Offset at, const Event& event) override;
  void save(Writer& out) const override;
  Status load(Reader& in) override;
  size_t bytes() const override;

  // Any thread, under an EpochGuard; most likely first, ties by the smaller number; chances below `least` are
  // left out. `query` as typed.
  void categories(std::string_view query, float least, std::vector<FacetChance>& out) const;
  void brands(std::string_view query, float least, std::vector<FacetChance>& out) const;

  // The chance that a click after this query falls on an item with one of these facets, 0..1: the boost.
  static float chance_of(std::span<const FacetChance> chances, std::span<const uint32_t> facets);

 private:
  static constexpr size_t kCategories = 8, kBrands = 4, kWays = 4;
  struct Row;
  struct Table;

  void count(uint64_t key, uint32_t category, uint32_t brand, float weight);
  void chances(std::string_view query, size_t begin, size_t end, float least,
               std::vector<FacetChance>& out) const;
  const Row* find(uint64_t key) const;

  const Moment& moment_;
  const Catalog& catalog_;
  const SearchTrail& trail_;
  const IntentConfig config_;
  std::atomic<Table*> table_{nullptr};
};

}  // namespace freshet
