// A plan with its terms looked up and its statistics taken: everything a query needs, once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "index/internal/dictionary.h"
#include "index/internal/record.h"
#include "index/query_plan.h"

namespace freshet::index {

// Live statistics as of one moment.
struct Statistics {
  uint32_t items = 0;
  std::array<float, kSearchFields> mean_length{};  // 0: no item has the field
};

struct CompiledAlternative {
  std::vector<uint32_t> terms;
  float gain = 0;         // weight * idf * (k1 + 1)
  uint32_t fields = ~0u;  // Its own, of those of the clause that are searched.
  uint32_t index = 0;     // in the clause of the plan
};

struct CompiledClause {
  std::vector<CompiledAlternative> alternatives;  // Those whose terms exist.
  bool required = false, excluded = false;
  float weight = 1;
  Combine combine = Combine::kBest;
  uint32_t fields = ~0u;
  float idf = 0;       // Of its most frequent alternative.
  uint32_t index = 0;  // in the plan
};

struct CompiledPlan {
  CompiledPlan(const QueryPlan& plan, const Dictionary& dictionary, const Statistics& statistics);

  std::vector<CompiledClause> clauses;  // In plan order, all of them.
  uint32_t minimum_match = 1;
  uint32_t positive = 0;  // Clauses that are not excluded.
  bool hopeless = false;  // No item can match.
  float k1 = 1.2f;
  float proximity = 0, exact = 0, begins = 0;
  float idf_sum = 0;
  float bonus_max = 0;            // The most that proximity, exact and begins can add.
  std::vector<float> pair_bonus;  // Of the positive clauses i and i + 1: the most that proximity adds.
  uint32_t searched = 0;          // Bit f: field f has a weight and items.
  std::array<std::array<float, 256>, kSearchFields>
      per_tf;  // [field][length code]: what one occurrence adds to w

  float saturate(float w) const { return w / (k1 + w); }
  // The most that proximity, exact and begins add to an item in which only these positive clauses stand (bit
  // i: the i-th of them); `whole`, `begin`: when these words may be a whole field, or begin one.
  float bonus_of(uint64_t clauses_there, bool whole = true, bool begin = true) const;
};

// What a clause gives one item.
struct ClauseScore {
  bool matched = false;
  float score = 0;
  uint32_t alternative = 0;  // The best one: index in the plan.
  uint32_t fields = 0;       // Where it stands.
};

inline float saturating_sum(const CompiledClause& clause, float best, float sum) {
  const float others = 0.25f * (sum - best), most = 0.25f * best;
  return clause.weight * (best + (others < most ? others : most));
}

// The alternatives of a clause put together. Every way to a score goes through here, in the order of the
// alternatives, so that all of them give the same bits.
class ClauseSum {
 public:
  void add(float score) {
    best_ = score > best_ ? score : best_;
    sum_ += score;
    any_ = true;
  }
  bool any() const { return any_; }
  float score(const CompiledClause& clause) const {
    if (clause.combine == Combine::kBest) return clause.weight * best_;
    return saturating_sum(clause, best_, sum_);
  }

 private:
  float best_ = 0, sum_ = 0;
  bool any_ = false;
};

// w of a single term of a record over some fields; negative: in none of them.
float term_weight(const CompiledPlan& plan, uint32_t fields, const Record& record, uint32_t term,
                  uint32_t* where = nullptr);
float phrase_weight(const CompiledPlan& plan, uint32_t fields, const Record& record,
                    const std::vector<uint32_t>& terms, uint32_t* where = nullptr);
ClauseScore clause_score(const CompiledPlan& plan, const CompiledClause& clause, const Record& record);

// Adds proximity, exact and begins, from the positions of a record, one by one. `parts`: what was added, when
// wanted.
void add_bonus(const CompiledPlan& plan, const Record& record, float& score,
               std::vector<ScorePart>* parts = nullptr);

// Does the record match? As record_score() says, without the score.
bool record_matches(const CompiledPlan& plan, const Record& record);

// The whole score of a record; false: it does not match (the score is still what its clauses give).
bool record_score(const CompiledPlan& plan, const Record& record, float& score,
                  std::vector<ScorePart>* parts = nullptr);

}  // namespace freshet::index
