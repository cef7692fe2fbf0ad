#include "search/search_service.h"

#include "env/clock.h"
#include "search/internal/context.h"

namespace freshet {

using search_internal::SearchContext;

bool SearchContext::out_of_time() {
  if (!answer.out_of_time) answer.out_of_time = monotonic_ns() >= deadline_ns;
  return answer.out_of_time;
}

namespace {

Status check(const SearchRequest& request, const SearchSettings& settings, const ColumnSet& columns) {
  const auto at_most = [](const char* field, size_t got, size_t max) -> Status {
    if (got <= max) return {};
    return invalid(std::string(field) + ": expected at most " + std::to_string(max) + ", got " +
                   std::to_string(got));
  };
  TRY_STATUS(at_most("filter", request.filter.size(), SearchRequest::kFilterBytesMax));
  TRY_STATUS(at_most("facets", request.facets.size(), SearchRequest::kFacetsMax));
  TRY_STATUS(at_most("refine", request.refinements.size(), SearchRequest::kRefinementsMax));
  TRY_STATUS(at_most("sort", request.sort.size(), SearchRequest::kSortMax));
  TRY_STATUS(at_most("count", request.count, SearchRequest::kCountMax));
  for (size_t i = 0; i < request.sort.size(); ++i)
    if (request.sort[i].name == "distance" && !request.around && columns.find("distance") == nullptr)
      return invalid("sort[" + std::to_string(i) +
                     "]: distance is measured from a place; expected around with latitude and longitude");
  if (request.from + uint64_t{request.count} > settings.pagination_max)
    return invalid("from: expected from + count at most " + std::to_string(settings.pagination_max) +
                   " (pagination_max of the settings), got " +
                   std::to_string(request.from + uint64_t{request.count}) +
                   "; /api/v1/browse goes on beyond");
  return {};
}

class Stopwatch {
 public:
  explicit Stopwatch(std::vector<StepTime>& steps) : steps_(steps), last_(monotonic_ns()) {}
  void lap(const char* step) {
    const uint64_t now = monotonic_ns();
    steps_.push_back({step, static_cast<uint32_t>((now - last_) / 1000)});
    last_ = now;
  }

 private:
  std::vector<StepTime>& steps_;
  uint64_t last_;
};

}  // namespace

// Slots in their order; the cursor is the slot to begin at. An item that is there all the while is given
// once.
Result<BrowseAnswer> SearchService::browse(const BrowseRequest& request) const {
  if (request.count < 1 || request.count > SearchRequest::kCountMax)
    return invalid("count: expected 1 to " + std::to_string(SearchRequest::kCountMax));
  const EpochGuard guard;
  SearchRequest search;
  search.filter = request.filter;
  search.attributes = request.attributes;
  const SettingsBook& book = settings_.book();
  SearchAnswer unused;
  SearchContext c{.request = search,
                  .book = book,
                  .settings = book.published->settings,
                  .catalog = catalog_,
                  .state = state_,
                  .vectors = vectors_,
                  .intent = intent_,
                  .suggestions = suggestions_,
                  .clicks = clicks_,
                  .ranker = ranker_,
                  .profiles = profiles_,
                  .generation = state_.generation(),
                  .now_ms = 0,
                  .deadline_ns = UINT64_MAX,
                  .answer = unused};
  TRY_STATUS(filter(c));
  c.found = state_.columns().listed_set();
  search_internal::narrow(c);
  auto page = freshet::browse(c.matched, request.cursor, request.count, request.filter);
  if (!page.ok()) return page.error();
  BrowseAnswer answer;
  answer.cursor = std::move(page->next);
  for (const ItemSlot slot : page->items) answer.hits.push_back(search_internal::describe(c, {.slot = slot}));
  return answer;
}

Result<SearchAnswer> SearchService::search(const SearchRequest& request, TimeMs now_ms) const {
  const EpochGuard guard;
  const SettingsBook& book = settings_.book();
  std::shared_ptr<const SettingsVersion> version = book.published;
  if (request.settings_version != UINT64_MAX) version = book.version(request.settings_version);
  if (version == nullptr)
    return not_found("settings_version: " + std::to_string(request.settings_version) +
                     " is not known (any more)");
  TRY_STATUS(check(request, version->settings, state_.columns()));
  SearchAnswer answer;
  answer.settings_version = version->number;
  const uint64_t budget_ms = request.budget_ms == 0 ? config_.budget_ms : request.budget_ms;
  SearchContext c{.request = request,
                  .book = book,
                  .settings = version->settings,
                  .catalog = catalog_,
                  .state = state_,
                  .vectors = vectors_,
                  .intent = intent_,
                  .suggestions = suggestions_,
                  .clicks = clicks_,
                  .ranker = ranker_,
                  .profiles = profiles_,
                  .generation = state_.generation(),
                  .now_ms = now_ms,
                  .deadline_ns = monotonic_ns() + budget_ms * 1'000'000,
                  .answer = answer};
  Stopwatch watch(answer.steps);
  TRY_STATUS(understand(c));
  watch.lap("understand");
  TRY_STATUS(filter(c));
  watch.lap("filter");
  TRY_STATUS(retrieve(c));
  watch.lap("retrieve");
  if (c.matched.empty() && c.words) {
    TRY_STATUS(relax(c));
    watch.lap("relax");
  }
  rank(c);
  watch.lap("rank");
  learned(c);
  watch.lap("learned");
  ask_ranker(c);
  watch.lap("ranker");
  TRY_STATUS(count_facets(c));
  watch.lap("facets");
  TRY_STATUS(arrange(c));
  exchange_places(c);
  watch.lap("arrange");
  present(c);
  watch.lap("present");
  answer.found_exact = !answer.out_of_time;
  return answer;
}

}  // namespace freshet
