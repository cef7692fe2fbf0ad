// What rules do to a search: other words, other conditions, other places.
//
// A page is put together from up to three lists: the pinned items that may be shown, at their places; the
// lifted ones; and the rest. Each is a search of its own for a part of what matches (SearchRequest::only), so
// that every filter, group and total means what it always means. An order that the shopper asked for is his:
// then nothing is pinned or lifted.
#include <algorithm>
#include <iterator>
#include <span>

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

struct Pinned {
  uint32_t place = 0;
  SearchHit hit;
};

// The hits of the pinned items that may be shown, in the order of their places; an item once, a group once, a
// place once.
Result<std::vector<Pinned>> pinned(const SearchService& service, const SearchRequest& asked,
                                   const Effects& effects, const std::string& hidden, TimeMs now_ms) {
  std::vector<Pinned> out;
  if (effects.pins.empty()) return out;
  SearchRequest request = asked;
  std::vector<std::string> ids;
  ids.reserve(effects.pins.size());
  for (const RulePin& pin : effects.pins) ids.push_back(pin.item);
  request.query.clear();
  request.vector.clear();
  if (!effects.follow_filters) {
    request.filter = hidden;  // What is hidden stays so.
    request.refinements.clear();
  }
  request.only = id_in(ids);
  request.facets.clear();
  request.page_ends.clear();
  request.explore = 0;
  request.from = 0;
  request.count = static_cast<uint32_t>(std::min<size_t>(ids.size(), SearchRequest::kCountMax));
  request.group_count = request.count;  // The hit of a group and its variants: all of its pinned items.
  TRY(SearchAnswer found, service.search(request, now_ms));
  for (const RulePin& pin : effects.pins) {
    const auto is_it = [&](const SearchHit& hit) { return hit.id == pin.item; };
    for (auto group = found.hits.begin(); group != found.hits.end(); ++group) {
      const auto variant = std::find_if(group->variants.begin(), group->variants.end(), is_it);
      if (variant == group->variants.end() && !is_it(*group)) continue;
      SearchHit hit = variant == group->variants.end() ? *group : *variant;
      hit.variants.clear();
      hit.group_size = group->group_size;
      hit.group = group->group;
      const uint32_t place = out.empty() ? pin.position : std::max(pin.position, out.back().place + 1);
      out.push_back({place, std::move(hit)});
      found.hits.erase(group);
      break;
    }
  }
  return out;
}

SearchHit as_variant(SearchHit hit) {
  hit.variants.clear();
  hit.score = 0;
  hit.group_size = 0;
  hit.group = 0;
  hit.distance_m = kNoNumber;
  return hit;
}

// Gives pinned hits, which stand for their groups, the rest of these: of what matches, as a hit that is not
// pinned has it. `shown`: items of each group.
Status put_variants(const SearchService& service, const SearchRequest& asked, uint32_t shown,
                    std::span<Pinned> pins, TimeMs now_ms) {
  SearchRequest request = asked;
  for (const Pinned& pin : pins)
    if (pin.hit.group_size > 1) request.beside.push_back(pin.hit.id);
  if (request.beside.empty()) return {};
  request.facets.clear();
  request.page_ends.clear();
  request.explain = false;
  request.explore = 0;
  request.from = 0;
  request.count = static_cast<uint32_t>(request.beside.size());
  request.group_count = shown;
  TRY(SearchAnswer found, service.search(request, now_ms));
  for (Pinned& pin : pins) {
    if (pin.hit.group_size <= 1) continue;
    pin.hit.group_size = 1;
    for (SearchHit& rest : found.hits) {
      if (rest.group != pin.hit.group) continue;
      pin.hit.group_size += rest.group_size;
      std::vector<SearchHit> variants = std::move(rest.variants);
      variants.insert(variants.begin(), as_variant(std::move(rest)));
      variants.resize(std::min<size_t>(variants.size(), shown - 1));
      pin.hit.variants = std::move(variants);
      break;
    }
  }
  return {};
}

