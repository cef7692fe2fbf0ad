// A replay's report as JSON, as a table for people, as a plot, and its predictions one by one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "eval/plot.h"
#include "eval/replay.h"

namespace freshet {

// Keys and meaning: docs/benchmarks.md. `sources`: those that were on; empty: all.
std::string report_json(const ReplayReport& report, const std::vector<std::string>& sources);
std::string report_text(const ReplayReport& report, const std::vector<std::string>& sources);
// Recall over the stream, one line for each update policy; with one policy, also its novel targets.
Plot report_plot(const ReplayReport& report, const std::string& title);

// One line of the dump: {"at": 17, "group": "42", "position": 3, "targets": ["7"], "items": [["7", 0.25],
// ...]}.
std::string judgement_json(const Judgement& judged, const std::function<std::string_view(ItemSlot)>& item_id);

}  // namespace freshet
