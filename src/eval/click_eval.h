// What is learned from clicks, measured: judged queries are searched again and again through the served
// ranking, a simulated shopper clicks by the judgements, and the clicks go the way of all events. The learner
// sees pages and clicks; never the judgements, the world
// (click_world.h), or how often places are looked at.
//
// `seen_share` of the judged queries are searched, equally often or some much oftener than others; the others
// never. Reported at checkpoints (searches of a seen query so far, on average): exploit, the ranking as it
// would be served without trying anything, every query counted once; served, what shoppers got since the last
// checkpoint; and the never-shown queries; all as nDCG@10 against the ranking without clicks (search_eval.h).
// Beside it what others reach (click_rivals.h), and somebody who knows the world and learns from the same
// pages and clicks (click_ceiling.h). Every draw is keyed by (seed, query, search).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "eval/click_world.h"
#include "eval/search_eval.h"

namespace freshet {

enum class ClickTraffic : uint8_t {
  kUniform,
  kZipf,  // The query of rank r, drawn, is searched in proportion to 1/r.
};

struct ClickEvalOptions {
  ClickWorld world = ClickWorld::kModerate;
  ClickTraffic traffic = ClickTraffic::kUniform;
  uint32_t impressions = 100;  // Of each seen query; of kZipf: on average.
  double seen_share = 0.6;
  size_t queries_max = 0;  // Judged queries taken, drawn by the seed; 0: all
  // Searches come from so many shoppers, who are known by name but click by the judgements alone, so that
  // knowing them helps nobody; 0: nobody is known.
  uint32_t shoppers = 0;
  uint64_t seed = 1;
};

struct ClickCheckpoint {
  uint32_t impressions = 0;
  // nDCG@10 less that of the ranking without clicks.
  double exploit = 0, served = 0, never_shown = 0;
  double known_same_clicks = 0;  // Of who knows the world and sees the same pages.
  struct Rival {
    double exploit = 0, served = 0;
  };
  std::vector<Rival> rivals;  // In the order of ClickReport::rivals.
};

struct ClickReport {
  ClickEvalOptions options;
  uint64_t seen = 0, never_shown = 0, pages = 0, clicks = 0;
  double base_seen = 0, base_never_shown = 0;
  std::vector<std::string> rivals;  // Their names.
  std::vector<ClickCheckpoint> checkpoints;
  double worst = 0, worst_never_shown = 0;
  // Of places 1 to 10, against the first: as measured, and how often they were looked at.
  std::vector<double> measured, looked_at;
  std::string learned;
  double propensity_error = 0;  // The largest of |measured / looked_at - 1|
};

// What is judged: the shop as search, click and measurement.
struct ClickShop {
  std::function<Result<std::vector<RankedItem>>(const std::string& query, size_t k)> search;
  // shopper: empty: nobody known.
  std::function<Result<std::vector<RankedItem>>(const std::string& query, const std::string& shopper,
                                                TimeMs time_ms)>
      serve;
  std::function<void(uint32_t item, TimeMs time_ms)> click;
  std::function<double(uint32_t place)> examination;
  std::function<std::string()> learned;  // What there is to say about it, for people.
};

Result<ClickReport> evaluate_clicks(const SearchData& data, const ClickEvalOptions& options,
                                    const ClickShop& shop,
                                    const std::function<void(const ClickCheckpoint&)>& progress = {});
std::string click_report_json(const ClickReport& report);
std::string click_report_text(const ClickReport& report);
std::string click_report_svg(const ClickReport& report);

}  // namespace freshet