// Lifted items, then the others, as one list. Facets and what is said of the query are the same of both.
Result<SearchAnswer> rest_of(const SearchService& service, const SearchRequest& request,
                             const std::string& lift, TimeMs now_ms) {
  if (lift.empty()) return service.search(request, now_ms);
  SearchRequest first = request, second = request;
  first.only = second.without = lift;
  second.facets.clear();
  TRY(SearchAnswer lifted, service.search(first, now_ms));
  const auto have = static_cast<uint32_t>(lifted.hits.size());
  const auto behind = [&](uint32_t place) {
    return place > lifted.found ? place - static_cast<uint32_t>(lifted.found) : 0;
  };
  second.from = behind(request.from);
  second.count = request.count - have;
  for (uint32_t& end : second.page_ends) end = behind(end);
  TRY(SearchAnswer others, service.search(second, now_ms));
  lifted.hits.insert(lifted.hits.end(), std::make_move_iterator(others.hits.begin()),
                     std::make_move_iterator(others.hits.end()));
  lifted.found += others.found;
  lifted.found_exact = lifted.found_exact && others.found_exact;
  return lifted;
}

// Of the pages so far, those ends that are left without the places before them.
std::vector<uint32_t> ends_without(const std::vector<uint32_t>& places, const SearchRequest& asked) {
  std::vector<uint32_t> ends = page_ends(asked);
  for (uint32_t& end : ends)
    end -= static_cast<uint32_t>(std::lower_bound(places.begin(), places.end(), end) - places.begin());
  return ends;
}

}  // namespace

Result<SearchAnswer> search_with_rules(const SearchService& service, const SearchRequest& asked,
                                       const std::vector<const Rule*>& rules, TimeMs now_ms) {
  SearchRequest request = asked;
  SearchAnswer said;
  Effects effects = collect(rules, request, said);
  if (!request.sort.empty()) {
    effects.pins.clear();
    effects.lift.clear();
  }
  const std::string hidden = effects.hidden.empty() ? "" : "NOT " + id_in(effects.hidden);
  request.filter = joined(request.filter, hidden);
  TRY(auto pins, pinned(service, request, effects, hidden, now_ms));
  SearchRequest rest = request;
  for (const Pinned& pin : pins) rest.placed.push_back(pin.hit.id);
  // Places of a part of the page are not those that the shopper sees.
  if (!pins.empty() || !effects.lift.empty()) rest.explore = 0;
  SearchAnswer answer;
  std::vector<uint32_t> places;
  places.reserve(pins.size());
  for (const Pinned& pin : pins) places.push_back(pin.place);
  // Pinned beyond the end of the list means: at its end. Only the answer says where that is.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto before = std::lower_bound(places.begin(), places.end(), request.from);
    const auto end = std::lower_bound(before, places.end(), request.from + request.count);
    rest.from = request.from - static_cast<uint32_t>(before - places.begin());
    rest.count = request.count - static_cast<uint32_t>(end - before);
    rest.page_ends = ends_without(places, request);
    TRY(answer, rest_of(service, rest, effects.lift, now_ms));
    bool moved = false;
    for (size_t i = 0; i < places.size(); ++i) {
      const auto last = static_cast<uint32_t>(std::min<uint64_t>(answer.found + i, places[i]));
      moved = moved || last != places[i];
      places[i] = last;
    }
    if (!moved) break;
  }
  // Places ascend, so the pins of this page stand together.
  const auto first = std::lower_bound(places.begin(), places.end(), request.from) - places.begin();
  const auto last =
      std::lower_bound(places.begin(), places.end(), request.from + request.count) - places.begin();
  if (answer.group_count > 0)
    TRY_STATUS(put_variants(
        service, request, answer.group_count,
        std::span(pins).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)), now_ms));
  for (size_t i = 0; i < pins.size(); ++i) {
    if (places[i] < request.from || places[i] >= request.from + request.count) continue;
    const size_t at = std::min<size_t>(places[i] - request.from, answer.hits.size());
    answer.hits.insert(answer.hits.begin() + static_cast<std::ptrdiff_t>(at), std::move(pins[i].hit));
  }
  answer.found += pins.size();
  answer.rules_applied = std::move(said.rules_applied);
  answer.rule_data = std::move(said.rule_data);
  answer.redirect = std::move(said.redirect);
  answer.rendering = std::move(said.rendering);
  return answer;
}

}  // namespace freshet
