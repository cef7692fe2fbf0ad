// The path of one query through the sources and the mixture, and of one lesson: the same code, so what is
// learned is what will be asked.
//
//   collect   every source puts what it knows into the slate
//   choose    the best by the sources' weighted probabilities, that the query allows
//   complete  every source fills its columns for the chosen
//   score     the mixture turns columns into probabilities
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "recommend/context.h"
#include "recommend/mixture.h"
#include "recommend/popularity.h"
#include "recommend/recommender.h"
#include "recommend/slate.h"
#include "recommend/source.h"

namespace freshet {

// What one query needs on its thread; reused from query to query.
struct RankingWork {
  using Shares = std::array<float, kSourcesMax>;
  Context context;
  Slate slate;
  std::vector<uint32_t> chosen;                   // rows of the slate, ascending
  std::vector<Shares> shares;                     // of each chosen: its part of each source's probability
  std::vector<float> probability;                 // of each chosen
  std::vector<std::pair<float, uint32_t>> order;  // (probability, index into chosen), best first after rank()
  Shares sums{};                                  // of each source's column 0 over the slate
  SourceMixture::ContextRow row{};
};

// Gives the last part what is missing to `score`. Parts are put on a grid of 2^-50 first, so that their sum
// is exact in any order, for scores from 1e-8 to 4.
void settle_parts(std::vector<RecommendPart>& parts, double score);

class Ranking {
 public:
  static constexpr std::string_view kNames[] = {"covisitation", "neighbours", "popularity", "history",
                                                "together",     "sequence",   "arrivals"};

  Ranking(const ItemFacts& facts, const RecommenderOptions& options);

  // Any thread, under an EpochGuard. work.order: the best query.k, ties as facts.before says.
  void rank(const RecommendQuery& query, RankingWork& work) const;
  // Only what source `source` says, best first: (column `column`, slate row).
  void rank_by(const RecommendQuery& query, size_t source, size_t column, RankingWork& work) const;
  // Who proposed the chosen at `index` most strongly, and what it says of it.
  RecommendReason reason(const RankingWork& work, size_t index) const;
  void collect(RankingWork& work) const;
  // After rank(): the parts of each probability in work.order.
  std::vector<std::vector<RecommendPart>> explain(const RankingWork& work) const;

  // Fold thread: the mixture learns from the lesson. `context` is lent, and given back unchanged.
  void teach(const Lesson& lesson, Context& context);

  // Whether the query lets the item be an answer.
  static bool allows(const RecommendQuery& query, const Context& context, ItemSlot item) {
    return (query.allow_repeats || context.find(item) == nullptr) && (!query.allow || query.allow(item));
  }

  std::span<const std::unique_ptr<Source>> sources() const { return sources_; }
  size_t index_of(std::string_view name) const;  // sources().size(): not in use
  size_t column_of(size_t source) const { return first_[source]; }
  const Popularity* popularity() const { return popularity_; }
  SourceMixture& mixture() { return *mixture_; }
  const SourceMixture& mixture() const { return *mixture_; }

 private:
  void choose(const RecommendQuery& query, size_t limit, RankingWork& work) const;
  void complete(RankingWork& work) const;

  const ItemFacts& facts_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<uint8_t> number_;  // of each source: its index in kNames
  std::vector<size_t> first_;    // column of each source
  Popularity* popularity_ = nullptr;
  std::unique_ptr<SourceMixture> mixture_;
};

}  // namespace freshet
