// Answers a compiled plan from the heads: bounds from their postings, scores from the records.
#pragma once

#include <vector>

#include "index/internal/head.h"
#include "index/internal/segment_search.h"

namespace freshet::index {

class HeadSearch {
 public:
  // In `head` and all heads after it.
  void top(const Query& query, const Head* head, Best& best);
  void matches(const Query& query, const Head* head, std::vector<uint64_t>& words);

 private:
  // Clauses and bounds of the items [from, to) of a head.
  void collect(const Query& query, const Head& head, uint32_t from, uint32_t to);
  bool possible(const CompiledPlan& plan, uint32_t item) const;

  template <class Visit>
  void walk(const Query& query, const Head* head, Visit&& visit);

  std::vector<float> bound_;  // by item - from
  std::vector<uint64_t> clauses_;
  uint64_t required_ = 0;
  std::array<float, 256> per_tf_;  // [length code]: the most one occurrence can add to w in any field
};

}  // namespace freshet::index
