#include "eval/click_eval.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text_table.h"
#include "eval/click_ceiling.h"

namespace freshet {
namespace {

constexpr size_t kPlaces = 10;
constexpr size_t kDeep = 20;  // Asked for when a ranking is scored; nDCG looks at ten.
constexpr TimeMs kBetweenMs = 1000;
constexpr uint32_t kCheckpoints[] = {3, 10, 30, 100, 300, 1000};
constexpr uint64_t kChoice = 0x63686f696365, kShopper = 0x73686f70706572, kOrder = 0x6f72646572;

struct Player {
  const JudgedQuery* query = nullptr;
  std::unordered_map<uint32_t, double> gains;
  uint64_t key = 0;
  size_t number = 0;  // Among those searched.

  std::vector<double> gains_of(const std::vector<RankedItem>& ranked) const {
    std::vector<double> out;
    for (const RankedItem& item : ranked) {
      const auto judged = gains.find(item.item);
      out.push_back(judged == gains.end() ? 0 : judged->second);
    }
    return out;
  }
};

// The two who know the world, beside the learner under test.
struct Known {
  KnownLearner same_clicks, own_pages;

  static Result<Known> of(ClickWorld world, const std::vector<Player>& seen, const ClickShop& shop) {
    std::vector<std::vector<RankedItem>> windows;
    std::vector<std::vector<double>> gains;
    for (const Player& one : seen) {
      TRY(auto window, shop.search(one.query->text, KnownLearner::kWindow));
      gains.push_back(one.gains_of(window));
      windows.push_back(std::move(window));
    }
    const KnownLearner learner(world, windows, gains);
    return Known{learner, learner};
  }

