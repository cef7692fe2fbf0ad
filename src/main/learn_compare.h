// freshet learn --freshness and --late-labels: several ways beside each other, on rows kept in memory. And
// the file of rows that all of freshet learn reads.
#pragma once

#include <functional>
#include <string>

#include "learn/trainer.h"

namespace freshet {

constexpr size_t kRowsFirst = 1000;  // What the columns are is found out from them.

// Gives each line of the file (gzip too) or of standard input ("-") to `take` until it says stop.
Status each_line(const std::string& path, const std::function<Status(std::string_view)>& take);

struct FreshnessFlags {
  size_t hours = 0;
  double hour = 0;
  std::string plot;
};
// Frozen, retrained and online (eval/freshness_rows.h), printed.
Status compare_freshness(const std::string& file, RowFormat format, const TrainerConfig& config,
                         const FreshnessFlags& flags, bool json);
// An oracle that has labels at once, ours, and what others do about late ones, printed.
Status compare_late_labels(const std::string& file, RowFormat format, const TrainerConfig& config, bool json);

}  // namespace freshet
