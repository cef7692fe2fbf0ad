// What rules do to a search: other words, other conditions, other places.
//
// A page is put together from up to three lists: the pinned items that may be shown, at their places; the
// lifted ones; and the rest. Each is a search of its own under one more condition, so that every filter, sort
// and group means what it always means.
#include <algorithm>

#include "rules/rules.h"
#include "text/words.h"

namespace freshet {
namespace {

constexpr size_t kIdBytesMax = 2 * RuleLimits::kIdBytes;  // Of the ids of all rules together.

std::string joined(const std::string& filter, const std::string& condition) {
  if (condition.empty()) return filter;
  return filter.empty() ? condition : "(" + filter + ") AND (" + condition + ")";
}

std::string id_in(const std::vector<std::string>& ids) {
  std::string out = "id IN (";
  for (const std::string& id : ids) {
    out += out.ends_with('(') ? "\"" : ", \"";
    for (const char c : id) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out + ")";
}

std::string without_words(const std::string& query, const std::vector<std::string>& removed) {
  std::string out, word, folded_word;
  for (size_t at = 0; at < query.size();) {
    const size_t end = std::min(query.find(' ', at), query.size());
    word = query.substr(at, end - at);
    fold_words(word, folded_word);
    if (!word.empty() && std::find(removed.begin(), removed.end(), folded_word) == removed.end())
      out += (out.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return out;
}

// All rules together.
struct Effects {
  std::vector<RulePin> pins;  // By position.
  bool follow_filters = true;
  std::vector<std::string> hidden;
  std::string lift;
};

Effects collect(const std::vector<const Rule*>& rules, SearchRequest& request, SearchAnswer& said) {
  Effects out;
  bool replaced = false;
  size_t bytes = 0;
  const auto room = [&](const std::string& id) { return (bytes += id.size() + 4) <= kIdBytesMax; };
  for (const Rule* rule : rules)  // Before any pin has taken of the room.
    for (const std::string& id : rule->hide)
      if (room(id)) out.hidden.push_back(id);
  for (const Rule* rule : rules) {
    said.rules_applied.push_back(rule->id);
    if (rule->replace_query && !replaced) {
      request.query = rule->query;
      replaced = true;
    }
    if (!rule->remove_words.empty()) request.query = without_words(request.query, rule->remove_words);
    request.filter = joined(request.filter, rule->filter);
    add_lift(rule->lift, out.lift);
    for (const RulePin& pin : rule->pins)
      if (room(pin.item)) out.pins.push_back(pin);
    if (!rule->pins_follow_filters) out.follow_filters = false;
    if (said.redirect.empty()) said.redirect = rule->redirect;
    if (said.rendering.empty()) said.rendering = rule->rendering;
    if (!rule->data.empty()) said.rule_data.push_back(rule->data);
  }
  std::stable_sort(out.pins.begin(), out.pins.end(),
                   [](const RulePin& a, const RulePin& b) { return a.position < b.position; });
  return out;
}

// The hits of the pinned items that may be shown, in the order of their places; an item once, a place once.
Result<std::vector<std::pair<uint32_t, SearchHit>>> pinned(const SearchService& service,
                                                           const SearchRequest& asked, const Effects& effects,
                                                           const std::string& hidden, TimeMs now_ms) {
  std::vector<std::pair<uint32_t, SearchHit>> out;
  if (effects.pins.empty()) return out;
  SearchRequest request = asked;
  std::vector<std::string> ids;
  ids.reserve(effects.pins.size());
  for (const RulePin& pin : effects.pins) ids.push_back(pin.item);
  request.query.clear();
  if (!effects.follow_filters) {
    request.filter = hidden;  // What is hidden stays so.
    request.refinements.clear();
  }
  request.filter = joined(request.filter, id_in(ids));
  request.facets.clear();
  request.sort.clear();
  request.group_by = "-";
  request.from = 0;
  request.count = static_cast<uint32_t>(ids.size());
  TRY(SearchAnswer found, service.search(request, now_ms));
  for (const RulePin& pin : effects.pins) {
    const auto at = std::find_if(found.hits.begin(), found.hits.end(),
                                 [&](const SearchHit& hit) { return hit.id == pin.item; });
    if (at == found.hits.end()) continue;
    const uint32_t place = out.empty() ? pin.position : std::max(pin.position, out.back().first + 1);
    out.emplace_back(place, std::move(*at));
    found.hits.erase(at);
  }
  return out;
}

// Lifted items, then the others, as one list.
Result<SearchAnswer> rest_of(const SearchService& service, const SearchRequest& request,
                             const std::string& lift, TimeMs now_ms) {
  if (lift.empty()) return service.search(request, now_ms);
  SearchRequest first = request, second = request;
  first.filter = joined(request.filter, lift);
  second.filter = joined(request.filter, "NOT (" + lift + ")");
  first.facets.clear();
  second.facets.clear();
  TRY(SearchAnswer lifted, service.search(first, now_ms));
  const auto have = static_cast<uint32_t>(lifted.hits.size());
  second.from = request.from > lifted.found ? request.from - static_cast<uint32_t>(lifted.found) : 0;
  second.count = request.count - have;
  TRY(SearchAnswer others, service.search(second, now_ms));
  lifted.hits.insert(lifted.hits.end(), others.hits.begin(), others.hits.end());
  lifted.found += others.found;
  lifted.found_exact = lifted.found_exact && others.found_exact;
  return lifted;
}

}  // namespace

Result<SearchAnswer> search_with_rules(const SearchService& service, const SearchRequest& asked,
                                       const std::vector<const Rule*>& rules, TimeMs now_ms) {
  SearchRequest request = asked;
  SearchAnswer said;
  const Effects effects = collect(rules, request, said);
  const std::string hidden = effects.hidden.empty() ? "" : "NOT " + id_in(effects.hidden);
  request.filter = joined(request.filter, hidden);
  TRY(auto pins, pinned(service, request, effects, hidden, now_ms));
  SearchRequest rest = request;
  const bool apart = !pins.empty() || !effects.lift.empty();
  if (!pins.empty()) {
    std::vector<std::string> ids;
    ids.reserve(pins.size());
    for (const auto& [place, hit] : pins) ids.push_back(hit.id);
    rest.filter = joined(request.filter, "NOT " + id_in(ids));
  }
  if (apart) {
    rest.facets.clear();
    rest.explore = 0;  // Places of a part of the page are not those that the shopper sees.
  }
  SearchAnswer answer;
  std::vector<uint32_t> places;
  places.reserve(pins.size());
  for (const auto& [place, hit] : pins) places.push_back(place);
  // Pinned beyond the end of the list means: at its end. Only the answer says where that is.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto before = std::lower_bound(places.begin(), places.end(), request.from);
    const auto end = std::lower_bound(before, places.end(), request.from + request.count);
    rest.from = request.from - static_cast<uint32_t>(before - places.begin());
    rest.count = request.count - static_cast<uint32_t>(end - before);
    TRY(answer, rest_of(service, rest, effects.lift, now_ms));
    bool moved = false;
    for (size_t i = 0; i < places.size(); ++i) {
      const auto last = static_cast<uint32_t>(std::min<uint64_t>(answer.found + i, places[i]));
      moved = moved || last != places[i];
      places[i] = last;
    }
    if (!moved) break;
  }
  for (size_t i = 0; i < pins.size(); ++i) {
    if (places[i] < request.from || places[i] >= request.from + request.count) continue;
    const size_t at = std::min<size_t>(places[i] - request.from, answer.hits.size());
    answer.hits.insert(answer.hits.begin() + static_cast<std::ptrdiff_t>(at), std::move(pins[i].second));
  }
  answer.found += pins.size();
  if (apart && !asked.facets.empty()) {
    SearchRequest counted = request;
    counted.from = counted.count = 0;
    TRY(SearchAnswer facets, service.search(counted, now_ms));
    answer.facets = std::move(facets.facets);
  }
  answer.rules_applied = std::move(said.rules_applied);
  answer.rule_data = std::move(said.rule_data);
  answer.redirect = std::move(said.redirect);
  answer.rendering = std::move(said.rendering);
  return answer;
}

}  // namespace freshet
