// Searching, and noting on the log what was searched and shown: that is what everything later learns from.
#include "base/epoch.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "engine/engine.h"
#include "env/clock.h"
#include "env/log.h"
#include "rules/rules.h"

namespace freshet {
namespace {

// For so long the coins of a search stay the same: until nobody turns a page any more. All shoppers of whom
// nothing is known have the same ones, so theirs change soon, or a query would try one thing all day.
constexpr uint64_t kShopperMs = 24 * 3'600'000, kNobodyMs = 10 * 60'000;

}  // namespace

// The same for all pages of one search of one shopper.
uint64_t Engine::search_key(const SearchRequest& request, std::string_view shopper) {
  Hasher hasher;
  const auto add = [&](std::string_view text) {
    const uint64_t size = text.size();
    hasher.add(&size, sizeof size);
    hasher.add(text);
  };
  add(shopper);
  add(request.query);
  add(request.filter);
  for (const Refinement& one : request.refinements) {
    add(one.facet);
    for (const std::string& value : one.values) add(value);
  }
  return hasher.value();
}

Result<SearchPage> Engine::search(const SearchRequest& asked, bool record) {
  const std::shared_ptr<Live> current = live();
  SearchPage page;
  page.query_id = next_query_id();
  SearchRequest request = asked;
  request.explore = record ? std::max<uint64_t>(1, hash_bytes(page.query_id)) : 0;
  if (record) {
    const std::string& who = request.user.empty() ? request.session : request.user;
    const uint64_t key = search_key(request, who), lasts = who.empty() ? kNobodyMs : kShopperMs;
    // Each has its own moment at which its coins change.
    const uint64_t slot = (static_cast<uint64_t>(now_ms()) + key % lasts) / lasts;
    request.explore_search = std::max<uint64_t>(1, mix64(key, slot));
  }
  const uint64_t begun = monotonic_ns();
  page.state_offset = current->runner->applied();
  const TimeMs event_now = current->state->entry().now_ms();
  TRY(page.answer, search_as_part(*current, request, event_now, page.query_id, page.experiment));
  page.took_us = (monotonic_ns() - begun) / 1000;
  searched_.fetch_add(1, std::memory_order_relaxed);
  if (record) record_search(request, page);
  return page;
}

Result<SearchAnswer> Engine::answer_search(const Live& live, const SearchRequest& request,
                                           TimeMs event_now) const {
  std::shared_ptr<const RuleBook> book = request.rules ? rules() : nullptr;
  if (!request.try_rule.empty()) {
    TRY(book, rules_with(request.try_rule));
  }
  std::vector<const Rule*> met;
  if (book != nullptr && !book->empty()) met = book->match(rule_page(request), now_ms());
  if (met.empty()) return live.search->search(request, event_now);
  return search_with_rules(*live.search, request, met, event_now);
}

Result<BrowseAnswer> Engine::browse(const BrowseRequest& request) const {
  return live()->search->browse(request);
}

SuggestPage Engine::suggest(const SuggestRequest& request) const {
  const std::shared_ptr<Live> current = live();
  const EpochGuard guard;
  const Suggestions& from = current->state->suggestions();
  const std::vector<std::string>& hidden = current->state->search().words().of.suggestions_hidden;
  const auto count = static_cast<uint32_t>(request.count);
  SuggestPage page;
  page.state_offset = current->runner->applied();
  if (request.query.find_first_not_of(" \t\r\n") != std::string::npos)
    from.complete(request.query, count, request.typos, hidden, page.completions);
  from.popular(count, hidden, page.popular);
  from.trending(count, hidden, page.trending);
  return page;
}

// The search with its words, filter and number of results; and its page as an impression, under one query id.
void Engine::record_search(const SearchRequest& request, const SearchPage& page) {
  Event event = event_of_page(EventType::kSearch, page.query_id, request.user, request.session, "search");
  event.query = request.query;
  event.region = request.region;
  event.result_count = static_cast<double>(page.answer.found);
  if (!request.filter.empty()) event.attributes.push_back({"filter", request.filter});
  for (const Refinement& refinement : request.refinements)
    event.attributes.push_back({"refine." + refinement.facet, refinement.values});
  if (request.from > 0) event.attributes.push_back({"from", int64_t{request.from}});
  note_part(page.experiment, page.took_us, event);
  EventBatch batch;
  batch.add(event);
  if (!page.answer.hits.empty()) {
    event.type = EventType::kImpression;
    event.id = "impression-" + page.query_id;
    event.result_count = kNoNumber;
    event.attributes.clear();
    if (!request.device.empty()) event.attributes.push_back({"device", request.device});
    put_shown(page.answer, event);
    if (request.from > 0) event.attributes.push_back({"from", int64_t{request.from}});
    note_part(page.experiment, std::nullopt, event);
    batch.add(event);
  }
  record(batch);
}

}  // namespace freshet
