#include "serve/recommend_service.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "base/epoch.h"
#include "base/hash.h"
#include "model/math.h"
#include "serve/slate_ranking.h"

namespace freshet {
namespace {

constexpr std::array<std::string_view, 7> kSurfaces = {
    "for-you", "next", "related", "bought-together", "trending", "recently-viewed", "buy-again"};

std::string_view reason_kind(RecommendReason::Kind kind) {
  switch (kind) {
    case RecommendReason::Kind::kNone:
      return "none";
    case RecommendReason::Kind::kAfter:
      return "after";
    case RecommendReason::Kind::kWith:
      return "with";
    case RecommendReason::Kind::kPopular:
      return "popular";
    case RecommendReason::Kind::kPopularInFacet:
      return "popular-in";
    case RecommendReason::Kind::kAgain:
      return "again";
    case RecommendReason::Kind::kSimilarShoppers:
      return "similar-shoppers";
    case RecommendReason::Kind::kTaste:
      return "taste";
    case RecommendReason::Kind::kNew:
      return "new";
  }
  return "none";
}

// "category:Shoes > Running" -> "Running"
std::string_view leaf(std::string_view facet) {
  if (const size_t colon = facet.find(':'); colon != std::string_view::npos) facet.remove_prefix(colon + 1);
  if (const size_t cut = facet.rfind(" > "); cut != std::string_view::npos) facet.remove_prefix(cut + 3);
  return facet;
}

std::string sentence(RecommendReason::Kind kind, std::string_view item, std::string_view facet) {
  const std::string name(item), place(leaf(facet));
  switch (kind) {
    case RecommendReason::Kind::kNone:
      return "";
    case RecommendReason::Kind::kAfter:
      return name.empty() ? "often viewed next" : "viewed after " + name;
    case RecommendReason::Kind::kWith:
      return name.empty() ? "often bought together" : "bought with " + name;
    case RecommendReason::Kind::kPopular:
      return "popular right now";
    case RecommendReason::Kind::kPopularInFacet:
      return place.empty() ? "popular right now" : "popular in " + place + " this hour";
    case RecommendReason::Kind::kAgain:
      return "you had this before";
    case RecommendReason::Kind::kSimilarShoppers:
      return "chosen by shoppers with a similar visit";
    case RecommendReason::Kind::kTaste:
      return "matches what you are looking at";
    case RecommendReason::Kind::kNew:
      return place.empty() ? "new in the shop" : "new in " + place;
  }
  return "";
}

Status check_ids(const std::vector<std::string>& ids, const char* field, size_t max) {
  if (ids.size() > max)
    return invalid(std::string(field) + ": expected at most " + std::to_string(max) + " ids, got " +
                   std::to_string(ids.size()));
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i].empty() || ids[i].size() > 256)
      return invalid(std::string(field) + "[" + std::to_string(i) + "]: expected 1 to 256 bytes, got " +
                     std::to_string(ids[i].size()));
  return {};
}

}  // namespace

void put_shown(const RecommendAnswer& answer, Event& impression) {
  std::string bases;
  for (const RecommendedItem& item : answer.items) {
    impression.shown.push_back({item.id, item.propensity});
    append_base(item.base, bases);
  }
  impression.attributes.push_back({"base", std::move(bases)});
  if (answer.ranked) impression.attributes.push_back({"ranked", true});
}

std::string_view surface_name(Surface surface) {
  return kSurfaces[static_cast<size_t>(surface)];
}

bool is_own_list(Surface surface) {
  return surface == Surface::kRecentlyViewed || surface == Surface::kBuyAgain;
}

Result<Surface> parse_surface(std::string_view text) {
  for (size_t i = 0; i < kSurfaces.size(); ++i)
    if (kSurfaces[i] == text) return static_cast<Surface>(i);
  return invalid(
      "surface: expected one of for-you, next, related, bought-together, trending, recently-viewed, "
      "buy-again, got \"" +
      std::string(text.substr(0, 32)) + "\"");
}

