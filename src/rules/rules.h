// Rules of the shop over searches and recommendations: when a query, a context or a filter is met, something
// else is searched, items are pinned to places, lifted, hidden, filtered, or the page gets a banner, a
// redirect or data of its own.
//
// A page of recommendations has no query: it meets conditions that ask for none. Of what a rule says, it
// takes pins, lifts, hides, filters and data; what shows a shopper his own doings (recently viewed, buy
// again) is only hidden and filtered.
//
// Rules are documents of the shop (settings/documents.h, collection kRules), so they are events on the log.
// docs/search.md#rules has their form for people.
//
// Values; no thread rules. Cost of match(): a comparison of words for each condition of each rule.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "json/json.h"
#include "search/search_service.h"
#include "serve/recommend_service.h"
#include "settings/documents.h"

namespace freshet {

constexpr std::string_view kRules = "rules";

enum class RuleMatch : uint8_t { kIs, kStarts, kEnds, kContains };  // Of whole words.

// All that is given must hold.
struct RuleCondition {
  bool any_query = true;
  std::string query;  // Folded words; with any_query false and no words: the empty query.
  RuleMatch match = RuleMatch::kContains;
  std::string page;     // "search", "recommendations", or one surface of these; empty: every page.
  std::string context;  // One of the request's contexts.
  std::string filter;   // Stands in the request's filter, as the same text.
};

struct RulePin {
  std::string item;
  uint32_t position = 0;  // From 0, on the first page and on.
};

struct Rule {
  std::string id;
  bool enabled = true;
  std::vector<RuleCondition> when;               // One of them; none: always.
  std::vector<std::pair<TimeMs, TimeMs>> valid;  // from, until; none: always.
  bool replace_query = false;
  std::string query;                      // Searched instead.
  std::vector<std::string> remove_words;  // Folded: taken out of the query.
  std::string filter;                     // And this.
  std::string lift;                       // Items that pass it come before all others.
  std::vector<RulePin> pins;
  bool pins_follow_filters = true;  // A pinned item that the request's filter refuses is not shown.
  std::vector<std::string> hide;    // Item ids.
  std::string redirect;             // An address for the page to go to.
  std::string data, rendering;      // JSON for the page; empty: none.
};

struct RuleLimits {
  static constexpr size_t kRules = 5000, kConditions = 25, kPins = 50, kHidden = 50, kWords = 20;
  static constexpr size_t kIdBytes = 1600;     // Of all ids of one rule: they become part of a filter.
  static constexpr size_t kLiftsBytes = 2100;  // Of the lifts of all rules of a page, as one filter.
};

// kInvalid: names the member and what was expected. Names nobody knows are errors, but "origin": what the
// door that wrote the rule keeps with it.
Result<Rule> parse_rule(std::string_view json);

// One more lift beside those before it: a filter of what passes any of them. A lift that would make it longer
// than a request's filter leaves room for is left out: that many rules lift is no error.
void add_lift(const std::string& lift, std::string& lifts);

// What a page is to the rules.
struct RulePage {
  std::string_view name;               // "search", or the surface.
  const std::string* query = nullptr;  // None: it has none.
  const std::vector<std::string>& contexts;
  const std::string& filter;
};
inline RulePage rule_page(const SearchRequest& request) {
  return {"search", &request.query, request.rule_contexts, request.filter};
}
inline RulePage rule_page(const RecommendRequest& request) {
  return {surface_name(request.surface), nullptr, request.contexts, request.filter};
}

class RuleBook {
 public:
  explicit RuleBook(const DocumentCollection& documents);
  uint64_t revision() const { return revision_; }
  bool empty() const { return rules_.empty(); }

  // Those that hold for the page, in the order of their ids.
  std::vector<const Rule*> match(const RulePage& page, TimeMs wall_ms) const;

 private:
  uint64_t revision_;
  std::vector<Rule> rules_;
};

// The search with what `rules` say. Pages stay whole: a pinned item takes a place and appears once.
// Cost: one search; with pins or a lift two to four.
Result<SearchAnswer> search_with_rules(const SearchService& service, const SearchRequest& request,
                                       const std::vector<const Rule*>& rules, TimeMs now_ms);

// The page with what `rules` say: as above. What is pinned has its place whatever the order, diversity and
// the cap on categories say, but is never what a rule hides; with what is lifted it counts for that cap.
// Cost: one page; with a lift two.
Result<RecommendAnswer> recommend_with_rules(const RecommendService& service, const RecommendRequest& request,
                                             const std::vector<const Rule*>& rules, TimeMs now_ms);

}  // namespace freshet
