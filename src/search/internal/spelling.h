// How close the wording of a title (and brand) comes to that of the query: closeness.h has the measure.
//
//   part = best score by words . closeness of the title
//
// Chosen, with what did not help, in docs/decisions/0085-closeness-of-wording.md. Cost: 0.5 us a title.
#pragma once

#include <string>

#include "search/internal/closeness.h"
#include "search/internal/context.h"

namespace freshet::search_internal {

// Threads: of one request.
class Spelling {
 public:
  static constexpr size_t kCandidates = 256;  // So many of the best by words are looked at.

  explicit Spelling(const SearchContext& c);  // After c.best_lexical is known.
  // The part of a candidate whose record this is (nullptr: it is gone); 0 when words did not find it.
  double part(Candidate& candidate, const ItemRecord* item);
  // The most that any item has of it.
  double most() const { return most_; }

 private:
  const SearchContext& c_;
  const Closeness query_;
  const double scale_;
  const bool wanted_, brands_;
  double most_ = 0;
  std::string both_;
};

}  // namespace freshet::search_internal