// Under the EpochGuard it was made under; stays where it is.
struct RecommendService::Asked {
  RecommendQuery query;
  std::string_view shopper_id;
  ShopperSlot shopper = kNoShopper;
  std::vector<ItemSlot> anchors;
  std::vector<Step> visit;
  std::vector<Filter> filters;
  std::unordered_set<ItemSlot> hidden;
  std::vector<uint32_t> placed;  // Categories of what stands on the page already.
};

void RecommendService::hide(const RecommendRequest& request, Asked& asked) const {
  for (const std::vector<std::string>* ids : {&request.exclude, &request.shop.hide, &request.shop.placed})
    for (const std::string& id : *ids)
      if (const ItemSlot slot = catalog_.find(id); slot != kNoItem) asked.hidden.insert(slot);
  if (const ProfileExtras* extras = profiles_.extras(asked.shopper))
    asked.hidden.insert(extras->dismissed.begin(), extras->dismissed.end());
  if (request.exclude_bought)
    for (const Step& step : asked.query.sequence.steps)
      if (step.type == EventType::kPurchase) asked.hidden.insert(step.item);
  for (const std::string& id : request.shop.placed)
    if (const ItemSlot slot = catalog_.find(id); slot != kNoItem)
      if (const ItemRecord* item = catalog_.item(slot); item != nullptr)
        asked.placed.push_back(item->category());
}

Status RecommendService::resolve(const RecommendRequest& request, TimeMs now_ms, Asked& asked) const {
  if (request.k < 1 || request.k > kItemsMax)
    return invalid("k: expected 1 to 100, got " + std::to_string(request.k));
  TRY_STATUS(check_ids(request.items, "items", kItemsMax));
  TRY_STATUS(check_ids(request.exclude, "exclude", kExcludeMax));
  const bool anchored = request.surface == Surface::kRelated || request.surface == Surface::kBoughtTogether;
  if (anchored && request.items.empty())
    return invalid("items: expected at least one item id for surface " +
                   std::string(surface_name(request.surface)));
  TRY(Filter filter, Filter::parse(request.filter));
  asked.filters.push_back(std::move(filter));
  for (const std::string& text : request.shop.filters) {
    TRY(Filter of_shop, Filter::parse(text));
    asked.filters.push_back(std::move(of_shop));
  }

  asked.shopper_id = request.user.empty() ? request.session : request.user;
  asked.shopper = asked.shopper_id.empty() ? kNoShopper : profiles_.find(asked.shopper_id);
  RecommendQuery& query = asked.query;
  query.surface = request.surface;
  query.k = request.k;
  query.explain = request.explain;
  query.fill = request.shop.fill;
  query.allow_repeats = request.allow_repeats;
  query.now_ms = request.now_ms == kNoTime ? now_ms : request.now_ms;
  query.sequence = profiles_.sequence(asked.shopper);
  if (!request.facet.empty()) {
    query.facet = catalog_.find_facet(request.facet);
    if (query.facet == 0)
      return not_found("facet: \"" + request.facet.substr(0, 64) + "\" is not known (yet)");
  }
  for (const std::string& id : request.items)
    if (const ItemSlot slot = catalog_.find(id); slot != kNoItem) asked.anchors.push_back(slot);
  query.anchors = asked.anchors;
  // A shopper nobody has seen, with items in hand: those are the visit so far.
  if (query.sequence.steps.empty() && !anchored) {
    for (const ItemSlot slot : asked.anchors)
      asked.visit.push_back({slot, EventType::kView, 0, query.now_ms, 0});
    query.sequence.steps = asked.visit;
  }
  if (anchored) asked.hidden.insert(asked.anchors.begin(), asked.anchors.end());
  hide(request, asked);
  query.allow = [this, &asked, unavailable = request.include_unavailable](ItemSlot slot) {
    const ItemRecord* item = catalog_.item(slot);
    return item != nullptr && !item->deleted && (item->available || unavailable) &&
           (asked.hidden.empty() || !asked.hidden.contains(slot)) &&
           std::all_of(asked.filters.begin(), asked.filters.end(),
                       [&](const Filter& one) { return one.passes(*item, catalog_); });
  };
  return {};
}