  void play(const Player& one, ClickWorld world, uint64_t key) {
    const auto page = own_pages.ranked(one.number, KnownLearner::kOptimism, kPlaces);
    if (page.empty()) return;
    std::vector<size_t> clicked;
    std::vector<uint64_t> looked(kPlaces);
    ClickShopper(world, key).answer(one.gains_of(page), clicked, looked);
    own_pages.learn(one.number, page, clicked);
  }
};

double mean_ndcg(const SearchData& data, const std::vector<Player>& players, const KnownLearner& learner) {
  double sum = 0;
  for (const Player& one : players)
    sum += score_query(*one.query, data, learner.ranked(one.number, 0, kDeep)).ndcg10;
  return players.empty() ? 0 : sum / static_cast<double>(players.size());
}

Result<double> mean_ndcg(const SearchData& data, const std::vector<Player>& players, const ClickShop& shop) {
  double sum = 0;
  for (const Player& one : players) {
    TRY(const auto ranked, shop.search(one.query->text, kDeep));
    sum += score_query(*one.query, data, ranked).ndcg10;
  }
  return players.empty() ? 0 : sum / static_cast<double>(players.size());
}

// The judged queries with a gain that the search takes, parted in seen and never shown.
void choose(const SearchData& data, const ClickEvalOptions& options, const ClickShop& shop,
            std::vector<Player>& seen, std::vector<Player>& never) {
  std::vector<Player> all;
  for (const JudgedQuery& query : data.queries) {
    const auto gains = [](const JudgedItem& item) { return item.gain > 0; };
    if (std::none_of(query.judged.begin(), query.judged.end(), gains)) continue;
    if (!shop.search(query.text, 1).ok()) continue;
    Player& one = all.emplace_back();
    one.query = &query;
    one.key = mix64(options.seed, hash_bytes(query.id));
    for (const JudgedItem& item : query.judged) one.gains.emplace(item.item, item.gain);
  }
  std::sort(all.begin(), all.end(), [](const Player& a, const Player& b) {
    const uint64_t x = mix64(a.key, kChoice), y = mix64(b.key, kChoice);
    return x != y ? x < y : a.query->id < b.query->id;
  });
  if (options.queries_max != 0 && all.size() > options.queries_max) all.resize(options.queries_max);
  const auto parted = static_cast<size_t>(std::lround(options.seen_share * static_cast<double>(all.size())));
  for (size_t i = 0; i < all.size(); ++i) (i < parted ? seen : never).push_back(std::move(all[i]));
}

}  // namespace

Result<ClickReport> evaluate_clicks(const SearchData& data, const ClickEvalOptions& options,
                                    const ClickShop& shop,
                                    const std::function<void(const ClickCheckpoint&)>& progress) {
  ClickReport report{.options = options};
  std::vector<Player> seen, never;
  choose(data, options, shop, seen, never);
  report.seen = seen.size();
  report.never_shown = never.size();
  TRY(report.base_seen, mean_ndcg(data, seen, shop));
  TRY(report.base_never_shown, mean_ndcg(data, never, shop));
  for (size_t i = 0; i < seen.size(); ++i) seen[i].number = i;
  TRY(Known known, Known::of(options.world, seen, shop));
  std::vector<uint64_t> looked(kPlaces);
  std::vector<size_t> clicked;
  double served = 0;
  uint64_t served_pages = 0;
  for (uint32_t round = 1; round <= options.impressions; ++round) {
    std::sort(seen.begin(), seen.end(), [&](const Player& a, const Player& b) {
      return mix64(a.key, mix64(kOrder, round)) < mix64(b.key, mix64(kOrder, round));
    });
    for (const Player& one : seen) {
      const auto time_ms = static_cast<TimeMs>(report.pages++) * kBetweenMs;
      TRY(auto ranked, shop.serve(one.query->text, time_ms));
      served += score_query(*one.query, data, ranked).ndcg10;
      ++served_pages;
      if (ranked.empty()) continue;
      const uint64_t shopper = mix64(one.key, mix64(kShopper, round));
      ClickShopper(options.world, shopper).answer(one.gains_of(ranked), clicked, looked);
      known.same_clicks.learn(one.number, ranked, clicked);
      known.play(one, options.world, shopper);
      for (const size_t place : clicked) shop.click(ranked[place].item, time_ms + 1);
      report.clicks += clicked.size();
    }
    const bool listed =
        std::find(std::begin(kCheckpoints), std::end(kCheckpoints), round) != std::end(kCheckpoints);
    if (!listed && round != options.impressions) continue;
    ClickCheckpoint& point = report.checkpoints.emplace_back();
    point.impressions = round;
    TRY(const double exploit, mean_ndcg(data, seen, shop));
    TRY(const double unseen, mean_ndcg(data, never, shop));
    point.exploit = exploit - report.base_seen;
    point.never_shown = unseen - report.base_never_shown;
    point.served = served / static_cast<double>(std::max<uint64_t>(1, served_pages)) - report.base_seen;
    point.known_same_clicks = mean_ndcg(data, seen, known.same_clicks) - report.base_seen;
    point.known_own_pages = mean_ndcg(data, seen, known.own_pages) - report.base_seen;
    served = 0;
    served_pages = 0;
    report.worst = std::min(report.worst, point.exploit);
    report.worst_never_shown = std::min(report.worst_never_shown, point.never_shown);
    if (progress) progress(point);
  }
  report.learned = shop.learned();
  for (size_t k = 0; k < kPlaces; ++k) {
    report.measured.push_back(shop.examination(static_cast<uint32_t>(k)));
    report.looked_at.push_back(static_cast<double>(looked[k]) /
                               static_cast<double>(std::max<uint64_t>(1, looked[0])));
    if (report.looked_at[k] > 0)
      report.propensity_error =
          std::max(report.propensity_error, std::abs(report.measured[k] / report.looked_at[k] - 1));
  }
  return report;
}

std::string click_report_json(const ClickReport& report) {
  JsonWriter out;
  out.object();
  out.field("world", click_world_name(report.options.world));
  out.field("impressions", uint64_t{report.options.impressions});
  out.field("seed", report.options.seed);
  out.field("queries_seen", report.seen);
  out.field("queries_never_shown", report.never_shown);
  out.field("pages", report.pages);
  out.field("clicks", report.clicks);
  out.field("base_ndcg10", report.base_seen);
  out.field("base_ndcg10_never_shown", report.base_never_shown);
  out.key("checkpoints").array();
  for (const ClickCheckpoint& point : report.checkpoints) {
    out.object().field("impressions", uint64_t{point.impressions}).field("exploit_delta", point.exploit);
    out.field("served_delta", point.served).field("never_shown_delta", point.never_shown);
    out.field("known_same_clicks_delta", point.known_same_clicks);
    out.field("known_own_pages_delta", point.known_own_pages).end();
  }
  out.end();
  out.field("worst_delta", report.worst);
  out.field("worst_never_shown_delta", report.worst_never_shown);
  out.key("propensities").array();
  for (size_t k = 0; k < report.measured.size(); ++k)
    out.object()
        .field("place", uint64_t{k + 1})
        .field("measured", report.measured[k])
        .field("looked_at", report.looked_at[k])
        .end();
  out.end();
  out.field("propensity_error", report.propensity_error);
  out.end();
  return out.take() + "\n";
}

namespace {

std::string fixed(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string click_report_text(const ClickReport& report) {
  std::string out =
      "world " + std::string(click_world_name(report.options.world)) + ": " + std::to_string(report.seen) +
      " queries searched, nDCG@10 " + fixed(report.base_seen, "%.4f") + " without clicks; " +
      std::to_string(report.never_shown) + " never, " + fixed(report.base_never_shown, "%.4f") + "; " +
      std::to_string(report.clicks) + " clicks\n\n" +
      "searches of each   exploit    served   never shown   world known: same clicks   own pages\n";
  for (const ClickCheckpoint& point : report.checkpoints)
    out += fixed(point.impressions, "%16.0f") + fixed(point.exploit, "%+10.4f") +
           fixed(point.served, "%+10.4f") + fixed(point.never_shown, "%+14.4f") +
           fixed(point.known_same_clicks, "%+27.4f") + fixed(point.known_own_pages, "%+12.4f") + "\n";
  out += "\nplace looked at, measured / true:";
  for (size_t k = 0; k < report.measured.size(); ++k)
    out += " " + fixed(report.measured[k], "%.3f") + "/" + fixed(report.looked_at[k], "%.3f");
  out += "\n" + report.learned;
  return out + "\nlargest error " + fixed(100 * report.propensity_error, "%.1f") + " %\n";
}

}  // namespace freshet
