// One recommendation request, from ids to a page: resolve -> gather and weigh -> filter -> reasons.
//
// Threads: any; reads published state under one EpochGuard and waits for nothing. Cost: what
// Recommender::recommend costs, plus the filter for each candidate looked at.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "base/result.h"
#include "column/filter.h"
#include "feature/catalog.h"
#include "feature/profiles.h"
#include "rank/ranker.h"
#include "recommend/recommender.h"
#include "settings/settings.h"

namespace freshet {

struct RecommendRequest {
  Surface surface = Surface::kForYou;
  std::string user;                // or
  std::string session;             // while anonymous
  std::vector<std::string> items;  // anchors: related, bought together; or the context of an unknown shopper
  size_t k = 10;                   // 1..100
  std::string filter;              // column/filter.h
  std::vector<std::string> exclude;  // item ids
  bool include_unavailable = false;
  bool allow_repeats = true;    // false: nothing the shopper has in the sequence
  bool exclude_bought = false;  // false: what was bought may come again
  double least_share =
      0;                 // Of the best score, 0..1: what scores less is not shown, unless the shop pinned it.
  std::string facet;     // trending: "category:Shoes", "brand:Acme"
  bool explain = false;  // RecommendedItem::parts are wanted
  // Key of the draws by which this page may try something out (settings: ranker.exploration); 0: nothing.
  uint64_t explore = 0;
  TimeMs now_ms = kNoTime;  // When the page is shown; default: the newest event time
  // Of the shopper, for the ranker: as events say it ("DE-BY"), and "mobile" or what the shop calls it.
  std::string region, device;
  // Rules of the shop (rules/rules.h): whether they are asked for, and what the page is to them.
  bool rules = true;
  std::vector<std::string> contexts;
  uint64_t settings_version = UINT64_MAX;  // Default: what is published.
  // What they say of this page, beside what is asked for above.
  struct Shop {
    std::vector<std::string> filters;  // Only what passes all of them.
    std::vector<std::string> hide;     // Ids that are not shown,
    std::vector<std::string> placed;   // and those that stand on the page already.
    bool tries = true;                 // This part of the page may try something out,
    bool fill = true;                  // and is filled up when too few are proposed.
  } shop;
};

struct RecommendedItem {
  std::string id;
  std::string title;
  double price = kNoNumber;
  float score = 0;
  std::string source;       // which candidate source spoke for it most
  std::string reason_kind;  // "after", "with", "popular", "popular-in", "again", "similar-shoppers", "taste",
                            // "new"; "ranker": what moved it up; "rule"
  std::string reason_item;  // "viewed after X": the id of X
  std::string reason;       // for a shopper to read: "viewed after Kettle", "popular in Shoes this hour"
  std::vector<RecommendPart> parts;  // recommend/recommender.h; they add up to `score`
  float base = kNoBase;              // ln of the mixture's probability, as impressions bear it
  float propensity = 1;              // That it stands here.
  static constexpr float kNoBase = std::numeric_limits<float>::quiet_NaN();
};

struct RecommendAnswer {
  std::vector<RecommendedItem> items;
  size_t context_steps = 0;                           // Steps of the shopper that were known.
  bool ranked = false;                                // The learned ranker took part in the order.
  std::vector<std::string> rules_applied, rule_data;  // Ids of rules, and their data as JSON.
};

// What an impression bears of an answer: items with their propensities, and what the ranker starts from.
void put_shown(const RecommendAnswer& answer, Event& impression);

struct TrendingFacet {
  std::string name;
  float score = 0;
};

std::string_view surface_name(Surface surface);
bool is_own_list(Surface surface);  // What the shopper has done, in the order of that: nobody orders it.
Result<Surface> parse_surface(std::string_view text);

class RecommendService {
 public:
  static constexpr size_t kItemsMax = 100;  // k, anchors and such
  static constexpr size_t kExcludeMax = 1000;

  RecommendService(const Catalog& catalog, const Profiles& profiles, const Recommender& recommender)
      : catalog_(catalog), profiles_(profiles), recommender_(recommender) {}

  // From now on pages are ordered by the ranker, as the settings say. Before the first request.
  void rank_with(const Ranker& ranker, const Settings& settings) {
    ranker_ = &ranker;
    settings_ = &settings;
  }

  // `now_ms`: the fold's clock. kInvalid: names the field and what was expected; kNotFound: there is no such
  // version of the settings.
  Result<RecommendAnswer> recommend(const RecommendRequest& request, TimeMs now_ms) const;
  // Those of the items that such a page may show, in their order, without scores.
  Result<std::vector<RecommendedItem>> described(const RecommendRequest& request,
                                                 const std::vector<std::string>& ids, TimeMs now_ms) const;
  std::vector<TrendingFacet> trending_facets(size_t k) const;

 private:
  struct Asked;  // A request, resolved.
  Status resolve(const RecommendRequest& request, TimeMs now_ms, Asked& asked) const;
  void hide(const RecommendRequest& request, Asked& asked) const;
  Result<std::shared_ptr<const SettingsVersion>> settings_of(const RecommendRequest& request) const;
  RecommendedItem describe(const Recommended& found) const;

  const Catalog& catalog_;
  const Profiles& profiles_;
  const Recommender& recommender_;
  const Ranker* ranker_ = nullptr;
  const Settings* settings_ = nullptr;
};

}  // namespace freshet
