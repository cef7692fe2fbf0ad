// What the text of a query means.
#include <algorithm>

#include "query/query_parser.h"
#include "search/internal/context.h"
#include "suggest/price_phrase.h"

namespace freshet::search_internal {
namespace {

uint32_t typo_fields(const SearchSettings& settings, const DocumentFields& fields) {
  uint32_t bits = 0;
  for (const SearchableField& field : settings.searchable)
    if (const int at = fields.find(field.name); at >= 0 && field.typos) bits |= 1u << at;
  return bits;
}

// "kettle under 50": a filter that can be offered, where items have the attribute and it may be filtered by.
void suggest_filters(SearchContext& c) {
  PricePhrases found = find_price_phrases(c.request.query);
  for (PricePhrase& phrase : found.phrases) {
    if (c.state.columns().find(phrase.attribute) == nullptr || !may_filter(c.settings, phrase.attribute))
      continue;
    c.answer.suggested_filters.push_back({std::move(phrase.text), std::move(phrase.filter)});
  }
  if (c.answer.suggested_filters.size() == found.phrases.size() && !found.phrases.empty())
    c.answer.remaining_query = std::move(found.rest);
  else
    c.answer.suggested_filters.clear();  // The rest is without all of them or it is none.
}

// What at least half of those who typed this and something else typed instead; else the query with its
// unknown words corrected. Never with a hidden word.
void suggest_query(SearchContext& c) {
  constexpr double kShareMin = 0.5;
  c.answer.did_you_mean = c.query.did_you_mean;
  if (c.suggestions == nullptr) return;
  const std::vector<std::string>& hidden = c.state.words().of.suggestions_hidden;
  std::vector<Suggestion> instead;
  c.suggestions->instead(c.request.query, 1, hidden, instead);
  if (!instead.empty() && instead.front().weight >= kShareMin)
    c.answer.did_you_mean = std::move(instead.front().text);
  if (c.suggestions->hides(c.answer.did_you_mean, hidden)) c.answer.did_you_mean.clear();
}

// By relevance, what has most of the words stands last; sorted by price it may stand first. So there all
// words are asked for, and the last ones given up only when nothing has them.
Relaxation relaxation(const SearchContext& c) {
  const Relaxation wanted = c.request.relaxation.value_or(c.settings.relaxation);
  const bool sorted = !c.request.sort.empty() && c.request.sort.front().name != "relevance" &&
                      c.request.sort.front().name != "score";
  return sorted && !c.request.relaxation && wanted == Relaxation::kWords ? Relaxation::kLastWords : wanted;
}

}  // namespace

Status understand(SearchContext& c) {
  const SearchRequest& request = c.request;
  if (request.query.size() > SearchRequest::kQueryBytesMax)
    return invalid("query: expected at most " + std::to_string(SearchRequest::kQueryBytesMax) +
                   " bytes, got " + std::to_string(request.query.size()));
  const std::string& code = request.language.empty() ? c.settings.language : request.language;
  const auto language = parse_language(code);
  if (!language.ok()) return language.error();
  const SearchState::Words& words = c.state.words();
  QueryOptions options;
  options.language = *language;
  options.prefix = request.prefix && c.settings.prefix;
  const TypoPolicy& typo = c.settings.typo;
  options.typo = {typo.enabled, typo.one_edit_from, typo.two_edits_from, typo.numbers, {}};
  if (request.typos) options.typo.enabled = *request.typos;
  options.relaxation = relaxation(c);
  options.language_stop_words = c.settings.language_stop_words;
  // A version that is only tried has words of its own.
  const bool published = &c.settings == &c.book.published->settings;
  const SearchState::WordLists tried =
      published ? SearchState::WordLists() : SearchState::WordLists(c.settings, c.generation.analyzer);
  const SearchState::WordLists& lists = published ? words.of : tried;
  options.stop_words = lists.stop_words;
  options.never_corrected = lists.never_corrected;
  options.scoring = c.generation.scoring(c.settings);
  options.typo_fields = typo_fields(c.settings, c.generation.fields);
  const QueryParser parser(c.generation.analyzer, &words.synonyms);
  auto parsed = parser.parse(request.query, options, IndexVocabulary(c.generation.index));
  if (!parsed.ok()) return parsed.error();
  c.query = std::move(parsed).value();
  TRY_STATUS(SearchIndex::check(c.query.plan));
  c.words = !c.query.plan.clauses.empty();
  if (request.count > 0) c.sought = sought_words(request.query, c.query);
  suggest_query(c);
  suggest_filters(c);
  if (c.words) c.answer.language = language_code(c.query.language);
  return {};
}

// Runs retrieval again with less asked, until something is found.
Status relax(SearchContext& c) {
  constexpr uint32_t kStepsMax = 32;
  const Relaxation strategy = relaxation(c);
  const ParsedQuery asked = c.query;  // Each step takes words from what was asked, not from the step before.
  for (uint32_t step = 1; step <= kStepsMax && !c.out_of_time(); ++step) {
    QueryPlan plan;
    std::string dropped;
    if (!freshet::relax(asked, strategy, step, plan, dropped)) return {};
    c.query.plan = std::move(plan);
    TRY_STATUS(retrieve(c));
    if (c.matched.empty()) continue;
    c.answer.relaxed = std::move(dropped);
    return {};
  }
  return {};
}

}  // namespace freshet::search_internal