// Null: there are none.
Result<std::shared_ptr<const SettingsVersion>> RecommendService::settings_of(
    const RecommendRequest& request) const {
  std::shared_ptr<const SettingsVersion> version;
  if (settings_ == nullptr) return version;
  const SettingsBook& book = settings_->book();
  version = request.settings_version == UINT64_MAX ? book.published : book.version(request.settings_version);
  if (version == nullptr)
    return not_found("settings_version: " + std::to_string(request.settings_version) +
                     " is not known (any more)");
  return version;
}

Result<RecommendAnswer> RecommendService::recommend(const RecommendRequest& request, TimeMs now_ms) const {
  const EpochGuard guard;
  Asked asked;
  TRY_STATUS(resolve(request, now_ms, asked));
  TRY(const std::shared_ptr<const SettingsVersion> version, settings_of(request));
  RecommendQuery& query = asked.query;
  std::optional<SlateRanking> ranking;
  const RankKind kind = rank_kind(surface_name(request.surface), false);
  RecommendAnswer answer;
  bool spreads_after = false;
  if (ranker_ != nullptr && kind != RankKind::kOther) {
    const RankAsked of{.kind = kind,
                       .shopper = asked.shopper_id.empty()      ? 0
                                  : query.sequence.shopper != 0 ? query.sequence.shopper
                                                                : hash_bytes(asked.shopper_id),
                       .now_ms = query.now_ms,
                       .steps = query.sequence.steps,
                       .region = request.region,
                       .device = request.device};
    ranking.emplace(*ranker_, catalog_, version->settings.ranker, of, request.explore, asked.placed,
                    request.shop.tries);
    if (ranking->changes_something()) query.ranker = &*ranking;
    answer.ranked = ranking->ranks();
  } else if (settings_ != nullptr && !is_own_list(request.surface)) {
    spreads_after = spreads(version->settings.ranker);
    if (spreads_after) query.k = std::max<size_t>(request.k, version->settings.ranker.candidates);
  }
  answer.context_steps = query.sequence.steps.size();
  std::vector<Recommended> page = recommender_.recommend(query);
  if (spreads_after) spread(catalog_, version->settings.ranker, request.k, asked.placed, page);
  for (const Recommended& found : page) answer.items.push_back(describe(found));
  return answer;
}

Result<std::vector<RecommendedItem>> RecommendService::described(const RecommendRequest& request,
                                                                 const std::vector<std::string>& ids,
                                                                 TimeMs now_ms) const {
  const EpochGuard guard;
  Asked asked;
  TRY_STATUS(resolve(request, now_ms, asked));
  std::vector<RecommendedItem> out;
  for (const std::string& id : ids)
    if (const ItemSlot slot = catalog_.find(id); slot != kNoItem && asked.query.allow(slot)) {
      RecommendedItem& item = out.emplace_back(describe({.item = slot, .reason = {}, .parts = {}}));
      item.source.clear();
    }
  return out;
}

RecommendedItem RecommendService::describe(const Recommended& found) const {
  RecommendedItem out;
  if (const ItemRecord* item = catalog_.item(found.item)) {
    out.id = item->id;
    out.title = item->title;
    out.price = item->price;
  }
  out.score = found.score;
  if (found.base > 0) out.base = log_f32(found.base);
  out.propensity = found.propensity;
  out.parts = found.parts;
  const auto sources = Recommender::source_names();
  if (found.reason.source < sources.size()) out.source = sources[found.reason.source];
  out.reason_kind = reason_kind(found.reason.kind);
  std::string_view because;
  if (const ItemRecord* item = found.reason.item == kNoItem ? nullptr : catalog_.item(found.reason.item)) {
    out.reason_item = item->id;
    because = item->title.empty() ? item->id : item->title;
  }
  out.reason = sentence(found.reason.kind, because, catalog_.facet_name(found.reason.facet));
  if (!found.moved.empty()) {
    out.reason_kind = "ranker";
    out.reason_item.clear();
    out.reason = found.moved;
  }
  return out;
}

std::vector<TrendingFacet> RecommendService::trending_facets(size_t k) const {
  const EpochGuard guard;
  std::vector<TrendingFacet> out;
  for (const auto& [facet, score] : recommender_.trending_facets(k))
    out.push_back({std::string(catalog_.facet_name(facet)), score});
  return out;
}

}  // namespace freshet
