// Sort, group, page.
#include <algorithm>

#include "search/internal/context.h"

namespace freshet {

std::vector<uint32_t> page_ends(const SearchRequest& request) {
  if (!request.page_ends.empty() || request.count == 0) return request.page_ends;
  std::vector<uint32_t> ends;
  for (uint32_t end = request.from % request.count; end <= request.from; end += request.count)
    if (end > 0) ends.push_back(end);
  ends.push_back(request.from + request.count);
  return ends;
}

}  // namespace freshet

namespace freshet::search_internal {

std::string group_attribute(const SearchContext& c) {
  if (c.request.group_by == "-") return {};
  return c.request.group_by.empty() ? c.settings.distinct : c.request.group_by;
}

constexpr size_t kSortedMin = 128;

// Everything that matches by the keys, as much of it as the page needs.
void order_by(SearchContext& c, const std::vector<SortKey>& wanted) {
  std::vector<SortBy> keys;
  std::string own;
  for (const SortKey& key : wanted) {
    SortBy by{key.name, key.descending, kNoNumber, kNoNumber};
    if (key.name == "relevance" || key.name == "score" || key.name == "popularity") {
      own = key.name;
      by.name = "score";
    } else if (key.name == "distance" && c.request.around) {
      by.latitude = c.request.around->latitude;
      by.longitude = c.request.around->longitude;
    }
    keys.push_back(std::move(by));
  }
  std::function<float(uint32_t)> relevance = [](uint32_t) { return 0.0f; };
  if (c.words) relevance = c.generation.index.scorer(c.query.plan);
  // What attributes cannot say: popularity is kept by the fold, relevance by the index.
  const ScoreOf score = [&](ItemSlot slot) {
    return own == "popularity" ? c.state.popularity_key(slot) : static_cast<double>(relevance(slot));
  };
  const SlotSet& among = listed(c);
  const size_t all = among.size();
  size_t most = std::max<size_t>(kSortedMin, size_t{c.request.from} + c.request.count);
  do {
    c.pool.clear();
    for (const ItemSlot slot : top_sorted(c.state.columns(), among, keys, most, score)) {
      Candidate one{.slot = slot};
      if (c.words) one.lexical = relevance(slot);
      c.pool.push_back(std::move(one));
    }
    most *= 4;
  } while (c.request.count > 0 && c.pool.size() < all && !fills_page(c) && !c.out_of_time());
}

namespace {

void add_distances(SearchContext& c) {
  if (!c.request.around) return;
  for (Candidate& one : c.pool) {
    const double latitude = c.state.columns().latitude().value(one.slot);
    const double longitude = c.state.columns().longitude().value(one.slot);
    if (has_number(latitude) && has_number(longitude))
      one.distance_m =
          distance_m(c.request.around->latitude, c.request.around->longitude, latitude, longitude);
  }
}

void page_of_groups(SearchContext& c, const std::string& attribute) {
  const GroupKey key(c.state.columns(), attribute);
  std::vector<ItemSlot> ordered;
  for (const Candidate& one : c.pool) ordered.push_back(one.slot);
  const uint32_t shown = c.request.group_count != 0 ? c.request.group_count : c.settings.distinct_count;
  c.answer.group_count = shown;
  std::vector<Candidate> page;
  for (const Group& group : group_page(ordered, key, shown, c.request.from, c.request.count)) {
    const auto first = std::find_if(c.pool.begin(), c.pool.end(),
                                    [&](const Candidate& one) { return one.slot == group.items.front(); });
    Candidate& one = page.emplace_back(*first);
    const SlotSet& counted = c.request.beside.empty() ? c.matched : listed(c);
    one.group_size = static_cast<uint32_t>(key.group_size(one.slot, counted));
    one.group = group.key;
    one.variants.assign(group.items.begin() + 1, group.items.end());
  }
  c.answer.found = key.count_groups(listed(c));
  c.pool = std::move(page);
}

}  // namespace

Status arrange(SearchContext& c) {
  c.answer.found = listed(c).size();
  if (const std::string attribute = group_attribute(c); !attribute.empty()) {
    page_of_groups(c, attribute);
  } else {
    const size_t from = std::min<size_t>(c.request.from, c.pool.size());
    const size_t end = std::min<size_t>(from + c.request.count, c.pool.size());
    c.pool.erase(c.pool.begin() + static_cast<std::ptrdiff_t>(end), c.pool.end());
    c.pool.erase(c.pool.begin(), c.pool.begin() + static_cast<std::ptrdiff_t>(from));
  }
  add_distances(c);
  return {};
}

}  // namespace freshet::search_internal
