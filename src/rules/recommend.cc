// What rules do to a page of recommendations: pinned items at their places, then the lifted ones, then the
// rest.
#include <algorithm>

#include "rules/rules.h"

namespace freshet {
namespace {

struct Effects {              // All rules together.
  std::vector<RulePin> pins;  // By position.
  bool follow_filters = true;
  std::string lift;
};

Effects collect(const std::vector<const Rule*>& rules, RecommendRequest& request, RecommendAnswer& answer) {
  Effects out;
  for (const Rule* rule : rules) {
    answer.rules_applied.push_back(rule->id);
    if (!rule->data.empty()) answer.rule_data.push_back(rule->data);
    if (!rule->filter.empty()) request.shop.filters.push_back(rule->filter);
    request.shop.hide.insert(request.shop.hide.end(), rule->hide.begin(), rule->hide.end());
    if (is_own_list(request.surface)) continue;
    add_lift(rule->lift, out.lift);
    out.pins.insert(out.pins.end(), rule->pins.begin(), rule->pins.end());
    if (!rule->pins_follow_filters) out.follow_filters = false;
  }
  std::stable_sort(out.pins.begin(), out.pins.end(),
                   [](const RulePin& a, const RulePin& b) { return a.position < b.position; });
  return out;
}

struct Pinned {
  size_t place = 0;
  RecommendedItem item;
};

// The pinned items that may be shown, in the order of their places; an item once, a place once.
Result<std::vector<Pinned>> pinned(const RecommendService& service, const RecommendRequest& asked,
                                   const Effects& effects, TimeMs now_ms) {
  std::vector<Pinned> out;
  if (effects.pins.empty()) return out;
  RecommendRequest request = asked;
  if (!effects.follow_filters) {
    request.filter.clear();
    request.shop.filters.clear();
  }
  std::vector<std::string> ids;
  for (const RulePin& pin : effects.pins)
    if (std::find(ids.begin(), ids.end(), pin.item) == ids.end()) ids.push_back(pin.item);
  TRY(std::vector<RecommendedItem> found, service.described(request, ids, now_ms));
  for (const RulePin& pin : effects.pins) {
    const auto at =
        std::find_if(found.begin(), found.end(), [&](const auto& item) { return item.id == pin.item; });
    if (at == found.end()) continue;
    const size_t place = out.empty() ? pin.position : std::max<size_t>(pin.position, out.back().place + 1);
    if (place >= request.k) break;
    at->reason_kind = "rule";
    at->reason = "picked by the shop";
    out.push_back({place, std::move(*at)});
    found.erase(at);
  }
  return out;
}

void append(RecommendAnswer&& part, RecommendRequest& rest, RecommendAnswer& answer) {
  rest.k -= part.items.size();
  for (RecommendedItem& item : part.items) {
    rest.shop.placed.push_back(item.id);
    answer.items.push_back(std::move(item));
  }
  answer.ranked = answer.ranked || part.ranked;
  answer.context_steps = part.context_steps;
}

}  // namespace

Result<RecommendAnswer> recommend_with_rules(const RecommendService& service, const RecommendRequest& asked,
                                             const std::vector<const Rule*>& rules, TimeMs now_ms) {
  RecommendRequest request = asked;
  RecommendAnswer answer;
  const Effects effects = collect(rules, request, answer);
  TRY(std::vector<Pinned> pins, pinned(service, request, effects, now_ms));
  RecommendRequest rest = request;
  rest.k -= pins.size();
  for (const Pinned& pin : pins) rest.shop.placed.push_back(pin.item.id);
  if (!effects.lift.empty() && rest.k > 0) {
    RecommendRequest first = rest;
    first.shop.filters.push_back(effects.lift);
    first.shop.tries = false;  // What is tried out has one place of a page.
    // Beside an item, lifted is what goes with it, not all that the shop has of that kind.
    first.shop.fill = asked.surface != Surface::kRelated && asked.surface != Surface::kBoughtTogether;
    TRY(RecommendAnswer lifted, service.recommend(first, now_ms));
    append(std::move(lifted), rest, answer);
  }
  if (rest.k > 0) {
    TRY(RecommendAnswer others, service.recommend(rest, now_ms));
    append(std::move(others), rest, answer);
  }
  for (Pinned& pin : pins) {
    const size_t at = std::min(pin.place, answer.items.size());
    answer.items.insert(answer.items.begin() + static_cast<std::ptrdiff_t>(at), std::move(pin.item));
  }
  return answer;
}

}  // namespace freshet
