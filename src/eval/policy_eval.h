// What other search settings would have earned, from a shop's own log: each page of a search that was shown
// is ranked again by the candidate, with what the program knew at that moment and nothing later, and the
// clicks that came are weighed by where the candidate would have put the item (experiment/off_policy.h).
//
// Taken are first pages of searches by words in the search's own order: those whose impression bears match
// features. How often each place is looked at is what exchanges of places have measured by the end of the
// log.
//
// Cost: a fold of the log without the recommenders, and one search a page.
#pragma once

#include <functional>
#include <string>

#include "engine/shop_state.h"
#include "experiment/off_policy.h"
#include "log/event_log.h"

namespace freshet {

struct PolicyEvalOptions {
  std::string settings;                      // The candidate's, as JSON; names not in it: the defaults.
  StateConfig state;                         // As the server's.
  double share = 1;                          // Of the pages, drawn by their query id.
  static constexpr size_t kPlaces = 10;      // Of a page that count.
  static constexpr double kPagesMin = 1000;  // Fewer effective ones say too little.
};

struct PolicyEvalReport {
  PolicyReport policy;
  std::vector<double> examination;  // By place.
  double doubt = 0;                 // Standard deviation of ln theta of the tenth place.
  uint64_t events = 0, pages_left_out = 0;
  bool enough() const { return policy.effective_pages >= PolicyEvalOptions::kPagesMin; }
};

// kInvalid: settings that are wrong, or need another index; a log whose beginning retention removed.
// `progress`: events read so far, of how many.
Result<PolicyEvalReport> evaluate_policy(EventLog& log, const PolicyEvalOptions& options,
                                         const std::function<void(uint64_t, uint64_t)>& progress = {});
std::string policy_report_text(const PolicyEvalReport& report);
std::string policy_report_json(const PolicyEvalReport& report);

}  // namespace freshet
